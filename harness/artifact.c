#include "artifact.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/progress.h"

/* Validation images that the slow reference kernels judge; all test images are theirs anyway. */
enum { REFERENCE_VALID = 1000 };

static enum status make_path(const struct artifact_context *context, int model, int recipe, uint64_t seed,
                             struct artifact *artifact)
{
    char folder[PATH_MAX];

    TRY(file_join(folder, sizeof folder, context->dir, "artifacts"));
    TRY(file_make_dirs(folder));
    snprintf(artifact->file, sizeof artifact->file, "artifacts/%s-%s", context->suite->model[model].graph.name,
             context->suite->recipe_name[recipe]);
    if (context->suite->seeds > 1)
        snprintf(artifact->file + strlen(artifact->file), sizeof artifact->file - strlen(artifact->file), "-s%llu",
                 (unsigned long long)seed);
    strncat(artifact->file, ".plk", sizeof artifact->file - strlen(artifact->file) - 1);
    return file_join(artifact->path, sizeof artifact->path, context->dir, artifact->file);
}

static void add_stage(struct artifact *artifact, const char *name, double top1, uint32_t n, int flips)
{
    struct artifact_stage *stage = &artifact->stage[artifact->stages++];
    snprintf(stage->name, sizeof stage->name, "%s", name);
    stage->valid_top1 = top1;
    stage->n = n;
    stage->flips = flips;
}

static double share_right(const int32_t *predictions, const struct dataset *data)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < data->n; i++)
        right += predictions[i] == data->labels[i];
    return data->n > 0 ? (double)right / data->n : 0;
}

/* The shipped file on the validation images: reference kernels against the last stage of the recipe, then SIMD against
 * the reference. */
static enum status add_engine_stages(const struct artifact_context *context, const struct recipe_result *result,
                                     struct artifact *artifact)
{
    const struct dataset *valid = &context->data->valid;
    struct dataset part = *valid;
    struct infer ref = {0}, simd = {0};
    enum status st;
    int flips = 0;

    if (valid->n == 0) /* random data: nothing to judge by */
        return ST_OK;
    if (context->simd.mask != 0 && part.n > REFERENCE_VALID)
        part.n = REFERENCE_VALID;
    TRY_OUT(infer_dataset(&artifact->graph, &context->ref, 1, &part, context->pool, &ref));
    for (uint32_t i = 0; i < part.n; i++)
        flips += ref.predictions[i] != result->valid_predictions[i];
    artifact->valid_top1 = share_right(ref.predictions, &part);
    add_stage(artifact, "packed, reference kernels", artifact->valid_top1, part.n, flips);
    if (context->simd.mask != 0) {
        TRY_OUT(infer_dataset(&artifact->graph, &context->simd, 1, valid, context->pool, &simd));
        flips = 0;
        for (uint32_t i = 0; i < part.n; i++)
            flips += simd.predictions[i] != ref.predictions[i];
        artifact->valid_top1 = share_right(simd.predictions, valid);
        add_stage(artifact, "packed, SIMD kernels", artifact->valid_top1, valid->n, flips);
    }
out:
    infer_free(&ref);
    infer_free(&simd);
    return st;
}

/* The recipe's graph, trained or out of the cache. Free *result with recipe_result_free. */
static enum status train(const struct artifact_context *context, int model, int recipe_index, uint64_t seed,
                         struct recipe_result *result, struct artifact *artifact)
{
    const struct suite *suite = context->suite;
    const struct suite_model *source = &suite->model[model];
    struct recipe_context how = {.data = context->data,
                                 .pool = context->pool,
                                 .seed = seed,
                                 .cache_dir = context->cache_dir,
                                 .model_sha = source->sha256,
                                 .blas = suite->blas,
                                 .stop = context->stop};
    struct recipe recipe = {0};
    double start = progress_now_s();

    live_show(context->live, "%s/%s: making the model", source->graph.name, suite->recipe_name[recipe_index]);
    TRY(recipe_parse(&suite->doc, suite->recipes, "recipes", recipe_index, source->graph.name, &recipe));
    TRY(recipe_run(&recipe, &source->graph, &how, result));
    if (result->warning[0])
        live_warning(context->live, "warning:", result->warning);
    artifact->train_s = result->trained_steps > 0 ? progress_now_s() - start : 0;
    for (int i = 0; i < recipe.steps; i++)
        artifact->epochs += recipe.step[i].train.epochs;
    return ST_OK;
}

static enum status make(const struct artifact_context *context, int model, int recipe, uint64_t seed,
                        struct artifact *artifact)
{
    struct recipe_result result = {0};
    enum status st;

    TRY(make_path(context, model, recipe, seed, artifact));
    TRY_OUT(train(context, model, recipe, seed, &result, artifact));
    for (int i = 0; i < result.stages; i++)
        add_stage(artifact, result.stage[i].name, result.stage[i].valid_top1, context->data->valid.n,
                  i == 0 ? -1 : result.stage[i].flips);
    live_show(context->live, "%s/%s: accuracy with the reference kernels", context->suite->model[model].graph.name,
              context->suite->recipe_name[recipe]);
    TRY_OUT(plk_write(&result.graph, artifact->path, result.pack_flags, NULL));
    TRY_OUT(plk_read(artifact->path, &artifact->graph, &artifact->info));
    TRY_OUT(add_engine_stages(context, &result, artifact));
    TRY_OUT(infer_dataset(&artifact->graph, &context->ref, 1, &context->data->test, context->pool, &artifact->ref));
    artifact->made = 1;
out:
    recipe_result_free(&result);
    return st;
}

/* What ends the whole matrix is passed on; anything else is this recipe's own failure, with its reason. */
static enum status judge(enum status st, struct artifact *artifact)
{
    if (st == ST_INTERRUPTED || st == ST_NOMEM || st == ST_IO) {
        artifact_free(artifact);
        return st;
    }
    if (st != ST_OK)
        snprintf(artifact->reason, sizeof artifact->reason, "%s", status_message());
    return ST_OK;
}

enum status artifact_make(const struct artifact_context *context, int model, int recipe, uint64_t seed,
                          struct artifact *out)
{
    memset(out, 0, sizeof *out);
    return judge(make(context, model, recipe, seed, out), out);
}

enum status artifact_train(const struct artifact_context *context, int model, int recipe, uint64_t seed,
                           struct artifact *out)
{
    struct recipe_result result = {0};
    enum status st;

    memset(out, 0, sizeof *out);
    st = train(context, model, recipe, seed, &result, out);
    recipe_result_free(&result);
    out->made = st == ST_OK;
    return judge(st, out);
}

void artifact_free(struct artifact *artifact)
{
    graph_free(&artifact->graph);
    plk_info_free(&artifact->info);
    infer_free(&artifact->ref);
    memset(artifact, 0, sizeof *artifact);
}
