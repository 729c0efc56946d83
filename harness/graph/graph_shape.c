/* Shape inference and the consistency of a graph. */
#include <stdio.h>

#include "graph/graph_shape.h"

/* Windows of `extent` at `stride` over `size` + pads; 0 when none fits. */
static int windows(int size, int64_t extent, int stride, int64_t pads)
{
    int64_t span = size + pads - extent, count = span < 0 ? 0 : span / stride + 1;
    return count > GRAPH_MAX_DIM ? 0 : (int)count;
}

static int bad_pad(int pad, int64_t extent)
{
    return pad < 0 || pad >= extent;
}

static enum status check_window(const struct node *node, const struct value *in, int *out_h, int *out_w)
{
    int64_t extent_h = (int64_t)(node->kernel_h - 1) * node_dilation_h(node) + 1;
    int64_t extent_w = (int64_t)(node->kernel_w - 1) * node_dilation_w(node) + 1;

    if (in->rank != 3)
        return status_fail(ST_FORMAT, "node '%s': %s needs a C,H,W input, got rank %d", node->name, op_name(node->op),
                           in->rank);
    if (node->kernel_h < 1 || node->kernel_w < 1 || node->kernel_h > GRAPH_MAX_DIM || node->kernel_w > GRAPH_MAX_DIM)
        return status_fail(ST_FORMAT, "node '%s': kernel %dx%d, expected at least 1x1", node->name, node->kernel_h,
                           node->kernel_w);
    if (node->stride_h < 1 || node->stride_w < 1 || node->stride_h > GRAPH_MAX_DIM || node->stride_w > GRAPH_MAX_DIM)
        return status_fail(ST_FORMAT, "node '%s': stride %dx%d, expected at least 1x1", node->name, node->stride_h,
                           node->stride_w);
    if (node->dilation_h < 0 || node->dilation_w < 0 || node->dilation_h > GRAPH_MAX_DIM ||
        node->dilation_w > GRAPH_MAX_DIM ||
        (node->op != OP_CONV && (extent_h != node->kernel_h || extent_w != node->kernel_w)))
        return status_fail(ST_FORMAT, "node '%s': dilation %dx%d, expected at least 1x1 (pooling: 1x1)", node->name,
                           node->dilation_h, node->dilation_w);
    /* A window that lies in the padding alone would have no value to take a maximum or mean of. */
    if (bad_pad(node->pad_h, extent_h) || bad_pad(node->pad_w, extent_w) || bad_pad(node->pad_end_h, extent_h) ||
        bad_pad(node->pad_end_w, extent_w))
        return status_fail(
            ST_FORMAT, "node '%s': pad %dx%d and %dx%d, expected 0 or more and less than the kernel %dx%d", node->name,
            node->pad_h, node->pad_w, node->pad_end_h, node->pad_end_w, node->kernel_h, node->kernel_w);
    *out_h = windows(in->dim[1], extent_h, node->stride_h, (int64_t)node->pad_h + node->pad_end_h);
    *out_w = windows(in->dim[2], extent_w, node->stride_w, (int64_t)node->pad_w + node->pad_end_w);
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
    int groups = node_groups(node);
    int dim[4] = {node->channels, in->dim[0] / groups, node->kernel_h, node->kernel_w};

    if (node->groups < 0 || in->dim[0] % groups != 0 || node->channels % groups != 0)
        return status_fail(ST_FORMAT, "node '%s': %d groups do not divide %d input and %d output channels", node->name,
                           node->groups, in->dim[0], node->channels);
    TRY(check_window(node, in, &out->dim[1], &out->dim[2]));
    out->rank = 3;
    out->dim[0] = node->channels;
    return check_weight(graph, node, dim, 4);
}

static enum status infer_fc(const struct graph *graph, const struct node *node, const struct value *in,
                            struct value *out)
{
    int dim[2] = {node->channels, in->rank > 0 ? in->dim[in->rank - 1] : 0};

    if (in->rank != 1 && in->rank != 2)
        return status_fail(ST_FORMAT, "node '%s': fc needs a flat input; put a flatten before it", node->name);
    graph_shape_copy(in, out);
    out->dim[in->rank - 1] = node->channels;
    return check_weight(graph, node, dim, 2);
}

static enum status infer_flatten(const struct node *node, const struct value *in, struct value *out)
{
    size_t count = value_count(in);

    if (count > GRAPH_MAX_DIM)
        return status_fail(ST_FORMAT, "node '%s': %zu elements, at most %d", node->name, count, GRAPH_MAX_DIM);
    *out = (struct value){.rank = 1, .dim = {(int)count, 1, 1, 1}};
    return ST_OK;
}

/* Gamma, beta (and, of a batch normalization, mean and variance) of `count` elements each. */
static enum status check_norm(const struct graph *graph, const struct node *node, int count)
{
    TRY(check_weight(graph, node, &count, 1));
    if (!(node->epsilon > 0))
        return status_fail(ST_FORMAT, "node '%s': epsilon is %g, expected more than 0", node->name,
                           (double)node->epsilon);
    if (node->bias < 0)
        return status_fail(ST_FORMAT, "node '%s': has no beta", node->name);
    for (int i = 0; node->op == OP_BATCHNORM && i < 2; i++) {
        int index = i == 0 ? node->mean : node->variance;
        if (index < 0 || index >= graph->weights || graph->weight[index].rank != 1 ||
            graph->weight[index].dim[0] != count)
            return status_fail(ST_FORMAT, "node '%s': its %s must have %d elements", node->name,
                               i == 0 ? "mean" : "variance", count);
    }
    return ST_OK;
}

/* The shape that the node gives its output. */
static enum status infer_output(const struct graph *graph, const struct node *node, const struct value *const *in,
                                struct value *out)
{
    graph_shape_copy(in[0], out);
    switch (node->op) {
    case OP_CONV:
        return infer_conv(graph, node, in[0], out);
    case OP_FC:
        return infer_fc(graph, node, in[0], out);
    case OP_POOL_MAX:
    case OP_POOL_AVG:
        return check_window(node, in[0], &out->dim[1], &out->dim[2]);
    case OP_RELU:
    case OP_RELU6:
    case OP_HARDSWISH:
    case OP_SIGMOID:
    case OP_GELU:
    case OP_SOFTMAX:
        return ST_OK;
    case OP_LAYERNORM:
        return check_norm(graph, node, in[0]->dim[in[0]->rank - 1]);
    case OP_BATCHNORM:
        return check_norm(graph, node, in[0]->dim[0]);
    case OP_FLATTEN:
        return infer_flatten(node, in[0], out);
    case OP_ADD:
    case OP_MUL:
    case OP_CONCAT:
    case OP_MATMUL:
        return graph_shape_join(node, in, out);
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE:
        return graph_shape_move(node, in[0], out);
    case OP_INPUT:
    case OP_COUNT:
    default:
        return status_fail(ST_FORMAT, "node '%s': unknown operator %d", node->name, (int)node->op);
    }
}

static enum status infer_node(struct graph *graph, int i, unsigned char *written)
{
    const struct node *node = &graph->node[i];
    const struct value *in[GRAPH_MAX_INPUTS];
    struct value shape = {0}, *out;
    size_t count = 1;

    if (node->output < 0 || node->output >= graph->values)
        return status_fail(ST_FORMAT, "node '%s': output value %d does not exist", node->name, node->output);
    if (written[node->output]++)
        return status_fail(ST_FORMAT, "node '%s': value '%s' is written twice", node->name,
                           graph->value[node->output].name);
    out = &graph->value[node->output];
    if (node->op == OP_INPUT)
        return i == 0 ? ST_OK : status_fail(ST_FORMAT, "node '%s': the input must be the first node", node->name);
    if (node->inputs < 1 || node->inputs > GRAPH_MAX_INPUTS)
        return status_fail(ST_FORMAT, "node '%s': %d inputs, expected 1 to %d", node->name, node->inputs,
                           GRAPH_MAX_INPUTS);
    for (int k = 0; k < node->inputs; k++) {
        int v = node->input[k];
        if (v < 0 || v >= graph->values || !written[v] || v == node->output)
            return status_fail(ST_FORMAT, "node '%s': reads a value that no earlier node writes", node->name);
        in[k] = &graph->value[v];
    }
    TRY(graph_shape_inputs(node));
    TRY(infer_output(graph, node, in, &shape));
    for (int d = 0; d < GRAPH_MAX_RANK; d++) {
        if (shape.dim[d] < 1 || shape.dim[d] > GRAPH_MAX_DIM || (count *= (size_t)shape.dim[d]) > GRAPH_MAX_COUNT)
            return status_fail(ST_FORMAT, "node '%s': its output (%d, %d, %d, %d) has more than %d elements or none",
                               node->name, shape.dim[0], shape.dim[1], shape.dim[2], shape.dim[3], GRAPH_MAX_COUNT);
    }
    graph_shape_copy(&shape, out);
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
