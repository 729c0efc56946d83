#include "compress/prune_blocks.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct prune_block {
    float score; /* mean of the squared weights; -1: masked already */
    int node;
    uint32_t index; /* in the layer */
};

/* A weight as (outputs, inputs, places): a conv's places are those of its window. */
struct shape {
    int outputs, inputs, places, across; /* across: blocks side by side along the inputs */
    int rows, cols;
};

static struct shape shape_of(const struct weight *weight, int rows, int cols)
{
    struct shape s = {weight->dim[0], weight->dim[1], weight->dim[2] * weight->dim[3], 0, rows, cols};

    s.across = (s.inputs + cols - 1) / cols;
    return s;
}

size_t prune_blocks_count(const struct weight *weight, int rows, int cols)
{
    struct shape s = shape_of(weight, rows, cols);

    return (size_t)((s.outputs + rows - 1) / rows) * (size_t)s.across * (size_t)s.places;
}

/* Elements of block `index`: their places in the tensor, at most PRUNE_MAX_BLOCK squared. */
static int elements(const struct shape *s, uint32_t index, size_t *out_at)
{
    int place = (int)(index % (uint32_t)s->places), count = 0;
    int column = (int)(index / (uint32_t)s->places % (uint32_t)s->across) * s->cols;
    int row = (int)(index / (uint32_t)s->places / (uint32_t)s->across) * s->rows;

    for (int o = row; o < row + s->rows && o < s->outputs; o++)
        for (int i = column; i < column + s->cols && i < s->inputs; i++)
            out_at[count++] = ((size_t)o * (size_t)s->inputs + (size_t)i) * (size_t)s->places + (size_t)place;
    return count;
}

enum status prune_blocks_begin(struct prune *prune, const struct graph *graph)
{
    size_t blocks = 0;

    for (int i = 0; i < graph->nodes; i++)
        if (prune_possible(graph, i))
            blocks += prune_blocks_count(&graph->weight[graph->node[i].weight], prune->rows, prune->cols);
    return mem_alloc(blocks, sizeof *prune->block, &prune->block);
}

static float score(const struct weight *weight, const struct shape *s, uint32_t index)
{
    size_t at[PRUNE_MAX_BLOCK * PRUNE_MAX_BLOCK];
    int count = elements(s, index, at), kept = 0;
    double sum = 0;

    for (int j = 0; j < count; j++) {
        double w = (double)((const float *)weight->data)[at[j]];
        sum += w * w;
        kept += weight->mask[at[j]] != 0;
    }
    return kept ? (float)(sum / count) : -1.0f;
}

/* Ties keep the lower index, as everywhere. */
static int by_score(const void *a, const void *b)
{
    const struct prune_block *x = a, *y = b;

    if (x->score != y->score)
        return x->score < y->score ? -1 : 1;
    if (x->node != y->node)
        return y->node - x->node;
    return x->index > y->index ? -1 : x->index < y->index;
}

/* Blocks of nodes first .. last into the scratch, weakest first. */
static size_t rank(const struct prune *prune, const struct graph *graph, int first, int last)
{
    size_t count = 0;

    for (int i = first; i <= last; i++) {
        const struct weight *weight = &graph->weight[graph->node[i].weight];
        struct shape s;
        size_t blocks;
        if (!prune_possible(graph, i))
            continue;
        s = shape_of(weight, prune->rows, prune->cols);
        blocks = prune_blocks_count(weight, prune->rows, prune->cols);
        for (uint32_t b = 0; b < blocks; b++)
            prune->block[count++] = (struct prune_block){score(weight, &s, b), i, b};
    }
    qsort(prune->block, count, sizeof *prune->block, by_score);
    return count;
}

static void mask_block(struct weight *weight, const size_t *at, int count)
{
    for (int j = 0; j < count; j++) {
        weight->mask[at[j]] = 0;
        ((float *)weight->data)[at[j]] = 0;
    }
}

static size_t kept_weights(const struct weight *weight)
{
    return weight->count - prune_masked(weight);
}

/* Masks from the weakest block on, up to `target` weights; no layer loses its last PRUNE_MIN_KEPT. */
static void apply(const struct prune *prune, struct graph *graph, int first, int last, size_t target)
{
    size_t blocks = rank(prune, graph, first, last), masked = 0;

    for (size_t b = 0; b < blocks; b++) {
        struct weight *weight = &graph->weight[graph->node[prune->block[b].node].weight];
        struct shape s = shape_of(weight, prune->rows, prune->cols);
        size_t at[PRUNE_MAX_BLOCK * PRUNE_MAX_BLOCK];
        int count = elements(&s, prune->block[b].index, at), gone = prune->block[b].score < 0;
        double least = ceil(PRUNE_MIN_KEPT * (double)weight->count);
        if (masked + (size_t)count > target)
            break;
        if (!gone && (double)kept_weights(weight) - count < (least > 1 ? least : 1))
            continue;
        mask_block(weight, at, count);
        masked += (size_t)count;
    }
}

void prune_blocks_apply(struct prune *prune, struct graph *graph, double sparsity)
{
    if (prune->scope == PRUNE_GLOBAL) {
        apply(prune, graph, 0, graph->nodes - 1, prune_target(graph, sparsity, -1));
        return;
    }
    for (int i = 0; i < graph->nodes; i++)
        if (prune_possible(graph, i))
            apply(prune, graph, i, i, prune_target(graph, sparsity, i));
}

int prune_blocks_whole(const struct weight *weight, int rows, int cols)
{
    struct shape s = shape_of(weight, rows, cols);
    size_t blocks = prune_blocks_count(weight, rows, cols), at[PRUNE_MAX_BLOCK * PRUNE_MAX_BLOCK];

    for (uint32_t b = 0; b < blocks; b++) {
        int count = elements(&s, b, at), kept = 0;
        for (int j = 0; j < count; j++)
            kept += weight->mask[at[j]] != 0;
        if (kept != 0 && kept != count)
            return 0;
    }
    return 1;
}
