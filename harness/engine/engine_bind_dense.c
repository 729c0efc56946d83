/* Binding of the dense kernels: products and convolutions of any groups and dilation. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "engine/engine_bind.h"

/* Rows of a convolution over H,W,C data, see kn_rows. Runs that touch become one. */
static struct kn_rows window_rows(const struct binding *b)
{
    const struct layer *layer = b->layer;
    ptrdiff_t c = b->in.c, line = (ptrdiff_t)engine_tensor_line(&b->in);
    struct kn_rows rows = {.m = layer->oh * layer->ow,
                           .row_w = layer->ow,
                           .step_x = layer->stride_w * c,
                           .step_y = layer->stride_h * line,
                           .segs = layer->kernel_h,
                           .seg_len = layer->kernel_w * (int)c,
                           .seg_w = 1,
                           .seg_step_y = layer->dilation_h * line};

    if (layer->groups > 1 || (layer->dilation_w > 1 && layer->kernel_w > 1)) { /* one run for each tap */
        rows.segs = layer->kernel_h * layer->kernel_w;
        rows.seg_w = layer->kernel_w;
        rows.seg_len = (int)c / layer->groups;
        rows.seg_step_x = layer->dilation_w * c;
    } else if (rows.seg_step_y == rows.seg_len) {
        rows.seg_len *= rows.segs;
        rows.segs = 1;
    }
    return rows;
}

static struct kn_rows vector_rows(const struct binding *b)
{
    int batch = b->plan->batch, k = b->layer->k;

    return (struct kn_rows){.m = batch, .row_w = batch, .step_x = k, .segs = 1, .seg_len = k, .seg_w = 1};
}

/* All samples in one call if lines of a sample follow those of the one before, in input, output and residual. */
static void merge_samples(const struct binding *b, struct exec_gemm *g, struct exec_step *step)
{
    const struct layer *layer = b->layer;
    ptrdiff_t oh = layer->oh;
    int residual = g->with_residual;

    if (g->rows.m > INT_MAX / b->plan->batch || (ptrdiff_t)engine_tensor_sample(&b->in) != oh * g->rows.step_y ||
        (ptrdiff_t)engine_tensor_sample(&b->out) != oh * g->out.step_y ||
        (residual && (ptrdiff_t)engine_tensor_sample(&b->residual) != oh * g->residual.step_y))
        return;
    g->rows.m *= b->plan->batch;
    step->repeat = 1;
}

/* Lines that touch in input, output and residual become one. */
static void merge_lines(struct exec_gemm *g)
{
    int w = g->rows.row_w;

    if (g->rows.step_x * w == g->rows.step_y && g->out.step_x * w == g->out.step_y &&
        (!g->with_residual || g->residual.step_x * w == g->residual.step_y))
        g->rows.row_w = g->rows.m;
}

struct dense_pack {
    const struct kn_gemm_f32 *f32; /* or NULL */
    const struct kn_gemm_u8s8 *s8;
    int segs, seg_len;
};

static size_t pack_dense(void *context, const void *weights, int n, void *out)
{
    const struct dense_pack *p = context;

    if (!out)
        return p->f32 ? kn_gemm_f32_pack_bytes(p->f32, n, p->segs, p->seg_len)
                      : p->s8->pack_bytes(weights, n, p->segs, p->seg_len);
    if (p->f32)
        kn_gemm_f32_pack(p->f32, weights, n, p->segs, p->seg_len, out);
    else
        p->s8->pack(weights, n, p->segs, p->seg_len, out);
    return 0;
}

/* A share of the outputs for each thread where there are too few rows to share out; for each group its own. */
static enum status chunks_of(struct binding *b, struct exec_gemm *g, const struct kn_facts *facts, size_t *out_bytes)
{
    const struct layer *layer = b->layer;
    struct dense_pack pack = {layer->integer ? NULL : &b->plan->table->gemm_f32, b->dense, g->rows.segs,
                              g->rows.seg_len};
    int few = g->rows.m * b->plan->batch < 2 * facts->mr * b->plan->threads;
    int chunks = layer->groups > 1 ? layer->groups : few ? b->plan->threads : 1;
    int unit = layer->groups > 1 ? layer->n / layer->groups : facts->nr;
    struct exec_chunk *chunk;

    TRY(engine_bind_chunks(b, chunks, unit, pack_dense, &pack, &chunk, &g->chunks, out_bytes));
    for (int i = 0; layer->groups > 1 && i < g->chunks; i++)
        chunk[i].x_from = i * (ptrdiff_t)(b->in.c / layer->groups) * (ptrdiff_t)engine_tensor_bytes(b->in.type);
    g->chunk = chunk;
    return ST_OK;
}

static enum status place_residual(const struct binding *b, struct exec_gemm *g)
{
    const struct layer *layer = b->layer;

    if (b->residual.buffer == PLAN_NO_BUFFER)
        return ST_OK;
    g->with_residual = 1;
    g->residual.step_x = layer->n;
    g->residual.step_y = layer->vectors ? layer->n : (ptrdiff_t)engine_tensor_line(&b->residual);
    if (b->out.type != PLAN_U8)
        return ST_OK;
    g->residual.zero_point = b->residual.zero_point;
    g->residual.scale = b->residual.scale / layer->out->scale;
    if (!isfinite(g->residual.scale))
        return status_fail(ST_UNSUPPORTED, "node '%s': the scales of the residual give %g", layer->node->name,
                           (double)g->residual.scale);
    return ST_OK;
}

enum status engine_bind_dense(struct binding *b)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    struct exec_gemm gemm = {.rows = layer->vectors ? vector_rows(b) : window_rows(b)};
    const struct kn_facts *facts = layer->integer ? &b->dense->facts : &table->gemm_f32.facts;
    engine_exec_fn run = engine_exec_gemm_f32;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &gemm.tail));
    TRY(chunks_of(b, &gemm, facts, &bytes));
    gemm.row_unit = facts->mr;
    if (b->out.type == PLAN_F32) {
        gemm.run.f32 = table->gemm_f32.run;
    } else if (b->out.type == PLAN_U8) {
        gemm.run.u8 = b->dense->run_u8;
        run = engine_exec_gemm_u8;
    } else {
        gemm.run.s32 = b->dense->run_s32;
        run = engine_exec_gemm_s32;
    }
    gemm.out.step_x = layer->n;
    gemm.out.step_y = layer->vectors ? layer->n : (ptrdiff_t)engine_tensor_line(&b->out);
    TRY(place_residual(b, &gemm));
    TRY(engine_bind_step(b, run, facts->name, graph_node_macs(b->plan->graph, layer->index), bytes, &step));
    if (layer->vectors)
        step->repeat = 1;
    else
        merge_samples(b, &gemm, step);
    merge_lines(&gemm);
    step->u.gemm = gemm;
    return ST_OK;
}
