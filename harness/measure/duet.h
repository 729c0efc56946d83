/* Paired comparison of two commands in fresh processes: interleaved, pinned, judged by covariates only. Knows nothing
 * of models: a command is whatever serves the protocol of duet_protocol.h on descriptor 3 (duet_worker.h is that side).
 *
 *   struct duet_options options = duet_defaults();
 *   struct duet_arm a = {"base", base_argv, NULL, 0, 1, 1}, b = {"change", change_argv, NULL, 0, 1, 1};
 *   struct duet_result result;
 *   TRY(duet_run(&options, &a, &b, &result));
 *   for (int p = 0; p < result.pairs; p++)
 *       use(result.pair[p].d);                      // ln(B / A) of one pair of processes; NaN: no clean round
 *   TRY(duet_raw_write(&result, &label, &line, &len));  // one line of pairs.jsonl; duet_raw_parse is the way back
 *   duet_result_free(&result);
 *
 * The design is a duet (Bulej et al. 2020, "Duet benchmarking") of process pairs: one process is one sample of code and
 * heap layout, so the unit of analysis is the pair, not the call (Kalibera and Jones 2013; Curtsinger and Berger 2013,
 * "Stabilizer"). Each process gets a random size of environment, stack and heap. Both sit on the same processor; only
 * one is awake. Rounds come as ABBA or BAAB by a seeded coin. A position is the best of k batches of N calls; a call of
 * more than slice_over_ns is cut into slices of steps that alternate between the arms. */
#ifndef MEASURE_DUET_H
#define MEASURE_DUET_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "measure/batch.h"
#include "measure/host_watch.h"

enum {
    DUET_ARMS = 2,
    DUET_A = 0,
    DUET_B = 1,
    DUET_NAME = 128, /* bytes of an arm's name, the NUL included; longer ones are cut */
    DUET_MAX_PAIRS = 1000,
    DUET_MAX_ROUNDS = 1000,
    DUET_MAX_BATCHES = 16, /* per position */
    DUET_MAX_SLICES = 256
};

struct duet_arm {
    const char *name;            /* for messages and records; borrowed */
    char *const *argv;           /* NULL-terminated; argv[0] is a path or found in PATH; borrowed */
    const char *const *programs; /* run instead of argv[0], one after the other over the pairs (layout variants); the
                                  * arms meet in all combinations; may be NULL; borrowed */
    int program_count;           /* 0 when programs is NULL */
    int threads;                 /* more than 1 in either arm: nothing is pinned or flagged as contaminated */
    double inflate_ratio;        /* 1; above: every batch and slice is drawn out to this many times its length */
};

struct duet_options {
    int pairs;            /* of fresh processes */
    int rounds;           /* per pair */
    int best_of;          /* batches per side and round; 1 is used if a batch lasts over 8 * batch_ns */
    double batch_ns;      /* a batch of the slower arm lasts from half of this to twice; longer if one call does */
    double warmup_s;      /* longest warm-up per process */
    double slice_over_ns; /* longer calls are cut into slices */
    double slice_ns;      /* shortest slice */
    double contamination_ratio; /* batch flagged if (wall - cpu) / wall exceeds it; see batch.h */
    double budget_s;            /* rounds per pair are cut (never below 1, the same in all pairs) so that the rounds of
                                 * all pairs take about this long; 0: never */
    double timeout_s;           /* for each answer of a worker, loading included */
    int cpu;                    /* of the workers; -1: the last one that this process may use */
    uint64_t seed;              /* of the order of rounds and of the layouts */
    const volatile sig_atomic_t *stop;                    /* nonzero: kill the workers, ST_INTERRUPTED; may be NULL */
    void (*progress)(void *context, int done, int pairs); /* after each pair; may be NULL */
    void *progress_context;                               /* borrowed */
};

struct duet_round {
    double a_ns, b_ns; /* per call: best clean batch (of all, if none is clean), or sum of the slices */
    double start_s;    /* since the first round of its pair */
    uint8_t b_first;
    uint8_t dropped; /* a side had no clean batch; sliced: fewer than half of the slice pairs were clean */
    uint8_t tied;    /* kept, and a_ns == b_ns */
};

/* One process. */
struct duet_side {
    double load_ns, plan_ns; /* the subject's own account of its start */
    double first_ns;         /* the very first call */
    double warmup_s;
    double clock_ns; /* cost of reading the clock, subtracted once per batch */
    int steady;      /* two neighbouring batches agreed within 5 % before the warm-up's end */
    int program;     /* index into programs; 0 without */
};

struct duet_pair {
    double d;                /* median of ln(b_ns / a_ns) over the kept rounds; NaN if none */
    double a_ns, b_ns;       /* medians over the kept rounds; NaN if none */
    int kept, dropped, tied; /* rounds; tied ones are kept */
    struct duet_side side[DUET_ARMS];
    struct duet_round *round; /* (rounds); borrowed from the result */
};

struct duet_result {
    char name[DUET_ARMS][DUET_NAME];
    char *facts[DUET_ARMS];          /* JSON object as the worker sent it, the same in all its processes; owned */
    char output_hash[DUET_ARMS][17]; /* of what input 0 gives, the same in all its processes */
    int threads[DUET_ARMS];
    double inflate_ratio[DUET_ARMS];
    uint64_t seed;
    int pairs, rounds;                            /* as run */
    int best_of;                                  /* as run; 1 when sliced */
    uint64_t calls;                               /* N per batch, the same in both arms and all pairs */
    int slices;                                   /* per call; 0: not sliced */
    uint32_t cut[DUET_ARMS][DUET_MAX_SLICES + 1]; /* slice s runs steps cut[s] .. cut[s + 1] - 1; zero if not sliced */
    double contamination_ratio;                   /* as used: 0 when an arm has several threads */
    int cpu;                                      /* -1: not pinned */
    struct duet_pair *pair;                       /* (pairs); owned */
    struct batch *batch;                          /* (pairs, rounds, 2 arms, best_of or slices); owned */
    int kept, dropped, tied;                      /* rounds of all pairs */
    double a_ns, b_ns;                            /* medians of the pairs' medians; NaN if no round was kept */
    double elapsed_s;                             /* everything, starting the processes included */
    struct host_watch_summary host;               /* what else went on meanwhile */
};

/* 20 pairs of 15 rounds, best of 3 batches of 1 ms, warm-up at most 0.5 s, slices of 5 ms over 50 ms, contamination
 * 2 %, no budget, 60 s for an answer, cpu -1, seed 1. */
struct duet_options duet_defaults(void);

/* ST_BADARG for options that make no sense, ST_IO naming the arm when a worker cannot start, dies (with its signal or
 * exit code and the last line that it wrote to standard error) or does not answer in time, ST_FORMAT when it speaks
 * another version of the protocol or none, ST_MISMATCH when its outputs or its facts change, ST_INTERRUPTED; what a
 * worker reports itself keeps its status. After any return no worker is left, nor a zombie. *out is written only on
 * success; free with duet_result_free. */
enum status duet_run(const struct duet_options *options, const struct duet_arm *a, const struct duet_arm *b,
                     struct duet_result *out);
void duet_result_free(struct duet_result *result);

/* Batches of one side of one round: (best_of or slices). */
const struct batch *duet_batches(const struct duet_result *result, int pair, int round, int arm);
/* One member of the facts (a string) into out; "" when there is none. */
void duet_fact(const struct duet_result *result, int arm, const char *key, char *out, size_t size);

/* ---------------------------------------------------------------- what a command computes */

struct duet_outputs {
    int inputs;       /* that the worker rotates through */
    size_t values;    /* floats per input */
    float *value;     /* (inputs, values); owned */
    size_t exact;     /* integers per input; 0: the command has none */
    int32_t *integer; /* (inputs, exact); owned; NULL when exact is 0 */
    char *facts;      /* owned */
};

/* Starts one worker, runs each of its inputs once and ends it. Errors as duet_run. */
enum status duet_outputs_read(const struct duet_options *options, const struct duet_arm *arm, struct duet_outputs *out);
void duet_outputs_free(struct duet_outputs *outputs);
/* Integers must be equal to the bit where both have them; floats may differ by tolerance (0: to the bit) times the
 * input's largest magnitude in `a`, or times 1 if that is smaller. ST_MISMATCH naming `what` and the first difference.
 */
enum status duet_outputs_compare(const struct duet_outputs *a, const struct duet_outputs *b, double tolerance,
                                 const char *what);

/* ---------------------------------------------------------------- the raw file, schema "packlight.pairs/1" */

struct duet_label {
    char cell[256];
    char role[32]; /* what the caller calls it: "cell", "sentinel-aa" ... */
    int stage;     /* 0 .. 1000000 */
};

/* One JSON line with its newline, owned (free): the label, the plan and every batch. What can be computed from these
 * (a_ns, dropped, d, medians ...) is not stored but computed again by duet_raw_parse with the same code.
 * ST_NOMEM. */
enum status duet_raw_write(const struct duet_result *result, const struct duet_label *label, char **out_line,
                           size_t *out_len);
/* Strict: unknown, missing or repeated members, other lengths and values out of range are ST_FORMAT naming `name` (a
 * file and line, say) and the member. Gives exactly what duet_run gave. */
enum status duet_raw_parse(const char *name, const char *line, size_t len, struct duet_label *out_label,
                           struct duet_result *out);

#endif
