/* Verdicts of cells: each rule with an example on either side of it, hostile input, symmetry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "measure/gate.h"
#include "measure/gate_text.h"
#include "measure/precision.h"
#include "measure/stats.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
enum { PAIRS = 20 };

static double one[80], two[80];

/* PAIRS evenly spaced values around a centre, in no order. */
static void spread(double *d, double centre, double half_width)
{
    for (int i = 0; i < PAIRS; i++)
        d[i] = centre + half_width * (2.0 * ((i * 7) % PAIRS) / (PAIRS - 1) - 1);
}

static struct gate_cell cell_of(int pairs1, int pairs2)
{
    struct gate_cell cell;
    memset(&cell, 0, sizeof cell);
    cell.stage[0] = (struct gate_stage){.d = one, .pairs = pairs1, .kept = 290, .dropped = 10, .tied = 3};
    cell.stage[1] = (struct gate_stage){.d = two, .pairs = pairs2, .kept = pairs2 ? 300 : 0};
    cell.floor_ratio = NAN;
    return cell;
}

static struct gate_result judge(const struct gate_cell *cell)
{
    struct gate_options options = gate_defaults(200);
    struct gate_result result;
    assert_int_equal(gate_judge(&options, cell, &result), ST_OK);
    return result;
}

static void expect(const struct gate_result *r, enum gate_verdict verdict, enum gate_why why)
{
    assert_string_equal(gate_verdict_word(r->verdict), gate_verdict_word(verdict));
    assert_string_equal(gate_text_why_word(r->why), gate_text_why_word(why));
}

static void test_regressed_needs_both_stages(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, PAIRS);
    struct gate_options options = gate_defaults(200);
    struct gate_result r;
    char text[GATE_TEXT_MAX];

    (void)state;
    spread(one, log(1.05), 0.02);
    spread(two, log(1.05), 0.02);
    r = judge(&cell);
    expect(&r, GATE_REGRESSED, GATE_WHY_CONFIRMED);
    assert_int_equal(r.moved, 1);
    assert_int_equal(r.pairs_used, 40);
    NEAR(r.ratio, 1.05, 1e-3);
    NEAR(r.slower_share, 1, 0);
    assert_true(r.p_stage1 < 1e-5 && r.p_stage2 < 1e-5 && r.p_sign < 1e-11 && r.p_faster > 0.99);
    assert_true(r.lo > 1.04 && r.hi < 1.06);
    assert_string_equal(gate_text_why(&options, &r, text),
                        "5.0 % slower (4.2 to 5.8 % slower), confirmed by a second stage");

    cell.stage[1].pairs = 0;
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_UNCONFIRMED);
    assert_true(isnan(r.p_stage2) && isnan(r.ratio_stage2) && r.moved == 0);
    assert_int_equal(gate_wants_stage2(&options, &r), 1);
    assert_string_equal(gate_text_why(&options, &r, text), "5.0 % slower, not confirmed: no second stage was run");

    cell.stage[1].pairs = PAIRS;
    spread(two, 0, 0.02);
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_UNCONFIRMED);
    assert_int_equal(gate_wants_stage2(&options, &r), 0);
    NEAR(r.ratio_stage2, 1, 1e-9);
}

static void test_gate_and_floor(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, PAIRS);
    struct gate_result r;

    (void)state;
    /* Certain, but below the gate. */
    spread(one, log(1.015), 0.001);
    spread(two, log(1.015), 0.001);
    r = judge(&cell);
    assert_true(r.p_stage1 < 1e-5 && r.p_stage2 < 1e-5 && r.lo > 1.01);
    expect(&r, GATE_NO_CHANGE, GATE_WHY_SMALL);
    /* Just at it. */
    spread(one, log(1.0201), 0.001);
    spread(two, log(1.0201), 0.001);
    r = judge(&cell);
    expect(&r, GATE_REGRESSED, GATE_WHY_CONFIRMED);
    /* The cell's own layout makes as much. */
    cell.floor_ratio = 0.025;
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_FLOOR);
    NEAR(r.floor_ratio, 0.025, 0);
    assert_true(r.mde_gate > 0.025);
    /* A smaller floor of its own does not undercut the common one. */
    cell.floor_ratio = 0.001;
    NEAR(judge(&cell).floor_ratio, 0.01, 0);
    /* Reaches the gate, but the interval reaches below the floor. */
    cell.floor_ratio = NAN;
    spread(one, log(1.022), 0.045);
    spread(two, log(1.022), 0.045);
    r = judge(&cell);
    assert_true(r.p_stage1 < 0.007 && r.p_stage2 < 0.007 && r.lo < 1.01);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_FLOOR);
}

static void test_no_change_and_cannot_tell(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, 0);
    struct gate_options options = gate_defaults(200);
    struct gate_result r;
    char text[GATE_TEXT_MAX];

    (void)state;
    spread(one, 0.001, 0.01);
    r = judge(&cell);
    expect(&r, GATE_NO_CHANGE, GATE_WHY_ALIKE);
    assert_true(r.mde < r.mde_gate && r.mde_gate < 0.03 && r.mde_gate > 0.02);
    assert_int_equal(gate_wants_stage2(&options, &r), 0);
    assert_int_equal(gate_wants_more(&options, &r, 1), 1);

    spread(one, 0.001, 0.08);
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_MDE);
    assert_true(r.mde_gate > 0.03);
    assert_int_equal(strncmp(gate_text_why(&options, &r, text), "MDE ", 4), 0);
    assert_non_null(strstr(text, "% is above 3 %"));

    /* Precise, but the estimate itself is at the gate and not significant in stage 1. */
    spread(one, 0, 0.025);
    for (int i = 0; i < PAIRS; i++)
        if (one[i] > -0.003)
            one[i] = 0.0205 + 0.002 * one[i];
    options.mde_target_ratio = 0.2;
    options.alpha_run = 1e-9;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_OK);
    assert_true(r.ratio > 1.02);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_WIDE);
}

static void test_equal_times_are_not_infinite_precision(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, 0);
    struct gate_result r;

    (void)state;
    memset(one, 0, sizeof one);
    r = judge(&cell);
    expect(&r, GATE_NO_CHANGE, GATE_WHY_ALIKE);
    NEAR(r.ratio, 1, 0);
    NEAR(r.mde_gate, 0.02, 1e-12); /* nothing below the gate is ever reported */
    NEAR(r.slower_share, 0.5, 0);
    NEAR(r.p_stage1, 1, 0);
    /* 11 of 20 agree to the last bit, so MAD is 0; the others are far off. */
    for (int i = 0; i < 9; i++)
        one[i] = i % 2 ? 0.3 : -0.3;
    r = judge(&cell);
    assert_true(r.se > 0.01);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_MDE);
    cell.stage[0].tied = 100;
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_TIED);
}

static void test_identical_code_is_a_control(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, PAIRS);
    struct gate_options options = gate_defaults(200);
    struct gate_result r;
    char text[GATE_TEXT_MAX];

    (void)state;
    cell.code_same = 1;
    spread(one, log(1.05), 0.02);
    spread(two, log(1.05), 0.02);
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_CONTROL_MOVED);
    assert_int_equal(r.moved, 1);
    spread(one, log(0.95), 0.02);
    spread(two, log(0.95), 0.02);
    r = judge(&cell);
    assert_int_equal(r.moved, -1);
    assert_int_equal(gate_judge_improved(&options, &r, 1), ST_OK);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_CONTROL_MOVED);
    assert_true(isnan(r.q_faster));
    spread(two, 0, 0.3);
    r = judge(&cell);
    expect(&r, GATE_NO_CHANGE, GATE_WHY_CONTROL);
    assert_string_equal(gate_text_why(&options, &r, text), "identical code: a control");
    cell.code_same = -1;
    assert_int_equal(judge(&cell).control, 0);
}

static void test_wrong_and_not_comparable_have_no_figures(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, PAIRS);
    struct gate_options options = gate_defaults(200);
    struct gate_result r;

    (void)state;
    spread(one, log(1.05), 0.02);
    spread(two, log(1.05), 0.02);
    cell.not_comparable = 1;
    r = judge(&cell);
    expect(&r, GATE_NOT_COMPARABLE, GATE_WHY_NOT_COMPARABLE);
    assert_true(isnan(r.ratio) && isnan(r.lo) && isnan(r.p_stage1) && isnan(r.mde_gate));
    assert_int_equal(gate_wants_stage2(&options, &r), 0);
    cell.wrong = 1;
    cell.code_same = 1;
    r = judge(&cell);
    expect(&r, GATE_INCORRECT, GATE_WHY_WRONG_OUTPUT);
    assert_true(isnan(r.ratio) && isnan(r.p_faster));
    assert_int_equal(gate_wants_more(&options, &r, 1), 1);
}

static void test_disturbed_rounds(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, PAIRS);
    struct gate_options options = gate_defaults(200);
    struct gate_result r;
    char text[GATE_TEXT_MAX];

    (void)state;
    spread(one, log(1.05), 0.02);
    spread(two, log(1.05), 0.02);
    cell.stage[1].kept = 59;
    cell.stage[1].dropped = 41; /* the worse stage counts, not both together */
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_DISTURBED);
    assert_string_equal(gate_text_why(&options, &r, text), "41 % of the rounds were disturbed, at most 40 % may be");
    cell.stage[1].kept = 60;
    cell.stage[1].dropped = 40;
    r = judge(&cell);
    expect(&r, GATE_REGRESSED, GATE_WHY_CONFIRMED);
}

static void test_few_or_hostile_pairs(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    struct gate_options options = gate_defaults(200);
    struct gate_cell cell;
    struct gate_result r;

    (void)state;
    spread(one, log(1.05), 0.001);
    spread(two, log(1.05), 0.001);
    for (int n = 0; n < 13; n++) {
        cell = cell_of(n, 0);
        cell.stage[0].kept = cell.stage[0].dropped = cell.stage[0].tied = 0;
        r = judge(&cell);
        expect(&r, GATE_INCONCLUSIVE, GATE_WHY_FEW_PAIRS);
        assert_int_equal(r.pairs_used, n);
        assert_true(n > 0 ? r.ratio > 1 : isnan(r.ratio));
        assert_true(n >= 6 ? r.lo > 1 : isnan(r.lo));
        assert_int_equal(gate_wants_stage2(&options, &r), 0);
        assert_int_equal(gate_wants_more(&options, &r, 1), 2);
        assert_int_equal(gate_wants_more(&options, &r, 4), 4);
        assert_true(isnan(r.dropped_share) && isnan(r.tied_share));
    }
    /* Few in the second stage alone. */
    cell = cell_of(PAIRS, 12);
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_FEW_PAIRS);
    /* A budget so small that 13 pairs can never be significant. */
    cell = cell_of(13, 0);
    options.alpha_run = 1e-8;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_OK);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_FEW_PAIRS);
    /* Values that are none. */
    for (int i = 0; i < PAIRS; i++)
        one[i] = bad[i % 3];
    cell = cell_of(PAIRS, PAIRS);
    r = judge(&cell);
    expect(&r, GATE_INCONCLUSIVE, GATE_WHY_FEW_PAIRS);
    assert_int_equal(r.pairs_stage1, 0);
    assert_int_equal(r.pairs_used, PAIRS);
    for (int i = 13; i < PAIRS; i++)
        one[i] = 0.05;
    r = judge(&cell);
    assert_int_equal(r.pairs_stage1, 7);
    assert_true(isfinite(r.ratio) && isfinite(r.se));
    /* Huge, but finite. */
    for (int i = 0; i < PAIRS; i++)
        one[i] = two[i] = i % 2 ? 1e300 : -1e300;
    r = judge(&cell);
    assert_int_not_equal(r.verdict, GATE_REGRESSED);
    assert_int_not_equal(r.verdict, GATE_NO_CHANGE);
}

static void test_bad_arguments(void **state)
{
    struct gate_options options = gate_defaults(0);
    struct gate_cell cell = cell_of(PAIRS, 0);
    struct gate_result r;

    (void)state;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    options = gate_defaults(200);
    options.gate_ratio = NAN;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    options = gate_defaults(200);
    options.min_pairs = 3;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    options = gate_defaults(200);
    cell.stage[0].pairs = -1;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    cell = cell_of(PAIRS, 0);
    cell.stage[0].d = NULL;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    cell = cell_of(PAIRS, 0);
    cell.stage[0].tied = 291;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    cell = cell_of(PAIRS, 0);
    cell.floor_ratio = INFINITY;
    assert_int_equal(gate_judge(&options, &cell, &r), ST_BADARG);
    assert_int_equal(gate_judge_improved(&options, &r, -1), ST_BADARG);
    assert_int_equal(gate_judge_improved(&options, NULL, 0), ST_OK);
}

/* Reversing A and B inverts ratios and turns regressed into improved. */
static void test_reversed(void **state)
{
    static const double centres[] = {0.05, 0.021, 0.015, 0.004, 0}, widths[] = {0.001, 0.02, 0.05, 0.12};
    struct gate_options options = gate_defaults(200);
    int regressed = 0;

    (void)state;
    for (size_t c = 0; c < 5; c++)
        for (size_t w = 0; w < 4; w++)
            for (int stages = 1; stages <= 2; stages++) {
                struct gate_cell cell = cell_of(PAIRS, stages == 2 ? PAIRS : 0);
                struct gate_result r, back;
                spread(one, centres[c], widths[w]);
                spread(two, centres[c], widths[w] / 2);
                r = judge(&cell);
                for (int i = 0; i < PAIRS; i++) {
                    one[i] = -one[i];
                    two[i] = -two[i];
                }
                back = judge(&cell);
                assert_int_equal(gate_judge_improved(&options, &back, 1), ST_OK);
                NEAR(r.ratio * back.ratio, 1, 1e-12);
                NEAR(r.lo * back.hi, 1, 1e-12);
                NEAR(r.hi * back.lo, 1, 1e-12);
                NEAR(r.mde_gate, back.mde_gate, 1e-12);
                NEAR(r.p_stage1, back.p_faster_stage1, 0);
                assert_int_equal(r.moved, -back.moved);
                assert_int_equal(gate_wants_stage2(&options, &r), gate_wants_stage2(&options, &back));
                if (r.verdict == GATE_REGRESSED) {
                    expect(&back, GATE_IMPROVED, GATE_WHY_CONFIRMED);
                    regressed++;
                } else {
                    expect(&back, r.verdict, r.why);
                }
            }
    assert_in_range(regressed, 2, 6);
}

static void test_improved_holds_the_false_discovery_rate(void **state)
{
    struct gate_options options = gate_defaults(1);
    struct gate_cell cell = cell_of(PAIRS, PAIRS);
    struct gate_result results[50];

    (void)state;
    /* Both stages reach the alpha of a run of one cell (10 %), but 50 cells were judged: not enough among so many. */
    for (int rank = 1; rank <= PAIRS; rank++) {
        int slower = rank == 2 || rank == 4 || rank == 8 || rank == 15 || rank == 19 || rank == 20;
        one[rank - 1] = two[rank - 1] = (slower ? 1 : -1) * (0.022 + 0.0005 * rank);
    }
    for (int i = 0; i < 50; i++) {
        assert_int_equal(gate_judge(&options, &cell, &results[i]), ST_OK);
        if (i > 0) {
            results[i].p_faster = 0.9;
            results[i].moved = 0;
        }
    }
    assert_int_equal(results[0].moved, -1);
    assert_true(results[0].p_faster < 0.05 && results[0].p_faster > 0.05 / 50);
    assert_int_equal(gate_judge_improved(&options, results, 50), ST_OK);
    expect(&results[0], GATE_INCONCLUSIVE, GATE_WHY_MANY);
    assert_int_equal(gate_judge_improved(&options, results, 1), ST_OK);
    expect(&results[0], GATE_IMPROVED, GATE_WHY_CONFIRMED);
    NEAR(results[0].q_faster, results[0].p_faster, 0);
}

static void test_more_pairs_by_precision_only(void **state)
{
    struct gate_options options = gate_defaults(200);
    struct gate_cell cell = cell_of(PAIRS, 0);
    struct gate_result r, shifted;

    (void)state;
    spread(one, 0, 0.06);
    r = judge(&cell);
    assert_true(r.mde_gate > 0.03);
    assert_int_equal(gate_wants_more(&options, &r, 1), 2);
    assert_int_equal(gate_wants_more(&options, &r, 2), 4);
    assert_int_equal(gate_wants_more(&options, &r, 4), 4);
    for (double centre = -0.2; centre < 0.2; centre += 0.03) {
        spread(one, centre, 0.06);
        shifted = judge(&cell);
        NEAR(shifted.mde_gate, r.mde_gate, 1e-9);
        assert_int_equal(gate_wants_more(&options, &shifted, 1), 2);
    }
    /* So noisy that four times the pairs would not do. */
    spread(one, 0, 0.9);
    r = judge(&cell);
    assert_int_equal(gate_wants_more(&options, &r, 1), 1);
}

static void test_drift_marks(void **state)
{
    struct gate_cell cell = cell_of(PAIRS, 0);
    double drift[PAIRS];
    struct gate_result r;

    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        one[i] = 0.001 * i;
        drift[i] = i % 2 ? NAN : 0.03;
    }
    r = judge(&cell);
    NEAR(r.drift_pairs, 0.019, 1e-12);
    NEAR(r.half_gap_pairs, 0.010, 1e-12);
    assert_true(isnan(r.drift_rounds) && !r.unsteady);
    cell.stage[0].drift = drift;
    r = judge(&cell);
    NEAR(r.drift_rounds, 0.03, 0);
    assert_int_equal(r.unsteady, 1);
}

static void test_layout_floor(void **state)
{
    struct gate_options options = gate_defaults(200);
    struct gate_result relinked[3];

    (void)state;
    memset(relinked, 0, sizeof relinked);
    relinked[0].ratio = 1.004;
    relinked[1].ratio = NAN;
    relinked[2].ratio = 1 / 1.017;
    NEAR(gate_layout_floor(&options, NULL, 0), 0.01, 0);
    NEAR(gate_layout_floor(&options, relinked, 2), 0.01, 0);
    NEAR(gate_layout_floor(&options, relinked, 3), 0.017, 1e-12);
}

static void test_precision(void **state)
{
    struct precision_rules rules = {0.0070710678, 0.02, 0.01};
    double d[PAIRS], wide[PAIRS], se, se_wide;

    (void)state;
    spread(d, 0.01, 0.02);
    spread(wide, -3, 0.06);
    stats_sort(d, PAIRS);
    stats_sort(wide, PAIRS);
    assert_int_equal(precision_standard_error(d, PAIRS, 0.0070710678, &se), ST_OK);
    assert_int_equal(precision_standard_error(wide, PAIRS, 0.0070710678, &se_wide), ST_OK);
    NEAR(se_wide, 3 * se, 1e-12);
    /* Walsh averages number 41 from both ends, P(W+ <= 40) = 0.006808, z = 2.4672: computed with NumPy. */
    NEAR(se, 0.0034131707788935435, 1e-12);
    /* Values without spread: only the gate counts, or a floor above it. */
    NEAR(precision_mde_significant(&rules, 0, 20, 20), 0, 0);
    NEAR(precision_mde_reported(&rules, 0, 20, 20), 0.02, 1e-15);
    rules.floor_ratio = 0.03;
    NEAR(precision_mde_reported(&rules, 0, 20, 20), 0.03, 1e-15);
    /* (2.4522 + 1.9545) * 1.15 * 0.02 / sqrt(0.95493 * 20) */
    NEAR(precision_mde_significant(&rules, 0.02, 20, 40), expm1(0.02319), 2e-5);
    assert_true(isnan(precision_mde_reported(&rules, NAN, 20, 20)) && isnan(precision_mde_reported(&rules, 1, 0, 20)));
    assert_int_equal(precision_standard_error(d, 5, 0.007, &se), ST_OK);
    assert_true(isnan(se));
    assert_int_equal(precision_standard_error(d, -1, 0.007, &se), ST_BADARG);
    assert_int_equal(precision_standard_error(d, PRECISION_MAX + 1, 0.007, &se), ST_BADARG);
    assert_int_equal(precision_standard_error(d, PAIRS, NAN, &se), ST_BADARG);
    assert_int_equal(precision_standard_error(d, 6, 1e-9, &se), ST_OK);
    assert_true(se > 0);
}

static void test_words(void **state)
{
    static const char *const words[] = {"regressed",    "improved",       "no-change",
                                        "inconclusive", "not-comparable", "incorrect"};

    (void)state;
    for (int v = 0; v < GATE_VERDICTS; v++)
        assert_string_equal(gate_verdict_word((enum gate_verdict)v), words[v]);
    for (int w = 0; w < GATE_WHYS; w++)
        assert_string_not_equal(gate_text_why_word((enum gate_why)w), "unknown");
    assert_string_equal(gate_verdict_word(GATE_VERDICTS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regressed_needs_both_stages),
        cmocka_unit_test(test_gate_and_floor),
        cmocka_unit_test(test_no_change_and_cannot_tell),
        cmocka_unit_test(test_equal_times_are_not_infinite_precision),
        cmocka_unit_test(test_identical_code_is_a_control),
        cmocka_unit_test(test_wrong_and_not_comparable_have_no_figures),
        cmocka_unit_test(test_disturbed_rounds),
        cmocka_unit_test(test_few_or_hostile_pairs),
        cmocka_unit_test(test_bad_arguments),
        cmocka_unit_test(test_reversed),
        cmocka_unit_test(test_improved_holds_the_false_discovery_rate),
        cmocka_unit_test(test_more_pairs_by_precision_only),
        cmocka_unit_test(test_drift_marks),
        cmocka_unit_test(test_layout_floor),
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
