#include "compare/compare_folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

static enum status copy_text(const struct json *doc, const cJSON *run, const char *key, char *out, size_t size)
{
    const char *text;

    TRY(json_text(doc, run, "run", key, &text));
    if (strlen(text) >= size)
        return json_error(doc, "run", key, "longer than %zu characters", size - 1);
    snprintf(out, size, "%s", text);
    return ST_OK;
}

static enum status read_env(const char *path, struct compare_folder *folder)
{
    const cJSON *run;
    char kind[32], seed[32], *end;
    long attempt = 1;

    TRY(json_load(path, &folder->env));
    TRY(json_object(&folder->env, folder->env.root, "", "run", &run));
    TRY(copy_text(&folder->env, run, "kind", kind, sizeof kind));
    if (strcmp(kind, "comparison") != 0)
        return json_error(&folder->env, "run", "kind", "\"%s\", expected \"comparison\"", kind);
    TRY(copy_text(&folder->env, run, "mode", folder->mode, sizeof folder->mode));
    TRY(copy_text(&folder->env, run, "name_a", folder->name_a, sizeof folder->name_a));
    TRY(copy_text(&folder->env, run, "name_b", folder->name_b, sizeof folder->name_b));
    TRY(copy_text(&folder->env, run, "label_a", folder->label_a, sizeof folder->label_a));
    TRY(copy_text(&folder->env, run, "label_b", folder->label_b, sizeof folder->label_b));
    TRY(copy_text(&folder->env, run, "again", folder->again, sizeof folder->again));
    TRY(copy_text(&folder->env, run, "seed", seed, sizeof seed));
    folder->seed = (int64_t)strtoull(seed, &end, 10);
    if (*end)
        return json_error(&folder->env, "run", "seed", "expected a whole number");
    TRY(json_real(&folder->env, run, "run", "gate_ratio", 1e-6, 100, &folder->gate_ratio));
    TRY(json_int(&folder->env, run, "run", "attempt", 1, 1000000, &attempt));
    folder->attempt = (int)attempt;
    folder->inject_ratio = 1;
    TRY(json_opt_bool(&folder->env, run, "run", "blind", &folder->blind));
    TRY(json_opt_real(&folder->env, run, "run", "inject_ratio", 1, 1000, &folder->inject_ratio));
    return compare_cells_parse(&folder->env, run, "run", &folder->cells);
}

static enum status read_refusal(const char *path, char *out, size_t size)
{
    unsigned char *bytes;
    size_t len;

    if (!file_exists(path))
        return ST_OK;
    TRY(file_read(path, 4096, &bytes, &len));
    snprintf(out, size, "%.*s", (int)strcspn((const char *)bytes, "\n"), (const char *)bytes);
    if (!*out)
        snprintf(out, size, "refused without a reason");
    free(bytes);
    return ST_OK;
}

enum status compare_folder_load(const char *dir, struct compare_folder *out)
{
    enum status st;
    char path[PATH_MAX];

    memset(out, 0, sizeof *out);
    TRY_OUT(mem_strdup(dir, &out->dir));
    TRY_OUT(file_join(path, sizeof path, dir, "env.json"));
    TRY_OUT(read_env(path, out));
    TRY_OUT(compare_raw_load(dir, &out->raw));
    TRY_OUT(compare_check_load(dir, &out->checks));
    TRY_OUT(compare_extra_load(dir, &out->extras));
    TRY_OUT(file_join(path, sizeof path, dir, "refused.txt"));
    st = read_refusal(path, out->refused, sizeof out->refused);
out:
    if (st != ST_OK)
        compare_folder_free(out);
    return st;
}

void compare_folder_free(struct compare_folder *folder)
{
    compare_extra_free(&folder->extras);
    compare_check_free(&folder->checks);
    compare_raw_free(&folder->raw);
    compare_cells_free(&folder->cells);
    json_free(&folder->env);
    free(folder->dir);
    memset(folder, 0, sizeof *folder);
}

const struct compare_cell *compare_folder_cell(const struct compare_folder *folder, const char *cell)
{
    for (size_t i = 0; i < folder->cells.n; i++)
        if (strcmp(folder->cells.cell[i].cell, cell) == 0)
            return &folder->cells.cell[i];
    return NULL;
}
