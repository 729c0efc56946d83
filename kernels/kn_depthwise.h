/* Kernels: depthwise convolutions. Part of kernels.h. */
#ifndef KERNELS_KN_DEPTHWISE_H
#define KERNELS_KN_DEPTHWISE_H

#include "kernels/kn_core.h"

/* ------------------------------------------------------------------ depthwise convolutions
 *
 * One image in H,W,C; every channel has a filter of its own (multiplier 1):
 * y(oy, ox, c) = sum over ky, kx of x(oy * stride_h - pad_h + ky * dilation_h, ox * ..., c) * w(c, ky, kx).
 * The padding is not in memory: the kernel treats what lies outside as 0 (f32) or as x's zero point (u8). Steps are
 * in elements; a step wider than c, or than a line, skips a border. */
struct kn_depthwise_shape {
    int c, h, w, oh, ow, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int pad_h, pad_w; /* before the first line and column; oh and ow say what is needed behind the last */
    ptrdiff_t x_step_x, x_step_y, y_step_x, y_step_y;
    int first, lines; /* output lines first .. first + lines - 1 are computed (x and y point at line 0) */
};

/* bias (c) or NULL; clamp to [lo, hi]. Tolerance kn_tolerance_f32(kernel_h * kernel_w). */
typedef void (*kn_depthwise_f32_fn)(const struct kn_depthwise_shape *s, const float *x, const void *packed,
                                    const float *bias, float lo, float hi, float *y);
/* Weights -127..127; rq->bias holds -zero_in * sum(w) as everywhere, so the padding counts as zero_in. */
typedef void (*kn_depthwise_u8s8_u8_fn)(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                        const void *packed, const struct kn_requant *rq, uint8_t *y);
/* Raw accumulators plus bias ((c) or NULL). */
typedef void (*kn_depthwise_u8s8_s32_fn)(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                         const void *packed, const int32_t *bias, int32_t *y);

/* w is (c, kernel_h * kernel_w) row-major. Every byte of `out` is written. The size may depend on the weights. */
struct kn_depthwise_f32 {
    struct kn_facts facts;
    kn_depthwise_f32_fn run;
    size_t (*pack_bytes)(const float *w, int c, int kernel_h, int kernel_w);
    void (*pack)(const float *w, int c, int kernel_h, int kernel_w, void *out);
};
struct kn_depthwise_u8s8 {
    struct kn_facts facts;
    kn_depthwise_u8s8_u8_fn run_u8;
    kn_depthwise_u8s8_s32_fn run_s32;
    size_t (*pack_bytes)(const int8_t *w, int c, int kernel_h, int kernel_w);
    void (*pack)(const int8_t *w, int c, int kernel_h, int kernel_w, void *out);
};

#endif
