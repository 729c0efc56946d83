/* Long calls cut into slices: where the cuts fall, what is measured, what a disturbance costs. No real clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tests/duet_fake.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static double total(const double *x, uint32_t from, uint32_t to)
{
    double sum = 0;
    for (uint32_t i = from; i < to; i++)
        sum += x[i];
    return sum;
}

/* Borders rise from 0 to all steps, and no slice is shorter than 5 ms. */
static void check_cuts(const double *a, int a_steps, const double *b, int b_steps, int expected)
{
    uint32_t x[DUET_MAX_SLICES + 1], y[DUET_MAX_SLICES + 1];
    int count = duet_slices_cut(a, a_steps, b, b_steps, 5e6, x, y);

    if (expected)
        assert_int_equal(count, expected);
    assert_in_range(count, 1, DUET_MAX_SLICES);
    assert_int_equal(x[0] + y[0], 0);
    assert_int_equal(x[count], a_steps);
    assert_int_equal(y[count], b_steps);
    for (int s = 0; s < count; s++) {
        assert_true(x[s] < x[s + 1] && y[s] < y[s + 1]);
        if (count > 1)
            assert_true(total(a, x[s], x[s + 1]) >= 5e6 - 1 && total(b, y[s], y[s + 1]) >= 5e6 - 1);
        if (a_steps == b_steps)
            assert_int_equal(x[s], y[s]);
    }
}

static void test_cuts(void **state)
{
    double a[1000], b[1000];

    (void)state;
    for (int i = 0; i < 1000; i++)
        a[i] = b[i] = 1e6;
    check_cuts(a, 100, b, 100, 20);
    check_cuts(a, 9, b, 9, 1);
    check_cuts(a, 1, b, 1, 1);
    check_cuts(a, 1, b, 100, 1);
    check_cuts(a, 100, b, 1, 1);
    check_cuts(a, 100, b, 10, 2);
    check_cuts(a, 100, b, 50, 10);
    check_cuts(a, 1000, b, 1000, 200);
    for (int i = 0; i < 1000; i++)
        a[i] = b[i] = 20e6;
    check_cuts(a, 1000, b, 1000, 0); /* more than fit */
    a[3] = 900e6;                    /* one giant step in A alone */
    check_cuts(a, 10, b, 17, 0);
    check_cuts(b, 17, a, 10, 0);
    memset(a, 0, sizeof a);
    check_cuts(a, 100, b, 100, 1);

    for (int seed = 0; seed < 300; seed++) {
        struct rng rng;
        int n, m;
        rng_seed(&rng, (uint64_t)seed, 1);
        n = 1 + (int)rng_below(&rng, 200);
        m = 1 + (int)rng_below(&rng, 200);
        for (int i = 0; i < n; i++)
            a[i] = rng_below(&rng, 10000000);
        for (int i = 0; i < m; i++)
            b[i] = rng_below(&rng, 7) ? rng_below(&rng, 4000000) : rng_below(&rng, 90000000);
        check_cuts(a, n, b, m, 0);
    }
}

/* 20 steps of 5 ms in A, the same 10 % longer in B. */
static void long_calls(struct fake_pair *pair)
{
    fake_pair_init(pair, 0);
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        pair->arm[arm].steps = 20;
        for (int i = 0; i < 20; i++)
            pair->arm[arm].step_ns[i] = arm == DUET_A ? 5e6 : 5.5e6;
    }
}

static struct duet_options small(int pairs, int rounds)
{
    struct duet_options options = duet_defaults();
    options.pairs = pairs;
    options.rounds = rounds;
    return options;
}

static void run_fine(struct fake_pair *pair, const struct duet_options *options, struct duet_result *out)
{
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    assert_int_equal(fake_run(pair, options, &a, &b, out), ST_OK);
}

static void test_slices_alternate_and_sum_up(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(3, 5);
    struct duet_result result;
    int longest = 0;

    (void)state;
    long_calls(&pair);
    run_fine(&pair, &options, &result);
    assert_in_range(result.slices, 19, 20); /* the first step pays for the clock */
    assert_int_equal(result.best_of, 1);
    assert_int_equal(result.calls, 1);
    assert_int_equal(pair.slices[DUET_A], 3 * 5 * result.slices);
    assert_int_equal(pair.slices[DUET_A], pair.slices[DUET_B]);
    assert_int_equal(result.kept, 15);
    for (int p = 0; p < 3; p++) {
        NEAR(result.pair[p].d, log(1.1), 1e-6);
        NEAR(result.pair[p].a_ns, 100e6, 1e3);
        NEAR(result.pair[p].b_ns, 110e6, 1e3);
    }
    /* A and B take turns: 3 pairs x 5 rounds x 20 slices leave at least as many changes in the log. */
    longest = pair.world.logged;
    assert_true(longest >= 3 * 5 * result.slices);
    duet_result_free(&result);
}

static void test_other_step_lists(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(2, 4);
    struct duet_result result;

    (void)state;
    long_calls(&pair);
    pair.arm[DUET_B].steps = 7;
    for (int i = 0; i < 7; i++)
        pair.arm[DUET_B].step_ns[i] = i == 2 ? 40e6 : 10e6;
    run_fine(&pair, &options, &result);
    assert_in_range(result.slices, 4, 7);
    NEAR(result.pair[0].d, 0, 1e-5);
    duet_result_free(&result);

    pair.arm[DUET_B].steps = 1; /* cannot be cut */
    pair.arm[DUET_B].step_ns[0] = 100e6;
    run_fine(&pair, &options, &result);
    assert_int_equal(result.slices, 0);
    assert_int_equal(result.cut[DUET_A][1], 0);
    NEAR(result.pair[0].d, 0, 1e-5);
    duet_result_free(&result);
}

static void test_short_calls_stay_whole(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(1, 2);
    struct duet_result result;

    (void)state;
    long_calls(&pair);
    for (int i = 0; i < 20; i++)
        pair.arm[DUET_A].step_ns[i] = pair.arm[DUET_B].step_ns[i] = 2.4e6; /* 48 ms */
    run_fine(&pair, &options, &result);
    assert_int_equal(result.slices, 0);
    duet_result_free(&result);
}

static void test_a_disturbed_slice_costs_only_itself(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(2, 15);
    struct duet_result result;
    int hit = 0;

    (void)state;
    long_calls(&pair);
    pair.arm[DUET_B].step_ns[7] = 25e6; /* a slice whose ratio is its own */
    pair.arm[DUET_B].steal_every = 13;
    pair.arm[DUET_B].steal_ns = 8e6;
    run_fine(&pair, &options, &result);
    for (int r = 0; r < 15; r++)
        for (int s = 0; s < result.slices; s++)
            hit += batch_contaminated(&duet_batches(&result, 0, r, DUET_B)[s], 0.02);
    assert_true(hit >= 15);
    assert_int_equal(result.dropped, 0);
    NEAR(result.pair[0].d, log(129.5 / 100), 1e-5);
    NEAR(result.pair[0].b_ns, 129.5e6, 2e3);
    duet_result_free(&result);

    pair.arm[DUET_B].steal_every = 1; /* nothing is clean */
    run_fine(&pair, &options, &result);
    assert_int_equal(result.kept, 0);
    assert_true(isnan(result.pair[0].d));
    duet_result_free(&result);
}

static void test_injection_into_slices(void **state)
{
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    struct fake_pair pair;
    struct duet_options options = small(1, 3);
    struct duet_result result;

    (void)state;
    long_calls(&pair);
    memcpy(pair.arm[DUET_B].step_ns, pair.arm[DUET_A].step_ns, sizeof pair.arm[DUET_A].step_ns);
    b.inflate_ratio = 1.03;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
    assert_true(result.slices > 1);
    NEAR(exp(result.pair[0].d), 1.03, 2e-5);
    for (int s = 0; s < result.slices; s++) /* every slice, not only the sum */
        NEAR((double)duet_batches(&result, 0, 0, DUET_B)[s].wall_ns /
                 (double)duet_batches(&result, 0, 0, DUET_A)[s].wall_ns,
             1.03, 5e-5);
    duet_result_free(&result);
}

static void test_changed_outputs_of_sliced_calls(void **state)
{
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    struct fake_pair pair;
    struct duet_options options = small(1, 20);
    struct duet_result result;

    (void)state;
    long_calls(&pair);
    pair.arm[DUET_A].change_after = 18;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_slices_alternate_and_sum_up),
        cmocka_unit_test(test_other_step_lists),
        cmocka_unit_test(test_short_calls_stay_whole),
        cmocka_unit_test(test_a_disturbed_slice_costs_only_itself),
        cmocka_unit_test(test_injection_into_slices),
        cmocka_unit_test(test_changed_outputs_of_sliced_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
