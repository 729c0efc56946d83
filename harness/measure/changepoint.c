#include "measure/changepoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/distribution.h"
#include "measure/stats.h"

struct search {
    const struct changepoint_options *options;
    const double *x; /* finite values only */
    double *far;     /* (n + 1, n + 1): far[i][j] = sum of |x[a] - x[b]| over a < i, b < j */
    double *scratch; /* (n) */
    int n;
    int *cut; /* (count) first values of segments, ascending */
    int count;
};

struct changepoint_options changepoint_defaults(void)
{
    return (struct changepoint_options){.p_max = 0.001, .min_ratio = 0.02, .min_segment = 3};
}

static double block(const struct search *s, int a0, int a1, int b0, int b1)
{
    size_t row = (size_t)s->n + 1;
    return s->far[(size_t)a1 * row + (size_t)b1] - s->far[(size_t)a0 * row + (size_t)b1] -
           s->far[(size_t)a1 * row + (size_t)b0] + s->far[(size_t)a0 * row + (size_t)b0];
}

/* Scaled energy distance of x[a..b) and x[b..c), equations 5 and 6 of the paper with exponent 1. */
static double divergence(const struct search *s, int a, int b, int c)
{
    double n = b - a, m = c - b;
    double between = 2 * block(s, a, b, b, c) / (n * m);
    double within = block(s, a, b, a, b) / (n * (n - 1)) + block(s, b, c, b, c) / (m * (m - 1));
    return n * m / (n + m) * (between - within);
}

static double mean_of(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    return sum / n;
}

/* Two-sided t-test of x[a..b) against x[b..c): the larger p of Student's and Welch's, see the header. */
static double t_test(const struct search *s, int a, int b, int c)
{
    int n = b - a, m = c - b;
    double left = mean_of(s->x + a, n), right = mean_of(s->x + b, m), difference = fabs(left - right), va = 0, vb = 0;
    double common, own, dof;

    for (int i = a; i < b; i++)
        va += (s->x[i] - left) * (s->x[i] - left);
    for (int i = b; i < c; i++)
        vb += (s->x[i] - right) * (s->x[i] - right);
    common = (va + vb) / (n + m - 2) * (1.0 / n + 1.0 / m);
    va /= (double)(n - 1) * n;
    vb /= (double)(m - 1) * m;
    own = va + vb;
    /* No noise at all: what differs by more than rounding differs. */
    if (own <= 1e-24)
        return difference > 1e-9 ? 0 : 1;
    dof = own * own / (va * va / (n - 1) + vb * vb / (m - 1));
    return 2 * fmax(distribution_student_upper(difference / sqrt(common), n + m - 2),
                    distribution_student_upper(difference / sqrt(own), dof));
}

static double median_of(const struct search *s, int a, int b)
{
    memcpy(s->scratch, s->x + a, (size_t)(b - a) * sizeof *s->scratch);
    stats_sort(s->scratch, b - a);
    return stats_median(s->scratch, b - a);
}

/* How far the change at b is from being accepted: its p, or 1 when it is too small. */
static double judge(const struct search *s, int a, int b, int c)
{
    double change = fabs(median_of(s, b, c) - median_of(s, a, b));
    return change >= log1p(s->options->min_ratio) ? t_test(s, a, b, c) : 1;
}

/* Best split b of x[a..e), over all ends c of the right part. Returns whether it is accepted. */
static int split(const struct search *s, int a, int e, int *out_b)
{
    int least = s->options->min_segment, best_b = 0, best_c = 0;
    double best = -1;

    for (int b = a + least; b + least <= e; b++)
        for (int c = b + least; c <= e; c++) {
            double q = divergence(s, a, b, c);
            if (q > best) {
                best = q;
                best_b = b;
                best_c = c;
            }
        }
    *out_b = best_b;
    return best_b > 0 && judge(s, a, best_b, best_c) <= s->options->p_max;
}

static void insert_cut(struct search *s, int at, int value)
{
    memmove(s->cut + at + 1, s->cut + at, (size_t)(s->count - at) * sizeof *s->cut);
    s->cut[at] = value;
    s->count++;
}

/* Splits from left to right; a segment that yields a cut is looked at again. */
static void divide(struct search *s)
{
    int at = 0;

    while (at <= s->count) {
        int a = at > 0 ? s->cut[at - 1] : 0, e = at < s->count ? s->cut[at] : s->n, b;
        if (split(s, a, e, &b))
            insert_cut(s, at, b);
        else
            at++;
    }
}

static double judge_cut(const struct search *s, int at)
{
    return judge(s, at > 0 ? s->cut[at - 1] : 0, s->cut[at], at + 1 < s->count ? s->cut[at + 1] : s->n);
}

/* Drops the weakest cut until all hold against their neighbours. */
static void prune(struct search *s)
{
    for (;;) {
        double worst = -1;
        int weakest = -1;
        for (int i = 0; i < s->count; i++) {
            double p = judge_cut(s, i);
            if (p > worst) {
                worst = p;
                weakest = i;
            }
        }
        if (weakest < 0 || worst <= s->options->p_max)
            return;
        s->count--;
        memmove(s->cut + weakest, s->cut + weakest + 1, (size_t)(s->count - weakest) * sizeof *s->cut);
    }
}

static void measure_distances(struct search *s)
{
    size_t row = (size_t)s->n + 1;

    for (size_t i = 0; i < row; i++)
        s->far[i] = s->far[i * row] = 0;
    for (size_t i = 1; i < row; i++)
        for (size_t j = 1; j < row; j++)
            s->far[i * row + j] = fabs(s->x[i - 1] - s->x[j - 1]) + s->far[(i - 1) * row + j] +
                                  s->far[i * row + j - 1] - s->far[(i - 1) * row + j - 1];
}

static void report(const struct search *s, const int *where, struct changepoint *out)
{
    for (int i = 0; i < s->count; i++) {
        int a = i > 0 ? s->cut[i - 1] : 0, b = s->cut[i], c = i + 1 < s->count ? s->cut[i + 1] : s->n;
        out[i].index = where[b];
        out[i].before = median_of(s, a, b);
        out[i].after = median_of(s, b, c);
        out[i].change_ratio = expm1(out[i].after - out[i].before);
        out[i].p = t_test(s, a, b, c);
    }
}

enum status changepoint_find(const struct changepoint_options *options, const double *x, int n,
                             struct changepoint *out_found, int *out_count)
{
    struct search s = {.options = options};
    double *values = NULL;
    int *where = NULL;
    enum status st = ST_OK;

    if (n < 0 || n > CHANGEPOINT_MAX)
        return status_fail(ST_BADARG, "change points of %d values, expected 0 to %d", n, CHANGEPOINT_MAX);
    if (options->min_segment < 2 || !(options->p_max > 0 && options->p_max < 1) || !(options->min_ratio >= 0) ||
        isinf(options->min_ratio))
        return status_fail(ST_BADARG, "change points: segments of %d, p %g, least change %g make no sense",
                           options->min_segment, options->p_max, options->min_ratio);
    values = malloc(((size_t)n + 1) * 2 * sizeof *values);
    where = malloc(((size_t)n + 1) * 2 * sizeof *where);
    s.far = malloc(((size_t)n + 1) * ((size_t)n + 1) * sizeof *s.far);
    if (values == NULL || where == NULL || s.far == NULL) {
        st = status_fail(ST_NOMEM, "change points of %d values: no memory", n);
        goto out;
    }
    for (int i = 0; i < n; i++)
        if (isfinite(x[i])) {
            values[s.n] = x[i];
            where[s.n++] = i;
        }
    s.x = values;
    s.scratch = values + n + 1;
    s.cut = where + n + 1;
    measure_distances(&s);
    divide(&s);
    prune(&s);
    report(&s, where, out_found);
    *out_count = s.count;
out:
    free(values);
    free(where);
    free(s.far);
    return st;
}
