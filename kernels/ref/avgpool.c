/* Mean over windows, clipped to the image: the padding does not count. */
#include "kernels/requant.h"
#include "kernels/roster.h"

/* The part of a window that lies inside the image. */
struct window {
    int y0, y1, x0, x1;
};

static struct window clip(const struct kn_pool_shape *s, int oy, int ox)
{
    int y = oy * s->stride_h - s->pad_h, x = ox * s->stride_w - s->pad_w;
    struct window v = {y, y + s->kernel_h, x, x + s->kernel_w};
    v.y0 = v.y0 < 0 ? 0 : v.y0;
    v.x0 = v.x0 < 0 ? 0 : v.x0;
    v.y1 = v.y1 > s->h ? s->h : v.y1;
    v.x1 = v.x1 > s->w ? s->w : v.x1;
    return v;
}

static int elements(const struct window *v)
{
    return (v->y1 - v->y0) * (v->x1 - v->x0);
}

static float sum_f32(const struct kn_pool_shape *s, const struct window *v, const float *x)
{
    float sum = 0;
    for (int iy = v->y0; iy < v->y1; iy++) {
        for (int ix = v->x0; ix < v->x1; ix++)
            sum += x[iy * s->x_step_y + ix * s->x_step_x];
    }
    return sum;
}

static int32_t sum_u8(const struct kn_pool_shape *s, const struct window *v, const uint8_t *x)
{
    int32_t sum = 0;
    for (int iy = v->y0; iy < v->y1; iy++) {
        for (int ix = v->x0; ix < v->x1; ix++)
            sum += x[iy * s->x_step_y + ix * s->x_step_x];
    }
    return sum;
}

void kn_avgpool_f32_nhwc__ref(const struct kn_pool_shape *s, const float *x, float lo, float hi, float *y)
{
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct window v = clip(s, oy, ox);
            for (int c = 0; c < s->c; c++)
                y[oy * s->y_step_y + ox * s->y_step_x + c] =
                    kn_clamp(sum_f32(s, &v, x + c) / (float)elements(&v), lo, hi);
        }
    }
}

void kn_avgpool_u8_nhwc__ref(const struct kn_pool_shape *s, const uint8_t *x, float ratio, int32_t zero_in,
                             int32_t zero_out, int32_t lo, int32_t hi, uint8_t *y)
{
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct window v = clip(s, oy, ox);
            int32_t count = elements(&v);
            for (int c = 0; c < s->c; c++)
                y[oy * s->y_step_y + ox * s->y_step_x + c] =
                    kn_requantize(sum_u8(s, &v, x + c) - count * zero_in, ratio / (float)count, zero_out, lo, hi);
        }
    }
}
