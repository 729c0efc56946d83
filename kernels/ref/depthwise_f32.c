/* Depthwise convolution, one sum at a time; what lies outside of the image is 0 and left out. */
#include "kernels/requant.h"
#include "kernels/roster.h"

/* w: the channel's filter, (kernel_h, kernel_w). */
static float dot(const struct kn_depthwise_shape *s, const float *x, const float *w, int oy, int ox)
{
    float sum = 0;
    for (int ky = 0; ky < s->kernel_h; ky++) {
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = oy * s->stride_h - s->pad_h + ky * s->dilation_h;
            int ix = ox * s->stride_w - s->pad_w + kx * s->dilation_w;
            if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
                sum += x[iy * s->x_step_y + ix * s->x_step_x] * w[ky * s->kernel_w + kx];
        }
    }
    return sum;
}

void kn_depthwise_f32__ref(const struct kn_depthwise_shape *s, const float *x, const void *packed, const float *bias,
                           float lo, float hi, float *y)
{
    const float *w = packed; /* (c, kernel_h, kernel_w) */
    ptrdiff_t taps = (ptrdiff_t)s->kernel_h * s->kernel_w;
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            float *out = y + oy * s->y_step_y + ox * s->y_step_x;
            for (int c = 0; c < s->c; c++)
                out[c] = kn_clamp(dot(s, x + c, w + c * taps, oy, ox) + (bias ? bias[c] : 0.0f), lo, hi);
        }
    }
}
