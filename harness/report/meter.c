#include "report/meter.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/text.h"

#define METER_SCHEMA "packlight.energy-import/1"

enum { METER_MAX_BYTES = 64 << 20, METER_COLUMNS = 16, METER_LINE = 4096 };

void meters_free(struct meters *meters)
{
    for (size_t i = 0; i < meters->n; i++)
        free(meters->all[i].cell);
    free(meters->all);
    memset(meters, 0, sizeof *meters);
}

const struct meter *meters_find(const struct meters *meters, const char *cell, int i)
{
    for (size_t m = 0; m < meters->n; m++)
        if (strcmp(meters->all[m].cell, cell) == 0 && i-- == 0)
            return &meters->all[m];
    return NULL;
}

double meter_uj(const struct meter *meter)
{
    return 1e6 * meter->joules / meter->inferences;
}

static struct meter *find_same(struct meters *meters, const char *cell, const char *name)
{
    for (size_t m = 0; m < meters->n; m++)
        if (strcmp(meters->all[m].cell, cell) == 0 && strcmp(meters->all[m].name, name) == 0)
            return &meters->all[m];
    return NULL;
}

static enum status add_meter(struct meters *meters, const char *where, const char *cell, const char *name,
                             double joules, double inferences)
{
    struct meter *meter, *all;

    if (meters->n == METERS_MAX)
        return status_fail(ST_FORMAT, "%s: more than %d lines", where, METERS_MAX);
    all = realloc(meters->all, (meters->n + 1) * sizeof *all);
    if (!all)
        return status_fail(ST_NOMEM, "no memory for %zu meter readings", meters->n + 1);
    meters->all = all;
    meter = &all[meters->n];
    memset(meter, 0, sizeof *meter);
    TRY(mem_strdup(cell, &meter->cell));
    snprintf(meter->name, sizeof meter->name, "%s", name);
    meter->joules = joules;
    meter->inferences = inferences;
    meters->n++;
    return ST_OK;
}

static enum status check_figures(const char *where, double joules, double inferences)
{
    if (!(joules > 0) || !isfinite(joules))
        return status_fail(ST_FORMAT, "%s: joules: expected a positive number", where);
    if (!(inferences >= 1) || inferences > 1e15 || inferences != floor(inferences))
        return status_fail(ST_FORMAT, "%s: inferences: expected a whole number, at least 1", where);
    return ST_OK;
}

static enum status check_name(const char *where, const char *name)
{
    int plain = *name != 0;

    for (const char *c = name; *c; c++)
        plain = plain && (unsigned char)*c >= ' ';
    if (!plain || strlen(name) >= METER_TEXT)
        return status_fail(ST_FORMAT, "%s: meter: expected 1 to %d characters", where, METER_TEXT - 1);
    return ST_OK;
}

/* ------------------------------------------------------------------------------------------- CSV */

/* Splits a line in place (RFC 4180 without line breaks in fields). */
static enum status split(const char *where, char *line, char *field[METER_COLUMNS], int *out_n)
{
    char *at = line;
    int n = 0;

    for (;;) {
        char *to, *start;
        int quoted;
        if (n == METER_COLUMNS)
            return status_fail(ST_FORMAT, "%s: more than %d columns", where, METER_COLUMNS);
        while (*at == ' ' || *at == '\t')
            at++;
        quoted = *at == '"';
        start = to = at + quoted;
        for (at = start; *at && (quoted || *at != ','); at++) {
            if (quoted && *at == '"' && at[1] != '"')
                break;
            at += quoted && *at == '"';
            *to++ = *at;
        }
        if (quoted && *at++ != '"')
            return status_fail(ST_FORMAT, "%s: a quote is not closed", where);
        while (!quoted && to > start && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        if (*at && *at != ',')
            return status_fail(ST_FORMAT, "%s: characters after a closing quote", where);
        field[n++] = start;
        if (!*at) {
            *to = 0;
            *out_n = n;
            return ST_OK;
        }
        at++;
        *to = 0;
    }
}

enum column { CELL, JOULES, INFERENCES, METER, COLUMNS };

static enum status read_header(const char *where, char *line, int place[COLUMNS], int *out_n)
{
    static const char *const names[COLUMNS] = {"cell", "joules", "inferences", "meter"};
    char *field[METER_COLUMNS];

    TRY(split(where, line, field, out_n));
    for (int c = 0; c < COLUMNS; c++)
        place[c] = -1;
    for (int i = 0; i < *out_n; i++) {
        int c = 0;
        while (c < COLUMNS && strcmp(field[i], names[c]) != 0)
            c++;
        if (c == COLUMNS)
            return status_fail(ST_FORMAT, "%s: column '%.40s': expected cell, joules, inferences and perhaps meter",
                               where, field[i]);
        if (place[c] >= 0)
            return status_fail(ST_FORMAT, "%s: column '%s' is there twice", where, names[c]);
        place[c] = i;
    }
    for (int c = 0; c < METER; c++)
        if (place[c] < 0)
            return status_fail(ST_FORMAT, "%s: column '%s' is missing", where, names[c]);
    return ST_OK;
}

static enum status read_number(const char *where, const char *name, const char *text, double *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(*out))
        return status_fail(ST_FORMAT, "%s: %s: '%.40s', expected a number", where, name, text);
    return ST_OK;
}

static enum status read_row(const char *where, char *line, const int place[COLUMNS], int columns, const char *file_name,
                            const struct records *records, struct meters *meters)
{
    char *field[METER_COLUMNS];
    const char *cell, *name;
    double joules = 0, inferences = 0;
    int n = 0;

    TRY(split(where, line, field, &n));
    if (n != columns)
        return status_fail(ST_FORMAT, "%s: %d columns, the header has %d", where, n, columns);
    cell = field[place[CELL]];
    name = place[METER] >= 0 ? field[place[METER]] : file_name;
    TRY(read_number(where, "joules", field[place[JOULES]], &joules));
    TRY(read_number(where, "inferences", field[place[INFERENCES]], &inferences));
    TRY(check_figures(where, joules, inferences));
    TRY(check_name(where, name));
    if (!records_find(records, cell))
        return status_fail(ST_FORMAT, "%s: cell '%.200s': the run has no such cell; names look like %s", where, cell,
                           records->n ? records->all[0].cell : "lenet5/fp32/simd/t1/b1");
    if (find_same(meters, cell, name))
        return status_fail(ST_FORMAT, "%s: cell '%s' is there twice with the meter '%s'", where, cell, name);
    return add_meter(meters, where, cell, name, joules, inferences);
}

static enum status read_csv_lines(const char *file, char *text, size_t len, const struct records *records,
                                  struct meters *meters)
{
    const char *slash = strrchr(file, '/');
    char where[PATH_MAX + 32], name[METER_TEXT];
    int place[COLUMNS], columns = 0;
    char *at = text, *end = text + len;

    snprintf(name, sizeof name, "%.63s", slash ? slash + 1 : file);
    if (strlen(text) != len)
        return status_fail(ST_FORMAT, "%s: not a text: it has a NUL byte", file);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* a byte order mark, as spreadsheets write it */
    for (size_t number = 1; at < end; number++) {
        size_t line = strcspn(at, "\n");
        char *next = at + line + (at[line] == '\n');
        snprintf(where, sizeof where, "%s:%zu", file, number);
        if (line > METER_LINE)
            return status_fail(ST_FORMAT, "%s: longer than %d bytes", where, METER_LINE);
        at[line] = 0;
        if (line > 0 && at[line - 1] == '\r')
            at[line - 1] = 0;
        if (!columns)
            TRY(read_header(where, at, place, &columns));
        else if (*at)
            TRY(read_row(where, at, place, columns, name, records, meters));
        at = next;
    }
    return meters->n > 0 ? ST_OK : status_fail(ST_FORMAT, "%s: no line with a reading", file);
}

enum status meters_read_csv(const char *file, const struct records *records, struct meters *out)
{
    struct meters meters = {NULL, 0, 0};
    unsigned char *text = NULL;
    size_t len = 0;
    enum status st;

    TRY_OUT(file_read(file, METER_MAX_BYTES, &text, &len));
    TRY_OUT(read_csv_lines(file, (char *)text, len, records, &meters));
    *out = meters;
    memset(&meters, 0, sizeof meters);
out:
    meters_free(&meters);
    free(text);
    return st;
}

/* ------------------------------------------------------------------------------------------- energy.jsonl */

enum status meters_append(const char *dir, const struct meters *meters)
{
    struct text lines = {0};
    char path[PATH_MAX], *bytes = NULL;
    size_t len;
    enum status st;

    TRY(file_join(path, sizeof path, dir, "energy.jsonl"));
    for (size_t i = 0; i < meters->n; i++) {
        const struct meter *m = &meters->all[i];
        text_add(&lines, "{\"schema\":\"" METER_SCHEMA "\",\"cell\":");
        text_add_json(&lines, m->cell);
        text_add(&lines, ",\"energy_kind\":\"imported\",\"meter\":");
        text_add_json(&lines, m->name);
        text_add(&lines, ",\"joules\":");
        text_add_number(&lines, m->joules);
        text_add(&lines, ",\"inferences\":");
        text_add_number(&lines, m->inferences);
        text_add(&lines, "}\n");
    }
    TRY(text_take(&lines, &bytes, &len));
    st = file_append_sync(path, bytes, len);
    free(bytes);
    return st;
}

static enum status read_line(const char *where, const char *line, size_t len, struct meters *meters)
{
    static const char *const keys[] = {"schema", "cell", "energy_kind", "meter", "joules", "inferences", NULL};
    const char *schema = NULL, *cell = NULL, *kind = NULL, *name = NULL;
    double joules = 0, inferences = 0;
    struct meter *same;
    struct json doc;
    enum status st;

    TRY(json_parse(where, line, len, &doc));
    TRY_OUT(json_keys(&doc, doc.root, "", keys));
    TRY_OUT(json_text(&doc, doc.root, "", "schema", &schema));
    if (strcmp(schema, METER_SCHEMA) != 0) {
        st = json_error(&doc, "", "schema", "expected \"%s\"", METER_SCHEMA);
        goto out;
    }
    TRY_OUT(json_text(&doc, doc.root, "", "cell", &cell));
    TRY_OUT(json_text(&doc, doc.root, "", "energy_kind", &kind));
    if (strcmp(kind, "imported") != 0) {
        st = json_error(&doc, "", "energy_kind", "expected \"imported\"");
        goto out;
    }
    TRY_OUT(json_text(&doc, doc.root, "", "meter", &name));
    TRY_OUT(json_real(&doc, doc.root, "", "joules", 0, 1e300, &joules));
    TRY_OUT(json_real(&doc, doc.root, "", "inferences", 1, 1e15, &inferences));
    TRY_OUT(check_figures(where, joules, inferences));
    TRY_OUT(check_name(where, name));
    same = find_same(meters, cell, name);
    if (same) {
        same->joules = joules;
        same->inferences = inferences;
    } else {
        st = add_meter(meters, where, cell, name, joules, inferences);
    }
out:
    json_free(&doc);
    return st;
}

/* A kill while appending leaves the beginning of a line: it starts as all do and is not JSON. */
static int is_torn(const char *line, size_t len)
{
    static const char begin[] = "{\"schema\":\"" METER_SCHEMA "\"";
    struct json doc;

    if (memcmp(line, begin, len < sizeof begin - 1 ? len : sizeof begin - 1) != 0)
        return 0;
    if (json_parse("line", line, len, &doc) != ST_OK)
        return 1;
    json_free(&doc);
    return 0;
}

enum status meters_load(const char *dir, struct meters *out)
{
    struct meters meters = {NULL, 0, 0};
    char path[PATH_MAX], where[PATH_MAX + 32];
    unsigned char *text = NULL;
    size_t len = 0;
    enum status st = ST_OK;

    TRY(file_join(path, sizeof path, dir, "energy.jsonl"));
    memset(out, 0, sizeof *out);
    if (!file_exists(path))
        return ST_OK;
    TRY(file_read(path, METER_MAX_BYTES, &text, &len));
    for (size_t at = 0, number = 1; at < len; number++) {
        const char *line = (const char *)text + at, *stop = memchr(line, '\n', len - at);
        size_t line_len = stop ? (size_t)(stop - line) : len - at;
        snprintf(where, sizeof where, "%s:%zu", path, number);
        at += line_len + 1;
        if (line_len == 0)
            continue;
        if (is_torn(line, line_len))
            meters.torn++;
        else
            TRY_OUT(read_line(where, line, line_len, &meters));
    }
    *out = meters;
    memset(&meters, 0, sizeof meters);
out:
    meters_free(&meters);
    free(text);
    return st;
}
