/* Probability distributions: the one place that knows GSL. Not for tests of hypotheses (ranktest.h) and not for
 * samples (stats.h).
 *
 *   p = 2 * distribution_student_upper(fabs(t), dof);               // two-sided t-test
 *   z = distribution_normal_quantile(0.975);                        // 1.96
 *   hi = distribution_proportion_upper(3, 10000, 0.95);             // 3 of 10 000 seen: at most so many, 95 %
 *
 * Every function answers NaN to arguments outside its domain (also to NaN) and never aborts: arguments are checked
 * before GSL sees them, and the first call turns off GSL's error handler, which would end the process. That handler is
 * one per process and stays off; packlight uses GSL nowhere else. Thread-safe. */
#ifndef MEASURE_DISTRIBUTION_H
#define MEASURE_DISTRIBUTION_H

#include <stdint.h>

/* P(Z <= x) and P(Z > x) of the standard normal; the upper one keeps its digits far out. x may be infinite. */
double distribution_normal_cdf(double x);
double distribution_normal_upper(double x);

/* x with P(Z <= x) = p; -inf and inf for p = 0 and 1. */
double distribution_normal_quantile(double p);

/* P(T > t) of Student's t with dof > 0 degrees of freedom (not necessarily whole). t may be infinite. */
double distribution_student_upper(double t, double dof);

/* Largest n of the binomial functions: beyond it GSL's continued fraction does not converge and the answer would be
 * silently wrong (0 or NaN from about 10^9 on). stats_binomial_half_cdf has no such limit, for p = 1/2. */
#define DISTRIBUTION_BINOMIAL_MAX 1000000

/* P(Binomial(n, p) <= k); 0 for k < 0, 1 for k >= n. NaN for n < 0, n too large, p outside [0, 1]. */
double distribution_binomial_cdf(int64_t k, int64_t n, double p);

/* Smallest k with P(Binomial(n, p) <= k) >= q; -1 for arguments outside the domain. */
int64_t distribution_binomial_quantile(double q, int64_t n, double p);

/* Exact one-sided bounds of a proportion (Clopper and Pearson 1934): the share is at most `upper`, at least `lower`,
 * with this confidence each. By bisection on the binomial, so that they agree with it. NaN for n < 1, n too large,
 * successes outside 0 .. n, confidence outside (0, 1). */
double distribution_proportion_upper(int64_t successes, int64_t n, double confidence);
double distribution_proportion_lower(int64_t successes, int64_t n, double confidence);

#endif
