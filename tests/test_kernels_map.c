/* Elementwise operators, softmax, layer normalization and tables of quantized functions on values known from outside
 * or worked by hand, at every level of this CPU; and that their checks notice what goes wrong with such kernels. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "kernels/lut.h"
#include "kncheck/kncase.h"

/* Calls the check with the table of each level that this CPU has. */
static void at_every_level(void (*check)(const struct kn_table *t))
{
    const char *names[] = {"ref", "sse41", "avx2", "avxvnni", "avx512vnni", "neon", "neondot"};
    int levels = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct kn_table t;
        uint32_t mask;
        assert_int_equal(kn_isa_parse(names[i], &mask), 0);
        if (mask & ~kn_cpu_isa())
            continue;
        kn_table_init(&t, mask);
        check(&t);
        levels++;
    }
    assert_true(levels >= 1);
}

static void assert_close(const float *got, const double *want, size_t count, double allowed)
{
    for (size_t i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - want[i]) <= allowed))
            fail_msg("value %zu is %.9g, expected %.17g", i, (double)got[i], want[i]);
    }
}

/* Eleven values, so that a whole vector and a part of one occur. */
enum { VALUES = 11 };

static void check_sigmoid(const struct kn_table *t)
{
    const float x[VALUES] = {0, 1, -2, 0.5f, -0.5f, 4, -8, 20, INFINITY, -INFINITY, NAN};
    const double want[] = {0.5,
                           0.73105857863000488,
                           0.11920292202211756,
                           0.62245933120185457,
                           0.37754066879814543,
                           0.98201379003790844,
                           3.3535013046647811e-4,
                           0.99999999793884638,
                           1,
                           0};
    float y[VALUES];
    t->sigmoid_f32.run(x, VALUES, y);
    assert_close(y, want, VALUES - 1, (double)KN_TOLERANCE_UNARY);
    assert_true(y[8] == 1 && y[9] == 0 && isnan(y[10]));
}

/* x * Phi(x), Phi from Abramowitz & Stegun, table 26.1. */
static void check_gelu(const struct kn_table *t)
{
    const float x[VALUES] = {0, 1, -1, 2, -2, 0.5f, 3, -3, INFINITY, -INFINITY, NAN};
    const double want[] = {0,
                           0.841344746068543,
                           -0.158655253931457,
                           2 * 0.977249868051821,
                           -2 * 0.022750131948179,
                           0.5 * 0.691462461274013,
                           3 * 0.998650101968370,
                           -3 * 0.001349898031630};
    float y[VALUES];
    t->gelu_f32.run(x, VALUES, y);
    assert_close(y, want, VALUES - 3, (double)KN_TOLERANCE_UNARY);
    assert_true(y[8] == INFINITY && y[9] == 0 && isnan(y[10]));
}

static void check_hardswish(const struct kn_table *t)
{
    const float x[VALUES] = {0, 1, -1, 3, -3, 2, -2, 100, INFINITY, -INFINITY, NAN};
    const double want[] = {0, 2.0 / 3, -1.0 / 3, 3, 0, 5.0 / 3, -1.0 / 3, 100};
    float y[VALUES];
    t->hardswish_f32.run(x, VALUES, y);
    assert_close(y, want, VALUES - 3, (double)KN_TOLERANCE_UNARY);
    assert_true(y[7] == 100 && y[8] == INFINITY && y[9] == 0 && isnan(y[10]));
}

/* Floats of every sign and magnitude, NaN and infinities among them, against the functions in double. */
static void check_unary_range(const struct kn_table *t)
{
    const kn_unary_f32_fn run[] = {t->hardswish_f32.run, t->sigmoid_f32.run, t->gelu_f32.run};
    const enum kn_unary function[] = {KN_UNARY_HARDSWISH, KN_UNARY_SIGMOID, KN_UNARY_GELU};
    enum { CHUNK = 333, STRIDE = 50021 };
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += (uint64_t)CHUNK * STRIDE) {
        float x[CHUNK], y[CHUNK];
        for (uint32_t i = 0; i < CHUNK; i++) {
            uint32_t pattern = (uint32_t)bits + i * STRIDE;
            memcpy(&x[i], &pattern, sizeof pattern);
        }
        for (int f = 0; f < 3; f++) {
            run[f](x, CHUNK, y);
            for (int i = 0; i < CHUNK; i++) {
                double want = kn_unary(function[f], (double)x[i]), got = (double)y[i];
                double allowed = (double)KN_TOLERANCE_UNARY * fmax(1, fabs((double)x[i]));
                if (!(got == want || (isnan(got) && isnan(want)) || fabs(got - want) <= allowed))
                    fail_msg("function %d of %.9g is %.9g, expected %.17g", f, (double)x[i], got, want);
            }
        }
    }
}

static void check_softmax(const struct kn_table *t)
{
    const float x[] = {1, 2, 3, -INFINITY, 1002, 1003, 1001, -INFINITY, 0, NAN, 0, 0};
    const double want[] = {0.09003057317038046, 0.24472847105479764, 0.66524095577482188, 0,
                           0.24472847105479764, 0.66524095577482188, 0.09003057317038046, 0};
    float y[12], none[2] = {-INFINITY, -INFINITY};
    t->softmax_f32.run(x, 3, 4, y);
    assert_close(y, want, 8, (double)KN_TOLERANCE_UNARY);
    assert_true(y[3] == 0 && isnan(y[8]) && isnan(y[9]) && isnan(y[10]) && isnan(y[11]));
    t->softmax_f32.run(none, 1, 2, none);
    assert_true(isnan(none[0]) && isnan(none[1]));
}

/* Mean 2, variance 1, with epsilon 3 a deviation of 2; ten times; then a constant row, which gives beta. */
static void check_layernorm(const struct kn_table *t)
{
    float x[40], gamma[20], beta[20], y[40];
    for (int i = 0; i < 20; i++) {
        x[i] = i & 1 ? 3.0f : 1.0f;
        x[20 + i] = 7;
        gamma[i] = 4;
        beta[i] = (float)(10 + i);
    }
    t->layernorm_f32.run(x, 2, 20, gamma, beta, 3, y);
    for (int i = 0; i < 20; i++) {
        assert_true(fabsf(y[i] - ((i & 1 ? 12.0f : 8.0f) + (float)i)) <= 1e-5f);
        assert_true(y[20 + i] == (float)(10 + i));
    }
}

static void check_binary(const struct kn_table *t)
{
    /* Two positions of three channels; the second operand is one value per channel. */
    const float a[] = {1, 2, 3, 4, 5, -6}, b[] = {10, -1, 0.5f};
    const float sum[] = {11, 1, 3.5f, 14, 4, -5.5f}, product[] = {10, 0, 1.5f, 20, 0, 0};
    float y[6];
    t->add_f32.run(a, b, 6, 3, -INFINITY, INFINITY, y);
    assert_memory_equal(y, sum, sizeof sum);
    t->mul_f32.run(a, b, 6, 3, 0, 20, y);
    for (int i = 0; i < 6; i++)
        assert_true(y[i] == product[i]);
}

static void check_binary_u8(const struct kn_table *t)
{
    /* add: 0.5 (a - 10) + 2 (b - 3) + 100: 0.5 + 0 and 1.5 + 0 round to even, then both bounds. */
    const struct kn_binary_u8_params add = {0.5f, 2, 10, 3, 100, 90, 200}, mul = {0.25f, 0, 10, 3, 100, 0, 255};
    const uint8_t a[] = {11, 13, 0, 255}, b[] = {3, 3, 0, 200}, sum[] = {100, 102, 90, 200};
    /* mul: 0.25 (a - 10)(b - 3) + 100: 0, 0, 7.5 → 8, beyond 255. */
    const uint8_t product[] = {100, 100, 108, 255};
    uint8_t y[4];
    t->add_u8.run(a, b, 4, 4, &add, y);
    assert_memory_equal(y, sum, sizeof sum);
    t->mul_u8.run(a, b, 4, 4, &mul, y);
    assert_memory_equal(y, product, sizeof product);
}

/* All 256 values through a table without any order, so that every half and quarter of it is looked up. */
static void check_lut(const struct kn_table *t)
{
    uint8_t lut[256], x[256], y[256];
    float wide[256];
    for (int i = 0; i < 256; i++) {
        lut[i] = (uint8_t)(i * 167 + 13);
        x[i] = (uint8_t)(255 - i);
    }
    t->lut_u8.run(x, 256, lut, y);
    for (int i = 0; i < 256; i++)
        assert_int_equal(y[i], lut[255 - i]);
    t->dequant_u8_f32.run(x, 256, 0.5f, 100, wide);
    for (int i = 0; i < 256; i++)
        assert_true(wide[i] == (float)(155 - i) * 0.5f);
}

static void test_sigmoid(void **state)
{
    (void)state;
    at_every_level(check_sigmoid);
}

static void test_gelu(void **state)
{
    (void)state;
    at_every_level(check_gelu);
}

static void test_hardswish(void **state)
{
    (void)state;
    at_every_level(check_hardswish);
}

static void test_unary_range(void **state)
{
    (void)state;
    at_every_level(check_unary_range);
}

static void test_softmax(void **state)
{
    (void)state;
    at_every_level(check_softmax);
}

static void test_layernorm(void **state)
{
    (void)state;
    at_every_level(check_layernorm);
}

static void test_binary(void **state)
{
    (void)state;
    at_every_level(check_binary);
    at_every_level(check_binary_u8);
}

static void test_lut(void **state)
{
    (void)state;
    at_every_level(check_lut);
}

static void test_lut_fill(void **state)
{
    uint8_t lut[256];
    (void)state;
    /* Twice the scale: (q - 10) / 2 + 20, ties to even, ReLU at the zero point. */
    kn_lut_fill(KN_UNARY_IDENTITY, 0.5f, 10, 1, 20, 20, 100, lut);
    assert_true(lut[0] == 20 && lut[11] == 20 && lut[13] == 22 && lut[14] == 22 && lut[15] == 22 && lut[16] == 23);
    assert_true(lut[170] == 100 && lut[169] == 100 && lut[168] == 99 && lut[255] == 100);
    /* Real values -8 .. 7.94 in steps of 1/16 to probabilities in steps of 1/256. */
    kn_lut_fill(KN_UNARY_SIGMOID, 0.0625f, 128, 0.00390625f, 0, 0, 255, lut);
    assert_int_equal(lut[128], 128);
    assert_int_equal(lut[144], 187); /* sigmoid(1) = 187.15 / 256 */
    assert_int_equal(lut[96], 31);   /* sigmoid(-2) = 30.52 / 256 */
    assert_int_equal(lut[0], 0);
    assert_int_equal(lut[255], 255); /* 255.91, clamped */
    kn_lut_fill(KN_UNARY_HARDSWISH, 0.0625f, 128, 0.03125f, 12, 0, 255, lut);
    assert_int_equal(lut[0], 12);
    assert_int_equal(lut[144], 33); /* 2/3 * 32 = 21.3 */
    assert_int_equal(lut[104], 0);  /* -1.5: -0.375 * 32 = -12 */
    assert_int_equal(lut[176], 108);
    kn_lut_fill(KN_UNARY_GELU, 0.0625f, 128, 0.03125f, 12, 0, 255, lut);
    assert_int_equal(lut[144], 39); /* 0.84134 * 32 = 26.9 */
    assert_int_equal(lut[112], 7);  /* -0.15866 * 32 = -5.08 */
    assert_int_equal(lut[128], 12);
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
        kncase_begin(&c, 9, i, &ref, broken);
        st = run(&c);
        kncase_end(&c);
        assert_true(st == ST_OK || st == ST_MISMATCH);
        count += st == ST_MISMATCH;
    }
    return count;
}

static const kncase_fn cases[] = {kncase_add_f32,  kncase_mul_f32,        kncase_add_u8,        kncase_mul_u8,
                                  kncase_lut_u8,   kncase_dequant_u8_f32, kncase_hardswish_f32, kncase_sigmoid_f32,
                                  kncase_gelu_f32, kncase_softmax_f32,    kncase_layernorm_f32};

static void test_reference_agrees_with_itself(void **state)
{
    struct kn_table t;
    (void)state;
    kn_table_init(&t, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(noticed(cases[i], &t), 0);
}

/* Forgets that the second operand repeats. */
static void add_without_repeats(const float *a, const float *b, size_t count, size_t b_count, float lo, float hi,
                                float *y)
{
    struct kn_table t;
    kn_table_init(&t, 0);
    t.add_f32.run(a, b, b_count, b_count, lo, hi, y);
    for (size_t i = b_count; i < count; i++)
        y[i] = a[i] < lo ? lo : a[i] < hi ? a[i] : hi;
}

/* Rounds after each product, so that halves go another way. */
static void twice_rounded_add(const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                              const struct kn_binary_u8_params *p, uint8_t *y)
{
    for (size_t i = 0; i < count; i++) {
        float sum =
            rintf((float)(a[i] - p->zero_a) * p->scale_a) + rintf((float)(b[i % b_count] - p->zero_b) * p->scale_b);
        sum = fminf(fmaxf(sum, (float)(p->lo - p->zero_y)), (float)(p->hi - p->zero_y));
        y[i] = (uint8_t)((int)sum + p->zero_y);
    }
}

/* The hyperbolic approximation of GELU, wrong by up to 5e-4. */
static void tanh_gelu(const float *x, size_t count, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = isinf(x[i]) ? (x[i] > 0 ? x[i] : 0)
                           : 0.5f * x[i] * (1 + tanhf(0.79788456f * (x[i] + 0.044715f * x[i] * x[i] * x[i])));
}

/* Right within the tolerance, but with other bits at each eighth place. */
static void position_sigmoid(const float *x, size_t count, float *y)
{
    struct kn_table t;
    kn_table_init(&t, 0);
    t.sigmoid_f32.run(x, count, y);
    for (size_t i = 0; i < count; i += 8)
        y[i] *= 1 + 1e-7f;
}

/* Without the largest value taken off first. */
static void overflowing_softmax(const float *x, int rows, int cols, float *y)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols) {
        float sum = 0;
        for (int i = 0; i < cols; i++)
            sum += expf(x[i]);
        for (int i = 0; i < cols; i++)
            y[i] = expf(x[i]) / sum;
    }
}

/* E[x^2] - E[x]^2, which loses everything where the mean is large. */
static void one_pass_layernorm(const float *x, int rows, int cols, const float *gamma, const float *beta, float epsilon,
                               float *y)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols) {
        float sum = 0, squares = 0, mean, variance;
        for (int i = 0; i < cols; i++) {
            sum += x[i];
            squares += x[i] * x[i];
        }
        mean = sum / (float)cols;
        variance = squares / (float)cols - mean * mean;
        for (int i = 0; i < cols; i++)
            y[i] = (x[i] - mean) / sqrtf(variance + epsilon) * gamma[i] + beta[i];
    }
}

static void test_carelessness_is_noticed(void **state)
{
    struct kn_table t;
    (void)state;
    kn_table_init(&t, 0);
    t.add_f32.run = add_without_repeats;
    assert_true(noticed(kncase_add_f32, &t) > 40);
    t.add_u8.run = twice_rounded_add;
    assert_true(noticed(kncase_add_u8, &t) > 20);
    t.gelu_f32.run = tanh_gelu;
    assert_true(noticed(kncase_gelu_f32, &t) > 40);
    t.sigmoid_f32.run = position_sigmoid;
    t.sigmoid_f32.facts.nr = 8; /* sizes follow the tile */
    assert_true(noticed(kncase_sigmoid_f32, &t) > 40);
    t.softmax_f32.run = overflowing_softmax;
    assert_true(noticed(kncase_softmax_f32, &t) > 10);
    t.layernorm_f32.run = one_pass_layernorm;
    t.layernorm_f32.facts.nr = 8;
    assert_true(noticed(kncase_layernorm_f32, &t) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigmoid),
        cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_hardswish),
        cmocka_unit_test(test_unary_range),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_layernorm),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_lut),
        cmocka_unit_test(test_lut_fill),
        cmocka_unit_test(test_reference_agrees_with_itself),
        cmocka_unit_test(test_carelessness_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
