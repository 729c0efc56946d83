#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

enum { JSON_MAX_BYTES = 16 << 20 };

enum status json_parse(const char *name, const char *text, size_t len, struct json *doc)
{
    const char *end = NULL;

    memset(doc, 0, sizeof *doc);
    TRY(mem_strdup(name, &doc->file));
    doc->root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (doc->root && end) {
        while (end < text + len && (*end == ' ' || *end == '\t' || *end == '\n' || *end == '\r'))
            end++;
        if (end < text + len && *end) {
            cJSON_Delete(doc->root);
            doc->root = NULL;
        }
    }
    if (!doc->root) {
        int line = 1;
        const char *line_start = text;
        enum status st;
        if (!end)
            end = text;
        for (const char *at = text; at < end && at < text + len; at++)
            if (*at == '\n') {
                line++;
                line_start = at + 1;
            }
        st = status_fail(ST_FORMAT, "%s:%d:%d: not valid JSON", name, line, (int)(end - line_start) + 1);
        json_free(doc);
        return st;
    }
    return ST_OK;
}

enum status json_load(const char *file, struct json *doc)
{
    unsigned char *text;
    size_t len;
    enum status st;

    memset(doc, 0, sizeof *doc);
    TRY(file_read(file, JSON_MAX_BYTES, &text, &len));
    st = json_parse(file, (const char *)text, len, doc);
    free(text);
    return st;
}

void json_free(struct json *doc)
{
    cJSON_Delete(doc->root);
    free(doc->file);
    memset(doc, 0, sizeof *doc);
}

enum status json_error(const struct json *doc, const char *path, const char *key, const char *format, ...)
{
    char what[512];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return status_fail(ST_FORMAT, "%s: %s%s%s: %s", doc->file, path, *path && *key ? "." : "",
                       *path || *key ? key : "(root)", what);
}

enum status json_keys(const struct json *doc, const cJSON *object, const char *path, const char *const *allowed)
{
    const cJSON *member;

    if (!cJSON_IsObject(object))
        return json_error(doc, path, "", "expected an object");
    cJSON_ArrayForEach (member, object) {
        int known = 0;
        for (int i = 0; allowed[i]; i++)
            known |= strcmp(allowed[i], member->string) == 0;
        if (!known) {
            char list[400] = "";
            size_t used = 0;
            for (int i = 0; allowed[i] && used < sizeof list - 40; i++)
                used += (size_t)snprintf(list + used, sizeof list - used, "%s%.30s", i ? ", " : "", allowed[i]);
            return json_error(doc, path, member->string, "unknown key; expected one of: %s", list);
        }
        for (const cJSON *other = member->next; other; other = other->next)
            if (strcmp(other->string, member->string) == 0)
                return json_error(doc, path, member->string, "given twice");
    }
    return ST_OK;
}

static enum status require(const struct json *doc, const cJSON *object, const char *path, const char *key,
                           const cJSON **out)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!member)
        return json_error(doc, path, key, "missing");
    *out = member;
    return ST_OK;
}

enum status json_int(const struct json *doc, const cJSON *object, const char *path, const char *key, long lo, long hi,
                     long *out)
{
    const cJSON *member = NULL;
    TRY(require(doc, object, path, key, &member));
    if (!cJSON_IsNumber(member) || member->valuedouble != floor(member->valuedouble) ||
        !(member->valuedouble >= (double)lo) || !(member->valuedouble <= (double)hi))
        return json_error(doc, path, key, "expected a whole number from %ld to %ld", lo, hi);
    *out = (long)member->valuedouble;
    return ST_OK;
}

enum status json_real(const struct json *doc, const cJSON *object, const char *path, const char *key, double lo,
                      double hi, double *out)
{
    const cJSON *member = NULL;
    TRY(require(doc, object, path, key, &member));
    if (!cJSON_IsNumber(member) || !(member->valuedouble >= lo) || !(member->valuedouble <= hi))
        return json_error(doc, path, key, "expected a number from %g to %g", lo, hi);
    *out = member->valuedouble;
    return ST_OK;
}

enum status json_text(const struct json *doc, const cJSON *object, const char *path, const char *key, const char **out)
{
    const cJSON *member = NULL;
    TRY(require(doc, object, path, key, &member));
    if (!cJSON_IsString(member))
        return json_error(doc, path, key, "expected a string");
    *out = member->valuestring;
    return ST_OK;
}

enum status json_bool(const struct json *doc, const cJSON *object, const char *path, const char *key, int *out)
{
    const cJSON *member = NULL;
    TRY(require(doc, object, path, key, &member));
    if (!cJSON_IsBool(member))
        return json_error(doc, path, key, "expected true or false");
    *out = cJSON_IsTrue(member);
    return ST_OK;
}

enum status json_array(const struct json *doc, const cJSON *object, const char *path, const char *key,
                       const cJSON **out)
{
    const cJSON *member = NULL;
    TRY(require(doc, object, path, key, &member));
    if (!cJSON_IsArray(member))
        return json_error(doc, path, key, "expected an array");
    *out = member;
    return ST_OK;
}

enum status json_object(const struct json *doc, const cJSON *object, const char *path, const char *key,
                        const cJSON **out)
{
    const cJSON *member = NULL;
    TRY(require(doc, object, path, key, &member));
    if (!cJSON_IsObject(member))
        return json_error(doc, path, key, "expected an object");
    *out = member;
    return ST_OK;
}

static int has(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key) != NULL;
}

enum status json_opt_int(const struct json *doc, const cJSON *object, const char *path, const char *key, long lo,
                         long hi, long *out)
{
    return has(object, key) ? json_int(doc, object, path, key, lo, hi, out) : ST_OK;
}

enum status json_opt_real(const struct json *doc, const cJSON *object, const char *path, const char *key, double lo,
                          double hi, double *out)
{
    return has(object, key) ? json_real(doc, object, path, key, lo, hi, out) : ST_OK;
}

enum status json_opt_text(const struct json *doc, const cJSON *object, const char *path, const char *key,
                          const char **out)
{
    return has(object, key) ? json_text(doc, object, path, key, out) : ST_OK;
}

enum status json_opt_bool(const struct json *doc, const cJSON *object, const char *path, const char *key, int *out)
{
    return has(object, key) ? json_bool(doc, object, path, key, out) : ST_OK;
}
