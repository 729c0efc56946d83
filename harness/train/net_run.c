/* Forward and backward over the chain, one batch. */
#include <string.h>

#include "train/net.h"

#define PIXEL_SCALE (1.0f / 255.0f)

/* Blocks that a product of `macs` multiplications is cut into: large enough that OpenBLAS' packing of the shared
 * operand (once per block) stays small, even so that two threads share them evenly. */
static int block_count(double macs)
{
    return macs < 1e6 ? 1 : macs < 8e6 ? 2 : macs < 64e6 ? 4 : 8;
}

/* Block b of `blocks` over `count` columns, on multiples of 16 where possible. */
static void block_bounds(int count, int blocks, int b, int *first, int *last)
{
    int units = (count + 15) / 16;
    *first = (int)((long)units * b / blocks) * 16;
    *last = (int)((long)units * (b + 1) / blocks) * 16;
    if (*last > count)
        *last = count;
    if (*first > count)
        *first = count;
}

static void shard_bounds(const struct net *net, int shard, int *first, int *last)
{
    *first = (int)((long)net->batch * shard / NET_SLOTS);
    *last = (int)((long)net->batch * (shard + 1) / NET_SLOTS);
}

static const float *layer_weight(const struct net *net, const struct net_layer *layer)
{
    return layer->weight_used ? layer->weight_used : net->graph->weight[layer->weight].data;
}

static const float *layer_bias(const struct net *net, const struct net_layer *layer)
{
    if (layer->bias < 0)
        return NULL;
    return layer->weight_used ? layer->bias_used : net->graph->weight[layer->bias].data;
}

static const float *layer_input(const struct net *net, int l)
{
    return l == 0 ? net->input : net->layer[l - 1].out;
}

/* ------------------------------------------------------------------ quantization of one step */

static void quantize_layer(void *context, int l)
{
    struct net *net = context;
    struct net_layer *layer = &net->layer[l];
    const struct weight *weight;

    if (layer->weight < 0)
        return;
    weight = &net->graph->weight[layer->weight];
    fakequant_weights(weight->data, 0, weight->dim[0], weight->count / (size_t)weight->dim[0], layer->weight_scale,
                      layer->weight_used);
    if (layer->bias >= 0) {
        float scale_in = layer->input_point >= 0 ? net->point[layer->input_point].grid.scale : PIXEL_SCALE;
        fakequant_bias(net->graph->weight[layer->bias].data, weight->dim[0], scale_in, layer->weight_scale,
                       layer->bias_used);
    }
}

void net_quantize_weights(struct net *net)
{
    pool_run(net->pool, net->layers, quantize_layer, net);
}

/* The end of a layer: notes the range and rounds `count` values of `raw` into `out`. */
static void layer_round(struct net *net, const struct net_layer *layer, int slot, const float *raw, size_t count,
                        float *out)
{
    struct net_point *point;

    if (layer->point < 0)
        return;
    point = &net->point[layer->point];
    fakequant_observe(raw, count, &point->seen_lo[slot], &point->seen_hi[slot]);
    if (net->rounding)
        fakequant_round(raw, count, point->grid, out);
    else
        memcpy(out, raw, count * sizeof *out);
}

/* ------------------------------------------------------------------ forward */

struct forward_work {
    struct net *net;
    const uint8_t *pixels;
    int layer, blocks;
};

static void forward_image(struct net *net, int l, int image, int slot)
{
    struct net_layer *layer = &net->layer[l];
    size_t at = (size_t)image * layer->out_count;
    const float *x = layer_input(net, l) + (size_t)image * layer->in_count;
    float *y = layer->raw + at;

    if (layer->op == OP_CONV) {
        conv_forward(&layer->conv, net->blas, x, layer_weight(net, layer), layer_bias(net, layer), layer->relu,
                     net->scratch + (size_t)slot * net->scratch_floats, y);
    } else {
        pool_forward(&layer->pool, x, y);
        if (layer->relu)
            for (size_t i = 0; i < layer->out_count; i++)
                y[i] = y[i] > 0 ? y[i] : 0;
    }
    layer_round(net, layer, slot, y, layer->out_count, layer->out + at);
}

static void forward_shard(void *context, int shard)
{
    const struct forward_work *work = context;
    struct net *net = work->net;
    int first, last;

    shard_bounds(net, shard, &first, &last);
    for (int image = first; image < last; image++) {
        const uint8_t *pixels = work->pixels + (size_t)image * net->input_count;
        float *input = net->input + (size_t)image * net->input_count;
        for (size_t i = 0; i < net->input_count; i++)
            input[i] = (float)pixels[i] * PIXEL_SCALE;
        for (int l = 0; l < net->spatial; l++)
            forward_image(net, l, image, shard);
    }
}

static void forward_block(void *context, int block)
{
    const struct forward_work *work = context;
    struct net *net = work->net;
    struct net_layer *layer = &net->layer[work->layer];
    int first, last;

    block_bounds(layer->fc.out, work->blocks, block, &first, &last);
    if (first >= last)
        return;
    fc_forward(&layer->fc, net->blas, first, last, layer_input(net, work->layer), layer_weight(net, layer),
               layer_bias(net, layer), layer->relu, layer->raw);
    for (int i = 0; i < net->batch && layer->point >= 0; i++) {
        size_t at = (size_t)i * layer->out_count + (size_t)first;
        layer_round(net, layer, block, layer->raw + at, (size_t)(last - first), layer->out + at);
    }
}

void net_forward(struct net *net, const uint8_t *pixels)
{
    struct forward_work work = {net, pixels, 0, 0};

    for (int p = 0; p < net->points; p++) {
        memset(net->point[p].seen_lo, 0, sizeof net->point[p].seen_lo);
        memset(net->point[p].seen_hi, 0, sizeof net->point[p].seen_hi);
    }
    pool_run(net->pool, NET_SLOTS, forward_shard, &work);
    for (work.layer = net->spatial; work.layer < net->layers; work.layer++) {
        const struct fc_shape *fc = &net->layer[work.layer].fc;
        work.blocks = block_count((double)fc->n * fc->in * fc->out);
        pool_run(net->pool, work.blocks, forward_block, &work);
    }
}

/* ------------------------------------------------------------------ backward */

/* Takes the gradient of elements of a layer's output back through its rounding and its ReLU, in place. */
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
    if (layer->relu)
        for (size_t i = 0; i < count; i++)
            gradient[i] = raw[i] > 0 ? gradient[i] : 0;
}

struct backward_work {
    struct net *net;
    int layer;
    int weight_blocks, input_blocks; /* tasks 0 .. weight_blocks-1 make dW, the rest dX */
};

static void backward_block(void *context, int task)
{
    const struct backward_work *work = context;
    struct net *net = work->net;
    struct net_layer *layer = &net->layer[work->layer], *below = layer - 1;
    int first, last;

    if (task < work->weight_blocks) {
        block_bounds(layer->fc.out, work->weight_blocks, task, &first, &last);
        if (first < last)
            fc_backward_weight(&layer->fc, net->blas, first, last, layer_input(net, work->layer), layer->gradient,
                               layer->weight_gradient, layer->bias_gradient);
        return;
    }
    task -= work->weight_blocks;
    block_bounds(layer->fc.in, work->input_blocks, task, &first, &last);
    if (first >= last)
        return;
    fc_backward_input(&layer->fc, net->blas, first, last, layer->gradient, layer_weight(net, layer), below->gradient);
    for (int i = 0; i < net->batch; i++)
        layer_mask(net, below, task, (size_t)i * below->out_count + (size_t)first, (size_t)(last - first));
}

static void backward_image(struct net *net, int l, int image, int slot)
{
    struct net_layer *layer = &net->layer[l], *below = l > 0 ? layer - 1 : NULL;
    const float *x = layer_input(net, l) + (size_t)image * layer->in_count;
    const float *dy = layer->gradient + (size_t)image * layer->out_count;
    float *dx = below && below->has_gradient ? below->gradient + (size_t)image * below->out_count : NULL;

    if (layer->op == OP_CONV) {
        const struct weight *weight = &net->graph->weight[layer->weight];
        float *part = layer->partial + (size_t)slot * (weight->count + (size_t)weight->dim[0]);
        conv_backward(&layer->conv, net->blas, x, layer_weight(net, layer), dy,
                      net->scratch + (size_t)slot * net->scratch_floats, part, part + weight->count, dx);
    } else {
        pool_backward(&layer->pool, x, dy, dx);
    }
    if (dx)
        layer_mask(net, below, slot, (size_t)image * below->out_count, below->out_count);
}

static void backward_shard(void *context, int shard)
{
    const struct backward_work *work = context;
    struct net *net = work->net;
    int first, last;

    for (int l = 0; l < net->spatial; l++) {
        struct net_layer *layer = &net->layer[l];
        if (layer->partial) {
            const struct weight *weight = &net->graph->weight[layer->weight];
            size_t count = weight->count + (size_t)weight->dim[0];
            memset(layer->partial + (size_t)shard * count, 0, count * sizeof(float));
        }
    }
    shard_bounds(net, shard, &first, &last);
    for (int image = first; image < last; image++)
        for (int l = net->spatial - 1; l >= 0 && net->layer[l].has_gradient; l--)
            backward_image(net, l, image, shard);
}

void net_backward(struct net *net)
{
    struct backward_work work = {net, 0, 0, 0};
    const struct net_layer *top = &net->layer[net->layers - 1];

    for (int p = 0; p < net->points; p++)
        memset(net->point[p].step_gradient, 0, sizeof net->point[p].step_gradient);
    layer_mask(net, top, 0, 0, (size_t)net->batch * top->out_count);
    for (int l = net->layers - 1; l >= net->spatial; l--) {
        const struct fc_shape *fc = &net->layer[l].fc;
        work.layer = l;
        work.weight_blocks = block_count((double)fc->n * fc->in * fc->out);
        work.input_blocks = l > 0 && net->layer[l - 1].has_gradient ? work.weight_blocks : 0;
        pool_run(net->pool, work.weight_blocks + work.input_blocks, backward_block, &work);
    }
    if (net->spatial > 0 && net->layer[net->spatial - 1].has_gradient)
        pool_run(net->pool, NET_SLOTS, backward_shard, &work);
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
