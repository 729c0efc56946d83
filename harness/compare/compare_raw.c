#include "compare/compare_raw.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { RAW_MAX_BYTES = 1 << 30 };
static const char raw_name[] = "pairs.jsonl";

static enum status keep(struct compare_raw *raw, const struct duet_label *label, struct duet_result *result)
{
    if (raw->n == raw->room) {
        size_t room = raw->room ? 2 * raw->room : 64;
        struct compare_raw_entry *entry = realloc(raw->entry, room * sizeof *entry);
        if (!entry) {
            duet_result_free(result);
            return status_fail(ST_NOMEM, "no memory for %zu measured units", room);
        }
        raw->entry = entry;
        raw->room = room;
    }
    raw->entry[raw->n++] = (struct compare_raw_entry){*label, *result};
    return ST_OK;
}

static enum status read_lines(const char *path, const char *bytes, size_t len, struct compare_raw *raw)
{
    const char *at = bytes, *end = bytes + len;

    for (size_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line = (size_t)((stop ? stop : end) - at);
        struct duet_label label;
        struct duet_result result;
        char where[PATH_MAX + 16];
        enum status st;

        snprintf(where, sizeof where, "%s:%zu", path, number);
        if (line > 0) {
            st = duet_raw_parse(where, at, line, &label, &result);
            /* Only a kill leaves a line that does not close its object. */
            if (st == ST_FORMAT && at[line - 1] != '}')
                raw->torn++;
            else if (st != ST_OK)
                return st;
            else
                TRY(keep(raw, &label, &result));
        }
        at += line + 1;
    }
    return ST_OK;
}

enum status compare_raw_load(const char *dir, struct compare_raw *out)
{
    struct compare_raw raw;
    unsigned char *bytes;
    char path[PATH_MAX];
    size_t len;
    enum status st;

    memset(&raw, 0, sizeof raw);
    TRY(file_join(path, sizeof path, dir, raw_name));
    if (!file_exists(path)) {
        *out = raw;
        return ST_OK;
    }
    TRY(file_read(path, RAW_MAX_BYTES, &bytes, &len));
    st = read_lines(path, (const char *)bytes, len, &raw);
    free(bytes);
    if (st == ST_OK)
        *out = raw;
    else
        compare_raw_free(&raw);
    return st;
}

enum status compare_raw_append(const char *dir, const struct duet_label *label, struct duet_result *result,
                               struct compare_raw *raw)
{
    enum status st;
    char path[PATH_MAX], *line = NULL;
    size_t len;

    TRY_OUT(file_join(path, sizeof path, dir, raw_name));
    TRY_OUT(duet_raw_write(result, label, &line, &len));
    TRY_OUT(file_append_sync(path, line, len));
out:
    free(line);
    if (st != ST_OK) {
        duet_result_free(result);
        return st;
    }
    return keep(raw, label, result);
}

void compare_raw_free(struct compare_raw *raw)
{
    for (size_t i = 0; i < raw->n; i++)
        duet_result_free(&raw->entry[i].result);
    free(raw->entry);
    memset(raw, 0, sizeof *raw);
}

int compare_raw_is(const struct compare_raw_entry *entry, const char *cell, const char *role, int stage)
{
    return entry->label.stage == stage && strcmp(entry->label.role, role) == 0 && strcmp(entry->label.cell, cell) == 0;
}

int compare_raw_pairs(const struct compare_raw *raw, const char *cell, const char *role, int stage)
{
    int pairs = 0;

    for (size_t i = 0; i < raw->n; i++)
        if (compare_raw_is(&raw->entry[i], cell, role, stage))
            pairs += raw->entry[i].result.pairs;
    return pairs;
}

const struct compare_raw_entry *compare_raw_find(const struct compare_raw *raw, const char *cell, const char *role,
                                                 int stage)
{
    for (size_t i = 0; i < raw->n; i++)
        if (compare_raw_is(&raw->entry[i], cell, role, stage))
            return &raw->entry[i];
    return NULL;
}

int compare_raw_d(const struct compare_raw *raw, const char *cell, const char *role, int stage, double *d, int room)
{
    int n = 0;

    for (size_t i = 0; i < raw->n; i++) {
        const struct duet_result *result = &raw->entry[i].result;
        if (!compare_raw_is(&raw->entry[i], cell, role, stage))
            continue;
        for (int p = 0; p < result->pairs && n < room; p++)
            d[n++] = result->pair[p].d;
    }
    return n;
}
