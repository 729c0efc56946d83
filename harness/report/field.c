#include "report/field.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const struct record_field *fields_find(const struct record_field *fields, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].key, key) == 0)
            return &fields[i];
    return NULL;
}

static void *member(void *item, const struct record_field *field)
{
    return (char *)item + field->offset;
}

void fields_init(void *item, const struct record_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (fields[i].kind) {
        case RECORD_TEXT:
            *(char **)member(item, &fields[i]) = NULL;
            break;
        case RECORD_COUNT:
            *(int64_t *)member(item, &fields[i]) = RECORD_NONE;
            break;
        case RECORD_REAL:
            *(double *)member(item, &fields[i]) = NAN;
            break;
        case RECORD_PAIR:
            ((double *)member(item, &fields[i]))[0] = NAN;
            ((double *)member(item, &fields[i]))[1] = NAN;
            break;
        }
    }
}

void fields_free(void *item, const struct record_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fields[i].kind == RECORD_TEXT)
            free(*(char **)member(item, &fields[i]));
}

enum status field_set_text(char **text_member, const char *text)
{
    char *copy = NULL;

    if (text)
        TRY(mem_strdup(text, &copy));
    free(*text_member);
    *text_member = copy;
    return ST_OK;
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

void fields_write(struct text *out, const void *item, const struct record_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        text_addf(out, "%s\"%s\":", i ? "," : "", fields[i].key);
        write_value(out, item, &fields[i]);
    }
}

const char *field_value_text(const void *item, const struct record_field *field, char *buffer, size_t size)
{
    const void *at = (const char *)item + field->offset;
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
        return field_set_text(at, value->valuestring);
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

enum status fields_read(const struct json *doc, const cJSON *object, const char *path,
                        const struct record_field *fields, size_t n, void *item)
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
