#include "peer_suite.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/match.h"
#include "graph/graph_json.h"

enum { TYPE_F32 = 1, TYPE_INT8 = 2 };

/* What a cell's name, a file's path and a record's id can hold. */
static int is_plain_name(const char *name, size_t size)
{
    return *name && strlen(name) < size && !strpbrk(name, " \t\r\n,/\"'`\\*?[]");
}

static enum status read_types(const struct json *doc, const cJSON *object, const char *path, int *out)
{
    const cJSON *array, *item;
    int types = 0;

    TRY(json_array(doc, object, path, "types", &array));
    cJSON_ArrayForEach (item, array) {
        const char *text = cJSON_GetStringValue(item);
        int type = text && strcmp(text, "fp32") == 0 ? TYPE_F32 : text && strcmp(text, "int8") == 0 ? TYPE_INT8 : 0;
        if (!type || (types & type))
            return json_error(doc, path, "types", "expected \"fp32\" and \"int8\", each once at most");
        types |= type;
    }
    if (!types)
        return json_error(doc, path, "types", "expected at least one type");
    *out = types;
    return ST_OK;
}

static enum status add_cell(struct peer_suite *suite, struct peer_cell cell, const char *name, const char *config)
{
    if (suite->cells == PEER_CELLS)
        return json_error(&suite->doc, "", "shapes", "more than %d cells", PEER_CELLS);
    if (snprintf(cell.id, sizeof cell.id, "%s/%s", name, config) >= (int)sizeof cell.id)
        return json_error(&suite->doc, "", "shapes", "the name '%.40s' is too long", name);
    suite->cell[suite->cells] = cell;
    suite->cell[suite->cells].config = suite->cell[suite->cells].id + strlen(name) + 1;
    for (int i = 0; i < suite->cells; i++)
        if (strcmp(suite->cell[i].id, cell.id) == 0)
            return json_error(&suite->doc, "", "shapes", "'%.60s' stands twice", cell.id);
    suite->cells++;
    return ST_OK;
}

static enum status add_cells(struct peer_suite *suite, struct peer_cell cell, const char *name, int types)
{
    cell.type = PEER_F32;
    if (types & TYPE_F32)
        TRY(add_cell(suite, cell, name, "fp32"));
    cell.type = PEER_INT8;
    return types & TYPE_INT8 ? add_cell(suite, cell, name, "int8") : ST_OK;
}

static enum status add_sparse_cells(struct peer_suite *suite, struct peer_cell cell, const char *name,
                                    const cJSON *object, const char *path)
{
    const struct json *doc = &suite->doc;
    const cJSON *array, *item;
    int count = 0;

    if (!cJSON_GetObjectItemCaseSensitive(object, "sparsity"))
        return ST_OK;
    TRY(json_array(doc, object, path, "sparsity", &array));
    cJSON_ArrayForEach (item, array) {
        char config[32];
        double percent = cJSON_IsNumber(item) ? 100 * item->valuedouble : NAN;
        if (count++ == PEER_SPARSITIES || !(percent >= 1 && percent <= 99.9))
            return json_error(doc, path, "sparsity", "expected up to %d shares from 0.01 to 0.999", PEER_SPARSITIES);
        cell.sparsity = percent / 100;
        snprintf(config, sizeof config, "prune-u%.3g", percent);
        TRY(add_cell(suite, cell, name, config));
    }
    return ST_OK;
}

/* The keys that only convolutions have. */
static enum status read_window(const struct json *doc, const cJSON *item, const char *path, struct peer_shape *shape)
{
    const cJSON *size, *h, *w;
    long kernel = 1, stride = 1, pad = 0;

    TRY(json_array(doc, item, path, "size", &size));
    h = cJSON_GetArrayItem(size, 0);
    w = cJSON_GetArrayItem(size, 1);
    if (cJSON_GetArraySize(size) != 2 || !cJSON_IsNumber(h) || !cJSON_IsNumber(w) || h->valueint != h->valuedouble ||
        w->valueint != w->valuedouble || h->valueint < 1 || w->valueint < 1 || h->valueint > 8192 || w->valueint > 8192)
        return json_error(doc, path, "size", "expected [height, width], each from 1 to 8192");
    TRY(json_opt_int(doc, item, path, "kernel", 1, 64, &kernel));
    TRY(json_opt_int(doc, item, path, "stride", 1, 64, &stride));
    TRY(json_opt_int(doc, item, path, "pad", 0, 63, &pad));
    shape->h = h->valueint;
    shape->w = w->valueint;
    shape->kernel = (int)kernel;
    shape->stride = (int)stride;
    shape->pad = (int)pad;
    return ST_OK;
}

static enum status read_op(const struct json *doc, const cJSON *item, const char *path, struct peer_shape *shape)
{
    static const char *const conv[] = {"name",   "op",  "c",     "size",     "n", "kernel",
                                       "stride", "pad", "types", "sparsity", NULL};
    static const char *const depthwise[] = {"name", "op", "c", "size", "kernel", "stride", "pad", "types", NULL};
    static const char *const fc[] = {"name", "op", "c", "n", "batch", "types", "sparsity", NULL};
    static const char *const *const keys[] = {conv, depthwise, fc};
    static const char *const names[] = {"conv", "depthwise", "fc", NULL};
    const char *op;
    long c, n, batch = 1;
    int i = 0;

    TRY(json_text(doc, item, path, "op", &op));
    while (names[i] && strcmp(names[i], op) != 0)
        i++;
    if (!names[i])
        return json_error(doc, path, "op", "'%.20s': expected conv, depthwise or fc", op);
    TRY(json_keys(doc, item, path, keys[i]));
    TRY(json_int(doc, item, path, "c", 1, 8192, &c));
    n = c;
    if (i != PEER_DEPTHWISE)
        TRY(json_int(doc, item, path, "n", 1, 8192, &n));
    *shape = (struct peer_shape){
        .op = (enum peer_op)i, .batch = 1, .c = (int)c, .n = (int)n, .h = 1, .w = 1, .kernel = 1, .stride = 1};
    if (i != PEER_FC)
        return read_window(doc, item, path, shape);
    TRY(json_opt_int(doc, item, path, "batch", 1, 8192, &batch));
    shape->batch = (int)batch;
    return ST_OK;
}

static enum status read_shapes(struct peer_suite *suite)
{
    const struct json *doc = &suite->doc;
    const cJSON *array, *item;

    if (!cJSON_GetObjectItemCaseSensitive(doc->root, "shapes"))
        return ST_OK;
    TRY(json_array(doc, doc->root, "", "shapes", &array));
    cJSON_ArrayForEach (item, array) {
        struct peer_cell cell = {.shape = suite->shapes, .model = -1};
        struct peer_shape *shape = &suite->shape[suite->shapes];
        const char *name;
        char path[32];
        int types, oh, ow;
        if (suite->shapes == PEER_SHAPES)
            return json_error(doc, "", "shapes", "more than %d entries", PEER_SHAPES);
        snprintf(path, sizeof path, "shapes[%d]", suite->shapes);
        if (!cJSON_IsObject(item))
            return json_error(doc, "", path, "expected an object");
        TRY(read_op(doc, item, path, shape));
        TRY(json_text(doc, item, path, "name", &name));
        if (!is_plain_name(name, sizeof shape->name))
            return json_error(doc, path, "name", "expected 1 to %zu characters without spaces, slashes or quotes",
                              sizeof shape->name - 1);
        snprintf(shape->name, sizeof shape->name, "%s", name);
        if (peer_shape_check(shape, &oh, &ow) != ST_OK) {
            char why[256];
            snprintf(why, sizeof why, "%.200s", status_message());
            return json_error(doc, "", path, "%s", why);
        }
        TRY(read_types(doc, item, path, &types));
        suite->shapes++;
        TRY(add_cells(suite, cell, name, types));
        TRY(add_sparse_cells(suite, cell, name, item, path));
    }
    return ST_OK;
}

static enum status read_model(struct peer_suite *suite, const cJSON *item, const char *folder, struct hash *hash)
{
    static const char *const keys[] = {"file", "batch", "types", NULL};
    const struct json *doc = &suite->doc;
    struct peer_cell cell = {.shape = -1, .model = suite->models};
    struct graph *graph = &suite->model[suite->models].graph;
    char path[32], file[PATH_MAX], name[GRAPH_NAME + 16], sha256[HASH_HEX];
    const char *given;
    unsigned char *text;
    long batch = 1;
    size_t len;
    int types;

    snprintf(path, sizeof path, "models[%d]", suite->models);
    TRY(json_keys(doc, item, path, keys));
    TRY(json_text(doc, item, path, "file", &given));
    TRY(json_opt_int(doc, item, path, "batch", 1, 4096, &batch));
    TRY(read_types(doc, item, path, &types));
    if (given[0] == '/')
        snprintf(file, sizeof file, "%s", given);
    else
        TRY(file_join(file, sizeof file, folder, given));
    TRY(file_read(file, 1 << 24, &text, &len));
    hash_bytes(text, len, sha256);
    free(text);
    hash_add_text(hash, sha256);
    TRY(graph_from_json(file, graph));
    suite->model[suite->models].batch = (int)batch;
    suite->models++;
    graph_init_weights(graph, suite->seed);
    if (batch == 1)
        snprintf(name, sizeof name, "%s", graph->name);
    else
        snprintf(name, sizeof name, "%s-b%ld", graph->name, batch);
    return add_cells(suite, cell, name, types);
}

static enum status read_models(struct peer_suite *suite, struct hash *hash)
{
    const struct json *doc = &suite->doc;
    const cJSON *array, *item;
    char folder[PATH_MAX];
    char *slash;

    if (!cJSON_GetObjectItemCaseSensitive(doc->root, "models"))
        return ST_OK;
    if (snprintf(folder, sizeof folder, "%s", doc->file) >= (int)sizeof folder)
        return status_fail(ST_BADARG, "%s: path too long", doc->file);
    slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    else
        snprintf(folder, sizeof folder, ".");
    TRY(json_array(doc, doc->root, "", "models", &array));
    cJSON_ArrayForEach (item, array) {
        if (suite->models == PEER_MODELS)
            return json_error(doc, "", "models", "more than %d entries", PEER_MODELS);
        TRY(read_model(suite, item, folder, hash));
    }
    return ST_OK;
}

static enum status read_peers(struct peer_suite *suite)
{
    const struct json *doc = &suite->doc;
    const cJSON *array, *item;

    TRY(json_array(doc, doc->root, "", "peers", &array));
    for (int i = 0; i < PEER_LIBRARIES; i++)
        suite->wanted[i] = peer_libraries[i].own;
    cJSON_ArrayForEach (item, array) {
        const char *name = cJSON_GetStringValue(item);
        int i = 0;
        while (i < PEER_LIBRARIES && !(name && !peer_libraries[i].own && strcmp(peer_libraries[i].name, name) == 0))
            i++;
        if (i == PEER_LIBRARIES || suite->wanted[i])
            return json_error(doc, "", "peers", "expected onednn, xnnpack and openblas, each once at most");
        suite->wanted[i] = 1;
    }
    return ST_OK;
}

static enum status read_expect(struct peer_suite *suite)
{
    static const char *const keys[] = {"names", "config", "against", "floor", "target", NULL};
    const struct json *doc = &suite->doc;
    const cJSON *item;
    int index = 0;

    if (!cJSON_GetObjectItemCaseSensitive(doc->root, "expect"))
        return ST_OK;
    TRY(json_array(doc, doc->root, "", "expect", &suite->expect));
    cJSON_ArrayForEach (item, suite->expect) {
        const char *names, *config, *against;
        double floor, target;
        char path[32];
        snprintf(path, sizeof path, "expect[%d]", index++);
        TRY(json_keys(doc, item, path, keys));
        TRY(json_text(doc, item, path, "names", &names));
        TRY(json_text(doc, item, path, "config", &config));
        TRY(json_text(doc, item, path, "against", &against));
        if (strcmp(against, "best") != 0 && strcmp(against, "exact") != 0 && strcmp(against, "dense") != 0)
            return json_error(doc, path, "against", "'%.20s': expected best, exact or dense", against);
        TRY(json_real(doc, item, path, "floor", 0.001, 1000, &floor));
        TRY(json_real(doc, item, path, "target", floor, 1000, &target));
    }
    return ST_OK;
}

static enum status read_suite(struct peer_suite *suite)
{
    static const char *const keys[] = {"name",   "comment", "peers",  "seed", "budget_s",
                                       "shapes", "models",  "expect", NULL};
    const struct json *doc = &suite->doc;
    const char *name;
    struct hash hash;
    long seed = 1;
    char *text;

    TRY(json_keys(doc, doc->root, "", keys));
    TRY(json_text(doc, doc->root, "", "name", &name));
    if (!is_plain_name(name, sizeof suite->name))
        return json_error(doc, "", "name", "expected 1 to %d characters without spaces, slashes or quotes",
                          GRAPH_NAME - 1);
    snprintf(suite->name, sizeof suite->name, "%s", name);
    TRY(json_opt_int(doc, doc->root, "", "seed", 0, INT_MAX, &seed));
    suite->seed = (uint64_t)seed;
    suite->budget_s = 0.5;
    TRY(json_opt_real(doc, doc->root, "", "budget_s", 0.001, 3600, &suite->budget_s));
    TRY(read_peers(suite));
    TRY(read_shapes(suite));
    text = cJSON_PrintUnformatted(doc->root);
    if (!text)
        return status_fail(ST_NOMEM, "%s: no memory", doc->file);
    hash_begin(&hash);
    hash_add_text(&hash, text);
    cJSON_free(text);
    TRY(read_models(suite, &hash));
    hash_end(&hash, suite->sha256);
    TRY(read_expect(suite));
    return suite->cells > 0 ? ST_OK : json_error(doc, "", "shapes", "expected at least one shape or model");
}

static enum status finish(struct peer_suite *suite)
{
    enum status st = read_suite(suite);
    if (st != ST_OK)
        peer_suite_free(suite);
    return st;
}

enum status peer_suite_load(const char *file, struct peer_suite *out)
{
    memset(out, 0, sizeof *out);
    TRY(json_load(file, &out->doc));
    return finish(out);
}

enum status peer_suite_parse(const char *name, const char *text, size_t len, struct peer_suite *out)
{
    memset(out, 0, sizeof *out);
    TRY(json_parse(name, text, len, &out->doc));
    return finish(out);
}

void peer_suite_free(struct peer_suite *suite)
{
    for (int i = 0; i < suite->models; i++)
        graph_free(&suite->model[i].graph);
    if (suite->models < PEER_MODELS)
        graph_free(&suite->model[suite->models].graph);
    json_free(&suite->doc);
    memset(suite, 0, sizeof *suite);
}

enum status peer_suite_filter(struct peer_suite *suite, const char *filter)
{
    int kept = 0;

    for (int i = 0; i < suite->cells; i++) {
        struct peer_cell *cell = &suite->cell[i];
        if (!match_any(filter, cell->id))
            continue;
        suite->cell[kept] = *cell;
        suite->cell[kept].config = strchr(suite->cell[kept].id, '/') + 1;
        kept++;
    }
    if (kept == 0)
        return status_fail(ST_BADARG, "--filter %s: no cell is left; names look like %s", filter, suite->cell[0].id);
    suite->cells = kept;
    return ST_OK;
}
