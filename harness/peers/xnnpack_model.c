/* A network as an XNNPACK subgraph: images as N,H,W,C, integers as signed 8-bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/requant.h"
#include "peers/peer_graph.h"
#include "peers/xnnpack.h"

enum { SHIFT = 128, MAX_BUFFERS = 1024, INPUT = 0, OUTPUT = 1 };

struct network {
    struct xnnpack *x;
    const struct peer_model *model;
    xnn_subgraph_t subgraph;
    xnn_runtime_t runtime;
    enum xnn_status status;    /* of the last run */
    uint32_t *id;              /* (values) of the graph's values; owned */
    void *buffer[MAX_BUFFERS]; /* owned: weights, input, output */
    int buffers;
    float *output;
    size_t outputs;
};

static void destroy(void *instance)
{
    struct network *n = instance;

    if (!n)
        return;
    if (n->runtime)
        n->x->xnn_delete_runtime(n->runtime);
    if (n->subgraph)
        n->x->xnn_delete_subgraph(n->subgraph);
    while (n->buffers > 0)
        mem_free(n->buffer[--n->buffers]);
    free(n->id);
    free(n);
}

static void run(void *instance)
{
    struct network *n = instance;
    enum xnn_status status = n->x->xnn_invoke_runtime(n->runtime);
    n->status = status == xnn_status_success ? n->status : status;
}

static enum status output(void *instance, void *y)
{
    struct network *n = instance;

    if (n->status != xnn_status_success)
        return status_fail(ST_MISMATCH, "XNNPACK failed while running (status %d)", (int)n->status);
    memcpy(y, n->output, n->outputs * sizeof *n->output);
    return ST_OK;
}

/* Takes over `memory`. */
static enum status keep(struct network *n, void *memory)
{
    if (n->buffers == MAX_BUFFERS) {
        mem_free(memory);
        return status_fail(ST_SKIP, "XNNPACK: more than %d tensors", MAX_BUFFERS);
    }
    n->buffer[n->buffers++] = memory;
    return ST_OK;
}

/* (N, H, W, C), or (N, ...) as it is. */
static size_t dims_of(const struct network *n, int v, size_t dims[GRAPH_MAX_RANK + 1])
{
    const struct value *value = &n->model->graph->value[v];

    dims[0] = (size_t)n->model->batch;
    for (int i = 0; i < value->rank; i++)
        dims[i + 1] = (size_t)value->dim[i];
    if (value->rank == 3) {
        dims[1] = (size_t)value->dim[1];
        dims[2] = (size_t)value->dim[2];
        dims[3] = (size_t)value->dim[0];
    }
    return (size_t)value->rank + 1;
}

static enum status define_f32(struct network *n, int v, uint32_t external, uint32_t flags, uint32_t *out)
{
    size_t dims[GRAPH_MAX_RANK + 1], rank = dims_of(n, v, dims);
    return xnnpack_try(
        n->x->xnn_define_tensor_value(n->subgraph, xnn_datatype_fp32, rank, dims, NULL, external, flags, out),
        "a tensor");
}

static enum status define_q8(struct network *n, int v, float scale, int32_t zero_point, uint32_t *out)
{
    size_t dims[GRAPH_MAX_RANK + 1], rank = dims_of(n, v, dims);
    return xnnpack_try(n->x->xnn_define_quantized_tensor_value(n->subgraph, xnn_datatype_qint8, zero_point - SHIFT,
                                                               scale, rank, dims, NULL, XNN_INVALID_VALUE_ID, 0, out),
                       "a quantized tensor");
}

/* The value's tensor, made when it is first written. */
static enum status define_value(struct network *n, int v)
{
    const struct value *value = &n->model->graph->value[v];

    if (value->quant == QUANT_STATIC)
        return define_q8(n, v, value->scale, value->zero_point, &n->id[v]);
    if (v == graph_output(n->model->graph))
        return define_f32(n, v, OUTPUT, XNN_VALUE_FLAG_EXTERNAL_OUTPUT, &n->id[v]);
    return define_f32(n, v, XNN_INVALID_VALUE_ID, 0, &n->id[v]);
}

/* ------------------------------------------------------------------ products */

static enum status define_weights_f32(struct network *n, const struct node *node, void *w, size_t rank,
                                      const size_t *dims, uint32_t *out_w, uint32_t *out_bias)
{
    const struct graph *graph = n->model->graph;
    size_t outputs = (size_t)graph->weight[node->weight].dim[0];
    float *bias;

    TRY(mem_alloc(outputs + KN_SLACK, sizeof *bias, &bias));
    TRY(keep(n, bias));
    if (node->bias >= 0)
        memcpy(bias, graph->weight[node->bias].data, outputs * sizeof *bias);
    TRY(xnnpack_try(
        n->x->xnn_define_tensor_value(n->subgraph, xnn_datatype_fp32, rank, dims, w, XNN_INVALID_VALUE_ID, 0, out_w),
        "weights"));
    return xnnpack_try(n->x->xnn_define_tensor_value(n->subgraph, xnn_datatype_fp32, 1, &outputs, bias,
                                                     XNN_INVALID_VALUE_ID, 0, out_bias),
                       "a bias");
}

/* One scale for each output. */
static enum status define_weights_qc8(struct network *n, const struct node *node, void *w, const size_t *dims,
                                      size_t channel_dim, uint32_t *out_w, uint32_t *out_bias)
{
    const struct graph *graph = n->model->graph;
    const struct weight *weight = &graph->weight[node->weight];
    size_t outputs = (size_t)weight->dim[0];
    float *scale, in = graph->value[node->input[0]].scale;
    int32_t *bias;

    TRY(mem_alloc(2 * outputs + KN_SLACK, sizeof *scale, &scale));
    TRY(keep(n, scale));
    TRY(mem_alloc(outputs + KN_SLACK, sizeof *bias, &bias));
    TRY(keep(n, bias));
    for (size_t i = 0; i < outputs; i++) {
        scale[i] = weight->scale[i];
        scale[outputs + i] = in * weight->scale[i];
        bias[i] = node->bias >= 0 ? ((const int32_t *)graph->weight[node->bias].data)[i] : 0;
    }
    TRY(xnnpack_try(n->x->xnn_define_channelwise_quantized_tensor_value(n->subgraph, xnn_datatype_qcint8, scale, 4,
                                                                        channel_dim, dims, w, XNN_INVALID_VALUE_ID, 0,
                                                                        out_w),
                    "quantized weights"));
    return xnnpack_try(n->x->xnn_define_channelwise_quantized_tensor_value(n->subgraph, xnn_datatype_qcint32,
                                                                           scale + outputs, 1, 0, &outputs, bias,
                                                                           XNN_INVALID_VALUE_ID, 0, out_bias),
                       "a quantized bias");
}

/* Its fully connected layers have one scale for all outputs: weights are brought to the largest one. */
static enum status define_weights_qs8(struct network *n, const struct node *node, int8_t *w, const size_t *dims,
                                      uint32_t *out_w, uint32_t *out_bias)
{
    const struct graph *graph = n->model->graph;
    const struct weight *weight = &graph->weight[node->weight];
    float scale = 0, in = graph->value[node->input[0]].scale;
    int32_t *bias;

    TRY(mem_alloc(dims[0] + KN_SLACK, sizeof *bias, &bias));
    TRY(keep(n, bias));
    for (size_t i = 0; i < dims[0]; i++)
        scale = fmaxf(scale, weight->scale[i]);
    for (size_t i = 0; i < dims[0]; i++) {
        float ratio = weight->scale[i] / scale;
        bias[i] =
            node->bias >= 0 ? (int32_t)lrintf((float)((const int32_t *)graph->weight[node->bias].data)[i] * ratio) : 0;
        for (size_t j = 0; j < dims[1]; j++)
            w[i * dims[1] + j] = kn_quantize_weight((float)w[i * dims[1] + j] * ratio, 1.0F);
    }
    TRY(xnnpack_try(n->x->xnn_define_quantized_tensor_value(n->subgraph, xnn_datatype_qint8, 0, scale, 2, dims, w,
                                                            XNN_INVALID_VALUE_ID, 0, out_w),
                    "quantized weights"));
    return xnnpack_try(n->x->xnn_define_quantized_tensor_value(n->subgraph, xnn_datatype_qint32, 0, in * scale, 1, dims,
                                                               bias, XNN_INVALID_VALUE_ID, 0, out_bias),
                       "a quantized bias");
}

static enum status define_conv(struct network *n, const struct peer_step *step, float lo, float hi, uint32_t out)
{
    const struct graph *graph = n->model->graph;
    const struct node *node = step->node;
    const struct weight *weight = &graph->weight[node->weight];
    int depthwise = node_is_depthwise(graph, node);
    uint32_t kh = (uint32_t)node->kernel_h, kw = (uint32_t)node->kernel_w, groups = (uint32_t)node_groups(node), w,
             bias;
    size_t o = (size_t)weight->dim[0], c = (size_t)weight->dim[1];
    const size_t plain[4] = {o, kh, kw, c}, last[4] = {1, kh, kw, o};
    const size_t *dims = depthwise ? last : plain;
    void *data;

    TRY(peer_graph_conv_weights(graph, node, depthwise, &data));
    TRY(keep(n, data));
    TRY(weight->type == DT_S8 ? define_weights_qc8(n, node, data, dims, depthwise ? 3 : 0, &w, &bias)
                              : define_weights_f32(n, node, data, 4, dims, &w, &bias));
    if (depthwise)
        return xnnpack_try(n->x->xnn_define_depthwise_convolution_2d(
                               n->subgraph, (uint32_t)node->pad_h, (uint32_t)node->pad_end_w, (uint32_t)node->pad_end_h,
                               (uint32_t)node->pad_w, kh, kw, (uint32_t)node->stride_h, (uint32_t)node->stride_w,
                               (uint32_t)node_dilation_h(node), (uint32_t)node_dilation_w(node), 1, o, lo, hi,
                               n->id[step->in], w, bias, out, 0),
                           "depthwise convolution");
    return xnnpack_try(n->x->xnn_define_convolution_2d(n->subgraph, (uint32_t)node->pad_h, (uint32_t)node->pad_end_w,
                                                       (uint32_t)node->pad_end_h, (uint32_t)node->pad_w, kh, kw,
                                                       (uint32_t)node->stride_h, (uint32_t)node->stride_w,
                                                       (uint32_t)node_dilation_h(node), (uint32_t)node_dilation_w(node),
                                                       groups, c, o / groups, lo, hi, n->id[step->in], w, bias, out, 0),
                       "convolution");
}

static enum status define_fc(struct network *n, const struct peer_step *step, float lo, float hi, uint32_t out)
{
    const struct graph *graph = n->model->graph;
    const struct weight *weight = &graph->weight[step->node->weight];
    const size_t dims[2] = {(size_t)weight->dim[0], (size_t)weight->dim[1]};
    uint32_t w, bias;
    void *data;

    TRY(peer_graph_fc_weights(graph, step->node, &data));
    TRY(keep(n, data));
    TRY(weight->type == DT_S8 ? define_weights_qs8(n, step->node, data, dims, &w, &bias)
                              : define_weights_f32(n, step->node, data, 2, dims, &w, &bias));
    return xnnpack_try(
        n->x->xnn_define_fully_connected(n->subgraph, lo, hi, n->id[step->in], w, bias, out,
                                         graph->value[step->in].rank == 1 ? XNN_FLAG_TENSORFLOW_RESHAPE_2D : 0),
        "fully connected");
}

/* A product writes the chain's result, or the value between it and the addition. Where integers end in floats, what
 * lies between has to be an 8-bit tensor here: the reference's own range gives the last one's scale, the sum's scale
 * that of a term. */
static enum status define_product(struct network *n, const struct peer_step *step)
{
    const struct graph *graph = n->model->graph;
    const struct value *result = &graph->value[step->out];
    int integer = graph->weight[step->node->weight].type == DT_S8, v = step->node->output;
    float lo = step->add >= 0 ? -INFINITY : step->lo, hi = step->add >= 0 ? INFINITY : step->hi, scale = 1;
    int32_t zero = 0;
    uint32_t out = n->id[step->out], between = out;

    if (integer && result->quant != QUANT_STATIC) {
        if (step->add >= 0)
            return status_fail(ST_SKIP, "XNNPACK: a float addition behind an integer product");
        kn_range_params(n->model->lo, n->model->hi, &scale, &zero);
        TRY(define_q8(n, v, scale, zero, &between));
    } else if (step->add >= 0) {
        TRY(integer ? define_q8(n, v, result->scale, SHIFT, &between)
                    : define_f32(n, v, XNN_INVALID_VALUE_ID, 0, &between));
    }
    TRY(step->node->op == OP_CONV ? define_conv(n, step, lo, hi, between) : define_fc(n, step, lo, hi, between));
    if (step->add >= 0)
        return xnnpack_try(n->x->xnn_define_add2(n->subgraph, step->lo, step->hi, between, n->id[step->add], out, 0),
                           "addition");
    return between == out ? ST_OK : xnnpack_try(n->x->xnn_define_convert(n->subgraph, between, out, 0), "conversion");
}

/* ------------------------------------------------------------------ everything else */

static int is_global(const struct graph *graph, const struct node *node)
{
    const struct value *in = &graph->value[node->input[0]];
    return node->kernel_h == in->dim[1] && node->kernel_w == in->dim[2] && !node->pad_h && !node->pad_w &&
           !node->pad_end_h && !node->pad_end_w;
}

static enum status define_pool(struct network *n, const struct peer_step *step)
{
    const struct node *p = step->node;
    uint32_t in = n->id[step->in], out = n->id[step->out];

    if (p->op == OP_POOL_AVG && is_global(n->model->graph, p))
        return xnnpack_try(n->x->xnn_define_global_average_pooling_2d(n->subgraph, step->lo, step->hi, in, out, 0),
                           "global average pooling");
    if (p->op == OP_POOL_AVG)
        return xnnpack_try(n->x->xnn_define_average_pooling_2d(
                               n->subgraph, (uint32_t)p->pad_h, (uint32_t)p->pad_end_w, (uint32_t)p->pad_end_h,
                               (uint32_t)p->pad_w, (uint32_t)p->kernel_h, (uint32_t)p->kernel_w, (uint32_t)p->stride_h,
                               (uint32_t)p->stride_w, step->lo, step->hi, in, out, 0),
                           "average pooling");
    return xnnpack_try(n->x->xnn_define_max_pooling_2d(
                           n->subgraph, (uint32_t)p->pad_h, (uint32_t)p->pad_end_w, (uint32_t)p->pad_end_h,
                           (uint32_t)p->pad_w, (uint32_t)p->kernel_h, (uint32_t)p->kernel_w, (uint32_t)p->stride_h,
                           (uint32_t)p->stride_w, 1, 1, step->lo, step->hi, in, out, 0),
                       "max pooling");
}

static enum status define_step(struct network *n, const struct peer_step *step)
{
    const struct node *node = step->node;
    uint32_t in, out;

    if (node->op == OP_FLATTEN) { /* the same tensor: images are in the order that fc's weights were put into */
        n->id[step->out] = n->id[step->in];
        return step->out == graph_output(n->model->graph)
                   ? status_fail(ST_SKIP, "XNNPACK: a network that ends in flatten")
                   : ST_OK;
    }
    TRY(define_value(n, step->out));
    in = n->id[step->in];
    out = n->id[step->out];
    switch (node->op) {
    case OP_CONV:
    case OP_FC:
        return define_product(n, step);
    case OP_POOL_MAX:
    case OP_POOL_AVG:
        return define_pool(n, step);
    case OP_RELU:
    case OP_RELU6:
        return xnnpack_try(n->x->xnn_define_clamp(n->subgraph, 0, node->op == OP_RELU6 ? 6.0F : INFINITY, in, out, 0),
                           "clamp");
    case OP_HARDSWISH:
        return xnnpack_try(n->x->xnn_define_hardswish(n->subgraph, in, out, 0), "hard-swish");
    case OP_SIGMOID:
        return xnnpack_try(n->x->xnn_define_sigmoid(n->subgraph, in, out, 0), "sigmoid");
    case OP_SOFTMAX:
        return xnnpack_try(n->x->xnn_define_softmax(n->subgraph, in, out, 0), "softmax");
    case OP_ADD:
        return xnnpack_try(n->x->xnn_define_add2(n->subgraph, step->lo, step->hi, in, n->id[node->input[1]], out, 0),
                           "addition");
    default:
        return status_fail(ST_SKIP, "XNNPACK of this version has no %s", op_name(node->op));
    }
}

static enum status build(struct network *n)
{
    const struct graph *graph = n->model->graph;
    int v = graph_input(graph);
    uint32_t input;

    TRY(xnnpack_try(n->x->xnn_create_subgraph(2, 0, &n->subgraph), "a subgraph"));
    TRY(define_f32(n, v, INPUT, XNN_VALUE_FLAG_EXTERNAL_INPUT, &input));
    n->id[v] = input;
    if (graph->value[v].quant == QUANT_STATIC) {
        TRY(define_value(n, v));
        TRY(xnnpack_try(n->x->xnn_define_convert(n->subgraph, input, n->id[v], 0), "conversion"));
    }
    for (int i = 0; i < graph->nodes; i++) {
        struct peer_step step;
        if (peer_graph_step(graph, i, &step))
            TRY(define_step(n, &step));
    }
    return xnnpack_try(n->x->xnn_create_runtime_v2(n->subgraph, NULL, 0, &n->runtime), "a runtime");
}

static enum status create(void *context, const struct peer_model *model, void **out_instance)
{
    const struct value *result = &model->graph->value[graph_output(model->graph)];
    struct xnn_external_value external[2];
    struct network *n;
    float *input;
    enum status st;

    for (int i = 0; i < model->graph->values; i++)
        if (model->graph->value[i].quant == QUANT_DYNAMIC)
            return status_fail(ST_SKIP, "XNNPACK of this version has no ranges found at run time");
    if (result->rank > 2)
        return status_fail(ST_SKIP, "XNNPACK: a network whose output is an image");
    n = calloc(1, sizeof *n);
    if (!n || !(n->id = calloc((size_t)model->graph->values, sizeof *n->id))) {
        free(n);
        return status_fail(ST_NOMEM, "no memory for XNNPACK's network");
    }
    n->x = context;
    n->model = model;
    n->outputs = (size_t)model->batch * value_count(result);
    TRY_OUT(build(n));
    TRY_OUT(peer_graph_input_hwc(model->graph, model->batch, model->input, &input));
    TRY_OUT(keep(n, input));
    TRY_OUT(mem_alloc(n->outputs + KN_SLACK, sizeof *n->output, &n->output));
    TRY_OUT(keep(n, n->output));
    external[0] = (struct xnn_external_value){INPUT, input};
    external[1] = (struct xnn_external_value){OUTPUT, n->output};
    TRY_OUT(xnnpack_try(n->x->xnn_setup_runtime(n->runtime, 2, external), "a runtime's tensors"));
    *out_instance = n;
    return ST_OK;
out:
    destroy(n);
    return st;
}

const struct peer_model_calls xnnpack_model_calls = {create, run, output, destroy};
