/* Kernels: conversions, elementwise operators, softmax and layer normalization, transposes. Part of kernels.h. */
#ifndef KERNELS_KN_MAP_H
#define KERNELS_KN_MAP_H

#include "kernels/kn_core.h"

/* ------------------------------------------------------------------ conversions, elementwise work, rows, moves */

/* y = u8 of x by kn_quantize (requant.h). */
typedef void (*kn_quantize_f32_u8_fn)(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y);
/* Smallest and largest of x and 0; NaN ignored. */
typedef void (*kn_range_f32_fn)(const float *x, size_t count, float *lo, float *hi);
/* y(n) = clamp((float)(acc(n) - zero_point * wsum(n)) * (scale_x * scale_w(n)) + bias(n), lo, hi); product, then sum,
 * each rounded. wsum and bias may be NULL (0). */
typedef void (*kn_dequant_s32_f32_fn)(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                                      const float *scale_w, const float *bias, float lo, float hi, float *y);
typedef void (*kn_widen_u8_s16_fn)(const uint8_t *x, size_t count, int16_t *y);
typedef void (*kn_clamp_f32_fn)(const float *x, size_t count, float lo, float hi, float *y);
typedef void (*kn_clamp_u8_fn)(const uint8_t *x, size_t count, uint8_t lo, uint8_t hi, uint8_t *y);
/* y(cols, rows) = x(rows, cols) transposed; 4-byte and 1-byte elements. Rows of x begin x_pitch >= cols elements apart,
 * those of y y_pitch >= rows. H,W,C <-> C,H,W is one of these; so is one head's part of (positions, heads, features). y
 * must not overlap x. */
typedef void (*kn_transpose_x32_fn)(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch);
typedef void (*kn_transpose_x8_fn)(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch);

struct kn_quantize_f32_u8 {
    struct kn_facts facts;
    kn_quantize_f32_u8_fn run;
};
struct kn_range_f32 {
    struct kn_facts facts;
    kn_range_f32_fn run;
};
struct kn_dequant_s32_f32 {
    struct kn_facts facts;
    kn_dequant_s32_f32_fn run;
};
struct kn_widen_u8_s16 {
    struct kn_facts facts;
    kn_widen_u8_s16_fn run;
};
struct kn_clamp_f32 {
    struct kn_facts facts;
    kn_clamp_f32_fn run;
};
struct kn_clamp_u8 {
    struct kn_facts facts;
    kn_clamp_u8_fn run;
};
struct kn_transpose_x32 {
    struct kn_facts facts;
    kn_transpose_x32_fn run;
};
struct kn_transpose_x8 {
    struct kn_facts facts;
    kn_transpose_x8_fn run;
};

/* y = clamp(a + b, lo, hi), clamp(a * b, lo, hi). b repeats after every b_count elements (count is a multiple of it):
 * b_count = count for tensors of one shape, = channels for one factor per channel of H,W,C data. y may be a. */
typedef void (*kn_binary_f32_fn)(const float *a, const float *b, size_t count, size_t b_count, float lo, float hi,
                                 float *y);
/* The same on quantized tensors, see kn_add_u8 and kn_mul_u8 in requant.h. */
struct kn_binary_u8_params {
    float scale_a,
        scale_b; /* add: scale of a, of b / scale of y; mul: scale_a = scale of a * scale of b / scale of y */
    int32_t zero_a, zero_b, zero_y, lo, hi;
};
typedef void (*kn_binary_u8_fn)(const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                                const struct kn_binary_u8_params *p, uint8_t *y);
/* y = lut[x]: any function of one quantized value, made exactly beforehand (kn_lut_fill in lut.h). y may be x. */
typedef void (*kn_lut_u8_fn)(const uint8_t *x, size_t count, const uint8_t lut[256], uint8_t *y);
/* y = (float)(x - zero_point) * scale. */
typedef void (*kn_dequant_u8_f32_fn)(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y);
/* The functions of enum kn_unary (lut.h): hard-swish, sigmoid, GELU. |error| <= KN_TOLERANCE_UNARY * max(1, |x|)
 * against the reference in double. y may be x. NaN gives NaN, infinities give the limits. A value gives the same bits
 * wherever it stands. */
typedef void (*kn_unary_f32_fn)(const float *x, size_t count, float *y);
/* Each row of cols values: e^(x - max) / sum. Tolerance KN_TOLERANCE_UNARY, absolute. y may be x. -Inf gives 0; a row
 * with a NaN, a +Inf or nothing but -Inf is all NaN. A row gives the same bits wherever it stands. */
typedef void (*kn_softmax_f32_fn)(const float *x, int rows, int cols, float *y);
/* Each row: (x - mean) / sqrt(variance + epsilon) * gamma + beta; gamma, beta (cols). Ba et al. 2016; the mean first,
 * then the variance. Tolerance kn_tolerance_f32(cols) * (|gamma| * the row's largest |x| / deviation + |beta|). y may
 * be x. |x| up to 1e16; a row with a NaN or an infinity is all NaN. A row gives the same bits wherever it stands. */
typedef void (*kn_layernorm_f32_fn)(const float *x, int rows, int cols, const float *gamma, const float *beta,
                                    float epsilon, float *y);
#define KN_TOLERANCE_UNARY 2e-6f

struct kn_binary_f32 {
    struct kn_facts facts;
    kn_binary_f32_fn run;
};
struct kn_binary_u8 {
    struct kn_facts facts;
    kn_binary_u8_fn run;
};
struct kn_lut_u8 {
    struct kn_facts facts;
    kn_lut_u8_fn run;
};
struct kn_dequant_u8_f32 {
    struct kn_facts facts;
    kn_dequant_u8_f32_fn run;
};
struct kn_unary_f32 {
    struct kn_facts facts;
    kn_unary_f32_fn run;
};
struct kn_softmax_f32 {
    struct kn_facts facts;
    kn_softmax_f32_fn run;
};
struct kn_layernorm_f32 {
    struct kn_facts facts;
    kn_layernorm_f32_fn run;
};

#endif
