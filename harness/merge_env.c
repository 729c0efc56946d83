#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/host.h"
#include "merge_inside.h"

static const char differs[] = "differs by shard";

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_at(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(get(object, key));
    return text ? text : "";
}

static int one_of(const char *key, const char *const *keys)
{
    while (*keys && strcmp(*keys, key) != 0)
        keys++;
    return *keys != NULL;
}

/* ------------------------------------------------------------------ what the shards share */

/* The value that all n items have; of objects the members that they share; for unlike texts a word that says so, for
 * anything else null. NULL without memory. Objects leave `without` out. */
static cJSON *shared(const cJSON *const *item, int n, const char *const *without)
{
    static const char *const nothing[] = {NULL};
    int equal = 1, objects = cJSON_IsObject(item[0]), texts = cJSON_IsString(item[0]);
    const cJSON **inside, *member;
    cJSON *out;

    for (int i = 1; i < n; i++) {
        equal &= cJSON_Compare(item[0], item[i], 1) != 0;
        objects &= cJSON_IsObject(item[i]);
        texts &= cJSON_IsString(item[i]);
    }
    if (!objects)
        return equal ? cJSON_Duplicate(item[0], 1) : texts ? cJSON_CreateString(differs) : cJSON_CreateNull();
    out = cJSON_CreateObject();
    inside = calloc((size_t)n, sizeof *inside);
    cJSON_ArrayForEach (member, item[0]) {
        cJSON *value;
        if (!out || !inside || one_of(member->string, without))
            continue;
        for (int i = 0; i < n; i++)
            inside[i] = get(item[i], member->string);
        value = shared(inside, n, nothing);
        if (!value || !cJSON_AddItemToObject(out, member->string, value)) {
            cJSON_Delete(value);
            cJSON_Delete(out);
            out = NULL;
        }
    }
    if (!inside) {
        cJSON_Delete(out);
        out = NULL;
    }
    free(inside);
    return out;
}

/* Of the shards' env.json, or of what they have under `key`. */
static cJSON *shared_of_all(const struct merge *merge, const char *key, const char *const *without)
{
    const cJSON **item = calloc((size_t)merge->shards, sizeof *item);
    cJSON *out = NULL;

    for (int i = 0; item && i < merge->shards; i++)
        item[i] = key ? get(merge->shard[i].env.root, key) : merge->shard[i].env.root;
    if (item)
        out = shared(item, merge->shards, without);
    free(item);
    return out;
}

/* ------------------------------------------------------------------ run */

static int add_command(const struct merge *merge, cJSON *run)
{
    char command[4096] = "";
    const char *started = "";
    size_t used = 0;

    used = (size_t)snprintf(command, sizeof command, "%.1500s (this and the other shards of %d), then ",
                            text_at(merge->shard[0].run, "command"), merge->count);
    for (int i = 0; i < merge->options->argc && used < sizeof command - 1; i++)
        used += (size_t)snprintf(command + used, sizeof command - used, "%s%s", i ? " " : "packlight ",
                                 merge->options->argv[i]);
    for (int i = 0; i < merge->shards; i++) {
        const char *then = text_at(merge->shard[i].run, "started");
        if (!*started || strcmp(then, started) < 0) /* ISO 8601 sorts as text */
            started = then;
    }
    return cJSON_AddStringToObject(run, "command", command) && cJSON_AddStringToObject(run, "started", started);
}

static int is_there(const struct merge *merge, int index)
{
    for (int i = 0; i < merge->shards; i++)
        if (merge->shard[i].index == index)
            return 1;
    return 0;
}

static int add_missing(const struct merge *merge, cJSON *run)
{
    cJSON *shards = cJSON_AddArrayToObject(run, "missing_shards");
    cJSON *cells = cJSON_AddArrayToObject(run, "missing_cells");
    size_t at = 0;
    const cJSON *id;

    if (!shards || !cells || !cJSON_AddBoolToObject(run, "partial", 1))
        return 0;
    for (int i = 1; i <= merge->count; i++)
        if (!is_there(merge, i) && !cJSON_AddItemToArray(shards, cJSON_CreateNumber(i)))
            return 0;
    cJSON_ArrayForEach (id, merge->shard[0].ids) {
        if (!merge->cell[at++].line && !cJSON_AddItemToArray(cells, cJSON_CreateString(id->valuestring)))
            return 0;
    }
    return 1;
}

static int add_run(const struct merge *merge, cJSON *env)
{
    static const char *const without[] = {"shard", "shard_cells", "cells_sha256", "command", "started", NULL};
    cJSON *run = shared_of_all(merge, "run", without);

    if (!run || !cJSON_AddItemToObject(env, "run", run)) {
        cJSON_Delete(run);
        return 0;
    }
    return add_command(merge, run) && cJSON_AddNumberToObject(run, "shards", merge->count) &&
           (merge->missing == 0 || add_missing(merge, run));
}

/* ------------------------------------------------------------------ every shard's own */

/* But for the list of all cells, which is the same in each and stands in the result's run. */
static int add_shards(const struct merge *merge, cJSON *env)
{
    cJSON *list = cJSON_AddArrayToObject(env, "shards");

    for (int i = 0; list && i < merge->shards; i++) {
        cJSON *entry = cJSON_CreateObject(), *copy = cJSON_Duplicate(merge->shard[i].env.root, 1);
        if (!entry || !copy || !cJSON_AddItemToArray(list, entry)) {
            cJSON_Delete(entry);
            cJSON_Delete(copy);
            return 0;
        }
        cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(copy, "run"), "cells");
        if (!cJSON_AddStringToObject(entry, "dir", merge->shard[i].dir) || !cJSON_AddItemToObject(entry, "env", copy)) {
            cJSON_Delete(copy);
            return 0;
        }
    }
    return list != NULL;
}

/* ------------------------------------------------------------------ warnings */

__attribute__((format(printf, 2, 3))) static int warn(cJSON *warnings, const char *format, ...)
{
    char text[1024];
    cJSON *item;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "warning: %s\n", text);
    item = cJSON_CreateString(text);
    return item && cJSON_AddItemToArray(warnings, item);
}

static int warn_missing(const struct merge *merge, cJSON *warnings)
{
    char absent[256] = "", unfinished[256] = "";
    size_t a = 0, u = 0;

    if (merge->missing == 0)
        return 1;
    for (int i = 1; i <= merge->count && a < sizeof absent; i++)
        if (!is_there(merge, i))
            a += (size_t)snprintf(absent + a, sizeof absent - a, "%s%d", a ? ", " : "", i);
    for (int i = 0; i < merge->shards && u < sizeof unfinished; i++) {
        size_t open = 0;
        for (size_t k = 0; k < merge->shard[i].owned; k++)
            open += !merge->shard[i].line[k].at;
        if (open > 0)
            u += (size_t)snprintf(unfinished + u, sizeof unfinished - u, "%s%d", u ? ", " : "", merge->shard[i].index);
    }
    return warn(warnings,
                "Joined without all of its shards: %zu of %zu cells are missing (shards not there: %s; not "
                "finished: %s).",
                merge->missing, merge->cells, a ? absent : "none", u ? unfinished : "none");
}

struct machine {
    char key[HASH_HEX];
    const char *brand;
    char shards[128];
    size_t used;
    int n;
};

/* Shards whose absolute times cannot be compared. */
static int warn_machines(const struct merge *merge, cJSON *warnings)
{
    struct machine *machine = calloc((size_t)merge->shards, sizeof *machine);
    char kinds[768] = "";
    size_t used = 0;
    int n = 0, fine = machine != NULL;

    for (int i = 0; fine && i < merge->shards; i++) {
        const struct merge_shard *shard = &merge->shard[i];
        char key[HASH_HEX];
        int m = 0;
        fine = host_key(shard->env.root, text_at(shard->run, "isa"), "simd", 1, key) == ST_OK;
        while (fine && m < n && strcmp(machine[m].key, key) != 0)
            m++;
        if (fine && m == n) {
            memcpy(machine[n].key, key, sizeof key);
            machine[n++].brand = text_at(get(shard->env.root, "cpu"), "brand");
        }
        machine[m].n += fine;
        if (fine && machine[m].used < sizeof machine[m].shards)
            machine[m].used +=
                (size_t)snprintf(machine[m].shards + machine[m].used, sizeof machine[m].shards - machine[m].used,
                                 "%s%d", machine[m].used ? ", " : "", shard->index);
    }
    for (int m = 0; fine && m < n && used < sizeof kinds; m++)
        used += (size_t)snprintf(kinds + used, sizeof kinds - used, "%sshard%s %s on %.60s", m ? "; " : "",
                                 machine[m].n > 1 ? "s" : "", machine[m].shards,
                                 *machine[m].brand ? machine[m].brand : "an unnamed CPU");
    if (fine && n > 1)
        fine = warn(warnings,
                    "Times come from %d kinds of machines or systems: %s. Absolute times compare within one kind only; "
                    "speed-ups were paired inside each shard.",
                    n, kinds);
    free(machine);
    return fine;
}

/* One that all shards have stands once, others with their shard. */
static int add_own_warnings(const struct merge *merge, cJSON *warnings)
{
    for (int i = 0; i < merge->shards; i++) {
        const cJSON *own = get(merge->shard[i].env.root, "warnings"), *sentence;
        cJSON_ArrayForEach (sentence, own) {
            char text[600];
            int everywhere = 1, here;
            cJSON *item;
            for (int k = 0; cJSON_IsString(sentence) && k < merge->shards; k++) {
                const cJSON *other;
                here = 0;
                cJSON_ArrayForEach (other, get(merge->shard[k].env.root, "warnings"))
                    here |= cJSON_Compare(other, sentence, 1) != 0;
                everywhere &= here;
            }
            if (!cJSON_IsString(sentence) || (everywhere && i > 0))
                continue;
            if (everywhere)
                snprintf(text, sizeof text, "%s", sentence->valuestring);
            else
                snprintf(text, sizeof text, "Shard %d: %.560s", merge->shard[i].index, sentence->valuestring);
            item = cJSON_CreateString(text);
            if (!item || !cJSON_AddItemToArray(warnings, item))
                return 0;
        }
    }
    return 1;
}

enum status merge_env(const struct merge *merge, cJSON **out)
{
    static const char *const without[] = {"run", "warnings", NULL};
    cJSON *env = shared_of_all(merge, NULL, without), *warnings = NULL;

    if (env && (warnings = cJSON_AddArrayToObject(env, "warnings")) && warn_missing(merge, warnings) &&
        warn_machines(merge, warnings) && add_own_warnings(merge, warnings) && add_run(merge, env) &&
        add_shards(merge, env)) {
        *out = env;
        return ST_OK;
    }
    cJSON_Delete(env);
    return status_fail(ST_NOMEM, "no memory for env.json");
}
