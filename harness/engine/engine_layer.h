/* Inside of the engine: the facts of one conv or fc node, checked, and the constants its kernels need. */
#ifndef ENGINE_ENGINE_LAYER_H
#define ENGINE_ENGINE_LAYER_H

#include "engine/engine_plan.h"

struct layer {
    int index; /* of the node */
    const struct node *node;
    const struct weight *weight;
    const struct weight *bias; /* NULL: none */
    const struct value *in;
    const struct value *out; /* what is stored: after the fused ReLU, if there is one */
    int integer;             /* 8-bit weights */
    int dynamic;             /* input quantized with each sample's own range */
    int relu;                /* the output is clamped at 0 */
    int n, k;                /* outputs (channels) and inputs of each */
    int oh, ow;              /* output positions; 1, 1 for fc */
    size_t zeros;            /* weights that are 0 */
};

/* Gathers and checks. ST_UNSUPPORTED names the node and what does not fit together: simulated weights, a float
 * layer with a quantized input or the reverse, a bias of the wrong type, scales that are not positive, weights whose
 * sums could leave 32 bits. */
enum status engine_layer_init(const struct graph *graph, int node, int relu, const struct value *out,
                              struct layer *layer);

/* Weights (n, k) in the order a kernel reads: each row (c, s) becomes (s, c). c * s = k. Borrowed from the graph when
 * the order does not change, else *out_owned (mem_free) holds the copy. */
enum status engine_layer_weights(const struct layer *layer, int c, int s, const void **out_weights, void **out_owned);

/* Copies the bias of a float layer; NULL when it has none. Constants belong to the engine. */
enum status engine_layer_bias(struct engine *engine, const struct layer *layer, const float **out_bias);
/* bias[o] - zero_point_in * sum(w[o]) of a static integer layer. */
enum status engine_layer_bias_s32(struct engine *engine, const struct layer *layer, const int32_t **out_bias);
/* Requantization of a static integer layer to its 8-bit output. scale[o] = (scale_in * scale_w[o]) / scale_out, in
 * float, rounded after each operation, in this order. */
enum status engine_layer_requant(struct engine *engine, const struct layer *layer, struct kn_requant *out_requant);
/* The constants of accumulators → float: per-channel arrays repeated up to `chunk` elements (a multiple of n; set).
 * rows: rows of n accumulators per repetition. A static layer's range (scale of its input, zero point 0: it is in the
 * bias already) is a constant; a dynamic one's is set by the caller. */
enum status engine_layer_dequant(struct engine *engine, const struct layer *layer, size_t rows,
                                 struct exec_dequant *out);

/* Bytes of the scales and biases read per call. */
uint64_t engine_layer_tail_bytes(const struct layer *layer);

#endif
