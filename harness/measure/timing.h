/* Timing of anything that can be called, alone or against a baseline. Knows nothing of models.
 *
 *   struct timing_options options = timing_defaults(&clock);
 *   struct timing_subject a = {"fp32-simd", run_fp32, &fp32}, b = {"qat-s8-ref", run_s8, &s8};
 *   struct timing_round rounds[200];
 *   struct timing_result result;
 *   TRY(timing_pair(&options, &a, &b, rounds, 200, &result));
 *   n = timing_collect(rounds, result.rounds, TIMING_CLEAN, a_ns, b_ns);   // paired: a_ns[i] beside b_ns[i]
 *
 * The design is an interleaved duet: what disturbs the machine for longer than a round hits both sides and
 * cancels in the ratio (Bulej et al. 2020, "Duet benchmarking"); rounds come as ABBA or BAAB by a seeded coin, so
 * linear drift cancels too. Estimated is the uncontended, warm speed: the best of k batches per side and round. A batch
 * is contaminated when its thread did not have the processor (wall and thread clock disagree, or more
 * involuntary switches than one per 10 ms): if all batches of a side are, the round is dropped for both sides. The time
 * itself never decides what is kept. Nothing is allocated while the clock runs. */
#ifndef MEASURE_TIMING_H
#define MEASURE_TIMING_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"
#include "measure/clock.h"

struct timing_subject {
    const char *name; /* for messages; borrowed */
    void (*run)(void *context);
    void *context; /* borrowed */
};

struct timing_options {
    const struct clock *clock;  /* borrowed */
    double batch_ns;            /* a batch of calls lasts from half of this to twice; longer if one call does */
    double warmup_s;            /* longest warm-up per subject */
    double budget_s;            /* rounds stop when this is spent (see timing_pair) */
    int min_rounds, max_rounds; /* kept rounds wanted, kept rounds that are enough */
    int best_of; /* batches per side and round; 1 is used if a batch of either side lasts over 8 * batch_ns */
    double contamination_ratio; /* batch flagged if (wall - cpu) / wall exceeds it; 0: never flag (threaded subjects) */
    uint64_t seed;              /* of the order of rounds */
    const volatile sig_atomic_t *stop; /* nonzero: give up with ST_INTERRUPTED; may be NULL */
};

/* One round: both sides once, one after the other. */
struct timing_round {
    double a_ns,
        b_ns; /* per call; the best batch that is not contaminated, or the best of all if none. b_ns 0 when single */
    double start_s;  /* since the first round */
    uint8_t b_first; /* order */
    uint8_t dropped; /* a side had no clean batch */
};

struct timing_side {
    uint64_t calls;  /* per batch */
    double batch_ns; /* one batch, when calibrated */
    double warmup_s; /* spent */
    int steady;      /* two consecutive batches agreed within 5 % before the warm-up's end */
};

struct timing_result {
    struct timing_side a, b; /* b zeroed when single */
    int rounds;              /* entries written; kept + dropped */
    int kept, dropped;
    int best_of;      /* as used */
    double elapsed_s; /* calibration and warm-up included */
};

/* batch 1 ms, warm-up at most 0.5 s, budget 2 s, 16 to 120 rounds, best of 3, contamination 2 %, seed 1. */
struct timing_options timing_defaults(const struct clock *clock);

/* Calibrates and warms up both sides, each with its own batch size, then runs rounds until max_rounds are kept or
 * budget_s is spent. With fewer than min_rounds kept by then it goes on to 4 * budget_s, unless so many of at least
 * min_rounds rounds were dropped that this would not do either. At least one round, never more than `capacity`.
 * rounds[] (capacity, owned by the caller) is written even on failure. ST_BADARG for options that make no sense,
 * ST_INTERRUPTED. result.kept may be 0 on a busy machine, above all for calls of many milliseconds: the caller must say
 * so, or use TIMING_ALL and mark the figure. */
enum status timing_pair(const struct timing_options *options, const struct timing_subject *a,
                        const struct timing_subject *b, struct timing_round *rounds, int capacity,
                        struct timing_result *out);

/* The same for one subject. b of the result is zeroed, b_ns of the rounds 0. */
enum status timing_single(const struct timing_options *options, const struct timing_subject *a,
                          struct timing_round *rounds, int capacity, struct timing_result *out);

enum timing_pick { TIMING_CLEAN, TIMING_ALL };

/* Copies the picked rounds' times side by side in the order of running; returns how many. b_ns may be NULL. */
int timing_collect(const struct timing_round *rounds, int count, enum timing_pick pick, double *a_ns, double *b_ns);

/* ---------------------------------------------------------------- a sequence of steps, timed step by step */

struct timing_sequence {
    void (*begin)(void *context);
    void (*step)(void *context, int index);
    void (*end)(void *context);
    void *context; /* borrowed */
    int steps;     /* 1 .. 65536 */
};

struct timing_slices_result {
    double begin_ns, end_ns;
    double total_ns; /* median of the whole passes: not the sum of the medians */
    int passes, dropped;
};

/* Runs the whole sequence over and over (two passes to warm up, then 31 .. 1001 until budget_s is spent; 4 * budget_s
 * ends it even before 31) with the clock read at each boundary and its own cost subtracted. out_step_ns (steps)
 * gets each step's median over the passes that were not contaminated (over all passes if fewer than 5 were clean;
 * result.dropped then equals the contaminated ones all the same). Steps run in order, each once per pass, because
 * later steps read what earlier ones wrote. ST_BADARG, ST_NOMEM, ST_INTERRUPTED. */
enum status timing_slices(const struct timing_options *options, const struct timing_sequence *sequence,
                          double *out_step_ns, struct timing_slices_result *out);

#endif
