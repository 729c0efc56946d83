#include "graph/graph_fold.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static int uses_weight(const struct node *node, int w)
{
    int norm = node->op == OP_BATCHNORM;

    return node->weight == w || node->bias == w || (norm && (node->mean == w || node->variance == w));
}

static int users(const struct graph *graph, int w)
{
    int count = 0;

    for (int i = 0; i < graph->nodes; i++)
        count += uses_weight(&graph->node[i], w);
    return count;
}

/* A float tensor that no other node has. */
static enum status check_tensor(const struct graph *graph, const struct node *norm, int w)
{
    const struct weight *weight = &graph->weight[w];

    if (weight->type != DT_F32 || weight->scale)
        return status_fail(ST_UNSUPPORTED, "node '%s': cannot be folded: weight '%s' is quantized", norm->name,
                           weight->name);
    if (users(graph, w) != 1)
        return status_fail(ST_UNSUPPORTED, "node '%s': cannot be folded: weight '%s' belongs to several nodes",
                           norm->name, weight->name);
    return ST_OK;
}

static enum status check_node(const struct graph *graph, int i)
{
    const struct node *norm = &graph->node[i], *product;
    int before = graph_producer(graph, norm->input[0]);

    if (before < 0 || !op_is_product(graph->node[before].op) || graph_readers(graph, norm->input[0]) != 1)
        return status_fail(ST_UNSUPPORTED,
                           "node '%s': a batchnorm must follow a conv or fc of which it is the only reader",
                           norm->name);
    product = &graph->node[before];
    if (product->op == OP_FC && graph->value[product->output].rank != 1)
        return status_fail(ST_UNSUPPORTED, "node '%s': a batchnorm over a sequence cannot be folded", norm->name);
    if (i == graph->nodes - 1 && before != i - 1)
        return status_fail(ST_UNSUPPORTED, "node '%s': gives the output and must stand right after '%s'", norm->name,
                           product->name);
    TRY(check_tensor(graph, norm, product->weight));
    if (product->bias >= 0)
        TRY(check_tensor(graph, norm, product->bias));
    else if (strlen(product->name) + strlen(".bias") >= GRAPH_NAME)
        return status_fail(ST_UNSUPPORTED, "node '%s': the name of '%s' is too long for a bias", norm->name,
                           product->name);
    TRY(check_tensor(graph, norm, norm->weight));
    TRY(check_tensor(graph, norm, norm->bias));
    TRY(check_tensor(graph, norm, norm->mean));
    return check_tensor(graph, norm, norm->variance);
}

enum status graph_fold_check(const struct graph *graph)
{
    for (int i = 0; i < graph->nodes; i++)
        if (graph->node[i].op == OP_BATCHNORM)
            TRY(check_node(graph, i));
    return ST_OK;
}

static enum status add_bias(struct graph *graph, int i)
{
    char name[2 * GRAPH_NAME];
    int index;

    if (graph->node[i].bias >= 0)
        return ST_OK;
    snprintf(name, sizeof name, "%s.bias", graph->node[i].name);
    TRY(graph_add_weight(graph, name, DT_F32, 1, &graph->node[i].channels, &index));
    graph->node[i].bias = index;
    return ST_OK;
}

static void scale_product(struct graph *graph, const struct node *norm, const struct node *product)
{
    struct weight *weight = &graph->weight[product->weight];
    const float *gamma = graph->weight[norm->weight].data, *beta = graph->weight[norm->bias].data;
    const float *mean = graph->weight[norm->mean].data, *variance = graph->weight[norm->variance].data;
    float *w = weight->data, *b = graph->weight[product->bias].data;
    size_t row = weight->count / (size_t)weight->dim[0];

    for (int o = 0; o < weight->dim[0]; o++, w += row) {
        double factor = (double)gamma[o] / sqrt((double)variance[o] + (double)norm->epsilon);
        for (size_t k = 0; k < row; k++)
            w[k] = (float)((double)w[k] * factor);
        b[o] = (float)((double)beta[o] + ((double)b[o] - (double)mean[o]) * factor);
    }
}

static void remove_weight(struct graph *graph, int w)
{
    mem_free(graph->weight[w].data);
    mem_free(graph->weight[w].scale);
    mem_free(graph->weight[w].mask);
    memmove(&graph->weight[w], &graph->weight[w + 1], (size_t)(graph->weights - w - 1) * sizeof *graph->weight);
    graph->weights--;
    for (int i = 0; i < graph->nodes; i++) {
        struct node *node = &graph->node[i];
        node->weight -= node->weight > w;
        node->bias -= node->bias > w;
        node->mean -= node->mean > w;
        node->variance -= node->variance > w;
    }
}

/* Value v goes; its readers read `instead`. */
static void remove_value(struct graph *graph, int v, int instead)
{
    memmove(&graph->value[v], &graph->value[v + 1], (size_t)(graph->values - v - 1) * sizeof *graph->value);
    graph->values--;
    for (int i = 0; i < graph->nodes; i++) {
        struct node *node = &graph->node[i];
        for (int k = 0; k < node->inputs; k++) {
            if (node->input[k] == v)
                node->input[k] = instead;
            node->input[k] -= node->input[k] > v;
        }
        node->output -= node->output > v;
    }
}

static void remove_norm(struct graph *graph, int i)
{
    struct node norm = graph->node[i];
    int tensor[4] = {norm.weight, norm.bias, norm.mean, norm.variance};

    memmove(&graph->node[i], &graph->node[i + 1], (size_t)(graph->nodes - i - 1) * sizeof *graph->node);
    graph->nodes--;
    remove_value(graph, norm.output, norm.input[0]);
    for (int k = 0; k < 4; k++) {
        remove_weight(graph, tensor[k]);
        for (int j = k + 1; j < 4; j++)
            tensor[j] -= tensor[j] > tensor[k];
    }
}

enum status graph_fold_batchnorm(struct graph *graph)
{
    TRY(graph_fold_check(graph));
    for (int i = graph->nodes - 1; i > 0; i--) {
        int before;
        if (graph->node[i].op != OP_BATCHNORM)
            continue;
        before = graph_producer(graph, graph->node[i].input[0]);
        TRY(add_bias(graph, before));
        scale_product(graph, &graph->node[i], &graph->node[before]);
        remove_norm(graph, i);
    }
    return ST_OK;
}
