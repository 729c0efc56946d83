/* The nodes of a packed file as they are written, and what a graph must be to be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_quant.h"
#include "io/plk_parts.h"

int plk_has_weights(enum op op)
{
    return op_is_product(op) || op == OP_LAYERNORM;
}

int plk_has_window(enum op op)
{
    return op == OP_CONV || op == OP_POOL_MAX || op == OP_POOL_AVG;
}

void plk_usual_name(enum op op, int index, char out[GRAPH_NAME])
{
    if (op == OP_INPUT)
        snprintf(out, GRAPH_NAME, "input");
    else
        snprintf(out, GRAPH_NAME, "%s%d", op_name(op), index);
}

int plk_usual_tensor_name(const char *node, int is_bias, char out[GRAPH_NAME])
{
    if (strlen(node) + sizeof ".weight" > GRAPH_NAME)
        return 0;
    snprintf(out, GRAPH_NAME, "%.56s%s", node, is_bias ? ".bias" : ".weight");
    return 1;
}

/* Square kernel; a convolution steps by one, pooling by its kernel; no padding. */
static int usual_window(const struct node *node)
{
    int stride = node->op == OP_CONV ? 1 : node->kernel_h;
    return node->kernel_h == node->kernel_w && node->stride_h == stride && node->stride_w == stride &&
           node->pad_h == 0 && node->pad_w == 0;
}

static int is_lopsided(const struct node *node)
{
    return node->pad_end_h != node->pad_h || node->pad_end_w != node->pad_w;
}

static int is_grouped(const struct node *node)
{
    return node_groups(node) > 1 || node_dilation_h(node) > 1 || node_dilation_w(node) > 1;
}

static int tensors_named(const struct graph *graph, const struct node *node)
{
    char name[GRAPH_NAME];

    if (!plk_usual_tensor_name(node->name, 0, name) || strcmp(name, graph->weight[node->weight].name) != 0)
        return 1;
    if (node->bias < 0)
        return 0;
    return !plk_usual_tensor_name(node->name, 1, name) || strcmp(name, graph->weight[node->bias].name) != 0;
}

static enum status check_name(const char *kind, const char name[GRAPH_NAME])
{
    const char *end = memchr(name, 0, GRAPH_NAME);

    if (!end || !bytes_text_valid(name, (size_t)(end - name)))
        return status_fail(ST_BADARG,
                           "cannot pack: %s name '%.20s': expected 1 to %d printable characters without blanks", kind,
                           name, GRAPH_NAME - 1);
    return ST_OK;
}

static enum status check_scales(const struct weight *weight)
{
    if (!weight->scale)
        return weight->type == DT_S8
                   ? status_fail(ST_BADARG, "cannot pack: weight '%s' is s8 and has no scales", weight->name)
                   : ST_OK;
    if (weight->type == DT_S32)
        return status_fail(ST_BADARG, "cannot pack: weight '%s' is s32 and has scales", weight->name);
    for (int i = 0; i < weight->dim[0]; i++)
        if (!(weight->scale[i] > 0 && weight->scale[i] <= 3.402823466e38f))
            return status_fail(ST_BADARG, "cannot pack: weight '%s': scale %d is %g, expected a positive number",
                               weight->name, i, (double)weight->scale[i]);
    return ST_OK;
}

/* Each tensor belongs to one place, where its type makes sense. */
static enum status check_tensor(const struct graph *graph, int index, int is_bias, unsigned char *used)
{
    const struct weight *weight = &graph->weight[index];

    TRY(check_name("weight", weight->name));
    if (used[index]++)
        return status_fail(ST_UNSUPPORTED, "cannot pack: weight '%s' is used twice", weight->name);
    if (weight->type != DT_F32 && weight->type != (is_bias ? DT_S32 : DT_S8))
        return status_fail(ST_UNSUPPORTED, "cannot pack: %s '%s' has type %s", is_bias ? "bias" : "weight",
                           weight->name, dtype_name(weight->type));
    if (weight->type == DT_S8 && memchr(weight->data, 0x80, weight->count))
        return status_fail(ST_BADARG, "cannot pack: weight '%s' holds -128, expected -127 to 127", weight->name);
    return check_scales(weight);
}

static enum status check_nodes(const struct graph *graph, unsigned char *used)
{
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        TRY(check_name("node", node->name));
        TRY(check_name("value", graph->value[node->output].name));
        if (node->op == OP_BATCHNORM)
            return status_fail(ST_UNSUPPORTED, "cannot pack: node '%s' is a batch normalization, fold it first",
                               node->name);
        if (node->op == OP_LAYERNORM && (graph->weight[node->weight].type != DT_F32 ||
                                         graph->weight[node->weight].scale || graph->weight[node->bias].type != DT_F32))
            return status_fail(ST_UNSUPPORTED, "cannot pack: node '%s' is a layer normalization that is not float",
                               node->name);
        if (!plk_has_weights(node->op))
            continue;
        TRY(check_tensor(graph, node->weight, 0, used));
        if (node->bias >= 0)
            TRY(check_tensor(graph, node->bias, 1, used));
    }
    return ST_OK;
}

/* Scales and zero points are stored at quantization points only: the other values must follow from them. */
static enum status check_quant(const struct graph *graph, const struct graph *spread)
{
    for (int v = 0; v < graph->values; v++) {
        const struct value *is = &graph->value[v], *must = &spread->value[v];
        if (is->quant != must->quant)
            return status_fail(ST_BADARG, "cannot pack: value '%s' is not quantized as its source (graph_quant_spread)",
                               is->name);
        if (is->quant != QUANT_STATIC)
            continue;
        if (memcmp(&is->scale, &must->scale, sizeof is->scale) != 0 || is->zero_point != must->zero_point)
            return status_fail(
                ST_BADARG, "cannot pack: value '%s' has not the scale of its source (graph_quant_spread)", is->name);
        if (!(is->scale > 0 && is->scale <= 3.402823466e38f) || is->zero_point < 0 || is->zero_point > 255)
            return status_fail(ST_BADARG, "cannot pack: value '%s': scale %g, zero point %d; expected > 0, 0 to 255",
                               is->name, (double)is->scale, (int)is->zero_point);
    }
    return ST_OK;
}

enum status plk_check_graph(const struct graph *graph)
{
    enum status st;
    struct graph copy = *graph; /* shares all but the values, whose shapes and scales are recomputed */
    unsigned char *used = NULL;

    if (graph->nodes > PLK_MAX_NODES || graph->values > GRAPH_MAX_NODES)
        return status_fail(ST_UNSUPPORTED, "cannot pack: %d nodes and %d values, at most %d and %d", graph->nodes,
                           graph->values, PLK_MAX_NODES, GRAPH_MAX_NODES);
    copy.value = malloc((size_t)(graph->values + 1) * sizeof *copy.value);
    used = calloc((size_t)graph->weights + 1, 1);
    if (!copy.value || !used) {
        st = status_fail(ST_NOMEM, "no memory to check graph '%.20s'", graph->name);
        goto out;
    }
    if (graph->values > 0)
        memcpy(copy.value, graph->value, (size_t)graph->values * sizeof *copy.value);
    if (graph->name[0])
        TRY_OUT(check_name("graph", graph->name));
    TRY_OUT(graph_infer(&copy));
    TRY_OUT(check_nodes(graph, used));
    graph_quant_spread(&copy);
    TRY_OUT(check_quant(graph, &copy));
out:
    free(used);
    free(copy.value);
    return st;
}

static unsigned second_byte(const struct graph *graph, int i, const int *producer)
{
    const struct node *node = &graph->node[i];
    unsigned flags = strcmp(node->name, graph->value[node->output].name) != 0 ? NODE_VALUE_NAMED : 0;

    flags |= node->inputs > 1 || (i > 0 && producer[node->input[0]] != i - 1) ? NODE_WIRED : 0;
    flags |= plk_has_weights(node->op) && tensors_named(graph, node) ? NODE_TENSORS_NAMED : 0;
    flags |= plk_has_window(node->op) && is_lopsided(node) ? NODE_LOPSIDED : 0;
    return flags | (node->op == OP_CONV && is_grouped(node) ? NODE_GROUPED : 0);
}

static void put_window(struct bytes *out, const struct node *node, unsigned flags)
{
    const int all[6] = {node->kernel_h, node->kernel_w, node->stride_h, node->stride_w, node->pad_h, node->pad_w};

    for (int i = 0; i < (usual_window(node) ? 1 : 6); i++)
        bytes_varint(out, (uint64_t)all[i]);
    if (flags & NODE_LOPSIDED) {
        bytes_varint(out, (uint64_t)node->pad_end_h);
        bytes_varint(out, (uint64_t)node->pad_end_w);
    }
    if (flags & NODE_GROUPED) {
        bytes_varint(out, (uint64_t)node_groups(node));
        bytes_varint(out, (uint64_t)node_dilation_h(node));
        bytes_varint(out, (uint64_t)node_dilation_w(node));
    }
}

static void put_list(struct bytes *out, int count, const int *numbers)
{
    bytes_u8(out, (unsigned)count);
    for (int d = 0; d < count; d++)
        bytes_varint(out, (uint64_t)numbers[d]);
}

/* Attributes of operators without weights and windows. */
static void put_attributes(struct bytes *out, const struct graph *graph, const struct node *node)
{
    const struct value *value = &graph->value[node->output];
    const int slice[3] = {node->axis, node->begin, node->end};

    if (node->op == OP_INPUT)
        put_list(out, value->rank, value->dim);
    else if (node->op == OP_RESHAPE)
        put_list(out, node->to_rank, node->to_dim);
    else if (node->op == OP_TRANSPOSE)
        put_list(out, value->rank, node->perm);
    else if (node->op == OP_SLICE)
        put_list(out, 3, slice);
    else if (node->op == OP_CONCAT)
        bytes_u8(out, (unsigned)node->axis);
    else if (node->op == OP_LAYERNORM)
        bytes_f32(out, node->epsilon);
    if (node->op != OP_MATMUL)
        return;
    bytes_u8(out, (unsigned)node->transpose_b);
    bytes_f32(out, node_scale(node));
}

static void put_node(struct bytes *out, const struct graph *graph, int i, const int *producer)
{
    const struct node *node = &graph->node[i];
    unsigned head = (unsigned)node->op, flags = second_byte(graph, i, producer);
    char name[GRAPH_NAME];

    plk_usual_name(node->op, i, name);
    head |= strcmp(name, node->name) != 0 ? NODE_NAMED : 0;
    head |= plk_has_window(node->op) && !usual_window(node) ? NODE_WINDOW : 0;
    head |= flags ? NODE_FLAGS : 0;
    bytes_u8(out, head);
    if (flags)
        bytes_u8(out, flags);
    if (head & NODE_NAMED)
        bytes_text(out, node->name);
    if (flags & NODE_VALUE_NAMED)
        bytes_text(out, graph->value[node->output].name);
    if (node->op == OP_CONCAT)
        bytes_u8(out, (unsigned)node->inputs);
    for (int k = 0; flags & NODE_WIRED && k < node->inputs; k++)
        bytes_varint(out, (uint64_t)(i - producer[node->input[k]]));
    put_attributes(out, graph, node);
    if (plk_has_window(node->op))
        put_window(out, node, flags);
    if (op_is_product(node->op)) {
        bytes_varint(out, (uint64_t)node->channels << 1 | (node->bias >= 0));
        bytes_varint(out, (uint64_t)graph->weight[node->weight].dim[1]);
    } else if (node->op == OP_LAYERNORM) {
        bytes_varint(out, (uint64_t)graph->weight[node->weight].dim[0]);
    }
    if (flags & NODE_TENSORS_NAMED) {
        bytes_text(out, graph->weight[node->weight].name);
        if (node->bias >= 0)
            bytes_text(out, graph->weight[node->bias].name);
    }
}

void plk_put_structure(struct bytes *out, const struct graph *graph)
{
    int producer[GRAPH_MAX_NODES]; /* value → node */

    bytes_text(out, graph->name);
    bytes_varint(out, (uint64_t)graph->nodes);
    for (int i = 0; i < graph->nodes; i++)
        producer[graph->node[i].output] = i;
    for (int i = 0; i < graph->nodes; i++)
        put_node(out, graph, i, producer);
}
