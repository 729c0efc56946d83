/* A paired comparison's folder as it could be, without measuring anything: cells, checks and raw pairs whose ratio and
 * spread the test says. */
#ifndef TESTS_COMPARE_FAKE_H
#define TESTS_COMPARE_FAKE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "compare/compare_arms.h"
#include "compare/compare_cells.h"
#include "compare/compare_raw.h"
#include "tests/duet_fake.h"

#define COMPARE_OK(expr)                                                                                               \
    do {                                                                                                               \
        if ((expr) != ST_OK)                                                                                           \
            fail_msg("%s: %s", #expr, status_message());                                                               \
    } while (0)

enum { FAKE_CELLS = 3 };

static inline void compare_fake_path(char *out, size_t size, const char *dir, const char *name)
{
    snprintf(out, size, "%s/%s", dir, name);
}

static inline void compare_fake_write(const char *dir, const char *name, const char *text)
{
    char path[512];

    compare_fake_path(path, sizeof path, dir, name);
    COMPARE_OK(file_write_atomic(path, text, strlen(text)));
}

static inline void compare_fake_cells(struct compare_cells *out)
{
    memset(out, 0, sizeof *out);
    out->n = FAKE_CELLS;
    out->cell = calloc(FAKE_CELLS, sizeof *out->cell);
    if (!out->cell)
        fail_msg("no memory");
    for (int i = 0; i < FAKE_CELLS; i++) {
        struct compare_cell *cell = &out->cell[i];
        snprintf(cell->cell, sizeof cell->cell, "tiny/fp32/simd/t1/b%d", i + 1);
        snprintf(cell->filter, sizeof cell->filter, "%s", cell->cell);
        snprintf(cell->model, sizeof cell->model, "tiny");
        snprintf(cell->config, sizeof cell->config, "fp32");
        snprintf(cell->kernel, sizeof cell->kernel, "simd");
        snprintf(cell->isa, sizeof cell->isa, "avx2");
        cell->threads = 1;
        cell->batch = i + 1;
        cell->hint_ns = 1e5;
        memset(cell->a.sha256, 'a', 64);
        memset(cell->b.sha256, 'a', 64);
        cell->a.accuracy = cell->b.accuracy = cell->a.energy_nj = cell->b.energy_nj = NAN;
        cell->a.bytes = cell->b.bytes = cell->a.ram_bytes = cell->b.ram_bytes = RECORD_NONE;
    }
}

/* env.json and checks.jsonl; code_same of all cells. */
static inline void compare_fake_folder(const char *dir, int code_same)
{
    struct compare_cells cells;
    cJSON *root = cJSON_CreateObject(), *run = cJSON_AddObjectToObject(root, "run"), *list;
    char *text, line[1024], path[512];

    COMPARE_OK(file_make_dirs(dir));
    compare_fake_cells(&cells);
    COMPARE_OK(compare_cells_json(&cells, &list));
    cJSON_AddStringToObject(run, "kind", "comparison");
    cJSON_AddStringToObject(run, "mode", "builds");
    cJSON_AddStringToObject(run, "name_a", "base/packlight");
    cJSON_AddStringToObject(run, "name_b", "./packlight");
    cJSON_AddStringToObject(run, "label_a", "");
    cJSON_AddStringToObject(run, "label_b", "");
    cJSON_AddStringToObject(run, "again", "packlight compare base/packlight ./packlight");
    cJSON_AddStringToObject(run, "seed", "1");
    cJSON_AddNumberToObject(run, "gate_ratio", 0.02);
    cJSON_AddNumberToObject(run, "attempt", 1);
    cJSON_AddItemToObject(run, "cells", list);
    text = cJSON_Print(root);
    compare_fake_write(dir, "env.json", text);
    cJSON_free(text);
    cJSON_Delete(root);
    compare_fake_path(path, sizeof path, dir, "checks.jsonl");
    for (size_t i = 0; i < cells.n; i++) {
        snprintf(line, sizeof line,
                 "{\"schema\":\"packlight.check/1\",\"cell\":\"%s\",\"wrong\":false,\"failed\":false,\"message\":\"\","
                 "\"code_same\":%d,\"a\":{\"commit\":\"aaaa\",\"code_id\":\"1\"},"
                 "\"b\":{\"commit\":\"bbbb\",\"code_id\":\"2\"}}\n",
                 cells.cell[i].cell, code_same);
        COMPARE_OK(file_append_sync(path, line, strlen(line)));
    }
    compare_cells_free(&cells);
}

/* Twenty pairs of one unit and stage: B takes `ratio` times as long, each pair off by `spread` (lognormal). busy:
 * blocks in which others needed every CPU, of ten. */
static inline void compare_fake_unit(const char *dir, const char *cell, const char *role, int stage, double ratio,
                                     double spread, int busy)
{
    struct fake_pair pair;
    struct duet_arm a = fake_arm("A"), b = fake_arm("B");
    struct duet_options options = duet_defaults();
    struct duet_label label;
    struct duet_result result;
    struct compare_raw raw;
    struct rng rng;
    uint64_t mix = (uint64_t)stage;

    memset(&raw, 0, sizeof raw);
    memset(&label, 0, sizeof label);
    snprintf(label.cell, sizeof label.cell, "%s", cell);
    snprintf(label.role, sizeof label.role, "%s", role);
    label.stage = stage;
    for (const char *at = cell; *at; at++)
        mix = mix * 31 + (unsigned char)*at;
    for (const char *at = role; *at; at++)
        mix = mix * 31 + (unsigned char)*at;
    rng_seed(&rng, mix, 1);
    options.pairs = 20;
    options.rounds = 5;
    fake_pair_init(&pair, 100e3);
    if (fake_run(&pair, &options, &a, &b, &result) != ST_OK)
        fail_msg("%s", status_message());
    for (int p = 0; p < result.pairs; p++) {
        double factor = ratio * exp(spread * (double)rng_normal(&rng));
        for (int r = 0; r < result.rounds; r++)
            for (int k = 0; k < result.best_of; k++) {
                size_t at = ((size_t)(p * result.rounds + r) * 2 + DUET_B) * (size_t)result.best_of + (size_t)k;
                result.batch[at].wall_ns = (uint64_t)((double)result.batch[at].wall_ns * factor);
                result.batch[at].cpu_ns = result.batch[at].wall_ns;
            }
    }
    result.host.blocks = 10;
    result.host.blocks_busy = busy;
    result.host.blocks_stolen = 0;
    result.host.steal_ratio_median = 0;
    result.host.runnable_median = 0;
    COMPARE_OK(compare_raw_append(dir, &label, &result, &raw));
    compare_raw_free(&raw);
}

#endif
