/* Inside of the engine: operators without a weight matrix that keep shapes. Each function appends the steps of node i
 * (with the ReLU fused to it) and gives the value that it stores its tensor. */
#ifndef ENGINE_ENGINE_MAP_H
#define ENGINE_ENGINE_MAP_H

#include "engine/engine_plan.h"

/* relu, relu6, hard-swish, sigmoid, gelu: over 8 bits through a table where input and output are 8 bits. */
enum status engine_map_activation(struct plan *plan, int i);
/* add, mul */
enum status engine_map_binary(struct plan *plan, int i);
/* softmax, layernorm: in float, over the last dimension */
enum status engine_map_rows(struct plan *plan, int i);

struct map_sum {
    int node, value; /* value: the one that will be stored, perhaps after quantization */
    float lo, hi;    /* clamp */
    const char *reason;
};
/* a + b in float, over a or b where nobody reads them later. */
enum status engine_map_sum_f32(struct plan *plan, const struct map_sum *sum, const struct plan_tensor *a,
                               const struct plan_tensor *b, struct plan_tensor *out);

#endif
