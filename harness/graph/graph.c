#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

size_t dtype_bytes(enum dtype type)
{
    return type == DT_S8 ? 1 : 4;
}

const char *dtype_name(enum dtype type)
{
    static const char *const names[] = {"f32", "s8", "s32"};
    return names[type];
}

const char *op_name(enum op op)
{
    static const char *const names[OP_COUNT] = {
        "input", "conv",      "fc",      "pool_max", "relu",    "flatten",   "pool_avg",
        "relu6", "hardswish", "sigmoid", "gelu",     "softmax", "layernorm", "batchnorm",
        "add",   "mul",       "concat",  "matmul",   "reshape", "transpose", "slice",
    };
    return (unsigned)op < OP_COUNT ? names[op] : "unknown";
}

size_t value_count(const struct value *value)
{
    size_t count = 1;

    for (int i = 0; i < GRAPH_MAX_RANK; i++)
        count *= (size_t)value->dim[i];
    return count;
}

static void weight_free(struct weight *weight)
{
    mem_free(weight->data);
    mem_free(weight->scale);
    mem_free(weight->mask);
}

void graph_free(struct graph *graph)
{
    for (int i = 0; i < graph->weights; i++)
        weight_free(&graph->weight[i]);
    free(graph->weight);
    free(graph->value);
    free(graph->node);
    memset(graph, 0, sizeof *graph);
}

/* Room for one more element; arrays grow one by one because graphs are small and built once. */
static enum status grow(void *array_pointer, int count, size_t size)
{
    void *old, *larger;

    memcpy(&old, array_pointer, sizeof old);
    if (count >= GRAPH_MAX_NODES)
        return status_fail(ST_FORMAT, "more than %d nodes, values or weights", GRAPH_MAX_NODES);
    larger = realloc(old, ((size_t)count + 1) * size);
    if (!larger)
        return status_fail(ST_NOMEM, "no memory for element %d of a graph", count);
    memset((char *)larger + (size_t)count * size, 0, size);
    memcpy(array_pointer, &larger, sizeof larger);
    return ST_OK;
}

static enum status check_name(const char *name, const char *kind)
{
    if (!*name)
        return status_fail(ST_FORMAT, "a %s without a name", kind);
    if (strlen(name) >= GRAPH_NAME)
        return status_fail(ST_FORMAT, "%s '%.20s...': the name is longer than %d characters", kind, name,
                           GRAPH_NAME - 1);
    return ST_OK;
}

static enum status check_dims(const char *name, const int *dim, int rank, int max_rank, size_t *out_count)
{
    size_t count = 1;

    if (rank < 1 || rank > max_rank)
        return status_fail(ST_FORMAT, "%s: rank %d, expected 1 to %d", name, rank, max_rank);
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 1 || dim[i] > GRAPH_MAX_DIM)
            return status_fail(ST_FORMAT, "%s: dimension %d is %d, expected 1 to %d", name, i, dim[i], GRAPH_MAX_DIM);
        count *= (size_t)dim[i];
        if (count > GRAPH_MAX_COUNT)
            return status_fail(ST_FORMAT, "%s: more than %d elements", name, GRAPH_MAX_COUNT);
    }
    *out_count = count;
    return ST_OK;
}

enum status graph_add_value(struct graph *graph, const char *name, int rank, const int *dim, int *out_index)
{
    struct value *value;
    size_t count;

    TRY(check_name(name, "value"));
    TRY(check_dims(name, dim, rank, GRAPH_MAX_RANK, &count));
    for (int i = 0; i < graph->values; i++)
        if (strcmp(graph->value[i].name, name) == 0)
            return status_fail(ST_FORMAT, "two values are named '%s'", name);
    TRY(grow(&graph->value, graph->values, sizeof *graph->value));
    value = &graph->value[graph->values];
    snprintf(value->name, sizeof value->name, "%s", name);
    value->rank = rank;
    for (int i = 0; i < GRAPH_MAX_RANK; i++)
        value->dim[i] = i < rank ? dim[i] : 1;
    value->scale = 1;
    *out_index = graph->values++;
    return ST_OK;
}

static int usual_inputs(enum op op)
{
    return op == OP_INPUT ? 0 : op == OP_ADD || op == OP_MUL || op == OP_CONCAT || op == OP_MATMUL ? 2 : 1;
}

/* Fields that may be left 0 get what 0 stands for; those that the operator does not use become alike. */
static void put_defaults(struct node *node)
{
    int conv = node->op == OP_CONV;

    if (node->inputs == 0)
        node->inputs = usual_inputs(node->op);
    node->groups = conv ? node_groups(node) : 0;
    node->dilation_h = conv ? node_dilation_h(node) : 0;
    node->dilation_w = conv ? node_dilation_w(node) : 0;
    node->scale = node->op == OP_MATMUL ? node_scale(node) : 0;
    if (node->op != OP_BATCHNORM)
        node->mean = node->variance = -1;
}

enum status graph_add_node(struct graph *graph, const struct node *node, int *out_index)
{
    TRY(check_name(node->name, "node"));
    for (int i = 0; i < graph->nodes; i++)
        if (strcmp(graph->node[i].name, node->name) == 0)
            return status_fail(ST_FORMAT, "two nodes are named '%s'", node->name);
    TRY(grow(&graph->node, graph->nodes, sizeof *graph->node));
    graph->node[graph->nodes] = *node;
    put_defaults(&graph->node[graph->nodes]);
    *out_index = graph->nodes++;
    return ST_OK;
}

enum status graph_add_weight(struct graph *graph, const char *name, enum dtype type, int rank, const int *dim,
                             int *out_index)
{
    struct weight *weight;
    size_t count;

    TRY(check_name(name, "weight"));
    TRY(check_dims(name, dim, rank, 4, &count));
    for (int i = 0; i < graph->weights; i++)
        if (strcmp(graph->weight[i].name, name) == 0)
            return status_fail(ST_FORMAT, "two weights are named '%s'", name);
    TRY(grow(&graph->weight, graph->weights, sizeof *graph->weight));
    weight = &graph->weight[graph->weights];
    TRY(mem_alloc(count, dtype_bytes(type), &weight->data));
    snprintf(weight->name, sizeof weight->name, "%s", name);
    weight->type = type;
    weight->rank = rank;
    for (int i = 0; i < 4; i++)
        weight->dim[i] = i < rank ? dim[i] : 1;
    weight->count = count;
    *out_index = graph->weights++;
    return ST_OK;
}

static enum status copy_block(const void *from, size_t count, size_t size, void *to_pointer)
{
    void *to;

    if (!from)
        return ST_OK;
    TRY(mem_alloc(count, size, &to));
    memcpy(to, from, count * size);
    memcpy(to_pointer, &to, sizeof to);
    return ST_OK;
}

static enum status weight_clone(const struct weight *weight, struct weight *out)
{
    *out = *weight;
    out->data = NULL;
    out->scale = NULL;
    out->mask = NULL;
    TRY(copy_block(weight->data, weight->count, dtype_bytes(weight->type), &out->data));
    TRY(copy_block(weight->scale, (size_t)weight->dim[0], sizeof *weight->scale, &out->scale));
    return copy_block(weight->mask, weight->count, 1, &out->mask);
}

enum status graph_clone(const struct graph *graph, struct graph *out)
{
    enum status st = ST_OK;
    struct graph copy = *graph;

    copy.node = calloc((size_t)graph->nodes + 1, sizeof *copy.node);
    copy.value = calloc((size_t)graph->values + 1, sizeof *copy.value);
    copy.weight = calloc((size_t)graph->weights + 1, sizeof *copy.weight);
    copy.weights = 0;
    if (!copy.node || !copy.value || !copy.weight) {
        st = status_fail(ST_NOMEM, "no memory to copy graph '%s'", graph->name);
        goto out;
    }
    if (graph->nodes)
        memcpy(copy.node, graph->node, (size_t)graph->nodes * sizeof *copy.node);
    if (graph->values)
        memcpy(copy.value, graph->value, (size_t)graph->values * sizeof *copy.value);
    for (int i = 0; i < graph->weights; i++) {
        copy.weights = i + 1; /* what is there so far is freed on failure */
        TRY_OUT(weight_clone(&graph->weight[i], &copy.weight[i]));
    }
    *out = copy;
    return ST_OK;
out:
    graph_free(&copy);
    return st;
}

int graph_input(const struct graph *graph)
{
    for (int i = 0; i < graph->nodes; i++)
        if (graph->node[i].op == OP_INPUT)
            return graph->node[i].output;
    return -1;
}

int graph_output(const struct graph *graph)
{
    return graph->nodes > 0 ? graph->node[graph->nodes - 1].output : -1;
}

int graph_producer(const struct graph *graph, int v)
{
    for (int i = 0; i < graph->nodes; i++)
        if (graph->node[i].output == v)
            return i;
    return -1;
}

int node_reads(const struct node *node, int v)
{
    for (int i = 0; i < node->inputs; i++)
        if (node->input[i] == v)
            return 1;
    return 0;
}

int graph_consumer(const struct graph *graph, int v)
{
    for (int i = 0; i < graph->nodes; i++)
        if (node_reads(&graph->node[i], v))
            return i;
    return -1;
}

int graph_readers(const struct graph *graph, int v)
{
    int count = 0;

    for (int i = 0; i < graph->nodes; i++)
        count += node_reads(&graph->node[i], v);
    return count;
}

int op_is_product(enum op op)
{
    return op == OP_CONV || op == OP_FC;
}

int op_is_activation(enum op op)
{
    return op == OP_RELU || op == OP_RELU6 || op == OP_HARDSWISH || op == OP_SIGMOID || op == OP_GELU;
}

int node_groups(const struct node *node)
{
    return node->groups > 0 ? node->groups : 1;
}

int node_dilation_h(const struct node *node)
{
    return node->dilation_h > 0 ? node->dilation_h : 1;
}

int node_dilation_w(const struct node *node)
{
    return node->dilation_w > 0 ? node->dilation_w : 1;
}

float node_scale(const struct node *node)
{
    return node->scale != 0 ? node->scale : 1.0f;
}

int node_is_depthwise(const struct graph *graph, const struct node *node)
{
    return node->op == OP_CONV && node_groups(node) > 1 && node_groups(node) == node->channels &&
           node->channels == graph->value[node->input[0]].dim[0];
}

uint64_t graph_node_macs(const struct graph *graph, int i)
{
    const struct node *node = &graph->node[i];
    const struct value *out = &graph->value[node->output], *in;

    if (node->op == OP_CONV)
        return (uint64_t)graph->weight[node->weight].count * (uint64_t)out->dim[1] * (uint64_t)out->dim[2];
    if (node->op == OP_FC)
        return (uint64_t)graph->weight[node->weight].count * (out->rank == 2 ? (uint64_t)out->dim[0] : 1);
    if (node->op != OP_MATMUL)
        return 0;
    in = &graph->value[node->input[0]];
    return (uint64_t)value_count(out) * (uint64_t)in->dim[in->rank - 1];
}

size_t weight_zeros(const struct weight *weight)
{
    size_t zeros = 0;

    for (size_t i = 0; i < weight->count; i++) {
        if (weight->type == DT_F32)
            zeros += ((const float *)weight->data)[i] == 0;
        else if (weight->type == DT_S8)
            zeros += ((const int8_t *)weight->data)[i] == 0;
        else
            zeros += ((const int32_t *)weight->data)[i] == 0;
    }
    return zeros;
}

double graph_sparsity(const struct graph *graph)
{
    size_t zeros = 0, count = 0;

    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (!op_is_product(node->op))
            continue;
        zeros += weight_zeros(&graph->weight[node->weight]);
        count += graph->weight[node->weight].count;
    }
    return count > 0 ? (double)zeros / (double)count : 0;
}

size_t graph_parameters(const struct graph *graph)
{
    size_t count = 0;

    for (int i = 0; i < graph->weights; i++)
        count += graph->weight[i].count;
    return count;
}

/* FNV-1a: a tensor's stream of random numbers depends on its name, not on its place. */
static uint64_t name_stream(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

static void fill(struct weight *weight, float x)
{
    for (size_t i = 0; i < weight->count; i++)
        ((float *)weight->data)[i] = x;
}

/* The identity: gamma 1, beta 0; for a batch normalization also mean 0, variance 1. */
static void init_norm(struct graph *graph, const struct node *node)
{
    fill(&graph->weight[node->weight], 1);
    fill(&graph->weight[node->bias], 0);
    if (node->op == OP_BATCHNORM) {
        fill(&graph->weight[node->mean], 0);
        fill(&graph->weight[node->variance], 1);
    }
}

void graph_init_weights(struct graph *graph, uint64_t seed)
{
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        struct weight *weight;
        struct rng rng;
        float *data, deviation;
        if (node->op == OP_LAYERNORM || node->op == OP_BATCHNORM)
            init_norm(graph, node);
        if (!op_is_product(node->op))
            continue;
        weight = &graph->weight[node->weight];
        data = weight->data;
        /* He et al. 2015: variance 2 / fan-in keeps the signal's size through ReLU layers. */
        deviation = sqrtf(2.0f / (float)(weight->count / (size_t)weight->dim[0]));
        rng_seed(&rng, seed, name_stream(weight->name));
        for (size_t j = 0; j < weight->count; j++)
            data[j] = deviation * rng_normal(&rng);
        if (node->bias >= 0)
            memset(graph->weight[node->bias].data, 0, graph->weight[node->bias].count * sizeof(float));
    }
}
