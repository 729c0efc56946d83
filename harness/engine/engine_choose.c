#include "engine/engine_choose.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
    SPMM_MIN_BATCH = 8, /* from here a sparse fc works on the transposed batch: one vector of floats */
    SPMM_SEGMENT = 8,   /* positions that a vector kernel takes from one line at once */
    WIDEN_COST = 1      /* as transpose_cost, of an element brought to 16 bits */
};

/* What moving one element costs, in multiplications of the dense kernel of the same table: a transposed element takes
 * 0.1 to 0.2 ns where a dense kernel makes 50 products per nanosecond. Plain C kernels multiply about as slowly as they
 * move. */
static double transpose_cost(const struct kn_facts *dense)
{
    return dense->isa ? 8 : 1;
}

/* Share of a sparse kernel's work that goes into real positions. It takes tiles of facts.nr positions, cut into
 * segments that do not cross lines; a rest of at most half a tile costs about 0.6 of a full one, because its few sums
 * wait for each other. Measured: a 5 x 5 map reaches 0.4 of the speed of an 8 x 8 one, a batch of 8 a quarter of that
 * of 64. */
static double spmm_fill(const struct kn_facts *sparse, int lines, int line_len)
{
    int64_t segments = (int64_t)lines * ((line_len + SPMM_SEGMENT - 1) / SPMM_SEGMENT), rest;
    int tile = sparse->nr / SPMM_SEGMENT;
    double tiles;

    if (tile < 1)
        return 1;
    rest = segments % tile;
    tiles = (double)(segments / tile) + (rest == 0 ? 0 : 2 * rest <= tile ? 0.6 : 1);
    return (double)lines * line_len / (tiles * sparse->nr);
}

/* By how much the dense kernel gets cheaper per sample when its weights are read once for a few samples (measured at
 * 784 x 300: floats wait for memory, 8-bit weights hardly do). */
static double shared_weights(const struct kn_facts *dense, int integer, int batch)
{
    if (dense->isa == 0 || batch == 1)
        return 1;
    if (integer)
        return 1.4;
    return batch == 2 ? 1.6 : 2.6;
}

/* A break-even point against this dense kernel: the density at which a sparse one is as fast falls with its pace.
 * Points hold against the dense kernel of the sparse one's own level; below the table's, that one's pace is 1. */
static double own_pace(const struct kn_table *table, const struct kn_facts *sparse)
{
    return sparse->isa == table->gemm_u8s8.facts.isa ? (double)table->gemm_u8s8.pace : 1;
}

static double paced(const struct kn_table *table, const struct kn_gemm_u8s8 *dense, const struct kn_facts *sparse,
                    double break_even)
{
    return 1 - (1 - break_even) * own_pace(table, sparse) / (double)dense->pace;
}

double engine_choose_pays_from(double break_even, double macs, double dense_moves, double sparse_moves)
{
    return 1 - (1 - break_even) * (macs + dense_moves - sparse_moves) / macs;
}

/* Best so far, as the share of the dense kernel's work. */
struct contest {
    double zeros; /* share of weights */
    double work;  /* 1: dense */
    struct choice *out;
};

static void decide(struct contest *c, double pays_from, enum choice_kernel sparse)
{
    double work = pays_from < 1 ? (1 - c->zeros) / (1 - pays_from) : INFINITY;
    struct choice *out = c->out;

    if (c->zeros >= pays_from) {
        out->kernel = sparse;
        c->work = work;
        snprintf(out->reason, sizeof out->reason, "sparse: %.3g %% zeros, pays from %.3g %%", 100 * c->zeros,
                 100 * (pays_from > 0 ? pays_from : 0));
    } else if (pays_from <= 1) {
        snprintf(out->reason, sizeof out->reason, "dense: %.3g %% zeros, sparse pays from %.3g %%", 100 * c->zeros,
                 100 * pays_from);
    } else {
        snprintf(out->reason, sizeof out->reason, "dense: %.3g %% zeros, sparse never pays at this size",
                 100 * c->zeros);
    }
}

static int rounded(int count, int multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

static int small_weights(const struct layer *layer)
{
    const int8_t *w = layer->weight->data;

    for (size_t i = 0; i < layer->weight->count; i++)
        if (w[i] < -7 || w[i] > 7)
            return 0;
    return 1;
}

/* Time of a segment, in some unit. */
static double segment_time(const struct kn_gemm_u8s8 *slot, int len)
{
    return rounded(len, slot->facts.kr) / (double)slot->pace;
}

const struct kn_gemm_u8s8 *engine_choose_s8(const struct kn_table *table, const struct layer *layer, int32_t top)
{
    const struct kn_gemm_u8s8 *usual = &table->gemm_u8s8, *other = &table->gemm_u8s8_short;
    int len = layer->groups > 1 || layer->dilation_w > 1 ? layer->k / (layer->kernel_h * layer->kernel_w)
                                                         : layer->k / layer->kernel_h;
    double waste = (double)rounded(len, usual->facts.kr) / rounded(len, other->facts.kr);
    const struct kn_gemm_u8s8 *best = waste > 1.25 ? other : usual;

    if (top <= 127 && segment_time(&table->gemm_u7s8, len) < segment_time(best, len))
        best = &table->gemm_u7s8;
    if (segment_time(&table->gemm_u8s4, len) < segment_time(best, len) && small_weights(layer))
        best = &table->gemm_u8s4;
    return best;
}

/* ------------------------------------------------------------------ sparse kernels over rows */

/* From here the pattern of zeros is looked at. */
#define ROWS_MIN_ZEROS 0.2

static void try_blocks(const struct plan *plan, const struct layer *layer, const struct kn_rows *rows,
                       const float *weights, struct contest *c)
{
    const struct kn_table *t = plan->table;
    const struct kn_bsr_f32 *slots[] = {&t->bsr_f32_16x1, &t->bsr_f32_8x1, &t->bsr_f32_4x1, &t->bsr_f32_1x4};

    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        const struct kn_bsr_f32 *slot = slots[i];
        int br = slot->block_rows, bc = slot->block_cols;
        double all = (double)((layer->n + br - 1) / br) * rows->segs * ((rows->seg_len + bc - 1) / bc), kept, work;
        if (rows->seg_len < bc)
            continue;
        kept = (double)kn_blocks_count_f32(weights, layer->n, rows->segs, rows->seg_len, br, bc);
        work = slot->break_even < 1 ? kept / all / (1 - (double)slot->break_even) : INFINITY;
        if (work >= c->work)
            continue;
        c->work = work;
        c->out->kernel = CHOICE_GEMM;
        c->out->bsr = slot;
        c->out->products = (uint64_t)kept * (uint64_t)(br * bc);
        snprintf(c->out->reason, sizeof c->out->reason,
                 "blocks of %dx%d: %.3g %% empty, pays from %.3g %% (%.3g %% zeros)", br, bc, 100 * (1 - kept / all),
                 100 * (double)slot->break_even, 100 * c->zeros);
    }
}

static void try_sprows(const struct plan *plan, const struct layer *layer, const struct kn_rows *rows,
                       const int8_t *weights, struct contest *c)
{
    const struct kn_sprows_u8s8 *slot = &plan->table->sprows_u8s8;
    double pace = (double)c->out->s8->pace / own_pace(plan->table, &slot->facts);
    double m = (double)rows->m * (layer->vectors ? 1 : plan->batch);
    double idle = rounded((int)(m < 1e6 ? m : 1e6), slot->facts.mr) / (m < 1e6 ? m : 1e6);
    double slots = (double)slot->slots(weights, layer->n, rows), all = (double)layer->n * layer->k;
    double work = slots * (double)slot->slot_cost * pace * idle / all;

    if (work >= c->work)
        return;
    c->work = work;
    c->out->kernel = CHOICE_GEMM;
    c->out->sprows = slot;
    c->out->products = (uint64_t)slots;
    snprintf(c->out->reason, sizeof c->out->reason, "sparse over rows: %.3g %% zeros, %.3g of the dense kernel's work",
             100 * c->zeros, work);
}

/* The kernels that read H,W,C data in place and skip zeros, if the pattern of zeros makes one of them the fastest. */
static enum status try_rows(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t,
                            struct contest *c)
{
    int c_in = layer->vectors ? 0 : t->c, order_c = layer->vectors ? (t->order == PLAN_HWC ? t->c : 1) : t->c;
    ptrdiff_t line = ((ptrdiff_t)layer->pad.left + t->w + layer->pad.right) * c_in;
    struct kn_rows rows = engine_layer_rows(layer, c_in, line, plan->batch);
    const void *weights;
    void *owned;

    if (c->zeros < ROWS_MIN_ZEROS)
        return ST_OK;
    TRY(engine_layer_weights(layer, order_c, layer->k / order_c, &weights, &owned));
    if (layer->integer)
        try_sprows(plan, layer, &rows, weights, c);
    else
        try_blocks(plan, layer, &rows, weights, c);
    mem_free(owned);
    return ST_OK;
}

static void choose_conv(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t,
                        struct contest *c)
{
    const struct kn_table *table = plan->table;
    const struct kn_facts *dense = layer->integer ? &c->out->s8->facts : &table->gemm_f32.facts;
    const struct kn_facts *sparse = layer->integer ? &table->spmm_u8s8.facts : &table->spmm_f32.facts;
    double break_even =
        layer->integer ? paced(table, c->out->s8, sparse, table->spmm_u8s8.break_even) : table->spmm_f32.break_even;
    double count = (double)engine_tensor_count(t), positions = (double)layer->oh * layer->ow;
    int one_line = layer->kernel_w == 1; /* lines follow each other without a gap */
    double fill = spmm_fill(sparse, one_line ? 1 : layer->oh, one_line ? layer->oh * layer->ow : layer->ow);
    double dense_moves = 0, sparse_moves = 0;

    if (layer->stride_h != 1 || layer->stride_w != 1) {
        snprintf(c->out->reason, sizeof c->out->reason, "dense: sparse needs stride 1");
        return;
    }
    if (engine_tensor_order_matters(t))
        *(t->order == PLAN_HWC ? &sparse_moves : &dense_moves) += count * transpose_cost(dense);
    if (layer->integer && dense->a_bytes == 2)
        dense_moves += count * WIDEN_COST;
    if (layer->integer && sparse->a_bytes == 2)
        sparse_moves += count * WIDEN_COST;
    if (layer->integer && (layer->dynamic || layer->out->quant != QUANT_STATIC))
        sparse_moves += layer->n * positions * transpose_cost(dense); /* dequantized position by position */
    decide(c,
           engine_choose_pays_from(1 - (1 - break_even) * fill, (double)layer->n * layer->k * positions, dense_moves,
                                   sparse_moves),
           CHOICE_SPMM);
}

static void choose_fc_batch(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t,
                            struct contest *c)
{
    const struct kn_table *table = plan->table;
    const struct kn_facts *dense = layer->integer ? &c->out->s8->facts : &table->gemm_f32.facts;
    const struct kn_facts *sparse = layer->integer ? &table->spmm_u8s8.facts : &table->spmm_f32.facts;
    double break_even =
        layer->integer ? paced(table, c->out->s8, sparse, table->spmm_u8s8.break_even) : table->spmm_f32.break_even;
    double fill = spmm_fill(sparse, 1, plan->batch);
    double dense_moves = 0, sparse_moves = layer->n * transpose_cost(dense);

    *(t->batch_minor ? &dense_moves : &sparse_moves) += layer->k * transpose_cost(dense);
    if (layer->integer && dense->a_bytes == 2)
        dense_moves += layer->k * WIDEN_COST;
    if (layer->integer && sparse->a_bytes == 2)
        sparse_moves += layer->k * WIDEN_COST;
    decide(c,
           engine_choose_pays_from(1 - (1 - break_even) * fill, (double)layer->n * layer->k, dense_moves, sparse_moves),
           CHOICE_SPMM);
}

/* One vector at a time. With 2 to 7 samples the dense kernel reads its weights once for all of them, the sparse one
 * once each: the density at which it pays falls accordingly. */
static void choose_fc_vectors(const struct plan *plan, const struct layer *layer, struct contest *c)
{
    const struct kn_table *table = plan->table;
    const struct kn_facts *dense = layer->integer ? &c->out->s8->facts : &table->gemm_f32.facts;
    double break_even = layer->integer ? paced(table, c->out->s8, &table->spmv_u8s8.facts, table->spmv_u8s8.break_even)
                                       : table->spmv_f32.break_even;
    double shared = shared_weights(dense, layer->integer, plan->batch);
    double dense_moves = layer->integer && dense->a_bytes == 2 ? layer->k * WIDEN_COST : 0;

    decide(c, engine_choose_pays_from(1 - (1 - break_even) / shared, (double)layer->n * layer->k, dense_moves, 0),
           CHOICE_SPMV);
}

static enum status contest(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t, int u8_add,
                           struct choice *out)
{
    struct contest c = {(double)layer->zeros / (double)layer->weight->count, 1, out};

    if (u8_add)
        snprintf(out->reason, sizeof out->reason, "dense: adds a residual before rounding");
    else if (!layer->vectors)
        choose_conv(plan, layer, t, &c);
    else if (plan->batch >= SPMM_MIN_BATCH)
        choose_fc_batch(plan, layer, t, &c);
    else
        choose_fc_vectors(plan, layer, &c);
    return try_rows(plan, layer, t, &c);
}

static void name_variant(const struct kn_table *table, struct choice *out)
{
    size_t len = strlen(out->reason);

    if (out->kernel != CHOICE_GEMM || out->sprows)
        return;
    if (out->s8 == &table->gemm_u8s4)
        snprintf(out->reason + len, sizeof out->reason - len, "; weights of 4 bits");
    else if (out->s8 == &table->gemm_u7s8)
        snprintf(out->reason + len, sizeof out->reason - len, "; inputs of 7 bits");
}

enum status engine_choose(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t, int u8_add,
                          struct choice *out)
{
    *out = (struct choice){.kernel = CHOICE_GEMM};
    if (layer->depthwise) {
        out->kernel = CHOICE_DEPTHWISE;
        snprintf(out->reason, sizeof out->reason, "a filter for each channel");
        return ST_OK;
    }
    if (layer->integer)
        out->s8 = engine_choose_s8(plan->table, layer, t->top);
    if (layer->groups > 1)
        snprintf(out->reason, sizeof out->reason, "dense: one product for each group");
    else
        TRY(contest(plan, layer, t, u8_add, out));
    if (layer->integer)
        name_variant(plan->table, out);
    return ST_OK;
}
