#include "report/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct record_field fields_of_record[] = {
#define RECORD_FIELD(kind, key, unit, title, decimals, golden)                                                         \
    FIELD_FACTS(record, kind, key, unit, title, decimals, golden)
#include "report/record.def"
};
static const struct record_field fields_of_layer[] = {
#define LAYER_FIELD(kind, key, unit, title, decimals, golden)                                                          \
    FIELD_FACTS(record_layer, kind, key, unit, title, decimals, golden)
#include "report/record.def"
};
static const struct record_field fields_of_ledger[] = {
#define LEDGER_FIELD(kind, key, unit, title, decimals, golden)                                                         \
    FIELD_FACTS(record_ledger, kind, key, unit, title, decimals, golden)
#include "report/record.def"
};
static const struct record_field fields_of_tensor[] = {
#define TENSOR_FIELD(kind, key, unit, title, decimals, golden)                                                         \
    FIELD_FACTS(record_tensor, kind, key, unit, title, decimals, golden)
#include "report/record.def"
};
static const struct record_field fields_of_energy[] = {
#define ENERGY_FIELD(kind, key, unit, title, decimals, golden)                                                         \
    FIELD_FACTS(record_energy, kind, key, unit, title, decimals, golden)
#include "report/record.def"
};
static const struct record_field fields_of_energy_model[] = {
#define ENERGY_MODEL_FIELD(kind, key, unit, title, decimals, golden)                                                   \
    FIELD_FACTS(record_energy_model, kind, key, unit, title, decimals, golden)
#include "report/record.def"
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

const struct record_field *record_fields(size_t *out_n)
{
    *out_n = COUNT_OF(fields_of_record);
    return fields_of_record;
}

const struct record_field *record_layer_fields(size_t *out_n)
{
    *out_n = COUNT_OF(fields_of_layer);
    return fields_of_layer;
}

const struct record_field *record_ledger_fields(size_t *out_n)
{
    *out_n = COUNT_OF(fields_of_ledger);
    return fields_of_ledger;
}

const struct record_field *record_tensor_fields(size_t *out_n)
{
    *out_n = COUNT_OF(fields_of_tensor);
    return fields_of_tensor;
}

const struct record_field *record_energy_fields(size_t *out_n)
{
    *out_n = COUNT_OF(fields_of_energy);
    return fields_of_energy;
}

const struct record_field *record_energy_model_fields(size_t *out_n)
{
    *out_n = COUNT_OF(fields_of_energy_model);
    return fields_of_energy_model;
}

const struct record_field *record_field_find(const char *key)
{
    return fields_find(fields_of_record, COUNT_OF(fields_of_record), key);
}

/* Frees an array of n items and sets pointer and count to none. */
static void array_free(void *array_pointer, size_t *n, size_t size, const struct record_field *fields, size_t fields_n)
{
    char *items;

    memcpy(&items, array_pointer, sizeof items);
    for (size_t i = 0; items && i < *n; i++)
        fields_free(items + i * size, fields, fields_n);
    free(items);
    items = NULL;
    memcpy(array_pointer, &items, sizeof items);
    *n = 0;
}

static enum status array_alloc(void *array_pointer, size_t *count, size_t n, size_t size,
                               const struct record_field *fields, size_t fields_n)
{
    char *items = NULL;

    if (n > RECORD_MAX_ITEMS)
        return status_fail(ST_BADARG, "record: %zu entries in one list, at most %d", n, RECORD_MAX_ITEMS);
    if (n > 0) {
        items = malloc(n * size);
        if (!items)
            return status_fail(ST_NOMEM, "record: no memory for %zu entries", n);
    }
    for (size_t i = 0; i < n; i++)
        fields_init(items + i * size, fields, fields_n);
    array_free(array_pointer, count, size, fields, fields_n);
    memcpy(array_pointer, &items, sizeof items);
    *count = n;
    return ST_OK;
}

#define ALLOC(record, array, table, n)                                                                                 \
    array_alloc(&(record)->array, &(record)->array##_n, n, sizeof *(record)->array, table, COUNT_OF(table))
#define FREE(record, array, table)                                                                                     \
    array_free(&(record)->array, &(record)->array##_n, sizeof *(record)->array, table, COUNT_OF(table))

enum status record_layers_alloc(struct record *record, size_t n)
{
    return ALLOC(record, kernels, fields_of_layer, n);
}

enum status record_ledger_alloc(struct record *record, size_t n)
{
    return ALLOC(record, ledger, fields_of_ledger, n);
}

enum status record_tensors_alloc(struct record *record, size_t n)
{
    return ALLOC(record, tensors, fields_of_tensor, n);
}

enum status record_energy_alloc(struct record *record, size_t n)
{
    return ALLOC(record, energy, fields_of_energy, n);
}

enum status record_energy_models_alloc(struct record *record, size_t n)
{
    return ALLOC(record, energy_models, fields_of_energy_model, n);
}

void record_init(struct record *record)
{
    memset(record, 0, sizeof *record);
    fields_init(record, fields_of_record, COUNT_OF(fields_of_record));
}

void record_free(struct record *record)
{
    if (!record)
        return;
    FREE(record, kernels, fields_of_layer);
    FREE(record, ledger, fields_of_ledger);
    FREE(record, tensors, fields_of_tensor);
    FREE(record, energy, fields_of_energy);
    FREE(record, energy_models, fields_of_energy_model);
    fields_free(record, fields_of_record, COUNT_OF(fields_of_record));
    record_init(record);
}

enum status record_set(char **text_member, const char *text)
{
    return field_set_text(text_member, text);
}

enum status record_setf(char **text_member, const char *format, ...)
{
    char *copy;
    int len;
    va_list args;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return status_fail(ST_BADARG, "record: text cannot be formatted");
    copy = malloc((size_t)len + 1);
    if (!copy)
        return status_fail(ST_NOMEM, "record: no memory for a text of %d bytes", len);
    va_start(args, format);
    vsnprintf(copy, (size_t)len + 1, format, args);
    va_end(args);
    free(*text_member);
    *text_member = copy;
    return ST_OK;
}

enum status record_add_note(struct record *record, const char *format, ...)
{
    char note[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(note, sizeof note, format, args);
    va_end(args);
    if (!record->notes)
        return record_set(&record->notes, note);
    return record_setf(&record->notes, "%s; %s", record->notes, note);
}

enum status record_set_cell(struct record *record)
{
    if (!record->model || !record->config || !record->kernel || record->threads == RECORD_NONE ||
        record->batch == RECORD_NONE)
        return status_fail(ST_BADARG,
                           "record: model, config, kernel, threads and batch make the cell's name, and one is missing");
    return record_setf(&record->cell, "%s/%s/%s/t%" PRId64 "/b%" PRId64, record->model, record->config, record->kernel,
                       record->threads, record->batch);
}
