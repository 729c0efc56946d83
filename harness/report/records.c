/* A run directory's records.jsonl and env.json, read. */
#include "report/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/env.h"
#include "report/text.h"

enum { RECORDS_MAX_BYTES = 256 << 20 };

int records_line_is_torn(const char *line, size_t len)
{
    static const char begin[] = "{\"schema\":\"" RECORD_SCHEMA "\"";
    struct json doc;
    size_t common = len < sizeof begin - 1 ? len : sizeof begin - 1;

    if (memcmp(line, begin, common) != 0)
        return 0;
    if (json_parse("line", line, len, &doc) == ST_OK) {
        json_free(&doc);
        return 0;
    }
    return 1;
}

static enum status append(struct records *records, size_t *room, struct record *record)
{
    if (records->n == *room) {
        size_t more = *room ? *room * 2 : 64;
        struct record *all = realloc(records->all, more * sizeof *all);
        if (!all)
            return status_fail(ST_NOMEM, "no memory for %zu records", more);
        records->all = all;
        *room = more;
    }
    records->all[records->n++] = *record;
    record_init(record);
    return ST_OK;
}

static enum status read_lines(const char *file, const char *bytes, size_t len, struct records *records)
{
    size_t room = 0;
    const char *at = bytes, *end = bytes + len;

    for (size_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = (size_t)((stop ? stop : end) - at);
        struct record record;
        char where[4200];
        enum status st;

        snprintf(where, sizeof where, "%s:%zu", file, number);
        if (line_len > 0) {
            st = record_parse(where, at, line_len, &record);
            if (st == ST_OK) {
                if (records->n >= RECORDS_MAX)
                    st = status_fail(ST_FORMAT, "%s: more than %d records", file, RECORDS_MAX);
                else
                    st = append(records, &room, &record);
                if (st != ST_OK)
                    record_free(&record);
            } else if (st == ST_FORMAT && records_line_is_torn(at, line_len)) {
                records->torn++;
                st = ST_OK;
            } else if (st == ST_FORMAT) {
                (void)record_parse(where, at, line_len, &record); /* its message again, which that check replaced */
            }
            TRY(st);
        }
        at += line_len + 1;
    }
    return ST_OK;
}

struct position {
    const char *cell;
    size_t line;
};

static int by_cell_then_line(const void *a, const void *b)
{
    const struct position *x = a, *y = b;
    int order = strcmp(x->cell, y->cell);

    return order ? order : (x->line > y->line) - (x->line < y->line);
}

/* Keeps each cell's last line in the place of its first. */
static enum status keep_latest(struct records *records)
{
    struct position *order = malloc((records->n + 1) * sizeof *order);
    unsigned char *gone = calloc(records->n + 1, 1);
    size_t kept = 0;

    if (!order || !gone) {
        free(order);
        free(gone);
        return status_fail(ST_NOMEM, "no memory for %zu records", records->n);
    }
    for (size_t i = 0; i < records->n; i++)
        order[i] = (struct position){records->all[i].cell, i};
    qsort(order, records->n, sizeof *order, by_cell_then_line);
    for (size_t first = 0, last; first < records->n; first = last + 1) {
        struct record latest;
        for (last = first; last + 1 < records->n && strcmp(order[last + 1].cell, order[first].cell) == 0;)
            last++;
        if (last == first)
            continue;
        latest = records->all[order[last].line];
        records->all[order[last].line] = records->all[order[first].line];
        records->all[order[first].line] = latest;
        for (size_t i = first + 1; i <= last; i++)
            gone[order[i].line] = 1;
        records->replaced += last - first;
    }
    for (size_t i = 0; i < records->n; i++) {
        if (gone[i])
            record_free(&records->all[i]);
        else
            records->all[kept++] = records->all[i];
    }
    records->n = kept;
    free(order);
    free(gone);
    return ST_OK;
}

enum status records_load(const char *dir, struct records *out)
{
    enum status st = ST_OK;
    struct records records;
    struct stat info;
    char path[4096];
    unsigned char *bytes = NULL;
    size_t len = 0;

    memset(&records, 0, sizeof records);
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return status_fail(ST_IO, "%s: not a folder of results (packlight bench makes one)", dir);
    TRY(file_join(path, sizeof path, dir, "records.jsonl"));
    if (!file_exists(path))
        return status_fail(ST_IO, "%s: no records.jsonl in it: not a folder of results", dir);
    TRY_OUT(mem_strdup(dir, &records.dir));
    TRY_OUT(file_read(path, RECORDS_MAX_BYTES, &bytes, &len));
    TRY_OUT(read_lines(path, (const char *)bytes, len, &records));
    if (records.n == 0)
        TRY_OUT(status_fail(ST_FORMAT, "%s: no complete record in it", path));
    TRY_OUT(keep_latest(&records));
    TRY_OUT(file_join(path, sizeof path, dir, "env.json"));
    if (file_exists(path)) {
        TRY_OUT(json_load(path, &records.env));
        if (!cJSON_IsObject(records.env.root))
            TRY_OUT(json_error(&records.env, "", "", "expected an object"));
    }
    *out = records;
    memset(&records, 0, sizeof records);
out:
    free(bytes);
    records_free(&records);
    return st;
}

void records_free(struct records *records)
{
    for (size_t i = 0; i < records->n; i++)
        record_free(&records->all[i]);
    free(records->all);
    free(records->dir);
    json_free(&records->env);
    memset(records, 0, sizeof *records);
}

const struct record *records_find(const struct records *records, const char *cell)
{
    for (size_t i = 0; cell && i < records->n; i++)
        if (strcmp(records->all[i].cell, cell) == 0)
            return &records->all[i];
    return NULL;
}

const char *records_env(const struct records *records, const char *path, const char *otherwise, char *buffer,
                        size_t size)
{
    return env_value(&records->env, path, otherwise, buffer, size);
}
