/* Change points of histories: steps, creep, and all that must not be taken for a change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "measure/changepoint.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
enum { MOST = 200 };

static struct changepoint found[CHANGEPOINT_MAX_FOUND(CHANGEPOINT_MAX)];

/* Fixed noise of about +-0.5 %. */
static void make_quiet(double *x, int n)
{
    struct rng rng;
    rng_seed(&rng, 11, 1);
    for (int i = 0; i < n; i++)
        x[i] = 0.005 * (double)rng_normal(&rng);
}

static int find(const double *x, int n)
{
    struct changepoint_options options = changepoint_defaults();
    int count = -1;
    assert_int_equal(changepoint_find(&options, x, n, found, &count), ST_OK);
    return count;
}

static void test_nothing_in_noise(void **state)
{
    double x[MOST];

    (void)state;
    make_quiet(x, MOST);
    for (int n = 0; n <= MOST; n += 7)
        assert_int_equal(find(x, n), 0);
}

static void test_constant_and_noiseless(void **state)
{
    double x[40];

    (void)state;
    for (int i = 0; i < 40; i++)
        x[i] = 0.1;
    assert_int_equal(find(x, 40), 0);
    /* A step without any noise is a step, one of less than 2 % is not worth a word. */
    for (int i = 25; i < 40; i++)
        x[i] = 0.1 + log(1.05);
    assert_int_equal(find(x, 40), 1);
    assert_int_equal(found[0].index, 25);
    NEAR(found[0].change_ratio, 0.05, 1e-12);
    NEAR(found[0].p, 0, 0);
    for (int i = 25; i < 40; i++)
        x[i] = 0.1 + log(1.019);
    assert_int_equal(find(x, 40), 0);
}

static void test_one_step(void **state)
{
    double x[60];

    (void)state;
    make_quiet(x, 60);
    for (int i = 35; i < 60; i++)
        x[i] += log(1.05);
    assert_int_equal(find(x, 60), 1);
    assert_int_equal(found[0].index, 35);
    NEAR(found[0].change_ratio, 0.05, 0.005);
    NEAR(found[0].after - found[0].before, log1p(found[0].change_ratio), 1e-12);
    assert_true(found[0].p < 1e-6);
}

static void test_two_steps_up_and_down(void **state)
{
    double x[60];

    (void)state;
    make_quiet(x, 60);
    for (int i = 20; i < 28; i++)
        x[i] += log(1.10);
    for (int i = 28; i < 60; i++)
        x[i] += log(1.03);
    assert_int_equal(find(x, 60), 2);
    assert_int_equal(found[0].index, 20);
    assert_int_equal(found[1].index, 28);
    NEAR(found[0].change_ratio, 0.10, 0.01);
    NEAR(found[1].change_ratio, 1.03 / 1.10 - 1, 0.01);
}

static void test_a_passing_change_is_two(void **state)
{
    double x[40];

    (void)state;
    make_quiet(x, 40);
    for (int i = 18; i < 22; i++)
        x[i] += log(1.08);
    assert_int_equal(find(x, 40), 2);
    assert_int_equal(found[0].index, 18);
    assert_int_equal(found[1].index, 22);
}

static void test_spikes_are_no_change(void **state)
{
    double x[50], y[50];

    (void)state;
    make_quiet(x, 50);
    for (int at = 0; at < 50; at++)
        for (int length = 1; length <= 2 && at + length <= 50; length++) {
            memcpy(y, x, sizeof x);
            for (int i = at; i < at + length; i++)
                y[i] += log(1.5);
            assert_int_equal(find(y, 50), 0);
        }
}

static void test_the_newest_points_are_never_alone(void **state)
{
    double x[30];

    (void)state;
    make_quiet(x, 30);
    x[29] += log(1.2);
    assert_int_equal(find(x, 30), 0);
    x[28] += log(1.2);
    assert_int_equal(find(x, 30), 0);
    x[27] += log(1.2);
    assert_int_equal(find(x, 30), 1);
    assert_int_equal(found[0].index, 27);
}

static void test_creep_is_found(void **state)
{
    double x[100], sum = 0;
    int count;

    (void)state;
    /* 0.1 % per run, never 2 % at once. */
    make_quiet(x, 100);
    for (int i = 0; i < 100; i++)
        x[i] += 0.001 * i;
    count = find(x, 100);
    assert_in_range(count, 1, 6);
    for (int i = 0; i < count; i++) {
        assert_true(found[i].change_ratio > 0.019);
        sum += found[i].change_ratio;
    }
    assert_true(sum > 0.05 && sum < 0.11);
}

static void test_gaps_keep_positions(void **state)
{
    double x[60];

    (void)state;
    make_quiet(x, 60);
    for (int i = 30; i < 60; i++)
        x[i] += log(1.06);
    for (int i = 0; i < 60; i += 4)
        x[i] = i % 8 ? NAN : INFINITY;
    x[29] = x[30] = x[31] = NAN;
    assert_int_equal(find(x, 60), 1);
    assert_int_equal(found[0].index, 33); /* the first value there is of the new level */
    for (int i = 0; i < 60; i++)
        x[i] = NAN;
    assert_int_equal(find(x, 60), 0);
}

static void test_short_series(void **state)
{
    const double x[] = {0, 0.001, -0.001, 0.2, 0.201, 0.199};

    (void)state;
    assert_int_equal(find(NULL, 0), 0);
    for (int n = 1; n < 6; n++)
        assert_int_equal(find(x, n), 0);
    assert_int_equal(find(x, 6), 1);
    assert_int_equal(found[0].index, 3);
}

static void test_the_longest_series(void **state)
{
    static double x[CHANGEPOINT_MAX];

    (void)state;
    make_quiet(x, CHANGEPOINT_MAX);
    for (int i = 700; i < CHANGEPOINT_MAX; i++)
        x[i] += log(1.03);
    assert_int_equal(find(x, CHANGEPOINT_MAX), 1);
    assert_in_range(found[0].index, 699, 701);
}

static void test_mirrored_series_gives_mirrored_changes(void **state)
{
    double x[60], y[60];

    (void)state;
    make_quiet(x, 60);
    for (int i = 22; i < 60; i++)
        x[i] += log(1.05);
    for (int i = 0; i < 60; i++)
        y[i] = -x[i];
    assert_int_equal(find(x, 60), 1);
    NEAR(found[0].change_ratio, 0.05, 0.005);
    assert_int_equal(find(y, 60), 1);
    assert_int_equal(found[0].index, 22);
    NEAR(found[0].change_ratio, 1 / 1.05 - 1, 0.005);
}

static void test_bad_arguments(void **state)
{
    struct changepoint_options options = changepoint_defaults();
    double x[4] = {0};
    int count = 7;

    (void)state;
    assert_int_equal(changepoint_find(&options, x, -1, found, &count), ST_BADARG);
    assert_int_equal(changepoint_find(&options, x, CHANGEPOINT_MAX + 1, found, &count), ST_BADARG);
    options.min_segment = 1;
    assert_int_equal(changepoint_find(&options, x, 4, found, &count), ST_BADARG);
    options = changepoint_defaults();
    options.p_max = NAN;
    assert_int_equal(changepoint_find(&options, x, 4, found, &count), ST_BADARG);
    options = changepoint_defaults();
    options.min_ratio = INFINITY;
    assert_int_equal(changepoint_find(&options, x, 4, found, &count), ST_BADARG);
    assert_int_equal(count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_in_noise),
        cmocka_unit_test(test_constant_and_noiseless),
        cmocka_unit_test(test_one_step),
        cmocka_unit_test(test_two_steps_up_and_down),
        cmocka_unit_test(test_a_passing_change_is_two),
        cmocka_unit_test(test_spikes_are_no_change),
        cmocka_unit_test(test_the_newest_points_are_never_alone),
        cmocka_unit_test(test_creep_is_found),
        cmocka_unit_test(test_gaps_keep_positions),
        cmocka_unit_test(test_short_series),
        cmocka_unit_test(test_the_longest_series),
        cmocka_unit_test(test_mirrored_series_gives_mirrored_changes),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
