#include "engine/engine_choose.h"

#include <stdio.h>

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
static double paced(const struct kn_table *table, const struct kn_gemm_u8s8 *dense, const struct kn_facts *sparse,
                    double break_even)
{
    double own = sparse->isa == table->gemm_u8s8.facts.isa ? (double)table->gemm_u8s8.pace : 1;

    return 1 - (1 - break_even) * own / (double)dense->pace;
}

double engine_choose_pays_from(double break_even, double macs, double dense_moves, double sparse_moves)
{
    return 1 - (1 - break_even) * (macs + dense_moves - sparse_moves) / macs;
}

static void decide(const struct layer *layer, double pays_from, enum choice_kernel sparse, struct choice *out)
{
    double zeros = (double)layer->zeros / (double)layer->weight->count;

    out->kernel = zeros >= pays_from ? sparse : CHOICE_GEMM;
    if (out->kernel != CHOICE_GEMM)
        snprintf(out->reason, sizeof out->reason, "sparse: %.3g %% zeros, pays from %.3g %%", 100 * zeros,
                 100 * (pays_from > 0 ? pays_from : 0));
    else if (pays_from <= 1)
        snprintf(out->reason, sizeof out->reason, "dense: %.3g %% zeros, sparse pays from %.3g %%", 100 * zeros,
                 100 * pays_from);
    else
        snprintf(out->reason, sizeof out->reason, "dense: %.3g %% zeros, sparse never pays at this size", 100 * zeros);
}

static int rounded(int count, int multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

const struct kn_gemm_u8s8 *engine_choose_s8(const struct kn_table *table, const struct layer *layer)
{
    const struct kn_gemm_u8s8 *usual = &table->gemm_u8s8, *other = &table->gemm_u8s8_short;
    int len = layer->groups > 1 || layer->dilation_w > 1 ? layer->k / (layer->kernel_h * layer->kernel_w)
                                                         : layer->k / layer->kernel_h;
    double waste = (double)rounded(len, usual->facts.kr) / rounded(len, other->facts.kr);

    return waste > 1.25 ? other : usual;
}

static void choose_conv(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t,
                        struct choice *out)
{
    const struct kn_table *table = plan->table;
    const struct kn_facts *dense = layer->integer ? &engine_choose_s8(table, layer)->facts : &table->gemm_f32.facts;
    const struct kn_facts *sparse = layer->integer ? &table->spmm_u8s8.facts : &table->spmm_f32.facts;
    double break_even = layer->integer
                            ? paced(table, engine_choose_s8(table, layer), sparse, table->spmm_u8s8.break_even)
                            : table->spmm_f32.break_even;
    double count = (double)engine_tensor_count(t), positions = (double)layer->oh * layer->ow;
    int one_line = layer->kernel_w == 1; /* lines follow each other without a gap */
    double fill = spmm_fill(sparse, one_line ? 1 : layer->oh, one_line ? layer->oh * layer->ow : layer->ow);
    double dense_moves = 0, sparse_moves = 0;

    if (layer->stride_h != 1 || layer->stride_w != 1) {
        out->kernel = CHOICE_GEMM;
        snprintf(out->reason, sizeof out->reason, "dense: sparse needs stride 1");
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
    decide(layer,
           engine_choose_pays_from(1 - (1 - break_even) * fill, (double)layer->n * layer->k * positions, dense_moves,
                                   sparse_moves),
           CHOICE_SPMM, out);
}

static void choose_fc_batch(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t,
                            struct choice *out)
{
    const struct kn_table *table = plan->table;
    const struct kn_facts *dense = layer->integer ? &engine_choose_s8(table, layer)->facts : &table->gemm_f32.facts;
    const struct kn_facts *sparse = layer->integer ? &table->spmm_u8s8.facts : &table->spmm_f32.facts;
    double break_even = layer->integer
                            ? paced(table, engine_choose_s8(table, layer), sparse, table->spmm_u8s8.break_even)
                            : table->spmm_f32.break_even;
    double fill = spmm_fill(sparse, 1, plan->batch);
    double dense_moves = 0, sparse_moves = layer->n * transpose_cost(dense);

    *(t->batch_minor ? &dense_moves : &sparse_moves) += layer->k * transpose_cost(dense);
    if (layer->integer && dense->a_bytes == 2)
        dense_moves += layer->k * WIDEN_COST;
    if (layer->integer && sparse->a_bytes == 2)
        sparse_moves += layer->k * WIDEN_COST;
    decide(layer,
           engine_choose_pays_from(1 - (1 - break_even) * fill, (double)layer->n * layer->k, dense_moves, sparse_moves),
           CHOICE_SPMM, out);
}

/* One vector at a time. With 2 to 7 samples the dense kernel reads its weights once for all of them, the sparse one
 * once each: the density at which it pays falls accordingly. */
static void choose_fc_vectors(const struct plan *plan, const struct layer *layer, struct choice *out)
{
    const struct kn_table *table = plan->table;
    const struct kn_facts *dense = layer->integer ? &engine_choose_s8(table, layer)->facts : &table->gemm_f32.facts;
    double break_even = layer->integer ? paced(table, engine_choose_s8(table, layer), &table->spmv_u8s8.facts,
                                               table->spmv_u8s8.break_even)
                                       : table->spmv_f32.break_even;
    double shared = shared_weights(dense, layer->integer, plan->batch);
    double dense_moves = layer->integer && dense->a_bytes == 2 ? layer->k * WIDEN_COST : 0;

    decide(layer, engine_choose_pays_from(1 - (1 - break_even) / shared, (double)layer->n * layer->k, dense_moves, 0),
           CHOICE_SPMV, out);
}

static void take(enum choice_kernel kernel, const char *reason, struct choice *out)
{
    out->kernel = kernel;
    snprintf(out->reason, sizeof out->reason, "%s", reason);
}

void engine_choose(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t, int u8_add,
                   struct choice *out)
{
    if (layer->depthwise)
        take(CHOICE_DEPTHWISE, "a filter for each channel", out);
    else if (layer->groups > 1)
        take(CHOICE_GEMM, "dense: one product for each group", out);
    else if (u8_add)
        take(CHOICE_GEMM, "dense: adds a residual before rounding", out);
    else if (!layer->vectors)
        choose_conv(plan, layer, t, out);
    else if (plan->batch >= SPMM_MIN_BATCH)
        choose_fc_batch(plan, layer, t, out);
    else
        choose_fc_vectors(plan, layer, out);
}
