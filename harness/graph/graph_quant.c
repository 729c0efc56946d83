#include "graph/graph_quant.h"

static int is_product(const struct node *node)
{
    return node->op == OP_CONV || node->op == OP_FC;
}

static int readers(const struct graph *graph, int v)
{
    int count = 0;
    for (int i = 0; i < graph->nodes; i++)
        count += graph->node[i].op != OP_INPUT && graph->node[i].input == v;
    return count;
}

int graph_fused_relu(const struct graph *graph, int i)
{
    int reader;

    if (!is_product(&graph->node[i]) || readers(graph, graph->node[i].output) != 1)
        return -1;
    reader = graph_consumer(graph, graph->node[i].output);
    return graph->node[reader].op == OP_RELU ? reader : -1;
}

int graph_is_quant_point(const struct graph *graph, int v)
{
    int i = graph_producer(graph, v);
    const struct node *node;

    if (i < 0 || v == graph_output(graph))
        return 0;
    node = &graph->node[i];
    if (node->op == OP_INPUT)
        return 1;
    if (is_product(node))
        return graph_fused_relu(graph, i) < 0;
    if (node->op == OP_RELU) {
        int before = graph_producer(graph, node->input);
        return before >= 0 && graph_fused_relu(graph, before) == i;
    }
    return 0;
}

/* A value is worth quantizing only if some conv or fc reads it, perhaps through pooling and the like. */
static int feeds_product(const struct graph *graph, int v)
{
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (node->op == OP_INPUT || node->input != v)
            continue;
        if (is_product(node) || feeds_product(graph, node->output))
            return 1;
    }
    return 0;
}

int graph_quant_source(const struct graph *graph, int v)
{
    if (!feeds_product(graph, v))
        return -1;
    while (!graph_is_quant_point(graph, v)) {
        int i = graph_producer(graph, v);
        if (i < 0 || is_product(&graph->node[i]))
            return -1; /* between an operator and its fused ReLU */
        v = graph->node[i].input;
    }
    return v;
}

void graph_quant_spread(struct graph *graph)
{
    for (int v = 0; v < graph->values; v++) {
        int source = graph_quant_source(graph, v);
        if (source < 0) {
            graph->value[v].quant = QUANT_NONE;
            graph->value[v].scale = 1;
            graph->value[v].zero_point = 0;
        } else if (source != v) {
            graph->value[v].quant = graph->value[source].quant;
            graph->value[v].scale = graph->value[source].scale;
            graph->value[v].zero_point = graph->value[source].zero_point;
        }
    }
}
