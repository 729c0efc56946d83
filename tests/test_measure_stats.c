/* Statistics and accuracy on hand-worked and textbook examples, and the interval's coverage by simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "measure/accuracy.h"
#include "measure/stats.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static void test_median_and_quantiles(void **state)
{
    double x[] = {4, 1, 3, 2}, y[] = {7, 3, 5};

    (void)state;
    stats_sort(x, 4);
    stats_sort(y, 3);
    NEAR(stats_median(x, 4), 2.5, 0);
    NEAR(stats_median(y, 3), 5, 0);
    NEAR(stats_median(x, 1), 1, 0);
    assert_true(isnan(stats_median(x, 0)));
    /* Type 7 on 1, 2, 3, 4: position 3 p, so p = 0.1 gives 1.3 and p = 0.9 gives 3.7 (R: quantile(1:4, ...)). */
    NEAR(stats_quantile(x, 4, 0.1), 1.3, 1e-15);
    NEAR(stats_quantile(x, 4, 0.9), 3.7, 1e-15);
    NEAR(stats_quantile(x, 4, 0), 1, 0);
    NEAR(stats_quantile(x, 4, 1), 4, 0);
    assert_true(isnan(stats_quantile(x, 4, 1.1)));
    assert_true(isnan(stats_quantile(x, 4, NAN)));
}

static void test_sort_puts_nan_last(void **state)
{
    double x[] = {NAN, 2, NAN, -1, INFINITY};

    (void)state;
    stats_sort(x, 5);
    NEAR(x[0], -1, 0);
    NEAR(x[1], 2, 0);
    assert_true(isinf(x[2]));
    assert_true(isnan(x[3]) && isnan(x[4]));
}

static void test_percentiles_need_support(void **state)
{
    double x[500];

    (void)state;
    assert_int_equal(stats_percentile_min_count(0.90, 0.95), 46);
    assert_int_equal(stats_percentile_min_count(0.95, 0.95), 93);
    assert_int_equal(stats_percentile_min_count(0.99, 0.95), 473);
    assert_int_equal(stats_percentile_min_count(0.90, 0.99), 64);
    assert_int_equal(stats_percentile_min_count(0.95, 0.99), 130);
    assert_int_equal(stats_percentile_min_count(0.99, 0.99), 662);
    assert_int_equal(stats_percentile_min_count(0.10, 0.95), 46);
    /* (1 + n) / 2^n <= 0.05 first at n = 8: 9 / 256. */
    assert_int_equal(stats_percentile_min_count(0.50, 0.95), 8);
    assert_int_equal(stats_percentile_min_count(0, 0.95), 0);
    assert_int_equal(stats_percentile_min_count(0.5, 1), 0);
    assert_int_equal(stats_percentile_min_count(NAN, 0.95), 0);

    for (int i = 0; i < 500; i++)
        x[i] = i;
    assert_true(isnan(stats_percentile(x, 45, 0.90)));
    NEAR(stats_percentile(x, 46, 0.90), 40.5, 1e-12);
    assert_true(isnan(stats_percentile(x, 472, 0.99)));
    NEAR(stats_percentile(x, 473, 0.99), 472 * 0.99, 1e-9);
    assert_true(isnan(stats_percentile(x, 0, 0.5)));
}

static void test_mad(void **state)
{
    double x[] = {1, 1, 2, 2, 4, 6, 9}, scratch[7];

    (void)state;
    /* Median 2, deviations 1 1 0 0 2 4 7, their median 1. */
    NEAR(stats_mad(x, 7, scratch), 1, 0);
    assert_true(isnan(stats_mad(x, 0, scratch)));
}

static void test_binomial(void **state)
{
    (void)state;
    NEAR(stats_binomial_half_cdf(-1, 5), 0, 0);
    NEAR(stats_binomial_half_cdf(0, 5), 1.0 / 32, 1e-15);
    NEAR(stats_binomial_half_cdf(2, 5), 0.5, 1e-14);
    NEAR(stats_binomial_half_cdf(3, 5), 26.0 / 32, 1e-14);
    NEAR(stats_binomial_half_cdf(5, 5), 1, 0);
    NEAR(stats_binomial_half_cdf(0, 0), 1, 0);
    /* 21700 / 2^20, from the tables. */
    NEAR(stats_binomial_half_cdf(5, 20), 21700.0 / 1048576, 1e-13);
    /* Half the distribution and half of the middle term, which is 1 / sqrt(pi n / 2) for large n. */
    NEAR(stats_binomial_half_cdf(500000, 1000000), 0.5 + 0.5 / sqrt(M_PI * 5e5), 1e-8);
    NEAR(stats_binomial_half_cdf(500000000, 1000000000), 0.5 + 0.5 / sqrt(M_PI * 5e8), 1e-5);
    NEAR(stats_binomial_half_cdf(0, 5000), 0, 1e-300);
}

static void test_median_interval_ranks(void **state)
{
    /* Ranks of the 95 % sign-test interval (Conover, Practical Nonparametric Statistics): n = 6: 1, 9: 2, 12: 3, 15: 4,
     * 17: 5, 20: 6, 21: 6, 25: 8. */
    static const int expected[][2] = {{6, 1}, {8, 1}, {9, 2}, {12, 3}, {15, 4}, {17, 5}, {20, 6}, {21, 6}, {25, 8}};
    double x[30];

    (void)state;
    for (int i = 0; i < 30; i++)
        x[i] = i + 1;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        int n = expected[i][0], k = expected[i][1];
        struct stats_interval interval = stats_median_interval(x, n, 0.95);
        NEAR(interval.lo, k, 0);
        NEAR(interval.hi, n + 1 - k, 0);
    }
    for (int n = 0; n < 6; n++)
        assert_true(isnan(stats_median_interval(x, n, 0.95).lo) && isnan(stats_median_interval(x, n, 0.95).hi));
    assert_true(isnan(stats_median_interval(x, 20, 1).lo));
}

static void test_ratio(void **state)
{
    double a[9], b[9], scratch[18];
    struct stats_ratio r, reversed;

    (void)state;
    for (int i = 0; i < 9; i++) {
        b[i] = 100 + 50 * (i % 3);
        a[i] = b[i] * (2 + 0.01 * (i - 4));
    }
    r = stats_ratio(a, b, 9, scratch);
    assert_int_equal(r.n, 9);
    NEAR(r.ratio, 2, 1e-12);
    NEAR(r.lo, 1.97, 1e-12); /* rank 2 of 9 */
    NEAR(r.hi, 2.03, 1e-12);
    NEAR(r.above, 1, 0);
    reversed = stats_ratio(b, a, 9, scratch);
    NEAR(reversed.ratio * r.ratio, 1, 1e-12);
    NEAR(reversed.lo * r.hi, 1, 1e-12);
    NEAR(reversed.hi * r.lo, 1, 1e-12);
    NEAR(reversed.above, 0, 0);
    /* Deviations of ln ratio in ascending order: 0, ln(2.01/2), -ln(1.99/2), ln(2.02/2), -ln(1.98/2): the fifth of
     * nine. */
    NEAR(r.se, 1.4826 * -log(1.98 / 2) / sqrt(0.955 * 9), 1e-12);
    NEAR(r.mde, exp(4.41 * r.se) - 1, 1e-12);
}

static void test_ratio_of_few_or_bad_values(void **state)
{
    double a[] = {1, 0, NAN, 4, 3, INFINITY, -2}, b[] = {2, 1, 1, 2, 3, 1, 1}, scratch[14];
    struct stats_ratio r = stats_ratio(a, b, 0, scratch);

    (void)state;
    assert_int_equal(r.n, 0);
    assert_true(isnan(r.ratio) && isnan(r.lo) && isnan(r.above) && isnan(r.se));
    r = stats_ratio(a, b, 1, scratch);
    assert_int_equal(r.n, 1);
    NEAR(r.ratio, 0.5, 1e-15);
    assert_true(isnan(r.lo) && isnan(r.hi) && isnan(r.se) && isnan(r.mde));
    r = stats_ratio(a, b, 7, scratch);
    assert_int_equal(r.n, 3); /* 0.5, 2, 1 are usable */
    NEAR(r.ratio, 1, 1e-15);
    NEAR(r.above, 0.5, 1e-15); /* one above, one below, one tie */
}

/* Lognormal pairs with a common disturbance and a true ratio of 1.25: the interval must hold it 93 to 98 times of 100.
 */
static void test_interval_coverage(void **state)
{
    enum { TRIALS = 4000 };
    static const int sizes[] = {12, 20, 31};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 20260101, 1);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        int n = sizes[s], covered = 0, below = 0;
        double a[31], b[31], scratch[62];
        for (int trial = 0; trial < TRIALS; trial++) {
            struct stats_ratio r;
            for (int i = 0; i < n; i++) {
                double common = exp(0.3 * rng_normal(&rng)), skew = rng_normal(&rng);
                /* Skewed noise with median 0: exp of a normal, shifted. */
                a[i] = 1.25 * common * exp(0.05 * (exp(0.8 * skew) - 1));
                b[i] = common;
            }
            r = stats_ratio(a, b, n, scratch);
            covered += r.lo <= 1.25 && 1.25 <= r.hi;
            below += r.hi < 1.25;
        }
        assert_in_range(covered, TRIALS * 93 / 100, TRIALS * 98 / 100);
        /* Misses fall on both sides: the interval does not lean. */
        assert_in_range(below, (TRIALS - covered) / 4, (TRIALS - covered) * 3 / 4);
    }
}

static void test_wilson(void **state)
{
    struct stats_interval w = stats_wilson(81, 263);

    (void)state;
    /* Newcombe 1998, table I, method 3: 81/263 -> 0.2553 .. 0.3662, 15/148 -> 0.0624 .. 0.1605, 0/20 -> 0 .. 0.1611. */
    NEAR(w.lo, 0.2553, 5e-5);
    NEAR(w.hi, 0.3662, 5e-5);
    w = stats_wilson(15, 148);
    NEAR(w.lo, 0.0624, 5e-5);
    NEAR(w.hi, 0.1605, 5e-5);
    w = stats_wilson(0, 20);
    NEAR(w.lo, 0, 0);
    NEAR(w.hi, 0.1611, 5e-5);
    w = stats_wilson(20, 20);
    NEAR(w.lo, 1 - 0.1611, 5e-5);
    NEAR(w.hi, 1, 0);
    assert_true(isnan(stats_wilson(0, 0).lo) && isnan(stats_wilson(3, 2).hi));
}

static void test_mcnemar(void **state)
{
    (void)state;
    /* 2 (C(10,0) + C(10,1) + C(10,2)) / 2^10 = 112 / 1024. */
    NEAR(stats_mcnemar(2, 8), 112.0 / 1024, 1e-13);
    NEAR(stats_mcnemar(8, 2), 112.0 / 1024, 1e-13);
    NEAR(stats_mcnemar(0, 6), 2.0 / 64, 1e-15);
    NEAR(stats_mcnemar(0, 1), 1, 1e-15);
    NEAR(stats_mcnemar(0, 0), 1, 0);
    NEAR(stats_mcnemar(7, 7), 1, 0);
    /* Presidential approval, in Agresti, Categorical Data Analysis (1990), p. 350: 86 and 150 changed their minds. */
    NEAR(stats_mcnemar(86, 150), 3.7159361396e-05, 1e-13);
    /* Large counts do not overflow and come near the normal approximation (with continuity correction). */
    NEAR(stats_mcnemar(4998000000u, 5002000000u - 1), 2 * 0.5 * erfc(40.0 / sqrt(2.0)), 1e-12);
    NEAR(stats_mcnemar(499000, 501000), erfc((2000 - 1) / sqrt(1e6) / sqrt(2.0)), 1e-5);
}

static void test_geomean(void **state)
{
    double x[] = {1, 10, 100}, bad[] = {1, 0}, huge[] = {1e300, 1e300, 1e300};

    (void)state;
    NEAR(stats_geomean(x, 3), 10, 1e-12);
    NEAR(stats_geomean(x, 1), 1, 0);
    NEAR(stats_geomean(huge, 3) / 1e300, 1, 1e-10);
    assert_true(isnan(stats_geomean(x, 0)));
    assert_true(isnan(stats_geomean(bad, 2)));
}

static void test_argmax(void **state)
{
    float logits[] = {0, 2, 1, 5, 5, 1, NAN, -3, -2, NAN, NAN, NAN, -INFINITY, NAN, -INFINITY};
    int32_t out[5];

    (void)state;
    accuracy_argmax(logits, 5, 3, out);
    assert_int_equal(out[0], 1);
    assert_int_equal(out[1], 0); /* the first of equals */
    assert_int_equal(out[2], 2); /* NaN never wins */
    assert_int_equal(out[3], 0);
    assert_int_equal(out[4], 0);
}

static void test_accuracy(void **state)
{
    static const uint8_t labels[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const int32_t base[] = {0, 1, 2, 3, 4, 5, 6, 7, 0, 0};  /* 8 right */
    static const int32_t other[] = {0, 1, 2, 9, 9, 9, 6, 7, 8, 1}; /* 6 right: loses 3, 4, 5, wins 8 */
    struct accuracy a = accuracy_top1(base, labels, 10);
    struct accuracy_delta d = accuracy_compare(base, other, labels, 10);

    (void)state;
    assert_int_equal(a.correct, 8);
    NEAR(a.top1, 0.8, 1e-15);
    NEAR(a.lo, 0.4902, 5e-5); /* Wilson for 8 of 10 */
    NEAR(a.hi, 0.9433, 5e-5);
    assert_int_equal(d.only_baseline, 3);
    assert_int_equal(d.only_this, 1);
    assert_int_equal(d.flips, 5);
    NEAR(d.delta_pp, -20, 1e-12);
    NEAR(d.p_mcnemar, 10.0 / 16, 1e-13);
    /* Agresti-Min by hand: n* 12, b* + c* = 5, difference -2: -2/12 -+ 1.95996 sqrt(5 - 4/12) / 12. */
    NEAR(d.delta_lo_pp, 100 * (-2.0 / 12 - 1.959964 * sqrt(5 - 4.0 / 12) / 12), 1e-4);
    NEAR(d.delta_hi_pp, 100 * (-2.0 / 12 + 1.959964 * sqrt(5 - 4.0 / 12) / 12), 1e-4);
}

static void test_accuracy_edges(void **state)
{
    static const uint8_t labels[] = {1};
    static const int32_t predicted[] = {1};
    struct accuracy none = accuracy_top1(predicted, labels, 0), one = accuracy_top1(predicted, labels, 1);
    struct accuracy_delta d = accuracy_compare(predicted, predicted, labels, 0);

    (void)state;
    assert_true(isnan(none.top1) && isnan(none.lo));
    NEAR(one.top1, 1, 0);
    NEAR(one.hi, 1, 0);
    assert_true(isnan(d.delta_pp));
    NEAR(d.p_mcnemar, 1, 0);
    d = accuracy_compare(predicted, predicted, labels, 1);
    NEAR(d.delta_pp, 0, 0);
    assert_true(d.delta_lo_pp < 0 && d.delta_hi_pp > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median_and_quantiles),
        cmocka_unit_test(test_sort_puts_nan_last),
        cmocka_unit_test(test_percentiles_need_support),
        cmocka_unit_test(test_mad),
        cmocka_unit_test(test_binomial),
        cmocka_unit_test(test_median_interval_ranks),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_ratio_of_few_or_bad_values),
        cmocka_unit_test(test_interval_coverage),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_mcnemar),
        cmocka_unit_test(test_geomean),
        cmocka_unit_test(test_argmax),
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_accuracy_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
