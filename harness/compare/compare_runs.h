/* Two run folders side by side. What does not depend on the clock is compared exactly: file size, memory, energy
 * proxy, accuracy, output hashes. Times of two runs are shown and never judged: only rounds that alternate within one
 * run can say which of two is faster (measure/duet.h).
 *
 *   TRY(compare_runs("results/yesterday", "results/today", &options, &comparison));
 *
 * Gated rows and when they are red:
 *   output_hash  the same packed file gives other integers: incorrect
 *   accuracy     the same packed file gives another accuracy: incorrect; another file: regressed when it loses more
 * than accuracy_pp size_file, ram_peak, energy_proxy    regressed when they grow by more than size_ratio status ok
 * before and now mismatch: incorrect; failed, skipped or missing: not-comparable */
#ifndef COMPARE_RUNS_H
#define COMPARE_RUNS_H

#include "report/comparison.h"

struct compare_runs_options {
    const char *filter; /* glob over cells; NULL: all */
    double size_ratio;  /* 0.001: 0.1 % more bytes or energy is no regression */
    double accuracy_pp; /* 0.5 percentage points */
};

struct compare_runs_options compare_runs_defaults(void);

/* Compares DIR_A with DIR_B; rows in A's order, then what only B has. ST_IO and ST_FORMAT from reading the folders,
 * ST_BADARG when no cell matches the filter. Free with comparison_free. */
enum status compare_runs(const char *dir_a, const char *dir_b, const struct compare_runs_options *options,
                         struct comparison *out);

#endif
