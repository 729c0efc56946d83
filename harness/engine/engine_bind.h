/* Inside of the engine: from a layer to its steps. */
#ifndef ENGINE_ENGINE_BIND_H
#define ENGINE_ENGINE_BIND_H

#include "engine/engine_choose.h"
#include "engine/engine_layer.h"

/* Appends the steps of a conv or fc that reads *t, and replaces *t by its output: 8 bits when a static integer layer
 * writes a QUANT_STATIC value, else float. */
enum status engine_bind_layer(struct plan *plan, const struct layer *layer, struct plan_tensor *t);

/* What the two files of binding share: a layer being bound. `in` is laid out as the kernel wants it (padded and
 * widened too), `out` has its shape, order and type, but no buffer yet. */
struct binding {
    struct plan *plan;
    const struct layer *layer;
    struct choice choice;
    struct plan_tensor in, out;
    int order_c, order_s; /* weights: each row (c, s) is stored as (s, c) */
};

/* The main step: makes out.buffer, writes the row about costs. `kernel` is the full name; macs per sample. */
enum status engine_bind_step(struct binding *b, engine_exec_fn run, const char *kernel, uint64_t macs_executed,
                             size_t packed_bytes, struct exec_step **out_step);
/* Bias and clamp, or requantization, or the accumulators' bias: what out.type asks for. */
enum status engine_bind_tail(struct binding *b, struct exec_tail *out_tail);

enum status engine_bind_gemm(struct binding *b);
enum status engine_bind_spmv(struct binding *b);
enum status engine_bind_spmm(struct binding *b);

#endif
