/* Depthwise convolution in integers, one sum at a time; what lies outside of the image is x's zero point. */
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"

/* w: the channel's filter, (kernel_h, kernel_w). Unsigned arithmetic wraps like the SIMD registers. */
static int32_t dot(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in, const int8_t *w, int oy,
                   int ox)
{
    uint32_t sum = 0;
    for (int ky = 0; ky < s->kernel_h; ky++) {
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = oy * s->stride_h - s->pad_h + ky * s->dilation_h;
            int ix = ox * s->stride_w - s->pad_w + kx * s->dilation_w;
            int inside = iy >= 0 && iy < s->h && ix >= 0 && ix < s->w;
            int32_t value = inside ? x[iy * s->x_step_y + ix * s->x_step_x] : zero_in;
            sum += (uint32_t)(value * w[ky * s->kernel_w + kx]);
        }
    }
    return (int32_t)sum;
}

void kn_depthwise_u8s8_u8__ref(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                               const void *packed, const struct kn_requant *rq, uint8_t *y)
{
    const int8_t *w = packed; /* (c, kernel_h, kernel_w) */
    ptrdiff_t taps = (ptrdiff_t)s->kernel_h * s->kernel_w;
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            uint8_t *out = y + oy * s->y_step_y + ox * s->y_step_x;
            for (int c = 0; c < s->c; c++)
                out[c] = kn_requantize(kn_add_s32(dot(s, x + c, zero_in, w + c * taps, oy, ox), rq->bias[c]),
                                       rq->scale[c], rq->zero_point, rq->lo, rq->hi);
        }
    }
}

void kn_depthwise_u8s8_s32__ref(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                const void *packed, const int32_t *bias, int32_t *y)
{
    const int8_t *w = packed; /* (c, kernel_h, kernel_w) */
    ptrdiff_t taps = (ptrdiff_t)s->kernel_h * s->kernel_w;
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            int32_t *out = y + oy * s->y_step_y + ox * s->y_step_x;
            for (int c = 0; c < s->c; c++)
                out[c] = kn_add_s32(dot(s, x + c, zero_in, w + c * taps, oy, ox), bias ? bias[c] : 0);
        }
    }
}

size_t kn_depthwise_u8s8_pack_bytes__ref(const int8_t *w, int c, int kernel_h, int kernel_w)
{
    (void)w;
    return (size_t)c * (size_t)kernel_h * (size_t)kernel_w;
}

void kn_depthwise_u8s8_pack__ref(const int8_t *w, int c, int kernel_h, int kernel_w, void *out)
{
    memcpy(out, w, kn_depthwise_u8s8_pack_bytes__ref(w, c, kernel_h, kernel_w));
}
