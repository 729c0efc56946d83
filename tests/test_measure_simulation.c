/* The gate's promises by simulation, a few hundred runs with a fixed seed; make verify-statistics makes 10 000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate_simulation.h"

static float table[1 << NOISE_TABLE_BITS];
static struct simulation job;
static struct pool *pool;

static int setup(void **state)
{
    (void)state;
    noise_make_table(table);
    return pool_new(2, &pool) == ST_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    pool_free(pool);
    return 0;
}

static void simulate_runs(enum noise_kind kind, double sigma, double effect, long runs, int cells, long *out)
{
    job.table = table;
    job.options = gate_defaults(cells);
    job.cell = (struct noise_cell){
        .kind = kind, .sigma = sigma, .effect = effect, .tau_process = 0.005, .pairs = 20, .rounds = 15, .variants = 1};
    job.truth = effect;
    job.floor = FLOOR_PLAIN;
    job.mde_effect = 0;
    job.runs = runs;
    job.cells = cells;
    job.seed = 20260101;
    simulate(pool, &job, out);
    assert_int_equal(out[T_FAILED], 0);
    assert_int_equal(out[T_RUNS], runs);
    assert_int_equal(out[T_CELLS], runs * cells);
}

static void test_unchanged_code_raises_no_alarm(void **state)
{
    long t[TALLIES];

    (void)state;
    for (int kind = 0; kind <= NOISE_STEAL; kind++) {
        /* 300 runs of 20 cells each: at a true rate of 1 %, more than 9 have a chance below 0.1 %. */
        simulate_runs((enum noise_kind)kind, 0, 0, 300, 20, t);
        assert_in_range(t[T_RUNS_REGRESSED], 0, 9);
        assert_in_range(t[T_RUNS_IMPROVED], 0, 9);
        assert_true(t[T_NO_CHANGE] * 100 >= 90 * t[T_CELLS]);
        assert_true(t[T_COVERED] * 100 >= 93 * t[T_MEASURED] && t[T_COVERED] * 100 <= 98 * t[T_MEASURED]);
        /* Two directions at the stage alpha of 2.2 %, at most. */
        assert_true(t[T_STAGE2] > 0 && t[T_STAGE2] * 1000 <= 55 * t[T_CELLS]);
    }
}

static void test_three_percent_are_found(void **state)
{
    long t[TALLIES];

    (void)state;
    for (int kind = 0; kind <= NOISE_BURSTS; kind++)
        for (int i = 0; i < 2; i++) {
            simulate_runs((enum noise_kind)kind, i ? 0.05 : 0.02, log1p(0.03), 5, 200, t);
            assert_true(t[T_PRECISE_FOUND] * 100 >= 95 * t[T_PRECISE]);
            assert_true(t[T_PRECISE] * 100 >= 85 * t[T_CELLS]);
            assert_true(t[T_NO_CHANGE] * 1000 <= 25 * t[T_CELLS]);
            assert_int_equal(t[T_IMPROVED], 0);
        }
}

static void test_the_mde_is_worth_its_name(void **state)
{
    long t[TALLIES];

    (void)state;
    simulate_runs(NOISE_BURSTS, 0.05, 0, 1, 1, t);
    job.runs = 4;
    job.cells = 200;
    job.options = gate_defaults(200);
    job.mde_effect = 1;
    simulate(pool, &job, t);
    assert_true(t[T_REGRESSED] * 100 >= 93 * t[T_CELLS]);
    job.mde_effect = 2;
    simulate(pool, &job, t);
    assert_true(t[T_BOTH] * 100 >= 93 * t[T_CELLS]);
}

static void test_threads_change_nothing(void **state)
{
    long with_two[TALLIES], alone[TALLIES];
    struct pool *two = pool;

    (void)state;
    simulate_runs(NOISE_STEAL, 0.03, 0.02, 6, 20, with_two);
    pool = NULL;
    simulate_runs(NOISE_STEAL, 0.03, 0.02, 6, 20, alone);
    pool = two;
    assert_memory_equal(with_two, alone, sizeof alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unchanged_code_raises_no_alarm),
        cmocka_unit_test(test_three_percent_are_found),
        cmocka_unit_test(test_the_mde_is_worth_its_name),
        cmocka_unit_test(test_threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
