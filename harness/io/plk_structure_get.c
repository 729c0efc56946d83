/* The nodes of a packed file as they are read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/plk_parts.h"

static enum status get_numbers(struct cursor *in, const char *what, uint64_t lo, int count, int *out)
{
    uint64_t number;

    for (int i = 0; i < count; i++) {
        TRY(cursor_varint(in, what, lo, GRAPH_MAX_DIM, &number));
        out[i] = (int)number;
    }
    return ST_OK;
}

static enum status get_list(struct cursor *in, const char *what, uint64_t lo, unsigned least, unsigned most,
                            int *out_count, int *out)
{
    unsigned count;

    TRY(cursor_u8(in, what, &count));
    if (count < least || count > most)
        return cursor_fail(in, "%s of %u numbers, expected %u to %u", what, count, least, most);
    *out_count = (int)count;
    return get_numbers(in, what, lo, (int)count, out);
}

static enum status get_window(struct cursor *in, unsigned head, unsigned flags, struct node *node)
{
    int kernel[2], stride[2], pad[2] = {0, 0}, groups[3] = {1, 1, 1};

    TRY(get_numbers(in, "kernel", 1, head & NODE_WINDOW ? 2 : 1, kernel));
    if (head & NODE_WINDOW) {
        TRY(get_numbers(in, "stride", 1, 2, stride));
        TRY(get_numbers(in, "padding", 0, 2, pad));
    } else {
        kernel[1] = kernel[0];
        stride[0] = stride[1] = node->op == OP_CONV ? 1 : kernel[0];
    }
    node->kernel_h = kernel[0];
    node->kernel_w = kernel[1];
    node->stride_h = stride[0];
    node->stride_w = stride[1];
    node->pad_h = pad[0];
    node->pad_w = pad[1];
    if (flags & NODE_LOPSIDED)
        TRY(get_numbers(in, "padding behind", 0, 2, pad));
    node->pad_end_h = pad[0];
    node->pad_end_w = pad[1];
    if (flags & NODE_GROUPED)
        TRY(get_numbers(in, "groups and dilation", 1, 3, groups));
    node->groups = groups[0];
    node->dilation_h = groups[1];
    node->dilation_w = groups[2];
    return ST_OK;
}

static enum status get_slot(struct cursor *in, unsigned flags, const struct node *node, struct plk_slot *slot)
{
    slot->count = 1;
    for (int d = 0; d < 4; d++) {
        if (d >= slot->rank)
            slot->dim[d] = 1;
        slot->count *= (size_t)slot->dim[d];
        if (slot->count > GRAPH_MAX_COUNT)
            return cursor_fail(in, "node '%s': a tensor of more than %d elements", node->name, GRAPH_MAX_COUNT);
    }
    if (flags & NODE_TENSORS_NAMED)
        return cursor_text(in, "tensor name", sizeof slot->name, slot->name);
    if (!plk_usual_tensor_name(node->name, slot->is_bias, slot->name))
        return cursor_fail(in, "node '%s': its tensors need names of their own", node->name);
    return ST_OK;
}

/* Shapes of the node's weight and bias. */
static enum status get_slots(struct cursor *in, unsigned flags, int index, struct node *node, struct plk_slots *slots)
{
    struct plk_slot *weight = &slots->slot[slots->count], *bias = weight + 1;
    uint64_t channels, inputs = 1;

    if (op_is_product(node->op)) {
        TRY(cursor_varint(in, "channels", 2, (uint64_t)GRAPH_MAX_DIM << 1 | 1, &channels));
        TRY(cursor_varint(in, "input channels", 1, GRAPH_MAX_DIM, &inputs));
        node->channels = (int)(channels >> 1);
        weight->rank = node->op == OP_CONV ? 4 : 2;
        weight->dim[0] = node->channels;
    } else {
        TRY(cursor_varint(in, "features", 1, GRAPH_MAX_DIM, &channels));
        weight->rank = 1;
        weight->dim[0] = (int)channels;
        channels = 1;
    }
    weight->node = index;
    weight->dim[1] = (int)inputs;
    weight->dim[2] = node->kernel_h;
    weight->dim[3] = node->kernel_w;
    TRY(get_slot(in, flags, node, weight));
    node->weight = slots->count++;
    if (!(channels & 1))
        return ST_OK;
    bias->node = index;
    bias->is_bias = 1;
    bias->rank = 1;
    bias->dim[0] = weight->dim[0];
    TRY(get_slot(in, flags, node, bias));
    node->bias = slots->count++;
    return ST_OK;
}

/* Values are numbered by node, so a distance back names the input. */
static enum status get_inputs(struct cursor *in, unsigned flags, int i, struct node *node)
{
    unsigned count = node->op == OP_ADD || node->op == OP_MUL || node->op == OP_MATMUL ? 2 : 1;
    uint64_t back;

    if (node->op == OP_CONCAT) {
        TRY(cursor_u8(in, "number of inputs", &count));
        if (count < 2 || count > GRAPH_MAX_INPUTS)
            return cursor_fail(in, "concat of %u inputs, expected 2 to %d", count, GRAPH_MAX_INPUTS);
    }
    if (count > 1 && !(flags & NODE_WIRED))
        return cursor_fail(in, "node %d: %s does not say what it reads", i, op_name(node->op));
    node->inputs = i > 0 ? (int)count : 0;
    node->input[0] = i > 0 ? i - 1 : 0;
    for (unsigned k = 0; flags & NODE_WIRED && k < count; k++) {
        TRY(cursor_varint(in, "distance of an input", 1, (uint64_t)i, &back));
        node->input[k] = i - (int)back;
    }
    return ST_OK;
}

static enum status get_positive(struct cursor *in, const char *what, float *out)
{
    TRY(cursor_f32(in, what, out));
    if (!isfinite(*out) || *out == 0)
        return cursor_fail(in, "%s %g, expected a number other than 0", what, (double)*out);
    return ST_OK;
}

static enum status get_attributes(struct cursor *in, struct node *node, int *rank, int dim[GRAPH_MAX_RANK])
{
    int slice[3], count;
    unsigned number;

    switch (node->op) {
    case OP_INPUT:
        return get_list(in, "input shape", 1, 1, 3, rank, dim);
    case OP_RESHAPE:
        return get_list(in, "shape", 1, 1, GRAPH_MAX_RANK, &node->to_rank, node->to_dim);
    case OP_TRANSPOSE:
        return get_list(in, "permutation", 0, 1, GRAPH_MAX_RANK, &count, node->perm);
    case OP_SLICE:
        TRY(get_list(in, "slice", 0, 3, 3, &count, slice));
        node->axis = slice[0];
        node->begin = slice[1];
        node->end = slice[2];
        return ST_OK;
    case OP_CONCAT:
        TRY(cursor_u8(in, "axis", &number));
        node->axis = (int)number;
        return ST_OK;
    case OP_LAYERNORM:
        return get_positive(in, "epsilon", &node->epsilon);
    case OP_MATMUL:
        TRY(cursor_u8(in, "transposition", &number));
        if (number > 1)
            return cursor_fail(in, "transposition %u, expected 0 or 1", number);
        node->transpose_b = (int)number;
        return get_positive(in, "scale", &node->scale);
    default:
        return ST_OK;
    }
}

static enum status get_head(struct cursor *in, int i, struct node *node, unsigned *head, unsigned *flags)
{
    TRY(cursor_u8(in, "operator", head));
    node->op = (enum op)(*head & NODE_OP_MASK);
    if (node->op >= OP_COUNT || (i == 0) != (node->op == OP_INPUT) || node->op == OP_BATCHNORM)
        return cursor_fail(in, "node %d has operator %u, expected %s", i, *head & NODE_OP_MASK,
                           i == 0 ? "0 (input)" : "1 to 20 without 13");
    *flags = 0;
    if (*head & NODE_FLAGS) {
        TRY(cursor_u8(in, "flags", flags));
        if (*flags == 0 || *flags > NODE_ALL_FLAGS)
            return cursor_fail(in, "node %d: flags %02x, expected 01 to %02x", i, *flags, NODE_ALL_FLAGS);
    }
    if ((*flags & NODE_WIRED && i == 0) || (*head & NODE_WINDOW && !plk_has_window(node->op)) ||
        (*flags & NODE_LOPSIDED && !plk_has_window(node->op)) || (*flags & NODE_GROUPED && node->op != OP_CONV) ||
        (*flags & NODE_TENSORS_NAMED && !plk_has_weights(node->op)))
        return cursor_fail(in, "node %d: head %02x, flags %02x, which %s cannot have", i, *head, *flags,
                           op_name(node->op));
    return ST_OK;
}

static enum status get_node(struct cursor *in, int i, struct graph *graph, struct plk_slots *slots)
{
    struct node node = {.output = i, .weight = -1, .bias = -1};
    int rank = 1, dim[GRAPH_MAX_RANK] = {1, 1, 1, 1}, added;
    char value[GRAPH_NAME];
    unsigned head, flags;

    TRY(get_head(in, i, &node, &head, &flags));
    plk_usual_name(node.op, i, node.name);
    if (head & NODE_NAMED)
        TRY(cursor_text(in, "node name", sizeof node.name, node.name));
    memcpy(value, node.name, sizeof value);
    if (flags & NODE_VALUE_NAMED)
        TRY(cursor_text(in, "value name", sizeof value, value));
    TRY(get_inputs(in, flags, i, &node));
    TRY(get_attributes(in, &node, &rank, dim));
    if (plk_has_window(node.op))
        TRY(get_window(in, head, flags, &node));
    if (plk_has_weights(node.op))
        TRY(get_slots(in, flags, i, &node, slots));
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
