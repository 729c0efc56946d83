#include "suite.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/list.h"
#include "compress/recipe.h"
#include "engine/engine.h"
#include "graph/graph_json.h"

static enum status read_ints(const struct json *doc, const cJSON *object, const char *path, const char *key, int lo,
                             int hi, int *list, int *count)
{
    const cJSON *array, *item;
    int n = 0;

    TRY(json_array(doc, object, path, key, &array));
    cJSON_ArrayForEach (item, array) {
        if (n == SUITE_LIST)
            return json_error(doc, path, key, "more than %d entries", SUITE_LIST);
        if (!cJSON_IsNumber(item) || item->valuedouble != (double)item->valueint || item->valueint < lo ||
            item->valueint > hi)
            return json_error(doc, path, key, "expected whole numbers from %d to %d", lo, hi);
        for (int i = 0; i < n; i++)
            if (list[i] == item->valueint)
                return json_error(doc, path, key, "%d is given twice", item->valueint);
        list[n++] = item->valueint;
    }
    if (n == 0)
        return json_error(doc, path, key, "expected at least one number");
    *count = n;
    return ST_OK;
}

static enum status read_axes(struct suite *suite)
{
    static const char *const keys[] = {"kernel", "threads", "batches", NULL};
    const struct json *doc = &suite->doc;
    const cJSON *array, *item;

    TRY(json_array(doc, doc->root, "", "cells", &array));
    cJSON_ArrayForEach (item, array) {
        struct suite_axis *axis = &suite->axis[suite->axes];
        const char *kernel;
        char path[32];
        snprintf(path, sizeof path, "cells[%d]", suite->axes);
        if (suite->axes == SUITE_AXES)
            return json_error(doc, "", "cells", "more than %d entries", SUITE_AXES);
        TRY(json_keys(doc, item, path, keys));
        TRY(json_text(doc, item, path, "kernel", &kernel));
        if (strcmp(kernel, "ref") != 0 && strcmp(kernel, "simd") != 0)
            return json_error(doc, path, "kernel", "'%.20s': expected ref or simd", kernel);
        axis->simd = kernel[0] == 's';
        for (int i = 0; i < suite->axes; i++)
            if (suite->axis[i].simd == axis->simd)
                return json_error(doc, path, "kernel", "'%s' is given twice", kernel);
        TRY(read_ints(doc, item, path, "threads", 1, ENGINE_THREADS_MAX, axis->threads, &axis->n_threads));
        TRY(read_ints(doc, item, path, "batches", 1, SUITE_BATCH_MAX, axis->batches, &axis->n_batches));
        suite->axes++;
    }
    return suite->axes > 0 ? ST_OK : json_error(doc, "", "cells", "expected at least one entry");
}

/* A file that the suite names: relative to the suite's own folder. */
static enum status beside(const struct json *doc, const char *name, char out[PATH_MAX])
{
    char folder[PATH_MAX];
    char *slash;

    if (name[0] == '/')
        return snprintf(out, PATH_MAX, "%s", name) < PATH_MAX ? ST_OK
                                                              : status_fail(ST_BADARG, "%s: path too long", name);
    if (snprintf(folder, sizeof folder, "%s", doc->file) >= (int)sizeof folder)
        return status_fail(ST_BADARG, "%s: path too long", doc->file);
    slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    else
        snprintf(folder, sizeof folder, ".");
    return file_join(out, PATH_MAX, folder, name);
}

static enum status read_models(struct suite *suite, struct hash *hash)
{
    const struct json *doc = &suite->doc;
    const cJSON *array, *item;
    char file[PATH_MAX];

    TRY(json_array(doc, doc->root, "", "models", &array));
    cJSON_ArrayForEach (item, array) {
        struct suite_model *model = &suite->model[suite->models];
        unsigned char *text;
        size_t len;
        if (suite->models == SUITE_MODELS)
            return json_error(doc, "", "models", "more than %d entries", SUITE_MODELS);
        if (!cJSON_IsString(item))
            return json_error(doc, "", "models", "entry %d: expected a file name", suite->models);
        TRY(beside(doc, item->valuestring, file));
        TRY(file_read(file, 1 << 24, &text, &len));
        hash_bytes(text, len, model->sha256);
        free(text);
        hash_add_text(hash, model->sha256);
        TRY(graph_from_json(file, &model->graph));
        suite->models++;
        for (int i = 0; i < suite->models - 1; i++)
            if (strcmp(suite->model[i].graph.name, model->graph.name) == 0)
                return json_error(doc, "", "models", "two models are named '%s'", model->graph.name);
    }
    return suite->models > 0 ? ST_OK : json_error(doc, "", "models", "expected at least one model");
}

static enum status read_recipes(struct suite *suite)
{
    const char *names[SUITE_MODELS + 1] = {NULL};
    const cJSON *item;

    TRY(json_array(&suite->doc, suite->doc.root, "", "recipes", &suite->recipes));
    for (int i = 0; i < suite->models; i++)
        names[i] = suite->model[i].graph.name;
    TRY(recipe_check(&suite->doc, suite->recipes, "recipes", names));
    cJSON_ArrayForEach (item, suite->recipes) {
        suite->recipe_name[suite->n_recipes++] = cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring;
    }
    if (suite->n_recipes == 0 || strcmp(suite->recipe_name[0], "fp32") != 0)
        return json_error(&suite->doc, "", "recipes",
                          "the first recipe must be fp32: the others are measured against it");
    return ST_OK;
}

/* Random data cannot be learned from, and random weights say nothing about real data. */
static enum status check_data_steps(const struct suite *suite)
{
    for (int r = 0; r < suite->n_recipes; r++) {
        struct recipe recipe;
        TRY(recipe_parse(&suite->doc, suite->recipes, "recipes", r, NULL, &recipe));
        for (int i = 0; i < recipe.steps; i++) {
            int trains = recipe.step[i].train.epochs > 0, random = recipe.step[i].op == RECIPE_INIT;
            if (suite->noise ? trains : random)
                return json_error(&suite->doc, "", "data", "recipe '%s' %s", suite->recipe_name[r],
                                  trains ? "trains, which needs labelled data"
                                         : "starts with init: random weights go with \"data\": \"noise\"");
        }
    }
    return ST_OK;
}

static enum status read_rest(struct suite *suite)
{
    static const char *const limit_keys[] = {"train", "valid", "test", NULL};
    const struct json *doc = &suite->doc;
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(doc->root, "limits");
    const char *blas = "open", *data = "labelled", *energy = "";
    long train = 0, valid = 0, test = 0;

    if (limits) {
        TRY(json_keys(doc, limits, "limits", limit_keys));
        TRY(json_opt_int(doc, limits, "limits", "train", 0, 100000000, &train));
        TRY(json_opt_int(doc, limits, "limits", "valid", 0, 100000000, &valid));
        TRY(json_opt_int(doc, limits, "limits", "test", 0, 100000000, &test));
    }
    suite->limit_train = (uint32_t)train;
    suite->limit_valid = (uint32_t)valid;
    suite->limit_test = (uint32_t)test;
    suite->budget_s = 1.5;
    TRY(json_opt_real(doc, doc->root, "", "budget_s", 0.001, 3600, &suite->budget_s));
    TRY(json_opt_text(doc, doc->root, "", "blas", &blas));
    if (strcmp(blas, "open") != 0 && strcmp(blas, "plain") != 0)
        return json_error(doc, "", "blas", "'%.20s': expected open or plain", blas);
    suite->blas = blas[0] == 'o' ? TRAIN_BLAS_OPEN : TRAIN_BLAS_PLAIN;
    TRY(json_opt_text(doc, doc->root, "", "data", &data));
    if (strcmp(data, "labelled") != 0 && strcmp(data, "noise") != 0)
        return json_error(doc, "", "data", "'%.20s': expected labelled or noise", data);
    suite->noise = data[0] == 'n';
    TRY(json_opt_text(doc, doc->root, "", "energy", &energy));
    if (*energy)
        TRY(beside(doc, energy, suite->energy_file));
    TRY(check_data_steps(suite));
    suite->seed[0] = 1;
    suite->seeds = 1;
    if (cJSON_GetObjectItemCaseSensitive(doc->root, "seeds")) {
        int list[SUITE_LIST];
        TRY(read_ints(doc, doc->root, "", "seeds", 0, INT_MAX, list, &suite->seeds));
        for (int i = 0; i < suite->seeds; i++)
            suite->seed[i] = (uint64_t)list[i];
    }
    return ST_OK;
}

static enum status read_suite(struct suite *suite)
{
    static const char *const keys[] = {"name", "comment", "models",   "recipes", "cells",  "seeds",
                                       "blas", "limits",  "budget_s", "data",    "energy", NULL};
    const struct json *doc = &suite->doc;
    const char *name;
    struct hash hash;
    char *text;

    TRY(json_keys(doc, doc->root, "", keys));
    TRY(json_text(doc, doc->root, "", "name", &name));
    if (!*name || strlen(name) >= sizeof suite->name || strpbrk(name, " \t\n,/\"'`\\"))
        return json_error(doc, "", "name", "expected 1 to %d characters without spaces, commas, slashes or quotes",
                          GRAPH_NAME - 1);
    snprintf(suite->name, sizeof suite->name, "%s", name);
    text = cJSON_PrintUnformatted(doc->root);
    if (!text)
        return status_fail(ST_NOMEM, "%s: no memory", doc->file);
    hash_begin(&hash);
    hash_add_text(&hash, text);
    cJSON_free(text);
    TRY(read_models(suite, &hash));
    hash_end(&hash, suite->sha256);
    TRY(read_recipes(suite));
    TRY(read_axes(suite));
    return read_rest(suite);
}

enum status suite_load(const char *file, struct suite *out)
{
    enum status st;

    memset(out, 0, sizeof *out);
    TRY(json_load(file, &out->doc));
    st = read_suite(out);
    if (st != ST_OK)
        suite_free(out);
    return st;
}

void suite_free(struct suite *suite)
{
    for (int i = 0; i < suite->models; i++)
        graph_free(&suite->model[i].graph);
    if (suite->models < SUITE_MODELS)
        graph_free(&suite->model[suite->models].graph);
    json_free(&suite->doc);
    memset(suite, 0, sizeof *suite);
}

enum status suite_set_seeds(struct suite *suite, const char *text)
{
    uint64_t seed[SUITE_SEEDS];
    int n;

    TRY(list_numbers("--seeds", text, 0, UINT64_MAX, seed, SUITE_SEEDS, &n));
    memcpy(suite->seed, seed, (size_t)n * sizeof *seed);
    suite->seeds = n;
    return ST_OK;
}

/* One of the two lists of an axis: all of the values for SIMD, the smallest of them for the reference. */
static void set_axis(const struct suite_axis *axis, const int *value, int n, int *list, int *count)
{
    if (axis->simd) {
        memcpy(list, value, (size_t)n * sizeof *value);
        *count = n;
        return;
    }
    list[0] = value[0];
    for (int i = 1; i < n; i++)
        list[0] = value[i] < list[0] ? value[i] : list[0];
    *count = 1;
}

void suite_set_axes(struct suite *suite, const struct suite_axes *axes)
{
    for (int a = 0; a < suite->axes; a++) {
        struct suite_axis *axis = &suite->axis[a];
        if (axes->n_threads > 0)
            set_axis(axis, axes->threads, axes->n_threads, axis->threads, &axis->n_threads);
        if (axes->n_batches > 0)
            set_axis(axis, axes->batches, axes->n_batches, axis->batches, &axis->n_batches);
    }
}
