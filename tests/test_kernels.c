/* The reference kernels on examples worked by hand, and the table, the rosters, the packing and the ISA names.
 * Everything else is proven against the reference: test_kernels_check.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kernels/kernels.h"
#include "kernels/requant.h"

static struct kn_table ref_table(void)
{
    struct kn_table t;
    kn_table_init(&t, 0);
    return t;
}

static void *allocate(size_t bytes)
{
    void *p;
    assert_int_equal(mem_alloc(bytes + KN_SLACK, 1, &p), ST_OK);
    return p;
}

static void *packed_f32(const struct kn_gemm_f32 *slot, const float *w, int n, int segs, int seg_len)
{
    void *p = allocate(kn_gemm_f32_pack_bytes(slot, n, segs, seg_len));
    kn_gemm_f32_pack(slot, w, n, segs, seg_len, p);
    return p;
}

static void *packed_u8s8(const struct kn_gemm_u8s8 *slot, const int8_t *w, int n, int segs, int seg_len)
{
    void *p = allocate(slot->pack_bytes(w, n, segs, seg_len));
    slot->pack(w, n, segs, seg_len, p);
    return p;
}

static void test_gemm_f32_fc(void **state)
{
    struct kn_table t = ref_table();
    const float a[] = {1, 2, 3, 4, 5, 6}, w[] = {1, 0, -1, 2, 1, 0}, bias[] = {0.5f, -10};
    struct kn_rows rows = {a, 0, 2, 2, 3, 0, 1, 3, 1, 0, 0};
    void *packed = packed_f32(&t.gemm_f32, w, 2, 1, 3);
    float c[6] = {9, 9, 9, 9, 9, 9};
    const float add[] = {10, 20, 30, 40};
    const struct kn_residual residual = {add, 2, 4, 0, 0};
    const struct kn_tail_f32 plain = {bias, -INFINITY, INFINITY, NULL}, clamped = {NULL, 0, 12, NULL};
    const struct kn_tail_f32 added = {bias, -INFINITY, 30, &residual};
    const struct kn_out out = {c, 3, 6};
    (void)state;
    t.gemm_f32.run(&rows, packed, &plain, 2, &out); /* pitch 3: c[2] is not an output */
    assert_true(c[0] == -1.5f && c[1] == -6 && c[3] == -1.5f && c[4] == 3);
    assert_true(c[2] == 9 && c[5] == 9);
    t.gemm_f32.run(&rows, packed, &clamped, 2, &out); /* without bias: -2 4 -2 13, clamped */
    assert_true(c[0] == 0 && c[1] == 4 && c[3] == 0 && c[4] == 12);
    rows.first = rows.m = 1; /* the second row alone */
    t.gemm_f32.run(&rows, packed, &added, 2, &out);
    assert_true(c[0] == 0 && c[1] == 4 && c[3] == 28.5f && c[4] == 30);
    mem_free(packed);
}

static void test_gemm_f32_conv(void **state)
{
    /* 3 x 3 image 1..9, kernel [1 0; 0 1]: every output is a pixel plus its lower right neighbour. */
    struct kn_table t = ref_table();
    const float image[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, w[] = {1, 0, 0, 1};
    struct kn_rows rows = {image, 0, 4, 2, 1, 3, 2, 2, 1, 0, 3};
    void *packed = packed_f32(&t.gemm_f32, w, 1, 2, 2);
    float c[4];
    const struct kn_tail_f32 tail = {NULL, -INFINITY, INFINITY, NULL};
    const struct kn_out out = {c, 1, 2};
    (void)state;
    t.gemm_f32.run(&rows, packed, &tail, 1, &out);
    assert_true(c[0] == 6 && c[1] == 8 && c[2] == 12 && c[3] == 14);
    /* The same kernel dilated by 2, one segment per tap: 1 + 9. */
    rows = (struct kn_rows){image, 0, 1, 1, 1, 3, 4, 1, 2, 2, 6};
    t.gemm_f32.run(&rows, packed, &tail, 1, &out);
    assert_true(c[0] == 10 && c[1] == 8);
    mem_free(packed);
}

static void test_gemm_u8s8_extremes(void **state)
{
    /* 64 products of 255 * 127 = 32385: 2 072 640, where 16-bit intermediate sums would give 1 048 544. */
    struct kn_table t = ref_table();
    uint8_t x[64 + KN_SLACK];
    int8_t w[64];
    struct kn_rows rows = {x, 0, 1, 1, 64, 0, 1, 64, 1, 0, 0};
    const int32_t bias = -640;
    const float scale = 1e-4f;
    struct kn_requant rq = {&bias, &scale, 5, 0, 255};
    int32_t acc;
    uint8_t y, add = 7;
    const struct kn_residual residual = {&add, 1, 1, 2.5f, 3};
    const struct kn_out acc_out = {&acc, 1, 1}, y_out = {&y, 1, 1};
    void *packed;
    (void)state;
    memset(x, 255, sizeof x);
    memset(w, 127, sizeof w);
    packed = packed_u8s8(&t.gemm_u8s8, w, 1, 1, 64);
    t.gemm_u8s8.run_s32(&rows, packed, NULL, 1, &acc_out);
    assert_int_equal(acc, 2072640);
    t.gemm_u8s8.run_s32(&rows, packed, &bias, 1, &acc_out);
    assert_int_equal(acc, 2072000);
    t.gemm_u8s8.run_u8(&rows, packed, &rq, NULL, 1, &y_out);
    assert_int_equal(y, 212); /* 207.2 → 207, plus zero point 5 */
    t.gemm_u8s8.run_u8(&rows, packed, &rq, &residual, 1, &y_out);
    assert_int_equal(y, 222); /* 207.2 + 4 * 2.5 */
    rq.hi = 200;
    t.gemm_u8s8.run_u8(&rows, packed, &rq, NULL, 1, &y_out);
    assert_int_equal(y, 200);
    mem_free(packed);
}

static void test_requantize(void **state)
{
    (void)state;
    assert_int_equal(kn_requantize(5, 0.5f, 10, 0, 255), 12);   /* 2.5 → 2 (even) */
    assert_int_equal(kn_requantize(7, 0.5f, 10, 0, 255), 14);   /* 3.5 → 4 (even) */
    assert_int_equal(kn_requantize(-5, 0.5f, 10, 0, 255), 8);   /* -2.5 → -2 */
    assert_int_equal(kn_requantize(-5, 0.5f, 10, 10, 255), 10); /* ReLU: the zero point is real 0 */
    assert_int_equal(kn_requantize(INT32_MAX, 1e30f, 0, 0, 255), 255);
    assert_int_equal(kn_requantize(INT32_MIN, 1e30f, 200, 0, 255), 0);
    assert_int_equal(kn_requantize(1, NAN, 7, 3, 255), 3); /* NaN takes the lower bound */
}

static void test_spmv(void **state)
{
    struct kn_table t = ref_table();
    const float x[] = {1, 2, 3}, w[] = {0, 2, 0, 0, 0, 0, 1, 0, -1}, bias[] = {1, 2, 3};
    const uint8_t x8[] = {1, 2, 3};
    const int8_t w8[] = {0, 2, 0, 0, 0, 0, 1, 0, -1};
    const int32_t bias32[] = {1, 2, 3};
    void *p = allocate(t.spmv_f32.pack_bytes(w, 3, 3)), *p8 = allocate(t.spmv_u8s8.pack_bytes(w8, 3, 3));
    float y[3];
    int32_t y32[3];
    (void)state;
    assert_int_equal(t.spmv_f32.pack_bytes(w, 3, 3), 4 * 4 + 3 * 8); /* row starts, then column and weight */
    t.spmv_f32.pack(w, 3, 3, p);
    t.spmv_f32.run(x, p, bias, 3, 3, -INFINITY, INFINITY, y);
    assert_true(y[0] == 5 && y[1] == 2 && y[2] == 1);
    t.spmv_u8s8.pack(w8, 3, 3, p8);
    t.spmv_u8s8.run_s32(x8, p8, bias32, 3, 3, y32);
    assert_true(y32[0] == 5 && y32[1] == 2 && y32[2] == 1);
    mem_free(p);
    mem_free(p8);
}

static void test_spmm_conv(void **state)
{
    /* Two 3 x 3 planes, 2 x 2 kernels with one weight each: 10 * plane0(y + 1, x) and -plane1(y, x + 1). */
    struct kn_table t = ref_table();
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    const float w[] = {0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0};
    const int32_t offset[] = {0, 1, 3, 4, 9, 10, 12, 13};
    const float want[] = {40, 50, 70, 80, -8, -7, -5, -4};
    struct kn_cols cols = {x, 2, 2, 3};
    void *p = allocate(t.spmm_f32.pack_bytes(w, 2, 8, offset));
    float y[8];
    (void)state;
    t.spmm_f32.pack(w, 2, 8, offset, p);
    t.spmm_f32.run(&cols, p, NULL, 2, -INFINITY, INFINITY, y);
    assert_memory_equal(y, want, sizeof want);
    mem_free(p);
}

static void test_maxpool(void **state)
{
    struct kn_table t = ref_table();
    struct kn_pool_shape s = {1, 3, 3, 2, 2, 2, 2, 2, 2,
                              1, 1, 1, 3, 1, 2, 0, 2}; /* one row and column of padding before */
    const float x[] = {-5, -6, NAN, -1, -2, -3, NAN, 4, NAN};
    const uint8_t x8[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    float y[4];
    uint8_t y8[4];
    (void)state;
    t.maxpool_f32_chw.run(&s, x, y); /* windows {-5}, {-6 NaN}, {-1 NaN}, {-2 -3 4 NaN} */
    assert_true(y[0] == -5 && y[1] == -6 && y[2] == -1 && y[3] == 4);
    t.maxpool_f32_nhwc.run(&s, x, y);
    assert_true(y[0] == -5 && y[1] == -6 && y[2] == -1 && y[3] == 4);
    t.maxpool_u8_chw.run(&s, x8, y8);
    assert_true(y8[0] == 1 && y8[1] == 3 && y8[2] == 7 && y8[3] == 9);
}

static void test_maxpool_layouts(void **state)
{
    /* 2 x 2 image of two channels, channels innermost: (1 9) (2 8) / (3 7) (4 6). */
    struct kn_table t = ref_table();
    struct kn_pool_shape s = {2, 2, 2, 1, 1, 2, 2, 2, 2, 0, 0, 2, 4, 2, 2, 0, 1};
    const uint8_t nhwc[] = {1, 9, 2, 8, 3, 7, 4, 6}, chw[] = {1, 2, 3, 4, 9, 8, 7, 6};
    uint8_t y[2];
    (void)state;
    t.maxpool_u8_nhwc.run(&s, nhwc, y);
    assert_true(y[0] == 4 && y[1] == 9);
    t.maxpool_u8_chw.run(&s, chw, y);
    assert_true(y[0] == 4 && y[1] == 9);
}

/* 3 x 3 ones over a 2 x 3 image padded by 1, two channels; the second channel's filter has only its first tap. */
static void test_depthwise(void **state)
{
    struct kn_table t = ref_table();
    struct kn_depthwise_shape s = {2, 2, 3, 2, 3, 3, 3, 1, 1, 1, 1, 1, 1, 2, 6, 2, 6, 0, 2};
    const float w[18] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
    const int8_t w8[18] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
    const float x[] = {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}, bias[] = {0.5f, 0};
    const float want[] = {12.5f, 0, 20, 0, 16.5f, 0, 12.5f, 0, 20, 2, 16.5f, 4}; /* the 21.5 is cut off at 20 */
    const uint8_t x8[] = {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6};
    const int32_t bias8[] = {0, 100}; /* outside 10: the first output has five such, the next three */
    const int32_t want8[] = {62, 120, 51, 120, 66, 120, 62, 120, 51, 102, 66, 104};
    float y[12];
    int32_t y32[12];
    unsigned char p[18 * sizeof *w];
    (void)state;
    t.depthwise_f32.pack(w, 2, 3, 3, p);
    t.depthwise_f32.run(&s, x, p, bias, 0, 20, y);
    assert_memory_equal(y, want, sizeof want);
    assert_int_equal(t.depthwise_u8s8.pack_bytes(w8, 2, 3, 3), 18);
    t.depthwise_u8s8.pack(w8, 2, 3, 3, p);
    t.depthwise_u8s8.run_s32(&s, x8, 10, p, bias8, y32);
    assert_memory_equal(y32, want8, sizeof want8);
    s.first = 1; /* the second line only */
    s.lines = 1;
    y[0] = -1;
    t.depthwise_f32.pack(w, 2, 3, 3, p);
    t.depthwise_f32.run(&s, x, p, bias, 0, 20, y);
    assert_true(y[0] == -1 && y[11] == 4);
}

static void test_avgpool(void **state)
{
    /* 2 x 2 windows at stride 2, padded by 1 before: (1) (2 3) / (4 7) (5 6 8 9), the padding not counted. */
    struct kn_table t = ref_table();
    struct kn_pool_shape s = {1, 3, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 3, 1, 2, 0, 2};
    const float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, want[] = {1, 2.5f, 5.5f, 6};
    const uint8_t x8[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const uint8_t want8[] = {98, 101, 107, 108}; /* 2 * (mean - 2) + 100, at most 108 */
    float y[4];
    uint8_t y8[4];
    (void)state;
    t.avgpool_f32_nhwc.run(&s, x, -INFINITY, 6, y);
    assert_true(y[0] == want[0] && y[1] == want[1] && y[2] == want[2] && y[3] == want[3]);
    t.avgpool_u8_nhwc.run(&s, x8, 2, 2, 100, 0, 108, y8);
    assert_memory_equal(y8, want8, sizeof want8);
}

static void test_conversions(void **state)
{
    struct kn_table t = ref_table();
    const float x[] = {0, 0.25f, -0.25f, 1e30f, -INFINITY, NAN};
    const int32_t acc[] = {10}, wsum[] = {2};
    const float scale[] = {0.25f}, bias[] = {1};
    uint8_t q[6];
    int16_t wide[6];
    float lo, hi, y;
    (void)state;
    t.quantize_f32_u8.run(x, 6, 10.0f, 100, q); /* ±2.5 round to even */
    assert_true(q[0] == 100 && q[1] == 102 && q[2] == 98 && q[3] == 255 && q[4] == 0 && q[5] == 0);
    t.range_f32.run(x, 3, &lo, &hi);
    assert_true(lo == -0.25f && hi == 0.25f);
    t.range_f32.run(x + 5, 1, &lo, &hi); /* nothing but NaN: 0 is always in the range */
    assert_true(lo == 0 && hi == 0);
    t.dequant_s32_f32.run(acc, 1, wsum, 3, 0.5f, scale, bias, -INFINITY, INFINITY, &y);
    assert_true(y == 1.5f); /* (10 - 3 * 2) * (0.5 * 0.25) + 1 */
    t.dequant_s32_f32.run(acc, 1, NULL, 3, 0.5f, scale, NULL, -INFINITY, 1, &y);
    assert_true(y == 1); /* 1.25, clamped */
    t.widen_u8_s16.run(q, 6, wide);
    assert_true(wide[0] == 100 && wide[3] == 255);
    t.clamp_u8.run(q, 6, 99, 200, q);
    assert_true(q[0] == 100 && q[2] == 99 && q[3] == 200);
}

static void test_clamp_nan(void **state)
{
    struct kn_table t = ref_table();
    const float x[] = {NAN, -3, 0.5f, 7};
    float y[4];
    (void)state;
    t.clamp_f32.run(x, 4, 0, 6, y);
    assert_true(y[0] == 0 && y[1] == 0 && y[2] == 0.5f && y[3] == 6);
}

static void test_transpose(void **state)
{
    struct kn_table t = ref_table();
    const uint32_t x[] = {1, 2, 3, 4, 5, 6}, want[] = {1, 4, 2, 5, 3, 6};
    const uint8_t x8[] = {1, 2, 3, 4, 5, 6}, want8[] = {1, 4, 2, 5, 3, 6};
    const uint32_t narrow[] = {2, 5, 9, 3, 6, 9}; /* columns 1 and 2 of x, to rows of three */
    uint32_t y[6] = {9, 9, 9, 9, 9, 9};
    uint8_t y8[6];
    (void)state;
    t.transpose_x32.run(x + 1, 3, 2, 2, y, 3);
    assert_memory_equal(y, narrow, sizeof narrow);
    t.transpose_x32.run(x, 3, 2, 3, y, 2);
    assert_memory_equal(y, want, sizeof want);
    t.transpose_x8.run(x8, 3, 2, 3, y8, 2);
    assert_memory_equal(y8, want8, sizeof want8);
}

static void test_tolerance(void **state)
{
    (void)state;
    assert_true(kn_tolerance_f32(2) == 8.0f * 0x1p-24f);
    assert_true(kn_tolerance_f32(784) > kn_tolerance_f32(783));
}

static void test_isa_names(void **state)
{
    uint32_t mask = 77;
    (void)state;
    assert_int_equal(kn_isa_parse("ref", &mask), 0);
    assert_int_equal(mask, 0);
    assert_int_equal(kn_isa_parse("avx2", &mask), 0);
    assert_int_equal(mask, KN_ISA_SSE41 | KN_ISA_AVX2);
    assert_int_equal(kn_isa_parse("avx512vnni", &mask), 0);
    assert_int_equal(mask, KN_ISA_SSE41 | KN_ISA_AVX2 | KN_ISA_AVX512VNNI);
    assert_string_equal(kn_isa_name(mask), "avx512vnni");
    assert_int_equal(kn_isa_parse("native", &mask), 0);
    assert_int_equal(mask, kn_cpu_isa());
    mask = 77;
    assert_int_equal(kn_isa_parse("avx", &mask), -1);
    assert_int_equal(kn_isa_parse("", &mask), -1);
    assert_int_equal(kn_isa_parse(NULL, &mask), -1);
    assert_int_equal(mask, 77);
    assert_string_equal(kn_isa_name(0), "ref");
    assert_string_equal(kn_isa_name(KN_ISA_AVX2), "avx2");
}

struct visit {
    int lines, bad_names, unreachable;
};

/* Is `name` the kernel of some slot of the table? Every slot begins with its facts. */
static int in_table(const struct kn_table *t, const char *name)
{
    const struct kn_facts *slots[] = {
        &t->gemm_f32.facts,        &t->gemm_u8s8.facts,        &t->spmv_f32.facts,         &t->spmv_u8s8.facts,
        &t->spmm_f32.facts,        &t->spmm_u8s8.facts,        &t->maxpool_f32_nhwc.facts, &t->maxpool_f32_chw.facts,
        &t->maxpool_u8_nhwc.facts, &t->maxpool_u8_chw.facts,   &t->quantize_f32_u8.facts,  &t->range_f32.facts,
        &t->dequant_s32_f32.facts, &t->widen_u8_s16.facts,     &t->clamp_f32.facts,        &t->clamp_u8.facts,
        &t->transpose_x32.facts,   &t->transpose_x8.facts,     &t->add_f32.facts,          &t->mul_f32.facts,
        &t->add_u8.facts,          &t->mul_u8.facts,           &t->lut_u8.facts,           &t->dequant_u8_f32.facts,
        &t->hardswish_f32.facts,   &t->sigmoid_f32.facts,      &t->gelu_f32.facts,         &t->softmax_f32.facts,
        &t->layernorm_f32.facts,   &t->avgpool_f32_nhwc.facts, &t->avgpool_u8_nhwc.facts,  &t->depthwise_f32.facts,
        &t->depthwise_u8s8.facts,  &t->sprows_u8s8.facts,      &t->bsr_f32_16x1.facts,     &t->bsr_f32_8x1.facts,
        &t->bsr_f32_4x1.facts,     &t->bsr_f32_1x4.facts,      &t->gemm_u7s8.facts,        &t->gemm_u8s4.facts,
    };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        if (strcmp(slots[i]->name, name) == 0)
            return 1;
    }
    return 0;
}

static void count_line(void *context, const char *contract, const struct kn_facts *facts)
{
    struct visit *v = context;
    struct kn_table t;
    size_t length = strlen(contract);
    kn_table_init(&t, facts->isa);
    v->unreachable += kn_table_select(&t, facts->name) != 0;
    v->lines++;
    v->bad_names += strncmp(facts->name, contract, length) != 0 || strncmp(facts->name + length, "__", 2) != 0 ||
                    strlen(facts->name) >= KN_NAME;
    v->unreachable += !in_table(&t, facts->name);
}

static void test_rosters(void **state)
{
    struct visit v = {0};
    struct kn_table t = ref_table();
    (void)state;
    kn_roster_visit(count_line, &v);
    assert_true(v.lines >= 18);
    assert_int_equal(v.bad_names, 0);
    assert_int_equal(v.unreachable, 0); /* else no check would ever run it */
    assert_int_equal(kn_table_select(&t, "kn_gemm_u8s8__none"), -1);
    assert_int_equal(t.mask, 0);
    assert_string_equal(t.gemm_f32.facts.name, "kn_gemm_f32__ref");
    assert_string_equal(t.transpose_x8.facts.name, "kn_transpose_x8__ref");
}

static void test_panels(void **state)
{
    /* A slot with facts only: packing looks at nothing else. Panels of 16; the last one 8, 16 or 24 wide. */
    struct kn_gemm_f32 f32 = {.facts = {.nr = 16, .kr = 1}};
    const int n[] = {1, 8, 9, 16, 17, 20, 24, 25, 32, 40, 50}, width[] = {8, 8, 16, 16, 24, 24, 24, 32, 32, 40, 56};
    (void)state;
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        assert_int_equal(kn_gemm_f32_pack_bytes(&f32, n[i], 5, 3), width[i] * 15 * 4);
}

/* Packing needs no vector instructions: these run at every level. */
static void test_pack_plain(void **state)
{
    struct kn_table t = ref_table();
    const int8_t w[] = {1, 2, 3, 4, 5, 6}, pairs[] = {1, 2, 4, 5}, rest[] = {3, 0, 6, 0};
    const int8_t quads[] = {1, 2, 3, 0, 4, 5, 6, 0};
    int8_t out[64];
    (void)state;
    assert_int_equal(t.gemm_u8s8.pack_bytes(w, 2, 1, 3), 6);
    t.gemm_u8s8.pack(w, 2, 1, 3, out);
    assert_memory_equal(out, w, 6);
    if (kn_table_select(&t, "kn_gemm_u8s8__avx2_4x16") == 0) {
        /* Three inputs of two outputs in a panel of eight, by pairs: the odd input is paired with a zero. */
        assert_int_equal(t.gemm_u8s8.pack_bytes(w, 2, 1, 3), 32);
        memset(out, 99, sizeof out);
        t.gemm_u8s8.pack(w, 2, 1, 3, out);
        assert_memory_equal(out, pairs, 4);
        assert_memory_equal(out + 16, rest, 4);
        assert_int_equal(out[4] | out[15] | out[20] | out[31], 0);
    }
    if (kn_table_select(&t, "kn_gemm_u8s8__avx512vnni_12x32") == 0) {
        assert_int_equal(t.gemm_u8s8.pack_bytes(w, 2, 1, 3), 64);
        memset(out, 99, sizeof out);
        t.gemm_u8s8.pack(w, 2, 1, 3, out);
        assert_memory_equal(out, quads, 8);
        assert_int_equal(out[8] | out[63], 0);
    }
}

/* 100 + 100 has 72 too much and -90 - 90 has -52: an extra from input 1 takes them out of inputs 1 and 3. */
static void test_pack_extras(void **state)
{
    struct kn_table t = ref_table();
    const int8_t w[] = {100, 100, -90, -90}, dense[] = {100, 28, -90, -38}, extra[] = {72, 0, -52, 0};
    const int8_t fine[] = {100, 28, 127, -127};
    const uint32_t head[] = {1, 0, 0, 1, 0, 0, 0, 0}, places[] = {1, 0, 1, 0}; /* a run of 1; segment 0, input 1 */
    _Alignas(64) int8_t out[128];
    (void)state;
    if (kn_table_select(&t, "kn_gemm_u8s8__avx2_quads_4x24") != 0)
        return;
    assert_int_equal(t.gemm_u8s8.pack_bytes(w, 1, 1, 4), sizeof out);
    memset(out, 99, sizeof out);
    t.gemm_u8s8.pack(w, 1, 1, 4, out);
    assert_memory_equal(out, dense, 4);
    assert_memory_equal(out + 32, head, sizeof head);
    assert_memory_equal(out + 64, places, sizeof places);
    assert_memory_equal(out + 96, extra, 4);
    assert_int_equal(out[4] | out[31] | out[100] | out[127], 0);
    assert_int_equal(t.gemm_u8s8.pack_bytes(fine, 1, 1, 4), 64);
    t.gemm_u8s8.pack(fine, 1, 1, 4, out);
    assert_memory_equal(out, fine, 4);
}

enum { DEEP = 1000 };

/* One output of K products at their extremes, with every kernel that this machine can run. */
static void deepest_sums(void *context, const char *contract, const struct kn_facts *facts)
{
    int *kernels = context;
    struct kn_table t = ref_table();
    uint8_t *x = allocate(DEEP);
    int16_t *wide = allocate(DEEP * sizeof *wide);
    if (strcmp(contract, "kn_gemm_u8s8") == 0 && !(facts->isa & ~kn_cpu_isa())) {
        assert_int_equal(kn_table_select(&t, facts->name), 0);
        for (int pattern = 0; pattern < 4; pattern++) {
            int8_t w[DEEP];
            int32_t want = 0, sum = 0;
            struct kn_rows rows = {facts->a_bytes == 2 ? (const void *)wide : x, 0, 1, 1, DEEP, 0, 1, DEEP, 1, 0, 0};
            const struct kn_out out = {&sum, 1, 1};
            void *packed;
            for (int i = 0; i < DEEP; i++) {
                x[i] = 255;
                wide[i] = 255;
                w[i] = pattern == 0 ? 127 : pattern == 1 ? -127 : i >> (pattern - 2) & 1 ? 127 : -127;
                want += 255 * w[i];
            }
            packed = packed_u8s8(&t.gemm_u8s8, w, 1, 1, DEEP);
            t.gemm_u8s8.run_s32(&rows, packed, NULL, 1, &out);
            assert_int_equal(sum, want);
            mem_free(packed);
        }
        ++*kernels;
    }
    mem_free(wide);
    mem_free(x);
}

static void test_deepest_sums(void **state)
{
    int kernels = 0;
    (void)state;
    kn_roster_visit(deepest_sums, &kernels);
    assert_true(kernels >= 1);
}

/* At every level: nothing but zeros, and everything at its extreme. */
static void test_sparse_edges(void **state)
{
    uint32_t masks[] = {0, kn_cpu_isa()};
    (void)state;
    for (size_t level = 0; level < 2; level++) {
        struct kn_table t;
        uint8_t *x = allocate(67);
        int8_t w[9 * 67] = {0};
        int32_t y[9];
        kn_table_init(&t, masks[level]);
        memset(x, 255, 67);
        for (int fill = 0; fill < 2; fill++) {
            void *p;
            memset(w, fill ? -127 : 0, sizeof w);
            p = allocate(t.spmv_u8s8.pack_bytes(w, 9, 67));
            t.spmv_u8s8.pack(w, 9, 67, p);
            t.spmv_u8s8.run_s32(x, p, NULL, 9, 67, y);
            for (int j = 0; j < 9; j++)
                assert_int_equal(y[j], fill ? -67 * 255 * 127 : 0);
            mem_free(p);
        }
        mem_free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm_f32_fc),
        cmocka_unit_test(test_gemm_f32_conv),
        cmocka_unit_test(test_gemm_u8s8_extremes),
        cmocka_unit_test(test_requantize),
        cmocka_unit_test(test_spmv),
        cmocka_unit_test(test_spmm_conv),
        cmocka_unit_test(test_maxpool),
        cmocka_unit_test(test_maxpool_layouts),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_avgpool),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_clamp_nan),
        cmocka_unit_test(test_transpose),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_isa_names),
        cmocka_unit_test(test_rosters),
        cmocka_unit_test(test_panels),
        cmocka_unit_test(test_pack_plain),
        cmocka_unit_test(test_pack_extras),
        cmocka_unit_test(test_deepest_sums),
        cmocka_unit_test(test_sparse_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
