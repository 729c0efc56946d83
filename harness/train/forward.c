#include "train/forward.h"

#include <string.h>

#include "base/mem.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"
#include "train/fakequant.h"
#include "train/forward_ops.h"
#include "train/op_conv_train.h"
#include "train/op_fc_train.h"

enum {
    SLOTS = 16, /* shards of the batch; see train.h */
    PREDICT_BATCH = 128
};

struct activation {
    size_t count;   /* floats per sample */
    float *raw;     /* (batch, count); flatten and reshape borrow what the node before shows */
    float *seen;    /* in the present run: raw or rounded */
    float *rounded; /* (batch, count) where this value may be rounded, else NULL; owned */
    int borrowed;   /* raw belongs to another value */
    int is_rounded_static, is_rounded_dynamic; /* by mode */
};

struct forward {
    const struct graph *graph; /* borrowed */
    struct pool *pool;
    enum train_blas blas;
    int batch;
    struct activation *value; /* (graph->values) */
    float **weight;           /* (graph->weights) rounded copy of a tensor with scales, or NULL; owned */
    float **bias;             /* (graph->nodes) rounded biases, space for them; owned */
    float *scratch;           /* (SLOTS, scratch_floats) */
    size_t scratch_floats;
};

static enum status new_weight(struct forward *f, int i)
{
    const struct weight *weight = &f->graph->weight[i];

    if (weight->type != DT_F32)
        return status_fail(ST_UNSUPPORTED, "graph '%s': weight '%s' is %s; the float pass needs float weights",
                           f->graph->name, weight->name, dtype_name(weight->type));
    if (!weight->scale)
        return ST_OK;
    for (int r = 0; r < weight->dim[0]; r++)
        if (!(weight->scale[r] > 0))
            return status_fail(ST_BADARG, "graph '%s': scale %d of weight '%s' is %g, expected above 0", f->graph->name,
                               r, weight->name, (double)weight->scale[r]);
    TRY(mem_alloc(weight->count, sizeof(float), &f->weight[i]));
    fakequant_weights_scaled(weight->data, 0, weight->dim[0], weight->count / (size_t)weight->dim[0], weight->scale,
                             f->weight[i]);
    return ST_OK;
}

/* 1 if some conv or fc reads value v. */
static int feeds_product(const struct graph *graph, int v)
{
    for (int i = 0; i < graph->nodes; i++)
        if (op_is_product(graph->node[i].op) && node_reads(&graph->node[i], v))
            return 1;
    return 0;
}

/* A ReLU6 that is not fused limits 8-bit values, so its 6 is rounded too. */
static int limits_again(const struct graph *graph, int i)
{
    return graph->node[i].op == OP_RELU6 && graph_chain_start(graph, i) == i;
}

static enum status new_node(struct forward *f, const struct node *node, int i)
{
    struct activation *value = &f->value[node->output];
    size_t floats = (size_t)f->batch * value_count(&f->graph->value[node->output]);

    value->count = value_count(&f->graph->value[node->output]);
    value->borrowed = node->op == OP_FLATTEN || node->op == OP_RESHAPE; /* the layout is C,H,W already */
    /* Fixed grids round at the quantization points, where the integer engine stores 8 bits. With a range of each
     * sample's own the engine keeps floats and rounds what a conv or fc is about to read. */
    value->is_rounded_static = graph_is_quant_point(f->graph, node->output) || limits_again(f->graph, i);
    value->is_rounded_dynamic = feeds_product(f->graph, node->output);
    if (!value->borrowed)
        TRY(mem_alloc(floats, sizeof(float), &value->raw));
    if (value->is_rounded_static || value->is_rounded_dynamic)
        TRY(mem_alloc(floats, sizeof(float), &value->rounded));
    if (node->op == OP_CONV) {
        struct conv_shape shape = conv_shape_of(f->graph, node);
        if (conv_scratch_floats(&shape, 1) > f->scratch_floats)
            f->scratch_floats = conv_scratch_floats(&shape, 1);
    }
    if (op_is_product(node->op) && node->bias >= 0)
        TRY(mem_alloc((size_t)node->channels, sizeof(float), &f->bias[i]));
    return ST_OK;
}

enum status forward_new_blas(const struct graph *graph, int batch, struct pool *pool, enum train_blas blas,
                             struct forward **out)
{
    enum status st = ST_OK;
    struct forward *f;

    if (batch < 1 || batch > 65536)
        return status_fail(ST_BADARG, "a forward pass of %d images, expected 1 to 65536", batch);
    if (graph->nodes < 2 || graph->values < 2)
        return status_fail(ST_UNSUPPORTED, "graph '%s' has no operators", graph->name);
    TRY(blas_ready(blas));
    TRY(mem_alloc(1, sizeof *f, &f));
    f->graph = graph;
    f->pool = pool;
    f->blas = blas;
    f->batch = batch;
    TRY_OUT(mem_alloc((size_t)graph->values, sizeof *f->value, &f->value));
    TRY_OUT(mem_alloc((size_t)graph->weights + 1, sizeof *f->weight, &f->weight));
    TRY_OUT(mem_alloc((size_t)graph->nodes, sizeof *f->bias, &f->bias));
    for (int i = 0; i < graph->weights; i++)
        TRY_OUT(new_weight(f, i));
    for (int i = 0; i < graph->nodes; i++)
        TRY_OUT(new_node(f, &graph->node[i], i));
    f->scratch_floats = mem_round(f->scratch_floats * sizeof(float)) / sizeof(float);
    TRY_OUT(mem_alloc(SLOTS * f->scratch_floats, sizeof(float), &f->scratch));
    *out = f;
    return ST_OK;
out:
    forward_free(f);
    return st;
}

enum status forward_new(const struct graph *graph, int batch, struct pool *pool, struct forward **out)
{
    return forward_new_blas(graph, batch, pool, TRAIN_BLAS_OPEN, out);
}

void forward_free(struct forward *f)
{
    if (!f)
        return;
    for (int v = 0; f->value && v < f->graph->values; v++) {
        mem_free(f->value[v].rounded);
        if (!f->value[v].borrowed)
            mem_free(f->value[v].raw);
    }
    for (int i = 0; f->weight && i < f->graph->weights; i++)
        mem_free(f->weight[i]);
    for (int i = 0; f->bias && i < f->graph->nodes; i++)
        mem_free(f->bias[i]);
    mem_free(f->value);
    mem_free(f->weight);
    mem_free(f->bias);
    mem_free(f->scratch);
    mem_free(f);
}

/* ------------------------------------------------------------------ one run */

struct run {
    struct forward *f;
    const uint8_t *pixels;
    int n, node;
};

/* A bias starts the engine's 32-bit accumulator when input and weights are on fixed grids; otherwise it stays float. */
static const float *node_bias(struct forward *f, int i)
{
    const struct node *node = &f->graph->node[i];
    const struct value *in = &f->graph->value[node->input[0]];
    const struct weight *weight = &f->graph->weight[node->weight];
    const float *bias;

    if (node->bias < 0)
        return NULL;
    bias = f->graph->weight[node->bias].data;
    if (f->weight[node->bias])
        bias = f->weight[node->bias];
    if (in->quant != QUANT_STATIC || !weight->scale)
        return bias;
    fakequant_bias(bias, node->channels, in->scale, weight->scale, f->bias[i]);
    return f->bias[i];
}

/* What `node` reads: of a value with a range of each sample's own, only products see the rounded one. */
static float *node_input(const struct forward *f, const struct node *node, int k)
{
    const struct activation *in = &f->value[node->input[k]];
    int stays_float = f->graph->value[node->input[k]].quant == QUANT_DYNAMIC && !op_is_product(node->op);

    return stays_float ? in->raw : in->seen;
}

/* Modes may have changed since the last run. */
static void point_at_seen(struct forward *f, const struct node *node)
{
    struct activation *value = &f->value[node->output];

    enum quant_mode mode = f->graph->value[node->output].quant;

    if (value->borrowed)
        value->raw = node_input(f, node, 0);
    value->seen =
        (mode == QUANT_STATIC && value->is_rounded_static) || (mode == QUANT_DYNAMIC && value->is_rounded_dynamic)
            ? value->rounded
            : value->raw;
}

/* What the next operator sees of one sample of value v. */
static void round_sample(struct forward *f, int v, int sample)
{
    const struct activation *a = &f->value[v];
    const struct value *value = &f->graph->value[v];
    const float *raw = a->raw + (size_t)sample * a->count;
    struct fakequant_grid grid = {value->scale, value->zero_point};

    if (a->seen == a->raw)
        return;
    if (value->quant == QUANT_DYNAMIC) {
        float lo = 0, hi = 0;
        fakequant_observe(raw, a->count, &lo, &hi);
        kn_range_params(lo, hi, &grid.scale, &grid.zero_point);
    }
    fakequant_round(raw, a->count, grid, a->seen + (size_t)sample * a->count);
}

static const float *node_weight(const struct forward *f, const struct node *node)
{
    return f->weight[node->weight] ? f->weight[node->weight] : f->graph->weight[node->weight].data;
}

static void run_conv(struct forward *f, const struct node *node, const float *bias, int sample, int slot)
{
    const struct activation *in = &f->value[node->input[0]], *out = &f->value[node->output];
    struct conv_shape s = conv_shape_of(f->graph, node);

    conv_forward(&s, f->blas, 1, in->seen + (size_t)sample * in->count, node_weight(f, node), bias,
                 f->scratch + (size_t)slot * f->scratch_floats, out->raw + (size_t)sample * out->count);
}

static void run_op(struct forward *f, const struct node *node, int sample)
{
    const struct activation *out = &f->value[node->output];
    const float *x[GRAPH_MAX_INPUTS];

    for (int k = 0; k < node->inputs; k++)
        x[k] = node_input(f, node, k) + (size_t)sample * f->value[node->input[k]].count;
    forward_op(f->graph, node, x, out->raw + (size_t)sample * out->count);
}

/* Everything but fc, sample by sample. */
static void run_shard(void *context, int slot)
{
    const struct run *run = context;
    struct forward *f = run->f;
    const struct node *node = &f->graph->node[run->node];
    const struct activation *out = &f->value[node->output];

    for (int i = run->n * slot / SLOTS; i < run->n * (slot + 1) / SLOTS; i++) {
        float *y = out->raw + (size_t)i * out->count;
        if (node->op == OP_INPUT)
            for (size_t j = 0; j < out->count; j++)
                y[j] = (float)run->pixels[(size_t)i * out->count + j] * (1.0f / 255.0f);
        else if (node->op == OP_CONV)
            run_conv(f, node, node->bias < 0 ? NULL : f->bias[run->node], i, slot);
        else if (!out->borrowed)
            run_op(f, node, i);
        round_sample(f, node->output, i);
    }
}

/* fc over all samples, a block of outputs; the rounding needs whole samples and follows. */
static void run_fc(void *context, int block)
{
    const struct run *run = context;
    struct forward *f = run->f;
    const struct node *node = &f->graph->node[run->node];
    const struct activation *in = &f->value[node->input[0]], *out = &f->value[node->output];
    int width = f->graph->weight[node->weight].dim[1];
    struct fc_shape s = {run->n * (int)(in->count / (size_t)width), width, node->channels};
    int first = (int)((long)s.out * block / SLOTS), last = (int)((long)s.out * (block + 1) / SLOTS);

    if (first < last)
        fc_forward(&s, f->blas, first, last, in->seen, node_weight(f, node), node->bias < 0 ? NULL : f->bias[run->node],
                   out->raw);
}

static void round_shard(void *context, int slot)
{
    const struct run *run = context;
    for (int i = run->n * slot / SLOTS; i < run->n * (slot + 1) / SLOTS; i++)
        round_sample(run->f, run->f->graph->node[run->node].output, i);
}

void forward_run(struct forward *forward, const uint8_t *pixels, int n)
{
    const struct graph *graph = forward->graph;
    struct run run = {forward, pixels, n < forward->batch ? n : forward->batch, 0};

    for (run.node = 0; run.node < graph->nodes; run.node++) {
        const struct node *node = &graph->node[run.node];
        point_at_seen(forward, node);
        if (op_is_product(node->op)) {
            const float *bias = node_bias(forward, run.node);
            if (bias && bias != forward->bias[run.node])
                memcpy(forward->bias[run.node], bias, (size_t)node->channels * sizeof *bias);
        }
        if (node->op == OP_FC) {
            pool_run(forward->pool, SLOTS, run_fc, &run);
            if (forward->value[node->output].seen != forward->value[node->output].raw)
                pool_run(forward->pool, SLOTS, round_shard, &run);
        } else {
            pool_run(forward->pool, SLOTS, run_shard, &run);
        }
    }
}

const float *forward_value(const struct forward *forward, int v, int raw)
{
    return raw ? forward->value[v].raw : forward->value[v].seen;
}

enum status forward_predict_blas(const struct graph *graph, const struct dataset *data, struct pool *pool,
                                 enum train_blas blas, uint8_t *predictions, double *out_top1)
{
    const struct value *out = &graph->value[graph_output(graph)];
    size_t image = (size_t)data->c * (size_t)data->h * (size_t)data->w, classes = value_count(out);
    struct forward *f;
    uint32_t right = 0;

    if (data->n == 0 || value_count(&graph->value[graph_input(graph)]) != image || classes > 256)
        return status_fail(
            ST_BADARG,
            "graph '%s' takes %zu pixels and gives %zu outputs; got %u images of %dx%dx%d (expected 256 outputs "
            "at most and at least one image of that size)",
            graph->name, value_count(&graph->value[graph_input(graph)]), classes, (unsigned)data->n, data->c, data->h,
            data->w);
    TRY(forward_new_blas(graph, PREDICT_BATCH, pool, blas, &f));
    for (uint32_t at = 0; at < data->n; at += PREDICT_BATCH) {
        int n = data->n - at < PREDICT_BATCH ? (int)(data->n - at) : PREDICT_BATCH;
        const float *z;
        forward_run(f, data->pixels + (size_t)at * image, n);
        z = forward_value(f, graph_output(graph), 0);
        for (int i = 0; i < n; i++, z += classes) {
            size_t best = 0;
            for (size_t c = 1; c < classes; c++)
                best = z[c] > z[best] ? c : best;
            right += best == data->labels[at + (uint32_t)i];
            if (predictions)
                predictions[at + (uint32_t)i] = (uint8_t)best;
        }
    }
    forward_free(f);
    *out_top1 = (double)right / data->n;
    return ST_OK;
}

enum status forward_predict(const struct graph *graph, const struct dataset *data, struct pool *pool,
                            uint8_t *predictions, double *out_top1)
{
    return forward_predict_blas(graph, data, pool, TRAIN_BLAS_OPEN, predictions, out_top1);
}
