/* The verdict over one cell of a comparison: B against A, in pairs of fresh processes. Pure functions of arrays; the
 * whole run is judged in gate_run.h, the sentences are in gate_text.h.
 *
 *   struct gate_options options = gate_defaults(200);
 *   struct gate_cell cell = {.stage = {{d, NULL, 20, 291, 9, 0}}, .floor_ratio = NAN, .code_same = 0};
 *   struct gate_result result;
 *   TRY(gate_judge(&options, &cell, &result));
 *   if (gate_wants_more(&options, &result, factor) > factor) ...   // measure more pairs, judge again
 *   if (gate_wants_stage2(&options, &result)) ...                  // after the sweep: fresh processes, judge again
 *   TRY(gate_judge_improved(&options, results, cells));            // once, over all cells of the run
 *
 * d is ln(time of B / time of A) of one process pair: the median over its rounds, so B is slower where d > 0. The unit
 * of analysis is the pair: rounds of one process share its layout of code and heap and are not independent.
 *
 * What each verdict says, and what guards it:
 *
 * - regressed: both stages are significant (signed-rank, one-sided, p <= sqrt(alpha_run / cells) each), the pooled
 *   median is at least 1 + gate, and the lower 95 % bound is beyond the layout floor. The chance that a run in which
 *   nothing changed shows any such cell is at most alpha_run.
 * - improved: the mirror image, both stages included, and Benjamini-Hochberg q <= 5 % over all cells (which both stages
 *   imply, unless more cells are judged than the budget was divided by). So reversing A and B turns one into the other,
 *   and unchanged code shows as few of one as of the other. Never gates.
 * - no-change: "no change of mde_target_ratio (3 %) or more". The interval says so itself, as it lies within
 *   1 / 1.03 .. 1.03; besides, the estimate is below the gate, and a regression of 3 % would have been reported with
 *   95 % power (mde_gate <= 3 %). It does not say that the ratio is 1: a difference that is proven but small keeps
 *   this verdict, with the reason GATE_WHY_SMALL.
 * - inconclusive: cannot tell; `why` has the reason.
 * - not-comparable, incorrect: said by the caller. They have no figures: those of a wrong answer mean nothing.
 *
 * Identical machine code, weights and flags (code_same = 1) cannot differ: such a cell is a control, no-change by
 * identity, never regressed or improved. If all conditions of a change hold nevertheless, it is inconclusive
 * (GATE_WHY_CONTROL_MOVED).
 *
 * Three things that simulation taught (make verify-statistics prints the figures):
 *
 * - Scale. The usual SE = 1.4826 MAD / sqrt(0.955 P) is too small for P = 20: at a true change of exp(4.41 SE) - 1,
 *   where both stages should be significant in 95 % of cases, they were in 77 % (normal d) and 61 % (t with 3 degrees
 *   of freedom). MAD scatters by 26 %, and it is 0 when half of the pairs agree. `se` comes from the length of the
 *   signed-rank interval instead, see precision.h; the same shares are then 97 and 93 %.
 * - MDE. The smallest change that is significant is not the smallest that is reported: a regression must also reach
 *   the gate and clear the floor. `mde` is the former, `mde_gate` the latter, never below the gate; it decides.
 * - Layout. Code has a speed by its place in memory. What differs from process to process is harmless: it is part of
 *   d's spread. What belongs to a build is not, when both stages measure the same two builds: with a standard deviation
 *   of 0.5 % per build, 54 % of runs of 200 unchanged cells had a regressed one, of 1 % all of them, in spite of the
 *   floor of 1 %. With stage 2 cycling through 3, 10, 20 relinked builds of each side these were 0, 0, 1 % and 74, 15,
 *   1 %. So stage 2 needs about as many relinked builds as it has pairs. A floor from 5 relinked copies (cell by cell,
 *   3 builds) leaves 0 and 32 %: it helps, but a spread known from 5 values is no substitute.
 *
 * Which interval to quote: lo .. hi pools both stages and is what the rules use. A cell has a second stage because its
 * first looked changed, so of unchanged cells that had one the pooled interval holds the truth in 68 % only (of
 * cells that really changed by 3 %, in 94 to 97 %). lo_stage2 .. hi_stage2 is free of that selection: 95 % or more. */
#ifndef MEASURE_GATE_H
#define MEASURE_GATE_H

#include "base/status.h"

struct gate_options {
    double alpha_run;        /* chance of any false regression in a run of unchanged cells; 0.01 */
    int cells;               /* in the run: the number the budget is divided by */
    double gate_ratio;       /* a regression is at least 1 + this; 0.02 */
    double floor_ratio;      /* least layout floor: 1 + this must be below the interval; 0.01 */
    double mde_target_ratio; /* what "no change" excludes; 0.03 */
    double dropped_max;      /* larger share of dropped rounds: inconclusive; 0.40 */
    double tied_max;         /* larger share of tied among kept rounds: inconclusive, the clock is too coarse; 0.20 */
    double fdr;              /* of improvements; 0.05 */
    int min_pairs;  /* fewer usable pairs in a stage: inconclusive; 13, which 200 simultaneous intervals need */
    int factor_max; /* gate_wants_more goes up to so many times the first number of pairs; 4 */
};

struct gate_options gate_defaults(int cells);

struct gate_stage {
    const double *d;     /* (pairs) ln(B / A), in the order of running; not finite: no usable round. Borrowed */
    const double *drift; /* (pairs) trend.drift of d within each process, or NULL if not known. Borrowed */
    int pairs;           /* 0: this stage was not run */
    long kept, dropped;  /* rounds over all pairs */
    long tied;           /* kept rounds with both times equal */
};

struct gate_cell {
    struct gate_stage stage[2]; /* [0] the sweep, [1] the confirmation: fresh processes, measured later */
    double floor_ratio;         /* of this cell, from relinked copies of A; NaN: none */
    int code_same;      /* 1: machine code, weights, configuration and flags are identical; 0: not; -1: unknown */
    int wrong;          /* an output differs from what it must be */
    int not_comparable; /* another fingerprint, missing on one side, ... */
};

enum gate_verdict {
    GATE_REGRESSED,
    GATE_IMPROVED,
    GATE_NO_CHANGE,
    GATE_INCONCLUSIVE,
    GATE_NOT_COMPARABLE,
    GATE_INCORRECT,
    GATE_VERDICTS
};

enum gate_why {
    GATE_WHY_CONFIRMED,     /* regressed, improved: all conditions hold */
    GATE_WHY_ALIKE,         /* no-change: the interval lies within the target */
    GATE_WHY_SMALL,         /* no-change: differs by more than the floor, by less than the gate */
    GATE_WHY_CONTROL,       /* no-change: identical code */
    GATE_WHY_CONTROL_MOVED, /* inconclusive: identical code, and yet all conditions of a change hold */
    GATE_WHY_FEW_PAIRS,     /* inconclusive: fewer than min_pairs, or too few for the stage alpha at all */
    GATE_WHY_DISTURBED,     /* inconclusive: more than dropped_max of the rounds were dropped */
    GATE_WHY_TIED,          /* inconclusive: the clock is too coarse */
    GATE_WHY_MDE,           /* inconclusive: mde_gate is above the target */
    GATE_WHY_UNCONFIRMED,   /* inconclusive: reaches the gate, significant in stage 1; stage 2 did not confirm, or is
                               missing */
    GATE_WHY_FLOOR,         /* inconclusive: reaches the gate, significant in both stages; layout could explain it */
    GATE_WHY_MANY,          /* inconclusive: improved alone, but not (or not yet judged) among so many cells */
    GATE_WHY_WIDE,          /* inconclusive: the estimate reaches the gate, or the interval the target, unproven */
    GATE_WHY_NOT_COMPARABLE,
    GATE_WHY_WRONG_OUTPUT,
    GATE_WHYS
};

struct gate_result {
    enum gate_verdict verdict;
    enum gate_why why;
    int control; /* code_same = 1 */
    int moved;   /* +1: all conditions of regressed, -1: of its mirror image, whatever the verdict; else 0 */
    int stage2;  /* 1: it was run */
    int pairs_stage1, pairs_stage2; /* with a finite d */
    int pairs_used;                 /* their sum; the five below are of these */
    double ratio, lo, hi;           /* exp of the pooled median; exact 95 % sign-test interval. NaN without (6) pairs */
    double ratio_stage2, lo_stage2, hi_stage2; /* the same of stage 2 alone, NaN if not run; see above on quoting it */
    double slower_share;                       /* share of pairs with d > 0, ties half */
    double se;                                 /* of ln ratio, all pairs; NaN below 6 pairs */
    double mde;                /* a change of this ratio is significant in both stages with 95 % power: 0.018 is 1.8 %.
                                  If stage 2 was not run, one as large as stage 1 is meant */
    double mde_gate;           /* a regression of this ratio is reported as `regressed` with 95 % power */
    double p_stage1, p_stage2; /* signed-rank, one-sided, B slower. NaN: stage not run */
    double p_faster_stage1, p_faster_stage2; /* the same, B faster */
    double p_faster;                         /* over both stages, for gate_judge_improved */
    double q_faster;                         /* set by gate_judge_improved; NaN before */
    double p_sign;         /* exact sign test over all pairs, two-sided: a cross-check that needs no symmetry */
    double dropped_share;  /* of the rounds, of the worse stage; NaN without rounds */
    double tied_share;     /* of the kept rounds, of the worse stage; NaN without */
    double floor_ratio;    /* as used: the larger of options' and the cell's */
    double drift_pairs;    /* Theil-Sen change of d from the first to the last pair of stage 1 */
    double half_gap_pairs; /* median d of the later half of stage 1's pairs - of the earlier half */
    double drift_rounds;   /* median over all pairs of the drift within a process; NaN if not known */
    int unsteady;          /* |drift_rounds| beyond the gate: no steady state. A mark, not a verdict */
};

/* "regressed", "improved", "no-change", "inconclusive", "not-comparable", "incorrect"; static. */
const char *gate_verdict_word(enum gate_verdict verdict);

/* p-value that each stage must reach: sqrt(alpha_run / cells). */
double gate_stage_alpha(const struct gate_options *options);

/* Judges one cell, all but `improved` (moved = -1 is its mark; until gate_judge_improved such a cell is inconclusive,
 * unconfirmed). ST_BADARG for options or counts that make no sense, ST_NOMEM. */
enum status gate_judge(const struct gate_options *options, const struct gate_cell *cell, struct gate_result *out);

/* Sets q_faster of all cells and turns those into `improved` that are. Call once, when every cell has its last
 * verdict. The family: cells with a p_faster that are neither controls nor not-comparable nor incorrect. */
enum status gate_judge_improved(const struct gate_options *options, struct gate_result *results, int cells);

/* Whether stage 1 is significant in either direction, the cell is no control and could still be judged: run stage 2.
 * Both directions, so that improvements are as hard to come by as regressions. 0 if stage 2 was run. */
int gate_wants_stage2(const struct gate_options *options, const struct gate_result *result);

/* How many times the first number of pairs stage 1 should have: `factor` (1, 2, 4; what it has now) when that is enough
 * or more would be useless, else its double, at most factor_max. Decided by precision (mde_gate, few usable pairs)
 * alone and never by the effect, so that it opens no door to repeating until the result pleases. */
int gate_wants_more(const struct gate_options *options, const struct gate_result *result, int factor);

/* Pools results for a layout floor: the largest |ratio - 1| (of ratio and 1 / ratio) among relinked copies of A, but
 * not less than options->floor_ratio. Results without a ratio are left out. */
double gate_layout_floor(const struct gate_options *options, const struct gate_result *relinked, int count);

#endif
