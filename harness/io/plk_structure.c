/* The nodes of a packed file, and what a graph must be to be written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_quant.h"
#include "io/plk_parts.h"

/* The first byte of a node: its operator, and what differs from the usual and follows. */
enum { OP_MASK = 7, NAMED = 8, VALUE_NAMED = 16, WIRED = 32, WINDOW = 64, TENSORS_NAMED = 128 };

static int has_weights(enum op op)
{
    return op == OP_CONV || op == OP_FC;
}

static int has_window(enum op op)
{
    return op == OP_CONV || op == OP_POOL_MAX;
}

/* Names that need no bytes: those that models in JSON get by themselves. */
static void usual_name(enum op op, int index, char out[GRAPH_NAME])
{
    if (op == OP_INPUT)
        snprintf(out, GRAPH_NAME, "input");
    else
        snprintf(out, GRAPH_NAME, "%s%d", op_name(op), index);
}

static int usual_tensor_name(const char *node, int is_bias, char out[GRAPH_NAME])
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

static int tensors_named(const struct graph *graph, const struct node *node)
{
    char name[GRAPH_NAME];

    if (!usual_tensor_name(node->name, 0, name) || strcmp(name, graph->weight[node->weight].name) != 0)
        return 1;
    if (node->bias < 0)
        return 0;
    return !usual_tensor_name(node->name, 1, name) || strcmp(name, graph->weight[node->bias].name) != 0;
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
        if (!has_weights(node->op))
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

    if (!graph_is_plain(graph))
        return status_fail(ST_UNSUPPORTED, "graph '%s': has operators that are not supported here", graph->name);
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

static void put_window(struct bytes *out, const struct node *node)
{
    const int all[6] = {node->kernel_h, node->kernel_w, node->stride_h, node->stride_w, node->pad_h, node->pad_w};

    for (int i = 0; i < (usual_window(node) ? 1 : 6); i++)
        bytes_varint(out, (uint64_t)all[i]);
}

static void put_node(struct bytes *out, const struct graph *graph, int i, const int *producer)
{
    const struct node *node = &graph->node[i];
    const struct value *value = &graph->value[node->output];
    unsigned head = (unsigned)node->op;
    char name[GRAPH_NAME];

    usual_name(node->op, i, name);
    head |= strcmp(name, node->name) != 0 ? NAMED : 0;
    head |= strcmp(node->name, value->name) != 0 ? VALUE_NAMED : 0;
    head |= i > 0 && producer[node->input[0]] != i - 1 ? WIRED : 0;
    head |= has_window(node->op) && !usual_window(node) ? WINDOW : 0;
    head |= has_weights(node->op) && tensors_named(graph, node) ? TENSORS_NAMED : 0;
    bytes_u8(out, head);
    if (head & NAMED)
        bytes_text(out, node->name);
    if (head & VALUE_NAMED)
        bytes_text(out, value->name);
    if (head & WIRED)
        bytes_varint(out, (uint64_t)(i - producer[node->input[0]]));
    if (node->op == OP_INPUT) {
        bytes_u8(out, (unsigned)value->rank);
        for (int d = 0; d < value->rank; d++)
            bytes_varint(out, (uint64_t)value->dim[d]);
    }
    if (has_window(node->op))
        put_window(out, node);
    if (has_weights(node->op)) {
        bytes_varint(out, (uint64_t)node->channels << 1 | (node->bias >= 0));
        bytes_varint(out, (uint64_t)graph->weight[node->weight].dim[1]);
    }
    if (head & TENSORS_NAMED) {
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

static enum status get_window(struct cursor *in, unsigned head, struct node *node)
{
    static const char *const what[6] = {"kernel height", "kernel width",   "stride down",
                                        "stride across", "padding height", "padding width"};
    int *const all[6] = {&node->kernel_h, &node->kernel_w, &node->stride_h,
                         &node->stride_w, &node->pad_h,    &node->pad_w};
    uint64_t number;

    for (int i = 0; i < (head & WINDOW ? 6 : 1); i++) {
        TRY(cursor_varint(in, what[i], i < 4, GRAPH_MAX_DIM, &number));
        *all[i] = (int)number;
    }
    if (!(head & WINDOW)) {
        node->kernel_w = node->kernel_h;
        node->stride_h = node->stride_w = node->op == OP_CONV ? 1 : node->kernel_h;
    }
    node->pad_end_h = node->pad_h;
    node->pad_end_w = node->pad_w;
    return ST_OK;
}

static enum status get_shape(struct cursor *in, int *out_rank, int dim[3])
{
    unsigned rank;
    uint64_t size;

    TRY(cursor_u8(in, "input rank", &rank));
    if (rank != 1 && rank != 3)
        return cursor_fail(in, "input rank %u, expected 1 or 3", rank);
    for (unsigned d = 0; d < rank; d++) {
        TRY(cursor_varint(in, "input dimension", 1, GRAPH_MAX_DIM, &size));
        dim[d] = (int)size;
    }
    *out_rank = (int)rank;
    return ST_OK;
}

static enum status get_slot(struct cursor *in, unsigned head, const struct node *node, struct plk_slot *slot)
{
    slot->count = 1;
    for (int d = 0; d < 4; d++) {
        if (d >= slot->rank)
            slot->dim[d] = 1;
        slot->count *= (size_t)slot->dim[d];
        if (slot->count > GRAPH_MAX_COUNT)
            return cursor_fail(in, "node '%s': a tensor of more than %d elements", node->name, GRAPH_MAX_COUNT);
    }
    if (head & TENSORS_NAMED)
        return cursor_text(in, "tensor name", sizeof slot->name, slot->name);
    if (!usual_tensor_name(node->name, slot->is_bias, slot->name))
        return cursor_fail(in, "node '%s': its tensors need names of their own", node->name);
    return ST_OK;
}

static enum status get_slots(struct cursor *in, unsigned head, int index, struct node *node, struct plk_slots *slots)
{
    struct plk_slot *weight = &slots->slot[slots->count], *bias = weight + 1;
    uint64_t channels, inputs;

    TRY(cursor_varint(in, "channels", 2, (uint64_t)GRAPH_MAX_DIM << 1 | 1, &channels));
    TRY(cursor_varint(in, "input channels", 1, GRAPH_MAX_DIM, &inputs));
    node->channels = (int)(channels >> 1);
    weight->node = index;
    weight->rank = node->op == OP_CONV ? 4 : 2;
    weight->dim[0] = node->channels;
    weight->dim[1] = (int)inputs;
    weight->dim[2] = node->kernel_h;
    weight->dim[3] = node->kernel_w;
    TRY(get_slot(in, head, node, weight));
    node->weight = slots->count++;
    if (!(channels & 1))
        return ST_OK;
    bias->node = index;
    bias->is_bias = 1;
    bias->rank = 1;
    bias->dim[0] = node->channels;
    TRY(get_slot(in, head, node, bias));
    node->bias = slots->count++;
    return ST_OK;
}

static enum status get_node(struct cursor *in, int i, struct graph *graph, struct plk_slots *slots)
{
    struct node node = {.input = {i > 0 ? i - 1 : 0}, .inputs = i > 0, .output = i, .weight = -1, .bias = -1};
    char value[GRAPH_NAME];
    int rank = 1, dim[3] = {1, 1, 1}, added;
    unsigned head;
    uint64_t back;

    TRY(cursor_u8(in, "operator", &head));
    node.op = (enum op)(head & OP_MASK);
    if ((head & OP_MASK) > OP_FLATTEN || (i == 0) != (node.op == OP_INPUT))
        return cursor_fail(in, "node %d has operator %u, expected %s", i, head & OP_MASK,
                           i == 0 ? "0 (input)" : "1 to 5");
    if ((head & WIRED && i == 0) || (head & WINDOW && !has_window(node.op)) ||
        (head & TENSORS_NAMED && !has_weights(node.op)))
        return cursor_fail(in, "node %d: head %02x, which %s cannot have", i, head, op_name(node.op));
    usual_name(node.op, i, node.name);
    if (head & NAMED)
        TRY(cursor_text(in, "node name", sizeof node.name, node.name));
    memcpy(value, node.name, sizeof value);
    if (head & VALUE_NAMED)
        TRY(cursor_text(in, "value name", sizeof value, value));
    if (head & WIRED) {
        TRY(cursor_varint(in, "distance of the input", 1, (uint64_t)i, &back));
        node.input[0] = i - (int)back;
    }
    if (node.op == OP_INPUT)
        TRY(get_shape(in, &rank, dim));
    if (has_window(node.op))
        TRY(get_window(in, head, &node));
    if (has_weights(node.op))
        TRY(get_slots(in, head, i, &node, slots));
    if (graph_add_value(graph, value, rank, dim, &added) != ST_OK || graph_add_node(graph, &node, &added) != ST_OK)
        return status_prefix(ST_FORMAT, "%s: byte %zu", in->file, in->at);
    return ST_OK;
}

enum status plk_get_structure(struct cursor *in, struct graph *graph, struct plk_slots *out)
{
    enum status st;
    struct plk_slots slots = {0};
    uint64_t nodes;

    if (in->at < in->end && in->data[in->at] == 0)
        in->at++; /* a model without a name */
    else
        TRY(cursor_text(in, "model name", sizeof graph->name, graph->name));
    TRY(cursor_varint(in, "number of nodes", 2, PLK_MAX_NODES, &nodes));
    if (nodes > in->end - in->at)
        return cursor_fail(in, "%llu nodes in %zu bytes", (unsigned long long)nodes, in->end - in->at);
    slots.slot = calloc(2 * (size_t)nodes, sizeof *slots.slot);
    if (!slots.slot)
        return status_fail(ST_NOMEM, "%s: no memory for %llu nodes", in->file, (unsigned long long)nodes);
    for (int i = 0; i < (int)nodes; i++)
        TRY_OUT(get_node(in, i, graph, &slots));
    *out = slots;
    return ST_OK;
out:
    free(slots.slot);
    return st;
}
