/* The kernel check itself: passes on the kernels of this CPU with fixed seeds, and notices kernels that are broken
 * in the ways kernels break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "kernels/requant.h"
#include "kncheck/kncase.h"
#include "kncheck/kncheck.h"

static void test_kernels_pass(void **state)
{
    struct kncheck_options options = {.seed = 20261123, .cases = 20000, .mask = kn_cpu_isa()};
    struct kncheck_summary summary;
    (void)state;
    assert_int_equal(kncheck_run(&options, stdout, &summary), ST_OK);
    assert_int_equal(summary.failed, 0);
    if (summary.levels)
        assert_true(summary.cases >= 9000 && summary.kernels >= 18);
}

static void test_filter(void **state)
{
    struct kncheck_options options = {.seed = 1, .cases = 180, .mask = kn_cpu_isa(), .filter = "kn_gemm_*"};
    struct kncheck_summary summary;
    (void)state;
    assert_int_equal(kncheck_run(&options, NULL, &summary), ST_OK);
    assert_true(summary.kernels >= 2 * (summary.levels > 0));
    options.filter = "no such kernel";
    assert_int_equal(kncheck_run(&options, NULL, &summary), ST_BADARG);
    options.filter = NULL;
    options.cases = 0;
    assert_int_equal(kncheck_run(&options, NULL, &summary), ST_BADARG);
}

static void test_capped(void **state)
{
    struct kncheck_options options = {.seed = 1, .cases = 18, .mask = 0};
    struct kncheck_summary summary;
    (void)state;
    assert_int_equal(kncheck_run(&options, NULL, &summary), ST_OK);
    assert_int_equal(summary.levels, 0);
    assert_true(summary.levels_missing >= 1); /* counted, not silently skipped */
}

/* How many of the first 200 cases notice that `broken` differs from the reference. */
static int noticed(kncase_fn run, const struct kn_table *broken)
{
    struct kn_table ref;
    int count = 0;
    kn_table_init(&ref, 0);
    for (uint64_t i = 0; i < 200; i++) {
        struct kncase c;
        enum status st;
        kncase_begin(&c, 5, i, &ref, broken);
        st = run(&c);
        kncase_end(&c);
        assert_true(st == ST_OK || st == ST_MISMATCH);
        count += st == ST_MISMATCH;
    }
    return count;
}

static struct kn_table reference(void)
{
    struct kn_table t;
    kn_table_init(&t, 0);
    return t;
}

static void test_reference_agrees_with_itself(void **state)
{
    struct kn_table t = reference();
    (void)state;
    assert_int_equal(noticed(kncase_gemm_f32, &t), 0);
    assert_int_equal(noticed(kncase_spmm_u8s8, &t), 0);
    assert_int_equal(noticed(kncase_maxpool_f32_nhwc, &t), 0);
}

/* Adds two products in 16 bits with saturation, as vpmaddubsw does. */
static void saturating_s32(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                           const struct kn_out *c)
{
    const int8_t *w = packed;
    int k = a->segs * a->seg_len;
    for (int r = a->first; r < a->first + a->m; r++) {
        const uint8_t *x = (const uint8_t *)a->base + r / a->row_w * a->step_y + r % a->row_w * a->step_x;
        int32_t *y = (int32_t *)c->base + r / a->row_w * c->step_y + r % a->row_w * c->step_x;
        for (int j = 0; j < n; j++) {
            uint32_t sum = bias ? (uint32_t)bias[j] : 0;
            for (int i = 0; i < k; i += 2) {
                int pair = 0;
                for (int l = i; l < k && l < i + 2; l++) {
                    int seg = l / a->seg_len;
                    ptrdiff_t at = seg / a->seg_w * a->seg_step_y + seg % a->seg_w * a->seg_step_x;
                    pair += x[at + l % a->seg_len] * w[j * k + l];
                }
                sum += (uint32_t)(pair > 32767 ? 32767 : pair < -32768 ? -32768 : pair);
            }
            y[j] = (int32_t)sum;
        }
    }
}

static void test_saturation_is_noticed(void **state)
{
    struct kn_table t = reference();
    (void)state;
    t.gemm_u8s8.run_s32 = saturating_s32;
    assert_true(noticed(kncase_gemm_u8s8, &t) > 20);
}

/* Writes one element behind its output. */
static void overrunning_clamp(const float *x, size_t count, float lo, float hi, float *y)
{
    struct kn_table t = reference();
    t.clamp_f32.run(x, count, lo, hi, y);
    y[count] = 0;
}

/* Uses (not merely reads) the element behind its input. */
static void overreading_widen(const uint8_t *x, size_t count, int16_t *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (int16_t)(x[i] | (i + 1 == count && x[i + 1] == 255 ? 256 : 0));
}

/* Rounds halves away from zero and lets NaN through as the upper bound. */
static void careless_quantize(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    for (size_t i = 0; i < count; i++) {
        float v = x[i] * inv_scale;
        v = v < (float)-zero_point ? (float)-zero_point : v;
        v = v < (float)(255 - zero_point) ? v : (float)(255 - zero_point);
        y[i] = (uint8_t)((int)roundf(v) + zero_point);
    }
}

static void test_carelessness_is_noticed(void **state)
{
    struct kn_table t = reference();
    (void)state;
    t.clamp_f32.run = overrunning_clamp;
    assert_int_equal(noticed(kncase_clamp_f32, &t), 200);
    t.widen_u8_s16.run = overreading_widen;
    assert_int_equal(noticed(kncase_widen_u8_s16, &t), 200);
    t.quantize_f32_u8.run = careless_quantize;
    t.quantize_f32_u8.facts.nr = 16; /* sizes follow the tile */
    assert_true(noticed(kncase_quantize_f32_u8, &t) > 100);
}

/* Ignores the pitch of its output. */
static void pitchless_gemm(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                           const struct kn_out *c)
{
    struct kn_table t = reference();
    struct kn_out tight = {c->base, n, (ptrdiff_t)a->row_w * n};
    t.gemm_f32.run(a, packed, tail, n, &tight);
}

/* Forgets the residual when the bias is missing. */
static void forgetful_gemm(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                           const struct kn_out *c)
{
    struct kn_table t = reference();
    struct kn_tail_f32 less = *tail;
    less.residual = tail->bias ? tail->residual : NULL;
    t.gemm_f32.run(a, packed, &less, n, c);
}

/* Adds up in an order that depends on where a part of the product begins. */
static void partial_gemm(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                         const struct kn_out *c)
{
    struct kn_table t = reference();
    t.gemm_f32.run(a, packed, tail, n, c);
    for (int r = a->first; a->first > 0 && r < a->first + a->m; r++) {
        float *y = (float *)c->base + r / a->row_w * c->step_y + r % a->row_w * c->step_x;
        *y = nextafterf(*y, 0);
    }
}

/* Wrong by one part in ten thousand: far above the rounding of these sums. */
static void imprecise_spmv(const float *x, const void *packed, const float *bias, int n, int k, float lo, float hi,
                           float *y)
{
    struct kn_table t = reference();
    t.spmv_f32.run(x, packed, bias, n, k, lo, hi, y);
    for (int i = 0; i < n; i++)
        y[i] *= 1.0001f;
}

static void test_float_errors_are_noticed(void **state)
{
    struct kn_table t = reference();
    (void)state;
    t.gemm_f32.run = pitchless_gemm;
    assert_true(noticed(kncase_gemm_f32, &t) > 20);
    t.gemm_f32.run = forgetful_gemm;
    assert_true(noticed(kncase_gemm_f32, &t) > 5);
    t.gemm_f32.run = partial_gemm;
    assert_true(noticed(kncase_gemm_f32, &t) > 20);
    t.spmv_f32.run = imprecise_spmv;
    assert_true(noticed(kncase_spmv_f32, &t) > 20);
}

/* Leaves the last word of what it packs unwritten. */
static void lazy_pack(const float *w, int n, int k, void *out)
{
    struct kn_table t = reference();
    unsigned char last[4], *end = (unsigned char *)out + t.spmv_f32.pack_bytes(w, n, k) - sizeof last;
    memcpy(last, end, sizeof last);
    t.spmv_f32.pack(w, n, k, out);
    memcpy(end, last, sizeof last);
}

static void test_unwritten_packing_is_noticed(void **state)
{
    struct kn_table t = reference();
    (void)state;
    t.spmv_f32.pack = lazy_pack;
    assert_int_equal(noticed(kncase_spmv_f32, &t), 200);
}

static void test_message_names_the_kernel(void **state)
{
    struct kn_table ref = reference(), t = ref;
    struct kncase c;
    (void)state;
    t.clamp_f32.run = overrunning_clamp;
    kncase_begin(&c, 1, 1, &ref, &t);
    assert_int_equal(kncase_clamp_f32(&c), ST_MISMATCH);
    kncase_end(&c);
    assert_non_null(strstr(status_message(), "kn_clamp_f32__ref"));
    assert_non_null(strstr(status_message(), "guard zone"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_pass),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_capped),
        cmocka_unit_test(test_reference_agrees_with_itself),
        cmocka_unit_test(test_saturation_is_noticed),
        cmocka_unit_test(test_carelessness_is_noticed),
        cmocka_unit_test(test_float_errors_are_noticed),
        cmocka_unit_test(test_unwritten_packing_is_noticed),
        cmocka_unit_test(test_message_names_the_kernel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
