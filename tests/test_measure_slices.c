/* The clock's own cost, and times of the steps of a sequence, against a fake clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "measure/clock.h"
#include "measure/timing.h"
#include "tests/fake_clock.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static void test_clock_measures_itself(void **state)
{
    struct world world;
    struct clock clock = fake_clock(&world), real;
    uint64_t wall, cpu;

    (void)state;
    NEAR(clock.wall_overhead_ns, 30, 0);
    NEAR(clock.wall_resolution_ns, 30, 0);
    clock_system(&real);
    wall = real.wall_ns(real.context);
    cpu = real.cpu_ns(real.context);
    assert_true(real.wall_overhead_ns >= 0 && real.wall_resolution_ns > 0 && real.cpu_overhead_ns > 0);
    assert_true(real.wall_ns(real.context) >= wall && real.cpu_ns(real.context) >= cpu);
}

struct stages {
    struct world *world;
    const double *cost_ns;
    int next; /* -1: begin expected */
    int steps, passes;
    int clean_every; /* one pass in so many is clean, the others lose time in step 1; 0: all are clean */
};

static void stages_begin(void *context)
{
    struct stages *stages = context;
    assert_int_equal(stages->next, -1);
    stages->next = 0;
    stages->passes++;
    spend(stages->world, 500);
}

static void stages_step(void *context, int index)
{
    struct stages *stages = context;
    assert_int_equal(stages->next, index);
    stages->next++;
    spend(stages->world, stages->cost_ns[index]);
    if (index == 1 && stages->clean_every && stages->passes % stages->clean_every != 0)
        stages->world->now_ns += 1e6;
}

static void stages_end(void *context)
{
    struct stages *stages = context;
    assert_int_equal(stages->next, stages->steps);
    stages->next = -1;
    spend(stages->world, 250);
}

static void test_slices(void **state)
{
    static const double cost_ns[] = {1000, 20, 300000, 0};
    struct world world;
    struct clock clock = fake_clock(&world);
    struct timing_options options = timing_defaults(&clock);
    struct stages stages = {&world, cost_ns, -1, 4, 0, 3};
    struct timing_sequence sequence = {stages_begin, stages_step, stages_end, &stages, 4};
    struct timing_slices_result result;
    double step_ns[4];

    (void)state;
    options.budget_s = 0.1;
    assert_int_equal(timing_slices(&options, &sequence, step_ns, &result), ST_OK);
    for (int i = 0; i < 4; i++)
        NEAR(step_ns[i], cost_ns[i], 1);
    NEAR(result.begin_ns, 500, 1);
    NEAR(result.end_ns, 250, 1);
    NEAR(result.total_ns, 301770, 1);
    assert_true(result.passes >= 31);
    assert_in_range(result.dropped, result.passes * 2 / 3 - 1, result.passes * 2 / 3 + 1);

    /* With nearly every pass disturbed, all are used and the count says so. */
    stages.clean_every = 1 << 20;
    assert_int_equal(timing_slices(&options, &sequence, step_ns, &result), ST_OK);
    assert_int_equal(result.dropped, result.passes);
    NEAR(step_ns[1], 1e6 + 20, 1);

    options.budget_s = 0;
    assert_int_equal(timing_slices(&options, &sequence, step_ns, &result), ST_OK);
    assert_int_equal(result.passes, 1);
    sequence.steps = 0;
    assert_int_equal(timing_slices(&options, &sequence, step_ns, &result), ST_BADARG);
    sequence.steps = 1 << 17;
    assert_int_equal(timing_slices(&options, &sequence, step_ns, &result), ST_BADARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_measures_itself),
        cmocka_unit_test(test_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
