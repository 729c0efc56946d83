/* The promises of the gate, by simulation: false alarms, power, interval coverage, symmetry, and what the MDE is worth.
 *
 *   build/release-cc/tests/verify_statistics [RUNS [THREADS [SEED]]]      (default 10000 2 1; or: make
 * verify-statistics)
 *
 * Prints a table per promise and exits 1 when one is broken, 2 when it could not run. The same arguments print the same
 * figures with any number of threads. */
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "gate_simulation.h"
#include "measure/changepoint.h"

struct verify {
    struct pool *pool;
    struct simulation *job;
    long runs;
    int broken;
};

static void promise(struct verify *v, int kept)
{
    printf("%s\n", kept ? "  kept" : "  BROKEN");
    v->broken += !kept;
    fflush(stdout);
}

/* Whether the true share can be as large as `share`: broken is only what chance does not explain. */
static int reaches(long part, long whole, double share)
{
    return whole == 0 || distribution_proportion_upper(part, whole, 0.99) >= share;
}

static int reaches_surely(long part, long whole, double share)
{
    return distribution_proportion_lower(part, whole, 0.99) >= share;
}

static struct simulation *fresh(struct verify *v, enum noise_kind kind, double sigma, double effect)
{
    struct simulation *job = v->job;
    job->options = gate_defaults(SIMULATION_CELLS);
    job->cell =
        (struct noise_cell){.kind = kind, .sigma = sigma, .effect = effect, .pairs = 20, .rounds = 15, .variants = 1};
    job->truth = effect;
    job->floor = FLOOR_PLAIN;
    job->relinked = 5;
    job->mde_effect = 0;
    job->runs = v->runs;
    job->cells = SIMULATION_CELLS;
    return job;
}

static double percent(long part, long whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : NAN;
}

static void verify_alarms(struct verify *v)
{
    printf("\nA/A: %ld runs of %d cells, sigma 1 to 10 %%; shares of runs with any false verdict, 95 %% upper bound\n",
           v->runs, SIMULATION_CELLS);
    printf("%-18s %10s %10s %10s %10s %9s %9s %9s %9s %9s %9s\n", "noise", "regressed", "at most", "improved",
           "at most", "no-change", "stage 2", "more", "covered", "pooled", "stage2");
    for (int kind = 0; kind <= NOISE_STEAL; kind++) {
        long t[TALLIES];
        double most, most_improved;
        simulate(v->pool, fresh(v, (enum noise_kind)kind, 0, 0), t);
        most = 100 * distribution_proportion_upper(t[T_RUNS_REGRESSED], t[T_RUNS], 0.95);
        most_improved = 100 * distribution_proportion_upper(t[T_RUNS_IMPROVED], t[T_RUNS], 0.95);
        printf("%-18s %8.2f %% %8.2f %% %8.2f %% %8.2f %% %7.1f %% %7.2f %% %7.1f %% %7.2f %%", noise_names[kind],
               percent(t[T_RUNS_REGRESSED], t[T_RUNS]), most, percent(t[T_RUNS_IMPROVED], t[T_RUNS]), most_improved,
               percent(t[T_NO_CHANGE], t[T_CELLS]), percent(t[T_STAGE2], t[T_CELLS]),
               percent(t[T_ESCALATED], t[T_CELLS]), percent(t[T_COVERED], t[T_MEASURED]));
        printf(" %7.1f %% %7.1f %%", percent(t[T_COVERED_POOLED], t[T_STAGE2]),
               percent(t[T_COVERED_STAGE2], t[T_STAGE2]));
        /* With few runs even none proves little: then the share itself is what is judged. */
        promise(v, t[T_FAILED] == 0 && (v->runs >= 300 ? most <= 1 : t[T_RUNS_REGRESSED] * 100 <= 2 * t[T_RUNS] + 100));
    }
}

/* Layout: a build has a speed of its own. 30 times fewer runs tell enough. */
static void verify_layout(struct verify *v)
{
    static const struct {
        double process, build;
        int variants;
        enum simulation_floor floor;
        int must;
    } rows[] = {{0, 0, 1, FLOOR_PLAIN, 1},     {0.01, 0, 1, FLOOR_PLAIN, 1},   {0, 0.005, 1, FLOOR_PLAIN, 0},
                {0, 0.005, 3, FLOOR_PLAIN, 0}, {0, 0.005, 10, FLOOR_PLAIN, 0}, {0, 0.005, 20, FLOOR_PLAIN, 0},
                {0, 0.005, 3, FLOOR_RUN, 0},   {0, 0.005, 3, FLOOR_CELL, 0},   {0, 0.01, 1, FLOOR_PLAIN, 0},
                {0, 0.01, 3, FLOOR_PLAIN, 0},  {0, 0.01, 10, FLOOR_PLAIN, 0},  {0, 0.01, 20, FLOOR_PLAIN, 0},
                {0, 0.01, 3, FLOOR_RUN, 0},    {0, 0.01, 10, FLOOR_RUN, 0},    {0, 0.01, 3, FLOOR_CELL, 0}};
    static const char *const floors[] = {"1 %", "each cell", "run"};
    long runs = v->runs;

    v->runs = runs / 50 + 1;
    printf("\nLayout, A/A, lognormal: sd of each process and of each build; stage 2 cycles through so many relinked "
           "builds;\n"
           "floor: plain, or the largest of 5 relinked copies, of each cell or of the run; %ld runs\n",
           v->runs);
    printf("%8s %8s %8s %10s %10s %15s %12s %12s %10s\n", "process", "build", "builds", "floor", "refused",
           "runs regressed", "cells", "no-change", "covered");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        long t[TALLIES];
        struct simulation *job = fresh(v, NOISE_LOGNORMAL, 0, 0);
        job->cell.tau_process = rows[i].process;
        job->cell.tau_build = rows[i].build;
        job->cell.variants = rows[i].variants;
        job->floor = rows[i].floor;
        simulate(v->pool, job, t);
        printf("%6.1f %% %6.1f %% %8d %10s %8.1f %% %13.2f %% %10.4f %% %10.1f %% %8.1f %%", 100 * rows[i].process,
               100 * rows[i].build, rows[i].variants, floors[rows[i].floor], percent(t[T_REFUSED], t[T_RUNS]),
               percent(t[T_RUNS_REGRESSED], t[T_RUNS]), percent(t[T_REGRESSED], t[T_CELLS]),
               percent(t[T_NO_CHANGE], t[T_CELLS]), percent(t[T_COVERED], t[T_MEASURED]));
        if (rows[i].must)
            promise(v, t[T_RUNS_REGRESSED] * 100 <= 2 * t[T_RUNS] + 100);
        else
            printf("\n");
    }
    v->runs = runs;
}

static void verify_power(struct verify *v)
{
    static const double sigmas[] = {0.01, 0.02, 0.03, 0.05, 0.075, 0.10, 0.15};
    static const double effects[] = {0.01, 0.03};
    long runs = v->runs;

    v->runs = runs / 200 + 1;
    printf("\nPower: cells by verdict at a true change; found: regressed among those with an MDE of 3 %% or less;\n"
           "pooled, stage2: intervals of cells with a second stage that hold the truth\n");
    printf("%7s %-12s %8s %10s %10s %10s %12s %10s %10s %10s %10s\n", "effect", "noise", "sigma", "regressed",
           "no-change", "precise", "found", "stage 2", "more", "pooled", "stage2");
    for (size_t e = 0; e < 2; e++)
        for (int kind = 0; kind <= NOISE_BURSTS; kind++)
            for (size_t i = 0; i < sizeof sigmas / sizeof sigmas[0]; i++) {
                long t[TALLIES];
                struct simulation *job = fresh(v, (enum noise_kind)kind, sigmas[i], log1p(effects[e]));
                job->cell.tau_process = 0.01;
                simulate(v->pool, job, t);
                printf("%5.0f %% %-12s %6.1f %% %8.1f %% %8.2f %% %8.1f %% %10.2f %% %8.1f %% %8.1f %%",
                       100 * effects[e], noise_names[kind], 100 * sigmas[i], percent(t[T_REGRESSED], t[T_CELLS]),
                       percent(t[T_NO_CHANGE], t[T_CELLS]), percent(t[T_PRECISE], t[T_CELLS]),
                       percent(t[T_PRECISE_FOUND], t[T_PRECISE]), percent(t[T_STAGE2], t[T_CELLS]),
                       percent(t[T_ESCALATED], t[T_CELLS]));
                printf(" %8.1f %% %8.1f %%", percent(t[T_COVERED_POOLED], t[T_STAGE2]),
                       percent(t[T_COVERED_STAGE2], t[T_STAGE2]));
                if (e == 1)
                    promise(v, reaches(t[T_PRECISE_FOUND], t[T_PRECISE], 0.95) &&
                                   !reaches_surely(t[T_NO_CHANGE], t[T_CELLS], 0.025));
                else
                    printf("\n");
            }
    v->runs = runs;
}

/* An effect as large as the MDE that an earlier, independent measurement promised. */
static void verify_mde(struct verify *v)
{
    long runs = v->runs;

    v->runs = runs / 200 + 1;
    printf("\nMDE: share found of changes as large as the MDE of an earlier measurement of the cell (95 %% meant)\n");
    printf("%-18s %8s %22s %26s\n", "noise", "sigma", "mde_gate: regressed", "mde: significant twice");
    for (int kind = 0; kind <= NOISE_STEAL; kind++)
        for (int i = 0; i < 2; i++) {
            long gate[TALLIES], both[TALLIES];
            struct simulation *job = fresh(v, (enum noise_kind)kind, i ? 0.05 : 0.02, 0);
            job->cell.tau_process = 0.01;
            job->mde_effect = 1;
            simulate(v->pool, job, gate);
            job->mde_effect = 2;
            simulate(v->pool, job, both);
            printf("%-18s %6.0f %% %20.1f %% %24.1f %%", noise_names[kind], i ? 5.0 : 2.0,
                   percent(gate[T_REGRESSED], gate[T_CELLS]), percent(both[T_BOTH], both[T_CELLS]));
            promise(v, reaches(gate[T_REGRESSED], gate[T_CELLS], 0.93) && reaches(both[T_BOTH], both[T_CELLS], 0.93));
        }
    v->runs = runs;
}

/* Median of d, from many pairs. */
static double true_median(struct verify *v, const struct noise_cell *cell)
{
    enum { PAIRS = 200000 };
    struct gate_stage ignored = {NULL, NULL, 0, 0, 0, 0};
    struct noise_source s;
    double *d = malloc(PAIRS * sizeof *d), median = NAN;

    noise_seed(&s, v->job->table, v->job->seed, 1u << 30);
    for (int i = 0; d != NULL && i < PAIRS; i++)
        d[i] = noise_pair(&s, cell, 0, &ignored);
    if (d != NULL)
        median = stats_select(d, PAIRS, PAIRS / 2);
    free(d);
    return median;
}

static void verify_coverage(struct verify *v)
{
    long runs = v->runs;

    v->runs = runs / 50 + 1;
    printf("\nIntervals of 95 %% that hold the true ratio, at a true change of 5 %%\n");
    printf("%-18s %8s %12s %12s\n", "noise", "sigma", "covered", "true ratio");
    for (int kind = 0; kind < NOISE_KINDS; kind++)
        for (int i = 0; i < 2; i++) {
            long t[TALLIES];
            struct simulation *job = fresh(v, (enum noise_kind)kind, i ? 0.10 : 0.02, log1p(0.05));
            job->cell.tau_process = 0.01;
            if (kind == NOISE_SKEWED)
                job->truth = true_median(v, &job->cell);
            simulate(v->pool, job, t);
            printf("%-18s %6.0f %% %10.2f %% %12.4f", noise_names[kind], i ? 10.0 : 2.0,
                   percent(t[T_COVERED], t[T_MEASURED]), exp(job->truth));
            promise(v, reaches(t[T_COVERED], t[T_MEASURED], 0.93) &&
                           distribution_proportion_lower(t[T_COVERED], t[T_MEASURED], 0.99) <= 0.98);
        }
    v->runs = runs;
}

/* A and B reversed: the same pairs with the other sign. */
static void verify_symmetry(struct verify *v)
{
    static struct noise_run run, turned;
    struct gate_options options = gate_defaults(SIMULATION_CELLS);
    long cells = v->runs, wrong = 0, counts[GATE_VERDICTS] = {0};
    struct noise_source s;

    noise_seed(&s, v->job->table, v->job->seed, 1u << 31);
    for (long i = 0; i < cells; i++) {
        struct noise_cell cell = {NOISE_BURSTS,
                                  simulation_sigmas[i % SIMULATION_SIGMAS],
                                  0.03 * (double)noise_normal(&s),
                                  0.005,
                                  0,
                                  20,
                                  15,
                                  1};
        struct gate_result a, b;
        int bad = noise_compare(&s, &cell, &options, NAN, &run, &a) != ST_OK;
        turned = run;
        for (int which = 0; which < 2; which++) {
            turned.cell.stage[which].d = turned.d[which];
            for (int p = 0; p < run.cell.stage[which].pairs; p++)
                turned.d[which][p] = -run.d[which][p];
        }
        bad |= gate_judge(&options, &turned.cell, &b) != ST_OK;
        bad |= gate_judge_improved(&options, &a, 1) != ST_OK || gate_judge_improved(&options, &b, 1) != ST_OK;
        bad |= fabs(a.ratio * b.ratio - 1) > 1e-12 || fabs(a.lo * b.hi - 1) > 1e-12 || a.p_stage1 != b.p_faster_stage1;
        bad |= a.verdict == GATE_REGRESSED  ? b.verdict != GATE_IMPROVED
               : a.verdict == GATE_IMPROVED ? b.verdict != GATE_REGRESSED
                                            : a.verdict != b.verdict || a.why != b.why;
        bad |= gate_wants_stage2(&options, &a) != gate_wants_stage2(&options, &b);
        wrong += bad != 0;
        counts[a.verdict]++;
    }
    printf("\nReversed: %ld cells with true changes of 3 %% sd, %ld regressed, %ld improved; %ld not mirrored", cells,
           counts[GATE_REGRESSED], counts[GATE_IMPROVED], wrong);
    promise(v, wrong == 0);
}

static void verify_history(struct verify *v)
{
    static const double sds[] = {0.005, 0.01, 0.02, 0.04, 0.08};
    enum { POINTS = 100 };
    struct changepoint_options options = changepoint_defaults();
    struct changepoint found[CHANGEPOINT_MAX_FOUND(POINTS)];
    struct noise_source s;
    long series = v->runs / 10 + 1;

    noise_seed(&s, v->job->table, v->job->seed, 1u << 29);
    printf(
        "\nHistory: %ld series of %d runs; found where nothing is; a step of 5 %% in the middle found within 2 runs\n",
        series, POINTS);
    printf("%10s %14s %14s %14s\n", "noise sd", "false series", "step found", "others beside");
    for (size_t i = 0; i < sizeof sds / sizeof sds[0]; i++) {
        long any = 0, hit = 0, beside = 0;
        for (long k = 0; k < series; k++) {
            double x[POINTS];
            int n, at_step = 0;
            for (int p = 0; p < POINTS; p++)
                x[p] = sds[i] * (double)noise_normal(&s);
            if (changepoint_find(&options, x, POINTS, found, &n) != ST_OK)
                v->broken++;
            any += n > 0;
            for (int p = POINTS / 2; p < POINTS; p++)
                x[p] += log1p(0.05);
            if (changepoint_find(&options, x, POINTS, found, &n) != ST_OK)
                v->broken++;
            for (int f = 0; f < n; f++)
                at_step |= abs(found[f].index - POINTS / 2) <= 2;
            hit += at_step;
            beside += n > at_step;
        }
        printf("%8.1f %% %12.2f %% %12.2f %% %12.2f %%", 100 * sds[i], percent(any, series), percent(hit, series),
               percent(beside, series));
        promise(v, !reaches_surely(any, series, 0.2) && (sds[i] > 0.02 || reaches(hit, series, 0.95)));
    }
}

static const struct {
    const char *name;
    void (*print)(struct verify *v);
} tables[] = {{"alarms", verify_alarms},  {"layout", verify_layout},     {"power", verify_power},
              {"mde", verify_mde},        {"coverage", verify_coverage}, {"symmetry", verify_symmetry},
              {"history", verify_history}};

int main(int argc, char **argv)
{
    static float table[1 << NOISE_TABLE_BITS];
    static struct simulation job;
    struct verify v = {.job = &job, .runs = argc > 1 ? atol(argv[1]) : 10000};
    int threads = argc > 2 ? atoi(argv[2]) : 2, printed = 0;

    job.seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    job.table = table;
    if (v.runs < 1 || pool_new(threads, &v.pool) != ST_OK) {
        fprintf(stderr, "usage: verify_statistics [RUNS [THREADS [SEED [TABLE]]]]\n");
        return 2;
    }
    noise_make_table(table);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (argc <= 4 || strcmp(argv[4], tables[i].name) == 0) {
            tables[i].print(&v);
            printed++;
        }
    pool_free(v.pool);
    if (printed == 0) {
        fprintf(stderr,
                "verify_statistics: no table '%s'; there are alarms, layout, power, mde, coverage, symmetry, history\n",
                argv[4]);
        return 2;
    }
    printf("\n%s\n", v.broken ? "some promises are broken" : "all promises are kept");
    return v.broken ? 1 : 0;
}
