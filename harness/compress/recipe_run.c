/* Runs the steps of a recipe, with the cache between them and the invariants after each. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "compress/cache.h"
#include "compress/invariants.h"
#include "compress/ledger.h"
#include "compress/prune.h"
#include "compress/prune_channels.h"
#include "compress/ptq.h"
#include "compress/qat.h"
#include "compress/quantize.h"
#include "compress/recipe.h"
#include "compress/recipe_step.h"
#include "graph/graph_fold.h"
#include "train/forward.h"

/* Part of every cache key: to be raised whenever training or a pass gives another result for the same step. */
static const char behaviour_version[] = "packlight-steps/3";

struct run {
    const struct recipe *recipe;
    const struct recipe_context *context;
    struct recipe_result *result;
    struct graph graph;   /* as the steps so far left it */
    struct graph teacher; /* the float model before the first prune or qat */
    int has_teacher;
    uint8_t *predictions; /* (valid.n) of `graph` */
    char label[RECIPE_NAME + GRAPH_NAME + 8];
};

/* Name of a step's stage in the ledger and in messages. */
static void stage_name(const struct recipe_step *step, char *out, size_t size)
{
    int percent = (int)(100 * step->sparsity + 0.5);

    switch (step->op) {
    case RECIPE_INIT:
    case RECIPE_TRAIN:
        snprintf(out, size, "fp32");
        break;
    case RECIPE_PRUNE:
        if (step->kind == RECIPE_BLOCKS)
            snprintf(out, size, "prune-b%dx%d-%d", step->block_rows, step->block_cols, percent);
        else
            snprintf(out, size, "prune-%c%d", step->kind == RECIPE_CHANNELS ? 'c' : 'u', percent);
        break;
    case RECIPE_PTQ:
    case RECIPE_QAT:
        snprintf(out, size, "simulated");
        break;
    case RECIPE_FINETUNE:
    case RECIPE_PACK:
        snprintf(out, size, "%s", recipe_op_name(step->op));
        break;
    }
}

/* Everything that the result of step `index` depends on. The number of threads is not in it: results do not depend
 * on it. */
static void step_key(const struct run *run, int index, char out_key[HASH_HEX])
{
    const struct recipe_context *context = run->context;
    char text[RECIPE_STEP_TEXT];
    struct hash hash;

    hash_begin(&hash);
    hash_add_text(&hash, behaviour_version);
    hash_add_text(&hash, context->model_sha);
    hash_add_text(&hash, context->data->sha256);
    snprintf(text, sizeof text, "train=%u valid=%u seed=%llu blas=%d", context->data->train.n, context->data->valid.n,
             (unsigned long long)context->seed, (int)context->blas);
    hash_add_text(&hash, text);
    for (int i = 0; i <= index; i++) {
        recipe_step_text(&run->recipe->step[i], text, sizeof text);
        hash_add_text(&hash, text);
    }
    hash_end(&hash, out_key);
}

static enum status train(struct run *run, int index, train_hook_fn hook, void *hook_context)
{
    const struct recipe_step *step = &run->recipe->step[index];
    const struct recipe_context *context = run->context;
    struct train_options options = step->train;
    struct train_result result;
    char name[32];

    stage_name(step, name, sizeof name);
    snprintf(run->label, sizeof run->label, "%s %s", run->graph.name,
             step->op != RECIPE_QAT   ? name
             : step->weight_bits == 4 ? "qat-w4a8"
                                      : "qat-s8");
    options.seed = context->seed + (uint64_t)index; /* another shuffle for each step */
    options.blas = context->blas;
    options.pool = context->pool;
    options.stop = context->stop;
    options.label = run->label;
    options.hook = hook;
    options.hook_context = hook_context;
    options.teacher = options.distill_weight > 0 ? &run->teacher : NULL;
    if (step->op == RECIPE_QAT)
        return qat_train(&run->graph, &context->data->train, &context->data->valid, &options, &result);
    return train_graph(&run->graph, &context->data->train, &context->data->valid, &options, &result);
}

/* Single weights or blocks: masks grow while the rest is trained. */
static enum status prune_masks(struct run *run, int index)
{
    const struct recipe_step *step = &run->recipe->step[index];
    enum prune_scope scope = step->scope == RECIPE_GLOBAL ? PRUNE_GLOBAL : PRUNE_LAYERWISE;
    struct prune prune;
    enum status st = ST_OK;

    if (step->kind == RECIPE_BLOCKS)
        TRY(prune_begin_blocks(&run->graph, scope, step->sparsity, step->schedule, step->block_rows, step->block_cols,
                               &prune));
    else
        TRY(prune_begin(&run->graph, scope, step->sparsity, step->schedule, &prune));
    if (step->train.epochs > 0)
        st = train(run, index, prune_hook, &prune);
    else
        prune_apply(&prune, &run->graph, step->sparsity);
    prune_end(&prune);
    return st;
}

static enum status compute(struct run *run, int index)
{
    const struct recipe_step *step = &run->recipe->step[index];
    const struct dataset_splits *data = run->context->data;
    enum ptq_weights weights = step->weights_mse ? PTQ_WEIGHTS_MSE : PTQ_WEIGHTS_MAX;

    switch (step->op) {
    case RECIPE_INIT:
        graph_init_weights(&run->graph, run->context->seed);
        return graph_fold_batchnorm(&run->graph);
    case RECIPE_TRAIN:
        graph_init_weights(&run->graph, run->context->seed);
        TRY(train(run, index, NULL, NULL));
        return graph_fold_batchnorm(&run->graph);
    case RECIPE_FINETUNE:
    case RECIPE_QAT:
        return train(run, index, NULL, NULL);
    case RECIPE_PRUNE:
        if (step->kind != RECIPE_CHANNELS)
            return prune_masks(run, index);
        TRY(prune_channels(&run->graph, step->sparsity, step->round_to));
        return step->train.epochs > 0 ? train(run, index, NULL, NULL) : ST_OK;
    case RECIPE_PTQ:
        if (step->dynamic)
            return ptq_dynamic(&run->graph, weights);
        return ptq_static(&run->graph, &data->train, &step->calibrate, weights, step->weight_bits, run->context->pool,
                          run->context->blas);
    case RECIPE_PACK:
        break;
    }
    return ST_OK;
}

/* Negative zeros become zeros, which is what the cache gives back: cached and fresh results are the same bits. */
static void drop_negative_zeros(struct graph *graph)
{
    for (int i = 0; i < graph->weights; i++)
        for (size_t j = 0; j < graph->weight[i].count; j++)
            ((float *)graph->weight[i].data)[j] += 0.0f;
}

/* What the step claims, computed or cached alike. */
static enum status check(const struct run *run, const struct graph *before, int index)
{
    const struct recipe_step *step = &run->recipe->step[index];
    const struct prune how = {.scope = step->scope == RECIPE_GLOBAL ? PRUNE_GLOBAL : PRUNE_LAYERWISE,
                              .sparsity = step->sparsity,
                              .rows = step->block_rows,
                              .cols = step->block_cols};
    char name[32];

    stage_name(step, name, sizeof name);
    TRY(invariants_graph(&run->graph, name));
    if (step->op == RECIPE_PRUNE && step->kind == RECIPE_CHANNELS)
        return invariants_channels(before, &run->graph, step->sparsity, step->round_to, name);
    if (step->op == RECIPE_PRUNE && step->kind == RECIPE_BLOCKS)
        return invariants_blocks(&run->graph, &how, name);
    if (step->op == RECIPE_PRUNE)
        return invariants_sparsity(&run->graph, how.scope, step->sparsity, name);
    if (step->op == RECIPE_PTQ || step->op == RECIPE_QAT)
        TRY(invariants_simulated(&run->graph, name));
    return invariants_masks_kept(before, &run->graph, name);
}

/* Takes the step's result from the cache if it is there: *out_hit. A damaged file is told of once, not `again`. */
static enum status load(struct run *run, const char *key, int again, int *out_hit)
{
    struct graph cached = {0};
    enum cache_state state = CACHE_MISS;

    *out_hit = 0;
    if (!run->context->cache_dir)
        return ST_OK;
    TRY(cache_load(run->context->cache_dir, key, run->context->data->valid.n, &cached, run->predictions, &state));
    if (state == CACHE_DAMAGED && !again) {
        run->result->damaged_steps++;
        snprintf(run->result->warning, sizeof run->result->warning, "%.200s; computed again", status_message());
    }
    if (state != CACHE_HIT)
        return ST_OK;
    graph_free(&run->graph);
    run->graph = cached;
    *out_hit = 1;
    return ST_OK;
}

static enum status make(struct run *run, const char *key, int index)
{
    const struct recipe_context *context = run->context;
    double top1;

    TRY(compute(run, index));
    drop_negative_zeros(&run->graph);
    if (context->data->valid.n > 0)
        TRY(forward_predict_blas(&run->graph, &context->data->valid, context->pool, context->blas, run->predictions,
                                 &top1));
    if (context->cache_dir &&
        cache_store(context->cache_dir, key, &run->graph, run->predictions, context->data->valid.n) != ST_OK)
        snprintf(run->result->warning, sizeof run->result->warning, "%.200s; not cached", status_message());
    return ST_OK;
}

/* The step's result: from the cache, or computed by this process while others that want the same wait. */
static enum status load_or_make(struct run *run, const char *key, int index, int *out_hit)
{
    const struct recipe_context *context = run->context;
    struct lock lock = {.fd = -1};
    char label[RECIPE_NAME + GRAPH_NAME + 40], name[32];
    enum status st;

    TRY(load(run, key, 0, out_hit));
    if (*out_hit)
        return ST_OK;
    if (!context->cache_dir)
        return make(run, key, index);
    stage_name(&run->recipe->step[index], name, sizeof name);
    snprintf(label, sizeof label, "%s %s, %s", run->graph.name, run->recipe->name, name);
    TRY(cache_lock(context->cache_dir, key, label, context->stop, &lock));
    st = load(run, key, 1, out_hit);
    if (st == ST_OK && !*out_hit)
        st = make(run, key, index);
    lock_release(&lock);
    return st;
}

static int begins_compression(const struct recipe_step *step)
{
    return step->op == RECIPE_PRUNE || step->op == RECIPE_QAT;
}

static enum status run_step(struct run *run, int index)
{
    const struct recipe_step *step = &run->recipe->step[index];
    struct graph before = {0};
    char key[HASH_HEX], name[32];
    enum status st = ST_OK;
    int hit = 0;

    if (run->context->stop && *run->context->stop)
        return status_fail(ST_INTERRUPTED, "%s: stopped before step %s", run->recipe->name, recipe_op_name(step->op));
    if (begins_compression(step) && !run->has_teacher) {
        TRY(graph_clone(&run->graph, &run->teacher));
        run->has_teacher = 1;
    }
    TRY(graph_clone(&run->graph, &before));
    step_key(run, index, key);
    TRY_OUT(load_or_make(run, key, index, &hit));
    TRY_OUT(check(run, &before, index));
    run->result->cached_steps += hit;
    run->result->trained_steps += !hit;
    stage_name(step, name, sizeof name);
    st = ledger_add(run->result, name, &run->graph, &run->context->data->valid, run->predictions);
out:
    graph_free(&before);
    return st;
}

/* Of the step that quantizes; 0 without one. */
static int weight_bits(const struct recipe *recipe)
{
    int bits = 0;

    for (int i = 0; i < recipe->steps; i++)
        if (recipe->step[i].op == RECIPE_PTQ || recipe->step[i].op == RECIPE_QAT)
            bits = recipe->step[i].weight_bits;
    return bits;
}

/* Hands the graph over, converted to integers where the recipe quantized. */
static enum status finish(struct run *run)
{
    struct recipe_result *result = run->result;
    int bits = weight_bits(run->recipe);

    if (bits) {
        TRY(quantize_graph(&run->graph, &result->graph));
        TRY(invariants_graph(&result->graph, "integer"));
        TRY(invariants_conversion(&run->graph, &result->graph, "integer"));
        TRY(invariants_masks_kept(&run->graph, &result->graph, "integer"));
        TRY(invariants_weight_bits(&result->graph, bits, "integer"));
        result->simulated = run->graph;
        result->has_simulated = 1;
    } else {
        result->graph = run->graph;
    }
    memset(&run->graph, 0, sizeof run->graph);
    result->sparsity = graph_sparsity(&result->graph);
    return ST_OK;
}

/* A recipe without a train step needs a model that comes with weights. */
static enum status check_trained(const struct recipe *recipe, const struct graph *model)
{
    for (int i = 0; i < model->nodes; i++)
        if (model->node[i].weight >= 0 &&
            weight_zeros(&model->weight[model->node[i].weight]) < model->weight[model->node[i].weight].count)
            return ST_OK;
    if (recipe->step[0].op == RECIPE_TRAIN || recipe->step[0].op == RECIPE_INIT)
        return ST_OK;
    return status_fail(ST_BADARG, "%s %s: all weights are zero; the first step must be train or init", model->name,
                       recipe->name);
}

enum status recipe_run(const struct recipe *recipe, const struct graph *model, const struct recipe_context *context,
                       struct recipe_result *out)
{
    struct recipe_result result = {0};
    struct run run = {.recipe = recipe, .context = context, .result = &result};
    enum status st = ST_OK;

    TRY_OUT(check_trained(recipe, model));
    TRY_OUT(graph_clone(model, &run.graph));
    if (recipe->step[0].op != RECIPE_TRAIN && recipe->step[0].op != RECIPE_INIT) /* which fold at their end */
        TRY_OUT(graph_fold_batchnorm(&run.graph));
    TRY_OUT(mem_alloc(context->data->valid.n, 1, &run.predictions));
    for (int i = 0; i < recipe->steps; i++) {
        if (recipe->step[i].op == RECIPE_PACK) {
            result.pack_flags = recipe->step[i].pack_flags;
            continue;
        }
        st = run_step(&run, i);
        if (st != ST_OK) {
            status_prefix(st, "%s %s, step %d (%s)", model->name, recipe->name, i, recipe_op_name(recipe->step[i].op));
            goto out;
        }
    }
    TRY_OUT(finish(&run));
    *out = result;
    memset(&result, 0, sizeof result);
out:
    recipe_result_free(&result);
    graph_free(&run.graph);
    graph_free(&run.teacher);
    mem_free(run.predictions);
    return st;
}

void recipe_result_free(struct recipe_result *result)
{
    graph_free(&result->graph);
    graph_free(&result->simulated);
    mem_free(result->valid_predictions);
    memset(result, 0, sizeof *result);
}
