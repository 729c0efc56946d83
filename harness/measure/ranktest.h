/* Rank tests of paired differences: is the typical d above or below zero? One-sided, both directions at once. Knows
 * nothing of times, cells or verdicts (gate.h).
 *
 *   struct ranktest w;
 *   TRY(ranktest_signed_rank(d, 20, &w));      // d[i] = ln(B / A) of process pair i
 *   if (w.p_greater <= 0.00707) ...            // B is slower
 *   struct ranktest_sign s = ranktest_sign(d, 20);   // cross-check that needs no symmetry
 *
 * Signed-rank test of Wilcoxon (1945, "Individual comparisons by ranking methods"): |d| are ranked, W+ is the sum of
 * the ranks of the positive ones. If the order within each pair was random, d and -d are equally likely when A and B
 * are alike, so each rank's sign is a fair coin whatever the distribution of the times: the test is exact, also for
 * skewed times and with ties. Ties get mid-ranks, and the distribution of W+ is computed for these very ranks.
 *
 * Zeros are dropped before ranking, which is Wilcoxon's own way; Pratt 1959 ("Remarks on zeros and ties in the Wilcoxon
 * signed rank procedures") ranks them first and drops them then. They have no sign, and both ways are exact given |d|;
 * dropping keeps the test one of the pairs that say something. Many zeros mean that
 * the clock is too coarse: callers should look at that share (gate.h does). Values that are not finite are no pairs:
 * they are left out and counted as missing. */
#ifndef MEASURE_RANKTEST_H
#define MEASURE_RANKTEST_H

#include "base/status.h"

/* Largest number of nonzero differences whose distribution is computed; beyond, the normal approximation with tie and
 * continuity correction. */
#define RANKTEST_EXACT_MAX 400

struct ranktest {
    int n;            /* differences used: finite and not zero */
    int zeros;        /* dropped */
    int missing;      /* NaN or infinite */
    int exact;        /* 1: p by counting, 0: normal approximation */
    double w_plus;    /* sum of the ranks of positive differences, 0 .. n (n + 1) / 2 */
    double p_greater; /* P(W+ >= w_plus) when A and B are alike; 1 for n = 0: no evidence */
    double p_less;    /* P(W+ <= w_plus), the same; never below 2^-n, either */
};

/* ST_BADARG for n < 0, ST_NOMEM. d (n) is not changed. */
enum status ranktest_signed_rank(const double *d, int n, struct ranktest *out);

struct ranktest_sign {
    int n;            /* finite and not zero */
    int positive;     /* of these */
    double p_greater; /* P(Binomial(n, 1/2) >= positive); 1 for n = 0 */
    double p_less;    /* P(Binomial(n, 1/2) <= positive) */
};

/* Exact sign test (Arbuthnott 1710). Needs independence only. n < 0 counts as 0. */
struct ranktest_sign ranktest_sign(const double *d, int n);

#endif
