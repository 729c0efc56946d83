#include "graph/graph_quant.h"

/* The one node that reads v, or -1. */
static int only_reader(const struct graph *graph, int v)
{
    return graph_readers(graph, v) == 1 ? graph_consumer(graph, v) : -1;
}

static int act_after(const struct graph *graph, int i)
{
    int reader = only_reader(graph, graph->node[i].output);
    enum op op;

    if (reader < 0)
        return -1;
    op = graph->node[reader].op;
    return op == OP_RELU || op == OP_RELU6 ? reader : -1;
}

int graph_fused_add(const struct graph *graph, int i)
{
    const struct node *add;
    int v = graph->node[i].output, reader, other;

    if (!op_is_product(graph->node[i].op) || node_is_depthwise(graph, &graph->node[i]))
        return -1;
    reader = only_reader(graph, v);
    if (reader < 0 || graph->node[reader].op != OP_ADD)
        return -1;
    add = &graph->node[reader];
    other = add->input[0] == v ? add->input[1] : add->input[0];
    return other != v && graph_producer(graph, other) < i ? reader : -1;
}

int graph_fused_act(const struct graph *graph, int i)
{
    enum op op = graph->node[i].op;

    if (op_is_product(op)) {
        int add = graph_fused_add(graph, i);
        return act_after(graph, add >= 0 ? add : i);
    }
    return op == OP_ADD || op == OP_MUL || op == OP_BATCHNORM ? act_after(graph, i) : -1;
}

int graph_chain_end(const struct graph *graph, int i)
{
    int act = graph_fused_act(graph, i), add = graph_fused_add(graph, i);

    return act >= 0 ? act : add >= 0 ? add : i;
}

int graph_chain_start(const struct graph *graph, int i)
{
    const struct node *node = &graph->node[i];
    int before;

    if (node->op == OP_RELU || node->op == OP_RELU6) {
        before = graph_producer(graph, node->input[0]);
        if (before < 0 || act_after(graph, before) != i)
            return i;
        if (graph->node[before].op == OP_ADD)
            return graph_chain_start(graph, before);
        return graph_fused_act(graph, before) == i ? before : i;
    }
    for (int k = 0; node->op == OP_ADD && k < node->inputs; k++) {
        before = graph_producer(graph, node->input[k]);
        if (before >= 0 && graph_fused_add(graph, before) == i)
            return before;
    }
    return i;
}

/* Operators that only move values or choose among them: what they write is quantized as what they read. */
static int is_transparent(enum op op)
{
    return op == OP_POOL_MAX || op == OP_RELU || op == OP_RELU6 || op == OP_FLATTEN || op == OP_RESHAPE ||
           op == OP_TRANSPOSE || op == OP_SLICE;
}

/* Operators that have no integer form. */
static int is_float_only(enum op op)
{
    return op == OP_SOFTMAX || op == OP_LAYERNORM || op == OP_MATMUL || op == OP_BATCHNORM;
}

/* Is it the last node of a fused chain (or a node by itself)? */
static int ends_chain(const struct graph *graph, int i)
{
    return graph_chain_end(graph, graph_chain_start(graph, i)) == i;
}

int graph_is_quant_point(const struct graph *graph, int v)
{
    int i = graph_producer(graph, v), start;

    if (i < 0 || v == graph_output(graph))
        return 0;
    if (graph->node[i].op == OP_INPUT)
        return 1;
    start = graph_chain_start(graph, i);
    return !is_transparent(graph->node[start].op) && ends_chain(graph, i);
}

/* A value is worth quantizing only if some conv or fc reads it, perhaps through operators that have an integer form. */
static int feeds_product(const struct graph *graph, int v)
{
    for (int i = graph_producer(graph, v) + 1; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (!node_reads(node, v) || is_float_only(node->op))
            continue;
        if (op_is_product(node->op) || feeds_product(graph, node->output))
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
        if (i < 0 || !ends_chain(graph, i) || v == graph_output(graph) || !is_transparent(graph->node[i].op))
            return -1; /* inside a fused chain */
        v = graph->node[i].input[0];
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
