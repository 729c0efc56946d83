#include "report/env.h"

#include <stdio.h>
#include <string.h>

#include "report/text.h"

static int scalar_text(const cJSON *value, char *buffer, size_t size)
{
    char number[32];

    if (cJSON_IsString(value))
        snprintf(buffer, size, "%s", value->valuestring);
    else if (cJSON_IsNumber(value))
        snprintf(buffer, size, "%s", text_number(value->valuedouble, number));
    else if (cJSON_IsBool(value))
        snprintf(buffer, size, "%s", cJSON_IsTrue(value) ? "true" : "false");
    else
        return 0;
    return 1;
}

const char *env_value(const struct json *env, const char *path, const char *otherwise, char *buffer, size_t size)
{
    const cJSON *at = env->root, *item;
    char key[64], word[256];
    size_t used = 0;

    while (at && *path) {
        size_t len = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)len, path);
        at = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, key) : NULL;
        path += len + (path[len] == '.');
    }
    if (scalar_text(at, buffer, size))
        return buffer;
    *buffer = 0;
    if (cJSON_IsArray(at))
        cJSON_ArrayForEach (item, at)
            if (used < size && scalar_text(item, word, sizeof word))
                used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", word);
    if (used == 0)
        snprintf(buffer, size, "%s", otherwise);
    return buffer;
}

/* Where env.json keeps them. */
static const struct {
    enum report_fact fact;
    const char *path;
} places[] = {
    {REPORT_CPU, "cpu.brand"},           {REPORT_ISA, "run.isa"},       {REPORT_COMMIT, "build.commit"},
    {REPORT_COMPILER, "build.compiler"}, {REPORT_FLAGS, "build.flags"}, {REPORT_COMMAND, "run.command"},
    {REPORT_SEED, "run.seeds"},          {REPORT_SUITE, "run.suite"},   {REPORT_DATA, "run.data"},
    {REPORT_SYSTEM, "system.kernel"},    {REPORT_DATE, "run.started"},
};

const char *env_fact(const struct json *env, enum report_fact fact, char *buffer, size_t size)
{
    char dirty[16];

    snprintf(buffer, size, "unknown");
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].fact != fact)
            continue;
        env_value(env, places[i].path, "unknown", buffer, size);
    }
    if (fact == REPORT_COMMIT) {
        size_t len = strlen(buffer);
        if (len == 40 && size > 20)
            buffer[len = 12] = 0;
        env_value(env, "build.dirty", "", dirty, sizeof dirty);
        if (strcmp(dirty, "true") == 0 || strcmp(dirty, "1") == 0)
            snprintf(buffer + len, size - len, "+dirty");
    }
    return buffer;
}
