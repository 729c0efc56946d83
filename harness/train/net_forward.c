/* Forward over the layers, one batch. */
#include <math.h>
#include <string.h>

#include "train/net.h"
#include "train/op_elementwise_train.h"

#define PIXEL_SCALE (1.0f / 255.0f)

/* ------------------------------------------------------------------ quantization of one step */

static void quantize_layer(void *context, int l)
{
    struct net *net = context;
    struct net_layer *layer = &net->layer[l];
    const struct weight *weight;

    if (layer->weight < 0)
        return;
    weight = &net->graph->weight[layer->weight];
    fakequant_weights(weight->data, 0, weight->dim[0], weight->count / (size_t)weight->dim[0], layer->weight_steps,
                      layer->weight_scale, layer->weight_used);
    if (layer->bias >= 0) {
        float scale_in = layer->input_point >= 0 ? net->point[layer->input_point].grid.scale : PIXEL_SCALE;
        fakequant_bias(net_tensor(net, layer->bias), weight->dim[0], scale_in, layer->weight_scale, layer->bias_used);
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

/* ------------------------------------------------------------------ shard by shard */

struct forward_work {
    struct net *net;
    const uint8_t *pixels;
    const struct net_segment *segment;
    int blocks;
};

/* Images (n, c, p) of bytes → (c, n, p). */
static void read_pixels(const struct net_layer *layer, const uint8_t *pixels, int n, float *out)
{
    int p = layer->plane;

    for (int k = 0; k < layer->channels; k++)
        for (int i = 0; i < n; i++, out += p) {
            const uint8_t *from = pixels + (size_t)i * layer->out_count + (size_t)k * (size_t)p;
            for (int j = 0; j < p; j++)
                out[j] = (float)from[j] * PIXEL_SCALE;
        }
}

static void norm_layer_forward(struct net *net, struct net_layer *layer, size_t count, const float *x, float *y)
{
    norm_forward(x, layer->channels, count, layer->norm.mean, layer->norm.factor, net_tensor(net, layer->bias),
                 layer->ceiling, y);
}

/* Layer l over the n images of a shard, which begin at `first`. */
static void forward_layer(const struct forward_work *work, int l, int shard, int first, int n)
{
    struct net *net = work->net;
    struct net_layer *layer = &net->layer[l];
    const struct net_layer *in = &net->layer[layer->input[0]], *other = &net->layer[layer->input[1]];
    size_t at = (size_t)first * layer->out_count, count = (size_t)n * layer->out_count;
    const float *x = in->out + (size_t)first * in->out_count;
    struct pool_shape pool = layer->pool;
    float *y = layer->raw + at;

    pool.planes *= n;
    switch (layer->op) {
    case OP_INPUT:
        read_pixels(layer, work->pixels + at, n, y);
        break;
    case OP_CONV:
        conv_forward(&layer->conv, net->blas, n, x, net_weight(net, layer), net_bias(net, layer),
                     net->scratch + (size_t)shard * net->scratch_floats, y);
        break;
    case OP_BATCHNORM:
        norm_layer_forward(net, layer, (size_t)n * (size_t)layer->plane, x, y);
        return;
    case OP_ADD:
        add_forward(x, other->out + at, count, layer->ceiling, y);
        layer_round(net, layer, shard, y, count, layer->out + at);
        return;
    case OP_POOL_MAX:
        pool_forward(&pool, x, y);
        break;
    case OP_POOL_AVG:
        pool_avg_forward(&pool, x, y);
        break;
    case OP_FLATTEN:
        flatten_forward(x, in->channels, n, in->plane, y);
        break;
    default: /* a ReLU by itself */
        memcpy(y, x, count * sizeof *y);
        break;
    }
    act_forward(count, layer->ceiling, y);
    layer_round(net, layer, shard, y, count, layer->out + at);
}

static void forward_shard(void *context, int shard)
{
    const struct forward_work *work = context;
    struct net *net = work->net;
    int first, n = net_shard(net, shard, &first);

    for (int l = work->segment->first; l < work->segment->last; l++) {
        struct net_layer *layer = &net->layer[l];
        if (n > 0)
            forward_layer(work, l, shard, first, n);
        if (layer->normed >= 0)
            norm_measure(layer->out + (size_t)first * layer->out_count, layer->channels,
                         (size_t)n * (size_t)layer->plane,
                         net->layer[layer->normed].norm.sums + (size_t)shard * (size_t)layer->channels);
    }
}

/* Mean and variance of the batch out of those of its shards. */
static void norm_finish(struct net *net, struct net_layer *layer)
{
    struct net_norm *norm = &layer->norm;

    for (int c = 0; c < layer->channels; c++) {
        struct norm_sums whole = {0, 0, 0};
        double variance;
        for (int s = 0; s < NET_SLOTS; s++)
            norm_join(&whole, &norm->sums[(size_t)s * (size_t)layer->channels + (size_t)c]);
        variance = whole.squares > 0 ? whole.squares / whole.count : 0;
        norm->mean[c] = (float)whole.mean;
        norm->factor[c] = (float)((double)net_tensor(net, layer->weight)[c] / sqrt(variance + norm->epsilon));
        norm->total_mean[c] += whole.mean;
        norm->square[c] += variance + whole.mean * whole.mean;
    }
}

void net_norm_measure(struct net *net, const uint8_t *pixels, uint32_t n)
{
    uint32_t batches = net->norms > 0 ? n / (uint32_t)net->batch : 0;

    for (int l = 0; l < net->layers && batches > 0; l++)
        if (net->layer[l].op == OP_BATCHNORM) {
            memset(net->layer[l].norm.total_mean, 0, (size_t)net->layer[l].channels * sizeof(double));
            memset(net->layer[l].norm.square, 0, (size_t)net->layer[l].channels * sizeof(double));
        }
    for (uint32_t b = 0; b < batches; b++)
        net_forward(net, pixels + (size_t)b * (size_t)net->batch * net->input_count);
    for (int i = 0; i < net->graph->nodes && batches > 0; i++) {
        const struct node *node = &net->graph->node[i];
        const struct net_layer *layer = net->layer;
        if (node->op != OP_BATCHNORM)
            continue;
        while (layer->op != OP_BATCHNORM || layer->weight != node->weight)
            layer++;
        for (int c = 0; c < layer->channels; c++) {
            double mean = layer->norm.total_mean[c] / batches, variance = layer->norm.square[c] / batches - mean * mean;
            net_tensor(net, node->mean)[c] = (float)mean;
            net_tensor(net, node->variance)[c] = variance > 0 ? (float)variance : 0;
        }
    }
}

/* ------------------------------------------------------------------ fc, block by block */

static void forward_block(void *context, int block)
{
    const struct forward_work *work = context;
    struct net *net = work->net;
    struct net_layer *layer = &net->layer[work->segment->first];
    int first, last;

    net_block(layer->fc.out, work->blocks, block, &first, &last);
    if (first >= last)
        return;
    fc_forward(&layer->fc, net->blas, first, last, net->layer[layer->input[0]].out, net_weight(net, layer),
               net_bias(net, layer), layer->raw);
    for (int i = 0; i < layer->fc.n; i++) {
        size_t at = (size_t)i * (size_t)layer->fc.out + (size_t)first;
        act_forward((size_t)(last - first), layer->ceiling, layer->raw + at);
        layer_round(net, layer, block, layer->raw + at, (size_t)(last - first), layer->out + at);
    }
}

void net_forward(struct net *net, const uint8_t *pixels)
{
    struct forward_work work = {net, pixels, NULL, 0};

    for (int p = 0; p < net->points; p++) {
        memset(net->point[p].seen_lo, 0, sizeof net->point[p].seen_lo);
        memset(net->point[p].seen_hi, 0, sizeof net->point[p].seen_hi);
    }
    for (int s = 0; s < net->segments; s++) {
        struct net_layer *layer = &net->layer[net->segment[s].first];
        work.segment = &net->segment[s];
        if (work.segment->is_fc) {
            work.blocks = net_blocks(&layer->fc);
            pool_run(net->pool, work.blocks, forward_block, &work);
            continue;
        }
        if (layer->op == OP_BATCHNORM)
            norm_finish(net, layer);
        pool_run(net->pool, NET_SLOTS, forward_shard, &work);
    }
}
