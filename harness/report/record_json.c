/* Records to and from a line of JSON, by the field tables alone. */
#include "report/record.h"

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
    {"energy_models", offsetof(struct record, energy_models), offsetof(struct record, energy_models_n),
     sizeof(struct record_energy_model), record_energy_model_fields, record_energy_models_alloc},
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

enum status record_write(const struct record *record, char **out_line, size_t *out_len)
{
    struct text out = {0};
    size_t n;
    const struct record_field *fields = record_fields(&n);

    for (int i = 0; needed[i]; i++)
        if (!*(char *const *)((const char *)record + record_field_find(needed[i])->offset))
            return status_fail(ST_BADARG, "record: %s is missing", needed[i]);
    text_add(&out, "{\"schema\":\"" RECORD_SCHEMA "\",");
    fields_write(&out, record, fields, n);
    for (int a = 0; a < ARRAYS; a++) {
        const char *items = array_items(record, &arrays[a]);
        size_t count = array_count(record, &arrays[a]), fields_n;
        const struct record_field *of_item = arrays[a].fields(&fields_n);
        text_addf(&out, ",\"%s\":[", arrays[a].key);
        for (size_t i = 0; i < count; i++) {
            text_add(&out, i ? ",{" : "{");
            fields_write(&out, items + i * arrays[a].size, of_item, fields_n);
            text_add(&out, "}");
        }
        text_add(&out, "]");
    }
    text_add(&out, "}\n");
    return text_take(&out, out_line, out_len);
}

const char *record_value_text(const struct record *record, const struct record_field *field, char *buffer, size_t size)
{
    return field_value_text(record, field, buffer, size);
}

/* ------------------------------------------------------------------------------------------- reading */

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
        TRY(fields_read(doc, entry, path, fields, fields_n, items + i * array->size));
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
    TRY_OUT(fields_read(&doc, doc.root, "", fields, n, &record));
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
