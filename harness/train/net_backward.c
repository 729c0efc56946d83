/* Backward over the layers, one batch. A layer's turn comes when all its readers have left their shares in its
 * gradient; a batch normalization's turn has two halves, with the sums over the whole batch between them. */
#include <math.h>
#include <string.h>

#include "train/net.h"
#include "train/op_elementwise_train.h"

/* Takes the gradient of elements of a layer's output back through its rounding and its activation, in place. */
static void layer_mask(struct net *net, const struct net_layer *layer, int slot, size_t at, size_t count)
{
    float *gradient = layer->gradient + at;
    const float *raw = layer->raw + at;

    if (layer->point >= 0 && net->rounding) {
        struct net_point *point = &net->point[layer->point];
        if (net->ranges == TRAIN_RANGES_LSQ)
            point->step_gradient[slot] += fakequant_mask_step(raw, count, point->grid, gradient);
        else
            fakequant_mask(raw, count, point->grid, gradient);
    }
    act_backward(raw, count, layer->ceiling, gradient);
}

struct backward_work {
    struct net *net;
    const struct net_segment *segment;
    int pending;                     /* batch normalization whose second half comes first, or -1 */
    int weight_blocks, input_blocks; /* fc: tasks 0 .. weight_blocks-1 make dW, the rest dX */
};

/* ------------------------------------------------------------------ batch normalization */

static void norm_first_half(struct net *net, struct net_layer *layer, int shard, int first, int n)
{
    const struct net_layer *in = &net->layer[layer->input[0]];
    size_t at = (size_t)first * layer->out_count;

    norm_backward_sums(in->out + at, layer->out + at, layer->channels, (size_t)n * (size_t)layer->plane,
                       layer->norm.mean, layer->ceiling, layer->gradient + at,
                       layer->norm.gradient_sums + (size_t)shard * 2 * (size_t)layer->channels);
}

static void norm_second_half(struct net *net, struct net_layer *layer, int first, int n)
{
    struct net_layer *in = &net->layer[layer->input[0]];
    size_t at = (size_t)first * layer->out_count;

    norm_backward(in->out + at, layer->gradient + at, layer->channels, (size_t)n * (size_t)layer->plane,
                  layer->norm.mean, layer->norm.factor, layer->norm.shift, layer->norm.slope, in->gradient + at);
}

/* Gradients of gamma and beta, and what the second half needs, out of the sums of the shards. */
static void norm_join_gradients(struct net *net, struct net_layer *layer)
{
    struct net_norm *norm = &layer->norm;
    double count = (double)net->batch * layer->plane;

    for (int c = 0; c < layer->channels; c++) {
        double plain = 0, weighted = 0, inverse = 0;
        struct norm_sums whole = {0, 0, 0};
        for (int s = 0; s < NET_SLOTS; s++) {
            size_t at = (size_t)s * (size_t)layer->channels + (size_t)c;
            plain += norm->gradient_sums[2 * at];
            weighted += norm->gradient_sums[2 * at + 1];
            norm_join(&whole, &norm->sums[at]);
        }
        inverse = 1 / ((whole.squares > 0 ? whole.squares / count : 0) + norm->epsilon);
        layer->weight_gradient[c] = (float)(weighted * sqrt(inverse));
        layer->bias_gradient[c] = (float)plain;
        norm->shift[c] = (float)(plain / count);
        norm->slope[c] = (float)(weighted * inverse / count);
    }
}

/* ------------------------------------------------------------------ shard by shard */

static void backward_conv(struct net *net, struct net_layer *layer, int shard, int first, int n, float *dx)
{
    const struct weight *weight = &net->graph->weight[layer->weight];
    const struct net_layer *in = &net->layer[layer->input[0]];
    float *part = layer->partial + (size_t)shard * (weight->count + (size_t)weight->dim[0]);

    conv_backward(&layer->conv, net->blas, n, in->out + (size_t)first * in->out_count, net_weight(net, layer),
                  layer->gradient + (size_t)first * layer->out_count,
                  net->scratch + (size_t)shard * net->scratch_floats, part,
                  layer->bias >= 0 ? part + weight->count : NULL, layer->add[0], dx);
}

/* The share of input k of an addition, unless both have one buffer. */
static void backward_add(const struct net_layer *layer, struct net_layer *in, int k, size_t at, size_t count)
{
    if (in->has_gradient && in->gradient != layer->gradient)
        add_backward(layer->gradient + at, count, layer->add[k], in->gradient + at);
}

static void backward_layer(struct net *net, int l, int shard, int first, int n)
{
    struct net_layer *layer = &net->layer[l], *in = &net->layer[layer->input[0]];
    size_t at = (size_t)first * layer->out_count, count = (size_t)n * layer->out_count;
    const float *x = in->out + (size_t)first * in->out_count, *dy = layer->gradient + at;
    float *dx = in->has_gradient ? in->gradient + (size_t)first * in->out_count : NULL;
    struct pool_shape pool = layer->pool;

    pool.planes *= n;
    if (layer->op == OP_BATCHNORM) {
        norm_first_half(net, layer, shard, first, n);
        return;
    }
    layer_mask(net, layer, shard, at, count);
    if (layer->op == OP_CONV)
        backward_conv(net, layer, shard, first, n, dx);
    else if (layer->op == OP_ADD)
        for (int k = 0; k < 2; k++)
            backward_add(layer, &net->layer[layer->input[k]], k, at, count);
    else if (!dx)
        return;
    else if (layer->op == OP_POOL_MAX)
        pool_backward(&pool, x, dy, layer->add[0], dx);
    else if (layer->op == OP_POOL_AVG)
        pool_avg_backward(&pool, dy, layer->add[0], dx);
    else if (layer->op == OP_FLATTEN)
        flatten_backward(dy, in->channels, n, in->plane, layer->add[0], dx);
    else /* a ReLU by itself */
        add_backward(dy, count, layer->add[0], dx);
}

static void clear_partial(struct net *net, struct net_layer *layer, int shard)
{
    const struct weight *weight = &net->graph->weight[layer->weight];
    size_t count = weight->count + (size_t)weight->dim[0];

    memset(layer->partial + (size_t)shard * count, 0, count * sizeof(float));
}

static void backward_shard(void *context, int shard)
{
    const struct backward_work *work = context;
    struct net *net = work->net;
    int first, n = net_shard(net, shard, &first);

    if (work->pending >= 0 && n > 0)
        norm_second_half(net, &net->layer[work->pending], first, n);
    for (int l = work->segment->last - 1; l >= work->segment->first; l--) {
        struct net_layer *layer = &net->layer[l];
        if (!layer->has_gradient)
            continue;
        if (layer->partial)
            clear_partial(net, layer, shard);
        if (n > 0)
            backward_layer(net, l, shard, first, n);
        else if (layer->op == OP_BATCHNORM)
            memset(layer->norm.gradient_sums + (size_t)shard * 2 * (size_t)layer->channels, 0,
                   2 * (size_t)layer->channels * sizeof(double));
    }
}

/* ------------------------------------------------------------------ fc, block by block */

static void mask_shard(void *context, int shard)
{
    const struct backward_work *work = context;
    const struct net_layer *layer = &work->net->layer[work->segment->first];
    int first, n = net_shard(work->net, shard, &first);

    layer_mask(work->net, layer, shard, (size_t)first * layer->out_count, (size_t)n * layer->out_count);
}

static void backward_block(void *context, int task)
{
    const struct backward_work *work = context;
    struct net *net = work->net;
    struct net_layer *layer = &net->layer[work->segment->first], *in = &net->layer[layer->input[0]];
    int first, last;

    if (task < work->weight_blocks) {
        net_block(layer->fc.out, work->weight_blocks, task, &first, &last);
        if (first < last)
            fc_backward_weight(&layer->fc, net->blas, first, last, in->out, layer->gradient, layer->weight_gradient,
                               layer->bias_gradient);
        return;
    }
    net_block(layer->fc.in, work->input_blocks, task - work->weight_blocks, &first, &last);
    if (first < last)
        fc_backward_input(&layer->fc, net->blas, first, last, layer->gradient, net_weight(net, layer), layer->add[0],
                          in->gradient);
}

static void backward_fc(struct backward_work *work)
{
    struct net *net = work->net;
    const struct net_layer *layer = &net->layer[work->segment->first];

    if (layer->ceiling > 0 || layer->point >= 0)
        pool_run(net->pool, NET_SLOTS, mask_shard, work);
    work->weight_blocks = net_blocks(&layer->fc);
    work->input_blocks = net->layer[layer->input[0]].has_gradient ? work->weight_blocks : 0;
    pool_run(net->pool, work->weight_blocks + work->input_blocks, backward_block, work);
}

void net_backward(struct net *net)
{
    struct backward_work work = {net, NULL, -1, 0, 0};

    for (int p = 0; p < net->points; p++)
        memset(net->point[p].step_gradient, 0, sizeof net->point[p].step_gradient);
    for (int s = net->segments - 1; s >= 0; s--) {
        work.segment = &net->segment[s];
        if (work.segment->is_fc) {
            backward_fc(&work);
            continue;
        }
        pool_run(net->pool, NET_SLOTS, backward_shard, &work);
        work.pending = -1;
        if (net->layer[work.segment->first].op == OP_BATCHNORM) {
            work.pending = work.segment->first;
            norm_join_gradients(net, &net->layer[work.pending]);
        }
    }
}

void net_gradient_sum(struct net *net, int layer, int bias, size_t first, size_t last)
{
    struct net_layer *l = &net->layer[layer];
    const struct weight *weight = &net->graph->weight[l->weight];
    size_t stride = weight->count + (size_t)weight->dim[0];
    float *restrict sum = bias ? l->bias_gradient : l->weight_gradient;

    if (!l->partial)
        return;
    for (int s = 0; s < NET_SLOTS; s++) {
        const float *restrict part = l->partial + (size_t)s * stride + (bias ? weight->count : 0);
        if (s == 0)
            memcpy(sum + first, part + first, (last - first) * sizeof *sum);
        else
            for (size_t i = first; i < last; i++)
                sum[i] += part[i];
    }
}
