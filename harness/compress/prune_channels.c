#include "compress/prune_channels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int is_product(const struct node *node)
{
    return node->op == OP_CONV || node->op == OP_FC;
}

/* 1 if every reader of v, through operators that keep channels apart, is a conv or fc. */
static int ends_in_products(const struct graph *graph, int v)
{
    int readers = 0;

    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (node->op == OP_INPUT || node->input[0] != v)
            continue;
        readers++;
        if (!is_product(node) && !ends_in_products(graph, node->output))
            return 0;
    }
    return readers > 0;
}

int prune_channels_possible(const struct graph *graph, int i)
{
    return is_product(&graph->node[i]) && ends_in_products(graph, graph->node[i].output);
}

int prune_channels_kept(int channels, double share, int round_to)
{
    int kept = (int)lrint((1.0 - share) * channels);

    if (round_to > 1)
        kept = (kept + round_to / 2) / round_to * round_to;
    if (kept < 1)
        kept = round_to > 1 && round_to < channels ? round_to : 1;
    return kept < channels ? kept : channels;
}

struct ranked {
    double norm;
    int channel;
};

static int by_norm(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->norm != y->norm)
        return x->norm > y->norm ? -1 : 1;
    return x->channel - y->channel;
}

/* keep (channels): 1 for the `kept` strongest channels, of equals the first ones. */
static enum status rank_channels(const struct weight *weight, int kept, uint8_t *keep)
{
    size_t row = weight->count / (size_t)weight->dim[0];
    struct ranked *ranked = calloc((size_t)weight->dim[0], sizeof *ranked);

    if (!ranked)
        return status_fail(ST_NOMEM, "%s: no memory to rank %d channels", weight->name, weight->dim[0]);
    for (int o = 0; o < weight->dim[0]; o++) {
        const float *w = (const float *)weight->data + (size_t)o * row;
        ranked[o].channel = o;
        for (size_t j = 0; j < row; j++)
            ranked[o].norm += (double)w[j] * (double)w[j];
    }
    qsort(ranked, (size_t)weight->dim[0], sizeof *ranked, by_norm);
    memset(keep, 0, (size_t)weight->dim[0]);
    for (int i = 0; i < kept; i++)
        keep[ranked[i].channel] = 1;
    free(ranked);
    return ST_OK;
}

/* Cuts a tensor seen as (outer, groups, inner) down to the kept groups, data and mask alike, in place. */
static void cut(struct weight *weight, size_t outer, size_t groups, size_t inner, const uint8_t *keep)
{
    float *data = weight->data;
    size_t to = 0;

    for (size_t o = 0; o < outer; o++)
        for (size_t g = 0; g < groups; g++) {
            size_t from = (o * groups + g) * inner;
            if (!keep[g])
                continue;
            memmove(data + to, data + from, inner * sizeof *data);
            if (weight->mask)
                memmove(weight->mask + to, weight->mask + from, inner);
            to += inner;
        }
    weight->count = to;
}

/* Gives back what cut() left over. */
static enum status shrink(struct weight *weight)
{
    float *data;
    uint8_t *mask = NULL;

    TRY(mem_alloc(weight->count, sizeof *data, &data));
    memcpy(data, weight->data, weight->count * sizeof *data);
    mem_free(weight->data);
    weight->data = data;
    if (weight->mask) {
        TRY(mem_alloc(weight->count, 1, &mask));
        memcpy(mask, weight->mask, weight->count);
        mem_free(weight->mask);
        weight->mask = mask;
    }
    return ST_OK;
}

/* Removes the inputs that belong to dropped channels from every product that reads v in the end. */
static enum status cut_readers(struct graph *graph, int v, int channels, int kept, const uint8_t *keep)
{
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        struct weight *weight;
        size_t per_channel;
        if (node->op == OP_INPUT || node->input[0] != v)
            continue;
        if (!is_product(node)) {
            TRY(cut_readers(graph, node->output, channels, kept, keep));
            continue;
        }
        weight = &graph->weight[node->weight];
        per_channel = weight->count / (size_t)weight->dim[0] / (size_t)channels;
        cut(weight, (size_t)weight->dim[0], (size_t)channels, per_channel, keep);
        weight->dim[1] = weight->dim[1] / channels * kept;
        TRY(shrink(weight));
    }
    return ST_OK;
}

static enum status prune_node(struct graph *graph, int i, double share, int round_to)
{
    struct node *node = &graph->node[i];
    struct weight *weight = &graph->weight[node->weight];
    int channels = weight->dim[0], kept = prune_channels_kept(channels, share, round_to);
    uint8_t *keep;
    enum status st = ST_OK;

    if (kept == channels)
        return ST_OK;
    TRY(mem_alloc((size_t)channels, 1, &keep));
    TRY_OUT(rank_channels(weight, kept, keep));
    cut(weight, 1, (size_t)channels, weight->count / (size_t)channels, keep);
    weight->dim[0] = kept;
    TRY_OUT(shrink(weight));
    if (node->bias >= 0) {
        struct weight *bias = &graph->weight[node->bias];
        cut(bias, 1, (size_t)channels, 1, keep);
        bias->dim[0] = kept;
        TRY_OUT(shrink(bias));
    }
    node->channels = kept;
    st = cut_readers(graph, node->output, channels, kept, keep);
out:
    mem_free(keep);
    return st;
}

enum status prune_channels(struct graph *graph, double share, int round_to)
{
    int possible = 0;

    for (int i = 0; i < graph->weights; i++)
        if (graph->weight[i].type != DT_F32 || graph->weight[i].scale)
            return status_fail(ST_BADARG, "%s: channels are removed from float weights only, before quantization",
                               graph->weight[i].name);
    for (int i = 0; i < graph->nodes; i++) {
        if (!prune_channels_possible(graph, i))
            continue;
        possible++;
        TRY(prune_node(graph, i, share, round_to));
    }
    if (!possible)
        return status_fail(ST_BADARG, "%s: no layer has channels that can be removed", graph->name);
    return graph_infer(graph);
}
