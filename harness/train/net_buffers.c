/* The buffers of a planned net: who has some, who shares. */
#include <string.h>

#include "base/mem.h"
#include "train/net.h"

static int readers(const struct net *net, int l)
{
    int count = 0;

    for (int r = l + 1; r < net->layers; r++)
        for (int k = 0; k < net->layer[r].inputs; k++)
            count += net->layer[r].input[k] == l;
    return count;
}

/* A layer that changes its gradient in place, on the way back through activation or rounding. */
static int masks_gradient(const struct net_layer *layer)
{
    return layer->ceiling > 0 || layer->point >= 0;
}

/* The gradient of an addition is that of both sides; a batch normalization's input gets its gradient in place. Only
 * where nobody else has a share in it and nobody changes what others still need. NULL: a buffer of its own. */
static float *shared_gradient(const struct net *net, int l)
{
    const struct net_layer *layer = &net->layer[l], *reader;
    int r = l + 1;

    while (r < net->layers && net->layer[r].input[0] != l && (net->layer[r].inputs < 2 || net->layer[r].input[1] != l))
        r++;
    if (r == net->layers || readers(net, l) != 1 || masks_gradient(layer))
        return NULL;
    reader = &net->layer[r];
    if (reader->op == OP_ADD || (reader->op == OP_BATCHNORM && !reader->shares_gradient))
        return reader->gradient;
    return NULL;
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

static enum status allocate_norm(struct net_norm *norm, size_t channels)
{
    TRY(mem_alloc(NET_SLOTS * channels, sizeof *norm->sums, &norm->sums));
    TRY(mem_alloc(NET_SLOTS * channels * 2, sizeof *norm->gradient_sums, &norm->gradient_sums));
    TRY(mem_alloc(channels, sizeof *norm->mean, &norm->mean));
    TRY(mem_alloc(channels, sizeof *norm->factor, &norm->factor));
    TRY(mem_alloc(channels, sizeof *norm->shift, &norm->shift));
    TRY(mem_alloc(channels, sizeof *norm->slope, &norm->slope));
    TRY(mem_alloc(channels, sizeof *norm->total_mean, &norm->total_mean));
    return mem_alloc(channels, sizeof *norm->square, &norm->square);
}

static enum status allocate_layer(struct net *net, int l)
{
    struct net_layer *layer = &net->layer[l];
    size_t floats = (size_t)net->batch * layer->out_count, scratch;

    TRY(mem_alloc(floats, sizeof(float), &layer->out));
    layer->raw = layer->out;
    if (layer->point >= 0) {
        layer->raw = NULL;
        TRY(mem_alloc(floats, sizeof(float), &layer->raw));
    }
    if (layer->has_gradient) {
        layer->gradient = shared_gradient(net, l);
        layer->shares_gradient = layer->gradient != NULL;
        if (!layer->gradient)
            TRY(mem_alloc(floats, sizeof(float), &layer->gradient));
    }
    if (layer->weight >= 0)
        TRY(allocate_weights(net, layer));
    if (layer->op == OP_BATCHNORM)
        TRY(allocate_norm(&layer->norm, (size_t)layer->channels));
    if (layer->op != OP_CONV)
        return ST_OK;
    scratch = conv_scratch_floats(&layer->conv, (net->batch + NET_SLOTS - 1) / NET_SLOTS);
    net->scratch_floats = scratch > net->scratch_floats ? scratch : net->scratch_floats;
    return ST_OK;
}

enum status net_allocate(struct net *net)
{
    for (int l = net->layers - 1; l >= 0; l--) /* readers first: they may lend their gradients */
        TRY(allocate_layer(net, l));
    net->scratch_floats = mem_round(net->scratch_floats * sizeof(float)) / sizeof(float);
    return mem_alloc(NET_SLOTS * net->scratch_floats, sizeof(float), &net->scratch);
}

static void free_norm(struct net_norm *norm)
{
    mem_free(norm->sums);
    mem_free(norm->gradient_sums);
    mem_free(norm->mean);
    mem_free(norm->factor);
    mem_free(norm->shift);
    mem_free(norm->slope);
    mem_free(norm->total_mean);
    mem_free(norm->square);
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
        if (!layer->shares_gradient)
            mem_free(layer->gradient);
        mem_free(layer->weight_used);
        mem_free(layer->bias_used);
        mem_free(layer->weight_scale);
        mem_free(layer->weight_gradient);
        mem_free(layer->bias_gradient);
        mem_free(layer->partial);
        free_norm(&layer->norm);
    }
    mem_free(net->layer);
    mem_free(net->segment);
    mem_free(net->point);
    mem_free(net->scratch);
    mem_free(net);
}
