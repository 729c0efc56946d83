#include "measure/precision.h"

#include <math.h>
#include <stdlib.h>

#include "measure/distribution.h"
#include "measure/ranktest.h"
#include "measure/stats.h"

#define EFFICIENCY 0.954929658551372  /* of the signed-rank test to the t-test, normal pairs: 3 / pi */
#define MEDIAN_FACTOR 1.2533141373155 /* standard error of a median to that of a mean, normal pairs: sqrt(pi / 2) */
#define Z_BOTH 1.954508               /* normal quantile of sqrt(0.95) */
#define Z_POWER 1.644854              /* of 0.95 */
#define Z_INTERVAL 1.96

/* Number of Walsh averages cut off at each end: the largest k with P(W+ <= k - 1) <= alpha, at least 1, and the tail
 * that this really leaves. */
static enum status interval_rank(int n, double alpha, int *out_k, double *out_tail)
{
    double *share, sum = 0, tail;
    int total = n * (n + 1) / 2, k = 0;

    if (n > RANKTEST_EXACT_MAX) {
        double mean = total / 2.0, sd = sqrt(n * (n + 1.0) * (2.0 * n + 1) / 24);
        k = (int)floor(mean + distribution_normal_quantile(alpha) * sd + 0.5);
        *out_k = k < 1 ? 1 : k;
        *out_tail = alpha;
        return ST_OK;
    }
    share = calloc((size_t)total / 2 + 1, sizeof *share);
    if (share == NULL)
        return status_fail(ST_NOMEM, "interval of %d pairs: no memory", n);
    share[0] = 1;
    for (int r = 1; r <= n; r++) {
        int reach = r * (r + 1) / 2, top = reach < total / 2 ? reach : total / 2;
        for (int s = top; s >= r; s--)
            share[s] = 0.5 * (share[s] + share[s - r]);
        for (int s = r - 1 < top ? r - 1 : top; s >= 0; s--)
            share[s] *= 0.5;
    }
    tail = share[0];
    for (int s = 0; s <= total / 2; s++) {
        sum += share[s];
        if (s > 0 && sum > alpha)
            break;
        tail = sum;
        k = s + 1;
    }
    free(share);
    *out_k = k;
    *out_tail = tail;
    return ST_OK;
}

enum status precision_standard_error(const double *sorted, int n, double alpha, double *out_se)
{
    size_t means = (size_t)n * ((size_t)n + 1) / 2, at = 0;
    double *walsh, upper, tail = alpha;
    int k = 1;

    if (n < 0 || n > PRECISION_MAX || !(alpha > 0 && alpha < 0.5))
        return status_fail(ST_BADARG, "standard error of %d pairs (0 to %d expected) at level %g", n, PRECISION_MAX,
                           alpha);
    if (n < 6) {
        *out_se = NAN;
        return ST_OK;
    }
    TRY(interval_rank(n, alpha, &k, &tail));
    walsh = malloc(means * sizeof *walsh);
    if (walsh == NULL)
        return status_fail(ST_NOMEM, "standard error of %d pairs: no memory", n);
    for (int i = 0; i < n; i++)
        for (int j = i; j < n; j++)
            walsh[at++] = 0.5 * (sorted[i] + sorted[j]);
    upper = stats_select(walsh, (int)means, (int)means - k);
    *out_se = (upper - stats_select(walsh, (int)means, k - 1)) / (-2 * distribution_normal_quantile(tail));
    free(walsh);
    return ST_OK;
}

double precision_unit_scale(double se, int n)
{
    return n > 0 ? se * sqrt(EFFICIENCY * n) : NAN;
}

/* See the header: the scale may be smaller than the truth by chance. */
static double inflate(double unit, int n)
{
    return unit * (1 + 3.0 / n);
}

static double significant(const struct precision_rules *rules, double unit, int n1, int n2)
{
    int fewer = n1 < n2 ? n1 : n2;
    if (fewer < 1 || isnan(unit))
        return NAN;
    return (Z_BOTH - distribution_normal_quantile(rules->alpha)) * inflate(unit, fewer) / sqrt(EFFICIENCY * fewer);
}

double precision_mde_significant(const struct precision_rules *rules, double unit, int n1, int n2)
{
    return expm1(significant(rules, unit, n1, n2));
}

double precision_mde_reported(const struct precision_rules *rules, double unit, int n1, int n2)
{
    double least = significant(rules, unit, n1, n2), median_se;

    if (isnan(least))
        return NAN;
    median_se = MEDIAN_FACTOR * inflate(unit, n1 + n2) / sqrt((double)n1 + n2);
    least = fmax(least, log1p(rules->gate_ratio) + Z_POWER * median_se);
    least = fmax(least, log1p(rules->floor_ratio) + (Z_INTERVAL + Z_POWER) * median_se);
    return expm1(least);
}
