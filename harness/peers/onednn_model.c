/* A network as a chain of oneDNN primitives: clamps and additions ride on the products before them (post-ops), layouts
 * are the library's choice, integers are u8 activations and s8 weights with the graph's own scales. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "peers/onednn.h"
#include "peers/peer_graph.h"

enum { MAX_BUFFERS = 1024 };

/* A value of the graph as the chain holds it. */
struct held {
    dnnl_memory_t memory;
    int integer;
    float scale; /* of integers */
    int32_t zero;
};

struct network {
    struct onednn_chain *chain;
    const struct peer_model *model;
    struct held *held;         /* (values); owned */
    void *buffer[MAX_BUFFERS]; /* owned */
    int buffers;
};

static void destroy(void *instance)
{
    struct network *n = instance;

    if (!n)
        return;
    onednn_chain_free(n->chain);
    while (n->buffers > 0)
        mem_free(n->buffer[--n->buffers]);
    free(n->held);
    free(n);
}

static void run(void *instance)
{
    onednn_chain_run(((struct network *)instance)->chain);
}

static enum status buffer(struct network *n, size_t count, size_t size, void *out_pointer)
{
    if (n->buffers == MAX_BUFFERS)
        return status_fail(ST_SKIP, "oneDNN: more than %d buffers", MAX_BUFFERS);
    TRY(mem_alloc(count, size, out_pointer));
    n->buffer[n->buffers++] = *(void **)out_pointer;
    return ST_OK;
}

/* N and the value's dimensions. */
static int dims_of(const struct network *n, int v, int dims[GRAPH_MAX_RANK + 1])
{
    const struct value *value = &n->model->graph->value[v];

    dims[0] = n->model->batch;
    for (int i = 0; i < value->rank; i++)
        dims[i + 1] = value->dim[i];
    return value->rank + 1;
}

static dnnl_format_tag_t plain_tag(int ndims)
{
    return ndims == 2 ? dnnl_ab : dnnl_abcd;
}

static const dnnl_memory_desc_t *desc_of(const struct network *n, dnnl_memory_t memory)
{
    const dnnl_memory_desc_t *desc = NULL;
    (void)n->chain->d->dnnl_memory_get_memory_desc(memory, &desc);
    return desc;
}

/* ------------------------------------------------------------------ products */

/* The product being made: descriptors, attributes, and what its integers mean. */
struct product {
    const struct peer_step *step;
    const struct weight *weight;
    int fc, integer;
    int outputs;
    dnnl_memory_desc_t x, w, bias, y;
    dnnl_primitive_attr_t attr;
    dnnl_post_ops_t ops;
    struct held y_held;
};

/* s32 in units of scale_in * scale_w, or f32. A fully connected layer has its input's zero point in it, exactly:
 * sum (x - zero) w = sum x w - zero sum w; convolutions leave that to the library because of their padding. */
static enum status make_bias(struct network *n, const struct product *p, dnnl_memory_t *out)
{
    const struct graph *graph = n->model->graph;
    const struct node *node = p->step->node;
    int32_t *integers, zero = n->held[p->step->in].zero;
    float *floats;
    size_t k = p->weight->count / (size_t)p->outputs;

    TRY(buffer(n, (size_t)p->outputs, sizeof *floats, &floats));
    integers = (void *)floats;
    if (node->bias >= 0)
        memcpy(floats, graph->weight[node->bias].data, (size_t)p->outputs * sizeof *floats);
    for (int i = 0; p->integer && p->fc && zero && i < p->outputs; i++)
        for (size_t j = 0; j < k; j++)
            integers[i] -= zero * ((const int8_t *)p->weight->data)[(size_t)i * k + j];
    return onednn_tensor(n->chain, &p->bias, floats, out);
}

static enum status set_scales(struct network *n, const struct product *p)
{
    const struct onednn *d = n->chain->d;
    const struct held *x = &n->held[p->step->in];
    float *scale;

    TRY(buffer(n, (size_t)p->outputs, sizeof *scale, &scale));
    for (int i = 0; i < p->outputs; i++)
        scale[i] = x->scale * p->weight->scale[i] / (p->y_held.integer ? p->y_held.scale : 1.0F);
    TRY(onednn_try(d->dnnl_primitive_attr_set_output_scales(p->attr, p->outputs, 1 << 1, scale), "output scales"));
    if (x->zero && !p->fc)
        TRY(onednn_try(d->dnnl_primitive_attr_set_zero_points(p->attr, DNNL_ARG_SRC, 1, 0, &x->zero), "zero point"));
    if (p->y_held.integer && p->y_held.zero)
        TRY(onednn_try(d->dnnl_primitive_attr_set_zero_points(p->attr, DNNL_ARG_DST, 1, 0, &p->y_held.zero),
                       "zero point"));
    return ST_OK;
}

/* After the scales, in units of the result's: the addition, then the clamp. */
static enum status set_post_ops(struct network *n, struct product *p)
{
    const struct onednn *d = n->chain->d;
    const struct peer_step *step = p->step;
    float unit = p->y_held.integer ? p->y_held.scale : 1.0F;

    if (step->add >= 0) {
        const struct held *add = &n->held[step->add];
        if (add->integer != p->y_held.integer)
            return status_fail(ST_SKIP, "oneDNN: an addition of another type than the result");
        TRY(onednn_try(d->dnnl_post_ops_append_sum_v3(p->ops, add->integer ? add->scale / unit : 1.0F,
                                                      add->integer ? add->zero : 0, dnnl_data_type_undef),
                       "addition"));
    }
    if (step->lo > -INFINITY && step->hi < INFINITY)
        TRY(onednn_try(d->dnnl_post_ops_append_eltwise(p->ops, 1, dnnl_eltwise_clip, step->lo / unit, step->hi / unit),
                       "clamp"));
    else if (step->lo > -INFINITY)
        TRY(onednn_try(d->dnnl_post_ops_append_eltwise(p->ops, 1, dnnl_eltwise_relu, 0, 0), "clamp"));
    return onednn_try(d->dnnl_primitive_attr_set_post_ops(p->attr, p->ops), "post-ops");
}

/* 1 if nothing after the chain's addition reads the value, so that it may be overwritten. */
static int is_last_reader(const struct graph *graph, const struct peer_step *step)
{
    int end = graph_producer(graph, step->out);
    for (int i = end + 1; i < graph->nodes; i++)
        if (node_reads(&graph->node[i], step->add))
            return 0;
    return step->add != graph_input(graph);
}

/* Where the result goes: onto what is added, which stays intact if somebody else reads it. */
static enum status make_result(struct network *n, const struct product *p, const dnnl_memory_desc_t *desc,
                               dnnl_memory_t *out)
{
    dnnl_memory_t add;

    if (p->step->add < 0)
        return onednn_tensor(n->chain, desc, NULL, out);
    add = n->held[p->step->add].memory;
    if (is_last_reader(n->model->graph, p->step) && n->chain->d->dnnl_memory_desc_equal(desc_of(n, add), desc)) {
        *out = add;
        return ST_OK;
    }
    TRY(onednn_tensor(n->chain, desc, NULL, out));
    return onednn_copy(n->chain, add, *out, NULL, 0);
}

static enum status describe_product(struct network *n, struct product *p, dnnl_primitive_desc_t *out)
{
    const struct onednn *d = n->chain->d;
    const struct node *node = p->step->node;
    const struct weight *w = p->weight;
    const dnnl_memory_desc_t *have = desc_of(n, n->held[p->step->in].memory);
    int x[DNNL_MAX_NDIMS], y[GRAPH_MAX_RANK + 1], weights[5], groups = node_groups(node), k = 0;
    int y_rank = dims_of(n, p->step->out, y);
    dnnl_data_type_t y_type = p->y_held.integer ? dnnl_u8 : dnnl_f32;

    for (int i = 0; i < have->ndims; i++)
        x[i] = (int)have->dims[i];
    p->x = onednn_desc(d, have->ndims, x, p->integer ? dnnl_u8 : dnnl_f32, dnnl_format_tag_any);
    p->y = p->step->add >= 0 ? *desc_of(n, n->held[p->step->add].memory)
                             : onednn_desc(d, y_rank, y, y_type, dnnl_format_tag_any);
    p->bias = onednn_desc(d, 1, &p->outputs, p->integer ? dnnl_s32 : dnnl_f32, dnnl_a);
    if (p->fc) {
        dnnl_inner_product_desc_t fc;
        weights[k++] = p->outputs;
        for (int i = 1; i < have->ndims; i++)
            weights[k++] = x[i];
        p->w = onednn_desc(d, k, weights, p->integer ? dnnl_s8 : dnnl_f32, dnnl_format_tag_any);
        TRY(onednn_try(
            d->dnnl_inner_product_forward_desc_init(&fc, dnnl_forward_inference, &p->x, &p->w, &p->bias, &p->y),
            "inner product"));
        TRY(onednn_try(d->dnnl_primitive_desc_create(out, &fc, p->attr, d->engine, NULL), "inner product"));
    } else {
        const dnnl_dims_t stride = {node->stride_h, node->stride_w}, pad = {node->pad_h, node->pad_w},
                          pad_end = {node->pad_end_h, node->pad_end_w},
                          dilation = {node_dilation_h(node) - 1, node_dilation_w(node) - 1};
        dnnl_convolution_desc_t conv;
        if (groups > 1)
            weights[k++] = groups;
        weights[k++] = w->dim[0] / groups;
        for (int i = 1; i < 4; i++)
            weights[k++] = w->dim[i];
        p->w = onednn_desc(d, k, weights, p->integer ? dnnl_s8 : dnnl_f32, dnnl_format_tag_any);
        TRY(onednn_try(d->dnnl_dilated_convolution_forward_desc_init(&conv, dnnl_forward_inference,
                                                                     dnnl_convolution_direct, &p->x, &p->w, &p->bias,
                                                                     &p->y, stride, dilation, pad, pad_end),
                       "convolution"));
        TRY(onednn_try(d->dnnl_primitive_desc_create(out, &conv, p->attr, d->engine, NULL), "convolution"));
    }
    /* From here on: the weights as the graph has them. */
    p->w = onednn_desc(d, k, weights, p->integer ? dnnl_s8 : dnnl_f32,
                       k == 2   ? dnnl_ab
                       : k == 4 ? dnnl_abcd
                                : dnnl_abcde);
    return ST_OK;
}

static enum status bind_product(struct network *n, struct product *p, dnnl_primitive_desc_t pd)
{
    const struct onednn *d = n->chain->d;
    dnnl_memory_t x = n->held[p->step->in].memory, w, bias;
    enum status st;

    TRY_OUT(onednn_reorder(n->chain, x, d->dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), 0, &x));
    TRY_OUT(onednn_tensor(n->chain, &p->w, p->weight->data, &w));
    TRY_OUT(onednn_reorder(n->chain, w, d->dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), 1, &w));
    TRY_OUT(make_bias(n, p, &bias));
    TRY_OUT(make_result(n, p, d->dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), &p->y_held.memory));
    return onednn_append(
        n->chain, pd,
        (const dnnl_exec_arg_t[]){
            {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, p->y_held.memory}},
        4);
out:
    d->dnnl_primitive_desc_destroy(pd);
    return st;
}

static enum status add_product(struct network *n, const struct peer_step *step)
{
    const struct graph *graph = n->model->graph;
    const struct onednn *d = n->chain->d;
    const struct value *result = &graph->value[step->out];
    struct product p = {.step = step, .weight = &graph->weight[step->node->weight], .fc = step->node->op == OP_FC};
    dnnl_primitive_desc_t pd;
    enum status st;

    p.integer = p.weight->type == DT_S8;
    p.outputs = p.weight->dim[0];
    p.y_held = (struct held){NULL, result->quant == QUANT_STATIC, result->scale, result->zero_point};
    if (p.integer != n->held[step->in].integer)
        return status_fail(ST_SKIP, "oneDNN: a product of integers and floats");
    if (!p.integer && p.y_held.integer)
        return status_fail(ST_SKIP, "oneDNN: a float product with an integer result");
    if (p.fc && graph->value[step->in].rank != 1)
        return status_fail(ST_SKIP, "oneDNN's chain has fully connected layers over whole samples only");
    TRY(onednn_try(d->dnnl_primitive_attr_create(&p.attr), "attributes"));
    TRY_OUT(onednn_try(d->dnnl_post_ops_create(&p.ops), "post-ops"));
    if (p.integer)
        TRY_OUT(set_scales(n, &p));
    TRY_OUT(set_post_ops(n, &p));
    TRY_OUT(describe_product(n, &p, &pd));
    TRY_OUT(bind_product(n, &p, pd));
    n->held[step->out] = p.y_held;
out:
    if (p.ops)
        d->dnnl_post_ops_destroy(p.ops);
    d->dnnl_primitive_attr_destroy(p.attr);
    return st;
}

/* ------------------------------------------------------------------ everything else */

/* One input, one output of the layout that the library chooses; takes over pd. The result keeps scale and zero point.
 */
static enum status append_unary(struct network *n, const struct peer_step *step, dnnl_primitive_desc_t pd)
{
    struct held held = n->held[step->in];
    const dnnl_memory_t x = held.memory;
    enum status st = onednn_tensor(n->chain, n->chain->d->dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), NULL,
                                   &held.memory);

    if (st != ST_OK) {
        n->chain->d->dnnl_primitive_desc_destroy(pd);
        return st;
    }
    n->held[step->out] = held;
    return onednn_append(n->chain, pd, (const dnnl_exec_arg_t[]){{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, held.memory}}, 2);
}

static enum status add_pool(struct network *n, const struct peer_step *step)
{
    const struct onednn *d = n->chain->d;
    const struct node *p = step->node;
    const struct held *x = &n->held[step->in];
    const dnnl_dims_t stride = {p->stride_h, p->stride_w}, kernel = {p->kernel_h, p->kernel_w},
                      pad = {p->pad_h, p->pad_w}, pad_end = {p->pad_end_h, p->pad_end_w};
    int dims[GRAPH_MAX_RANK + 1], rank = dims_of(n, step->out, dims);
    dnnl_memory_desc_t y = onednn_desc(d, rank, dims, x->integer ? dnnl_u8 : dnnl_f32, dnnl_format_tag_any);
    dnnl_pooling_desc_t pool;
    dnnl_primitive_desc_t pd;

    TRY(onednn_try(
        d->dnnl_pooling_forward_desc_init(&pool, dnnl_forward_inference,
                                          p->op == OP_POOL_MAX ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding,
                                          desc_of(n, x->memory), &y, stride, kernel, pad, pad_end),
        "pooling"));
    TRY(onednn_try(d->dnnl_primitive_desc_create(&pd, &pool, NULL, d->engine, NULL), "pooling"));
    return append_unary(n, step, pd);
}

static enum status add_eltwise(struct network *n, const struct peer_step *step, dnnl_alg_kind_t kind, float alpha,
                               float beta)
{
    const struct onednn *d = n->chain->d;
    const struct held *x = &n->held[step->in];
    dnnl_eltwise_desc_t eltwise;
    dnnl_primitive_desc_t pd;

    if (x->integer)
        return status_fail(ST_SKIP, "oneDNN's chain has no %s of integers by itself", op_name(step->node->op));
    TRY(onednn_try(
        d->dnnl_eltwise_forward_desc_init(&eltwise, dnnl_forward_inference, kind, desc_of(n, x->memory), alpha, beta),
        op_name(step->node->op)));
    TRY(onednn_try(d->dnnl_primitive_desc_create(&pd, &eltwise, NULL, d->engine, NULL), op_name(step->node->op)));
    return append_unary(n, step, pd);
}

static enum status add_step(struct network *n, const struct peer_step *step)
{
    switch (step->node->op) {
    case OP_CONV:
    case OP_FC:
        return add_product(n, step);
    case OP_POOL_MAX:
    case OP_POOL_AVG:
        return add_pool(n, step);
    case OP_FLATTEN: /* an inner product reads images as they are */
        n->held[step->out] = n->held[step->in];
        return ST_OK;
    case OP_RELU:
        return add_eltwise(n, step, dnnl_eltwise_relu, 0, 0);
    case OP_RELU6:
        return add_eltwise(n, step, dnnl_eltwise_clip, 0, 6);
    case OP_HARDSWISH:
        return add_eltwise(n, step, dnnl_eltwise_hardswish, 0, 0);
    case OP_SIGMOID:
        return add_eltwise(n, step, dnnl_eltwise_logistic, 0, 0);
    case OP_GELU:
        return add_eltwise(n, step, dnnl_eltwise_gelu_erf, 0, 0);
    default:
        return status_fail(ST_SKIP, "oneDNN's chain is not built for %s", op_name(step->node->op));
    }
}

/* The input as it comes; quantized as a step of the chain. */
static enum status add_input(struct network *n)
{
    const struct onednn *d = n->chain->d;
    int v = graph_input(n->model->graph), dims[GRAPH_MAX_RANK + 1], rank = dims_of(n, v, dims);
    const struct value *value = &n->model->graph->value[v];
    struct held held = {NULL, value->quant == QUANT_STATIC, value->scale, value->zero_point};
    dnnl_memory_desc_t plain, quantized;
    dnnl_primitive_attr_t attr;
    float scale = 1.0F / value->scale;
    enum status st;

    if (rank != 2 && rank != 4)
        return status_fail(ST_SKIP, "oneDNN's chain is built for images and vectors only");
    plain = onednn_desc(d, rank, dims, dnnl_f32, plain_tag(rank));
    TRY(onednn_tensor(n->chain, &plain, n->model->input, &held.memory));
    n->held[v] = held;
    if (!held.integer)
        return ST_OK;
    quantized = onednn_desc(d, rank, dims, dnnl_u8, rank == 2 ? dnnl_ab : dnnl_nhwc);
    TRY(onednn_tensor(n->chain, &quantized, NULL, &n->held[v].memory));
    TRY(onednn_try(d->dnnl_primitive_attr_create(&attr), "attributes"));
    TRY_OUT(onednn_try(d->dnnl_primitive_attr_set_output_scales(attr, 1, 0, &scale), "input scale"));
    if (held.zero)
        TRY_OUT(onednn_try(d->dnnl_primitive_attr_set_zero_points(attr, DNNL_ARG_DST, 1, 0, &held.zero),
                           "input zero point"));
    TRY_OUT(onednn_copy(n->chain, held.memory, n->held[v].memory, attr, 0));
out:
    d->dnnl_primitive_attr_destroy(attr);
    return st;
}

static enum status output(void *instance, void *y)
{
    struct network *n = instance;
    const struct held *held = &n->held[graph_output(n->model->graph)];
    const dnnl_memory_desc_t *have = desc_of(n, held->memory);
    int dims[DNNL_MAX_NDIMS];
    dnnl_memory_desc_t plain;
    dnnl_memory_t out;

    if (n->chain->status != dnnl_success)
        return status_fail(ST_MISMATCH, "oneDNN failed while running (status %d)", (int)n->chain->status);
    for (int i = 0; i < have->ndims; i++)
        dims[i] = (int)have->dims[i];
    plain = onednn_desc(n->chain->d, have->ndims, dims, dnnl_f32, plain_tag(have->ndims));
    TRY(onednn_tensor(n->chain, &plain, y, &out));
    return onednn_copy(n->chain, held->memory, out, NULL, 1);
}

static enum status create(void *context, const struct peer_model *model, void **out_instance)
{
    const struct graph *graph = model->graph;
    struct network *n = calloc(1, sizeof *n);
    enum status st;

    if (!n || !(n->held = calloc((size_t)graph->values, sizeof *n->held))) {
        free(n);
        return status_fail(ST_NOMEM, "no memory for oneDNN's network");
    }
    n->model = model;
    TRY_OUT(onednn_chain_new(context, &n->chain));
    TRY_OUT(add_input(n));
    for (int i = 0; i < graph->nodes; i++) {
        struct peer_step step;
        if (peer_graph_step(graph, i, &step))
            TRY_OUT(add_step(n, &step));
    }
    if (n->held[graph_output(graph)].integer) {
        st = status_fail(ST_SKIP, "oneDNN's chain ends in integers");
        goto out;
    }
    *out_instance = n;
    return ST_OK;
out:
    destroy(n);
    return st;
}

const struct peer_model_calls onednn_model_calls = {create, run, output, destroy};
