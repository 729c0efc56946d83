/* Unary functions exactly, in double, and tables of them for quantized values: the reference kernels, the engine's
 * tables and training's simulation of them all come from here. Not for whole tensors of floats: see kn_unary_f32.
 *
 *   uint8_t lut[256];
 *   kn_lut_fill(KN_UNARY_SIGMOID, scale_x, zero_x, scale_y, zero_y, 0, 255, lut);
 *   table.lut_u8.run(x, count, lut, y); */
#ifndef KERNELS_LUT_H
#define KERNELS_LUT_H

#include <stdint.h>

enum kn_unary {
    KN_UNARY_IDENTITY,  /* a change of scale, zero point and bounds: requantization, ReLU, ReLU6 */
    KN_UNARY_HARDSWISH, /* x * clamp(x + 3, 0, 6) / 6; Howard et al. 2019, eq. 5 */
    KN_UNARY_SIGMOID,   /* 1 / (1 + e^-x) */
    KN_UNARY_GELU       /* x/2 (1 + erf(x / sqrt 2)); Hendrycks & Gimpel 2016, the exact form */
};

/* The function's value; NaN gives NaN, -Inf and +Inf give the limits. */
double kn_unary(enum kn_unary function, double x);

/* lut[q] = the real value scale_x * (q - zero_x) through the function, quantized: divided by scale_y, clamped to
 * [lo - zero_y, hi - zero_y], rounded to nearest even, zero_y added. All in double. lo and hi bound the 8-bit output,
 * 0 <= lo <= hi <= 255; a fused ReLU has lo = zero_y. Scales are positive and finite. */
void kn_lut_fill(enum kn_unary function, float scale_x, int32_t zero_x, float scale_y, int32_t zero_y, int32_t lo,
                 int32_t hi, uint8_t lut[256]);

#endif
