/* Statistics of small samples: exact and assumption-free where possible, no random numbers, no allocation. What a
 * sample is too small to say is NaN, never a guess.
 *
 *   double d[64];
 *   stats_sort(x, n);                                   // most functions want sorted input
 *   p90 = stats_percentile(x, n, 0.90);                 // NaN below 46 samples
 *   struct stats_ratio s = stats_ratio(a_ns, b_ns, n, d);  // median of a/b with its 95 % interval */
#ifndef MEASURE_STATS_H
#define MEASURE_STATS_H

#include <stdint.h>

struct stats_interval {
    double lo, hi; /* NaN, NaN when the sample is too small */
};

/* Ascending; NaN goes last. */
void stats_sort(double *x, int n);

/* The k-th smallest (k = 0: the smallest) in time proportional to n; reorders x so that nothing before k is larger and
 * nothing behind smaller. Without NaN; NaN for k outside 0 .. n - 1. */
double stats_select(double *x, int n, int k);

/* NaN for n = 0. */
double stats_median(const double *sorted, int n);

/* Quantile by linear interpolation, definition 7 of Hyndman and Fan 1996: position (n - 1) * p. NaN for n = 0 or
 * p outside [0, 1]. Makes no claim about support; stats_percentile does. */
double stats_quantile(const double *sorted, int n, double p);

/* Smallest sample in which the p-quantile's one-sided bound is at worst the second most extreme value:
 * P(Binomial(n, min(p, 1 - p)) <= 1) <= 1 - confidence. At 95 %: p90 46, p95 93, p99 473; at 99 %: 64, 130, 662
 * (the rule of MLPerf LoadGen's early stopping). 0 for arguments outside (0, 1). */
int stats_percentile_min_count(double p, double confidence);

/* stats_quantile, or NaN when n < stats_percentile_min_count(p, 0.95). */
double stats_percentile(const double *sorted, int n, double p);

/* Median absolute deviation from the median, unscaled. scratch (n). NaN for n = 0. */
double stats_mad(const double *sorted, int n, double *scratch);

/* Exact distribution-free interval of the median from order statistics (sign test): the innermost pair x(k), x(n+1-k)
 * with 2 * P(Binomial(n, 1/2) < k) <= 1 - confidence. At 95 %, n = 20 gives k = 6; below n = 6 NaN. */
struct stats_interval stats_median_interval(const double *sorted, int n, double confidence);

/* Ratio of paired positive samples. */
struct stats_ratio {
    double ratio;  /* exp(median of ln(num / den)); NaN for n = 0 */
    double lo, hi; /* 95 %, stats_median_interval; NaN for n < 6 */
    double above;  /* share of pairs with num > den, ties counted half; NaN for n = 0 */
    double se;     /* of ln ratio: 1.4826 MAD / sqrt(0.955 n), the signed-rank test's efficiency; NaN for n < 6 */
    double mde;    /* smallest relative change found with 95 % power at one-sided alpha 0.707 %: exp(4.41 se) - 1. Right
                      for    many pairs; with 20 too small (precision.h, which verdicts use) */
    int n;         /* pairs used */
};

/* Pairs with a value that is not positive and finite are left out. scratch (2 n). */
struct stats_ratio stats_ratio(const double *num, const double *den, int n, double *scratch);

/* Wilson's score interval (Wilson 1927) of a proportion, 95 %. NaN for n = 0. */
struct stats_interval stats_wilson(uint64_t successes, uint64_t n);

/* McNemar's test, exact, two-sided: min(1, 2 * P(Binomial(b + c, 1/2) <= min(b, c))) from the counts of the two
 * kinds of discordant pairs. 1 when there are none. */
double stats_mcnemar(uint64_t b, uint64_t c);

/* P(Binomial(n, 1/2) <= k); 0 for k < 0. Own code, because GSL's answers 0 or NaN from about 10^9 on (distribution.h).
 */
double stats_binomial_half_cdf(int64_t k, uint64_t n);

/* Geometric mean; NaN for n = 0 or when a value is not positive and finite. */
double stats_geomean(const double *x, int n);

#endif
