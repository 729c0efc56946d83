/* The verdict over a whole comparison: from its cells, its sentinels and what the machine was doing.
 *
 *   options.floor_ratio = gate_layout_floor(&options, relinked, relinked_count);     // before the cells are judged
 *   ... gate_judge, gate_judge_improved ...
 *   struct gate_run_input input = {.options = &options, .cells = results, .count = n, .expected = n, ...};
 *   struct gate_run_result run;
 *   TRY(gate_run(&input, &run));
 *   printf("%s: %s\n", gate_run_word(run.verdict), run.reason);   return run.exit_code;
 *
 * Sentinels are cells like any other, judged by gate_judge with the same options (stage 2 where gate_wants_stage2 asks
 * for it), whose truth is known:
 * - aa: A against a second copy of the very same A. If all conditions of a change hold, in either direction, the
 *   comparison itself is biased and no verdict of the run can be trusted.
 * - injected: A against A made 3 % slower. Not reported as regressed: the run is blind.
 * - relinked: A against A with its object files in another order. Identical code can differ by its place in memory
 * alone; such a spread is a property of the program and the processor, not a disturbance. So it does not refuse the
 * run: it raises the layout floor that every cell's interval has to clear. Only when the spread exceeds the gate itself
 *   can layout alone produce what the gate is to find; then nothing can be said here and the run is refused.
 *
 * The first of these that holds is the verdict:
 * 1. incorrect (5): an output is wrong. True whatever the machine was doing, and worse than slow.
 * 2. pass (0), nothing to gate: all cells were expected, are there, and are controls. Code that is identical has not
 *    become slower, however bad the machine.
 * 3. environment-refused (4): before any statement about speed, so that a bad machine is neither red nor green.
 * 4. regressed (1): before inconclusive, because a confirmed cell stays confirmed when others could not be measured.
 * 5. inconclusive (3): cells are missing or not comparable, or fewer than 90 % of the gated ones have an answer.
 * 6. pass (0). */
#ifndef MEASURE_GATE_RUN_H
#define MEASURE_GATE_RUN_H

#include "base/status.h"
#include "measure/gate.h"

struct gate_environment {        /* NaN: not known, decides nothing */
    double steal_blocks_share;   /* blocks of time in which the hypervisor took more than 20 % */
    double crowded_blocks_share; /* blocks with at least as many other runnable processes as processors */
    double tied_rounds_share;    /* kept rounds whose two times are equal */
};

struct gate_run_input {
    const struct gate_options *options;                 /* as the cells were judged with */
    const struct gate_result *cells;                    /* (count) last verdicts; borrowed */
    int count, expected;                                /* cells there are; cells the manifest asks for */
    const struct gate_result *aa, *relinked, *injected; /* borrowed */
    int aa_count, relinked_count, injected_count;
    int sentinels_optional; /* 0: a run without an A/A or without an injected sentinel is refused. 1: it says so in
                               `unguarded` and goes on */
    struct gate_environment environment;
};

enum gate_run_verdict {
    GATE_RUN_PASS,
    GATE_RUN_REGRESSED,
    GATE_RUN_INCONCLUSIVE,
    GATE_RUN_REFUSED,
    GATE_RUN_INCORRECT
};

#define GATE_RUN_REASON_MAX 256

struct gate_run_result {
    enum gate_run_verdict verdict;
    int exit_code;             /* 0, 1, 3, 4, 5 in the order of the enum */
    int counts[GATE_VERDICTS]; /* cells by verdict */
    int gated;                 /* neither controls, nor not-comparable, nor incorrect */
    int conclusive;            /* gated cells that are not inconclusive */
    int controls, controls_moved;
    int unguarded;                /* sentinels are missing */
    double layout_floor_ratio;    /* options' floor, which holds the relinked spread if the caller did as above */
    double relinked_spread_ratio; /* largest |ratio - 1| of the relinked; NaN: none */
    double common_shift;          /* median ratio of all measured cells if it is one global event: beyond the gate,
                                     80 % of the cells on its side, sign test p < 10^-3; else NaN. Says where to look
                                     (compiler, library, machine) and changes no verdict: cells that regressed have */
    double geomean, geomean_lo, geomean_hi; /* of the measured cells' ratios, with a 95 % interval for these very cells;
                                       it holds however the cells' errors depend on each other (their standard errors
                                       are averaged, not divided by the root of the number), and says nothing of layout
                                       or of other models. NaN without cells, interval NaN if one has no se */
    char reason[GATE_RUN_REASON_MAX];       /* one sentence, no final period */
};

/* ST_BADARG for negative counts or missing arrays. */
enum status gate_run(const struct gate_run_input *input, struct gate_run_result *out);

/* "pass", "regressed", "inconclusive", "environment-refused", "incorrect"; static. */
const char *gate_run_word(enum gate_run_verdict verdict);

#endif
