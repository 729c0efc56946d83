/* Records to and from a line of JSON, by the field tables alone. */
#include "report/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/text.h"

/* The arrays of a record: their key, where they are, what their entries hold. */
struct array {
    const char *key;
    size_t pointer, count, size; /* offsets in struct record; bytes of an entry */
    const struct record_field *(*fields)(size_t *out_n);
    enum status (*alloc)(struct record *record, size_t n);
};

static const struct array arrays[] = {
    {"energy_breakdown", offsetof(struct record, energy), offsetof(struct record, energy_n),
     sizeof(struct record_energy), record_energy_fields, record_energy_alloc},
    {"accuracy_ledger", offsetof(struct record, ledger), offsetof(struct record, ledger_n),
     sizeof(struct record_ledger), record_ledger_fields, record_ledger_alloc},
    {"kernels", offsetof(struct record, kernels), offsetof(struct record, kernels_n), sizeof(struct record_layer),
     record_layer_fields, record_layers_alloc},
    {"tensors", offsetof(struct record, tensors), offsetof(struct record, tensors_n), sizeof(struct record_tensor),
     record_tensor_fields, record_tensors_alloc},
};
enum { ARRAYS = sizeof arrays / sizeof *arrays };

static const char *const needed[] = {"cell", "model", "config", "kernel", "status", NULL};

static char *array_items(const struct record *record, const struct array *array)
{
    char *items;

    memcpy(&items, (const char *)record + array->pointer, sizeof items);
    return items;
}

static size_t array_count(const struct record *record, const struct array *array)
{
    size_t n;

    memcpy(&n, (const char *)record + array->count, sizeof n);
    return n;
}

/* ------------------------------------------------------------------------------------------- writing */

static void write_value(struct text *out, const char *item, const struct record_field *field)
{
    const void *at = item + field->offset;

    switch (field->kind) {
    case RECORD_TEXT:
        text_add_json(out, *(char *const *)at);
        break;
    case RECORD_COUNT:
        if (*(const int64_t *)at == RECORD_NONE)
            text_add(out, "null");
        else
            text_addf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case RECORD_REAL:
        text_add_number(out, *(const double *)at);
        break;
    case RECORD_PAIR: {
        const double *pair = at;
        if (!isfinite(pair[0]) || !isfinite(pair[1])) {
            text_add(out, "null");
            break;
        }
        text_add(out, "[");
        text_add_number(out, pair[0]);
        text_add(out, ",");
        text_add_number(out, pair[1]);
        text_add(out, "]");
        break;
    }
    }
}

static void write_members(struct text *out, const char *item, const struct record_field *fields, size_t n, int first)
{
    for (size_t i = 0; i < n; i++) {
        text_addf(out, "%s\"%s\":", first && i == 0 ? "" : ",", fields[i].key);
        write_value(out, item, &fields[i]);
    }
}

enum status record_write(const struct record *record, char **out_line, size_t *out_len)
{
    struct text out = {0};
    size_t n;
    const struct record_field *fields = record_fields(&n);

    for (int i = 0; needed[i]; i++)
        if (!*(char *const *)((const char *)record + record_field_find(needed[i])->offset))
            return status_fail(ST_BADARG, "record: %s is missing", needed[i]);
    text_add(&out, "{\"schema\":\"" RECORD_SCHEMA "\"");
    write_members(&out, (const char *)record, fields, n, 0);
    for (int a = 0; a < ARRAYS; a++) {
        const char *items = array_items(record, &arrays[a]);
        size_t count = array_count(record, &arrays[a]), fields_n;
        const struct record_field *of_item = arrays[a].fields(&fields_n);
        text_addf(&out, ",\"%s\":[", arrays[a].key);
        for (size_t i = 0; i < count; i++) {
            text_add(&out, i ? ",{" : "{");
            write_members(&out, items + i * arrays[a].size, of_item, fields_n, 1);
            text_add(&out, "}");
        }
        text_add(&out, "]");
    }
    text_add(&out, "}\n");
    return text_take(&out, out_line, out_len);
}

const char *record_value_text(const struct record *record, const struct record_field *field, char *buffer, size_t size)
{
    const void *at = (const char *)record + field->offset;
    char number[2][32] = {"null", "null"};
    const char *text = NULL;

    switch (field->kind) {
    case RECORD_TEXT:
        text = *(char *const *)at;
        break;
    case RECORD_COUNT:
        if (*(const int64_t *)at != RECORD_NONE) {
            snprintf(number[0], sizeof number[0], "%" PRId64, *(const int64_t *)at);
            text = number[0];
        }
        break;
    case RECORD_REAL:
        if (isfinite(*(const double *)at))
            text = text_number(*(const double *)at, number[0]);
        break;
    case RECORD_PAIR: {
        const double *pair = at;
        if (isfinite(pair[0]) && isfinite(pair[1])) {
            snprintf(buffer, size, "%s..%s", text_number(pair[0], number[0]), text_number(pair[1], number[1]));
            return buffer;
        }
        break;
    }
    }
    snprintf(buffer, size, "%s", text ? text : "null");
    return buffer;
}

/* ------------------------------------------------------------------------------------------- reading */

static enum status read_number(const struct json *doc, const cJSON *value, const char *path, const char *key,
                               double *out)
{
    if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble))
        return json_error(doc, path, key, "expected a finite number or null");
    *out = value->valuedouble;
    return ST_OK;
}

static enum status read_value(const struct json *doc, const cJSON *value, const char *path,
                              const struct record_field *field, char *item)
{
    void *at = item + field->offset;
    double number = 0.0;

    if (cJSON_IsNull(value))
        return ST_OK;
    switch (field->kind) {
    case RECORD_TEXT:
        if (!cJSON_IsString(value))
            return json_error(doc, path, field->key, "expected a text or null");
        return record_set(at, value->valuestring);
    case RECORD_COUNT:
        TRY(read_number(doc, value, path, field->key, &number));
        if (number != floor(number) || fabs(number) > 9007199254740992.0)
            return json_error(doc, path, field->key, "expected a whole number within 2^53");
        *(int64_t *)at = (int64_t)number;
        return ST_OK;
    case RECORD_REAL:
        return read_number(doc, value, path, field->key, at);
    case RECORD_PAIR:
        if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 2)
            return json_error(doc, path, field->key, "expected [lower, upper] or null");
        TRY(read_number(doc, value->child, path, field->key, at));
        return read_number(doc, value->child->next, path, field->key, (double *)at + 1);
    }
    return ST_OK;
}

static enum status read_members(const struct json *doc, const cJSON *object, const char *path,
                                const struct record_field *fields, size_t n, char *item)
{
    const cJSON *value;
    unsigned char seen[128] = {0};

    if (!cJSON_IsObject(object))
        return json_error(doc, path, "", "expected an object");
    cJSON_ArrayForEach (value, object) {
        for (size_t i = 0; i < n; i++) {
            if (strcmp(fields[i].key, value->string) != 0)
                continue;
            if (i < sizeof seen && seen[i]++)
                return json_error(doc, path, value->string, "given twice");
            TRY(read_value(doc, value, path, &fields[i], item));
            break;
        }
    }
    return ST_OK;
}

static enum status read_array(const struct json *doc, const struct array *array, struct record *record)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(doc->root, array->key), *entry;
    size_t fields_n, i = 0;
    const struct record_field *fields = array->fields(&fields_n);
    char *items;

    if (!value || cJSON_IsNull(value))
        return ST_OK;
    if (!cJSON_IsArray(value))
        return json_error(doc, "", array->key, "expected a list");
    for (entry = value->next; entry; entry = entry->next)
        if (strcmp(entry->string, array->key) == 0)
            return json_error(doc, "", array->key, "given twice");
    if (cJSON_GetArraySize(value) > RECORD_MAX_ITEMS)
        return json_error(doc, "", array->key, "%d entries, at most %d", cJSON_GetArraySize(value), RECORD_MAX_ITEMS);
    TRY(array->alloc(record, (size_t)cJSON_GetArraySize(value)));
    items = array_items(record, array);
    cJSON_ArrayForEach (entry, value) {
        char path[64];
        snprintf(path, sizeof path, "%s[%zu]", array->key, i);
        TRY(read_members(doc, entry, path, fields, fields_n, items + i * array->size));
        i++;
    }
    return ST_OK;
}

enum status record_parse(const char *where, const char *line, size_t len, struct record *out)
{
    enum status st;
    struct json doc = {0};
    struct record record;
    const char *schema = NULL;
    size_t n;
    const struct record_field *fields = record_fields(&n);

    record_init(&record);
    if (len > RECORD_MAX_LINE)
        return status_fail(ST_FORMAT, "%s: a line of %zu bytes, at most %d", where, len, RECORD_MAX_LINE);
    TRY_OUT(json_parse(where, line, len, &doc));
    if (!cJSON_IsObject(doc.root))
        TRY_OUT(json_error(&doc, "", "", "expected an object"));
    TRY_OUT(json_text(&doc, doc.root, "", "schema", &schema));
    if (strcmp(schema, RECORD_SCHEMA) != 0)
        TRY_OUT(json_error(&doc, "", "schema", "\"%.40s\", expected \"" RECORD_SCHEMA "\"", schema));
    TRY_OUT(read_members(&doc, doc.root, "", fields, n, (char *)&record));
    for (int i = 0; needed[i]; i++)
        if (!*(char **)((char *)&record + record_field_find(needed[i])->offset))
            TRY_OUT(json_error(&doc, "", needed[i], "missing"));
    for (int a = 0; a < ARRAYS; a++)
        TRY_OUT(read_array(&doc, &arrays[a], &record));
    *out = record;
    record_init(&record);
out:
    record_free(&record);
    json_free(&doc);
    return st;
}
