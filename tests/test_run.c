/* One cell through all the layers: a right one gets its figures, a wrong one a reason and no time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/progress.h"
#include "run.h"

static struct suite suite;
static struct dataset_splits data;
static struct run_context context;
static struct plan plan;
static struct artifact fp32, ptq;
static char folder[] = "/tmp/packlight-run-XXXXXX";

enum { FP32 = 0, PTQ = 2 }; /* recipes of suites/tiny.json */

static int open_all(void **state)
{
    static const char *const tables[] = {"suites/energy/h45.json", "suites/energy/j7.json", "suites/energy/a40.json"};
    struct plan_options options = {0};
    (void)state;
    progress_silence(1);
    if (!mkdtemp(folder) || suite_load("suites/tiny.json", &suite) != ST_OK || dataset_load(NULL, &data) != ST_OK)
        return -1;
    dataset_limit(&data, suite.limit_train, suite.limit_valid, suite.limit_test);
    context.artifacts.suite = &suite;
    context.artifacts.data = &data;
    context.artifacts.dir = folder;
    kn_table_init(&context.artifacts.ref, 0);
    kn_table_init(&context.artifacts.simd, kn_cpu_isa());
    clock_system(&context.clock);
    context.budget_s = 0.01;
    if (energy_tables_load(NULL, tables, 3, &context.energy) != ST_OK || plan_expand(&suite, &options, &plan) != ST_OK)
        return -1;
    return artifact_make(&context.artifacts, 0, FP32, 1, &fp32) == ST_OK &&
                   artifact_make(&context.artifacts, 0, PTQ, 1, &ptq) == ST_OK
               ? 0
               : -1;
}

static int close_all(void **state)
{
    char command[64];
    (void)state;
    artifact_free(&fp32);
    artifact_free(&ptq);
    plan_free(&plan);
    dataset_free(&data);
    suite_free(&suite);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* First cell of the recipe with these kernels at batch 1. */
static const struct plan_cell *find(int recipe, int simd)
{
    for (size_t i = 0; i < plan.cells; i++)
        if (plan.cell[i].recipe == recipe && plan.cell[i].simd == simd && plan.cell[i].batch == 1)
            return &plan.cell[i];
    fail_msg("no such cell");
    return NULL;
}

static void right_cells_have_figures(void **state)
{
    struct record r;
    (void)state;
    assert_true(fp32.made && ptq.made);
    if (context.artifacts.simd.mask == 0)
        skip();
    assert_int_equal(run_cell(&context, find(PTQ, 1), &ptq, &fp32, &r), ST_OK);
    assert_string_equal(r.status, "ok");
    assert_string_equal(r.family, "ptq");
    assert_true(r.latency_ns_median > 0 && r.speedup_vs_fp32_simd > 0);
    assert_true(r.size_ratio > 3 && r.size_file_bytes == (int64_t)ptq.info.file_bytes);
    assert_int_equal(r.accuracy_n, 500);
    assert_string_equal(r.output_hash, ptq.ref.raw_sha256); /* SIMD's integers are the reference's */
    assert_true(r.kernels_n > 0 && r.kernels[0].ns >= 0);
    record_free(&r);
}

static void energy_is_modelled_under_every_table(void **state)
{
    struct record r, base;
    (void)state;
    assert_int_equal(run_cell(&context, find(PTQ, 0), &ptq, &fp32, &r), ST_OK);
    assert_string_equal(r.energy_kind, "modelled");
    assert_string_equal(r.energy_model, "H45-v1");
    assert_int_equal(r.energy_process_nm, 45);
    assert_string_equal(r.energy_model_sha256, context.energy.table[0].sha256);
    assert_non_null(r.energy_coverage);
    assert_non_null(strstr(r.energy_excludes, "leakage"));
    assert_string_equal(r.instruction_count_kind, "analytic");
    assert_int_equal(r.instructions_per_inference, RECORD_NONE);
    assert_int_equal(r.energy_models_n, 3);
    assert_null(r.energy_tags); /* products of 8 bits: published in the first table, not in Aladdin's */
    assert_string_equal(r.energy_models[2].tags, "interpolated");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(strlen(r.energy_models[i].sha256), 64);
        assert_true(r.energy_models[i].dp_ratio >= r.energy_spread[0]);
        assert_true(r.energy_models[i].dp_ratio <= r.energy_spread[1]);
        assert_true(r.energy_models[i].dp_ratio > 1);
    }
    assert_true(r.energy_models[0].dp_ratio == r.energy_proxy_ratio);
    assert_true(isfinite(r.energy_cpu_ratio) && isnan(r.energy_models[1].cpu_ratio));
    assert_null(r.energy_measured_kind);
    assert_true(isnan(r.energy_measured_uj)); /* nothing was measured: null, not 0 */
    record_free(&r);
    if (context.artifacts.simd.mask == 0)
        return;
    assert_int_equal(run_cell(&context, find(FP32, 1), &fp32, &fp32, &base), ST_OK);
    for (int i = 0; i < 3; i++)
        assert_true(base.energy_models[i].dp_ratio == 1);
    record_free(&base);
}

/* A program in packlight's place. */
static void stand_in(const char *body)
{
    FILE *file;
    snprintf(context.program, sizeof context.program, "%s/stand-in", folder);
    file = fopen(context.program, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    fclose(file);
    assert_int_equal(chmod(context.program, 0755), 0);
}

static void fresh_processes_are_paired(void **state)
{
    struct record r;
    (void)state;
    /* FP32 takes three times as long; a warning stands before the line. */
    stand_in("echo 'packlight: 9 threads will wait' >&2\ncase $2 in\n"
             "*fp32*) echo '{\"load_ns\":3000,\"plan_ns\":600,\"first_ns\":300,\"second_ns\":30}';;\n"
             "*) echo '{\"load_ns\":1000,\"plan_ns\":200,\"first_ns\":100,\"second_ns\":10}';;\nesac");
    assert_int_equal(run_cell(&context, find(PTQ, 0), &ptq, &fp32, &r), ST_OK);
    context.program[0] = 0;
    assert_string_equal(r.status, "ok");
    assert_int_equal(r.cold_n, 9);
    assert_true(r.load_ns_median == 1000 && r.plan_ns_median == 200 && r.first_ns_median == 100);
    assert_true(r.load_ns_ci95[0] == 1000 && r.load_ns_ci95[1] == 1000);
    assert_true(fabs(r.cold_ratio_vs_fp32 - 3) < 1e-9);
    record_free(&r);
}

static void a_failing_fresh_process_costs_only_its_figures(void **state)
{
    static const char *const bodies[] = {"exit 3", "echo hello", "echo '{\"load_ns\":1'",
                                         "echo '{\"load_ns\":-5,\"plan_ns\":1,\"first_ns\":1}'", "kill -9 $$"};
    struct record r;
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        stand_in(bodies[i]);
        assert_int_equal(run_cell(&context, find(PTQ, 0), &ptq, &fp32, &r), ST_OK);
        assert_string_equal(r.status, "ok");
        assert_true(r.latency_ns_median > 0);
        assert_true(isnan(r.load_ns_median) && isnan(r.cold_ratio_vs_fp32));
        assert_int_equal(r.cold_n, RECORD_NONE);
        assert_non_null(strstr(r.notes, "no cold start"));
        record_free(&r);
    }
    context.program[0] = 0;
}

static void small_error_s32(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                            const struct kn_out *c)
{
    struct kn_table right;
    kn_table_init(&right, kn_cpu_isa());
    right.gemm_u8s8.run_s32(a, packed, bias, n, c);
    ((int32_t *)c->base)[n - 1] += 1;
}

static void one_wrong_bit_costs_the_time(void **state)
{
    struct kn_table right = context.artifacts.simd;
    struct record r;
    (void)state;
    if (right.mask == 0)
        skip();
    context.artifacts.simd.gemm_u8s8.run_s32 = small_error_s32;
    assert_int_equal(run_cell(&context, find(PTQ, 1), &ptq, &fp32, &r), ST_OK);
    context.artifacts.simd = right;
    assert_string_equal(r.status, "mismatch");
    assert_non_null(strstr(r.reason, "the reference has"));
    assert_true(isnan(r.latency_ns_median) && isnan(r.speedup_vs_fp32_simd));
    assert_true(r.accuracy_top1 > 0); /* what was right to say stays */
    record_free(&r);
}

static void wild_f32(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                     const struct kn_out *c)
{
    struct kn_table right;
    kn_table_init(&right, kn_cpu_isa());
    right.gemm_f32.run(a, packed, tail, n, c);
    *(float *)c->base = NAN;
}

static void a_float_error_is_seen(void **state)
{
    struct kn_table right = context.artifacts.simd;
    struct record r;
    (void)state;
    if (right.mask == 0)
        skip();
    context.artifacts.simd.gemm_f32.run = wild_f32;
    assert_int_equal(run_cell(&context, find(FP32, 1), &fp32, &fp32, &r), ST_OK);
    context.artifacts.simd = right;
    assert_string_equal(r.status, "mismatch");
    assert_true(isnan(r.latency_ns_median));
    record_free(&r);
}

static void a_missing_baseline_is_said(void **state)
{
    struct artifact none = {.reason = "it did not converge"};
    struct record r;
    (void)state;
    assert_int_equal(run_cell(&context, find(PTQ, 0), &ptq, &none, &r), ST_OK);
    assert_string_equal(r.status, "failed");
    assert_non_null(strstr(r.reason, "baseline"));
    assert_non_null(strstr(r.reason, "converge"));
    record_free(&r);
}

static void without_simd_is_a_skip(void **state)
{
    struct kn_table right = context.artifacts.simd;
    struct record r;
    (void)state;
    kn_table_init(&context.artifacts.simd, 0);
    assert_int_equal(run_cell(&context, find(FP32, 1), &fp32, &fp32, &r), ST_OK);
    context.artifacts.simd = right;
    assert_string_equal(r.status, "skip");
    record_free(&r);
}

static void infer_refuses_data_that_does_not_fit(void **state)
{
    struct dataset other = data.test;
    struct infer out = {0};
    (void)state;
    other.h = 14;
    assert_int_equal(infer_dataset(&fp32.graph, &context.artifacts.ref, 1, &other, NULL, &out), ST_BADARG);
    other = data.test;
    other.classes = 11;
    assert_int_equal(infer_dataset(&fp32.graph, &context.artifacts.ref, 1, &other, NULL, &out), ST_BADARG);
    assert_non_null(strstr(status_message(), "11 classes"));
}

static void infer_is_the_same_for_any_batch_and_threads(void **state)
{
    struct pool *pool;
    struct infer a = {0}, b = {0};
    (void)state;
    assert_int_equal(pool_new(3, &pool), ST_OK);
    assert_int_equal(infer_dataset(&ptq.graph, &context.artifacts.ref, 1, &data.test, NULL, &a), ST_OK);
    assert_int_equal(infer_dataset(&ptq.graph, &context.artifacts.simd, 7, &data.test, pool, &b), ST_OK);
    assert_int_equal(infer_compare(&b, &a, "batch 7"), ST_OK);
    assert_string_equal(a.raw_sha256, b.raw_sha256);
    infer_free(&a);
    infer_free(&b);
    pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_cells_have_figures),
        cmocka_unit_test(energy_is_modelled_under_every_table),
        cmocka_unit_test(fresh_processes_are_paired),
        cmocka_unit_test(a_failing_fresh_process_costs_only_its_figures),
        cmocka_unit_test(one_wrong_bit_costs_the_time),
        cmocka_unit_test(a_float_error_is_seen),
        cmocka_unit_test(a_missing_baseline_is_said),
        cmocka_unit_test(without_simd_is_a_skip),
        cmocka_unit_test(infer_refuses_data_that_does_not_fit),
        cmocka_unit_test(infer_is_the_same_for_any_batch_and_threads),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
