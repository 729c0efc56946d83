#include "base/rank.h"

#include <math.h>

/* 1-based; equal values share the mean of their places. */
static void rank_values(const double *x, int n, double *out)
{
    for (int i = 0; i < n; i++) {
        int less = 0, equal = 0;
        for (int j = 0; j < n; j++) {
            less += x[j] < x[i];
            equal += x[j] == x[i];
        }
        out[i] = less + (equal + 1) / 2.0;
    }
}

/* Sum of products of the deviations from the mean rank, which is (n + 1) / 2 in either column. */
static double co_deviation(const double *a, const double *b, int n)
{
    double mean = (n + 1) / 2.0, sum = 0;

    for (int i = 0; i < n; i++)
        sum += (a[i] - mean) * (b[i] - mean);
    return sum;
}

/* Share of all n! orders of b whose co-deviation with a is as far from zero (Heap's algorithm, without recursion). */
static double exact_p(const double *a, double *b, int n)
{
    double least = fabs(co_deviation(a, b, n)) - 1e-9;
    int turn[10] = {0};
    long as_far = 1, all = 1; /* the order that was seen */

    for (int i = 1; i < n;) {
        if (turn[i] < i) {
            int j = i % 2 ? turn[i] : 0;
            double swap = b[j];
            b[j] = b[i];
            b[i] = swap;
            as_far += fabs(co_deviation(a, b, n)) >= least;
            all++;
            turn[i]++;
            i = 1;
        } else {
            turn[i++] = 0;
        }
    }
    return (double)as_far / (double)all;
}

struct rank rank_spearman(const double *x, const double *y, int n)
{
    struct rank result = {NAN, NAN, NAN, NAN, 0, RANK_NONE};
    double a[RANK_MAX], b[RANK_MAX], rank_a[RANK_MAX], rank_b[RANK_MAX], spread;
    int used = 0;

    for (int i = 0; i < n && used < RANK_MAX; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i]))
            continue;
        a[used] = x[i];
        b[used++] = y[i];
    }
    result.n = used;
    if (used < 4)
        return result;
    rank_values(a, used, rank_a);
    rank_values(b, used, rank_b);
    spread = sqrt(co_deviation(rank_a, rank_a, used) * co_deviation(rank_b, rank_b, used));
    if (!(spread > 0))
        return result;
    result.rho = fmax(-1, fmin(1, co_deviation(rank_a, rank_b, used) / spread));
    if (used < 10) {
        result.method = RANK_PERMUTATION;
        result.p = exact_p(rank_a, rank_b, used);
        return result;
    }
    result.method = RANK_FISHER;
    if (fabs(result.rho) < 1) {
        double half = 1.959963984540054 * sqrt((1 + result.rho * result.rho / 2) / (used - 3));
        result.lo = tanh(atanh(result.rho) - half);
        result.hi = tanh(atanh(result.rho) + half);
    }
    return result;
}
