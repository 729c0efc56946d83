#define _GNU_SOURCE
#include "compare/compare_paired.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "compare/compare_check.h"
#include "compare/compare_extra.h"
#include "compare/compare_gate.h"
#include "compare/compare_raw.h"
#include "measure/stats.h"
#include "rundir.h"

enum { SENTINEL_SETS = 3, LOOKS = 5, STAGE_MAX_PAIRS = 4 * DUET_MAX_PAIRS };
/* A sentinel must be quick enough to be measured three times in any run. */
#define SENTINEL_MAX_NS 20e6
/* Blocks of 200 ms before a busy machine ends the run, and the share that does. */
#define BLOCKS_ENOUGH 50
#define BLOCKS_BAD 0.5

struct unit {
    enum compare_role role;
    size_t cell;
};

struct work {
    const struct compare_options *options;
    struct compare_raw raw;
    struct compare_checks checks;
    struct unit *unit; /* owned; in running order */
    size_t units;
    double start_s, d[STAGE_MAX_PAIRS];
    size_t done, planned;
    int parts; /* measured in this sweep */
    int refused;
};

struct compare_options compare_defaults(void)
{
    struct compare_options options;
    struct duet_options duet = duet_defaults();

    memset(&options, 0, sizeof options);
    options.pairs = duet.pairs;
    options.rounds = duet.rounds;
    options.seed = 1;
    options.gate_ratio = 0.02;
    options.budget_s = 15 * 60;
    options.wait_s = 30;
    options.attempt = 1;
    options.inject_ratio = 1;
    return options;
}

/* ------------------------------------------------------------------ the folder */

static enum status settings_json(const struct compare_options *o, cJSON **out)
{
    cJSON *run = cJSON_CreateObject(), *cells = NULL;
    enum status st = run ? compare_cells_json(&o->cells, &cells) : status_fail(ST_NOMEM, "no memory for env.json");
    char seed[32];

    if (st != ST_OK) {
        cJSON_Delete(run);
        return st;
    }
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    cJSON_AddStringToObject(run, "kind", "comparison");
    cJSON_AddStringToObject(run, "mode", o->kind);
    cJSON_AddStringToObject(run, "name_a", o->name_a);
    cJSON_AddStringToObject(run, "name_b", o->name_b);
    cJSON_AddStringToObject(run, "label_a", o->label_a);
    cJSON_AddStringToObject(run, "label_b", o->label_b);
    cJSON_AddStringToObject(run, "again", o->again);
    cJSON_AddStringToObject(run, "program_a", o->a.program);
    cJSON_AddStringToObject(run, "program_b", o->b.program);
    cJSON_AddStringToObject(run, "seed", seed);
    cJSON_AddNumberToObject(run, "pairs", o->pairs);
    cJSON_AddNumberToObject(run, "rounds", o->rounds);
    cJSON_AddNumberToObject(run, "gate_ratio", o->gate_ratio);
    cJSON_AddNumberToObject(run, "attempt", o->attempt);
    cJSON_AddBoolToObject(run, "blind", o->blind);
    cJSON_AddNumberToObject(run, "inject_ratio", o->inject_ratio);
    cJSON_AddItemToObject(run, "cells", cells);
    *out = run;
    return ST_OK;
}

static enum status open_dir(const struct compare_options *o)
{
    static const char *const keys[] = {"mode", "program_a", "program_b", "seed", NULL};
    char env[PATH_MAX], verdict[PATH_MAX];
    enum status st;
    cJSON *run;

    TRY(file_make_dirs(o->dir));
    TRY(file_join(env, sizeof env, o->dir, "env.json"));
    TRY(file_join(verdict, sizeof verdict, o->dir, "verdict.json"));
    if (!o->resume && file_exists(env))
        return status_fail(ST_BADARG, "%s already holds a run; give --resume or another folder", o->dir);
    if (o->resume && !file_exists(env))
        return status_fail(ST_BADARG, "--resume: %s holds no comparison (no env.json)", o->dir);
    TRY(settings_json(o, &run));
    if (!o->resume)
        return rundir_write_env(env, o->argc, o->argv, run);
    st = rundir_check_same(env, o->dir, run, keys);
    cJSON_Delete(run);
    return st;
}

static enum status write_refusal(const struct compare_options *o, const char *reason)
{
    char path[PATH_MAX], text[512];

    TRY(file_join(path, sizeof path, o->dir, "refused.txt"));
    snprintf(text, sizeof text, "%s\n", reason);
    return file_write_atomic(path, text, strlen(text));
}

/* ------------------------------------------------------------------ a quiet machine */

/* Five looks of 0.2 s. 1 if others leave no processor for us or the hypervisor takes it away. */
static int machine_is_busy(char *reason, size_t size)
{
    struct host_watch watch;
    struct host_watch_summary summary;
    struct timespec pause = {0, 210000000};

    host_watch_begin(&watch, -1, "/proc/stat");
    host_watch_tick(&watch, progress_now_s());
    for (int i = 0; i < LOOKS; i++) {
        nanosleep(&pause, NULL);
        host_watch_tick(&watch, progress_now_s());
    }
    host_watch_end(&watch, &summary);
    snprintf(reason, size,
             "in %d of %d looks at /proc/stat as many other processes as CPUs were ready to run, in %d the hypervisor "
             "took over 20 %% of the time.",
             summary.blocks_busy, summary.blocks, summary.blocks_stolen);
    return 2 * (summary.blocks_busy > summary.blocks_stolen ? summary.blocks_busy : summary.blocks_stolen) >
           summary.blocks;
}

static enum status wait_for_quiet(struct work *w)
{
    const struct compare_options *o = w->options;
    double until_s = progress_now_s() + o->wait_s;
    char reason[300];
    int said = 0;

    if (o->wait_s < 0)
        return ST_OK;
    while (machine_is_busy(reason, sizeof reason)) {
        if (o->stop && *o->stop)
            return status_fail(ST_INTERRUPTED, "interrupted while waiting for a quiet machine");
        if (progress_now_s() >= until_s) {
            w->refused = 1;
            return write_refusal(o, reason);
        }
        if (!said++)
            fprintf(stderr, "waiting up to %.0f s for a quiet machine: %s\n", o->wait_s, reason);
    }
    return ST_OK;
}

/* Ends a run that cannot become one: what is measured so far is kept. */
static enum status check_blocks(struct work *w)
{
    double blocks = 0, busy = 0, stolen = 0;
    char reason[300];

    for (size_t i = 0; i < w->raw.n; i++) {
        blocks += w->raw.entry[i].result.host.blocks;
        busy += w->raw.entry[i].result.host.blocks_busy;
        stolen += w->raw.entry[i].result.host.blocks_stolen;
    }
    if (w->options->wait_s < 0 || blocks < BLOCKS_ENOUGH || fmax(busy, stolen) <= BLOCKS_BAD * blocks)
        return ST_OK;
    snprintf(reason, sizeof reason,
             "ended early: in %.0f of %.0f blocks of 200 ms others needed every CPU, in %.0f the hypervisor took over "
             "20 %% of the time.",
             busy, blocks, stolen);
    w->refused = 1;
    return write_refusal(w->options, reason);
}

/* ------------------------------------------------------------------ what to run */

static int by_hint(const void *left, const void *right, void *context)
{
    const struct compare_cell *cell = context;
    double a = cell[*(const size_t *)left].hint_ns, b = cell[*(const size_t *)right].hint_ns;

    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

/* Cells to try the ruler on: of middle length, the quickest, the slowest that is quick enough. */
static enum status pick_sentinels(const struct compare_cells *cells, size_t out[SENTINEL_SETS], int *out_sets)
{
    size_t *order = malloc(cells->n * sizeof *order), fit = 0, one = 0;

    if (!order)
        return status_fail(ST_NOMEM, "no memory for %zu cells", cells->n);
    for (size_t i = 0; i < cells->n; i++)
        if (cells->cell[i].threads == 1)
            order[one++] = i;
    for (size_t i = 0; one == 0 && i < cells->n; i++)
        order[i] = i;
    one = one ? one : cells->n;
    qsort_r(order, one, sizeof *order, by_hint, cells->cell);
    while (fit < one && !(cells->cell[order[fit]].hint_ns > SENTINEL_MAX_NS))
        fit++;
    fit = fit ? fit : 1;
    out[0] = order[fit / 2];
    out[1] = order[0];
    out[2] = order[fit - 1];
    *out_sets = fit < SENTINEL_SETS ? (int)fit : SENTINEL_SETS;
    free(order);
    return ST_OK;
}

static void add_unit(struct work *w, enum compare_role role, size_t cell)
{
    w->unit[w->units++] = (struct unit){role, cell};
}

static void add_sentinels(struct work *w, size_t cell)
{
    add_unit(w, COMPARE_SENTINEL_AA, cell);
    add_unit(w, COMPARE_SENTINEL_RELINKED, cell);
    add_unit(w, COMPARE_SENTINEL_INJECTED, cell);
}

/* Sentinels at the beginning, in the middle and at the end: the machine's mood may change. */
static enum status list_units(struct work *w)
{
    const struct compare_cells *cells = &w->options->cells;
    size_t sentinel[SENTINEL_SETS] = {0};
    int sets = 0;

    TRY(pick_sentinels(cells, sentinel, &sets));
    w->unit = calloc(cells->n + 3 * SENTINEL_SETS, sizeof *w->unit);
    if (!w->unit)
        return status_fail(ST_NOMEM, "no memory for %zu units", cells->n);
    add_sentinels(w, sentinel[0]);
    for (size_t i = 0; i < cells->n; i++) {
        if (sets > 1 && i == cells->n / 2)
            add_sentinels(w, sentinel[1]);
        add_unit(w, COMPARE_CELL, i);
    }
    if (sets > 2)
        add_sentinels(w, sentinel[2]);
    return ST_OK;
}

/* ------------------------------------------------------------------ measuring */

static uint64_t unit_seed(const struct compare_options *o, const struct compare_cell *cell, enum compare_role role,
                          int stage, int part)
{
    uint64_t mix = o->seed + 0x9e3779b97f4a7c15u * (uint64_t)(1 + 64 * (int)role + 8 * stage + part);

    for (const char *at = cell->cell; *at; at++)
        mix = mix * 0x100000001b3u + (unsigned char)*at;
    return mix;
}

static struct duet_options duet_options_for(const struct work *w, uint64_t seed)
{
    struct duet_options options = duet_defaults();

    options.pairs = w->options->pairs;
    options.rounds = w->options->rounds;
    options.seed = seed;
    options.stop = w->options->stop;
    return options;
}

static enum status measure_part(struct work *w, const struct unit *unit, int stage, int part, int *out_failed)
{
    const struct compare_options *o = w->options;
    const struct compare_cell *cell = &o->cells.cell[unit->cell];
    struct duet_options options = duet_options_for(w, unit_seed(o, cell, unit->role, stage, part));
    struct compare_arms arms;
    struct duet_label label;
    struct duet_result result;
    enum status st;

    compare_arms_fill(&o->a, &o->b, cell, unit->role, stage, &arms);
    if (unit->role == COMPARE_CELL)
        arms.b.inflate_ratio = o->inject_ratio;
    memset(&label, 0, sizeof label);
    snprintf(label.cell, sizeof label.cell, "%s", cell->cell);
    snprintf(label.role, sizeof label.role, "%s", compare_role_word(unit->role));
    label.stage = stage;
    st = duet_run(&options, &arms.a, &arms.b, &result);
    if (st == ST_INTERRUPTED || st == ST_NOMEM || st == ST_BADARG)
        return status_prefix(st, "%s", cell->cell);
    if (st != ST_OK) { /* one bad cell does not stop the others; a sentinel that fails is missed by the verdict */
        char why[512];
        snprintf(why, sizeof why, "%s", status_message());
        fprintf(stderr, "%s, %s: %s\n", cell->cell, label.role, why);
        *out_failed = 1;
        return unit->role == COMPARE_CELL ? compare_check_note(o->dir, cell->cell, st, why, &w->checks) : ST_OK;
    }
    w->parts++;
    return compare_raw_append(o->dir, &label, &result, &w->raw);
}

static int collect(struct work *w, const struct unit *unit, int stage)
{
    return compare_raw_d(&w->raw, w->options->cells.cell[unit->cell].cell, compare_role_word(unit->role), stage, w->d,
                         STAGE_MAX_PAIRS);
}

static void say(struct work *w, const struct unit *unit, int stage)
{
    const struct compare_cell *cell = &w->options->cells.cell[unit->cell];
    int n = collect(w, unit, stage), kept = 0;
    char left[32];
    struct stats_interval interval;

    for (int i = 0; i < n; i++)
        if (isfinite(w->d[i]))
            w->d[kept++] = w->d[i];
    stats_sort(w->d, kept);
    interval = stats_median_interval(w->d, kept, 0.95);
    w->done++;
    progress_duration((progress_now_s() - w->start_s) / (double)w->done * (double)(w->planned - w->done), left,
                      sizeof left);
    fprintf(stderr, "[%zu/%zu, %s left] %-44s %-17s x%.4f (%.4f-%.4f), %d pairs%s\n", w->done, w->planned, left,
            cell->cell, unit->role == COMPARE_CELL ? "" : compare_role_word(unit->role), exp(stats_median(w->d, kept)),
            exp(interval.lo), exp(interval.hi), n, stage > 1 ? ", again" : "");
}

static struct gate_options gate_options_for(const struct work *w)
{
    struct gate_options options = gate_defaults((int)w->options->cells.n);

    options.gate_ratio = w->options->gate_ratio;
    return options;
}

/* The confirmation has as many pairs as the sweep had. */
static int stage1_parts(const struct work *w, const struct unit *unit)
{
    return compare_raw_pairs(&w->raw, w->options->cells.cell[unit->cell].cell, compare_role_word(unit->role), 1) /
           w->options->pairs;
}

/* Whatever is measured may be judged: identical code is not measured at all. */
static enum status judge_unit(struct work *w, const struct unit *unit, struct gate_result *out)
{
    struct gate_options gate = gate_options_for(w);
    const struct compare_cell *cell = &w->options->cells.cell[unit->cell];
    const char *role = compare_role_word(unit->role);
    struct compare_gate_facts facts = {NAN, 0, 0, 0};

    return compare_gate_unit(&gate, &w->raw, cell->cell, role, &facts, out);
}

/* More pairs for one unit must leave the others of the sweep their first ones. */
static int time_for_more(const struct work *w)
{
    double spent_s = progress_now_s() - w->start_s;
    double part_s = spent_s / (w->parts > 0 ? w->parts : 1);

    return spent_s + part_s * (double)(w->planned - w->done) <= w->options->budget_s;
}

/* One unit of a stage: more pairs as long as their spread asks for it and there is time. What is there already is not
 * measured again. */
static enum status measure_unit(struct work *w, const struct unit *unit, int stage)
{
    const struct compare_options *o = w->options;
    const struct compare_cell *cell = &o->cells.cell[unit->cell];
    const char *role = compare_role_word(unit->role);
    struct gate_options gate = gate_options_for(w);
    int want = stage == 1 ? 1 : stage1_parts(w, unit), failed = 0;

    for (;;) {
        int part = compare_raw_pairs(&w->raw, cell->cell, role, stage) / o->pairs;
        struct gate_result result;
        if (part < want) {
            TRY(measure_part(w, unit, stage, part, &failed));
            if (!failed)
                continue;
            w->done++;
            return ST_OK;
        }
        if (stage > 1 || !time_for_more(w))
            break;
        TRY(judge_unit(w, unit, &result));
        want = gate_wants_more(&gate, &result, part);
        if (want <= part)
            break;
    }
    say(w, unit, stage);
    return check_blocks(w);
}

static enum status check_cells(struct work *w)
{
    const struct compare_options *o = w->options;

    for (size_t i = 0; i < o->cells.n; i++) {
        const struct compare_cell *cell = &o->cells.cell[i];
        struct duet_options options = duet_options_for(w, o->seed);
        if (!compare_check_find(&w->checks, cell->cell))
            TRY(compare_check_cell(o->dir, &options, &o->a, &o->b, cell, &w->checks));
    }
    return ST_OK;
}

/* Wrong or failing sides get no time, and identical code needs none: it cannot have become slower. */
static int may_run(const struct work *w, const struct unit *unit)
{
    const struct compare_check *check = compare_check_find(&w->checks, w->options->cells.cell[unit->cell].cell);

    if (!check || check->wrong || check->failed)
        return 0;
    return w->options->blind || check->code_same != 1;
}

/* A resumed run may have begun with it. */
static enum status wants_stage2(struct work *w, const struct unit *unit, int *out)
{
    struct gate_options gate = gate_options_for(w);
    struct gate_result result;
    const char *cell = w->options->cells.cell[unit->cell].cell;

    *out = compare_raw_pairs(&w->raw, cell, compare_role_word(unit->role), 2) > 0;
    if (*out)
        return ST_OK;
    TRY(judge_unit(w, unit, &result));
    *out = gate_wants_stage2(&gate, &result);
    return ST_OK;
}

static enum status sweep(struct work *w, int stage)
{
    w->done = w->planned = 0;
    w->parts = 0;
    w->start_s = progress_now_s();
    for (int pass = 0; pass < 2; pass++) /* counted first, for the time left */
        for (size_t i = 0; i < w->units && !w->refused; i++) {
            const struct unit *unit = &w->unit[i];
            int wanted = may_run(w, unit);
            if (wanted && stage > 1)
                TRY(wants_stage2(w, unit, &wanted));
            if (!wanted)
                continue;
            if (pass == 0)
                w->planned++;
            else
                TRY(measure_unit(w, unit, stage));
        }
    return ST_OK;
}

static enum status run(struct work *w)
{
    const struct compare_options *o = w->options;
    char path[PATH_MAX];

    TRY(open_dir(o));
    TRY(file_join(path, sizeof path, o->dir, "refused.txt"));
    (void)unlink(path); /* of an earlier try that is now resumed */
    TRY(compare_raw_load(o->dir, &w->raw));
    TRY(compare_check_load(o->dir, &w->checks));
    TRY(list_units(w));
    TRY(wait_for_quiet(w));
    if (w->refused)
        return ST_OK;
    TRY(check_cells(w));
    TRY(sweep(w, 1));
    if (!w->refused)
        TRY(sweep(w, 2));
    return w->refused ? ST_OK : compare_extra_measure(o);
}

enum status compare_measure(const struct compare_options *options)
{
    struct work *w = calloc(1, sizeof *w);
    enum status st;

    if (!w)
        return status_fail(ST_NOMEM, "no memory to compare");
    w->options = options;
    st = run(w);
    compare_raw_free(&w->raw);
    compare_check_free(&w->checks);
    free(w->unit);
    free(w);
    return st;
}
