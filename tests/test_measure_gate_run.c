/* The verdict over a run: what beats what, sentinels, environment, coverage, common shifts, summary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "measure/gate_run.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
enum { CELLS = 20 };

static struct gate_options options;
static struct gate_result cells[CELLS], aa, relinked[2], injected;
static struct gate_run_input input;

static struct gate_result make(enum gate_verdict verdict, double ratio)
{
    struct gate_result r;
    memset(&r, 0, sizeof r);
    r.verdict = verdict;
    r.ratio = verdict == GATE_INCORRECT || verdict == GATE_NOT_COMPARABLE ? NAN : ratio;
    r.moved = verdict == GATE_REGRESSED ? 1 : verdict == GATE_IMPROVED ? -1 : 0;
    r.se = 0.002;
    return r;
}

/* A quiet run in which all is well. */
static int setup(void **state)
{
    (void)state;
    options = gate_defaults(CELLS);
    for (int i = 0; i < CELLS; i++)
        cells[i] = make(GATE_NO_CHANGE, i % 2 ? 1.002 : 1 / 1.002);
    aa = make(GATE_NO_CHANGE, 1.001);
    aa.control = 1;
    injected = make(GATE_REGRESSED, 1.03);
    relinked[0] = make(GATE_NO_CHANGE, 1.004);
    relinked[1] = make(GATE_NO_CHANGE, 0.997);
    input = (struct gate_run_input){.options = &options,
                                    .cells = cells,
                                    .count = CELLS,
                                    .expected = CELLS,
                                    .aa = &aa,
                                    .relinked = relinked,
                                    .injected = &injected,
                                    .aa_count = 1,
                                    .relinked_count = 2,
                                    .injected_count = 1,
                                    .environment = {0.05, 0.02, 0.01}};
    return 0;
}

static struct gate_run_result expect(enum gate_run_verdict verdict, int code, const char *part)
{
    struct gate_run_result run;
    assert_int_equal(gate_run(&input, &run), ST_OK);
    assert_string_equal(gate_run_word(run.verdict), gate_run_word(verdict));
    assert_int_equal(run.exit_code, code);
    if (strstr(run.reason, part) == NULL)
        fail_msg("reason \"%s\" has no \"%s\"", run.reason, part);
    return run;
}

static void test_pass(void **state)
{
    struct gate_run_result run = expect(GATE_RUN_PASS, 0, "no regression in 20 gated cells, 20 of them conclusive");

    (void)state;
    assert_int_equal(run.counts[GATE_NO_CHANGE], CELLS);
    assert_true(run.gated == CELLS && run.conclusive == CELLS && !run.unguarded);
    NEAR(run.relinked_spread_ratio, 0.004, 1e-12);
    NEAR(run.layout_floor_ratio, 0.01, 0);
    assert_true(isnan(run.common_shift));
    NEAR(run.geomean, 1, 1e-12);
    /* All standard errors are 0.2 %, times sqrt(1.5), whatever the number of cells. */
    NEAR(log(run.geomean_hi), 1.96 * 0.002 * sqrt(1.5), 1e-12);
    NEAR(run.geomean_lo * run.geomean_hi, 1, 1e-12);
}

static void test_improvements_pass(void **state)
{
    (void)state;
    cells[0] = cells[1] = make(GATE_IMPROVED, 0.9);
    assert_int_equal(expect(GATE_RUN_PASS, 0, "no regression").counts[GATE_IMPROVED], 2);
}

static void test_order_of_precedence(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        cells[i] = make(GATE_INCONCLUSIVE, 1.01);
    expect(GATE_RUN_INCONCLUSIVE, 3, "15 of 20 gated cells have an answer");
    cells[5] = make(GATE_REGRESSED, 1.2);
    expect(GATE_RUN_REGRESSED, 1, "1 of 20 gated cells regressed");
    input.environment.steal_blocks_share = 0.26;
    expect(GATE_RUN_REFUSED, 4, "26 % of the time had more than 20 % steal; at most 25 % may be");
    cells[6] = make(GATE_INCORRECT, 0);
    expect(GATE_RUN_INCORRECT, 5, "1 of 20 cells gave a wrong output");
}

static void test_environment(void **state)
{
    (void)state;
    input.environment = (struct gate_environment){0.25, 0.25, 0.20};
    expect(GATE_RUN_PASS, 0, "");
    input.environment = (struct gate_environment){NAN, NAN, NAN};
    expect(GATE_RUN_PASS, 0, "");
    input.environment.crowded_blocks_share = 0.3;
    expect(GATE_RUN_REFUSED, 4, "other work filled all processors");
    input.environment = (struct gate_environment){0, 0, 0.21};
    expect(GATE_RUN_REFUSED, 4, "tied");
}

static void test_sentinels(void **state)
{
    (void)state;
    aa.moved = -1;
    aa.ratio = 0.95;
    cells[0] = make(GATE_REGRESSED, 1.2);
    expect(GATE_RUN_REFUSED, 4, "a program compared with itself came out 5.0 % faster");
    setup(state);
    injected = make(GATE_NO_CHANGE, 1.012);
    expect(GATE_RUN_REFUSED, 4, "was not found (1.2 % seen)");
    injected = make(GATE_IMPROVED, 0.95);
    expect(GATE_RUN_REFUSED, 4, "was not found");
    injected = make(GATE_INCORRECT, 0);
    expect(GATE_RUN_REFUSED, 4, "was not found");
    setup(state);
    /* Layout between floor and gate is the caller's floor, beyond the gate a refusal. */
    relinked[1].ratio = 1 / 1.018;
    NEAR(expect(GATE_RUN_PASS, 0, "").relinked_spread_ratio, 0.018, 1e-12);
    relinked[1].ratio = 1 / 1.024;
    expect(GATE_RUN_REFUSED, 4, "the same code at other addresses differs by 2.4 %, more than the gate of 2 %");
    setup(state);
    input.relinked_count = 0;
    assert_true(isnan(expect(GATE_RUN_PASS, 0, "").relinked_spread_ratio));
    input.aa_count = 0;
    expect(GATE_RUN_REFUSED, 4, "no A/A sentinel");
    input.aa_count = 1;
    input.injected_count = 0;
    expect(GATE_RUN_REFUSED, 4, "no injected sentinel");
    input.sentinels_optional = 1;
    assert_int_equal(expect(GATE_RUN_PASS, 0, "").unguarded, 1);
}

static void test_controls(void **state)
{
    (void)state;
    for (int i = 0; i < CELLS; i++)
        cells[i].control = 1;
    input.environment.steal_blocks_share = 0.9;
    input.aa_count = 0;
    expect(GATE_RUN_PASS, 0, "nothing to gate: all 20 cells run identical code");
    cells[3].moved = 1;
    cells[3].verdict = GATE_INCONCLUSIVE;
    expect(GATE_RUN_REFUSED, 4, "");
    input.environment.steal_blocks_share = 0;
    input.aa_count = 1;
    /* One of many is layout; more than a tenth is not. */
    expect(GATE_RUN_PASS, 0, "in 0 gated cells");
    cells[4] = cells[5] = cells[3];
    expect(GATE_RUN_REFUSED, 4, "3 of 20 cells with identical code look changed");
    setup(state);
    for (int i = 0; i < CELLS; i++)
        cells[i].control = 1;
    input.expected = CELLS + 1;
    expect(GATE_RUN_INCONCLUSIVE, 3, "20 cells were compared, 21 expected");
    /* Controls do not make up for gated cells without an answer. */
    setup(state);
    for (int i = 0; i < CELLS; i++)
        cells[i].control = i >= 4;
    cells[0] = make(GATE_INCONCLUSIVE, 1);
    expect(GATE_RUN_INCONCLUSIVE, 3, "3 of 4 gated cells");
}

static void test_coverage(void **state)
{
    (void)state;
    cells[0] = cells[1] = make(GATE_INCONCLUSIVE, 1);
    expect(GATE_RUN_PASS, 0, "18 of them conclusive");
    cells[2] = cells[1];
    expect(GATE_RUN_INCONCLUSIVE, 3, "17 of 20");
    setup(state);
    cells[7] = make(GATE_NOT_COMPARABLE, 0);
    expect(GATE_RUN_INCONCLUSIVE, 3, "19 cells were compared, 20 expected");
    input.expected = 19;
    expect(GATE_RUN_PASS, 0, "");
    input.count = 0;
    expect(GATE_RUN_INCONCLUSIVE, 3, "0 cells were compared");
    input.expected = 0;
    input.cells = NULL;
    assert_true(isnan(expect(GATE_RUN_INCONCLUSIVE, 3, "0 cells were compared").geomean));
}

static void test_common_shift(void **state)
{
    struct gate_run_result run;

    (void)state;
    for (int i = 0; i < CELLS; i++)
        cells[i] = make(GATE_REGRESSED, 1.03 + 0.0001 * i);
    for (int i = 0; i < 2; i++)
        cells[i] = make(GATE_NO_CHANGE, 0.999);
    run = expect(GATE_RUN_REGRESSED, 1, "18 of 20 gated cells regressed, as part of a common shift of all cells");
    assert_true(run.common_shift > 1.03 && run.common_shift < 1.033);
    /* Small, or scattered, or few: no event. */
    for (int i = 0; i < CELLS; i++)
        cells[i] = make(GATE_NO_CHANGE, 1.015);
    assert_true(isnan(expect(GATE_RUN_PASS, 0, "").common_shift));
    for (int i = 0; i < CELLS; i++)
        cells[i] = make(GATE_NO_CHANGE, i < 13 ? 1.04 : 0.96);
    assert_true(isnan(expect(GATE_RUN_PASS, 0, "").common_shift));
    for (int i = 0; i < CELLS; i++)
        cells[i] = make(GATE_IMPROVED, 0.9);
    input.count = input.expected = 8;
    assert_true(isnan(expect(GATE_RUN_PASS, 0, "").common_shift));
    input.count = input.expected = CELLS;
    NEAR(expect(GATE_RUN_PASS, 0, "").common_shift, 0.9, 1e-12);
}

static void test_summary_without_figures(void **state)
{
    struct gate_run_result run;

    (void)state;
    cells[0].ratio = NAN;
    cells[1].ratio = INFINITY;
    cells[2].ratio = 0;
    run = expect(GATE_RUN_PASS, 0, "");
    assert_true(isfinite(run.geomean) && isfinite(run.geomean_lo));
    cells[3].se = NAN;
    run = expect(GATE_RUN_PASS, 0, "");
    assert_true(isfinite(run.geomean) && isnan(run.geomean_lo) && isnan(run.geomean_hi));
}

static void test_bad_arguments(void **state)
{
    struct gate_run_result run;

    (void)state;
    input.count = -1;
    assert_int_equal(gate_run(&input, &run), ST_BADARG);
    setup(state);
    input.cells = NULL;
    assert_int_equal(gate_run(&input, &run), ST_BADARG);
    setup(state);
    input.aa = NULL;
    assert_int_equal(gate_run(&input, &run), ST_BADARG);
    setup(state);
    input.expected = -5;
    assert_int_equal(gate_run(&input, &run), ST_BADARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pass, setup),
        cmocka_unit_test_setup(test_improvements_pass, setup),
        cmocka_unit_test_setup(test_order_of_precedence, setup),
        cmocka_unit_test_setup(test_environment, setup),
        cmocka_unit_test_setup(test_sentinels, setup),
        cmocka_unit_test_setup(test_controls, setup),
        cmocka_unit_test_setup(test_coverage, setup),
        cmocka_unit_test_setup(test_common_shift, setup),
        cmocka_unit_test_setup(test_summary_without_figures, setup),
        cmocka_unit_test_setup(test_bad_arguments, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
