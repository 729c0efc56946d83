/* Binding of the kernels over rows of H,W,C data, dense and sparse: products and convolutions of any groups, stride and
 * dilation. */
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "engine/engine_bind.h"

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

/* The kernel over rows that was chosen: the first that is not NULL. */
struct dense_pack {
    const struct kn_sprows_u8s8 *sprows;
    const struct kn_bsr_f32 *bsr;
    const struct kn_gemm_u8s8 *s8;
    const struct kn_gemm_f32 *f32;
    const struct kn_rows *rows;
};

static size_t pack_bytes(const struct dense_pack *p, const void *weights, int n)
{
    if (p->sprows)
        return p->sprows->pack_bytes(weights, n, p->rows);
    if (p->bsr)
        return kn_bsr_f32_pack_bytes(p->bsr, weights, n, p->rows);
    if (p->s8)
        return p->s8->pack_bytes(weights, n, p->rows->segs, p->rows->seg_len);
    return kn_gemm_f32_pack_bytes(p->f32, n, p->rows->segs, p->rows->seg_len);
}

static size_t pack_dense(void *context, const void *weights, int n, void *out)
{
    const struct dense_pack *p = context;

    if (!out)
        return pack_bytes(p, weights, n);
    if (p->sprows)
        p->sprows->pack(weights, n, p->rows, out);
    else if (p->bsr)
        kn_bsr_f32_pack(p->bsr, weights, n, p->rows, out);
    else if (p->s8)
        p->s8->pack(weights, n, p->rows->segs, p->rows->seg_len, out);
    else
        kn_gemm_f32_pack(p->f32, weights, n, p->rows->segs, p->rows->seg_len, out);
    return 0;
}

/* Threads that share rows all read all weights, those that share outputs all read all rows: the smaller is read by all.
 * And there must be rows enough. */
static int share_outputs(const struct binding *b, const struct exec_gemm *g, const struct kn_facts *facts)
{
    size_t rows = (size_t)g->rows.m * (size_t)(b->layer->vectors ? 1 : b->plan->batch);
    size_t read = (size_t)b->plan->batch * engine_tensor_count(&b->in);

    return rows < 2 * (size_t)facts->mr * (size_t)b->plan->threads || b->layer->weight->count > read;
}

/* A share of the outputs for each thread where that is better than of the rows; for each group its own. */
static enum status chunks_of(struct binding *b, struct exec_gemm *g, const struct kn_facts *facts, size_t *out_bytes)
{
    const struct layer *layer = b->layer;
    const struct choice *choice = &b->choice;
    struct dense_pack pack = {choice->sprows, choice->bsr, choice->s8, &b->plan->table->gemm_f32, &g->rows};
    int chunks = layer->groups > 1 ? layer->groups : share_outputs(b, g, facts) ? b->plan->threads : 1;
    int unit = layer->groups > 1 ? layer->n / layer->groups : choice->bsr ? choice->bsr->block_rows : facts->nr;
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

/* The function that makes outputs of the wanted type. */
static engine_exec_fn take_kernel(const struct binding *b, struct exec_gemm *g, const struct kn_facts **out_facts)
{
    const struct kn_table *table = b->plan->table;
    const struct choice *choice = &b->choice;

    if (!b->layer->integer) {
        g->run.f32 = choice->bsr ? choice->bsr->run : table->gemm_f32.run;
        *out_facts = choice->bsr ? &choice->bsr->facts : &table->gemm_f32.facts;
        return engine_exec_gemm_f32;
    }
    *out_facts = choice->sprows ? &choice->sprows->facts : &choice->s8->facts;
    if (b->out.type == PLAN_U8) {
        g->run.u8 = choice->sprows ? choice->sprows->run_u8 : choice->s8->run_u8;
        return engine_exec_gemm_u8;
    }
    g->run.s32 = choice->sprows ? choice->sprows->run_s32 : choice->s8->run_s32;
    return engine_exec_gemm_s32;
}

static uint64_t macs_of(const struct binding *b)
{
    const struct layer *layer = b->layer;

    if (!b->choice.sprows && !b->choice.bsr)
        return graph_node_macs(b->plan->graph, layer->index);
    return b->choice.products * (uint64_t)layer->oh * (uint64_t)layer->ow;
}

enum status engine_bind_dense(struct binding *b)
{
    const struct layer *layer = b->layer;
    struct exec_gemm gemm = {
        .rows = engine_layer_rows(layer, b->in.c, (ptrdiff_t)engine_tensor_line(&b->in), b->plan->batch)};
    const struct kn_facts *facts;
    engine_exec_fn run = take_kernel(b, &gemm, &facts);
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &gemm.tail));
    TRY(chunks_of(b, &gemm, facts, &bytes));
    gemm.row_unit = facts->mr;
    gemm.out.step_x = layer->n;
    gemm.out.step_y = layer->vectors ? layer->n : (ptrdiff_t)engine_tensor_line(&b->out);
    TRY(place_residual(b, &gemm));
    TRY(engine_bind_step(b, run, facts->name, macs_of(b), bytes, &step));
    if (layer->vectors)
        step->repeat = 1;
    else
        merge_samples(b, &gemm, step);
    merge_lines(&gemm);
    step->u.gemm = gemm;
    return ST_OK;
}
