/* Paired comparisons against a fake clock, workers in this process: nothing here waits or depends on the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tests/duet_fake.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static struct duet_options small(int pairs, int rounds)
{
    struct duet_options options = duet_defaults();
    options.pairs = pairs;
    options.rounds = rounds;
    return options;
}

/* Runs with both arms as they are and expects success. */
static void run_fine(struct fake_pair *pair, const struct duet_options *options, struct duet_result *out)
{
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    assert_int_equal(fake_run(pair, options, &a, &b, out), ST_OK);
    assert_int_equal(pair->abandoned, 1);
    assert_int_equal(pair->open[DUET_A] + pair->open[DUET_B], 0);
}

static void test_defaults(void **state)
{
    struct duet_options options = duet_defaults();
    (void)state;
    assert_int_equal(options.pairs, 20);
    assert_int_equal(options.rounds, 15);
    assert_int_equal(options.best_of, 3);
    assert_true(options.stop == NULL && options.progress == NULL);
}

static void test_ratio_of_two_speeds(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(4, 15);
    struct duet_result result;

    (void)state;
    fake_pair_init(&pair, 20e3);
    pair.arm[DUET_B].cost_ns = 25e3;
    run_fine(&pair, &options, &result);
    assert_int_equal(pair.opened, 8); /* a fresh process for each arm and pair */
    assert_int_equal(result.pairs, 4);
    assert_int_equal(result.kept, 60);
    assert_int_equal(result.dropped, 0);
    for (int p = 0; p < 4; p++) {
        NEAR(result.pair[p].d, log(1.25), 1e-5);
        NEAR(result.pair[p].a_ns, 20e3, 1);
        NEAR(result.pair[p].b_ns, 25e3, 1);
        assert_true(result.pair[p].side[DUET_A].steady && result.pair[p].side[DUET_B].steady);
        NEAR(result.pair[p].side[DUET_A].load_ns, 1.5e6, 0);
        NEAR(result.pair[p].side[DUET_B].plan_ns, 0.5e6, 0);
        NEAR(result.pair[p].side[DUET_B].first_ns, 25e3, 1);
    }
    NEAR(result.a_ns, 20e3, 1);
    NEAR(result.b_ns, 25e3, 1);
    assert_string_equal(result.facts[DUET_A], "{\"code_id\":\"c0de\",\"isa\":\"avx2\"}");
    assert_string_equal(result.output_hash[DUET_A], result.output_hash[DUET_B]);
    {
        char value[8];
        duet_fact(&result, DUET_B, "isa", value, sizeof value);
        assert_string_equal(value, "avx2");
        duet_fact(&result, DUET_B, "banana", value, sizeof value);
        assert_string_equal(value, "");
    }
    duet_result_free(&result);
}

static void test_same_calls_on_both_sides(void **state)
{
    (void)state;
    for (double faster = 1; faster <= 65536; faster *= 4) {
        struct fake_pair pair;
        struct duet_options options = small(2, 2);
        struct duet_result result;

        fake_pair_init(&pair, 300e3);
        pair.arm[DUET_B].cost_ns = 300e3 / faster;
        run_fine(&pair, &options, &result);
        assert_int_equal(pair.run_calls[DUET_A], pair.run_calls[DUET_B]);
        assert_int_equal(pair.run_calls[DUET_A], result.calls);
        if (faster <= 16)
            assert_int_equal(result.calls, 4); /* the slower side's millisecond */
        else                                   /* the faster one's batch is still a thousand steps of the clock */
            assert_true((double)result.calls * 300e3 / faster >= 1000 * pair.clock.wall_resolution_ns);
        NEAR(result.pair[1].d, -log(faster), 1e-2);
        duet_result_free(&result);
    }
}

static void test_long_calls_are_not_repeated(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(1, 3);
    struct duet_result result;

    (void)state;
    fake_pair_init(&pair, 3e6);
    run_fine(&pair, &options, &result);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.best_of, 3);
    duet_result_free(&result);
    fake_pair_init(&pair, 9e6);
    run_fine(&pair, &options, &result);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.best_of, 1);
    duet_result_free(&result);
}

static void test_order_is_balanced(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(20, 16);
    struct duet_result result, again;
    char expected[WORLD_LOG];
    int abba = 0, length = 0;

    (void)state;
    fake_pair_init(&pair, 1e6);
    run_fine(&pair, &options, &result);
    for (int p = 0; p < 20; p++)
        for (int r = 0; r < 16; r += 2) {
            assert_int_not_equal(result.pair[p].round[r].b_first, result.pair[p].round[r + 1].b_first);
            abba += !result.pair[p].round[r].b_first;
        }
    assert_in_range(abba, 160 * 3 / 10, 160 * 7 / 10); /* a coin, not a constant */

    /* What the result says is what ran: after calibration, A then B, the rounds of the first pair. */
    for (int i = 0; i < 2; i++)
        expected[length++] = i ? 'B' : 'A';
    for (int r = 0; r < 16; r++)
        for (int side = 0; side < 2; side++) {
            char letter = (side ^ result.pair[0].round[r].b_first) ? 'B' : 'A';
            if (expected[length - 1] != letter)
                expected[length++] = letter;
        }
    /* In front of that stand the first calls of the two processes in either order. */
    {
        int at = pair.world.log[0] == 'A' ? 2 : 1;
        assert_memory_equal(pair.world.log + at, expected, (size_t)length);
    }

    fake_pair_init(&pair, 1e6);
    run_fine(&pair, &options, &again);
    for (int p = 0; p < 20; p++)
        for (int r = 0; r < 16; r++)
            assert_int_equal(result.pair[p].round[r].b_first, again.pair[p].round[r].b_first);
    duet_result_free(&again);
    duet_result_free(&result);
}

static void test_every_process_has_its_own_layout(void **state)
{
    static const char *const three[] = {"l1", "l2", "l3"};
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    struct fake_pair pair;
    struct duet_options options = small(18, 1);
    struct duet_result result;
    int met[3][3] = {{0}}, different = 0;

    (void)state;
    a.programs = b.programs = three;
    a.program_count = b.program_count = 3;
    fake_pair_init(&pair, 1e6);
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
    for (int i = 0; i < 36; i++) {
        assert_true(pair.padding[i] < 4096 && pair.stack[i] < 4096 && pair.heap[i] < 65536);
        different += i > 0 && pair.padding[i] != pair.padding[i - 1] && pair.heap[i] != pair.heap[i - 1];
    }
    assert_true(different >= 33);
    for (int p = 0; p < 18; p++)
        met[result.pair[p].side[DUET_A].program][result.pair[p].side[DUET_B].program]++;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            assert_int_equal(met[i][j], 2);
    duet_result_free(&result);
}

static void test_disturbed_rounds_are_dropped_for_both(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(2, 60);
    struct duet_result result;

    (void)state;
    options.best_of = 1;
    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_B].steal_every = 5;
    pair.arm[DUET_B].steal_ns = 4e6;
    run_fine(&pair, &options, &result);
    assert_in_range(result.pair[0].dropped, 11, 13);
    assert_int_equal(result.pair[0].kept + result.pair[0].dropped, 60);
    NEAR(result.pair[0].d, 0, 1e-9);
    for (int r = 0; r < 60; r++) {
        const struct duet_round *round = &result.pair[0].round[r];
        NEAR(round->b_ns, round->dropped ? 5e6 : 1e6, 1);
        assert_int_equal(round->tied, !round->dropped);
    }
    duet_result_free(&result);

    options.best_of = 3; /* one batch of three is hit: two are left */
    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_B].steal_every = 3;
    pair.arm[DUET_B].steal_ns = 4e6;
    run_fine(&pair, &options, &result);
    assert_int_equal(result.dropped, 0);
    duet_result_free(&result);
}

static void test_covariates_alone_drop(void **state)
{
    struct fake_pair pair;
    struct duet_options options = small(1, 10);
    struct duet_result result;

    (void)state;
    fake_pair_init(&pair, 1e6);
    pair.world.drift_per_s = 5; /* wildly changing times, but the thread had the processor */
    run_fine(&pair, &options, &result);
    assert_int_equal(result.dropped, 0);
    duet_result_free(&result);

    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_A].switch_every = 1;
    run_fine(&pair, &options, &result);
    assert_int_equal(result.kept, 0);
    assert_true(isnan(result.pair[0].d) && isnan(result.a_ns) && isnan(result.b_ns));
    NEAR(result.pair[0].round[0].a_ns, 1e6, 1); /* still there to look at */
    duet_result_free(&result);

    fake_pair_init(&pair, 30e6); /* one switch in 30 ms says little, a page from the disk says all */
    pair.arm[DUET_A].switch_every = 1;
    run_fine(&pair, &options, &result);
    assert_int_equal(result.dropped, 0);
    duet_result_free(&result);
    pair.arm[DUET_A].switch_every = 0;
    pair.abandoned = 0;
    pair.arm[DUET_A].fault_every = 1;
    run_fine(&pair, &options, &result);
    assert_int_equal(result.kept, 0);
    assert_int_equal(duet_batches(&result, 0, 0, DUET_A)->faults, 1);
    duet_result_free(&result);
}

static void test_threads_are_never_flagged(void **state)
{
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    struct fake_pair pair;
    struct duet_options options = small(1, 10);
    struct duet_result result;

    (void)state;
    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_A].switch_every = 1;
    pair.arm[DUET_A].steal_every = 1;
    pair.arm[DUET_A].steal_ns = 1e6;
    b.threads = 2;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
    assert_int_equal(result.dropped, 0);
    NEAR(result.contamination_ratio, 0, 0);
    duet_result_free(&result);
}

static void test_injection_is_exact(void **state)
{
    static const double costs[] = {7, 333, 20e3, 1e6, 30e6};
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");

    (void)state;
    b.inflate_ratio = 1.03;
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        struct fake_pair pair;
        struct duet_options options = small(2, 4);
        struct duet_result result;
        fake_pair_init(&pair, costs[i]);
        pair.world.read_cost_ns = 1;
        clock_measure(&pair.clock);
        assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
        NEAR(exp(result.pair[0].d), 1.03, 1e-4);
        NEAR(result.pair[1].side[DUET_B].first_ns, costs[i], 1); /* the cold figure stays true */
        duet_result_free(&result);
    }
}

static void test_outputs_must_not_change(void **state)
{
    struct duet_arm a = fake_arm("base"), b = fake_arm("change");
    struct fake_pair pair;
    struct duet_options options = small(3, 5);
    struct duet_result result;

    (void)state;
    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_B].change_after = 15;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_MISMATCH);
    assert_non_null(strstr(status_message(), "other outputs than the first time"));
    assert_int_equal(pair.open[DUET_A] + pair.open[DUET_B], 0);

    fake_pair_init(&pair, 1e6);
    pair.shift_from = 4;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_MISMATCH);
    assert_non_null(strstr(status_message(), "than in an earlier process"));

    fake_pair_init(&pair, 1e6);
    pair.facts_from = 4;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_MISMATCH);
    assert_non_null(strstr(status_message(), "0ther"));

    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_B].facts = "{\"code_id\":7}";
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_FORMAT);
    pair.arm[DUET_B].facts = "banana";
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_FORMAT);
    assert_non_null(strstr(status_message(), "change"));

    /* The two arms may differ: a comparison of builds with other sums of floats. */
    fake_pair_init(&pair, 1e6);
    pair.arm[DUET_B].shift = 1;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
    assert_string_not_equal(result.output_hash[DUET_A], result.output_hash[DUET_B]);
    duet_result_free(&result);
}

static void count_progress(void *context, int done, int pairs)
{
    int *seen = context;
    assert_int_equal(done, *seen + 1);
    assert_int_equal(pairs, 5);
    *seen = done;
}

static void test_progress_budget_and_bad_options(void **state)
{
    struct duet_arm a = fake_arm("a"), b = fake_arm("b");
    struct fake_pair pair;
    struct duet_options options = small(5, 100), bad;
    struct duet_result result;
    int seen = 0;

    (void)state;
    fake_pair_init(&pair, 1e6);
    options.progress = count_progress;
    options.progress_context = &seen;
    options.budget_s = 0.6; /* 6 ms per round, 5 pairs */
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
    assert_int_equal(seen, 5);
    assert_in_range(result.rounds, 19, 20);
    duet_result_free(&result);
    options.budget_s = 1e-9;
    seen = 0;
    assert_int_equal(fake_run(&pair, &options, &a, &b, &result), ST_OK);
    assert_int_equal(result.rounds, 1);
    duet_result_free(&result);

#define REFUSED(change)                                                                                                \
    bad = small(1, 1);                                                                                                 \
    change;                                                                                                            \
    assert_int_equal(fake_run(&pair, &bad, &a, &b, &result), ST_BADARG)
    REFUSED(bad.pairs = 0);
    REFUSED(bad.pairs = DUET_MAX_PAIRS + 1);
    REFUSED(bad.rounds = 0);
    REFUSED(bad.best_of = DUET_MAX_BATCHES + 1);
    REFUSED(bad.batch_ns = NAN);
    REFUSED(bad.timeout_s = 0);
    REFUSED(bad.slice_ns = 0);
    REFUSED(bad.contamination_ratio = -1);
    REFUSED(b.inflate_ratio = 0.5);
    b.inflate_ratio = 1;
    REFUSED(a.threads = 0);
    a.threads = 1;
    REFUSED(a.program_count = 1);
}

static void test_hostile_requests(void **state)
{
    struct fake_pair pair;
    struct duet_worker worker;
    struct duet_subject subject;
    struct duet_message *message;
    struct duet_request request = duet_request_of(DUET_RUN);

    (void)state;
    fake_pair_init(&pair, 1e6);
    pair.arm[0].world = &pair.world;
    subject = fake_subject(&pair.arm[0]);
    assert_int_equal(mem_alloc(1, sizeof *message, &message), ST_OK);
    duet_worker_init(&worker, &pair.clock, &subject);
#define FAILS(expected)                                                                                                \
    duet_worker_handle(&worker, &request, sizeof request, message);                                                    \
    assert_int_equal(message->reply.kind, DUET_FAILED);                                                                \
    assert_int_equal(message->reply.status, expected)
    FAILS(ST_BADARG); /* before the start */
    request.version = 2;
    FAILS(ST_FORMAT);
    assert_int_equal(message->reply.version, DUET_VERSION); /* so that the other side can tell */
    duet_worker_handle(&worker, "x", 1, message);
    assert_int_equal(message->reply.kind, DUET_FAILED);
    request = duet_request_of(DUET_START);
    request.heap_bytes = UINT32_MAX;
    FAILS(ST_BADARG);
    request.heap_bytes = 0;
    request.cpu = 1 << 30;
    FAILS(ST_BADARG);
    request.cpu = -1;
    duet_worker_handle(&worker, &request, sizeof request, message);
    assert_int_equal(message->reply.kind, DUET_START);
    FAILS(ST_BADARG); /* twice */
    request = duet_request_of(DUET_RUN);
    FAILS(ST_BADARG); /* no calls */
    request.calls = 1;
    request.batches = UINT32_MAX;
    FAILS(ST_BADARG);
    request = duet_request_of(DUET_SLICE);
    request.to = 1;
    FAILS(ST_BADARG); /* has no steps */
    request = duet_request_of(DUET_STEPS);
    FAILS(ST_BADARG);
    request = duet_request_of(DUET_OUTPUTS);
    request.index = FAKE_INPUTS;
    FAILS(ST_BADARG);
    request.index = 0;
    request.offset = FAKE_VALUES;
    FAILS(ST_BADARG);
    request = duet_request_of((enum duet_kind)99);
    FAILS(ST_BADARG);
    duet_worker_free(&worker);
    mem_free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_ratio_of_two_speeds),
        cmocka_unit_test(test_same_calls_on_both_sides),
        cmocka_unit_test(test_long_calls_are_not_repeated),
        cmocka_unit_test(test_order_is_balanced),
        cmocka_unit_test(test_every_process_has_its_own_layout),
        cmocka_unit_test(test_disturbed_rounds_are_dropped_for_both),
        cmocka_unit_test(test_covariates_alone_drop),
        cmocka_unit_test(test_threads_are_never_flagged),
        cmocka_unit_test(test_injection_is_exact),
        cmocka_unit_test(test_outputs_must_not_change),
        cmocka_unit_test(test_progress_budget_and_bad_options),
        cmocka_unit_test(test_hostile_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
