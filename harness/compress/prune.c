#include "compress/prune.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "compress/prune_blocks.h"

enum { BUCKETS = 1 << 16 }; /* a 32-bit key is selected in two halves */

/* A group of tensors that share one threshold. */
struct group {
    struct graph *graph;
    int first, last; /* nodes */
};

int prune_possible(const struct graph *graph, int i)
{
    return op_is_product(graph->node[i].op) && !node_is_depthwise(graph, &graph->node[i]);
}

static struct weight *layer_weight(const struct graph *graph, int i)
{
    return prune_possible(graph, i) ? &graph->weight[graph->node[i].weight] : NULL;
}

size_t prune_masked(const struct weight *weight)
{
    size_t masked = 0;

    if (weight->mask)
        for (size_t i = 0; i < weight->count; i++)
            masked += weight->mask[i] == 0;
    return masked;
}

size_t prune_target(const struct graph *graph, double sparsity, int i)
{
    size_t total = 0;

    for (int j = i < 0 ? 0 : i; j < (i < 0 ? graph->nodes : i + 1); j++)
        total += layer_weight(graph, j) ? layer_weight(graph, j)->count : 0;
    return (size_t)llrint(sparsity * (double)total);
}

/* Weights of a layer that a global threshold may not prune. */
static size_t locked_count(const struct weight *weight)
{
    return (size_t)ceil(PRUNE_MIN_KEPT * (double)weight->count);
}

/* Orders weights: magnitudes as IEEE bit patterns are monotone. Key 0 is what may never come back (masked already),
 * UINT32_MAX what may never go. */
static uint32_t score(float w, int kept, int locked)
{
    uint32_t bits;

    if (!kept)
        return 0;
    if (locked)
        return UINT32_MAX;
    w = fabsf(w);
    memcpy(&bits, &w, sizeof bits);
    return bits + 1;
}

/* Mask values while a selection is under way: 2 marks weights that the guard locked. */
enum { GONE = 0, KEPT = 1, LOCKED = 2 };

static void count_keys(const struct group *group, uint32_t *counters, int high, uint32_t prefix)
{
    memset(counters, 0, BUCKETS * sizeof *counters);
    for (int i = group->first; i <= group->last; i++) {
        const struct weight *weight = layer_weight(group->graph, i);
        if (!weight)
            continue;
        for (size_t j = 0; j < weight->count; j++) {
            uint32_t key = score(((const float *)weight->data)[j], weight->mask[j], weight->mask[j] == LOCKED);
            if (high)
                counters[key >> 16]++;
            else if (key >> 16 == prefix)
                counters[key & 0xffff]++;
        }
    }
}

/* Bucket in which the `rank`-th smallest (from 0) falls; *rank becomes its rank inside the bucket. */
static uint32_t find_bucket(const uint32_t *counters, size_t *rank)
{
    uint32_t bucket = 0;

    while (bucket < BUCKETS - 1 && *rank >= counters[bucket])
        *rank -= counters[bucket++];
    return bucket;
}

/* Key of the rank-th smallest weight; *rank becomes the number of equal keys below it. Radix selection: two passes
 * over the weights, whatever their distribution. */
static uint32_t select_key(const struct group *group, uint32_t *counters, size_t *rank)
{
    uint32_t high, low;

    count_keys(group, counters, 1, 0);
    high = find_bucket(counters, rank);
    count_keys(group, counters, 0, high);
    low = find_bucket(counters, rank);
    return high << 16 | low;
}

/* Prunes the `count` smallest weights of the group; of equals, those with the highest index. */
static void prune_group(const struct group *group, uint32_t *counters, size_t count)
{
    size_t equal_gone = count, equal_seen = 0, equal = 0;
    uint32_t threshold = select_key(group, counters, &equal_gone);

    equal = counters[threshold & 0xffff];
    for (int i = group->first; i <= group->last; i++) {
        struct weight *weight = layer_weight(group->graph, i);
        if (!weight)
            continue;
        for (size_t j = 0; j < weight->count; j++) {
            float *w = (float *)weight->data + j;
            uint32_t key = score(*w, weight->mask[j], weight->mask[j] == LOCKED);
            int gone = key < threshold;
            if (key == threshold)
                gone = equal_seen++ >= equal - equal_gone;
            if (gone) {
                weight->mask[j] = GONE;
                *w = 0;
            }
        }
    }
}

/* Locks the largest PRUNE_MIN_KEPT of a layer. */
static void lock_layer(struct prune *prune, struct graph *graph, int i)
{
    struct weight *weight = layer_weight(graph, i);
    struct group group = {graph, i, i};
    size_t rank = weight->count - locked_count(weight), at_threshold;
    uint32_t threshold = select_key(&group, prune->counters, &rank);

    at_threshold = prune->counters[threshold & 0xffff] - rank; /* of equals, the first ones */
    for (size_t j = 0; j < weight->count; j++) {
        uint32_t key = score(((const float *)weight->data)[j], weight->mask[j], 0);
        if (key > threshold || (key == threshold && at_threshold > 0 && at_threshold--))
            weight->mask[j] = weight->mask[j] == GONE ? GONE : LOCKED;
    }
}

static void unlock_layer(struct weight *weight)
{
    for (size_t j = 0; j < weight->count; j++)
        weight->mask[j] = weight->mask[j] != GONE;
}

void prune_apply(struct prune *prune, struct graph *graph, double sparsity)
{
    struct group all = {graph, 0, graph->nodes - 1};

    if (prune->block) {
        prune_blocks_apply(prune, graph, sparsity);
        return;
    }
    for (int i = 0; i < graph->nodes; i++) {
        struct group layer = {graph, i, i};
        if (!layer_weight(graph, i))
            continue;
        if (prune->scope == PRUNE_GLOBAL)
            lock_layer(prune, graph, i);
        else
            prune_group(&layer, prune->counters, prune_target(graph, sparsity, i));
    }
    if (prune->scope != PRUNE_GLOBAL)
        return;
    prune_group(&all, prune->counters, prune_target(graph, sparsity, -1));
    for (int i = 0; i < graph->nodes; i++)
        if (layer_weight(graph, i))
            unlock_layer(layer_weight(graph, i));
}

/* What is asked for must leave something of every layer and bring nothing back. */
static enum status check_share(const char *name, size_t count, size_t masked, size_t target, size_t most,
                               double sparsity)
{
    if (masked > target)
        return status_fail(ST_BADARG, "%s: %zu of %zu weights are pruned already, more than a sparsity of %g", name,
                           masked, count, sparsity);
    if (target > most)
        return status_fail(ST_BADARG, "%s: a sparsity of %g prunes %zu of %zu weights, at most %zu may go", name,
                           sparsity, target, count, most);
    return ST_OK;
}

static enum status check_start(const struct graph *graph, enum prune_scope scope, double sparsity, double *out_start)
{
    size_t masked_total = 0, total = 0, most = 0;

    for (int i = 0; i < graph->nodes; i++) {
        const struct weight *weight = layer_weight(graph, i);
        size_t masked;
        if (!weight)
            continue;
        masked = prune_masked(weight);
        masked_total += masked;
        total += weight->count;
        most += weight->count - locked_count(weight);
        if (scope == PRUNE_LAYERWISE)
            TRY(check_share(weight->name, weight->count, masked, prune_target(graph, sparsity, i), weight->count - 1,
                            sparsity));
    }
    if (total == 0)
        return status_fail(ST_BADARG, "%s: no weights to prune", graph->name);
    if (scope == PRUNE_GLOBAL)
        TRY(check_share(graph->name, total, masked_total, prune_target(graph, sparsity, -1), most, sparsity));
    *out_start = (double)masked_total / (double)total;
    return ST_OK;
}

enum status prune_begin(struct graph *graph, enum prune_scope scope, double sparsity, double share,
                        struct prune *out_prune)
{
    struct prune prune = {.scope = scope, .sparsity = sparsity, .share = share, .rows = 1, .cols = 1};

    if (!(sparsity > 0) || !(sparsity < 1))
        return status_fail(ST_BADARG, "%s: a sparsity of %g, expected more than 0 and less than 1", graph->name,
                           sparsity);
    TRY(check_start(graph, scope, sparsity, &prune.start));
    for (int i = 0; i < graph->nodes; i++) {
        struct weight *weight = layer_weight(graph, i);
        if (!weight || weight->mask)
            continue;
        TRY(mem_alloc(weight->count, 1, &weight->mask));
        memset(weight->mask, 1, weight->count);
    }
    TRY(mem_alloc(BUCKETS, sizeof *prune.counters, &prune.counters));
    *out_prune = prune;
    return ST_OK;
}

enum status prune_begin_blocks(struct graph *graph, enum prune_scope scope, double sparsity, double share, int rows,
                               int cols, struct prune *out_prune)
{
    struct prune prune;

    if (rows < 1 || cols < 1 || rows > PRUNE_MAX_BLOCK || cols > PRUNE_MAX_BLOCK)
        return status_fail(ST_BADARG, "%s: blocks of %dx%d, expected 1x1 to %dx%d", graph->name, rows, cols,
                           PRUNE_MAX_BLOCK, PRUNE_MAX_BLOCK);
    TRY(prune_begin(graph, scope, sparsity, share, &prune));
    prune.rows = rows;
    prune.cols = cols;
    if (prune_blocks_begin(&prune, graph) != ST_OK) {
        prune_end(&prune);
        return ST_NOMEM;
    }
    *out_prune = prune;
    return ST_OK;
}

void prune_end(struct prune *prune)
{
    mem_free(prune->counters);
    mem_free(prune->block);
    memset(prune, 0, sizeof *prune);
}

double prune_schedule(double start, double final, long step, long ramp)
{
    double left;

    if (step >= ramp || ramp <= 0)
        return final;
    left = 1.0 - (double)step / (double)ramp;
    return final + (start - final) * left * left * left;
}

void prune_hook(void *context, struct graph *graph, long step, long steps)
{
    struct prune *prune = context;
    long ramp = (long)(prune->share * (double)steps);

    if (ramp > steps - 1)
        ramp = steps - 1; /* the last step, too, trains the final mask */
    if (prune->done || (step < ramp && step % PRUNE_REFRESH != 0))
        return;
    prune_apply(prune, graph, prune_schedule(prune->start, prune->sparsity, step, ramp));
    prune->done = step >= ramp;
}
