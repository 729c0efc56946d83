/* Verdicts of a paired comparison out of its folder: what is said for which raw figures, and that nothing else decides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "compare/compare_judge.h"
#include "tests/compare_fake.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-judge-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    static const char *const names[] = {"env.json",    "checks.jsonl",   "pairs.jsonl", "extra.jsonl",
                                        "refused.txt", "verdicts.jsonl", "verdict.json"};
    char path[512];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        compare_fake_path(path, sizeof path, dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

/* Sentinels as they should be, in the quiet. */
static void good_sentinels(int busy)
{
    const char *cell = "tiny/fp32/simd/t1/b1";

    compare_fake_unit(dir, cell, "sentinel-aa", 1, 1.0, 0.005, busy);
    compare_fake_unit(dir, cell, "sentinel-relinked", 1, 1.002, 0.005, busy);
    compare_fake_unit(dir, cell, "sentinel-injected", 1, 1.03, 0.005, busy);
    compare_fake_unit(dir, cell, "sentinel-injected", 2, 1.03, 0.005, busy);
}

static void cells(double first, double others, int busy)
{
    for (int i = 1; i <= FAKE_CELLS; i++) {
        char cell[64];
        double ratio = i == 1 ? first : others;
        snprintf(cell, sizeof cell, "tiny/fp32/simd/t1/b%d", i);
        compare_fake_unit(dir, cell, "gated", 1, ratio, 0.005, busy);
        if (fabs(ratio - 1) > 0.01)
            compare_fake_unit(dir, cell, "gated", 2, ratio, 0.005, busy);
    }
}

static void judge(const char *verdict, int exit_code, struct comparison *out)
{
    if (compare_judge(dir, out) != ST_OK)
        fail_msg("%s", status_message());
    if (strcmp(out->head.verdict, verdict) != 0)
        fail_msg("%s (%s), expected %s", out->head.verdict, out->head.reason, verdict);
    assert_int_equal(out->head.exit_code, exit_code);
}

static const char *verdict_of(const struct comparison *comparison, int batch)
{
    char cell[64];
    const struct comparison_row *row;

    snprintf(cell, sizeof cell, "tiny/fp32/simd/t1/b%d", batch);
    row = comparison_find(comparison, cell, "latency", "gated");
    assert_non_null(row);
    return row->verdict;
}

static void equal_sides_pass(void **state)
{
    struct comparison comparison;
    const struct comparison_row *row;

    (void)state;
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    cells(1.0, 1.0, 0);
    judge("pass", 0, &comparison);
    for (int i = 1; i <= FAKE_CELLS; i++)
        assert_string_equal(verdict_of(&comparison, i), "no-change");
    row = comparison_find(&comparison, "tiny/fp32/simd/t1/b2", "latency", "gated");
    assert_true(row->ratio > 0.99 && row->ratio < 1.01 && row->mde < 0.03);
    assert_true(row->a > 49e3 && row->a < 51e3); /* per inference: the call does a batch of two */
    assert_int_equal(row->pairs_stage1, 20);
    assert_int_equal(row->pairs_stage2, 0);
    assert_int_equal(row->rounds_kept, 100);
    assert_string_equal(row->code, "differs");
    assert_string_equal(row->reproduce, "packlight compare base/packlight ./packlight --filter 'tiny/fp32/simd/t1/b2'");
    assert_string_equal(comparison.head.a.commit, "aaaa");
    assert_non_null(comparison_find(&comparison, "tiny/fp32/simd/t1/b2", "load", "info"));
    comparison_free(&comparison);
}

static void a_slower_cell_is_red_and_reversed_it_is_green(void **state)
{
    struct comparison comparison;
    double ratio;

    (void)state;
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    cells(1.05, 1.0, 0);
    judge("regressed", 1, &comparison);
    assert_string_equal(verdict_of(&comparison, 1), "regressed");
    assert_string_equal(verdict_of(&comparison, 2), "no-change");
    assert_int_equal(comparison.head.regressed, 1);
    ratio = comparison_find(&comparison, "tiny/fp32/simd/t1/b1", "latency", "gated")->ratio;
    assert_true(ratio > 1.04 && ratio < 1.06);
    comparison_free(&comparison);
    drop_dir(NULL);
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    cells(1 / 1.05, 1.0, 0);
    judge("pass", 0, &comparison);
    assert_string_equal(verdict_of(&comparison, 1), "improved");
    assert_true(fabs(comparison_find(&comparison, "tiny/fp32/simd/t1/b1", "latency", "gated")->ratio * ratio - 1) <
                0.01);
    comparison_free(&comparison);
}

static void without_confirmation_nothing_is_red(void **state)
{
    struct comparison comparison;

    (void)state;
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    cells(1.0, 1.0, 0);
    drop_dir(NULL);
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    compare_fake_unit(dir, "tiny/fp32/simd/t1/b1", "gated", 1, 1.05, 0.005, 0);
    compare_fake_unit(dir, "tiny/fp32/simd/t1/b1", "gated", 2, 1.0, 0.005, 0);
    compare_fake_unit(dir, "tiny/fp32/simd/t1/b2", "gated", 1, 1.0, 0.005, 0);
    compare_fake_unit(dir, "tiny/fp32/simd/t1/b3", "gated", 1, 1.0, 0.005, 0);
    if (compare_judge(dir, &comparison) != ST_OK)
        fail_msg("%s", status_message());
    assert_string_equal(verdict_of(&comparison, 1), "inconclusive");
    assert_int_not_equal(comparison.head.exit_code, 1);
    comparison_free(&comparison);
}

static void identical_code_is_a_control(void **state)
{
    struct comparison comparison;

    (void)state;
    compare_fake_folder(dir, 1);
    compare_fake_write(dir, "pairs.jsonl", "");
    judge("pass", 0, &comparison);
    assert_string_equal(verdict_of(&comparison, 1), "no-change");
    assert_string_equal(comparison_find(&comparison, "tiny/fp32/simd/t1/b1", "latency", "gated")->code, "same");
    comparison_free(&comparison);
    drop_dir(NULL);
    /* Measured all the same, and slower: it cannot be the code. */
    compare_fake_folder(dir, 1);
    good_sentinels(0);
    cells(1.05, 1.0, 0);
    if (compare_judge(dir, &comparison) != ST_OK)
        fail_msg("%s", status_message());
    assert_string_not_equal(verdict_of(&comparison, 1), "regressed");
    assert_int_not_equal(comparison.head.exit_code, 1);
    comparison_free(&comparison);
}

static void bad_sentinels_and_bad_machines_refuse(void **state)
{
    struct comparison comparison;
    const char *cell = "tiny/fp32/simd/t1/b1";

    (void)state;
    compare_fake_folder(dir, 0); /* the injected slowdown is not found */
    compare_fake_unit(dir, cell, "sentinel-aa", 1, 1.0, 0.005, 0);
    compare_fake_unit(dir, cell, "sentinel-relinked", 1, 1.0, 0.005, 0);
    compare_fake_unit(dir, cell, "sentinel-injected", 1, 1.0, 0.005, 0);
    cells(1.05, 1.0, 0);
    judge("environment-refused", 4, &comparison);
    comparison_free(&comparison);
    drop_dir(NULL);
    compare_fake_folder(dir, 0); /* A is slower than A */
    compare_fake_unit(dir, cell, "sentinel-aa", 1, 1.06, 0.005, 0);
    compare_fake_unit(dir, cell, "sentinel-aa", 2, 1.06, 0.005, 0);
    compare_fake_unit(dir, cell, "sentinel-relinked", 1, 1.0, 0.005, 0);
    compare_fake_unit(dir, cell, "sentinel-injected", 1, 1.03, 0.005, 0);
    compare_fake_unit(dir, cell, "sentinel-injected", 2, 1.03, 0.005, 0);
    cells(1.05, 1.0, 0);
    judge("environment-refused", 4, &comparison);
    comparison_free(&comparison);
    drop_dir(NULL);
    compare_fake_folder(dir, 0); /* others need the processors */
    good_sentinels(9);
    cells(1.05, 1.0, 9);
    judge("environment-refused", 4, &comparison);
    comparison_free(&comparison);
    drop_dir(NULL);
    compare_fake_folder(dir, 0); /* it was found so before anything was measured */
    compare_fake_write(dir, "refused.txt", "two others were ready to run.\n");
    judge("environment-refused", 4, &comparison);
    assert_string_equal(comparison.head.reason, "two others were ready to run.");
    comparison_free(&comparison);
}

static void a_wrong_output_beats_everything(void **state)
{
    static const char wrong[] =
        "{\"schema\":\"packlight.check/1\",\"cell\":\"tiny/fp32/simd/t1/b1\",\"wrong\":true,\"failed\":false,"
        "\"message\":\"input 0, output 3 is 7, expected 8\",\"code_same\":0,\"a\":{\"commit\":\"\",\"code_id\":\"\"},"
        "\"b\":{\"commit\":\"\",\"code_id\":\"\"}}\n";
    struct comparison comparison;

    (void)state;
    compare_fake_folder(dir, 0);
    compare_fake_write(dir, "checks.jsonl", wrong);
    good_sentinels(9);
    judge("incorrect", 5, &comparison);
    assert_string_equal(verdict_of(&comparison, 1), "incorrect");
    assert_string_equal(comparison_find(&comparison, "tiny/fp32/simd/t1/b1", "latency", "gated")->reason,
                        "input 0, output 3 is 7, expected 8");
    comparison_free(&comparison);
}

static void noise_and_missing_cells_are_inconclusive(void **state)
{
    struct comparison comparison;

    (void)state;
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    compare_fake_unit(dir, "tiny/fp32/simd/t1/b1", "gated", 1, 1.0, 0.08, 0); /* 8 % */
    compare_fake_unit(dir, "tiny/fp32/simd/t1/b2", "gated", 1, 1.0, 0.005, 0);
    judge("inconclusive", 3, &comparison);
    assert_string_equal(verdict_of(&comparison, 1), "inconclusive");
    assert_string_equal(verdict_of(&comparison, 2), "no-change");
    assert_string_equal(verdict_of(&comparison, 3), "inconclusive"); /* never measured */
    comparison_free(&comparison);
}

static void the_same_files_give_the_same_bytes(void **state)
{
    struct comparison comparison;
    unsigned char *first, *second;
    char path[512];
    size_t len, again;

    (void)state;
    compare_fake_folder(dir, 0);
    good_sentinels(0);
    cells(1.05, 1.0, 0);
    compare_fake_path(path, sizeof path, dir, "verdicts.jsonl");
    judge("regressed", 1, &comparison);
    COMPARE_OK(comparison_save(&comparison, dir));
    comparison_free(&comparison);
    COMPARE_OK(file_read(path, 0, &first, &len));
    /* What a kill left behind changes nothing. */
    {
        char raw[512];
        FILE *file;
        compare_fake_path(raw, sizeof raw, dir, "pairs.jsonl");
        file = fopen(raw, "a");
        assert_non_null(file);
        fputs("{\"schema\":\"packlight.pairs/1\",\"cell\":\"tiny/fp3", file);
        fclose(file);
    }
    judge("regressed", 1, &comparison);
    COMPARE_OK(comparison_save(&comparison, dir));
    comparison_free(&comparison);
    COMPARE_OK(file_read(path, 0, &second, &again));
    assert_int_equal(len, again);
    assert_memory_equal(first, second, len);
    free(first);
    free(second);
}

static void damage_is_named(void **state)
{
    struct comparison comparison;

    (void)state;
    compare_fake_folder(dir, 0);
    compare_fake_write(dir, "pairs.jsonl", "{\"schema\":\"packlight.pairs/9\"}\n");
    assert_int_equal(compare_judge(dir, &comparison), ST_FORMAT);
    assert_non_null(strstr(status_message(), "pairs.jsonl:1"));
    compare_fake_write(dir, "pairs.jsonl", "");
    compare_fake_write(dir, "checks.jsonl", "{\"cell\":7}\n");
    assert_int_equal(compare_judge(dir, &comparison), ST_FORMAT);
    assert_non_null(strstr(status_message(), "checks.jsonl:1"));
    compare_fake_write(dir, "checks.jsonl", "");
    compare_fake_write(dir, "extra.jsonl",
                       "{\"cell\":\"x\",\"metric\":\"process\",\"reason\":\"\",\"a\":[1],\"b\":[]}\n");
    assert_int_equal(compare_judge(dir, &comparison), ST_FORMAT);
    assert_non_null(strstr(status_message(), "extra.jsonl:1"));
    compare_fake_write(dir, "env.json", "{\"run\":{\"kind\":\"banana\"}}");
    assert_int_equal(compare_judge(dir, &comparison), ST_FORMAT);
    assert_non_null(strstr(status_message(), "kind"));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(equal_sides_pass),
        IN_FOLDER(a_slower_cell_is_red_and_reversed_it_is_green),
        IN_FOLDER(without_confirmation_nothing_is_red),
        IN_FOLDER(identical_code_is_a_control),
        IN_FOLDER(bad_sentinels_and_bad_machines_refuse),
        IN_FOLDER(a_wrong_output_beats_everything),
        IN_FOLDER(noise_and_missing_cells_are_inconclusive),
        IN_FOLDER(the_same_files_give_the_same_bytes),
        IN_FOLDER(damage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
