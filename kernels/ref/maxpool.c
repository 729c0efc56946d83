/* Maximum over windows, clipped to the image so that padding never wins. NaN is ignored: a window of nothing else
 * gives -INFINITY. */
#include <math.h>

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

static float max_f32(const struct window *v, const float *x, ptrdiff_t step_y, ptrdiff_t step_x)
{
    float best = -INFINITY;
    for (int iy = v->y0; iy < v->y1; iy++) {
        for (int ix = v->x0; ix < v->x1; ix++) {
            float q = x[iy * step_y + ix * step_x];
            best = q > best ? q : best;
        }
    }
    return best;
}

static uint8_t max_u8(const struct window *v, const uint8_t *x, ptrdiff_t step_y, ptrdiff_t step_x)
{
    uint8_t best = 0;
    for (int iy = v->y0; iy < v->y1; iy++) {
        for (int ix = v->x0; ix < v->x1; ix++) {
            uint8_t q = x[iy * step_y + ix * step_x];
            best = q > best ? q : best;
        }
    }
    return best;
}

void kn_maxpool_f32_nhwc__ref(const struct kn_pool_shape *s, const float *x, float *y)
{
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct window v = clip(s, oy, ox);
            for (int c = 0; c < s->c; c++)
                y[oy * s->y_step_y + ox * s->y_step_x + c] = max_f32(&v, x + c, s->x_step_y, s->x_step_x);
        }
    }
}

void kn_maxpool_f32_chw__ref(const struct kn_pool_shape *s, const float *x, float *y)
{
    for (int c = 0; c < s->c; c++, x += (ptrdiff_t)s->h * s->w) {
        for (int oy = 0; oy < s->oh; oy++) {
            for (int ox = 0; ox < s->ow; ox++) {
                struct window v = clip(s, oy, ox);
                *y++ = max_f32(&v, x, s->w, 1);
            }
        }
    }
}

void kn_maxpool_u8_nhwc__ref(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y)
{
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct window v = clip(s, oy, ox);
            for (int c = 0; c < s->c; c++)
                y[oy * s->y_step_y + ox * s->y_step_x + c] = max_u8(&v, x + c, s->x_step_y, s->x_step_x);
        }
    }
}

void kn_maxpool_u8_chw__ref(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y)
{
    for (int c = 0; c < s->c; c++, x += (ptrdiff_t)s->h * s->w) {
        for (int oy = 0; oy < s->oh; oy++) {
            for (int ox = 0; ox < s->ow; ox++) {
                struct window v = clip(s, oy, ox);
                *y++ = max_u8(&v, x, s->w, 1);
            }
        }
    }
}
