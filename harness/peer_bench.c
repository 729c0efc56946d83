#include "peer_bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/progress.h"
#include "peer_run.h"
#include "peaks.h"
#include "rundir.h"

static const char link_name[] = "results/latest-peers";
static const double peak_run_s = 0.02;

struct bench {
    const struct peer_bench_options *options;
    struct peer_suite suite;
    struct kn_table table;
    struct peer_run_context run;
    char dir[PATH_MAX];
    struct records before; /* what a resumed run has already */
    int resumed;
    int count[4]; /* ok, skip, failed, mismatch */
};

static const char *const status_words[4] = {"ok", "skip", "failed", "mismatch"};

/* {"simd": ..., "peer:onednn-2.6.3": "native", ...}: what each may use, or why it does not take part. */
static enum status add_libraries(const struct bench *bench, cJSON *run)
{
    cJSON *libraries = cJSON_AddObjectToObject(run, "libraries");

    for (int i = 0; libraries && i < PEER_LIBRARIES; i++) {
        char kernel[96];
        if (!bench->suite.wanted[i])
            continue;
        peer_run_kernel(&bench->run, i, kernel, sizeof kernel);
        if (!cJSON_AddStringToObject(libraries, kernel,
                                     bench->run.usable[i] ? bench->run.peer[i].level : bench->run.why_not[i]))
            return status_fail(ST_NOMEM, "no memory for env.json");
    }
    return libraries ? ST_OK : status_fail(ST_NOMEM, "no memory for env.json");
}

static enum status settings_json(const struct bench *bench, cJSON **out)
{
    cJSON *run = cJSON_CreateObject();
    enum status st;

    if (!run || !cJSON_AddStringToObject(run, "kind", "peers") ||
        !cJSON_AddStringToObject(run, "suite", bench->suite.name) ||
        !cJSON_AddStringToObject(run, "suite_sha256", bench->suite.sha256) ||
        !cJSON_AddStringToObject(run, "isa", kn_isa_name(bench->options->isa)) ||
        !cJSON_AddStringToObject(run, "peers_capped", bench->options->capped ? "yes" : "no")) {
        cJSON_Delete(run);
        return status_fail(ST_NOMEM, "no memory for env.json");
    }
    st = add_libraries(bench, run);
    if (st != ST_OK)
        cJSON_Delete(run);
    else
        *out = run;
    return st;
}

static enum status write_env(const struct bench *bench, const char *path)
{
    cJSON *run, *peaks = NULL, *expect, *seeds;
    double seed = (double)bench->suite.seed;

    TRY(settings_json(bench, &run));
    cJSON_AddStringToObject(run, "suite_file", bench->options->suite_file);
    seeds = cJSON_CreateDoubleArray(&seed, 1);
    cJSON_AddItemToObject(run, "seeds", seeds);
    expect = bench->suite.expect ? cJSON_Duplicate(bench->suite.expect, 1) : cJSON_CreateArray();
    cJSON_AddItemToObject(run, "expect", expect);
    if (peaks_measure(peak_run_s, &bench->run.clock, &peaks) == ST_OK)
        cJSON_AddItemToObject(run, "peaks", peaks);
    else
        fprintf(stderr, "note: no roofline: %s\n", status_message());
    return rundir_write_env(path, bench->options->argc, bench->options->argv, run);
}

static enum status open_dir(struct bench *bench)
{
    static const char *const keys[] = {"kind", "suite_sha256", "isa", "peers_capped", NULL};
    char env[PATH_MAX], records[PATH_MAX];
    cJSON *now;
    enum status st;

    TRY(file_make_dirs(bench->dir));
    TRY(file_join(env, sizeof env, bench->dir, "env.json"));
    TRY(file_join(records, sizeof records, bench->dir, "records.jsonl"));
    if (bench->options->resume) {
        if (!file_exists(env))
            return status_fail(ST_BADARG, "--resume: %s holds no run (no env.json)", bench->dir);
        TRY(settings_json(bench, &now));
        st = rundir_check_same(env, bench->dir, now, keys);
        cJSON_Delete(now);
        TRY(st);
        /* A first record that was cut off leaves nothing to keep. */
        bench->resumed = file_exists(records) && records_load(bench->dir, &bench->before) == ST_OK;
        return ST_OK;
    }
    if (file_exists(records))
        return status_fail(ST_BADARG, "%s already holds records; give --resume or another folder", bench->dir);
    TRY(write_env(bench, env));
    return bench->options->out_dir ? ST_OK : file_point_link(strrchr(bench->dir, '/') + 1, link_name);
}

static int cell_batch(const struct bench *bench, const struct peer_cell *cell)
{
    return cell->shape >= 0 ? bench->suite.shape[cell->shape].batch : bench->suite.model[cell->model].batch;
}

/* Our own record is a cell's last. */
static int finished_before(const struct bench *bench, const struct peer_cell *cell)
{
    const struct record *r;
    char id[192];

    snprintf(id, sizeof id, "%s/simd/t1/b%d", cell->id, cell_batch(bench, cell));
    r = bench->resumed ? records_find(&bench->before, id) : NULL;
    return r && (strcmp(r->status, "ok") == 0 || strcmp(r->status, "skip") == 0);
}

static void say(const struct record *record, const char *left)
{
    char figures[160] = "";

    if (strcmp(record->status, "ok") == 0 && strcmp(record->kernel, "simd") == 0)
        snprintf(figures, sizeof figures, "%10.2f us", record->latency_ns_median / 1000);
    else if (strcmp(record->status, "ok") == 0)
        snprintf(figures, sizeof figures, "%10.2f us  ours %5.2fx as fast%s", record->latency_ns_median / 1000,
                 record->peer_ratio, record->inexact ? "  INEXACT" : "");
    else
        snprintf(figures, sizeof figures, "%s: %.120s", record->status, record->reason ? record->reason : "");
    fprintf(stderr, "%s %-58s %s\n", left, record->cell, figures);
}

static enum status run_cell(struct bench *bench, const struct peer_cell *cell, const char *left)
{
    struct record record[PEER_LIBRARIES];
    int count;
    enum status st = peer_run_cell(&bench->run, cell, record, &count);

    for (int i = 0; i < count && st == ST_OK; i++) {
        st = rundir_append(bench->dir, &record[i]);
        for (int s = 0; s < 4; s++)
            bench->count[s] += strcmp(record[i].status, status_words[s]) == 0;
        say(&record[i], left);
    }
    for (int i = 0; i < count; i++)
        record_free(&record[i]);
    return st;
}

static enum status run_cells(struct bench *bench)
{
    double start_s = progress_now_s();
    int done = 0, all = 0;

    for (int i = 0; i < bench->suite.cells; i++)
        all += !finished_before(bench, &bench->suite.cell[i]);
    if (bench->resumed)
        fprintf(stderr, "resuming %s: %d of %d cells are left\n", bench->dir, all, bench->suite.cells);
    for (int i = 0; i < bench->suite.cells; i++) {
        char left[64], time[32] = "";
        if (finished_before(bench, &bench->suite.cell[i]))
            continue;
        if (done > 0)
            progress_duration((progress_now_s() - start_s) / done * (all - done), time, sizeof time);
        snprintf(left, sizeof left, "[%d/%d%s%s]", done + 1, all, *time ? ", left: " : "", time);
        TRY(run_cell(bench, &bench->suite.cell[i], left));
        done++;
    }
    return ST_OK;
}

static enum status run_all(struct bench *bench)
{
    const struct peer_bench_options *options = bench->options;
    struct peer_settings settings = {options->isa, options->capped, &bench->table};

    TRY(peer_suite_load(options->suite_file, &bench->suite));
    TRY(peer_suite_filter(&bench->suite, options->filter));
    if (options->list) {
        for (int i = 0; i < bench->suite.cells; i++)
            printf("%s\n", bench->suite.cell[i].id);
        return ST_OK;
    }
    TRY(rundir_name(options->out_dir, options->resume, link_name, bench->dir));
    kn_table_init(&bench->table, options->isa);
    clock_system(&bench->run.clock);
    bench->run.suite = &bench->suite;
    bench->run.table = &bench->table;
    bench->run.budget_s = options->budget_s > 0 ? options->budget_s : bench->suite.budget_s;
    bench->run.stop = options->stop;
    peer_run_open(&bench->run, &settings);
    TRY(open_dir(bench));
    TRY(run_cells(bench));
    fprintf(stderr, "%d ok, %d skipped, %d failed, %d wrong: %s\n", bench->count[0], bench->count[1], bench->count[2],
            bench->count[3], bench->dir);
    rundir_repeat_warnings(bench->dir);
    return ST_OK;
}

enum status peer_bench_run(const struct peer_bench_options *options, int *exit_code)
{
    struct bench *bench = calloc(1, sizeof *bench);
    enum status st;

    if (!bench)
        return status_fail(ST_NOMEM, "no memory");
    bench->options = options;
    st = run_all(bench);
    if (st == ST_INTERRUPTED)
        rundir_interrupted(options->argc, options->argv, bench->dir);
    else if (st == ST_OK)
        *exit_code = bench->count[3] ? 5 : bench->count[2] ? 2 : 0;
    peer_run_close(&bench->run);
    if (bench->resumed)
        records_free(&bench->before);
    peer_suite_free(&bench->suite);
    free(bench);
    return st;
}
