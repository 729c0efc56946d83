#include "merge_shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/record.h"

enum { RECORDS_MAX_BYTES = 256 << 20 };

const char *merge_shard_id(const struct merge_shard *shard, size_t position)
{
    return cJSON_GetArrayItem(shard->ids, (int)position)->valuestring;
}

/* ------------------------------------------------------------------ env.json */

static enum status read_shard_name(struct merge_shard *shard)
{
    const char *text = NULL;
    char rest;

    TRY(json_text(&shard->env, shard->run, "run", "shard", &text));
    if (sscanf(text, "%9d/%9d%c", &shard->index, &shard->count, &rest) != 2 || shard->index < 1 ||
        shard->index > shard->count || shard->count > MERGE_SHARDS)
        return json_error(&shard->env, "run", "shard", "'%.40s': expected I/N", text);
    return ST_OK;
}

static enum status read_ids(struct merge_shard *shard)
{
    const cJSON *id;

    TRY(json_array(&shard->env, shard->run, "run", "cells", &shard->ids));
    cJSON_ArrayForEach (id, shard->ids) {
        if (!cJSON_IsString(id) || !*id->valuestring)
            return json_error(&shard->env, "run", "cells", "expected texts only");
        shard->cells++;
    }
    if (shard->cells == 0 || shard->cells > MERGE_CELLS)
        return json_error(&shard->env, "run", "cells", "%zu of them, expected 1 to %d", shard->cells, MERGE_CELLS);
    return ST_OK;
}

static enum status read_own(struct merge_shard *shard)
{
    const cJSON *list = NULL, *item;
    double last = -1;
    size_t position = 0, next = 0;

    TRY(json_array(&shard->env, shard->run, "run", "shard_cells", &list));
    TRY(mem_alloc(shard->cells, sizeof *shard->own, &shard->own));
    TRY(mem_alloc(shard->cells, sizeof *shard->line, &shard->line));
    TRY(mem_alloc(shard->cells, sizeof *shard->id, &shard->id));
    cJSON_ArrayForEach (item, list) {
        double at = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(at > last && at < (double)shard->cells && at == (double)(size_t)at))
            return json_error(&shard->env, "run", "shard_cells", "expected ascending positions below %zu",
                              shard->cells);
        shard->own[shard->owned++] = (size_t)at;
        last = at;
    }
    cJSON_ArrayForEach (item, shard->ids) {
        if (next < shard->owned && shard->own[next] == position)
            shard->id[next++] = item->valuestring;
        position++;
    }
    return ST_OK;
}

static enum status read_env(struct merge_shard *shard)
{
    char path[4096];

    TRY(file_join(path, sizeof path, shard->dir, "env.json"));
    if (!file_exists(path))
        return status_fail(ST_IO, "%s: holds no run (no env.json)", shard->dir);
    TRY(json_load(path, &shard->env));
    TRY(json_object(&shard->env, shard->env.root, "", "run", &shard->run));
    if (!cJSON_HasObjectItem(shard->run, "shard"))
        return status_fail(ST_FORMAT, "%s: not a shard: env.json has no run.shard (packlight bench --shard I/N)",
                           shard->dir);
    TRY(read_shard_name(shard));
    TRY(read_ids(shard));
    return read_own(shard);
}

/* ------------------------------------------------------------------ records.jsonl */

int merge_shard_find(const struct merge_shard *shard, const char *cell, size_t *hint, size_t *out)
{
    for (size_t i = 0; i < shard->owned; i++) {
        size_t at = (*hint + i) % shard->owned;
        if (strcmp(shard->id[at], cell) == 0) {
            *out = at;
            *hint = at + 1;
            return 1;
        }
    }
    return 0;
}

static enum status keep_line(const char *at, size_t len, const struct record *record, struct merge_line *line)
{
    free(line->artifact);
    *line = (struct merge_line){.at = at, .len = len};
    if (!record->artifact || !record->artifact_sha256)
        return ST_OK;
    snprintf(line->artifact_sha256, sizeof line->artifact_sha256, "%s", record->artifact_sha256);
    return mem_strdup(record->artifact, &line->artifact);
}

static enum status read_line(struct merge_shard *shard, const char *where, const char *at, size_t len, size_t *hint)
{
    struct record record;
    enum status st = record_parse(where, at, len, &record);
    size_t own = 0;

    if (st == ST_FORMAT && records_line_is_torn(at, len)) {
        shard->torn++;
        return ST_OK;
    }
    if (st == ST_FORMAT)
        return record_parse(where, at, len, &record); /* its message again, which that check replaced */
    TRY(st);
    if (!merge_shard_find(shard, record.cell, hint, &own))
        st = status_fail(ST_FORMAT, "%s: cell %s is not one of shard %d/%d", where, record.cell, shard->index,
                         shard->count);
    else
        st = keep_line(at, len, &record, &shard->line[own]);
    record_free(&record);
    return st;
}

static enum status read_records(struct merge_shard *shard)
{
    char path[4096], where[4200];
    unsigned char *bytes = NULL;
    size_t len = 0, hint = 0, number = 0;

    TRY(file_join(path, sizeof path, shard->dir, "records.jsonl"));
    if (!file_exists(path))
        return ST_OK;
    TRY(file_read(path, RECORDS_MAX_BYTES, &bytes, &len));
    shard->text = (char *)bytes;
    for (const char *at = shard->text, *end = at + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = (size_t)((stop ? stop : end) - at);
        snprintf(where, sizeof where, "%s:%zu", path, ++number);
        if (line_len > 0)
            TRY(read_line(shard, where, at, line_len, &hint));
        at += line_len + 1;
    }
    return ST_OK;
}

enum status merge_shard_open(const char *dir, struct merge_shard *out)
{
    struct merge_shard shard = {.dir = dir};
    enum status st;

    TRY_OUT(read_env(&shard));
    TRY_OUT(read_records(&shard));
    *out = shard;
    return ST_OK;
out:
    merge_shard_free(&shard);
    return st;
}

void merge_shard_free(struct merge_shard *shard)
{
    for (size_t i = 0; i < shard->owned; i++)
        free(shard->line[i].artifact);
    mem_free(shard->line);
    mem_free(shard->own);
    mem_free(shard->id);
    free(shard->text);
    json_free(&shard->env);
    memset(shard, 0, sizeof *shard);
}

/* ------------------------------------------------------------------ are they parts of one matrix */

static const char *text_at(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static enum status check_text(const struct merge_shard *a, const struct merge_shard *b, const cJSON *in_a,
                              const cJSON *in_b, const char *key, const char *what)
{
    const char *x = text_at(in_a, key), *y = text_at(in_b, key);

    if (strcmp(x, y) == 0)
        return ST_OK;
    return status_fail(ST_BADARG, "%s and %s: not the same %s ('%.60s', '%.60s')", a->dir, b->dir, what, x, y);
}

/* The same binary; or, built on each machine, the same commit without changes by the same compiler. */
static enum status check_program(const struct merge_shard *a, const struct merge_shard *b)
{
    const cJSON *x = cJSON_GetObjectItemCaseSensitive(a->env.root, "build");
    const cJSON *y = cJSON_GetObjectItemCaseSensitive(b->env.root, "build");
    const char *program = text_at(a->run, "program_sha256");

    if (*program && strcmp(program, text_at(b->run, "program_sha256")) == 0)
        return ST_OK;
    TRY(check_text(a, b, x, y, "commit", "commit of packlight"));
    TRY(check_text(a, b, x, y, "compiler", "compiler"));
    TRY(check_text(a, b, x, y, "flags", "compiler flags"));
    TRY(check_text(a, b, x, y, "mode", "build mode"));
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(x, "dirty")) ||
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(y, "dirty")) || strcmp(text_at(x, "commit"), "unknown") == 0 ||
        !*text_at(x, "commit"))
        return status_fail(ST_BADARG, "%s and %s: not the same program, and its source is not a clean commit", a->dir,
                           b->dir);
    return ST_OK;
}

enum status merge_shard_check_same(const struct merge_shard *a, const struct merge_shard *b)
{
    static const char *const keys[][2] = {{"suite", "suite"},
                                          {"suite_sha256", "suite (suite_sha256)"},
                                          {"data", "data"},
                                          {"data_sha256", "data (data_sha256)"},
                                          {"isa", "ISA level"}};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        TRY(check_text(a, b, a->run, b->run, keys[i][0], keys[i][1]));
    if (!cJSON_Compare(cJSON_GetObjectItemCaseSensitive(a->run, "seeds"),
                       cJSON_GetObjectItemCaseSensitive(b->run, "seeds"), 1))
        return status_fail(ST_BADARG, "%s and %s: not the same seeds", a->dir, b->dir);
    if (a->count != b->count)
        return status_fail(ST_BADARG, "%s and %s: shard %d/%d and shard %d/%d are of different divisions", a->dir,
                           b->dir, a->index, a->count, b->index, b->count);
    if (!cJSON_Compare(a->ids, b->ids, 1))
        return status_fail(ST_BADARG, "%s and %s: not the same matrix of cells (another --filter?)", a->dir, b->dir);
    return check_program(a, b);
}
