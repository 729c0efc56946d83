/* A comparison to and from its two files. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/comparison_inside.h"
#include "report/text.h"

static const double largest_count = 9007199254740992.0; /* 2^53: what JSON readers keep exactly */
enum { VERDICTS_MAX_BYTES = 256 << 20 };

/* Members of the head, in the order of the file. */
enum head_kind { HEAD_TEXT, HEAD_INT, HEAD_COUNT, HEAD_REAL, HEAD_PAIR };

struct head_field {
    enum head_kind kind;
    const char *key;
    size_t offset, size; /* in the struct that holds it */
};

#define HEAD(kind, key)                                                                                                \
    {                                                                                                                  \
        HEAD_##kind, #key, offsetof(struct comparison_head, key), sizeof(((struct comparison_head *)0)->key)           \
    }
#define SIDE(key)                                                                                                      \
    {                                                                                                                  \
        HEAD_TEXT, #key, offsetof(struct comparison_side, key), sizeof(((struct comparison_side *)0)->key)             \
    }

static const struct head_field head_fields[] = {
    HEAD(TEXT, kind),
    HEAD(TEXT, title),
    HEAD(TEXT, verdict),
    HEAD(INT, exit_code),
    HEAD(TEXT, reason),
    HEAD(COUNT, cells_expected),
    HEAD(COUNT, cells_gated),
    HEAD(COUNT, cells_conclusive),
    HEAD(COUNT, regressed),
    HEAD(COUNT, improved),
    HEAD(COUNT, no_change),
    HEAD(COUNT, inconclusive),
    HEAD(COUNT, not_comparable),
    HEAD(COUNT, incorrect),
    HEAD(REAL, gate_ratio),
    HEAD(REAL, floor_ratio),
    HEAD(REAL, mde_target),
    HEAD(REAL, alpha_run),
    HEAD(REAL, alpha_stage),
    HEAD(REAL, geomean_ratio),
    HEAD(PAIR, geomean_ci95),
    HEAD(REAL, shift_ratio),
    HEAD(COUNT, rounds_kept),
    HEAD(COUNT, rounds_dropped),
    HEAD(COUNT, rounds_tied),
    HEAD(COUNT, blocks),
    HEAD(COUNT, blocks_stolen),
    HEAD(COUNT, blocks_busy),
    HEAD(REAL, steal_median),
    HEAD(REAL, mde_median),
    HEAD(REAL, mde_p90),
    HEAD(REAL, seconds),
    HEAD(COUNT, attempt),
    HEAD(COUNT, seed),
};
static const struct head_field side_fields[] = {SIDE(name), SIDE(label), SIDE(commit), SIDE(code_id)};
enum { HEAD_FIELDS = sizeof head_fields / sizeof *head_fields, SIDE_FIELDS = sizeof side_fields / sizeof *side_fields };

void comparison_head_init(struct comparison_head *head)
{
    memset(head, 0, sizeof *head);
    for (int i = 0; i < HEAD_FIELDS; i++) {
        double *at = (double *)(void *)((char *)head + head_fields[i].offset);
        if (head_fields[i].kind == HEAD_REAL || head_fields[i].kind == HEAD_PAIR)
            at[0] = NAN;
        if (head_fields[i].kind == HEAD_PAIR)
            at[1] = NAN;
    }
}

static int64_t head_count(const struct comparison_head *head, const struct head_field *field)
{
    int64_t count;

    memcpy(&count, (const char *)head + field->offset, sizeof count);
    return count;
}

enum status comparison_check_counts(const struct comparison_head *head, const char *where)
{
    for (int i = 0; i < HEAD_FIELDS; i++) {
        int64_t count = head_fields[i].kind == HEAD_COUNT ? head_count(head, &head_fields[i]) : 0;
        if (count < 0 || count > (int64_t)largest_count)
            return status_fail(ST_BADARG, "%s: %s: %" PRId64 ", expected 0 to 2^53", where, head_fields[i].key, count);
    }
    return ST_OK;
}

/* ------------------------------------------------------------------------------------------- writing */

static void write_head_value(struct text *out, const char *object, const struct head_field *field)
{
    const char *at = object + field->offset;
    double pair[2];
    int number;

    switch (field->kind) {
    case HEAD_TEXT:
        text_add_json(out, at);
        break;
    case HEAD_INT:
        memcpy(&number, at, sizeof number);
        text_addf(out, "%d", number);
        break;
    case HEAD_COUNT:
        text_addf(out, "%" PRId64, head_count((const struct comparison_head *)(const void *)object, field));
        break;
    case HEAD_REAL:
        memcpy(pair, at, sizeof *pair);
        text_add_number(out, pair[0]);
        break;
    case HEAD_PAIR:
        memcpy(pair, at, sizeof pair);
        text_add(out, isfinite(pair[0]) && isfinite(pair[1]) ? "[" : "null");
        if (isfinite(pair[0]) && isfinite(pair[1])) {
            text_add_number(out, pair[0]);
            text_add(out, ", ");
            text_add_number(out, pair[1]);
            text_add(out, "]");
        }
        break;
    }
}

static void write_side(struct text *out, const char *key, const struct comparison_side *side, const char *indent,
                       const char *end)
{
    text_addf(out, "%s\"%s\": {", indent, key);
    for (int i = 0; i < SIDE_FIELDS; i++) {
        text_addf(out, "%s\"%s\": ", i ? ", " : "", side_fields[i].key);
        write_head_value(out, (const char *)side, &side_fields[i]);
    }
    text_addf(out, "},%s", end);
}

void comparison_write_head(const struct comparison *comparison, const char *indent, const char *end, struct text *out)
{
    text_addf(out, "{%s%s\"schema\": \"" COMPARISON_SCHEMA "\",%s", end, indent, end);
    write_side(out, "a", &comparison->head.a, indent, end);
    write_side(out, "b", &comparison->head.b, indent, end);
    for (int i = 0; i < HEAD_FIELDS; i++) {
        text_addf(out, "%s\"%s\": ", indent, head_fields[i].key);
        write_head_value(out, (const char *)&comparison->head, &head_fields[i]);
        text_addf(out, ",%s", end);
    }
    text_addf(out, "%s\"rows\": %zu%s}", indent, comparison->rows, end);
}

void comparison_write_row(const struct comparison_row *row, struct text *out)
{
    size_t n;
    const struct record_field *fields = comparison_fields(&n);

    text_add(out, "{\"schema\":\"" COMPARISON_ROW_SCHEMA "\",");
    fields_write(out, row, fields, n);
    text_add(out, "}\n");
}

static enum status save(struct text *text, const char *dir, const char *name)
{
    char path[4096], *bytes = NULL;
    size_t len;
    enum status st;

    TRY(text_take(text, &bytes, &len));
    st = file_join(path, sizeof path, dir, name);
    if (st == ST_OK)
        st = file_write_atomic(path, bytes, len);
    free(bytes);
    return st;
}

enum status comparison_save(const struct comparison *comparison, const char *dir)
{
    struct text rows = {0}, head = {0};

    TRY(comparison_check(comparison));
    for (size_t i = 0; i < comparison->rows; i++)
        comparison_write_row(&comparison->row[i], &rows);
    TRY(save(&rows, dir, "verdicts.jsonl"));
    comparison_write_head(comparison, "  ", "\n", &head); /* last: it is what makes the folder a comparison */
    text_add(&head, "\n");
    return save(&head, dir, "verdict.json");
}

/* ------------------------------------------------------------------------------------------- reading */

static enum status read_head_value(const struct json *doc, const cJSON *value, const char *path,
                                   const struct head_field *field, char *object)
{
    char *at = object + field->offset;
    double pair[2];
    int64_t count;
    int number;

    switch (field->kind) {
    case HEAD_TEXT:
        if (!cJSON_IsString(value))
            return json_error(doc, path, field->key, "expected a text");
        if (strlen(value->valuestring) >= field->size)
            return json_error(doc, path, field->key, "a text of %zu bytes, at most %zu", strlen(value->valuestring),
                              field->size - 1);
        strcpy(at, value->valuestring);
        return ST_OK;
    case HEAD_INT:
    case HEAD_COUNT:
        if (!cJSON_IsNumber(value) || value->valuedouble != floor(value->valuedouble) || value->valuedouble < 0.0 ||
            value->valuedouble > (field->kind == HEAD_INT ? 255.0 : largest_count))
            return json_error(doc, path, field->key, "expected a whole number from 0 to %s",
                              field->kind == HEAD_INT ? "255" : "2^53");
        count = (int64_t)value->valuedouble;
        number = (int)count;
        if (field->kind == HEAD_INT)
            memcpy(at, &number, sizeof number);
        else
            memcpy(at, &count, sizeof count);
        return ST_OK;
    case HEAD_REAL:
        if (cJSON_IsNull(value))
            return ST_OK;
        if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble))
            return json_error(doc, path, field->key, "expected a finite number or null");
        memcpy(at, &value->valuedouble, sizeof value->valuedouble);
        return ST_OK;
    case HEAD_PAIR:
        if (cJSON_IsNull(value))
            return ST_OK;
        if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 2 || !cJSON_IsNumber(value->child) ||
            !cJSON_IsNumber(value->child->next))
            return json_error(doc, path, field->key, "expected [lower, upper] or null");
        pair[0] = value->child->valuedouble;
        pair[1] = value->child->next->valuedouble;
        if (!isfinite(pair[0]) || !isfinite(pair[1]) || pair[0] > pair[1])
            return json_error(doc, path, field->key, "expected a lower and an upper end, both finite");
        memcpy(at, pair, sizeof pair);
        return ST_OK;
    }
    return ST_OK;
}

static enum status read_head_fields(const struct json *doc, const cJSON *object, const char *path,
                                    const struct head_field *fields, int n, void *out)
{
    for (int i = 0; i < n; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, fields[i].key);
        for (const cJSON *other = value ? value->next : NULL; other; other = other->next)
            if (strcmp(other->string, fields[i].key) == 0)
                return json_error(doc, path, fields[i].key, "given twice");
        if (value)
            TRY(read_head_value(doc, value, path, &fields[i], out));
    }
    return ST_OK;
}

static enum status read_schema(const struct json *doc, const char *expected)
{
    const char *schema = NULL;

    if (!cJSON_IsObject(doc->root))
        return json_error(doc, "", "", "expected an object");
    TRY(json_text(doc, doc->root, "", "schema", &schema));
    if (strcmp(schema, expected) != 0)
        return json_error(doc, "", "schema", "\"%.40s\", expected \"%s\"", schema, expected);
    return ST_OK;
}

/* A complaint of the checks, as one about the file. */
static enum status as_format(enum status st)
{
    char message[1024];

    if (st != ST_BADARG)
        return st;
    snprintf(message, sizeof message, "%s", status_message());
    return status_fail(ST_FORMAT, "%s", message);
}

static enum status read_head(const char *path, struct comparison_head *head, long *out_rows)
{
    static const char *const needed[] = {"kind", "verdict", "exit_code", "rows"};
    enum status st;
    struct json doc;
    const cJSON *side = NULL;

    TRY(json_load(path, &doc));
    TRY_OUT(read_schema(&doc, COMPARISON_SCHEMA));
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!cJSON_GetObjectItemCaseSensitive(doc.root, needed[i]))
            TRY_OUT(json_error(&doc, "", needed[i], "missing"));
    TRY_OUT(read_head_fields(&doc, doc.root, "", head_fields, HEAD_FIELDS, head));
    TRY_OUT(json_object(&doc, doc.root, "", "a", &side));
    TRY_OUT(read_head_fields(&doc, side, "a", side_fields, SIDE_FIELDS, &head->a));
    TRY_OUT(json_object(&doc, doc.root, "", "b", &side));
    TRY_OUT(read_head_fields(&doc, side, "b", side_fields, SIDE_FIELDS, &head->b));
    TRY_OUT(json_int(&doc, doc.root, "", "rows", 0, COMPARISON_MAX_ROWS, out_rows));
    TRY_OUT(as_format(comparison_check_head(head, path)));
out:
    json_free(&doc);
    return st;
}

static enum status read_row(const char *where, const char *line, size_t len, struct comparison *comparison)
{
    enum status st;
    struct json doc = {0};
    struct comparison_row *row;
    size_t n;
    const struct record_field *fields = comparison_fields(&n);

    if (len > RECORD_MAX_LINE)
        return status_fail(ST_FORMAT, "%s: a line of %zu bytes, at most %d", where, len, RECORD_MAX_LINE);
    TRY(json_parse(where, line, len, &doc));
    TRY_OUT(read_schema(&doc, COMPARISON_ROW_SCHEMA));
    TRY_OUT(comparison_add(comparison, &row));
    TRY_OUT(fields_read(&doc, doc.root, "", fields, n, row));
    TRY_OUT(as_format(comparison_check_row(row, where)));
out:
    json_free(&doc);
    return st;
}

static enum status read_rows(const char *path, long expected, struct comparison *comparison)
{
    enum status st = ST_OK;
    unsigned char *bytes = NULL;
    const char *at, *end;
    size_t len = 0;

    TRY(file_read(path, VERDICTS_MAX_BYTES, &bytes, &len));
    at = (const char *)bytes;
    end = at + len;
    for (size_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        char where[4200];
        snprintf(where, sizeof where, "%s:%zu", path, number);
        if (!stop)
            TRY_OUT(status_fail(ST_FORMAT, "%s: the line does not end: the file was cut off", where));
        if (comparison->rows >= (size_t)expected)
            TRY_OUT(status_fail(ST_FORMAT, "%s: a row too many: verdict.json speaks of %ld", where, expected));
        TRY_OUT(read_row(where, at, (size_t)(stop - at), comparison));
        at = stop + 1;
    }
    if (comparison->rows < (size_t)expected)
        TRY_OUT(
            status_fail(ST_FORMAT, "%s: %zu rows, but verdict.json speaks of %ld", path, comparison->rows, expected));
    TRY_OUT(as_format(comparison_check_twice(comparison, path)));
out:
    free(bytes);
    return st;
}

int comparison_is(const char *dir)
{
    char path[4096];

    return file_join(path, sizeof path, dir, "verdict.json") == ST_OK && file_exists(path);
}

enum status comparison_load(const char *dir, struct comparison *out)
{
    enum status st;
    struct comparison comparison;
    struct stat info;
    char path[4096];
    long rows = 0;

    comparison_init(&comparison);
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return status_fail(ST_IO, "%s: not a folder of a comparison (packlight compare makes one)", dir);
    if (!comparison_is(dir))
        return status_fail(ST_IO, "%s: no verdict.json in it: not a folder of a comparison", dir);
    TRY_OUT(mem_strdup(dir, &comparison.dir));
    TRY_OUT(file_join(path, sizeof path, dir, "verdict.json"));
    TRY_OUT(read_head(path, &comparison.head, &rows));
    TRY_OUT(file_join(path, sizeof path, dir, "verdicts.jsonl"));
    TRY_OUT(read_rows(path, rows, &comparison));
    TRY_OUT(file_join(path, sizeof path, dir, "env.json"));
    if (file_exists(path)) {
        TRY_OUT(json_load(path, &comparison.env));
        if (!cJSON_IsObject(comparison.env.root))
            TRY_OUT(json_error(&comparison.env, "", "", "expected an object"));
    }
    *out = comparison;
    comparison_init(&comparison);
out:
    comparison_free(&comparison);
    return st;
}
