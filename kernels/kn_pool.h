/* Kernels: pooling. Part of kernels.h. */
#ifndef KERNELS_KN_POOL_H
#define KERNELS_KN_POOL_H

#include "kernels/kn_core.h"

/* One image, no batch. Padding never wins a maximum; every window must hold at least one real element. */
struct kn_pool_shape {
    int c, h, w, oh, ow, kernel_h, kernel_w, stride_h, stride_w;
    int pad_h, pad_w; /* before the first line and column; oh and ow say what is needed behind the last */
    /* Of the H,W,C pools only; the C,H,W pools are dense, compute every line and read none of these. */
    ptrdiff_t x_step_x, x_step_y; /* elements from a column and from a line of the input to the next; dense: c, w * c */
    ptrdiff_t y_step_x, y_step_y; /* the same of the output; dense: c, ow * c */
    int first, lines;             /* output lines first .. first + lines - 1 are computed (x and y point at line 0) */
};
typedef void (*kn_maxpool_f32_fn)(const struct kn_pool_shape *s, const float *x, float *y);
typedef void (*kn_maxpool_u8_fn)(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y);
struct kn_maxpool_f32 {
    struct kn_facts facts;
    kn_maxpool_f32_fn run;
};
struct kn_maxpool_u8 {
    struct kn_facts facts;
    kn_maxpool_u8_fn run;
};

/* Mean over each window's real elements (the padding does not count), H,W,C. y = kn_clamp(sum / count, lo, hi),
 * summed in float line by line; the global average is kernel = h x w. Tolerance: kn_tolerance_f32(kernel elements). */
typedef void (*kn_avgpool_f32_fn)(const struct kn_pool_shape *s, const float *x, float lo, float hi, float *y);
/* y = kn_requantize(sum - count * zero_in, ratio / (float)count, zero_out, lo, hi); ratio = scale_in / scale_out. */
typedef void (*kn_avgpool_u8_fn)(const struct kn_pool_shape *s, const uint8_t *x, float ratio, int32_t zero_in,
                                 int32_t zero_out, int32_t lo, int32_t hi, uint8_t *y);

struct kn_avgpool_f32 {
    struct kn_facts facts;
    kn_avgpool_f32_fn run;
};
struct kn_avgpool_u8 {
    struct kn_facts facts;
    kn_avgpool_u8_fn run;
};

#endif
