/* Two run folders side by side: what is exact decides, times never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "compare/compare_runs.h"

#define OK(expr)                                                                                                       \
    do {                                                                                                               \
        if ((expr) != ST_OK)                                                                                           \
            fail_msg("%s: %s", #expr, status_message());                                                               \
    } while (0)

static char base[64], side[2][72];

static const char env[] = "{\"run\":{\"data_sha256\":\"d\"},\"build\":{\"commit\":\"c\"}}";

static int make_dirs(void **state)
{
    (void)state;
    snprintf(base, sizeof base, "/tmp/packlight-runs-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    for (int i = 0; i < 2; i++) {
        char path[200];
        snprintf(side[i], sizeof side[i], "%s/%c", base, "ab"[i]);
        OK(file_make_dirs(side[i]));
        snprintf(path, sizeof path, "%s/env.json", side[i]);
        OK(file_write_atomic(path, env, strlen(env)));
    }
    return 0;
}

static int drop_dirs(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/env.json", side[i]);
        unlink(path);
        snprintf(path, sizeof path, "%s/records.jsonl", side[i]);
        unlink(path);
        rmdir(side[i]);
    }
    return rmdir(base);
}

/* A cell that ran well; the test changes what it is about. */
static void fill(struct record *r, const char *config)
{
    record_init(r);
    OK(record_set(&r->model, "tiny"));
    OK(record_set(&r->config, config));
    OK(record_set(&r->kernel, "simd"));
    OK(record_set(&r->isa, "avx2"));
    OK(record_set(&r->status, "ok"));
    r->threads = r->batch = 1;
    OK(record_set_cell(r));
    OK(record_set(&r->artifact_sha256, "file-1"));
    OK(record_set(&r->output_hash, "integers-1"));
    r->size_file_bytes = 10000;
    r->ram_peak_bytes = 5000;
    r->energy_proxy_nj = 120;
    r->accuracy_top1 = 0.9;
    r->accuracy_n = 1000;
    r->latency_ns_median = 5000;
}

static void put(int which, struct record *r)
{
    char path[160], *line;
    size_t len;

    snprintf(path, sizeof path, "%s/records.jsonl", side[which]);
    OK(record_write(r, &line, &len));
    OK(file_append_sync(path, line, len));
    free(line);
    record_free(r);
}

/* A as it is, B changed by the test. */
static void pair(void (*change)(struct record *b))
{
    struct record a, b;

    fill(&a, "ptq-s8");
    fill(&b, "ptq-s8");
    if (change)
        change(&b);
    put(0, &a);
    put(1, &b);
}

static void compare(const char *verdict, int exit_code, struct comparison *out)
{
    struct compare_runs_options options = compare_runs_defaults();

    OK(compare_runs(side[0], side[1], &options, out));
    if (strcmp(out->head.verdict, verdict) != 0)
        fail_msg("%s (%s), expected %s", out->head.verdict, out->head.reason, verdict);
    assert_int_equal(out->head.exit_code, exit_code);
}

static const struct comparison_row *row_of(const struct comparison *comparison, const char *metric, const char *role)
{
    const struct comparison_row *row = comparison_find(comparison, "tiny/ptq-s8/simd/t1/b1", metric, role);
    assert_non_null(row);
    return row;
}

static void much_slower(struct record *b)
{
    b->latency_ns_median = 50000;
}

static void times_of_two_runs_are_never_judged(void **state)
{
    struct comparison comparison;
    const struct comparison_row *row;

    (void)state;
    pair(much_slower);
    compare("pass", 0, &comparison);
    row = row_of(&comparison, "latency", "info");
    assert_true(fabs(row->ratio - 10) < 1e-9);
    assert_string_equal(row->verdict, "not-comparable");
    assert_string_equal(row_of(&comparison, "size_file", "gated")->verdict, "no-change");
    comparison_free(&comparison);
}

static void larger(struct record *b)
{
    b->size_file_bytes = 10020;
    OK(record_set(&b->artifact_sha256, "file-2"));
}

static void a_larger_file_is_a_regression(void **state)
{
    struct comparison comparison;

    (void)state;
    pair(larger);
    compare("regressed", 1, &comparison);
    assert_string_equal(row_of(&comparison, "size_file", "gated")->verdict, "regressed");
    assert_true(fabs(row_of(&comparison, "size_file", "gated")->ratio - 1.002) < 1e-12);
    assert_string_equal(row_of(&comparison, "output_hash", "info")->verdict, "same");
    comparison_free(&comparison);
}

static void less_accurate(struct record *b)
{
    b->accuracy_top1 = 0.894;
    OK(record_set(&b->artifact_sha256, "file-2"));
    OK(record_set(&b->output_hash, "integers-2"));
}

static void slightly_less_accurate(struct record *b)
{
    less_accurate(b);
    b->accuracy_top1 = 0.896;
}

static void accuracy_has_a_tolerance_for_another_file(void **state)
{
    struct comparison comparison;

    (void)state;
    pair(less_accurate);
    compare("regressed", 1, &comparison);
    assert_string_equal(row_of(&comparison, "accuracy", "gated")->reason, "-0.60 points on 1000 items");
    assert_string_equal(row_of(&comparison, "output_hash", "info")->verdict, "changed");
    comparison_free(&comparison);
    drop_dirs(NULL);
    make_dirs(NULL);
    pair(slightly_less_accurate);
    compare("pass", 0, &comparison);
    comparison_free(&comparison);
}

static void other_integers(struct record *b)
{
    OK(record_set(&b->output_hash, "integers-2"));
}

static void other_accuracy(struct record *b)
{
    b->accuracy_top1 = 0.901;
}

static void mismatch(struct record *b)
{
    OK(record_set(&b->status, "mismatch"));
    OK(record_set(&b->reason, "image 7, output 3 is 5, the reference has 6"));
}

static void the_same_file_must_give_the_same(void **state)
{
    struct comparison comparison;

    (void)state;
    pair(other_integers);
    compare("incorrect", 5, &comparison);
    comparison_free(&comparison);
    drop_dirs(NULL);
    make_dirs(NULL);
    pair(other_accuracy); /* better, and yet wrong */
    compare("incorrect", 5, &comparison);
    comparison_free(&comparison);
    drop_dirs(NULL);
    make_dirs(NULL);
    pair(mismatch);
    compare("incorrect", 5, &comparison);
    assert_non_null(strstr(row_of(&comparison, "status", "gated")->reason, "image 7"));
    comparison_free(&comparison);
}

static void missing_and_failed_cells_are_not_green(void **state)
{
    struct comparison comparison;
    struct record r;

    (void)state;
    fill(&r, "fp32");
    put(0, &r);
    fill(&r, "fp32");
    put(1, &r);
    fill(&r, "ptq-s8");
    put(0, &r);
    fill(&r, "qat-s8");
    OK(record_set(&r.status, "failed"));
    OK(record_set(&r.reason, "training diverged"));
    put(1, &r);
    compare("inconclusive", 3, &comparison);
    assert_int_equal(comparison.head.cells_expected, 3);
    assert_int_equal(comparison.head.cells_conclusive, 1);
    assert_string_equal(row_of(&comparison, "status", "gated")->b_text, "missing");
    comparison_free(&comparison);
}

static void errors_name_the_place(void **state)
{
    struct compare_runs_options options = compare_runs_defaults();
    struct comparison comparison;

    (void)state;
    assert_int_equal(compare_runs(side[0], side[1], &options, &comparison), ST_IO);
    assert_non_null(strstr(status_message(), side[0]));
    pair(NULL);
    options.filter = "lenet5/*";
    assert_int_equal(compare_runs(side[0], side[1], &options, &comparison), ST_BADARG);
    assert_non_null(strstr(status_message(), "tiny/ptq-s8/simd/t1/b1"));
}

int main(void)
{
#define IN_DIRS(test) cmocka_unit_test_setup_teardown(test, make_dirs, drop_dirs)
    const struct CMUnitTest tests[] = {
        IN_DIRS(times_of_two_runs_are_never_judged),        IN_DIRS(a_larger_file_is_a_regression),
        IN_DIRS(accuracy_has_a_tolerance_for_another_file), IN_DIRS(the_same_file_must_give_the_same),
        IN_DIRS(missing_and_failed_cells_are_not_green),    IN_DIRS(errors_name_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
