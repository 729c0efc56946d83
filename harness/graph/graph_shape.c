/* Shape inference and the consistency of a graph. */
#include <stdio.h>

#include "graph/graph.h"

/* Windows of `kernel` at `stride` over `size` + 2 * pad; 0 when none fits. */
static int windows(int size, int kernel, int stride, int pad)
{
    int span = size + 2 * pad - kernel;
    return span < 0 ? 0 : span / stride + 1;
}

static enum status check_window(const struct node *node, const struct value *in, int *out_h, int *out_w)
{
    if (in->rank != 3)
        return status_fail(ST_FORMAT, "node '%s': %s needs a C,H,W input, got rank %d", node->name, op_name(node->op),
                           in->rank);
    if (node->kernel_h < 1 || node->kernel_w < 1 || node->kernel_h > GRAPH_MAX_DIM || node->kernel_w > GRAPH_MAX_DIM)
        return status_fail(ST_FORMAT, "node '%s': kernel %dx%d, expected at least 1x1", node->name, node->kernel_h,
                           node->kernel_w);
    if (node->stride_h < 1 || node->stride_w < 1 || node->stride_h > GRAPH_MAX_DIM || node->stride_w > GRAPH_MAX_DIM)
        return status_fail(ST_FORMAT, "node '%s': stride %dx%d, expected at least 1x1", node->name, node->stride_h,
                           node->stride_w);
    /* A window that lies in the padding alone would have no value to take a maximum of. */
    if (node->pad_h < 0 || node->pad_w < 0 || node->pad_h >= node->kernel_h || node->pad_w >= node->kernel_w)
        return status_fail(ST_FORMAT, "node '%s': pad %dx%d, expected 0 or more and less than the kernel %dx%d",
                           node->name, node->pad_h, node->pad_w, node->kernel_h, node->kernel_w);
    *out_h = windows(in->dim[1], node->kernel_h, node->stride_h, node->pad_h);
    *out_w = windows(in->dim[2], node->kernel_w, node->stride_w, node->pad_w);
    if (*out_h < 1 || *out_w < 1)
        return status_fail(ST_FORMAT, "node '%s': kernel %dx%d does not fit into %dx%d with pad %dx%d", node->name,
                           node->kernel_h, node->kernel_w, in->dim[1], in->dim[2], node->pad_h, node->pad_w);
    return ST_OK;
}

static enum status check_weight(const struct graph *graph, const struct node *node, const int *dim, int rank)
{
    const struct weight *weight;

    if (node->weight < 0 || node->weight >= graph->weights)
        return status_fail(ST_FORMAT, "node '%s': has no weight", node->name);
    weight = &graph->weight[node->weight];
    for (int i = 0; i < 4; i++)
        if (weight->rank != rank || weight->dim[i] != (i < rank ? dim[i] : 1))
            return status_fail(ST_FORMAT, "node '%s': weight '%s' is (%d, %d, %d, %d), expected (%d, %d, %d, %d)",
                               node->name, weight->name, weight->dim[0], weight->dim[1], weight->dim[2], weight->dim[3],
                               dim[0], dim[1], rank > 2 ? dim[2] : 1, rank > 3 ? dim[3] : 1);
    if (node->bias >= graph->weights)
        return status_fail(ST_FORMAT, "node '%s': bias index out of range", node->name);
    if (node->bias >= 0 && (graph->weight[node->bias].rank != 1 || graph->weight[node->bias].dim[0] != dim[0]))
        return status_fail(ST_FORMAT, "node '%s': bias '%s' has %d elements, expected %d", node->name,
                           graph->weight[node->bias].name, graph->weight[node->bias].dim[0], dim[0]);
    return ST_OK;
}

static enum status infer_conv(const struct graph *graph, const struct node *node, const struct value *in,
                              struct value *out)
{
    int dim[4] = {node->channels, in->dim[0], node->kernel_h, node->kernel_w};

    TRY(check_window(node, in, &out->dim[1], &out->dim[2]));
    out->rank = 3;
    out->dim[0] = node->channels;
    return check_weight(graph, node, dim, 4);
}

static enum status infer_fc(const struct graph *graph, const struct node *node, const struct value *in,
                            struct value *out)
{
    int dim[2] = {node->channels, in->dim[0]};

    if (in->rank != 1)
        return status_fail(ST_FORMAT, "node '%s': fc needs a flat input; put a flatten before it", node->name);
    out->rank = 1;
    out->dim[0] = node->channels;
    out->dim[1] = out->dim[2] = 1;
    return check_weight(graph, node, dim, 2);
}

static enum status infer_flatten(const struct node *node, const struct value *in, struct value *out)
{
    size_t count = value_count(in);

    if (count > GRAPH_MAX_DIM)
        return status_fail(ST_FORMAT, "node '%s': %zu elements, at most %d", node->name, count, GRAPH_MAX_DIM);
    out->rank = 1;
    out->dim[0] = (int)count;
    out->dim[1] = out->dim[2] = 1;
    return ST_OK;
}

static enum status infer_node(struct graph *graph, int i, unsigned char *written)
{
    const struct node *node = &graph->node[i];
    const struct value *in;
    struct value *out;

    if (node->output < 0 || node->output >= graph->values)
        return status_fail(ST_FORMAT, "node '%s': output value %d does not exist", node->name, node->output);
    if (written[node->output]++)
        return status_fail(ST_FORMAT, "node '%s': value '%s' is written twice", node->name,
                           graph->value[node->output].name);
    out = &graph->value[node->output];
    if (node->op == OP_INPUT)
        return i == 0 ? ST_OK : status_fail(ST_FORMAT, "node '%s': the input must be the first node", node->name);
    if (node->input < 0 || node->input >= graph->values || !written[node->input] || node->input == node->output)
        return status_fail(ST_FORMAT, "node '%s': reads a value that no earlier node writes", node->name);
    in = &graph->value[node->input];
    switch (node->op) {
    case OP_CONV:
        TRY(infer_conv(graph, node, in, out));
        break;
    case OP_FC:
        TRY(infer_fc(graph, node, in, out));
        break;
    case OP_POOL_MAX:
        TRY(check_window(node, in, &out->dim[1], &out->dim[2]));
        out->rank = 3;
        out->dim[0] = in->dim[0];
        break;
    case OP_RELU:
        out->rank = in->rank;
        for (int d = 0; d < 3; d++)
            out->dim[d] = in->dim[d];
        break;
    case OP_FLATTEN:
        TRY(infer_flatten(node, in, out));
        break;
    case OP_INPUT:
    case OP_COUNT:
    default:
        return status_fail(ST_FORMAT, "node '%s': unknown operator %d", node->name, (int)node->op);
    }
    if (out->dim[0] < 1 || value_count(out) > GRAPH_MAX_COUNT)
        return status_fail(ST_FORMAT, "node '%s': its output (%d, %d, %d) has more than %d elements or none",
                           node->name, out->dim[0], out->dim[1], out->dim[2], GRAPH_MAX_COUNT);
    return ST_OK;
}

enum status graph_infer(struct graph *graph)
{
    unsigned char written[GRAPH_MAX_NODES] = {0};

    if (graph->nodes < 2 || graph->node[0].op != OP_INPUT)
        return status_fail(ST_FORMAT, "graph '%s': needs an input and at least one layer", graph->name);
    if (graph->values > GRAPH_MAX_NODES)
        return status_fail(ST_FORMAT, "graph '%s': more than %d values", graph->name, GRAPH_MAX_NODES);
    for (int i = 0; i < graph->nodes; i++)
        TRY(infer_node(graph, i, written));
    return ST_OK;
}
