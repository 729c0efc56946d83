/* Planning: graph → chain of layers with their buffers. */
#include "train/net.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph_quant.h"

static int has_weights(const struct net_layer *layer)
{
    return layer->op != OP_POOL_MAX;
}

static void plan_conv(const struct graph *graph, const struct node *node, struct net_layer *layer)
{
    const struct value *in = &graph->value[node->input[0]], *out = &graph->value[node->output];

    layer->conv =
        (struct conv_shape){in->dim[0],     in->dim[1],     in->dim[2],     out->dim[0],    out->dim[1], out->dim[2],
                            node->kernel_h, node->kernel_w, node->stride_h, node->stride_w, node->pad_h, node->pad_w};
}

static void plan_pool(const struct graph *graph, const struct node *node, struct net_layer *layer)
{
    const struct value *in = &graph->value[node->input[0]], *out = &graph->value[node->output];

    layer->pool =
        (struct pool_shape){in->dim[0],     in->dim[1],     in->dim[2],     out->dim[1], out->dim[2], node->kernel_h,
                            node->kernel_w, node->stride_h, node->stride_w, node->pad_h, node->pad_w};
}

static enum status check_weight(const struct net *net, const struct node *node, int index)
{
    if (net->graph->weight[index].type != DT_F32)
        return status_fail(ST_UNSUPPORTED, "node '%s': weight '%s' is %s; only float weights can be trained",
                           node->name, net->graph->weight[index].name, dtype_name(net->graph->weight[index].type));
    for (int l = 0; l < net->layers; l++)
        if (net->layer[l].weight == index || net->layer[l].bias == index)
            return status_fail(ST_UNSUPPORTED, "node '%s': weight '%s' belongs to two nodes", node->name,
                               net->graph->weight[index].name);
    return ST_OK;
}

static enum status plan_layer(struct net *net, const struct node *node)
{
    const struct graph *graph = net->graph;
    struct net_layer *layer = &net->layer[net->layers];

    layer->op = node->op;
    layer->weight = layer->bias = layer->point = layer->input_point = -1;
    layer->in_count = value_count(&graph->value[node->input[0]]);
    layer->out_count = value_count(&graph->value[node->output]);
    if (has_weights(layer)) {
        TRY(check_weight(net, node, node->weight));
        if (node->bias >= 0)
            TRY(check_weight(net, node, node->bias));
        layer->weight = node->weight;
        layer->bias = node->bias;
    }
    if (node->op == OP_CONV)
        plan_conv(graph, node, layer);
    else if (node->op == OP_POOL_MAX)
        plan_pool(graph, node, layer);
    else
        layer->fc = (struct fc_shape){net->batch, (int)layer->in_count, (int)layer->out_count};
    layer->has_gradient = has_weights(layer) || (net->layers > 0 && net->layer[net->layers - 1].has_gradient);
    net->layers++;
    if (node->op != OP_FC)
        net->spatial = net->layers;
    return ST_OK;
}

/* The rounding of conv/fc node `node`'s input happens at the end of the layer before; its grid is that of the
 * quantization point. Pixels are on theirs already. */
static void plan_point(struct net *net, const struct node *node)
{
    int value = graph_quant_source(net->graph, node->input[0]);
    struct net_point *point = &net->point[net->points];

    if (value < 0 || value == graph_input(net->graph))
        return;
    point->value = value;
    point->grid.scale = 1;
    net->layer[net->layers - 1].point = net->points;
    net->layer[net->layers].input_point = net->points++;
}

static enum status plan(struct net *net)
{
    const struct graph *graph = net->graph;

    if (!graph_is_plain(graph))
        return status_fail(ST_UNSUPPORTED, "graph '%s': has operators that are not supported here", graph->name);
    for (int i = 1; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (node->input[0] != graph->node[i - 1].output)
            return status_fail(ST_UNSUPPORTED, "node '%s': training needs a chain, each node reading the one before",
                               node->name);
        if (node->op == OP_RELU && net->layers > 0)
            net->layer[net->layers - 1].relu = 1;
        if (node->op == OP_RELU || node->op == OP_FLATTEN)
            continue; /* a ReLU right after the pixels changes nothing: they are not negative */
        TRY(plan_layer(net, node));
        if (net->qat && node->op != OP_POOL_MAX && net->layers > 1) {
            net->layers--;
            plan_point(net, node);
            net->layers++;
        }
    }
    if (net->layers == 0 || !net->layer[net->layers - 1].has_gradient)
        return status_fail(ST_UNSUPPORTED, "graph '%s': has no conv or fc to train", graph->name);
    if (graph->value[graph_output(graph)].rank != 1)
        return status_fail(ST_UNSUPPORTED, "graph '%s': the output is not flat; end with a flatten or an fc",
                           graph->name);
    return ST_OK;
}

static enum status allocate_weights(struct net *net, struct net_layer *layer)
{
    const struct weight *weight = &net->graph->weight[layer->weight];
    size_t rows = (size_t)weight->dim[0];

    TRY(mem_alloc(weight->count, sizeof(float), &layer->weight_gradient));
    TRY(mem_alloc(rows, sizeof(float), &layer->bias_gradient));
    if (layer->op == OP_CONV)
        TRY(mem_alloc(NET_SLOTS * (weight->count + rows), sizeof(float), &layer->partial));
    if (!net->qat)
        return ST_OK;
    TRY(mem_alloc(weight->count, sizeof(float), &layer->weight_used));
    TRY(mem_alloc(rows, sizeof(float), &layer->bias_used));
    return mem_alloc(rows, sizeof(float), &layer->weight_scale);
}

static enum status allocate(struct net *net)
{
    size_t batch = (size_t)net->batch;

    for (int l = 0; l < net->layers; l++) {
        struct net_layer *layer = &net->layer[l];
        TRY(mem_alloc(batch * layer->out_count, sizeof(float), &layer->out));
        layer->raw = layer->out;
        if (layer->point >= 0) {
            layer->raw = NULL;
            TRY(mem_alloc(batch * layer->out_count, sizeof(float), &layer->raw));
        }
        if (layer->has_gradient)
            TRY(mem_alloc(batch * layer->out_count, sizeof(float), &layer->gradient));
        if (has_weights(layer))
            TRY(allocate_weights(net, layer));
        if (layer->op == OP_CONV && conv_scratch_floats(&layer->conv) > net->scratch_floats)
            net->scratch_floats = conv_scratch_floats(&layer->conv);
    }
    net->scratch_floats = mem_round(net->scratch_floats * sizeof(float)) / sizeof(float);
    TRY(mem_alloc(NET_SLOTS * net->scratch_floats, sizeof(float), &net->scratch));
    return mem_alloc(batch * net->input_count, sizeof(float), &net->input);
}

enum status net_new(struct graph *graph, int batch, const struct train_options *options, struct net **out)
{
    enum status st = ST_OK;
    struct net *net;

    TRY(blas_ready(options->blas));
    if (graph->nodes < 2)
        return status_fail(ST_UNSUPPORTED, "graph '%s': nothing to train", graph->name);
    TRY(mem_alloc(1, sizeof *net, &net));
    net->graph = graph;
    net->pool = options->pool;
    net->blas = options->blas;
    net->qat = options->qat;
    net->ranges = options->ranges;
    net->batch = batch;
    net->rounding = 1;
    net->input_count = value_count(&graph->value[graph_input(graph)]);
    TRY_OUT(mem_alloc((size_t)graph->nodes, sizeof *net->layer, &net->layer));
    TRY_OUT(mem_alloc((size_t)graph->nodes, sizeof *net->point, &net->point));
    TRY_OUT(plan(net));
    TRY_OUT(allocate(net));
    *out = net;
    return ST_OK;
out:
    net_free(net);
    return st;
}

void net_free(struct net *net)
{
    if (!net)
        return;
    for (int l = 0; l < net->layers; l++) {
        struct net_layer *layer = &net->layer[l];
        if (layer->raw != layer->out)
            mem_free(layer->raw);
        mem_free(layer->out);
        mem_free(layer->gradient);
        mem_free(layer->weight_used);
        mem_free(layer->bias_used);
        mem_free(layer->weight_scale);
        mem_free(layer->weight_gradient);
        mem_free(layer->bias_gradient);
        mem_free(layer->partial);
    }
    mem_free(net->layer);
    mem_free(net->point);
    mem_free(net->input);
    mem_free(net->scratch);
    mem_free(net);
}

const float *net_logits(const struct net *net)
{
    return net->layer[net->layers - 1].out;
}

int net_classes(const struct net *net)
{
    return (int)net->layer[net->layers - 1].out_count;
}

float *net_logit_gradient(struct net *net)
{
    return net->layer[net->layers - 1].gradient;
}
