#include "graph/graph_quant.h"

/* Who writes and reads each value, so that every question is answered in one pass over the nodes. */
struct links {
    const struct graph *graph;
    int producer[GRAPH_MAX_NODES]; /* node that writes the value, or -1 */
    int reader[GRAPH_MAX_NODES];   /* the only node that reads it, or -1 */
};

static void links_init(struct links *links, const struct graph *graph)
{
    int readers[GRAPH_MAX_NODES] = {0};

    links->graph = graph;
    for (int v = 0; v < graph->values; v++)
        links->producer[v] = links->reader[v] = -1;
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        links->producer[node->output] = i;
        for (int k = 0; k < node->inputs; k++) {
            int v = node->input[k];
            if (links->reader[v] == i)
                continue; /* reads it twice */
            links->reader[v] = readers[v]++ == 0 ? i : -1;
        }
    }
    for (int v = 0; v < graph->values; v++)
        links->reader[v] = readers[v] == 1 ? links->reader[v] : -1;
}

static int is_relu(enum op op)
{
    return op == OP_RELU || op == OP_RELU6;
}

/* The ReLU or ReLU6 that alone reads what node i writes, or -1. */
static int act_after(const struct links *l, int i)
{
    int reader = l->reader[l->graph->node[i].output];

    return reader >= 0 && is_relu(l->graph->node[reader].op) ? reader : -1;
}

static int fused_add(const struct links *l, int i)
{
    const struct graph *graph = l->graph;
    const struct node *add;
    int v = graph->node[i].output, reader = l->reader[v], other;

    if (!op_is_product(graph->node[i].op) || node_is_depthwise(graph, &graph->node[i]))
        return -1;
    if (reader < 0 || graph->node[reader].op != OP_ADD)
        return -1;
    add = &graph->node[reader];
    other = add->input[0] == v ? add->input[1] : add->input[0];
    return other != v && l->producer[other] < i ? reader : -1;
}

static int fused_act(const struct links *l, int i)
{
    enum op op = l->graph->node[i].op;

    if (op_is_product(op)) {
        int add = fused_add(l, i);
        return act_after(l, add >= 0 ? add : i);
    }
    return op == OP_ADD || op == OP_MUL || op == OP_BATCHNORM ? act_after(l, i) : -1;
}

static int chain_end(const struct links *l, int i)
{
    int act = fused_act(l, i), add = fused_add(l, i);

    return act >= 0 ? act : add >= 0 ? add : i;
}

/* The product that takes the addition of add node i, or i. */
static int add_start(const struct links *l, int i)
{
    const struct node *node = &l->graph->node[i];

    for (int k = 0; node->op == OP_ADD && k < node->inputs; k++) {
        int before = l->producer[node->input[k]];
        if (before >= 0 && fused_add(l, before) == i)
            return before;
    }
    return i;
}

static int chain_start(const struct links *l, int i)
{
    const struct node *node = &l->graph->node[i];
    int before;

    if (!is_relu(node->op))
        return add_start(l, i);
    before = l->producer[node->input[0]];
    if (before < 0 || act_after(l, before) != i)
        return i;
    before = add_start(l, before);
    return fused_act(l, before) == i ? before : i;
}

/* Operators that only move values or choose among them: what they write is quantized as what they read. */
static int is_transparent(enum op op)
{
    return op == OP_POOL_MAX || is_relu(op) || op == OP_FLATTEN || op == OP_RESHAPE || op == OP_TRANSPOSE ||
           op == OP_SLICE;
}

/* Operators that have no integer form. */
static int is_float_only(enum op op)
{
    return op == OP_SOFTMAX || op == OP_LAYERNORM || op == OP_MATMUL || op == OP_BATCHNORM;
}

/* Is it the last node of a fused chain (or a node by itself)? */
static int ends_chain(const struct links *l, int i)
{
    return chain_end(l, chain_start(l, i)) == i;
}

static int is_point(const struct links *l, int v)
{
    int i = l->producer[v];

    if (i < 0 || v == graph_output(l->graph))
        return 0;
    if (l->graph->node[i].op == OP_INPUT)
        return 1;
    return !is_transparent(l->graph->node[chain_start(l, i)].op) && ends_chain(l, i);
}

/* A value is worth quantizing only if some conv or fc reads it, perhaps through operators that have an integer form. */
static int feeds_product(const struct links *l, int v)
{
    const struct graph *graph = l->graph;
    unsigned char reached[GRAPH_MAX_NODES] = {0};

    reached[v] = 1;
    for (int i = l->producer[v] + 1; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        int reads = 0;
        for (int k = 0; k < node->inputs; k++)
            reads |= reached[node->input[k]];
        if (!reads || is_float_only(node->op))
            continue;
        if (op_is_product(node->op))
            return 1;
        reached[node->output] = 1;
    }
    return 0;
}

static int source_of(const struct links *l, int v)
{
    if (!feeds_product(l, v))
        return -1;
    while (!is_point(l, v)) {
        int i = l->producer[v];
        if (i < 0 || !ends_chain(l, i) || v == graph_output(l->graph) || !is_transparent(l->graph->node[i].op))
            return -1; /* inside a fused chain */
        v = l->graph->node[i].input[0];
    }
    return v;
}

int graph_fused_add(const struct graph *graph, int i)
{
    struct links links;

    links_init(&links, graph);
    return fused_add(&links, i);
}

int graph_fused_act(const struct graph *graph, int i)
{
    struct links links;

    links_init(&links, graph);
    return fused_act(&links, i);
}

int graph_chain_end(const struct graph *graph, int i)
{
    struct links links;

    links_init(&links, graph);
    return chain_end(&links, i);
}

int graph_chain_start(const struct graph *graph, int i)
{
    struct links links;

    links_init(&links, graph);
    return chain_start(&links, i);
}

int graph_is_quant_point(const struct graph *graph, int v)
{
    struct links links;

    links_init(&links, graph);
    return is_point(&links, v);
}

int graph_quant_source(const struct graph *graph, int v)
{
    struct links links;

    links_init(&links, graph);
    return source_of(&links, v);
}

/* Quantized on both sides: computed in integers or by a table. */
static int is_integer(const struct graph *graph, const struct node *node)
{
    for (int k = 0; k < node->inputs; k++)
        if (graph->value[node->input[k]].quant != QUANT_STATIC)
            return 0;
    return graph->value[node->output].quant == QUANT_STATIC;
}

static int node_is_exact(const struct graph *graph, const struct node *node)
{
    switch (node->op) {
    case OP_CONV:
    case OP_FC:
        return graph->weight[node->weight].type == DT_S8;
    case OP_SOFTMAX:
    case OP_LAYERNORM:
    case OP_MATMUL:
    case OP_BATCHNORM:
        return 0;
    case OP_POOL_AVG:
    case OP_HARDSWISH:
    case OP_SIGMOID:
    case OP_GELU:
        return is_integer(graph, node);
    default:
        return 1;
    }
}

int graph_is_exact(const struct graph *graph)
{
    int last = graph->nodes - 1;

    while (last >= 0 && !op_is_product(graph->node[last].op))
        last--;
    for (int i = 0; i <= last; i++)
        if (!node_is_exact(graph, &graph->node[i]))
            return 0;
    return last >= 0;
}

int graph_weight_steps(const struct graph *graph, int i, int weight_bits)
{
    int first_conv = 0, last = graph->nodes - 1;

    while (first_conv < graph->nodes && graph->node[first_conv].op != OP_CONV)
        first_conv++;
    while (last >= 0 && !op_is_product(graph->node[last].op))
        last--;
    return weight_bits == 8 || i == first_conv || i == last || node_is_depthwise(graph, &graph->node[i]) ? 127 : 7;
}

void graph_quant_spread(struct graph *graph)
{
    struct links links;

    links_init(&links, graph);
    for (int v = 0; v < graph->values; v++) {
        int source = source_of(&links, v);
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
