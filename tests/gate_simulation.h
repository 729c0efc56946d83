/* Whole runs of a comparison with synthetic noise: from rounds to the verdicts of all cells, many times, on all threads
 * of a pool. Each run has random numbers of its own, so the figures do not depend on the number of threads.
 *
 *   static struct simulation job = {.table = table, .options = gate_defaults(200), .runs = 300, .cells = 200, ...};
 *   simulate(pool, &job, tally);   // tally[T_RUNS_REGRESSED] of tally[T_RUNS] */
#ifndef TESTS_GATE_SIMULATION_H
#define TESTS_GATE_SIMULATION_H

#include "base/pool.h"
#include "noise_models.h"

enum { SIMULATION_CELLS = 200, SIMULATION_CHUNKS = 256 };

/* Mostly what a machine is like that is worth measuring on, and some cells that need more pairs. */
static const double simulation_sigmas[] = {0.01, 0.02, 0.03, 0.05,  0.01, 0.02, 0.03, 0.05, 0.02, 0.03,
                                           0.01, 0.02, 0.03, 0.075, 0.01, 0.02, 0.03, 0.05, 0.02, 0.10};
enum { SIMULATION_SIGMAS = sizeof simulation_sigmas / sizeof simulation_sigmas[0] };

enum tally {
    T_RUNS,
    T_RUNS_REGRESSED, /* with any such cell */
    T_RUNS_IMPROVED,
    T_CELLS,
    T_REGRESSED,
    T_IMPROVED,
    T_NO_CHANGE,
    T_INCONCLUSIVE,
    T_ESCALATED,
    T_STAGE2,
    T_MEASURED,       /* have a 95 % interval */
    T_COVERED,        /* and it holds the truth */
    T_COVERED_POOLED, /* among cells with a second stage: by the interval of both stages */
    T_COVERED_STAGE2, /* and by that of the second alone */
    T_PRECISE,        /* mde_gate within the target */
    T_PRECISE_FOUND,  /* of these: regressed */
    T_BOTH,           /* significantly slower in both stages */
    T_REFUSED,        /* runs whose relinked sentinels differ by more than the gate */
    T_FAILED,
    TALLIES
};

struct simulation {
    const float *table;
    struct gate_options options;
    struct noise_cell cell; /* sigma 0: cycles through all */
    double truth;           /* of ln ratio */
    enum simulation_floor {
        FLOOR_PLAIN,
        FLOOR_CELL,
        FLOOR_RUN
    } floor;        /* options' and floor_ratio; measured for each cell; measured once
                       for the run, which is refused if that is beyond the gate */
    int relinked;   /* pairs of builds that a measured floor is the largest of */
    int mde_effect; /* 1: the effect is the mde_gate of an earlier measurement of the cell, 2: its mde */
    long runs;
    int cells;
    uint64_t seed;
    long tally[SIMULATION_CHUNKS][TALLIES];
};

static void simulate_count(long *t, const struct simulation *job, const struct gate_result *r,
                           const struct noise_run *run)
{
    double alpha = gate_stage_alpha(&job->options), truth = exp(job->truth);

    t[T_CELLS]++;
    t[T_REGRESSED] += r->verdict == GATE_REGRESSED;
    t[T_IMPROVED] += r->verdict == GATE_IMPROVED;
    t[T_NO_CHANGE] += r->verdict == GATE_NO_CHANGE;
    t[T_INCONCLUSIVE] += r->verdict == GATE_INCONCLUSIVE;
    t[T_ESCALATED] += run->factor > 1;
    t[T_STAGE2] += r->stage2;
    if (r->lo > 0) {
        t[T_MEASURED]++;
        t[T_COVERED] += r->lo <= truth && truth <= r->hi;
        t[T_COVERED_POOLED] += r->stage2 && r->lo <= truth && truth <= r->hi;
        t[T_COVERED_STAGE2] += r->stage2 && r->lo_stage2 <= truth && truth <= r->hi_stage2;
    }
    t[T_BOTH] += r->stage2 && r->p_stage1 <= alpha && r->p_stage2 <= alpha;
    if (r->mde_gate <= job->options.mde_target_ratio) {
        t[T_PRECISE]++;
        t[T_PRECISE_FOUND] += r->verdict == GATE_REGRESSED;
    }
}

/* Spread of relinked copies. */
static double measured_floor(const struct simulation *job, struct noise_source *s, const struct noise_cell *cell)
{
    double most = 0;
    for (int i = 0; i < job->relinked; i++)
        most = fmax(most, fabs(cell->tau_build * ((double)noise_normal(s) - (double)noise_normal(s))));
    return expm1(most);
}

static enum status simulate_cell(const struct simulation *job, struct noise_source *s, int c, double floor_ratio,
                                 struct noise_run *run, struct gate_result *out)
{
    struct noise_cell cell = job->cell;

    if (cell.sigma <= 0)
        cell.sigma = simulation_sigmas[c % SIMULATION_SIGMAS];
    if (job->mde_effect) {
        TRY(noise_compare(s, &cell, &job->options, floor_ratio, run, out));
        /* What a change of the size that was promised would have come to. */
        cell.effect = log1p(job->mde_effect == 1 ? out->mde_gate : out->mde);
        cell.pairs *= run->factor;
    }
    if (job->floor == FLOOR_CELL)
        floor_ratio = measured_floor(job, s, &cell);
    return noise_compare(s, &cell, &job->options, floor_ratio, run, out);
}

static void simulate_chunk(void *context, int chunk)
{
    struct simulation *job = context;
    long *t = job->tally[chunk];
    struct gate_result results[SIMULATION_CELLS];
    static _Thread_local struct noise_run runs[SIMULATION_CELLS];

    for (long i = chunk; i < job->runs; i += SIMULATION_CHUNKS) {
        struct noise_source s;
        double floor_ratio = NAN;
        long regressed = t[T_REGRESSED], improved = t[T_IMPROVED];
        noise_seed(&s, job->table, job->seed, (uint64_t)i);
        t[T_RUNS]++;
        if (job->floor == FLOOR_RUN) {
            floor_ratio = measured_floor(job, &s, &job->cell);
            if (floor_ratio > job->options.gate_ratio) {
                t[T_REFUSED]++;
                continue;
            }
        }
        for (int c = 0; c < job->cells; c++)
            if (simulate_cell(job, &s, c, floor_ratio, &runs[c], &results[c]) != ST_OK)
                t[T_FAILED]++;
        if (gate_judge_improved(&job->options, results, job->cells) != ST_OK)
            t[T_FAILED]++;
        for (int c = 0; c < job->cells; c++)
            simulate_count(t, job, &results[c], &runs[c]);
        t[T_RUNS_REGRESSED] += t[T_REGRESSED] > regressed;
        t[T_RUNS_IMPROVED] += t[T_IMPROVED] > improved;
    }
}

/* Runs the job and sums up. out (TALLIES). */
static void simulate(struct pool *pool, struct simulation *job, long *out)
{
    memset(job->tally, 0, sizeof job->tally);
    memset(out, 0, TALLIES * sizeof *out);
    pool_run(pool, SIMULATION_CHUNKS, simulate_chunk, job);
    for (int i = 0; i < SIMULATION_CHUNKS; i++)
        for (int f = 0; f < TALLIES; f++)
            out[f] += job->tally[i][f];
}

#endif
