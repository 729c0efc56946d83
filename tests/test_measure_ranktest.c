/* Distributions, rank tests, many tests and trends against hand-worked cases and values of R and SciPy 1.17. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "measure/distribution.h"
#include "measure/multiplicity.h"
#include "measure/ranktest.h"
#include "measure/stats.h"
#include "measure/trend.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
#define CLOSE(a, b) NEAR((a) / (b), 1, 1e-9)

static void test_distributions_match_scipy(void **state)
{
    (void)state;
    CLOSE(distribution_normal_cdf(-1.5), 0.06680720126885807);
    CLOSE(distribution_normal_upper(10), 7.61985302416047e-24);
    CLOSE(distribution_normal_quantile(0.00707), -2.453686996212799);
    CLOSE(distribution_student_upper(2.5, 7), 0.020496109292876444);
    CLOSE(distribution_student_upper(8.61, 4), 0.0005000670619139335);
    CLOSE(distribution_student_upper(-1.2, 3.5), 0.8474927573110678);
    CLOSE(distribution_student_upper(30, 18), 4.008484483565528e-17);
    CLOSE(distribution_binomial_cdf(5, 20, 0.3), 0.4163708294474809);
    CLOSE(distribution_binomial_cdf(0, 10000, 1e-4), 0.3678610464329299);
    CLOSE(distribution_binomial_cdf(400000, 1000000, 0.4), 0.5004343132067661);
    assert_int_equal(distribution_binomial_quantile(0.975, 20, 0.3), 10);
    CLOSE(distribution_proportion_upper(0, 10000, 0.95), 0.00029952835977661195);
    CLOSE(distribution_proportion_upper(3, 10000, 0.95), 0.0007751813790100997);
    CLOSE(distribution_proportion_lower(3, 10000, 0.95), 8.177397910290673e-05);
    CLOSE(distribution_proportion_upper(5, 20, 0.975), 0.49104587170795744);
    CLOSE(distribution_proportion_lower(5, 20, 0.975), 0.08657146910143462);
    CLOSE(distribution_proportion_lower(20, 20, 0.95), 0.8608916593317348);
    /* The protocol's own example: no alarm in 299 runs shows a rate below 1 %. */
    assert_true(distribution_proportion_upper(0, 299, 0.95) < 0.01);
    assert_true(distribution_proportion_upper(0, 298, 0.95) > 0.01);
}

static void test_distributions_outside_their_domain(void **state)
{
    (void)state;
    assert_true(isnan(distribution_normal_cdf(NAN)) && isnan(distribution_normal_upper(NAN)));
    NEAR(distribution_normal_cdf(INFINITY), 1, 0);
    NEAR(distribution_normal_upper(INFINITY), 0, 0);
    assert_true(isnan(distribution_normal_quantile(-0.1)) && isnan(distribution_normal_quantile(NAN)));
    assert_true(distribution_normal_quantile(0) < -1e300 && distribution_normal_quantile(1) > 1e300);
    assert_true(isnan(distribution_student_upper(1, 0)) && isnan(distribution_student_upper(1, NAN)));
    assert_true(isnan(distribution_student_upper(NAN, 3)));
    NEAR(distribution_student_upper(INFINITY, 3), 0, 0);
    NEAR(distribution_student_upper(-INFINITY, 3), 1, 0);
    NEAR(distribution_binomial_cdf(-1, 5, 0.5), 0, 0);
    NEAR(distribution_binomial_cdf(5, 5, 0.5), 1, 0);
    NEAR(distribution_binomial_cdf(0, 0, 0.5), 1, 0);
    assert_true(isnan(distribution_binomial_cdf(1, -1, 0.5)) && isnan(distribution_binomial_cdf(1, 5, 1.5)));
    assert_true(isnan(distribution_binomial_cdf(1, (int64_t)DISTRIBUTION_BINOMIAL_MAX + 1, 0.5)));
    assert_int_equal(distribution_binomial_quantile(2, 5, 0.5), -1);
    assert_int_equal(distribution_binomial_quantile(NAN, 5, 0.5), -1);
    assert_true(isnan(distribution_proportion_upper(1, 0, 0.95)) && isnan(distribution_proportion_upper(6, 5, 0.95)));
    assert_true(isnan(distribution_proportion_lower(-1, 5, 0.95)) && isnan(distribution_proportion_upper(1, 5, 1)));
    NEAR(distribution_proportion_upper(5, 5, 0.95), 1, 0);
    NEAR(distribution_proportion_lower(0, 5, 0.95), 0, 0);
}

static void test_half_binomials_agree(void **state)
{
    (void)state;
    for (int n = 1; n < 400; n += 13)
        for (int k = 0; k < n; k += 3)
            CLOSE(stats_binomial_half_cdf(k, (uint64_t)n), distribution_binomial_cdf(k, n, 0.5));
}

static void expect_ranks(const double *d, int n, double w_plus, double p_greater, double p_less)
{
    struct ranktest test;

    assert_int_equal(ranktest_signed_rank(d, n, &test), ST_OK);
    NEAR(test.w_plus, w_plus, 0);
    NEAR(test.p_greater, p_greater, 1e-12);
    NEAR(test.p_less, p_less, 1e-12);
}

static void test_signed_rank_by_hand(void **state)
{
    const double three[] = {3, -1, 2}, all[] = {0.1, 0.2, 0.3, 0.4}, one[] = {-5}, tied[] = {1, 1, -1};
    struct ranktest test;

    (void)state;
    /* Ranks 3, -1, 2: W+ = 5 of 6. Of the 8 sign patterns 5 and 6 are reached by one each. */
    expect_ranks(three, 3, 5, 2.0 / 8, 7.0 / 8);
    expect_ranks(all, 4, 10, 1.0 / 16, 1);
    expect_ranks(one, 1, 0, 1, 0.5);
    /* Mid-ranks 2, 2, 2: W+ = 4; two or three heads of three. */
    expect_ranks(tied, 3, 4, 4.0 / 8, 7.0 / 8);
    assert_int_equal(ranktest_signed_rank(three, 3, &test), ST_OK);
    assert_true(test.exact && test.n == 3 && test.zeros == 0 && test.missing == 0);
}

static void test_signed_rank_matches_outside_values(void **state)
{
    /* Hollander and Wolfe 1973, p. 29: depression before and after a tranquilizer; V = 40, p = 0.01953 in R. */
    const double depression[] = {1.83 - 0.878, 0.50 - 0.647, 1.62 - 0.598, 2.48 - 2.05, 1.68 - 1.06,
                                 1.88 - 1.29,  1.55 - 1.06,  3.06 - 3.14,  1.30 - 1.29};
    /* All 2^9 and 2^15 sign patterns counted one by one with SciPy's mid-ranks; the latter are Darwin's maize plants.
     */
    const double ties[] = {1, 1, -1, 2, 2, 3, -3, 0, 4, 5};
    const double maize[] = {6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75};
    double twenty[20], fifty[50], many[300];

    (void)state;
    expect_ranks(depression, 9, 40, 0.01953125, 0.986328125);
    expect_ranks(ties, 10, 36.5, 0.060546875, 0.962890625);
    expect_ranks(maize, 15, 96, 0.0206298828125, 0.982330322265625);
    for (int i = 0; i < 20; i++)
        twenty[i] = (i + 1) * (i % 4 == 0 ? -1 : 1);
    expect_ranks(twenty, 20, 165, 0.011975288391113281, 0.9892578125);
    for (int i = 0; i < 50; i++)
        fifty[i] = (i * 37) % 101 - 40.5 + i * 0.001;
    expect_ranks(fifty, 50, 851, 0.019507762760930802, 0.9809591469734871);
    for (int i = 0; i < 300; i++)
        many[i] = (i * 37) % 101 - 40.5 + i * 0.0001;
    {
        struct ranktest test;
        assert_int_equal(ranktest_signed_rank(many, 300, &test), ST_OK);
        assert_true(test.exact);
        NEAR(test.w_plus, 30357, 0);
        NEAR(test.p_greater / 8.053290379006484e-08, 1, 1e-6);
    }
}

static void test_signed_rank_beyond_counting(void **state)
{
    double d[500];
    struct ranktest test, counted;

    (void)state;
    /* SciPy, approx with continuity correction: ties and zeros. */
    for (int i = 0; i < 500; i++)
        d[i] = (i * 7) % 23 - 10;
    assert_int_equal(ranktest_signed_rank(d, 500, &test), ST_OK);
    assert_false(test.exact);
    assert_int_equal(test.n + test.zeros, 500);
    NEAR(test.w_plus, 67283.5, 0);
    NEAR(test.p_greater, 0.00043925417138103754, 1e-12);
    NEAR(test.p_less, 0.9995612676996328, 1e-12);
    /* One difference of no weight more, and counting gives way to the approximation: the answer stays. */
    for (int i = 0; i < RANKTEST_EXACT_MAX; i++)
        d[i] = (i * 7) % 23 - 10.25;
    d[RANKTEST_EXACT_MAX] = 1e-6;
    assert_int_equal(ranktest_signed_rank(d, RANKTEST_EXACT_MAX, &counted), ST_OK);
    assert_int_equal(ranktest_signed_rank(d, RANKTEST_EXACT_MAX + 1, &test), ST_OK);
    assert_true(counted.exact && !test.exact);
    NEAR(test.p_greater / counted.p_greater, 1, 0.02);
    NEAR(test.p_less / counted.p_less, 1, 0.02);
}

static void test_signed_rank_of_hostile_values(void **state)
{
    const double zeros[] = {0, -0.0, 0}, nothing[] = {NAN, INFINITY, -INFINITY};
    const double mixed[] = {NAN, 2, 0, INFINITY, -1, 3};
    struct ranktest test;

    (void)state;
    expect_ranks(NULL, 0, 0, 1, 1);
    expect_ranks(zeros, 3, 0, 1, 1);
    expect_ranks(nothing, 3, 0, 1, 1);
    expect_ranks(mixed, 6, 5, 2.0 / 8, 7.0 / 8);
    assert_int_equal(ranktest_signed_rank(mixed, 6, &test), ST_OK);
    assert_true(test.n == 3 && test.zeros == 1 && test.missing == 2);
    assert_int_equal(ranktest_signed_rank(mixed, -1, &test), ST_BADARG);
}

/* The level is kept for any distribution whose sign is a coin, ties and skew included. */
static void test_signed_rank_keeps_its_level(void **state)
{
    enum { TRIALS = 20000, N = 20 };
    struct rng rng;
    int alarms = 0, both = 0;

    (void)state;
    rng_seed(&rng, 7, 1);
    for (int t = 0; t < TRIALS; t++) {
        double d[N];
        struct ranktest test;
        for (int i = 0; i < N; i++) {
            double size = floor(4 * exp((double)rng_normal(&rng)));
            d[i] = rng_u64(&rng) >> 63 ? size : -size;
        }
        assert_int_equal(ranktest_signed_rank(d, N, &test), ST_OK);
        alarms += test.p_greater <= 0.05;
        both += test.p_greater + test.p_less < 1;
    }
    assert_int_equal(both, 0);
    assert_in_range(alarms, TRIALS * 35 / 1000, TRIALS * 54 / 1000);
}

static void test_sign(void **state)
{
    const double d[] = {1, 2, -1, 3, 0, NAN, 4}, zeros[] = {0, 0};
    struct ranktest_sign sign = ranktest_sign(d, 7);

    (void)state;
    /* Four of five: P(>= 4) = 6 / 32, P(<= 4) = 31 / 32. */
    assert_true(sign.n == 5 && sign.positive == 4);
    NEAR(sign.p_greater, 6.0 / 32, 1e-14);
    NEAR(sign.p_less, 31.0 / 32, 1e-14);
    sign = ranktest_sign(zeros, 2);
    assert_true(sign.n == 0 && sign.p_greater >= 1 && sign.p_less >= 1);
    sign = ranktest_sign(NULL, 0);
    assert_true(sign.n == 0 && sign.p_greater >= 1);
}

static void test_holm_and_fdr(void **state)
{
    const double p[] = {0.01, 0.04, 0.03, 0.005, NAN, 0.5};
    const double holm[] = {0.04, 0.09, 0.09, 0.025, NAN, 0.5}, q[] = {0.025, 0.05, 0.05, 0.025, NAN, 0.5};
    const double bad[] = {0.5, 1.5};
    double out[6];

    (void)state;
    /* Holm: 5 * 0.005, 4 * 0.01, 3 * 0.03, max(that, 2 * 0.04). q: SciPy's false_discovery_control. */
    assert_int_equal(multiplicity_holm(p, 6, out), ST_OK);
    for (int i = 0; i < 6; i++)
        assert_true(i == 4 ? isnan(out[i]) : fabs(out[i] - holm[i]) < 1e-15);
    assert_int_equal(multiplicity_fdr(p, 6, out), ST_OK);
    for (int i = 0; i < 6; i++)
        assert_true(i == 4 ? isnan(out[i]) : fabs(out[i] - q[i]) < 1e-15);
    assert_int_equal(multiplicity_fdr(p, 0, out), ST_OK);
    assert_int_equal(multiplicity_fdr(bad, 2, out), ST_BADARG);
    assert_int_equal(multiplicity_holm(bad, -1, out), ST_BADARG);
}

static void test_stage_alpha(void **state)
{
    (void)state;
    NEAR(multiplicity_stage_alpha(0.01, 200), 0.0070710678, 1e-10);
    NEAR(multiplicity_stage_alpha(0.01, 1), 0.1, 1e-15);
    assert_true(isnan(multiplicity_stage_alpha(0.01, 0)) && isnan(multiplicity_stage_alpha(0, 5)));
    assert_true(isnan(multiplicity_stage_alpha(NAN, 5)));
}

static void test_trend(void **state)
{
    const double x[] = {1, 3, 2, 5, 4, 8, 6}, gaps[] = {1, NAN, 3, NAN, 5, INFINITY, 7}, flat[] = {2, 2, 2, 2};
    struct trend t;

    (void)state;
    /* Slope 1.0: SciPy's theilslopes. Halves 1, 2, 3 and 4, 6, 8. */
    assert_int_equal(trend_measure(x, 7, &t), ST_OK);
    NEAR(t.slope, 1, 1e-15);
    NEAR(t.drift, 6, 1e-14);
    NEAR(t.half_gap, 4, 0);
    assert_int_equal(trend_measure(gaps, 7, &t), ST_OK);
    assert_int_equal(t.n, 4);
    NEAR(t.slope, 1, 0);
    NEAR(t.drift, 6, 0);
    NEAR(t.half_gap, 4, 0);
    assert_int_equal(trend_measure(flat, 4, &t), ST_OK);
    NEAR(t.drift, 0, 0);
    assert_int_equal(trend_measure(flat, 3, &t), ST_OK);
    assert_true(isnan(t.half_gap));
    assert_int_equal(trend_measure(gaps, 2, &t), ST_OK);
    assert_true(isnan(t.slope) && isnan(t.drift) && t.n == 1);
    assert_int_equal(trend_measure(NULL, 0, &t), ST_OK);
    assert_true(isnan(t.slope) && t.n == 0);
    assert_int_equal(trend_measure(flat, -1, &t), ST_BADARG);
    assert_int_equal(trend_measure(flat, TREND_MAX + 1, &t), ST_BADARG);
}

static void test_select_is_a_sorted_entry(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3, 1);
    for (int n = 1; n < 60; n++) {
        double x[60], sorted[60], y[60];
        for (int i = 0; i < n; i++)
            x[i] = sorted[i] = n % 3 ? (double)rng_normal(&rng) : (double)rng_below(&rng, 4);
        stats_sort(sorted, n);
        for (int k = 0; k < n; k++) {
            for (int i = 0; i < n; i++)
                y[i] = x[i];
            NEAR(stats_select(y, n, k), sorted[k], 0);
            stats_sort(y, n);
            for (int i = 0; i < n; i++)
                NEAR(y[i], sorted[i], 0);
        }
        assert_true(isnan(stats_select(x, n, n)) && isnan(stats_select(x, n, -1)));
    }
    assert_true(isnan(stats_select(NULL, 0, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distributions_match_scipy),
        cmocka_unit_test(test_distributions_outside_their_domain),
        cmocka_unit_test(test_half_binomials_agree),
        cmocka_unit_test(test_signed_rank_by_hand),
        cmocka_unit_test(test_signed_rank_matches_outside_values),
        cmocka_unit_test(test_signed_rank_beyond_counting),
        cmocka_unit_test(test_signed_rank_of_hostile_values),
        cmocka_unit_test(test_signed_rank_keeps_its_level),
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_holm_and_fdr),
        cmocka_unit_test(test_stage_alpha),
        cmocka_unit_test(test_trend),
        cmocka_unit_test(test_select_is_a_sorted_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
