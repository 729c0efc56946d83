#include "compress/prune_channels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Which values share their channels: chains of operators that keep channels apart, and everything that an add, a mul
 * or a depthwise convolution ties together. */
struct groups {
    const struct graph *graph;
    int *parent;           /* (values) union-find; a root is its own parent */
    unsigned char *frozen; /* (values) of a root: something needs the channels as they are */
};

static int find_group(const struct groups *g, int v)
{
    while (g->parent[v] != v)
        v = g->parent[v];
    return v;
}

static void join_values(struct groups *g, int a, int b)
{
    int x = find_group(g, a), y = find_group(g, b), root = x < y ? x : y;

    g->parent[x] = g->parent[y] = root;
    g->frozen[root] = g->frozen[x] | g->frozen[y];
}

static void freeze_value(struct groups *g, int v)
{
    g->frozen[find_group(g, v)] = 1;
}

static int is_dense(const struct node *node)
{
    return op_is_product(node->op) && node_groups(node) == 1;
}

static void join_node(struct groups *g, const struct node *node)
{
    int tied = op_is_activation(node->op) || node->op == OP_POOL_MAX || node->op == OP_POOL_AVG ||
               node->op == OP_BATCHNORM || node->op == OP_ADD || node->op == OP_MUL || node->op == OP_FLATTEN ||
               node_is_depthwise(g->graph, node);

    if (is_dense(node) || node->op == OP_INPUT)
        return;
    for (int k = 0; k < node->inputs; k++)
        if (tied)
            join_values(g, node->input[k], node->output);
        else
            freeze_value(g, node->input[k]);
    if (!tied)
        freeze_value(g, node->output);
}

static void groups_free(struct groups *g)
{
    mem_free(g->parent);
    mem_free(g->frozen);
}

static enum status groups_init(const struct graph *graph, struct groups *out)
{
    struct groups g = {.graph = graph};
    enum status st = ST_OK;

    TRY_OUT(mem_alloc((size_t)graph->values, sizeof *g.parent, &g.parent));
    TRY_OUT(mem_alloc((size_t)graph->values, 1, &g.frozen));
    for (int v = 0; v < graph->values; v++)
        g.parent[v] = v;
    freeze_value(&g, graph_input(graph));
    freeze_value(&g, graph_output(graph));
    for (int i = 0; i < graph->nodes; i++)
        join_node(&g, &graph->node[i]);
    *out = g;
    return ST_OK;
out:
    groups_free(&g);
    return st;
}

int prune_channels_possible(const struct graph *graph, int i)
{
    struct groups g;
    int possible;

    if (!is_dense(&graph->node[i]) && !node_is_depthwise(graph, &graph->node[i]))
        return 0;
    if (groups_init(graph, &g) != ST_OK)
        return 0;
    possible = !g.frozen[find_group(&g, graph->node[i].output)];
    groups_free(&g);
    return possible;
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

/* Adds the squared norms of the rows of a weight to those of its channels. */
static void add_norms(const struct weight *weight, struct ranked *ranked)
{
    size_t row = weight->count / (size_t)weight->dim[0];

    for (int o = 0; o < weight->dim[0]; o++) {
        const float *w = (const float *)weight->data + (size_t)o * row;
        for (size_t j = 0; j < row; j++)
            ranked[o].norm += (double)w[j] * (double)w[j];
    }
}

/* keep (channels): 1 for the `kept` channels of the group with the largest norms over all dense layers that write
 * them, of equals the first ones. */
static enum status rank_channels(const struct groups *g, int group, int channels, int kept, uint8_t *keep)
{
    struct ranked *ranked = calloc((size_t)channels, sizeof *ranked);

    if (!ranked)
        return status_fail(ST_NOMEM, "%s: no memory to rank %d channels", g->graph->value[group].name, channels);
    for (int o = 0; o < channels; o++)
        ranked[o].channel = o;
    for (int i = 0; i < g->graph->nodes; i++)
        if (is_dense(&g->graph->node[i]) && find_group(g, g->graph->node[i].output) == group)
            add_norms(&g->graph->weight[g->graph->node[i].weight], ranked);
    qsort(ranked, (size_t)channels, sizeof *ranked, by_norm);
    memset(keep, 0, (size_t)channels);
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

/* Cuts the first dimension of a tensor (-1: none) down to the kept channels. */
static enum status cut_rows(struct graph *graph, int index, int channels, int kept, const uint8_t *keep)
{
    struct weight *weight;

    if (index < 0)
        return ST_OK;
    weight = &graph->weight[index];
    cut(weight, 1, (size_t)channels, weight->count / (size_t)channels, keep);
    weight->dim[0] = kept;
    return shrink(weight);
}

/* Removes the inputs that belong to dropped channels; after a flatten a channel is several neighbouring columns. */
static enum status cut_columns(struct graph *graph, const struct node *node, int channels, int kept,
                               const uint8_t *keep)
{
    struct weight *weight = &graph->weight[node->weight];
    size_t per_channel = weight->count / (size_t)weight->dim[0] / (size_t)channels;

    cut(weight, (size_t)weight->dim[0], (size_t)channels, per_channel, keep);
    weight->dim[1] = weight->dim[1] / channels * kept;
    return shrink(weight);
}

static enum status cut_node(const struct groups *g, int group, struct graph *graph, int i, int channels, int kept,
                            const uint8_t *keep)
{
    struct node *node = &graph->node[i];
    int depthwise = node_is_depthwise(graph, node);

    if (node->op == OP_INPUT)
        return ST_OK;
    if (is_dense(node) && find_group(g, node->input[0]) == group)
        TRY(cut_columns(graph, node, channels, kept, keep));
    if (find_group(g, node->output) != group || (!is_dense(node) && !depthwise && node->op != OP_BATCHNORM))
        return ST_OK;
    TRY(cut_rows(graph, node->weight, channels, kept, keep));
    TRY(cut_rows(graph, node->bias, channels, kept, keep));
    TRY(cut_rows(graph, node->mean, channels, kept, keep));
    TRY(cut_rows(graph, node->variance, channels, kept, keep));
    if (node->op != OP_BATCHNORM)
        node->channels = kept;
    if (depthwise)
        node->groups = kept;
    return ST_OK;
}

/* The group that node i is the first to write, down to its share. Shapes of values stay as they were till the end:
 * channel counts are those of weights. */
static enum status prune_group_of(const struct groups *g, struct graph *graph, int i, double share, int round_to)
{
    int group = find_group(g, graph->node[i].output), channels = graph->weight[graph->node[i].weight].dim[0];
    int kept = prune_channels_kept(channels, share, round_to);
    uint8_t *keep;
    enum status st = ST_OK;

    if (kept == channels)
        return ST_OK;
    TRY(mem_alloc((size_t)channels, 1, &keep));
    TRY_OUT(rank_channels(g, group, channels, kept, keep));
    for (int j = 0; j < graph->nodes; j++)
        TRY_OUT(cut_node(g, group, graph, j, channels, kept, keep));
    st = graph_infer(graph); /* before the next group: depthwise layers are recognised by their input's channels */
out:
    mem_free(keep);
    return st;
}

enum status prune_channels(struct graph *graph, double share, int round_to)
{
    struct groups g;
    enum status st = ST_OK;
    int possible = 0;

    for (int i = 0; i < graph->weights; i++)
        if (graph->weight[i].type != DT_F32 || graph->weight[i].scale)
            return status_fail(ST_BADARG, "%s: channels are removed from float weights only, before quantization",
                               graph->weight[i].name);
    TRY(groups_init(graph, &g));
    for (int i = 0; i < graph->nodes; i++) {
        int group = find_group(&g, graph->node[i].output);
        if (!is_dense(&graph->node[i]) || g.frozen[group])
            continue;
        possible++;
        TRY_OUT(prune_group_of(&g, graph, i, share, round_to));
        g.frozen[group] = 1; /* done */
    }
    if (!possible)
        st = status_fail(ST_BADARG, "%s: no layer has channels that can be removed", graph->name);
out:
    groups_free(&g);
    return st;
}
