/* Runs with several ISA levels, threads and seeds in reports: which rows the first table has, which columns the others.
 */
#include <unistd.h>

#include "report/emit.h"
#include "report/report.h"
#include "report/tables.h"
#include "report/tables_axes.h"
#include "report_fake.h"

static char dir[] = "/tmp/packlight-axes-XXXXXX";
static struct records records;
static struct report report;

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void begin(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/records.jsonl", dir);
    unlink(path);
}

/* A SIMD cell of lenet-300-100 at that level, `speed` times as fast as FP32 at the run's highest. */
static void add(const char *config, const char *isa, int threads, int seed, double speed, const char *status)
{
    struct record r;
    const char *family = strcmp(config, "fp32") == 0 ? "fp32" : "ptq";
    struct fake_recipe recipe = {config, family, 2.0, speed, 2.0, -0.1, 0.0, 8};

    fake_record(&fake_models[0], &recipe, 1, 1, &r);
    r.threads = threads;
    r.seed = seed;
    FAKE_OK(record_set(&r.isa, isa));
    FAKE_OK(record_set(&r.status, status));
    FAKE_OK(record_setf(&r.cell, "lenet-300-100/%s/simd/t%d/b1/%s/s%d", config, threads, isa, seed));
    FAKE_OK(record_setf(&r.speedup_baseline, "lenet-300-100/fp32/simd/t%d/b1/avx2/s%d", threads, seed));
    fake_append(dir, &r);
    record_free(&r);
}

static void open_report(const char *filter)
{
    FAKE_OK(records_load(dir, &records));
    FAKE_OK(report_make(&records, filter, &report));
}

static void close_report(void)
{
    report_free(&report);
    records_free(&records);
}

static void rows_stand_at_the_level_of_the_baseline(void **state)
{
    struct grid grid;
    (void)state;
    begin();
    add("fp32", "avx2", 1, 1, 1.0, "ok"); /* not in order: shards may come in any */
    add("fp32", "sse41", 1, 1, 0.5, "ok");
    add("fp32", "avx512vnni", 1, 1, 0.5, "skip");
    add("ptq-s8", "sse41", 1, 1, 1.5, "ok");
    add("ptq-s8", "avx2", 1, 1, 3.0, "ok");
    add("ptq-s8", "avx512vnni", 1, 1, 3.0, "skip");
    open_report(NULL);
    assert_string_equal(report.model[0].isa, "avx2");
    assert_int_equal(report.model[0].rows, 2);
    assert_int_equal(report.model[0].repeats, 0); /* other levels are no further seeds */
    assert_string_equal(report.model[0].row[1].simd->isa, "avx2");
    assert_string_equal(report.model[0].row[1].fp32_simd->isa, "avx2");
    tables_headline(&report, &report.model[0], &grid);
    assert_non_null(strstr(grid.title, ", avx2, 1 thread, batch 1"));
    grid_free(&grid);
    tables_matrix(&report, &report.model[0], &grid);
    assert_int_equal(grid.rows, 6);
    assert_string_equal(grid_at(&grid, 1, grid_find(&grid, "ISA")), "sse41");
    assert_int_equal(grid_find(&grid, "threads"), -1);
    assert_int_equal(grid_find(&grid, "kernel"), -1);
    assert_string_equal(grid.title, "Full matrix: lenet-300-100, simd, 1 thread, batch 1, seed 1");
    grid_free(&grid);
    report.all_columns = 1;
    tables_matrix(&report, &report.model[0], &grid);
    assert_string_equal(grid.title, "Full matrix: lenet-300-100");
    assert_string_equal(grid_at(&grid, 0, grid_find(&grid, "threads")), "1");
    assert_string_equal(grid_at(&grid, 0, grid_find(&grid, "kernel")), "simd");
    grid_free(&grid);
    close_report();
}

static void without_the_baseline_the_last_level_that_ran(void **state)
{
    (void)state;
    begin();
    add("ptq-s8", "sse41", 1, 1, 1.5, "ok");
    add("ptq-s8", "avx2", 1, 1, 3.0, "ok");
    add("ptq-s8", "avx512vnni", 1, 1, 3.0, "skip");
    open_report(NULL);
    assert_string_equal(report.model[0].isa, "avx2");
    close_report();
    open_report("*/sse41/*");
    assert_null(report.model[0].isa); /* one level only */
    assert_string_equal(report.model[0].row[0].simd->isa, "sse41");
    close_report();
}

static void what_varies_is_a_column_and_the_rest_is_said_once(void **state)
{
    struct emit_options options = {.width = 100, .plots = NULL};
    struct text text = {0};
    struct tables_axes axes;
    char *bytes;
    size_t len;
    (void)state;
    begin();
    for (int threads = 1; threads <= 4; threads++)
        add("fp32", "avx2", threads, 1, 1.0, "ok");
    open_report(NULL);
    axes = tables_axes(&report, &report.model[0]);
    assert_true(axes.threads && !axes.isa && !axes.kernel && !axes.batch && !axes.seed);
    assert_true(axes.several_points);
    assert_string_equal(axes.same, ", simd, avx2, batch 1, seed 1");
    assert_string_equal(axes.others, "2, 3 and 4 threads");
    emit_terminal(&report, &options, &text);
    FAKE_OK(text_take(&text, &bytes, &len));
    assert_non_null(strstr(bytes, "Full matrix: lenet-300-100, simd, avx2, batch 1, seed 1"));
    free(bytes);
    close_report();
}

static void a_second_batch_alone_is_mentioned(void **state)
{
    struct emit_options options = {.width = 100, .plots = NULL};
    struct text text = {0};
    char *bytes;
    size_t len;
    (void)state;
    begin();
    fake_run(dir, 0);
    open_report(NULL);
    assert_string_equal(tables_axes(&report, &report.model[0]).others, "batch 32");
    emit_terminal(&report, &options, &text);
    FAKE_OK(text_take(&text, &bytes, &len));
    assert_null(strstr(bytes, "Full matrix"));
    assert_non_null(strstr(bytes, "This run also has batch 32: packlight report --columns all"));
    free(bytes);
    close_report();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_at_the_level_of_the_baseline),
        cmocka_unit_test(without_the_baseline_the_last_level_that_ran),
        cmocka_unit_test(what_varies_is_a_column_and_the_rest_is_said_once),
        cmocka_unit_test(a_second_batch_alone_is_mentioned),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
