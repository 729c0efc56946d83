#include "compare/compare_cells.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/match.h"
#include "io/plk.h"
#include "kernels/kernels.h"
#include "report/record.h"

static enum status add_cell(struct compare_cells *cells, struct compare_cell **out)
{
    struct compare_cell *cell = realloc(cells->cell, (cells->n + 1) * sizeof *cell);

    if (!cell)
        return status_fail(ST_NOMEM, "no memory for %zu cells", cells->n + 1);
    cells->cell = cell;
    cell += cells->n++;
    memset(cell, 0, sizeof *cell);
    cell->hint_ns = cell->a.accuracy = cell->b.accuracy = cell->a.energy_nj = cell->b.energy_nj = NAN;
    cell->a.bytes = cell->b.bytes = cell->a.ram_bytes = cell->b.ram_bytes = RECORD_NONE;
    *out = cell;
    return ST_OK;
}

/* The file that a record speaks of, proven by its hash. */
static enum status open_file(const char *dir, const struct record *record, struct compare_file *out)
{
    char joined[PATH_MAX];
    unsigned char *bytes;
    size_t len;

    if (!record->artifact || !record->artifact_sha256)
        return status_fail(ST_FORMAT, "%s: %s has no packed file", dir, record->cell);
    TRY(file_join(joined, sizeof joined, dir, record->artifact));
    if (!realpath(joined, out->path))
        return status_fail(ST_IO, "%s: %s", joined, strerror(errno));
    TRY(file_read(out->path, 0, &bytes, &len));
    hash_bytes(bytes, len, out->sha256);
    free(bytes);
    if (strcmp(out->sha256, record->artifact_sha256) != 0)
        return status_fail(ST_FORMAT, "%s: sha256 %.12s..., the record of %s says %.12s...", joined, out->sha256,
                           record->cell, record->artifact_sha256);
    out->accuracy = record->accuracy_top1;
    out->bytes = record->size_file_bytes;
    out->ram_bytes = record->ram_peak_bytes;
    out->energy_nj = record->energy_proxy_nj;
    return ST_OK;
}

static int picked(const struct compare_pick *pick, const struct record *record)
{
    uint32_t mask = 0;

    if (strcmp(record->status, "ok") != 0 || !match_any(pick->kernels ? pick->kernels : "simd", record->kernel))
        return 0;
    if (pick->isa && record->isa && kn_isa_parse(record->isa, &mask) == 0 && (mask & ~pick->isa))
        return 0;
    return 1;
}

/* The same cell with another recipe; NULL when the run has none. */
static const struct record *partner(const struct records *records, const struct record *record, const char *recipe)
{
    for (size_t i = 0; i < records->n; i++) {
        const struct record *other = &records->all[i];
        if (strcmp(other->config, recipe) == 0 && strcmp(other->model, record->model) == 0 &&
            strcmp(other->kernel, record->kernel) == 0 && other->threads == record->threads &&
            other->batch == record->batch && other->seed == record->seed && strcmp(other->status, "ok") == 0 &&
            strcmp(other->isa ? other->isa : "", record->isa ? record->isa : "") == 0)
            return other;
    }
    return NULL;
}

static enum status add_record(struct compare_cells *cells, const char *dir, const struct record *a,
                              const struct record *b)
{
    struct compare_cell *cell;

    TRY(add_cell(cells, &cell));
    snprintf(cell->model, sizeof cell->model, "%s", a->model);
    snprintf(cell->kernel, sizeof cell->kernel, "%s", a->kernel);
    snprintf(cell->isa, sizeof cell->isa, "%s", a->isa ? a->isa : "native");
    cell->threads = a->threads == RECORD_NONE ? 1 : (int)a->threads;
    cell->batch = a->batch == RECORD_NONE ? 1 : (int)a->batch;
    cell->hint_ns = a->latency_ns_median * cell->batch;
    snprintf(cell->filter, sizeof cell->filter, "%s", a->cell);
    TRY(open_file(dir, a, &cell->a));
    TRY(open_file(dir, b, &cell->b));
    if (a == b) {
        snprintf(cell->config, sizeof cell->config, "%s", a->config);
        snprintf(cell->cell, sizeof cell->cell, "%s", a->cell);
        return ST_OK;
    }
    snprintf(cell->config, sizeof cell->config, "%.60s:%.60s", a->config, b->config);
    snprintf(cell->cell, sizeof cell->cell, "%s/%s/%s/t%d/b%d", cell->model, cell->config, cell->kernel, cell->threads,
             cell->batch);
    return ST_OK;
}

enum status compare_cells_from_run(const char *dir, const struct compare_pick *pick, struct compare_cells *out)
{
    enum status st;
    struct records records;
    struct compare_cells cells;
    size_t matched = 0;

    memset(&cells, 0, sizeof cells);
    TRY(records_load(dir, &records));
    for (size_t i = 0; i < records.n; i++) {
        const struct record *a = &records.all[i], *b = a;
        if (!match_any(pick->filter, a->cell) || !picked(pick, a))
            continue;
        matched++;
        if (pick->recipe_a && strcmp(a->config, pick->recipe_a) != 0)
            continue;
        if (pick->recipe_b)
            b = partner(&records, a, pick->recipe_b);
        if (b)
            TRY_OUT(add_record(&cells, dir, a, b));
    }
    if (cells.n == 0 && pick->recipe_a) {
        st = status_fail(ST_BADARG, "%s: no model has both recipes '%s' and '%s' among %zu cells", dir, pick->recipe_a,
                         pick->recipe_b, matched);
        goto out;
    }
    if (cells.n == 0) {
        st =
            status_fail(ST_BADARG, "%s: no cell with kernel %s and status ok matches '%s'; names look like %s", dir,
                        pick->kernels ? pick->kernels : "simd", pick->filter ? pick->filter : "*", records.all[0].cell);
        goto out;
    }
    *out = cells;
    memset(&cells, 0, sizeof cells);
out:
    compare_cells_free(&cells);
    records_free(&records);
    return st;
}

/* ------------------------------------------------------------------ two files */

static enum status read_model(const char *path, struct compare_file *out, struct graph *graph)
{
    struct plk_info info;

    if (!realpath(path, out->path))
        return status_fail(ST_IO, "%s: %s", path, strerror(errno));
    TRY(plk_read(path, graph, &info));
    snprintf(out->sha256, sizeof out->sha256, "%s", info.sha256);
    out->bytes = (int64_t)info.file_bytes;
    plk_info_free(&info);
    return ST_OK;
}

static const char *base_name(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t len;

    snprintf(out, size, "%.100s", slash ? slash + 1 : path);
    len = strlen(out);
    if (len > 4 && strcmp(out + len - 4, ".plk") == 0)
        out[len - 4] = 0;
    return out;
}

enum status compare_cells_from_files(const char *file_a, const char *file_b, const char *isa, const int *threads,
                                     int n_threads, const int *batches, int n_batches, struct compare_cells *out)
{
    enum status st;
    struct compare_file a, b;
    struct graph graph_a = {0}, graph_b = {0};
    struct compare_cells cells;
    char name[2][104];
    size_t in_a, in_b;

    memset(&cells, 0, sizeof cells);
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    a.accuracy = b.accuracy = a.energy_nj = b.energy_nj = NAN;
    a.ram_bytes = b.ram_bytes = RECORD_NONE;
    TRY_OUT(read_model(file_a, &a, &graph_a));
    TRY_OUT(read_model(file_b, &b, &graph_b));
    in_a = value_count(&graph_a.value[graph_input(&graph_a)]);
    in_b = value_count(&graph_b.value[graph_input(&graph_b)]);
    if (in_a != in_b) {
        st = status_fail(ST_BADARG, "%s takes %zu values and %s takes %zu: they do not do the same work", file_a, in_a,
                         file_b, in_b);
        goto out;
    }
    base_name(file_a, name[0], sizeof name[0]);
    base_name(file_b, name[1], sizeof name[1]);
    for (int t = 0; t < n_threads; t++)
        for (int i = 0; i < n_batches; i++) {
            struct compare_cell *cell;
            TRY_OUT(add_cell(&cells, &cell));
            snprintf(cell->model, sizeof cell->model, "%.60s", graph_a.name);
            snprintf(cell->config, sizeof cell->config, "%.60s:%.60s", name[0], name[1]);
            snprintf(cell->isa, sizeof cell->isa, "%s", isa);
            snprintf(cell->kernel, sizeof cell->kernel, strcmp(isa, "ref") == 0 ? "ref" : "simd");
            cell->threads = threads[t];
            cell->batch = batches[i];
            cell->a = a;
            cell->b = b;
            snprintf(cell->cell, sizeof cell->cell, "%s/%s/%s/t%d/b%d", cell->model, cell->config, cell->kernel,
                     cell->threads, cell->batch);
        }
    *out = cells;
    memset(&cells, 0, sizeof cells);
out:
    compare_cells_free(&cells);
    graph_free(&graph_a);
    graph_free(&graph_b);
    return st;
}

void compare_cells_free(struct compare_cells *cells)
{
    free(cells->cell);
    memset(cells, 0, sizeof *cells);
}

/* ------------------------------------------------------------------ in env.json */

static int add_number(cJSON *object, const char *key, double value)
{
    return (isfinite(value) ? cJSON_AddNumberToObject(object, key, value) : cJSON_AddNullToObject(object, key)) != NULL;
}

static int add_file(cJSON *object, const char *key, const struct compare_file *file)
{
    cJSON *side = cJSON_AddObjectToObject(object, key);

    return side && cJSON_AddStringToObject(side, "path", file->path) &&
           cJSON_AddStringToObject(side, "sha256", file->sha256) && add_number(side, "accuracy", file->accuracy) &&
           add_number(side, "bytes", file->bytes == RECORD_NONE ? NAN : (double)file->bytes) &&
           add_number(side, "ram_bytes", file->ram_bytes == RECORD_NONE ? NAN : (double)file->ram_bytes) &&
           add_number(side, "energy_nj", file->energy_nj);
}

static cJSON *cell_json(const struct compare_cell *cell)
{
    cJSON *object = cJSON_CreateObject();

    if (object && cJSON_AddStringToObject(object, "cell", cell->cell) &&
        cJSON_AddStringToObject(object, "filter", cell->filter) &&
        cJSON_AddStringToObject(object, "model", cell->model) &&
        cJSON_AddStringToObject(object, "config", cell->config) &&
        cJSON_AddStringToObject(object, "kernel", cell->kernel) && cJSON_AddStringToObject(object, "isa", cell->isa) &&
        cJSON_AddNumberToObject(object, "threads", cell->threads) &&
        cJSON_AddNumberToObject(object, "batch", cell->batch) && add_number(object, "hint_ns", cell->hint_ns) &&
        add_file(object, "a", &cell->a) && add_file(object, "b", &cell->b))
        return object;
    cJSON_Delete(object);
    return NULL;
}

enum status compare_cells_json(const struct compare_cells *cells, cJSON **out)
{
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; array && i < cells->n; i++) {
        cJSON *cell = cell_json(&cells->cell[i]);
        if (!cell || !cJSON_AddItemToArray(array, cell)) {
            cJSON_Delete(cell);
            cJSON_Delete(array);
            array = NULL;
        }
    }
    if (!array)
        return status_fail(ST_NOMEM, "no memory for the list of cells");
    *out = array;
    return ST_OK;
}

static enum status get_text(const struct json *doc, const cJSON *object, const char *path, const char *key, char *out,
                            size_t size)
{
    const char *text;

    TRY(json_text(doc, object, path, key, &text));
    if (strlen(text) >= size)
        return json_error(doc, path, key, "longer than %zu characters", size - 1);
    snprintf(out, size, "%s", text);
    return ST_OK;
}

static double get_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static int64_t get_count(const cJSON *object, const char *key)
{
    double value = get_number(object, key);

    return value >= 0 && value < 9e15 ? (int64_t)value : RECORD_NONE;
}

static enum status parse_file(const struct json *doc, const cJSON *cell, const char *path, const char *key,
                              struct compare_file *out)
{
    const cJSON *side;

    TRY(json_object(doc, cell, path, key, &side));
    TRY(get_text(doc, side, path, "path", out->path, sizeof out->path));
    TRY(get_text(doc, side, path, "sha256", out->sha256, sizeof out->sha256));
    out->accuracy = get_number(side, "accuracy");
    out->energy_nj = get_number(side, "energy_nj");
    out->bytes = get_count(side, "bytes");
    out->ram_bytes = get_count(side, "ram_bytes");
    return ST_OK;
}

static enum status parse_cell(const struct json *doc, const cJSON *item, const char *path, struct compare_cell *cell)
{
    long threads, batch;

    TRY(get_text(doc, item, path, "cell", cell->cell, sizeof cell->cell));
    TRY(get_text(doc, item, path, "filter", cell->filter, sizeof cell->filter));
    TRY(get_text(doc, item, path, "model", cell->model, sizeof cell->model));
    TRY(get_text(doc, item, path, "config", cell->config, sizeof cell->config));
    TRY(get_text(doc, item, path, "kernel", cell->kernel, sizeof cell->kernel));
    TRY(get_text(doc, item, path, "isa", cell->isa, sizeof cell->isa));
    TRY(json_int(doc, item, path, "threads", 1, 1024, &threads));
    TRY(json_int(doc, item, path, "batch", 1, 1 << 20, &batch));
    cell->threads = (int)threads;
    cell->batch = (int)batch;
    cell->hint_ns = get_number(item, "hint_ns");
    TRY(parse_file(doc, item, path, "a", &cell->a));
    return parse_file(doc, item, path, "b", &cell->b);
}

enum status compare_cells_parse(const struct json *doc, const cJSON *object, const char *path,
                                struct compare_cells *out)
{
    enum status st = ST_OK;
    struct compare_cells cells;
    const cJSON *array, *item;
    char place[64];

    memset(&cells, 0, sizeof cells);
    TRY(json_array(doc, object, path, "cells", &array));
    cJSON_ArrayForEach (item, array) {
        struct compare_cell *cell;
        snprintf(place, sizeof place, "%.30s.cells[%zu]", path, cells.n);
        TRY_OUT(add_cell(&cells, &cell));
        TRY_OUT(parse_cell(doc, item, place, cell));
    }
    if (cells.n == 0) {
        st = json_error(doc, path, "cells", "expected at least one");
        goto out;
    }
    *out = cells;
    memset(&cells, 0, sizeof cells);
out:
    compare_cells_free(&cells);
    return st;
}
