/* Planning: graph → layers, segments and quantization points. */
#include "train/net.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph_fold.h"
#include "graph/graph_quant.h"

struct plan {
    struct net *net;
    int *layer_of; /* (graph->values) the layer that holds the value */
};

static enum status check_tensor(const struct net *net, const struct node *node, int index)
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

static int is_relu(enum op op)
{
    return op == OP_RELU || op == OP_RELU6;
}

static float ceiling_of(enum op op)
{
    return op == OP_RELU ? INFINITY : op == OP_RELU6 ? 6.0f : 0.0f;
}

/* Nodes that need no layer of their own: their value lies in the layer of what they read. */
static int is_absorbed(const struct plan *plan, const struct node *node)
{
    const struct graph *graph = plan->net->graph;
    int below;

    if (node->op == OP_INPUT)
        return 0;
    below = plan->layer_of[node->input[0]];
    if (is_relu(node->op) && plan->net->layer[below].op == OP_INPUT)
        return 1; /* pixels lie in 0..1 */
    if (graph_readers(graph, node->input[0]) != 1)
        return 0;
    if (node->op == OP_FLATTEN)
        return plan->net->layer[below].channels == 1; /* sample by sample already */
    return is_relu(node->op) && plan->net->layer[below].ceiling == 0;
}

static enum status plan_operator(struct net *net, const struct node *node, struct net_layer *layer)
{
    const struct value *in = &net->graph->value[node->input[0]];

    switch (node->op) {
    case OP_CONV:
        layer->conv = conv_shape_of(net->graph, node);
        return ST_OK;
    case OP_FC:
        layer->fc =
            (struct fc_shape){net->batch * (in->rank == 2 ? in->dim[0] : 1), in->dim[in->rank - 1], node->channels};
        return ST_OK;
    case OP_POOL_MAX:
    case OP_POOL_AVG:
        layer->pool = pool_shape_of(net->graph, node);
        return ST_OK;
    case OP_BATCHNORM:
        if (net->qat)
            return status_fail(ST_UNSUPPORTED, "node '%s': fold batch normalizations before training with quantization",
                               node->name);
        if (in->rank != 3)
            return status_fail(ST_UNSUPPORTED, "node '%s': only a batchnorm over C,H,W can be trained", node->name);
        layer->norm.epsilon = (double)node->epsilon;
        net->layer[layer->input[0]].normed = net->layers;
        net->norms++;
        return ST_OK;
    case OP_RELU:
    case OP_RELU6:
        layer->ceiling = ceiling_of(node->op);
        return ST_OK;
    case OP_ADD:
    case OP_FLATTEN:
        return ST_OK;
    default:
        return status_fail(ST_UNSUPPORTED, "node '%s': %s cannot be trained", node->name, op_name(node->op));
    }
}

static enum status plan_layer(struct plan *plan, const struct node *node)
{
    struct net *net = plan->net;
    const struct value *out = &net->graph->value[node->output];
    struct net_layer *layer = &net->layer[net->layers];

    layer->op = node->op;
    layer->name = node->name;
    layer->weight = layer->bias = layer->point = layer->input_point = layer->normed = -1;
    layer->out_count = value_count(out);
    layer->channels = out->rank == 3 ? out->dim[0] : 1;
    layer->plane = (int)layer->out_count / layer->channels;
    if (node->op != OP_INPUT) {
        layer->inputs = node->op == OP_ADD ? 2 : 1;
        for (int k = 0; k < layer->inputs; k++)
            layer->input[k] = plan->layer_of[node->input[k]];
        TRY(plan_operator(net, node, layer));
    }
    if (op_is_product(node->op) || node->op == OP_BATCHNORM) {
        TRY(check_tensor(net, node, node->weight));
        if (node->bias >= 0)
            TRY(check_tensor(net, node, node->bias));
        layer->weight = node->weight;
        layer->bias = node->bias;
    }
    if (op_is_product(node->op))
        layer->weight_steps = graph_weight_steps(net->graph, (int)(node - net->graph->node), net->weight_bits);
    layer->has_gradient = layer->weight >= 0;
    for (int k = 0; k < layer->inputs; k++)
        layer->has_gradient |= net->layer[layer->input[k]].has_gradient;
    plan->layer_of[node->output] = net->layers++;
    return ST_OK;
}

static enum status plan_layers(struct plan *plan)
{
    struct net *net = plan->net;
    const struct graph *graph = net->graph;

    TRY(graph_fold_check(graph));
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (i + 1 < graph->nodes && graph_readers(graph, node->output) == 0)
            return status_fail(ST_UNSUPPORTED, "node '%s': nobody reads its output", node->name);
        if (!is_absorbed(plan, node)) {
            TRY(plan_layer(plan, node));
            continue;
        }
        plan->layer_of[node->output] = plan->layer_of[node->input[0]];
        if (is_relu(node->op) && plan->layer_of[node->output] > 0)
            net->layer[plan->layer_of[node->output]].ceiling = ceiling_of(node->op);
    }
    if (!net->layer[net->layers - 1].has_gradient)
        return status_fail(ST_UNSUPPORTED, "graph '%s': has no conv or fc to train", graph->name);
    if (graph->value[graph_output(graph)].rank != 1)
        return status_fail(ST_UNSUPPORTED, "graph '%s': the output is not flat; end with a flatten or an fc",
                           graph->name);
    return ST_OK;
}

/* ------------------------------------------------------------------ quantization points */

/* The value at which point v is rounded: behind max-pooling, ReLU and flatten that alone read it. */
static int rounded_at(const struct graph *graph, int v)
{
    for (;;) {
        int reader = graph_consumer(graph, v);
        enum op op = reader < 0 ? OP_COUNT : graph->node[reader].op;
        if (graph_readers(graph, v) != 1 || !(op == OP_POOL_MAX || op == OP_FLATTEN || is_relu(op)))
            return v;
        v = graph->node[reader].output;
    }
}

static int point_of(const struct net *net, int value)
{
    for (int p = 0; p < net->points; p++)
        if (net->point[p].value == value)
            return p;
    return -1;
}

static void plan_points(struct plan *plan)
{
    struct net *net = plan->net;
    const struct graph *graph = net->graph;

    for (int i = 1; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        int v = node->output, source = graph_quant_source(graph, v);
        if (source == v && net->layer[plan->layer_of[v]].op != OP_INPUT) {
            net->point[net->points].value = v;
            net->point[net->points].grid.scale = 1;
            net->layer[plan->layer_of[rounded_at(graph, v)]].point = net->points++;
        } else if (node->op == OP_RELU6 && source >= 0 && net->layer[plan->layer_of[v]].op == OP_RELU6) {
            net->layer[plan->layer_of[v]].point = point_of(net, source); /* its 6 lies on no grid */
        }
    }
    for (int i = 1; i < graph->nodes; i++)
        if (op_is_product(graph->node[i].op))
            net->layer[plan->layer_of[graph->node[i].output]].input_point =
                point_of(net, graph_quant_source(graph, graph->node[i].input[0]));
}

/* ------------------------------------------------------------------ order of work */

static void plan_segments(struct net *net)
{
    for (int l = 0; l < net->layers; l++) {
        struct net_segment *segment = net->segments > 0 ? &net->segment[net->segments - 1] : NULL;
        enum op op = net->layer[l].op;
        if (!segment || segment->is_fc || op == OP_FC || op == OP_BATCHNORM) {
            segment = &net->segment[net->segments++];
            *segment = (struct net_segment){l, l, op == OP_FC};
        }
        segment->last = l + 1;
    }
}

/* The last reader of a layer writes its gradient, earlier ones add theirs. */
static void plan_gradients(struct net *net, int *written)
{
    for (int l = net->layers - 1; l > 0; l--) {
        struct net_layer *layer = &net->layer[l];
        for (int k = 0; k < layer->inputs; k++)
            layer->add[k] = written[layer->input[k]]++ > 0;
    }
}

static enum status plan_all(struct net *net, int *per_value)
{
    struct plan plan = {net, per_value};

    TRY(plan_layers(&plan));
    if (net->qat)
        plan_points(&plan);
    plan_segments(net);
    memset(per_value, 0, (size_t)net->graph->values * sizeof *per_value);
    plan_gradients(net, per_value); /* there are at most as many layers as values */
    return net_allocate(net);
}

enum status net_new(struct graph *graph, int batch, const struct train_options *options, struct net **out)
{
    enum status st = ST_OK;
    int *per_value = NULL;
    struct net *net;

    TRY(blas_ready(options->blas));
    if (graph->nodes < 2)
        return status_fail(ST_UNSUPPORTED, "graph '%s': nothing to train", graph->name);
    TRY(mem_alloc(1, sizeof *net, &net));
    net->graph = graph;
    net->pool = options->pool;
    net->blas = options->blas;
    net->qat = options->qat;
    net->weight_bits = options->weight_bits;
    net->ranges = options->ranges;
    net->batch = batch;
    net->rounding = 1;
    net->input_count = value_count(&graph->value[graph_input(graph)]);
    TRY_OUT(mem_alloc((size_t)graph->nodes, sizeof *net->layer, &net->layer));
    TRY_OUT(mem_alloc((size_t)graph->nodes, sizeof *net->segment, &net->segment));
    TRY_OUT(mem_alloc((size_t)graph->nodes, sizeof *net->point, &net->point));
    TRY_OUT(mem_alloc((size_t)graph->values, sizeof *per_value, &per_value));
    TRY_OUT(plan_all(net, per_value));
    mem_free(per_value);
    *out = net;
    return ST_OK;
out:
    mem_free(per_value);
    net_free(net);
    return st;
}

/* ------------------------------------------------------------------ what the passes share */

int net_shard(const struct net *net, int shard, int *out_first)
{
    *out_first = (int)((long)net->batch * shard / NET_SLOTS);
    return (int)((long)net->batch * (shard + 1) / NET_SLOTS) - *out_first;
}

/* Large enough that OpenBLAS' packing of the shared operand (once per block) stays small, even so that two threads
 * share them evenly. */
int net_blocks(const struct fc_shape *fc)
{
    double macs = (double)fc->n * fc->in * fc->out;
    return macs < 1e6 ? 1 : macs < 8e6 ? 2 : macs < 64e6 ? 4 : 8;
}

/* Block b over `count` columns, on multiples of 16 where possible. */
void net_block(int count, int blocks, int block, int *out_first, int *out_last)
{
    int units = (count + 15) / 16;
    *out_first = (int)((long)units * block / blocks) * 16;
    *out_last = (int)((long)units * (block + 1) / blocks) * 16;
    if (*out_last > count)
        *out_last = count;
    if (*out_first > count)
        *out_first = count;
}

float *net_tensor(const struct net *net, int weight)
{
    return net->graph->weight[weight].data;
}

const float *net_weight(const struct net *net, const struct net_layer *layer)
{
    return layer->weight_used ? layer->weight_used : net_tensor(net, layer->weight);
}

const float *net_bias(const struct net *net, const struct net_layer *layer)
{
    if (layer->bias < 0)
        return NULL;
    return layer->weight_used ? layer->bias_used : net_tensor(net, layer->bias);
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
