/* The quantization arithmetic, once: used by the reference kernels, by SIMD tails, by training's simulation
 * and by the tests. SIMD bodies must give the same bits.
 *
 * real = scale * (q - zero_point). Rounding is to nearest, ties to even (the default mode of lrintf and of
 * _mm256_cvtps_epi32); values are clamped before they become integers; NaN takes the lower bound. One float
 * multiplication, no fused operations: Jacob et al. 2018 (eq. 5) with the multiplier kept as a float. */
#ifndef KERNELS_REQUANT_H
#define KERNELS_REQUANT_H

#include <math.h>
#include <stdint.h>

/* x > lo ? x : lo, which is what maxps(x, lo) does: NaN gives lo. */
static inline float kn_clamp(float x, float lo, float hi)
{
    x = x > lo ? x : lo;
    return x < hi ? x : hi;
}

/* Accumulator → 8-bit output in [lo, hi]. (float)acc rounds to nearest even, as cvtdq2ps does. */
static inline uint8_t kn_requantize(int32_t acc, float scale, int32_t zero_point, int32_t lo, int32_t hi)
{
    float x = kn_clamp((float)acc * scale, (float)(lo - zero_point), (float)(hi - zero_point));
    return (uint8_t)(lrintf(x) + zero_point);
}

/* The same with a residual added before the rounding: two products, then their sum, each rounded; r_scale is the
 * residual's scale over the output's. */
static inline uint8_t kn_requantize_add(int32_t acc, float scale, uint8_t r, float r_scale, int32_t r_zero,
                                        int32_t zero_point, int32_t lo, int32_t hi)
{
    float x = (float)acc * scale + (float)((int32_t)r - r_zero) * r_scale;
    return (uint8_t)(lrintf(kn_clamp(x, (float)(lo - zero_point), (float)(hi - zero_point))) + zero_point);
}

/* Sum of two quantized values, scales over the output's scale: two products, then their sum, each rounded. */
static inline uint8_t kn_add_u8(uint8_t a, float scale_a, int32_t zero_a, uint8_t b, float scale_b, int32_t zero_b,
                                int32_t zero_y, int32_t lo, int32_t hi)
{
    float x = (float)((int32_t)a - zero_a) * scale_a + (float)((int32_t)b - zero_b) * scale_b;
    return (uint8_t)(lrintf(kn_clamp(x, (float)(lo - zero_y), (float)(hi - zero_y))) + zero_y);
}

/* Product of two quantized values; scale = scale_a * scale_b / scale_y. */
static inline uint8_t kn_mul_u8(uint8_t a, int32_t zero_a, uint8_t b, int32_t zero_b, float scale, int32_t zero_y,
                                int32_t lo, int32_t hi)
{
    return kn_requantize(((int32_t)a - zero_a) * ((int32_t)b - zero_b), scale, zero_y, lo, hi);
}

/* Float → 8-bit activation. inv_scale = 1.0f / scale. */
static inline uint8_t kn_quantize(float x, float inv_scale, int32_t zero_point)
{
    float y = kn_clamp(x * inv_scale, (float)-zero_point, (float)(255 - zero_point));
    return (uint8_t)(lrintf(y) + zero_point);
}

/* Float → 8-bit weight, symmetric, -127..127. */
static inline int8_t kn_quantize_weight(float x, float scale)
{
    return (int8_t)lrintf(kn_clamp(x / scale, -127.0f, 127.0f));
}

/* Scale and zero point that cover [lo, hi] and 0 exactly: 0 is always representable. A constant, empty or
 * non-finite range has scale 1 and zero point 0. */
static inline void kn_range_params(float lo, float hi, float *scale, int32_t *zero_point)
{
    float step;
    lo = lo < 0 ? lo : 0;
    hi = hi > 0 ? hi : 0;
    step = (hi - lo) / 255.0f;
    if (!(step > 0) || !isfinite(step) || !isfinite(1.0f / step)) {
        *scale = 1.0f;
        *zero_point = 0;
        return;
    }
    *scale = step;
    *zero_point = (int32_t)lrintf(kn_clamp(-lo / step, 0.0f, 255.0f));
}

/* Per-channel symmetric scale of a weight row that reaches `steps` (127; 7 for 4 bits): max|w| / steps; an all-zero row
 * has scale 1. Quantized with it, no weight of the row leaves -steps..steps. */
static inline float kn_weight_scale_to(float max_abs, int steps)
{
    float scale = max_abs / (float)steps;
    return scale > 0 && isfinite(scale) && isfinite(1.0f / scale) ? scale : 1.0f;
}

static inline float kn_weight_scale(float max_abs)
{
    return kn_weight_scale_to(max_abs, 127);
}

#endif
