/* Inside of the engine: from a layer to its steps. */
#ifndef ENGINE_ENGINE_BIND_H
#define ENGINE_ENGINE_BIND_H

#include "engine/engine_choose.h"
#include "engine/engine_layer.h"

/* Appends the steps of the conv or fc chain that starts at `node` and gives the value at its end its tensor: 8 bits
 * when that value is QUANT_STATIC, else float. */
enum status engine_bind_chain(struct plan *plan, int node);

/* What the files of binding share: a layer being bound. `in` is laid out as the kernel wants it (padded and widened
 * too), `out` has its shape, order and type, but no buffer yet. */
struct binding {
    struct plan *plan;
    const struct layer *layer;
    struct choice choice;
    struct plan_tensor in, out;
    struct plan_tensor residual; /* buffer PLAN_NO_BUFFER: none, or not added by the kernel */
    int order_c, order_s;        /* weights: each row (c, s) is stored as (s, c) */
};

/* The main step: makes out.buffer (over the residual where it may), writes the row about costs. `kernel` is the full
 * name; macs per sample. */
enum status engine_bind_step(struct binding *b, engine_exec_fn run, const char *kernel, uint64_t macs_executed,
                             size_t packed_bytes, struct exec_step **out_step);
/* Bias and clamp, or requantization, or the accumulators' bias: what out.type asks for. */
enum status engine_bind_tail(struct binding *b, struct exec_tail *out_tail);
/* Weights cut into `chunks` shares of outputs at multiples of `unit`, and packed each by itself by `pack`: (context,
 * first weight, outputs, NULL or where to; returns the bytes). */
typedef size_t (*engine_bind_pack_fn)(void *context, const void *weights, int n, void *out);
enum status engine_bind_chunks(struct binding *b, int chunks, int unit, engine_bind_pack_fn pack, void *context,
                               struct exec_chunk **out_chunk, int *out_chunks, size_t *out_bytes);

enum status engine_bind_dense(struct binding *b);
enum status engine_bind_spmv(struct binding *b);
enum status engine_bind_spmm(struct binding *b);
enum status engine_bind_depthwise(struct binding *b);

#endif
