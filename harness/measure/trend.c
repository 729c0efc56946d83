#include "measure/trend.h"

#include <math.h>
#include <stdlib.h>

#include "measure/stats.h"

static double median_of_any(double *x, int n)
{
    double upper = stats_select(x, n, n / 2);
    return n % 2 ? upper : 0.5 * (upper + stats_select(x, n, n / 2 - 1));
}

enum status trend_measure(const double *x, int n, struct trend *out)
{
    struct trend trend = {0, NAN, NAN, NAN};
    double *value, *slope;
    int *at, pairs = 0, half;

    if (n < 0 || n > TREND_MAX)
        return status_fail(ST_BADARG, "trend of %d values, expected 0 to %d", n, TREND_MAX);
    value = malloc(((size_t)n + 1) * sizeof *value);
    slope = malloc(((size_t)n * (size_t)n / 2 + 1) * sizeof *slope);
    at = malloc(((size_t)n + 1) * sizeof *at);
    if (value == NULL || slope == NULL || at == NULL) {
        free(value);
        free(slope);
        free(at);
        return status_fail(ST_NOMEM, "trend of %d values: no memory", n);
    }
    for (int i = 0; i < n; i++)
        if (isfinite(x[i])) {
            value[trend.n] = x[i];
            at[trend.n++] = i;
        }
    for (int j = 1; j < trend.n; j++)
        for (int i = 0; i < j; i++)
            slope[pairs++] = (value[j] - value[i]) / (at[j] - at[i]);
    if (pairs > 0) {
        trend.slope = median_of_any(slope, pairs);
        trend.drift = trend.slope * (at[trend.n - 1] - at[0]);
    }
    half = trend.n / 2;
    if (half >= 2) {
        double later = median_of_any(value + (trend.n - half), half);
        trend.half_gap = later - median_of_any(value, half);
    }
    *out = trend;
    free(value);
    free(slope);
    free(at);
    return ST_OK;
}
