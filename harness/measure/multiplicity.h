/* Many tests at once: how small must a p-value be among 200 others?
 *
 *   alpha = multiplicity_stage_alpha(0.01, 200);      // 0.00707: both of two independent stages must reach it
 *   TRY(multiplicity_fdr(p, cells, q));               // q[i] <= 0.05: at most 5 % false ones among those listed
 *
 * A NaN is a test that was not made: it counts in no family and stays NaN. */
#ifndef MEASURE_MULTIPLICITY_H
#define MEASURE_MULTIPLICITY_H

#include "base/status.h"

/* Adjusted p-values of Holm (1979): those <= alpha may be rejected with a chance of at most alpha for any false one,
 * however the tests depend on each other. p and out (n) may be the same array. ST_BADARG for a p outside [0, 1] or
 * n < 0, ST_NOMEM. */
enum status multiplicity_holm(const double *p, int n, double *out_adjusted);

/* q-values of Benjamini and Hochberg (1995): among those <= q at most the share q is false on average, for independent
 * or positively dependent tests. Arguments as above. */
enum status multiplicity_fdr(const double *p, int n, double *out_q);

/* sqrt(alpha_run / cells): if each of `cells` tests has to reach this in two independent stages, the chance of any
 * false one in the run is at most alpha_run (Bonferroni over cells, product over stages). NaN outside 0 < alpha_run <
 * 1, cells >= 1. */
double multiplicity_stage_alpha(double alpha_run, int cells);

#endif
