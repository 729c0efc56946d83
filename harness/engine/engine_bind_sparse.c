/* Binding of the sparse kernels. */
#include "engine/engine_bind.h"

#include "base/mem.h"

/* Multiplications per sample: one per nonzero weight and position. */
static uint64_t nonzero_macs(const struct layer *layer)
{
    return (uint64_t)(layer->weight->count - layer->zeros) * (uint64_t)layer->oh * (uint64_t)layer->ow;
}

struct sparse_pack {
    const struct kn_table *table;
    const struct layer *layer;
    const int32_t *offset; /* of many columns */
};

static size_t pack_vector(void *context, const void *weights, int n, void *out)
{
    const struct sparse_pack *p = context;
    int k = p->layer->k;

    if (!out)
        return p->layer->integer ? p->table->spmv_u8s8.pack_bytes(weights, n, k)
                                 : p->table->spmv_f32.pack_bytes(weights, n, k);
    if (p->layer->integer)
        p->table->spmv_u8s8.pack(weights, n, k, out);
    else
        p->table->spmv_f32.pack(weights, n, k, out);
    return 0;
}

enum status engine_bind_spmv(struct binding *b)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const struct kn_facts *facts = layer->integer ? &table->spmv_u8s8.facts : &table->spmv_f32.facts;
    struct exec_spmv spmv = {.k = layer->k};
    struct sparse_pack pack = {table, layer, NULL};
    engine_exec_fn run = engine_exec_spmv_f32;
    struct exec_chunk *chunk;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &spmv.tail));
    TRY(engine_bind_chunks(b, b->plan->threads, facts->mr, pack_vector, &pack, &chunk, &spmv.chunks, &bytes));
    spmv.chunk = chunk;
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
    const struct layer *layer = b->layer;
    int plane = (int)engine_tensor_plane(&b->in), line = (int)engine_tensor_line(&b->in);

    if (layer->vectors) {
        for (int k = 0; k < layer->k; k++)
            *offset++ = k * b->plan->batch;
        return;
    }
    for (int c = 0; c < b->in.c; c++)
        for (int y = 0; y < layer->kernel_h; y++)
            for (int x = 0; x < layer->kernel_w; x++)
                *offset++ = c * plane + y * layer->dilation_h * line + x * layer->dilation_w;
}

static size_t pack_columns(void *context, const void *weights, int n, void *out)
{
    const struct sparse_pack *p = context;
    int k = p->layer->k;

    if (!out)
        return p->layer->integer ? p->table->spmm_u8s8.pack_bytes(weights, n, k, p->offset)
                                 : p->table->spmm_f32.pack_bytes(weights, n, k, p->offset);
    if (p->layer->integer)
        p->table->spmm_u8s8.pack(weights, n, k, p->offset, out);
    else
        p->table->spmm_f32.pack(weights, n, k, p->offset, out);
    return 0;
}

static enum status chunks_of(struct binding *b, const struct kn_facts *facts, struct exec_spmm *spmm, size_t *out_bytes)
{
    struct sparse_pack pack = {b->plan->table, b->layer, NULL};
    struct exec_chunk *chunk;
    int32_t *offset = NULL;
    enum status st;

    TRY(mem_alloc((size_t)b->layer->k, sizeof *offset, &offset));
    fill_offsets(b, offset);
    pack.offset = offset;
    TRY_OUT(engine_bind_chunks(b, b->plan->threads, facts->mr, pack_columns, &pack, &chunk, &spmm->chunks, out_bytes));
    spmm->chunk = chunk;
out:
    mem_free(offset);
    return st;
}

static struct kn_cols columns(const struct binding *b)
{
    const struct layer *layer = b->layer;
    struct kn_cols cols = {.lines = layer->oh, .line_len = layer->ow};

    if (layer->vectors) {
        cols.line_len = b->plan->batch;
        cols.line_step = b->plan->batch;
        return cols;
    }
    cols.line_step = (ptrdiff_t)engine_tensor_line(&b->in);
    if (cols.line_step == cols.line_len) { /* a kernel of width 1: lines follow each other without a gap */
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
    struct exec_spmm spmm = {.cols = columns(b)};
    engine_exec_fn run = engine_exec_spmm_f32;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &spmm.tail));
    TRY(chunks_of(b, facts, &spmm, &bytes));
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
    if (layer->vectors)
        step->repeat = 1;
    step->u.spmm = spmm;
    return ST_OK;
}
