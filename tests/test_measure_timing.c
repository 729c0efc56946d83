/* The timing engine against a fake clock: nothing here waits or depends on the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "measure/stats.h"
#include "measure/timing.h"
#include "tests/fake_clock.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

enum { ROUNDS = 200 };

struct work {
    struct world *world;
    char letter;
    double cost_ns;
    double first_cost_ns; /* of the first call, if positive */
    double growth;        /* cost is multiplied by this after each call, if positive */
    uint64_t calls;
    uint64_t steal_every; /* every so many calls ... */
    double steal_ns;      /* ... somebody else gets the processor */
    int switch_every;     /* every so many calls an involuntary switch that costs nothing */
    uint64_t slow_cycle;  /* call i costs 1 + (i % slow_cycle) / 2 times the cost */
    volatile sig_atomic_t *stop;
    uint64_t stop_after;
};

static void work_run(void *context)
{
    struct work *work = context;
    struct world *world = work->world;
    double cost_ns = work->calls == 0 && work->first_cost_ns > 0 ? work->first_cost_ns : work->cost_ns;

    if (work->slow_cycle)
        cost_ns *= 1 + 0.5 * (double)(work->calls % work->slow_cycle);
    spend(world, cost_ns);
    if (work->growth > 0)
        work->cost_ns *= work->growth;
    work->calls++;
    if (work->steal_every && work->calls % work->steal_every == 0)
        world->now_ns += work->steal_ns;
    if (work->switch_every && work->calls % (uint64_t)work->switch_every == 0)
        world->disturbances++;
    if (work->stop && work->calls >= work->stop_after)
        *work->stop = 1;
    if (world->logged < WORLD_LOG && (world->logged == 0 || world->log[world->logged - 1] != work->letter))
        world->log[world->logged++] = work->letter;
}

static struct timing_subject subject_of(struct work *work, struct world *world, char letter, double cost_ns)
{
    struct timing_subject subject = {"fake", work_run, work};
    memset(work, 0, sizeof *work);
    work->world = world;
    work->letter = letter;
    work->cost_ns = cost_ns;
    return subject;
}

static void test_each_side_gets_its_own_batch(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a, b;
    struct timing_subject fast = subject_of(&a, &world, 'A', 20e3), slow = subject_of(&b, &world, 'B', 2e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;
    double x[ROUNDS], y[ROUNDS], scratch[2 * ROUNDS];
    struct stats_ratio ratio;
    int n;

    (void)state;
    assert_int_equal(timing_pair(&options, &fast, &slow, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.a.calls, 64); /* 32 calls are 0.64 ms: too short; 64 are 1.28 */
    assert_int_equal(result.b.calls, 1);
    NEAR(result.a.batch_ns, 1.28e6, 1);
    NEAR(result.b.batch_ns, 2e6, 1);
    assert_true(result.a.steady && result.b.steady);
    assert_int_equal(result.best_of, 3);
    assert_int_equal(result.dropped, 0);
    assert_int_equal(result.kept, 120);
    n = timing_collect(rounds, result.rounds, TIMING_CLEAN, x, y);
    assert_int_equal(n, 120);
    ratio = stats_ratio(y, x, n, scratch);
    NEAR(ratio.ratio, 100, 1e-2);
    assert_true(ratio.lo <= 100.001 && ratio.hi >= 99.999);
}

static void test_batches_of_any_speed_last_half_to_twice(void **state)
{
    (void)state;
    for (double cost = 3; cost < 1e9; cost *= 1.37) {
        struct world world;
        struct clock clock = fake_clock(&world);
        struct timing_options options = timing_defaults(&clock);
        struct work a;
        struct timing_subject subject = subject_of(&a, &world, 'A', cost);
        struct timing_round rounds[4];
        struct timing_result result;

        assert_int_equal(timing_single(&options, &subject, rounds, 4, &result), ST_OK);
        if (cost < 1e6)
            assert_true(result.a.batch_ns >= 0.5e6 && result.a.batch_ns <= 2e6);
        else
            assert_int_equal(result.a.calls, 1);
        assert_int_equal(result.best_of, cost > 8e6 ? 1 : 3);
        NEAR(rounds[0].a_ns / cost, 1, 1e-3);
        NEAR(rounds[0].b_ns, 0, 0);
        assert_int_equal(result.b.calls, 0);
    }
}

static void test_cold_start_does_not_set_the_batch(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 20e3);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    a.first_cost_ns = 5e6;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.a.calls, 64);
    NEAR(rounds[0].a_ns, 20e3, 1);
}

static void test_warm_up_ends(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 2e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    a.growth = 1.06; /* never agrees within 5 % */
    options.max_rounds = options.min_rounds = 1;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_false(result.a.steady);
    assert_true(result.a.warmup_s >= 0.5 && result.a.warmup_s < 0.6);
}

static void test_order_is_balanced(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a, b;
    struct timing_subject one = subject_of(&a, &world, 'A', 1e6), two = subject_of(&b, &world, 'B', 1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;
    char expected[WORLD_LOG];
    int length = 0, b_first = 0, abba = 0, at;

    (void)state;
    options.max_rounds = options.min_rounds = ROUNDS;
    options.seed = 7;
    assert_int_equal(timing_pair(&options, &one, &two, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.rounds, ROUNDS);
    for (int i = 0; i < ROUNDS; i += 2) {
        assert_int_not_equal(rounds[i].b_first, rounds[i + 1].b_first);
        abba += !rounds[i].b_first;
        b_first += rounds[i].b_first + rounds[i + 1].b_first;
    }
    assert_int_equal(b_first, ROUNDS / 2);
    assert_in_range(abba, ROUNDS / 2 * 3 / 10, ROUNDS / 2 * 7 / 10); /* a coin, not a constant */

    /* What the record says is what ran: warm-up A, B, then the rounds; equal neighbours are one letter in the log. */
    expected[length++] = 'A';
    expected[length++] = 'B';
    for (int i = 0; i < ROUNDS; i++)
        for (int side = 0; side < 2; side++) {
            char letter = (side ^ rounds[i].b_first) ? 'B' : 'A';
            if (expected[length - 1] != letter)
                expected[length++] = letter;
        }
    assert_int_equal(world.logged, length);
    assert_memory_equal(world.log, expected, (size_t)length);

    /* Another seed, another order; the same seed, the same. */
    at = rounds[0].b_first;
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct timing_round again[2];
        options.seed = seed;
        options.max_rounds = options.min_rounds = 1;
        assert_int_equal(timing_pair(&options, &one, &two, again, 2, &result), ST_OK);
        if (again[0].b_first != at)
            break;
        assert_true(seed < 49);
    }
}

static void test_stolen_rounds_are_dropped_for_both(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a, b;
    struct timing_subject one = subject_of(&a, &world, 'A', 1e6), two = subject_of(&b, &world, 'B', 1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;
    double x[ROUNDS], y[ROUNDS];
    int n, dropped = 0;

    (void)state;
    options.best_of = 1;
    b.steal_every = 5;
    b.steal_ns = 4e6;
    assert_int_equal(timing_pair(&options, &one, &two, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.kept + result.dropped, result.rounds);
    assert_in_range(result.dropped, result.rounds / 5 - 1, result.rounds / 5 + 1);
    n = timing_collect(rounds, result.rounds, TIMING_CLEAN, x, y);
    assert_int_equal(n, result.kept);
    for (int i = 0; i < n; i++) {
        NEAR(x[i], 1e6, 1);
        NEAR(y[i], 1e6, 1);
    }
    /* With TIMING_ALL nothing is hidden. */
    n = timing_collect(rounds, result.rounds, TIMING_ALL, x, y);
    assert_int_equal(n, result.rounds);
    for (int i = 0; i < n; i++)
        dropped += fabs(y[i] - 5e6) < 1;
    assert_int_equal(dropped, result.dropped);
}

static void test_best_of_three_saves_a_round(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a, b;
    struct timing_subject one = subject_of(&a, &world, 'A', 1e6), two = subject_of(&b, &world, 'B', 1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    b.steal_every = 3; /* one batch in each three */
    b.steal_ns = 4e6;
    assert_int_equal(timing_pair(&options, &one, &two, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.dropped, 0);
    for (int i = 0; i < result.rounds; i++)
        NEAR(rounds[i].b_ns, 1e6, 1);
}

static void test_best_of_k_is_the_fastest(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    a.slow_cycle = 3;    /* 1, 1.5, 2 ms, again and again, with the processor all the time */
    options.best_of = 4; /* so that the fastest comes at another place in each round */
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.a.calls, 1);
    assert_int_equal(result.dropped, 0);
    for (int i = 0; i < result.rounds; i++)
        NEAR(rounds[i].a_ns, 1e6, 1);
}

static void test_time_itself_never_drops(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a, b;
    struct timing_subject one = subject_of(&a, &world, 'A', 1e6), two = subject_of(&b, &world, 'B', 1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    world.drift_per_s = 5; /* wildly changing times, but the thread had the processor */
    assert_int_equal(timing_pair(&options, &one, &two, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.dropped, 0);
}

static void test_switches_flag_short_batches(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    a.switch_every = 1;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.kept, 0);
    assert_true(result.rounds >= options.min_rounds);
    assert_true(result.elapsed_s < options.budget_s + 0.1); /* hopeless: no use in going on to four budgets */
    NEAR(rounds[0].a_ns, 1e6, 1);                           /* still there for TIMING_ALL */
    assert_int_equal(timing_collect(rounds, result.rounds, TIMING_CLEAN, &(double){0}, NULL), 0);

    subject = subject_of(&a, &world, 'A', 30e6); /* one switch per 30 ms says little */
    a.switch_every = 1;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.dropped, 0);

    subject = subject_of(&a, &world, 'A', 1e6); /* threaded subjects: no flags */
    a.switch_every = 1;
    options.contamination_ratio = 0;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.dropped, 0);
}

static void test_drift_cancels(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a, b;
    struct timing_subject one = subject_of(&a, &world, 'A', 1e6), two = subject_of(&b, &world, 'B', 1.1e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;
    double x[ROUNDS], y[ROUNDS], scratch[2 * ROUNDS];
    struct stats_ratio ratio;
    int n;

    (void)state;
    world.drift_per_s = 1; /* twice as slow after a second */
    options.best_of = 1;
    assert_int_equal(timing_pair(&options, &one, &two, rounds, ROUNDS, &result), ST_OK);
    n = timing_collect(rounds, result.rounds, TIMING_CLEAN, x, y);
    assert_true(x[n - 1] / x[0] > 1.2); /* there was drift to cancel */
    ratio = stats_ratio(y, x, n, scratch);
    NEAR(ratio.ratio, 1.1, 1.1 * 1e-3);
    assert_true(ratio.lo <= 1.1 && 1.1 <= ratio.hi);
}

static void test_budget_and_round_limits(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 100e6);
    struct timing_round rounds[ROUNDS];
    struct timing_result result;

    (void)state;
    options.budget_s = 3;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_in_range(result.rounds, 30, 31); /* 100 ms each, until 3 s are spent */
    options.budget_s = 1;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.rounds, 16); /* min_rounds, though the budget is spent after 10 */
    options.budget_s = 0.25;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_in_range(result.rounds, 10, 11); /* four budgets */
    options.budget_s = 0;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_OK);
    assert_int_equal(result.rounds, 1); /* at least one */
    options.budget_s = 100;
    assert_int_equal(timing_single(&options, &subject, rounds, 3, &result), ST_OK);
    assert_int_equal(result.rounds, 3); /* capacity */
}

static void test_stop_flag(void **state)
{
    volatile sig_atomic_t stop = 0;
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 1e6);
    struct timing_sequence sequence;
    struct timing_round rounds[ROUNDS];
    struct timing_result result;
    struct timing_slices_result slices;
    double step_ns[1];

    (void)state;
    memset(&sequence, 0, sizeof sequence);
    memset(&result, 0x5a, sizeof result);
    options.stop = &stop;
    a.stop = &stop;
    a.stop_after = 40;
    assert_int_equal(timing_single(&options, &subject, rounds, ROUNDS, &result), ST_INTERRUPTED);
    assert_int_equal(a.calls, 40);
    assert_int_equal(result.kept, 0x5a5a5a5a);
    sequence.steps = 1;
    assert_int_equal(timing_slices(&options, &sequence, step_ns, &slices), ST_INTERRUPTED);
}

static void test_bad_options(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options good = timing_defaults(&clock), bad;
    struct work a;
    struct timing_subject subject = subject_of(&a, &world, 'A', 1e6);
    struct timing_round rounds[2];
    struct timing_result result;

    (void)state;
#define REFUSED(change)                                                                                                \
    bad = good;                                                                                                        \
    change;                                                                                                            \
    assert_int_equal(timing_single(&bad, &subject, rounds, 2, &result), ST_BADARG)
    REFUSED(bad.clock = NULL);
    REFUSED(bad.batch_ns = 0);
    REFUSED(bad.batch_ns = NAN);
    REFUSED(bad.budget_s = -1);
    REFUSED(bad.min_rounds = 0);
    REFUSED(bad.max_rounds = 1);
    REFUSED(bad.best_of = 0);
    REFUSED(bad.contamination_ratio = -1);
    assert_int_equal(timing_single(&good, &subject, rounds, 0, &result), ST_BADARG);
    assert_int_equal(a.calls, 0);
    world.read_cost_ns = 0;
    a.cost_ns = 0; /* a clock that stands still must not hang */
    assert_int_equal(timing_single(&good, &subject, rounds, 2, &result), ST_BADARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_side_gets_its_own_batch),
        cmocka_unit_test(test_batches_of_any_speed_last_half_to_twice),
        cmocka_unit_test(test_cold_start_does_not_set_the_batch),
        cmocka_unit_test(test_warm_up_ends),
        cmocka_unit_test(test_order_is_balanced),
        cmocka_unit_test(test_stolen_rounds_are_dropped_for_both),
        cmocka_unit_test(test_best_of_three_saves_a_round),
        cmocka_unit_test(test_best_of_k_is_the_fastest),
        cmocka_unit_test(test_time_itself_never_drops),
        cmocka_unit_test(test_switches_flag_short_batches),
        cmocka_unit_test(test_drift_cancels),
        cmocka_unit_test(test_budget_and_round_limits),
        cmocka_unit_test(test_stop_flag),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
