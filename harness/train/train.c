#include "train/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "base/rng.h"
#include "train/augment.h"
#include "train/forward.h"
#include "train/loss.h"
#include "train/net.h"
#include "train/optim.h"

enum {
    EPOCH_VALID = 1000,  /* images judged after each epoch: cheap, and only for the eye */
    MEASURE_BATCHES = 16 /* of training images, for statistics: activation ranges, batch normalizations */
};

/* Random streams: the order of samples; augmentation has streams of its own. */
#define STREAM_ORDER UINT64_C(0x6f72646572)

/* One block of one tensor's update. */
struct update_task {
    int tensor;
    size_t first, last;
};

struct trainer {
    const struct train_options *options;
    const struct dataset *train, *valid;
    struct graph *graph;
    struct graph view; /* clone that carries the averaged weights; owned */
    struct net *net;
    struct forward *teacher;
    int tensors;
    struct optim_tensor *tensor;
    int *tensor_layer, *tensor_bias, *tensor_weight; /* (tensors) layer, 1 for a bias, graph weight index */
    int tasks;
    struct update_task *task;
    struct optim_step step;
    struct optim_powers powers;
    struct augment augment;
    uint32_t *order; /* (train->n) */
    uint8_t *pixels; /* (batch, c, h, w) */
    uint8_t *labels; /* (batch) */
    int batch;
    uint32_t epoch;
    uint32_t first; /* of the batch, in order */
};

void train_defaults(struct train_options *options)
{
    memset(options, 0, sizeof *options);
    options->epochs = 10;
    options->batch = 128;
    options->optimizer = TRAIN_ADAM;
    options->lr = 2e-3f;
    options->lr_end = 1e-5f;
    options->momentum = 0.9f;
    options->label_smoothing = 0.05f;
    options->ema = 0.999f;
    options->flip = 1;
    options->seed = 1;
    options->weight_bits = 8;
    options->ranges = TRAIN_RANGES_EMA;
    options->temperature = 2;
    options->blas = TRAIN_BLAS_OPEN;
    options->label = "training";
}

/* ------------------------------------------------------------------ what may be asked for */

static enum status check_real(const char *name, float value, float lo, float hi)
{
    if (!(value >= lo && value <= hi))
        return status_fail(ST_BADARG, "training: %s is %g, expected %g to %g", name, (double)value, (double)lo,
                           (double)hi);
    return ST_OK;
}

static enum status check_options(const struct train_options *o)
{
    if (o->epochs < 1 || o->epochs > 100000)
        return status_fail(ST_BADARG, "training: %d epochs, expected 1 to 100000", o->epochs);
    if (o->batch < 1 || o->batch > 65536)
        return status_fail(ST_BADARG, "training: batch of %d, expected 1 to 65536", o->batch);
    TRY(check_real("the learning rate", o->lr, 0, 1000));
    TRY(check_real("the final learning rate", o->lr_end, 0, 1000));
    TRY(check_real("the warm-up share", o->warmup, 0, 0.5f));
    TRY(check_real("the momentum", o->momentum, 0, 1));
    TRY(check_real("the weight decay", o->weight_decay, 0, 10));
    TRY(check_real("the label smoothing", o->label_smoothing, 0, 1));
    TRY(check_real("the decay of the weight average", o->ema, 0, 0.999999f));
    TRY(check_real("the share of distillation", o->distill_weight, 0, 1));
    if (o->qat && o->weight_bits != 8 && o->weight_bits != 4)
        return status_fail(ST_BADARG, "training: weights of %d bits, expected 8 or 4", o->weight_bits);
    if (o->teacher)
        TRY(check_real("the temperature", o->temperature, 0.01f, 1000));
    return ST_OK;
}

static enum status check_data(const struct graph *graph, const struct dataset *data, const char *name)
{
    const struct value *in = &graph->value[graph_input(graph)];
    const struct value *out = &graph->value[graph_output(graph)];

    if (data->n == 0)
        return status_fail(ST_BADARG, "training: the %s set has no images", name);
    if (in->dim[0] * in->dim[1] * in->dim[2] != data->c * data->h * data->w ||
        (in->rank == 3 && (in->dim[0] != data->c || in->dim[1] != data->h || in->dim[2] != data->w)))
        return status_fail(ST_BADARG, "graph '%s' takes %dx%dx%d, the %s images are %dx%dx%d", graph->name, in->dim[0],
                           in->dim[1], in->dim[2], name, data->c, data->h, data->w);
    if (value_count(out) < (size_t)data->classes || value_count(out) > 256)
        return status_fail(ST_BADARG,
                           "graph '%s' has %zu outputs, the %s set has %d classes; expected as many, 256 at most",
                           graph->name, value_count(out), name, data->classes);
    for (uint32_t i = 0; i < data->n; i++)
        if (data->labels[i] >= data->classes)
            return status_fail(ST_BADARG, "the %s set: label %d of image %u, expected less than %d", name,
                               data->labels[i], (unsigned)i, data->classes);
    return ST_OK;
}

static enum status check_all(const struct graph *graph, const struct dataset *train, const struct dataset *valid,
                             const struct train_options *o)
{
    int side = train->h < train->w ? train->h : train->w;

    TRY(check_options(o));
    TRY(check_data(graph, train, "training"));
    TRY(check_data(graph, valid, "validation"));
    if (o->shift < 0 || o->shift >= side)
        return status_fail(ST_BADARG, "training: shift by %d pixels, expected 0 to %d", o->shift, side - 1);
    if (!o->teacher)
        return ST_OK;
    TRY(check_data(o->teacher, train, "teacher's"));
    if (value_count(&o->teacher->value[graph_output(o->teacher)]) != value_count(&graph->value[graph_output(graph)]))
        return status_fail(ST_BADARG, "the teacher '%s' has another number of outputs than '%s'", o->teacher->name,
                           graph->name);
    return ST_OK;
}

/* ------------------------------------------------------------------ making and freeing a trainer */

static enum status add_tensor(struct trainer *t, int layer, int bias)
{
    struct net_layer *l = &t->net->layer[layer];
    int index = bias ? l->bias : l->weight;
    struct weight *weight = &t->graph->weight[index];
    struct optim_tensor *tensor = &t->tensor[t->tensors];

    tensor->weight = weight->data;
    tensor->gradient = bias ? l->bias_gradient : l->weight_gradient;
    tensor->count = weight->count;
    tensor->weight_decay = bias || t->net->layer[layer].op == OP_BATCHNORM ? 0 : t->options->weight_decay;
    t->tensor_layer[t->tensors] = layer;
    t->tensor_bias[t->tensors] = bias;
    t->tensor_weight[t->tensors++] = index;
    TRY(mem_alloc(weight->count, sizeof(float), &tensor->moment));
    if (t->options->optimizer == TRAIN_ADAM)
        TRY(mem_alloc(weight->count, sizeof(float), &tensor->second));
    if (t->options->ema > 0)
        tensor->average = t->view.weight[index].data; /* begins as a copy of the weights */
    return ST_OK;
}

static enum status make_tensors(struct trainer *t)
{
    size_t most = 2 * (size_t)t->net->layers, blocks = 0;

    TRY(mem_alloc(most, sizeof *t->tensor, &t->tensor));
    TRY(mem_alloc(most, sizeof(int), &t->tensor_layer));
    TRY(mem_alloc(most, sizeof(int), &t->tensor_bias));
    TRY(mem_alloc(most, sizeof(int), &t->tensor_weight));
    for (int l = 0; l < t->net->layers; l++) {
        if (t->net->layer[l].weight >= 0)
            TRY(add_tensor(t, l, 0));
        if (t->net->layer[l].bias >= 0)
            TRY(add_tensor(t, l, 1));
    }
    for (int i = 0; i < t->tensors; i++)
        blocks += t->tensor[i].count / OPTIM_BLOCK + 1;
    TRY(mem_alloc(blocks, sizeof *t->task, &t->task));
    for (int i = 0; i < t->tensors; i++)
        for (size_t at = 0; at < t->tensor[i].count; at += OPTIM_BLOCK) {
            size_t last = at + OPTIM_BLOCK < t->tensor[i].count ? at + OPTIM_BLOCK : t->tensor[i].count;
            t->task[t->tasks++] = (struct update_task){i, at, last};
        }
    return ST_OK;
}

/* Grids of an earlier quantization would no longer fit the weights. */
static void forget_grids(struct graph *graph)
{
    for (int i = 0; i < graph->weights; i++) {
        mem_free(graph->weight[i].scale);
        graph->weight[i].scale = NULL;
    }
    for (int v = 0; v < graph->values; v++) {
        graph->value[v].quant = QUANT_NONE;
        graph->value[v].scale = 1;
        graph->value[v].zero_point = 0;
    }
}

static enum status trainer_init(struct trainer *t)
{
    const struct train_options *o = t->options;
    size_t image = (size_t)t->train->c * (size_t)t->train->h * (size_t)t->train->w;

    t->batch = t->train->n < (uint32_t)o->batch ? (int)t->train->n : o->batch;
    t->powers = (struct optim_powers){1, 1};
    t->augment = (struct augment){o->seed, o->flip, o->shift};
    TRY(net_new(t->graph, t->batch, o, &t->net));
    t->net->rounding = 0;
    forget_grids(t->graph);
    TRY(graph_clone(t->graph, &t->view));
    TRY(make_tensors(t));
    if (o->teacher)
        TRY(forward_new_blas(o->teacher, t->batch, o->pool, o->blas, &t->teacher));
    TRY(mem_alloc(t->train->n, sizeof *t->order, &t->order));
    for (uint32_t i = 0; i < t->train->n; i++)
        t->order[i] = i;
    TRY(mem_alloc((size_t)t->batch, image, &t->pixels));
    return mem_alloc((size_t)t->batch, 1, &t->labels);
}

static void trainer_free(struct trainer *t)
{
    for (int i = 0; i < t->tensors; i++) {
        mem_free(t->tensor[i].moment);
        mem_free(t->tensor[i].second);
    }
    mem_free(t->tensor);
    mem_free(t->tensor_layer);
    mem_free(t->tensor_bias);
    mem_free(t->tensor_weight);
    mem_free(t->task);
    mem_free(t->order);
    mem_free(t->pixels);
    mem_free(t->labels);
    forward_free(t->teacher);
    net_free(t->net);
    graph_free(&t->view);
}

/* ------------------------------------------------------------------ one step */

static void prepare_shard(void *context, int shard)
{
    struct trainer *t = context;
    size_t image = (size_t)t->train->c * (size_t)t->train->h * (size_t)t->train->w;

    for (int i = t->batch * shard / NET_SLOTS; i < t->batch * (shard + 1) / NET_SLOTS; i++) {
        uint32_t index = t->order[t->first + (uint32_t)i];
        augment_image(&t->augment, t->train, index, t->epoch, t->pixels + (size_t)i * image);
        t->labels[i] = t->train->labels[index];
    }
}

static void update_block(void *context, int index)
{
    struct trainer *t = context;
    const struct update_task *task = &t->task[index];
    int i = task->tensor;

    net_gradient_sum(t->net, t->tensor_layer[i], t->tensor_bias[i], task->first, task->last);
    optim_update(&t->tensor[i], &t->step, task->first, task->last);
}

/* Masks may come and go in the hook. */
static void read_masks(struct trainer *t)
{
    for (int i = 0; i < t->tensors; i++)
        t->tensor[i].mask = t->graph->weight[t->tensor_weight[i]].mask;
}

static enum status train_step(struct trainer *t, long step, long steps, double *out_loss)
{
    const struct train_options *o = t->options;
    struct loss_options loss = {o->label_smoothing, o->teacher ? o->distill_weight : 0, o->temperature};
    const float *teacher = NULL;

    if (o->hook)
        o->hook(o->hook_context, t->graph, step, steps);
    read_masks(t);
    pool_run(o->pool, NET_SLOTS, prepare_shard, t);
    if (o->qat) {
        net_quantize_weights(t->net);
        if (step == 0) {
            net_forward(t->net, t->pixels);
            net_points_begin(t->net);
            net_quantize_weights(t->net); /* biases again, on the grids just found */
        }
    }
    net_forward(t->net, t->pixels);
    if (t->teacher && o->distill_weight > 0) {
        forward_run(t->teacher, t->pixels, t->batch);
        teacher = forward_value(t->teacher, graph_output(o->teacher), 0);
    }
    *out_loss = loss_softmax(net_logits(t->net), teacher, t->labels, t->batch, net_classes(t->net), &loss,
                             net_logit_gradient(t->net));
    optim_step_begin(o, step, steps, &t->powers, &t->step);
    if (!isfinite(*out_loss))
        return status_fail(
            ST_MISMATCH,
            "%s: the loss is %g at step %ld of %ld (epoch %u of %d, learning rate %g): training diverged; "
            "lower the learning rate or lengthen the warm-up",
            o->label ? o->label : "training", *out_loss, step + 1, steps, (unsigned)t->epoch + 1, o->epochs,
            (double)t->step.lr);
    net_backward(t->net);
    if (o->qat)
        net_points_update(t->net, &t->step);
    pool_run(o->pool, t->tasks, update_block, t);
    return ST_OK;
}

/* ------------------------------------------------------------------ epochs */

/* Training images for statistics: of activations and of batch normalizations. Not augmented, as at inference. */
static uint32_t measured_images(const struct trainer *t)
{
    uint32_t most = (uint32_t)(MEASURE_BATCHES * t->batch);
    return t->train->n < most ? t->train->n : most;
}

/* Brings the view up to date: averaged weights are there already, others are copied; with qat, its grids. Statistics of
 * batch normalizations are measured with the view's weights. */
static enum status refresh_view(struct trainer *t)
{
    if (t->options->ema <= 0)
        for (int i = 0; i < t->tensors; i++)
            memcpy(t->view.weight[t->tensor_weight[i]].data, t->tensor[i].weight, t->tensor[i].count * sizeof(float));
    if (t->options->qat)
        return net_points_store(t->net, &t->view);
    t->net->graph = &t->view;
    net_norm_measure(t->net, t->train->pixels, measured_images(t));
    t->net->graph = t->graph;
    return ST_OK;
}

static enum status epoch_top1(struct trainer *t, double *out)
{
    struct dataset slice = *t->valid;

    TRY(refresh_view(t));
    slice.n = slice.n < EPOCH_VALID ? slice.n : EPOCH_VALID;
    return forward_predict_blas(&t->view, &slice, t->options->pool, t->options->blas, NULL, out);
}

static enum status train_epochs(struct trainer *t, struct progress *bar, double *out_loss, double *out_eval_s)
{
    const struct train_options *o = t->options;
    long per_epoch = (long)(t->train->n / (uint32_t)t->batch), steps = per_epoch * o->epochs, step = 0;
    double top1 = 0, loss = 0;
    char text[96];

    for (int epoch = 0; epoch < o->epochs; epoch++) {
        struct rng rng;
        double sum = 0, began;
        t->epoch = (uint32_t)epoch;
        rng_seed(&rng, o->seed, STREAM_ORDER + (uint64_t)epoch);
        rng_shuffle_u32(&rng, t->order, t->train->n);
        for (long i = 0; i < per_epoch; i++, step++) {
            if (o->stop && *o->stop)
                return status_fail(ST_INTERRUPTED, "%s: interrupted in epoch %d of %d",
                                   o->label ? o->label : "training", epoch + 1, o->epochs);
            t->first = (uint32_t)(i * t->batch);
            TRY(train_step(t, step, steps, &loss));
            sum += loss;
            if (epoch > 0)
                snprintf(text, sizeof text, "epoch %d/%d  loss %.3f  val %.1f %%", epoch + 1, o->epochs,
                         sum / (double)(i + 1), 100 * top1);
            else
                snprintf(text, sizeof text, "epoch %d/%d  loss %.3f", epoch + 1, o->epochs, sum / (double)(i + 1));
            progress_step(bar, (double)(step + 1), text);
        }
        *out_loss = sum / (double)per_epoch;
        began = progress_now_s();
        if (epoch + 1 < o->epochs)
            TRY(epoch_top1(t, &top1));
        *out_eval_s += progress_now_s() - began;
    }
    return ST_OK;
}

static void copy_tensor(const struct graph *from, struct graph *to, int index)
{
    memcpy(to->weight[index].data, from->weight[index].data, to->weight[index].count * sizeof(float));
}

/* The averaged weights become the graph's, with their statistics; with qat, the ranges are measured with them on
 * training images that are not augmented, so that the simulated graph is what was judged. */
static enum status finish(struct trainer *t)
{
    TRY(refresh_view(t));
    for (int i = 0; i < t->tensors; i++)
        memcpy(t->tensor[i].weight, t->view.weight[t->tensor_weight[i]].data, t->tensor[i].count * sizeof(float));
    for (int i = 0; i < t->graph->nodes; i++)
        if (t->graph->node[i].op == OP_BATCHNORM) {
            copy_tensor(&t->view, t->graph, t->graph->node[i].mean);
            copy_tensor(&t->view, t->graph, t->graph->node[i].variance);
        }
    if (!t->options->qat)
        return ST_OK;
    net_quantize_weights(t->net);
    net_points_measure(t->net, t->train->pixels, measured_images(t));
    return net_points_store(t->net, t->graph);
}

enum status train_graph(struct graph *graph, const struct dataset *train, const struct dataset *valid,
                        const struct train_options *options, struct train_result *out)
{
    struct trainer t = {.options = options, .train = train, .valid = valid, .graph = graph};
    struct train_result result = {0};
    double began = progress_now_s(), eval_s = 0, trained_s;
    struct progress bar;
    char text[96];
    enum status st;

    TRY(check_all(graph, train, valid, options));
    TRY_OUT(trainer_init(&t));
    progress_begin(&bar, options->label ? options->label : "training",
                   (double)(train->n / (uint32_t)t.batch) * options->epochs);
    trained_s = progress_now_s();
    st = train_epochs(&t, &bar, &result.train_loss, &eval_s);
    trained_s = progress_now_s() - trained_s - eval_s;
    if (st == ST_OK)
        st = finish(&t);
    if (st == ST_OK)
        st = forward_predict_blas(graph, valid, options->pool, options->blas, NULL, &result.valid_top1);
    result.seconds = progress_now_s() - began;
    result.images_per_s =
        (double)(train->n / (uint32_t)t.batch) * t.batch * options->epochs / (trained_s > 1e-9 ? trained_s : 1e-9);
    if (st == ST_OK)
        snprintf(text, sizeof text, "val %.1f %%, %.0f s, %.0f images/s", 100 * result.valid_top1, result.seconds,
                 result.images_per_s);
    else
        snprintf(text, sizeof text, "stopped after %.0f s", result.seconds);
    progress_end(&bar, text);
    if (st == ST_OK)
        *out = result;
out:
    trainer_free(&t);
    return st;
}
