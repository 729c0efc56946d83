/* Suites and their expansion into cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "plan.h"

static struct suite suite;

static int load_tiny(void **state)
{
    (void)state;
    return suite_load("suites/tiny.json", &suite) == ST_OK ? 0 : -1;
}

static int free_tiny(void **state)
{
    (void)state;
    suite_free(&suite);
    return 0;
}

static void every_cell_once(void **state)
{
    struct plan_options options = {0};
    struct plan plan;
    (void)state;
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 8 * 3);
    assert_string_equal(plan.cell[0].id, "tiny/fp32/ref/t1/b1");
    assert_string_equal(plan.cell[2].id, "tiny/fp32/simd/t1/b3");
    for (size_t i = 0; i < plan.cells; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(plan.cell[i].id, plan.cell[j].id);
    plan_free(&plan);
}

static void filters_choose(void **state)
{
    struct plan_options options = {.filter = "*/qat-s8/simd/*,*/fp32/ref/*"};
    struct plan plan;
    (void)state;
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 3);
    plan_free(&plan);
    options.filter = "nothing";
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_BADARG);
    assert_non_null(strstr(status_message(), "nothing"));
}

static void shards_share_all_cells(void **state)
{
    size_t together = 0;
    (void)state;
    for (int shard = 1; shard <= 3; shard++) {
        struct plan_options options = {.shard = shard, .shards = 3};
        struct plan plan;
        assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
        together += plan.cells;
        for (size_t i = 1; i < plan.cells; i++) /* an artifact's cells stay together */
            assert_true(plan.cell[i].recipe != plan.cell[i - 1].recipe || plan.cell[i].seed == plan.cell[i - 1].seed);
        plan_free(&plan);
    }
    assert_int_equal(together, 24);
}

/* Groups are dealt out as the filter leaves them, so that no shard is idle while another has two; the one too many is
 * empty, which is no error. */
static void shards_deal_out_what_the_filter_left(void **state)
{
    (void)state;
    for (int shard = 1; shard <= 3; shard++) {
        struct plan_options options = {.filter = "*/ptq-s8/*,*/prune-u90/*", .shard = shard, .shards = 3};
        struct plan plan;
        assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
        assert_int_equal(plan.cells, shard < 3 ? 3 : 0);
        plan_free(&plan);
    }
}

static void seeds_become_an_axis(void **state)
{
    struct plan_options options = {0};
    struct plan plan;
    (void)state;
    assert_int_equal(suite_set_seeds(&suite, "1-2,9"), ST_OK);
    assert_int_equal(suite.seeds, 3);
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 72);
    assert_string_equal(plan.cell[71].id, "tiny/prune-c50+prune-u80+qat-s8/simd/t1/b3/s9");
    plan_free(&plan);
    for (size_t i = 0; i < 7; i++) {
        static const char *const wrong[] = {"", "x", "1-", "3-1", "1,1", "-2", "1,,2"};
        assert_int_equal(suite_set_seeds(&suite, wrong[i]), ST_BADARG);
    }
    assert_int_equal(suite_set_seeds(&suite, "1"), ST_OK);
}

static void threads_and_batches_of_the_command_line(void **state)
{
    struct suite_axes axes = {.threads = {4, 2}, .n_threads = 2, .batches = {1, 8, 16}, .n_batches = 3};
    struct plan_options options = {.filter = "*/fp32/*"};
    struct suite other;
    struct plan plan;
    (void)state;
    assert_int_equal(suite_load("suites/tiny.json", &other), ST_OK);
    suite_set_axes(&other, &(struct suite_axes){.n_threads = 0}); /* nothing given, nothing changed */
    assert_int_equal(plan_expand(&other, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 3);
    plan_free(&plan);
    suite_set_axes(&other, &axes);
    assert_int_equal(plan_expand(&other, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 1 + 2 * 3);
    assert_string_equal(plan.cell[0].id, "tiny/fp32/ref/t2/b1"); /* the reference: the smallest of each */
    assert_string_equal(plan.cell[0].baseline, "tiny/fp32/simd/t2/b1");
    assert_string_equal(plan.cell[1].id, "tiny/fp32/simd/t4/b1");
    assert_string_equal(plan.cell[6].id, "tiny/fp32/simd/t2/b16");
    plan_free(&plan);
    options.filter = "*/t4/b8,*/t2/b1";
    assert_int_equal(plan_expand(&other, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 8 * 3);
    plan_free(&plan);
    suite_free(&other);
}

static void levels_become_an_axis(void **state)
{
    struct plan_options options = {
        .filter = "*/qat-s8/*", .level = {{"sse41", 1, 0}, {"avx2", 3, 0}, {"neon", 16, 1}}, .levels = 3};
    struct plan plan;
    (void)state;
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 1 + 3 * 2);
    assert_string_equal(plan.cell[0].id, "tiny/qat-s8/ref/t1/b1"); /* the reference has no level */
    assert_string_equal(plan.cell[1].id, "tiny/qat-s8/simd/t1/b1/sse41");
    assert_string_equal(plan.cell[4].id, "tiny/qat-s8/simd/t1/b3/avx2");
    assert_int_equal(plan.cell[1].isa, 1);
    assert_int_equal(plan.cell[0].isa, 0);
    assert_true(plan.cell[5].absent && plan.cell[6].absent && !plan.cell[4].absent);
    /* Everything is compared with FP32 at the highest level that can run. */
    for (size_t i = 0; i < plan.cells; i++)
        assert_string_equal(plan.cell[i].baseline,
                            plan.cell[i].batch == 1 ? "tiny/fp32/simd/t1/b1/avx2" : "tiny/fp32/simd/t1/b3/avx2");
    plan_free(&plan);
    assert_int_equal(suite_set_seeds(&suite, "4-5"), ST_OK);
    options.filter = "*/fp32/*/sse41/*";
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
    assert_int_equal(plan.cells, 4);
    assert_string_equal(plan.cell[3].id, "tiny/fp32/simd/t1/b3/sse41/s5");
    assert_string_equal(plan.cell[3].baseline, "tiny/fp32/simd/t1/b3/avx2/s5");
    plan_free(&plan);
    assert_int_equal(suite_set_seeds(&suite, "1"), ST_OK);
    options.filter = "*/fp32/*";
    options.levels = 1; /* one level is no axis */
    assert_int_equal(plan_expand(&suite, &options, &plan), ST_OK);
    assert_string_equal(plan.cell[1].id, "tiny/fp32/simd/t1/b1");
    assert_int_equal(plan.cell[1].isa, 0);
    plan_free(&plan);
}

static void broken(const char *from, const char *to, const char *says)
{
    char path[64], models[4200];
    char folder[] = "/tmp/packlight-suite-XXXXXX";
    char here[4096];
    struct suite other;
    unsigned char *text;
    char changed[16384];
    const char *place;
    size_t len;
    assert_non_null(mkdtemp(folder));
    assert_non_null(getcwd(here, sizeof here));
    snprintf(models, sizeof models, "%s/suites/models", here);
    snprintf(path, sizeof path, "%s/models", folder);
    assert_int_equal(symlink(models, path), 0);
    snprintf(path, sizeof path, "%s/suite.json", folder);
    assert_int_equal(file_read("suites/tiny.json", 0, &text, &len), ST_OK);
    place = strstr((char *)text, from);
    assert_non_null(place);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(place - (char *)text), (char *)text, to, place + strlen(from));
    free(text);
    assert_int_equal(file_write_atomic(path, changed, strlen(changed)), ST_OK);
    if (suite_load(path, &other) == ST_OK || !strstr(status_message(), says))
        fail_msg("'%s' became '%s': message '%s', expected '%s'", from, to, status_message(), says);
    unlink(path);
    snprintf(path, sizeof path, "%s/models", folder);
    unlink(path);
    rmdir(folder);
}

static void bad_suites_name_the_place(void **state)
{
    (void)state;
    broken("\"name\": \"tiny\"", "\"name\": \"ti ny\"", "name");
    broken("\"blas\": \"plain\"", "\"blas\": \"mkl\"", "blas");
    broken("\"blas\"", "\"blass\"", "blass: unknown key");
    broken("\"blas\": \"plain\"", "\"data\": \"imagenet\"", "data: 'imagenet'");
    broken("\"blas\": \"plain\"", "\"data\": \"noise\"", "data: recipe 'fp32' trains");
    broken("\"step\": \"train\"", "\"step\": \"init\"", "epochs: unknown key");
    broken("\"train\": 1500", "\"train\": -1", "limits.train");
    broken("models/tiny.json", "models/none.json", "none.json");
    broken("\"kernel\": \"simd\"", "\"kernel\": \"gpu\"", "cells[1].kernel");
    broken("\"kernel\": \"simd\"", "\"kernel\": \"ref\"", "given twice");
    broken("\"batches\": [1, 3]", "\"batches\": []", "cells[1].batches");
    broken("\"batches\": [1, 3]", "\"batches\": [3, 3]", "given twice");
    broken("\"threads\": [1]", "\"threads\": [65]", "cells[0].threads");
    broken("\"name\": \"fp32\"", "\"name\": \"fp33\"", "fp33");
    broken("\"budget_s\": 0.02", "\"budget_s\": 0", "budget_s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_once),
        cmocka_unit_test(filters_choose),
        cmocka_unit_test(shards_deal_out_what_the_filter_left),
        cmocka_unit_test(shards_share_all_cells),
        cmocka_unit_test(seeds_become_an_axis),
        cmocka_unit_test(threads_and_batches_of_the_command_line),
        cmocka_unit_test(levels_become_an_axis),
        cmocka_unit_test(bad_suites_name_the_place),
    };
    return cmocka_run_group_tests(tests, load_tiny, free_tiny);
}
