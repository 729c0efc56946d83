#include "run_cold.h"

#include <stdio.h>
#include <string.h>

#include "measure/process.h"
#include "measure/spawn.h"
#include "measure/stats.h"
#include "run_command.h"

enum { PROCESS_ROUNDS = 3, PROCESS_RUNS = 3, PROCESS_TIMES = PROCESS_ROUNDS * PROCESS_RUNS, COLD_STARTS = 9 };
static const double cold_timeout_s = 60;

/* What one fresh process says of itself. */
struct cold_times {
    double load_ns, plan_ns, first_ns;
};

static void make_commands(const struct run_cold *cold, char *const *last, struct run_command *fp32,
                          struct run_command *self)
{
    run_command_make(cold->program, cold->fp32, cold->sample, cold->fp32_mask, cold->threads, last, fp32);
    run_command_make(cold->program, cold->model, cold->sample, cold->mask, cold->threads, last, self);
}

/* Forwards what must stop the run; anything else becomes a note. */
static enum status note_failure(enum status st, const char *what, struct record *r)
{
    char why[512];

    if (st == ST_OK || st == ST_INTERRUPTED || st == ST_NOMEM)
        return st;
    snprintf(why, sizeof why, "%s", status_message());
    return record_add_note(r, "no %s: %s", what, why);
}

enum status run_cold_process(const struct run_cold *cold, struct record *r)
{
    char quiet[] = "--quiet", *const last[] = {quiet, NULL};
    struct run_command fp32, self;
    struct process_options options = process_defaults();
    struct stats_ratio ratio;
    double ms[2 * PROCESS_TIMES], scratch[2 * PROCESS_TIMES];
    enum status st;

    make_commands(cold, last, &fp32, &self);
    options.rounds = PROCESS_ROUNDS;
    options.runs = PROCESS_RUNS;
    options.stop = cold->stop;
    st = process_times(&options, (struct process_command[]){{"fp32", fp32.argv}, {cold->cell, self.argv}}, 2, ms);
    if (st != ST_OK)
        return note_failure(st, "whole-process time", r);
    ratio = stats_ratio(ms, ms + PROCESS_TIMES, PROCESS_TIMES, scratch);
    r->process_ratio_vs_fp32 = ratio.ratio;
    r->process_ratio_ci95[0] = ratio.lo;
    r->process_ratio_ci95[1] = ratio.hi;
    stats_sort(ms + PROCESS_TIMES, PROCESS_TIMES);
    r->process_ms_median = stats_median(ms + PROCESS_TIMES, PROCESS_TIMES);
    return ST_OK;
}

/* The line {"load_ns":...} in what the process printed; warnings may stand before it. */
static enum status read_times(const char *name, const char *printed, struct cold_times *out)
{
    const char *line = strstr(printed, "{\"load_ns\"");
    struct json doc;
    enum status st;

    if (!line)
        return status_fail(ST_FORMAT, "%s: it printed no times", name);
    TRY(json_parse("run --times", line, strcspn(line, "\n"), &doc));
    TRY_OUT(json_real(&doc, doc.root, "", "load_ns", 1, 1e13, &out->load_ns));
    TRY_OUT(json_real(&doc, doc.root, "", "plan_ns", 1, 1e13, &out->plan_ns));
    TRY_OUT(json_real(&doc, doc.root, "", "first_ns", 1, 1e13, &out->first_ns));
out:
    json_free(&doc);
    return st;
}

static enum status one_start(const struct run_cold *cold, const char *name, char *const *argv, struct cold_times *out)
{
    char printed[1024] = "";
    int exit_code = 0;

    TRY(spawn_run(argv, cold_timeout_s, cold->stop, printed, sizeof printed, &exit_code));
    if (exit_code != 0) {
        printed[strcspn(printed, "\n")] = 0;
        return status_fail(ST_IO, "%s: run --times ended with %d: %.200s", name, exit_code, printed);
    }
    return read_times(name, printed, out);
}

static enum status all_starts(const struct run_cold *cold, struct cold_times *fp32, struct cold_times *self)
{
    char times[] = "--times", *const last[] = {times, NULL};
    struct run_command commands[2];

    make_commands(cold, last, &commands[0], &commands[1]);
    for (int i = 0; i < COLD_STARTS; i++)
        for (int turn = 0; turn < 2; turn++) {
            int which = (i + turn) % 2; /* fp32 first, then last, ... */
            TRY(one_start(cold, which ? cold->cell : "fp32", commands[which].argv, which ? &self[i] : &fp32[i]));
        }
    return ST_OK;
}

static void put(double *x, double *median, double ci[2])
{
    struct stats_interval interval;

    stats_sort(x, COLD_STARTS);
    interval = stats_median_interval(x, COLD_STARTS, 0.95);
    *median = stats_median(x, COLD_STARTS);
    ci[0] = interval.lo;
    ci[1] = interval.hi;
}

enum status run_cold_start(const struct run_cold *cold, struct record *r)
{
    struct cold_times fp32[COLD_STARTS], self[COLD_STARTS];
    double load[COLD_STARTS], plan[COLD_STARTS], first[COLD_STARTS], a[COLD_STARTS], b[COLD_STARTS];
    double scratch[2 * COLD_STARTS];
    struct stats_ratio ratio;
    enum status st = all_starts(cold, fp32, self);

    if (st != ST_OK)
        return note_failure(st, "cold start", r);
    for (int i = 0; i < COLD_STARTS; i++) {
        load[i] = self[i].load_ns;
        plan[i] = self[i].plan_ns;
        first[i] = self[i].first_ns;
        a[i] = fp32[i].load_ns + fp32[i].plan_ns + fp32[i].first_ns;
        b[i] = load[i] + plan[i] + first[i];
    }
    ratio = stats_ratio(a, b, COLD_STARTS, scratch);
    r->cold_ratio_vs_fp32 = ratio.ratio;
    r->cold_ratio_ci95[0] = ratio.lo;
    r->cold_ratio_ci95[1] = ratio.hi;
    put(load, &r->load_ns_median, r->load_ns_ci95);
    put(plan, &r->plan_ns_median, r->plan_ns_ci95);
    put(first, &r->first_ns_median, r->first_ns_ci95);
    r->cold_n = COLD_STARTS;
    return ST_OK;
}
