/* Binding of the sparse kernels. */
#include "engine/engine_bind.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/engine_move.h"

/* Multiplications per sample: one per nonzero weight and position. */
static uint64_t nonzero_macs(const struct layer *layer)
{
    return (uint64_t)(layer->weight->count - layer->zeros) * (uint64_t)layer->oh * (uint64_t)layer->ow;
}

static enum status pack_vector(struct binding *b, const void **out_packed, size_t *out_bytes)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const void *weights;
    void *owned = NULL, *packed;
    enum status st;
    size_t bytes;

    TRY_OUT(engine_layer_weights(layer, b->order_c, b->order_s, &weights, &owned));
    bytes = layer->integer ? table->spmv_u8s8.pack_bytes(weights, layer->n, layer->k)
                           : table->spmv_f32.pack_bytes(weights, layer->n, layer->k);
    TRY_OUT(engine_memory_constant(b->plan->engine, bytes, 1, &packed));
    if (layer->integer)
        table->spmv_u8s8.pack(weights, layer->n, layer->k, packed);
    else
        table->spmv_f32.pack(weights, layer->n, layer->k, packed);
    *out_packed = packed;
    *out_bytes = bytes;
out:
    mem_free(owned);
    return st;
}

enum status engine_bind_spmv(struct binding *b)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const struct kn_facts *facts = layer->integer ? &table->spmv_u8s8.facts : &table->spmv_f32.facts;
    struct exec_spmv spmv = {.n = layer->n, .k = layer->k};
    engine_exec_fn run = engine_exec_spmv_f32;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &spmv.tail));
    TRY(pack_vector(b, &spmv.packed, &bytes));
    if (b->out.type == PLAN_F32) {
        spmv.run.f32 = table->spmv_f32.run;
    } else if (b->out.type == PLAN_U8) {
        spmv.run.u8 = table->spmv_u8s8.run_u8;
        run = engine_exec_spmv_u8;
    } else {
        spmv.run.s32 = table->spmv_u8s8.run_s32;
        run = engine_exec_spmv_s32;
    }
    TRY(engine_bind_step(b, run, facts->name, nonzero_macs(layer), bytes, &step));
    step->u.spmv = spmv;
    return ST_OK;
}

/* Where input k of position 0 lies: C,H,W data under a kernel window, or one feature of a transposed batch. */
static void fill_offsets(const struct binding *b, int32_t *offset)
{
    const struct node *node = b->layer->node;

    if (node->op == OP_FC) {
        for (int k = 0; k < b->layer->k; k++)
            *offset++ = k * b->plan->batch;
        return;
    }
    for (int c = 0; c < b->in.c; c++)
        for (int y = 0; y < node->kernel_h; y++)
            for (int x = 0; x < node->kernel_w; x++)
                *offset++ = (c * b->in.h + y) * b->in.w + x;
}

static enum status pack_columns(struct binding *b, const void **out_packed, size_t *out_bytes)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    int32_t *offset = NULL;
    const void *weights;
    void *owned = NULL, *packed;
    enum status st;
    size_t bytes;

    TRY_OUT(engine_layer_weights(layer, b->order_c, b->order_s, &weights, &owned));
    TRY_OUT(mem_alloc((size_t)layer->k, sizeof *offset, &offset));
    fill_offsets(b, offset);
    bytes = layer->integer ? table->spmm_u8s8.pack_bytes(weights, layer->n, layer->k, offset)
                           : table->spmm_f32.pack_bytes(weights, layer->n, layer->k, offset);
    TRY_OUT(engine_memory_constant(b->plan->engine, bytes, 1, &packed));
    if (layer->integer)
        table->spmm_u8s8.pack(weights, layer->n, layer->k, offset, packed);
    else
        table->spmm_f32.pack(weights, layer->n, layer->k, offset, packed);
    *out_packed = packed;
    *out_bytes = bytes;
out:
    mem_free(offset);
    mem_free(owned);
    return st;
}

static struct kn_cols columns(const struct binding *b)
{
    const struct layer *layer = b->layer;
    struct kn_cols cols = {.lines = layer->oh, .line_len = layer->ow, .line_step = b->in.w};

    if (layer->node->op == OP_FC) {
        cols.lines = 1;
        cols.line_len = b->plan->batch;
        cols.line_step = b->plan->batch;
    } else if (cols.line_step == cols.line_len) { /* a kernel of width 1: lines follow each other without a gap */
        cols.line_len *= cols.lines;
        cols.lines = 1;
    }
    return cols;
}

enum status engine_bind_spmm(struct binding *b)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const struct kn_facts *facts = layer->integer ? &table->spmm_u8s8.facts : &table->spmm_f32.facts;
    struct exec_spmm spmm = {.cols = columns(b), .n = layer->n};
    engine_exec_fn run = engine_exec_spmm_f32;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &spmm.tail));
    TRY(pack_columns(b, &spmm.packed, &bytes));
    if (b->out.type == PLAN_F32) {
        spmm.run.f32 = table->spmm_f32.run;
    } else if (b->out.type == PLAN_U8) {
        spmm.run.u8 = table->spmm_u8s8.run_u8;
        run = engine_exec_spmm_u8;
    } else {
        spmm.run.s32 = table->spmm_u8s8.run_s32;
        run = engine_exec_spmm_s32;
    }
    TRY(engine_bind_step(b, run, facts->name, nonzero_macs(layer), bytes, &step));
    if (layer->node->op == OP_FC)
        step->repeat = 1;
    step->u.spmm = spmm;
    return ST_OK;
}
