#include "measure/stats.h"

#include <math.h>
#include <stdlib.h>

#define Z95 1.959963984540054 /* standard normal quantile of 0.975 */

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    if (isnan(a) || isnan(b))
        return isnan(a) - isnan(b);
    return (a > b) - (a < b);
}

void stats_sort(double *x, int n)
{
    if (n > 1)
        qsort(x, (size_t)n, sizeof *x, compare);
}

double stats_select(double *x, int n, int k)
{
    int lo = 0, hi = n - 1;

    if (k < 0 || k >= n)
        return NAN;
    /* Hoare's FIND (1961): it stops at equal values on both sides, so that ties cost nothing. */
    while (lo < hi) {
        double a = x[lo], b = x[lo + (hi - lo) / 2], c = x[hi],
               pivot = a < b ? (b < c   ? b
                                : a < c ? c
                                        : a)
                             : (a < c   ? a
                                : b < c ? c
                                        : b);
        int i = lo, j = hi;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (pivot < x[j])
                j--;
            if (i <= j) {
                double keep = x[i];
                x[i++] = x[j];
                x[j--] = keep;
            }
        }
        if (k <= j)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            break;
    }
    return x[k];
}

double stats_median(const double *sorted, int n)
{
    return stats_quantile(sorted, n, 0.5);
}

double stats_quantile(const double *sorted, int n, double p)
{
    double position, share;
    int below;

    if (n < 1 || !(p >= 0 && p <= 1))
        return NAN;
    position = (n - 1) * p;
    below = (int)position;
    share = position - below;
    if (below + 1 >= n || share <= 0)
        return sorted[below];
    return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

int stats_percentile_min_count(double p, double confidence)
{
    double tail = fmin(p, 1 - p), kept = 1 - tail, risk = 1 - confidence;
    int lo = 1, hi = 2;

    if (!(p > 0 && p < 1) || !(confidence > 0 && confidence < 1))
        return 0;
/* P(Binomial(n, tail) <= 1), which falls as n grows. */
#define AT_MOST_ONE(n) (pow(kept, (n)) + (n)*tail * pow(kept, (n)-1))
    while (hi < 1 << 29 && AT_MOST_ONE(hi) > risk)
        hi *= 2;
    while (lo < hi) {
        int middle = lo + (hi - lo) / 2;
        if (AT_MOST_ONE(middle) > risk)
            lo = middle + 1;
        else
            hi = middle;
    }
#undef AT_MOST_ONE
    return lo;
}

double stats_percentile(const double *sorted, int n, double p)
{
    int need = stats_percentile_min_count(p, 0.95);
    return need > 0 && n >= need ? stats_quantile(sorted, n, p) : NAN;
}

double stats_mad(const double *sorted, int n, double *scratch)
{
    double median = stats_median(sorted, n);

    for (int i = 0; i < n; i++)
        scratch[i] = fabs(sorted[i] - median);
    stats_sort(scratch, n);
    return stats_median(scratch, n);
}

double stats_binomial_half_cdf(int64_t k, uint64_t n)
{
    double log_term, term = 1, sum = 1, fraction, total = (double)n;
    int sign;

    if (k < 0)
        return 0;
    if ((uint64_t)k >= n)
        return 1;
    if ((uint64_t)k > n / 2)
        return 1 - stats_binomial_half_cdf((int64_t)(n - (uint64_t)k) - 1, n);
    /* The largest term by its logarithm, the others by their ratio to it: n may be large without over- or underflow. */
    log_term = lgamma_r(total + 1, &sign) - lgamma_r((double)k + 1, &sign) - lgamma_r(total - (double)k + 1, &sign) -
               total * M_LN2;
    for (int64_t i = k; i > 0 && term > 1e-17 * sum; i--) {
        term *= (double)i / (total - (double)i + 1);
        sum += term;
    }
    fraction = exp(log_term) * sum;
    return fraction < 1 ? fraction : 1;
}

struct stats_interval stats_median_interval(const double *sorted, int n, double confidence)
{
    struct stats_interval interval = {NAN, NAN};
    int k = 0;

    if (!(confidence > 0 && confidence < 1))
        return interval;
    while (k < n / 2 && 2 * stats_binomial_half_cdf(k, (uint64_t)n) <= 1 - confidence)
        k++;
    if (k == 0)
        return interval;
    interval.lo = sorted[k - 1];
    interval.hi = sorted[n - k];
    return interval;
}

struct stats_ratio stats_ratio(const double *num, const double *den, int n, double *scratch)
{
    struct stats_ratio out = {NAN, NAN, NAN, NAN, NAN, NAN, 0};
    struct stats_interval interval;
    double above = 0;
    int used = 0;

    for (int i = 0; i < n; i++) {
        if (!(num[i] > 0) || !(den[i] > 0) || !isfinite(num[i]) || !isfinite(den[i]))
            continue;
        scratch[used++] = log(num[i] / den[i]);
        above += num[i] > den[i] ? 1 : num[i] < den[i] ? 0 : 0.5;
    }
    out.n = used;
    if (used == 0)
        return out;
    stats_sort(scratch, used);
    out.ratio = exp(stats_median(scratch, used));
    out.above = above / used;
    interval = stats_median_interval(scratch, used, 0.95);
    out.lo = exp(interval.lo);
    out.hi = exp(interval.hi);
    if (used >= 6) {
        out.se = 1.4826 * stats_mad(scratch, used, scratch + used) / sqrt(0.955 * used);
        out.mde = expm1(4.41 * out.se);
    }
    return out;
}

struct stats_interval stats_wilson(uint64_t successes, uint64_t n)
{
    struct stats_interval interval = {NAN, NAN};
    double total = (double)n, share, centre, half, scale;

    if (n == 0 || successes > n)
        return interval;
    share = (double)successes / total;
    scale = 1 + Z95 * Z95 / total;
    centre = (share + Z95 * Z95 / (2 * total)) / scale;
    half = Z95 * sqrt(share * (1 - share) / total + Z95 * Z95 / (4 * total * total)) / scale;
    /* Exactly 0 and 1 at the ends, where rounding could step outside. */
    interval.lo = successes == 0 ? 0 : centre - half;
    interval.hi = successes == n ? 1 : centre + half;
    return interval;
}

double stats_mcnemar(uint64_t b, uint64_t c)
{
    uint64_t less = b < c ? b : c;
    double p;

    if (b == c)
        return 1;
    p = 2 * stats_binomial_half_cdf((int64_t)less, b + c);
    return p < 1 ? p : 1;
}

double stats_geomean(const double *x, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        if (!(x[i] > 0) || !isfinite(x[i]))
            return NAN;
        sum += log(x[i]);
    }
    return n > 0 ? exp(sum / n) : NAN;
}
