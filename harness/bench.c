#include "bench.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/live.h"
#include "base/progress.h"
#include "base/resource.h"
#include "bench_line.h"
#include "run.h"
#include "rundir.h"
#include "shard.h"

enum { NOISE_TRAIN = 64, NOISE_VALID = 0, NOISE_TEST = 4 }; /* random images: for calibration and checks */

struct bench {
    const struct bench_options *options;
    struct suite suite;
    struct plan plan;
    struct dataset_splits data;
    struct run_context run;
    char dir[PATH_MAX];
    struct records before; /* what a resumed run has already */
    int resumed;
    /* artifacts of the group in work, and the FP32 baseline of its model and seed */
    struct artifact artifact, fp32;
    int group_model, group_recipe, fp32_model;
    uint64_t group_seed, fp32_seed;
    char no_counter[512]; /* why this machine's energy cannot be measured */
    struct live live;
    int id_width;    /* of the longest cell id */
    int noise_model; /* whose shape the random data has; -1: none */
    int count[4];    /* ok, skip, failed, mismatch */
};

static const char *const status_words[4] = {"ok", "skip", "failed", "mismatch"};

/* "sse41,avx2": the levels of the SIMD cells. */
static void name_levels(const struct bench_options *options, char *out, size_t size)
{
    size_t used = 0;

    out[0] = 0;
    for (int i = 0; i < options->plan.levels && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", options->plan.level[i].name);
    if (options->plan.levels == 0)
        snprintf(out, size, "%s", kn_isa_name(options->isa));
}

/* The settings that decide what a record says; a resumed run must have the same. */
static enum status settings_json(const struct bench *bench, cJSON **out)
{
    cJSON *run = cJSON_CreateObject();
    cJSON *seeds = run ? cJSON_AddArrayToObject(run, "seeds") : NULL;
    char levels[128];
    enum status st;

    if (!seeds) {
        cJSON_Delete(run);
        return status_fail(ST_NOMEM, "no memory for env.json");
    }
    cJSON_AddStringToObject(run, "suite", bench->suite.name);
    cJSON_AddStringToObject(run, "suite_sha256", bench->suite.sha256);
    cJSON_AddStringToObject(run, "data", bench->data.name);
    cJSON_AddStringToObject(run, "data_sha256", bench->data.sha256);
    name_levels(bench->options, levels, sizeof levels);
    cJSON_AddStringToObject(run, "isa", levels);
    cJSON_AddStringToObject(run, "energy_sha256", bench->run.energy.table[0].sha256);
    for (int i = 0; i < bench->suite.seeds; i++)
        cJSON_AddItemToArray(seeds, cJSON_CreateNumber((double)bench->suite.seed[i]));
    st = shard_describe(&bench->suite, &bench->options->plan, &bench->plan, run);
    if (st == ST_OK)
        *out = run;
    else
        cJSON_Delete(run);
    return st;
}

static enum status write_env(const struct bench *bench, const char *path)
{
    const struct energy_counter *counter = &bench->run.counter;
    cJSON *run;

    TRY(settings_json(bench, &run));
    cJSON_AddStringToObject(run, "suite_file", bench->options->suite_file);
    cJSON_AddStringToObject(run, "energy_measured",
                            counter->source == ENERGY_SOURCE_NONE ? bench->no_counter : counter->kind);
    if (counter->source != ENERGY_SOURCE_NONE)
        cJSON_AddStringToObject(run, "energy_counter", counter->name);
    cJSON_AddNumberToObject(run, "worker_threads", bench->options->jobs);
    return rundir_write_env(path, bench->options->argc, bench->options->argv, run);
}

static enum status check_same_run(const struct bench *bench, const char *path)
{
    static const char *const keys[] = {"suite_sha256", "data_sha256", "isa", "energy_sha256", SHARD_SAME_KEYS, NULL};
    cJSON *now;
    enum status st;

    TRY(settings_json(bench, &now));
    st = rundir_check_same(path, bench->dir, now, keys);
    cJSON_Delete(now);
    return st;
}

static enum status open_dir(struct bench *bench)
{
    char env[PATH_MAX], records[PATH_MAX];

    TRY(file_make_dirs(bench->dir));
    TRY(file_join(env, sizeof env, bench->dir, "env.json"));
    TRY(file_join(records, sizeof records, bench->dir, "records.jsonl"));
    if (bench->options->resume) {
        if (!file_exists(env))
            return status_fail(ST_BADARG, "--resume: %s holds no run (no env.json)", bench->dir);
        TRY(check_same_run(bench, env));
        rundir_warn_now();
        if (file_exists(records)) {
            /* A first record that was cut off leaves nothing to keep. */
            bench->resumed = records_load(bench->dir, &bench->before) == ST_OK;
        }
        return ST_OK;
    }
    if (file_exists(records))
        return status_fail(ST_BADARG, "%s already holds records; give --resume or another folder", bench->dir);
    TRY(write_env(bench, env));
    if (!bench->options->out_dir)
        TRY(file_point_link(strrchr(bench->dir, '/') + 1, "results/latest"));
    return ST_OK;
}

static enum status write_sample(struct bench *bench, const char *name)
{
    const struct dataset *test = &bench->data.test;

    TRY(file_join(bench->run.sample, sizeof bench->run.sample, bench->dir, name));
    return file_write_atomic(bench->run.sample, test->pixels, (size_t)test->c * (size_t)test->h * (size_t)test->w);
}

static int finished_before(const struct bench *bench, const struct plan_cell *cell)
{
    const struct record *r = bench->resumed ? records_find(&bench->before, cell->id) : NULL;
    return r && (strcmp(r->status, "ok") == 0 || strcmp(r->status, "skip") == 0);
}

/* Random inputs of the model's own shape; what reads one image from a file gets one of these. */
static enum status open_noise(struct bench *bench, int model)
{
    const struct graph *graph = &bench->suite.model[model].graph;
    const struct value *in = &graph->value[graph_input(graph)], *out = &graph->value[graph_output(graph)];
    size_t outputs = value_count(out);

    if (bench->noise_model == model)
        return ST_OK;
    dataset_free(&bench->data);
    bench->noise_model = model;
    return dataset_noise(in->dim[0], in->dim[1], in->dim[2], outputs < 256 ? (int)outputs : 256, NOISE_TRAIN,
                         NOISE_VALID, NOISE_TEST, 1, &bench->data);
}

static enum status prepare_noise(struct bench *bench, int model)
{
    char name[GRAPH_NAME + 16];

    if (!bench->suite.noise || bench->noise_model == model)
        return ST_OK;
    TRY(open_noise(bench, model));
    snprintf(name, sizeof name, "sample-%s.u8", bench->suite.model[model].graph.name);
    return write_sample(bench, name);
}

/* The cell's artifact and its baseline, made when the group changes. */
static enum status prepare(struct bench *bench, const struct plan_cell *cell)
{
    const struct artifact_context *context = &bench->run.artifacts;

    TRY(prepare_noise(bench, cell->model));
    if (bench->fp32_model != cell->model || bench->fp32_seed != cell->seed) {
        artifact_free(&bench->fp32);
        bench->fp32_model = -1;
        TRY(artifact_make(context, cell->model, 0, cell->seed, &bench->fp32));
        bench->fp32_model = cell->model;
        bench->fp32_seed = cell->seed;
    }
    if (cell->recipe == 0 ||
        (bench->group_model == cell->model && bench->group_recipe == cell->recipe && bench->group_seed == cell->seed))
        return ST_OK;
    artifact_free(&bench->artifact);
    bench->group_model = -1;
    TRY(artifact_make(context, cell->model, cell->recipe, cell->seed, &bench->artifact));
    bench->group_model = cell->model;
    bench->group_recipe = cell->recipe;
    bench->group_seed = cell->seed;
    return ST_OK;
}

/* --train-only: what the matrix takes time for before its cells, and nothing else. */
static enum status train_all(struct bench *bench)
{
    const struct plan_cell *last = NULL;
    int made = 0, failed = 0;

    for (size_t i = 0; i < bench->plan.cells; i++) {
        const struct plan_cell *cell = &bench->plan.cell[i];
        struct artifact artifact = {0};
        if (last && last->model == cell->model && last->recipe == cell->recipe && last->seed == cell->seed)
            continue;
        last = cell;
        if (bench->suite.noise)
            TRY(open_noise(bench, cell->model));
        TRY(artifact_train(&bench->run.artifacts, cell->model, cell->recipe, cell->seed, &artifact));
        made += artifact.made;
        failed += !artifact.made;
        fprintf(stderr, "%s %s: %s\n", bench->suite.model[cell->model].graph.name,
                bench->suite.recipe_name[cell->recipe],
                !artifact.made         ? artifact.reason
                : artifact.train_s > 0 ? "trained"
                                       : "from the cache");
        artifact_free(&artifact);
    }
    fprintf(stderr, "%d recipes in %s, %d failed\n", made, bench->options->cache_dir, failed);
    bench->count[2] = failed;
    return ST_OK;
}

/* The line of a finished cell; with --quiet only what did not go right has one. */
static void say(struct bench *bench, const struct record *record, size_t done, size_t all, double start_s)
{
    char left[32], line[BENCH_LINE];

    if (progress_silent() && strcmp(record->status, "ok") == 0)
        return;
    progress_duration((progress_now_s() - start_s) / (double)done * (double)(all - done), left, sizeof left);
    bench_line(record, done, all, left, bench->id_width, live_columns(&bench->live), line, sizeof line);
    live_clear(&bench->live);
    fprintf(stderr, "%s\n", line);
    live_head(&bench->live, "[%zu/%zu, %s left] ", done + (done < all), all, left);
}

static enum status run_cells(struct bench *bench)
{
    double start_s = progress_now_s();
    size_t done = 0, all = 0;

    for (size_t i = 0; i < bench->plan.cells; i++) {
        int width = (int)strlen(bench->plan.cell[i].id);
        all += !finished_before(bench, &bench->plan.cell[i]);
        bench->id_width = width > bench->id_width ? width : bench->id_width;
    }
    if (bench->resumed)
        fprintf(stderr, "resuming %s: %zu of %zu cells are left\n", bench->dir, all, bench->plan.cells);
    live_head(&bench->live, "[1/%zu] ", all);
    for (size_t i = 0; i < bench->plan.cells; i++) {
        const struct plan_cell *cell = &bench->plan.cell[i];
        struct record record;
        enum status st;
        if (finished_before(bench, cell))
            continue;
        TRY(prepare(bench, cell));
        st = run_cell(&bench->run, cell, cell->recipe == 0 ? &bench->fp32 : &bench->artifact, &bench->fp32, &record);
        if (st == ST_OK)
            st = rundir_append(bench->dir, &record);
        if (st == ST_OK) {
            for (int s = 0; s < 4; s++)
                bench->count[s] += strcmp(record.status, status_words[s]) == 0;
            say(bench, &record, ++done, all, start_s);
        }
        record_free(&record);
        TRY(st);
    }
    return ST_OK;
}

static enum status open_data(struct bench *bench)
{
    const struct suite *suite = &bench->suite;

    if (suite->noise)
        return open_noise(bench, 0);
    TRY(dataset_load(bench->options->data_dir, &bench->data));
    dataset_limit(&bench->data, suite->limit_train, suite->limit_valid, suite->limit_test);
    for (int i = 0; i < suite->models; i++)
        TRY(infer_check_shape(&suite->model[i].graph, &bench->data.test));
    return ST_OK;
}

/* The tables of constants and the machine's counter: before env.json, which names both. */
static enum status open_energy(struct bench *bench)
{
    static const char *const names[] = {"suites/energy/h45.json", "suites/energy/j7.json", "suites/energy/a40.json"};
    enum { NAMES = sizeof names / sizeof *names };
    char path[NAMES][PATH_MAX];
    const char *builtin[NAMES], *first = bench->options->energy_file;
    struct run_context *run = &bench->run;

    for (int i = 0; i < NAMES; i++) {
        TRY(resource_find(names[i], path[i], sizeof path[i]));
        builtin[i] = path[i];
    }
    if (!first && *bench->suite.energy_file)
        first = bench->suite.energy_file;
    TRY(energy_tables_load(first, builtin, NAMES, &run->energy));
    if (energy_counter_open(NULL, &run->counter) != ST_OK)
        snprintf(bench->no_counter, sizeof bench->no_counter, "%s", status_message());
    run->windows = energy_windows_defaults();
    run->windows.windows = bench->options->energy_windows;
    run->windows.stop = bench->options->stop;
    return ST_OK;
}

static enum status open_context(struct bench *bench)
{
    struct run_context *run = &bench->run;
    const struct bench_options *options = bench->options;

    run->artifacts.suite = &bench->suite;
    run->artifacts.data = &bench->data;
    run->artifacts.dir = bench->dir;
    run->artifacts.cache_dir = *options->cache_dir ? options->cache_dir : NULL;
    run->artifacts.stop = options->stop;
    run->artifacts.live = &bench->live;
    kn_table_init(&run->artifacts.ref, 0);
    kn_table_init(&run->artifacts.simd, options->isa);
    TRY(pool_new(options->jobs, &run->artifacts.pool));
    clock_system(&run->clock);
    run->instructions = options->instructions;
    run->budget_s = bench->suite.budget_s;
    if (!options->no_process) {
        ssize_t len = readlink("/proc/self/exe", run->program, sizeof run->program - 1);
        run->program[len > 0 ? len : 0] = 0;
    }
    return ST_OK;
}

static enum status run_all(struct bench *bench)
{
    const struct bench_options *options = bench->options;

    TRY(suite_load(options->suite_file, &bench->suite));
    if (options->seeds)
        TRY(suite_set_seeds(&bench->suite, options->seeds));
    suite_set_axes(&bench->suite, &options->axes);
    TRY(plan_expand(&bench->suite, &options->plan, &bench->plan));
    if (options->list) {
        for (size_t i = 0; i < bench->plan.cells; i++)
            printf("%s\n", bench->plan.cell[i].id);
        return ST_OK;
    }
    TRY(open_data(bench));
    if (options->train_only) {
        TRY(open_context(bench));
        return train_all(bench);
    }
    TRY(rundir_name(options->out_dir, options->resume, "results/latest", bench->dir));
    if (options->plan.shards > 1 && !options->out_dir && !options->resume) /* several may start in the same second */
        snprintf(bench->dir + strlen(bench->dir), sizeof bench->dir - strlen(bench->dir), "-%dof%d",
                 options->plan.shard, options->plan.shards);
    TRY(open_energy(bench));
    TRY(open_dir(bench));
    TRY(open_context(bench));
    TRY(write_sample(bench, "sample.u8"));
    bench->noise_model = -1; /* the first model writes its own */
    TRY(run_cells(bench));
    live_clear(&bench->live);
    fprintf(stderr, "%d ok, %d skipped, %d failed, %d wrong: %s\n", bench->count[0], bench->count[1], bench->count[2],
            bench->count[3], bench->dir);
    rundir_repeat_warnings(bench->dir);
    return ST_OK;
}

enum status bench_run(const struct bench_options *options, int *exit_code)
{
    struct bench *bench = calloc(1, sizeof *bench);
    enum status st;

    if (!bench)
        return status_fail(ST_NOMEM, "no memory");
    bench->options = options;
    bench->group_model = bench->fp32_model = bench->noise_model = -1;
    live_begin(&bench->live);
    st = run_all(bench);
    live_clear(&bench->live);
    if (st == ST_INTERRUPTED && options->train_only)
        status_fail(st, "interrupted; finished steps are in the cache, the same command goes on");
    else if (st == ST_INTERRUPTED)
        rundir_interrupted(options->argc, options->argv, bench->dir);
    else if (st == ST_OK)
        *exit_code = bench->count[3] ? 5 : bench->count[2] ? 2 : 0;
    artifact_free(&bench->artifact);
    artifact_free(&bench->fp32);
    pool_free(bench->run.artifacts.pool);
    energy_counter_close(&bench->run.counter);
    if (bench->resumed)
        records_free(&bench->before);
    plan_free(&bench->plan);
    dataset_free(&bench->data);
    suite_free(&bench->suite);
    free(bench);
    return st;
}
