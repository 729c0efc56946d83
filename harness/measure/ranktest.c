#include "measure/ranktest.h"

#include <math.h>
#include <stdlib.h>

#include "measure/distribution.h"
#include "measure/stats.h"

static int compare_size(const void *left, const void *right)
{
    double a = fabs(*(const double *)left), b = fabs(*(const double *)right);
    return (a > b) - (a < b);
}

/* Doubled mid-ranks of values sorted by size: whole numbers. Returns whether there are ties. */
static int rank_doubled(const double *sorted, int n, int *rank)
{
    int ties = 0;

    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && fabs(sorted[end]) == fabs(sorted[i]); end++)
            ties = 1;
        for (int j = i; j < end; j++)
            rank[j] = i + 1 + end; /* first + last of the group, counted from 1 */
    }
    return ties;
}

/* P(W <= limit) and P(W = limit), where W is the sum of the ranks whose coin shows heads. share (limit + 1). */
static void count_exactly(const int *rank, int n, int limit, double *share, double *out_at_most, double *out_equal)
{
    int reach = 0;
    double sum = 0;

    for (int s = 0; s <= limit; s++)
        share[s] = 0;
    share[0] = 1;
    for (int i = 0; i < n; i++) {
        int r = rank[i], top;
        reach += r;
        top = reach < limit ? reach : limit;
        /* Downwards, so that share[s - r] is still without this rank. Halving at each step keeps shares within 2^-n
         * .. 1. */
        for (int s = top; s >= r; s--)
            share[s] = 0.5 * (share[s] + share[s - r]);
        for (int s = (r - 1 < top ? r - 1 : top); s >= 0; s--)
            share[s] *= 0.5;
    }
    for (int s = 0; s <= limit; s++)
        sum += share[s];
    *out_at_most = sum < 1 ? sum : 1;
    *out_equal = share[limit];
}

static enum status test_exactly(int *rank, int n, int w, int ties, struct ranktest *out)
{
    int total = 0, limit;
    double small_stack[512], *share = small_stack, at_most, equal, other;

    /* Without ties all doubled ranks are even. */
    if (!ties) {
        w /= 2;
        for (int i = 0; i < n; i++)
            rank[i] /= 2;
    }
    for (int i = 0; i < n; i++)
        total += rank[i];
    /* The distribution is symmetric about total / 2: count the shorter tail. */
    limit = w <= total - w ? w : total - w;
    if (limit >= 512 && (share = malloc(((size_t)limit + 1) * sizeof *share)) == NULL)
        return status_fail(ST_NOMEM, "signed-rank test of %d pairs: no memory", n);
    count_exactly(rank, n, limit, share, &at_most, &equal);
    if (share != small_stack)
        free(share);
    other = 1 - at_most + equal;
    out->p_less = limit == w ? at_most : other;
    out->p_greater = limit == total - w ? at_most : other;
    out->exact = 1;
    return ST_OK;
}

static void test_by_normal(const int *rank, int n, double w_plus, struct ranktest *out)
{
    double mean = 0, variance = 0, sd;

    /* Sum and sum of squares of the mid-ranks themselves: the usual tie correction is this sum written out. */
    for (int i = 0; i < n; i++) {
        double r = rank[i] / 2.0;
        mean += r / 2;
        variance += r * r / 4;
    }
    sd = sqrt(variance);
    out->p_greater = distribution_normal_upper((w_plus - mean - 0.5) / sd);
    out->p_less = distribution_normal_cdf((w_plus - mean + 0.5) / sd);
    out->exact = 0;
}

enum status ranktest_signed_rank(const double *d, int n, struct ranktest *out)
{
    struct ranktest test = {0, 0, 0, 1, 0, 1, 1};
    double small_value[64], *value = small_value;
    int small_rank[64], *rank = small_rank, used = 0, ties;
    int64_t w = 0;
    enum status st = ST_OK;

    if (n < 0)
        return status_fail(ST_BADARG, "signed-rank test: %d pairs", n);
    if (n > 64) {
        value = malloc((size_t)n * sizeof *value);
        rank = malloc((size_t)n * sizeof *rank);
        if (value == NULL || rank == NULL) {
            st = status_fail(ST_NOMEM, "signed-rank test of %d pairs: no memory", n);
            goto out;
        }
    }
    for (int i = 0; i < n; i++) {
        test.missing += !isfinite(d[i]);
        test.zeros += d[i] == 0;
        if (isfinite(d[i]) && d[i] != 0)
            value[used++] = d[i];
    }
    test.n = used;
    if (used > 0) {
        qsort(value, (size_t)used, sizeof *value, compare_size);
        ties = rank_doubled(value, used, rank);
        for (int i = 0; i < used; i++)
            w += value[i] > 0 ? rank[i] : 0;
        test.w_plus = (double)w / 2;
        if (used <= RANKTEST_EXACT_MAX)
            TRY_OUT(test_exactly(rank, used, (int)w, ties, &test));
        else
            test_by_normal(rank, used, test.w_plus, &test);
    }
    *out = test;
out:
    if (value != small_value)
        free(value);
    if (rank != small_rank)
        free(rank);
    return st;
}

struct ranktest_sign ranktest_sign(const double *d, int n)
{
    struct ranktest_sign test = {0, 0, 1, 1};

    for (int i = 0; i < n; i++)
        if (isfinite(d[i]) && d[i] != 0) {
            test.n++;
            test.positive += d[i] > 0;
        }
    if (test.n > 0) {
        /* Both from the short tail's side, so that small values keep their digits. */
        test.p_greater = stats_binomial_half_cdf(test.n - test.positive, (uint64_t)test.n);
        test.p_less = stats_binomial_half_cdf(test.positive, (uint64_t)test.n);
    }
    return test;
}
