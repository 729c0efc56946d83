#include "train/op_pool_train.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* 2x2 windows side by side, the usual case: no branch per element, so the loops run on vectors. */
static int pool_is_2x2(const struct pool_shape *s)
{
    return s->kernel_h == 2 && s->kernel_w == 2 && s->stride_h == 2 && s->stride_w == 2 && s->pad_h == 0 &&
           s->pad_w == 0;
}

static void forward_2x2(const float *restrict top, const float *restrict low, int ow, float *restrict y)
{
    for (int o = 0; o < ow; o++) {
        float a = top[2 * o] > top[2 * o + 1] ? top[2 * o] : top[2 * o + 1];
        float b = low[2 * o] > low[2 * o + 1] ? low[2 * o] : low[2 * o + 1];
        y[o] = a > b ? a : b;
    }
}

static void backward_2x2(const float *restrict top, const float *restrict low, const float *restrict dy, int ow,
                         float *restrict dtop, float *restrict dlow)
{
    for (int o = 0; o < ow; o++) {
        float a = top[2 * o], b = top[2 * o + 1], c = low[2 * o], d = low[2 * o + 1];
        float ab = a > b ? a : b, cd = c > d ? c : d, g = dy[o];
        float up = ab >= cd ? g : 0, down = ab >= cd ? 0 : g;
        dtop[2 * o] = a >= b ? up : 0;
        dtop[2 * o + 1] = a >= b ? 0 : up;
        dlow[2 * o] = c >= d ? down : 0;
        dlow[2 * o + 1] = c >= d ? 0 : down;
    }
}

/* Position of the maximum of one window inside its plane. */
static ptrdiff_t window_max(const struct pool_shape *s, const float *plane, int oy, int ox)
{
    int y0 = oy * s->stride_h - s->pad_h, x0 = ox * s->stride_w - s->pad_w;
    ptrdiff_t best = -1;

    for (int y = y0 < 0 ? 0 : y0; y < y0 + s->kernel_h && y < s->ih; y++)
        for (int x = x0 < 0 ? 0 : x0; x < x0 + s->kernel_w && x < s->iw; x++) {
            ptrdiff_t at = (ptrdiff_t)y * s->iw + x;
            if (best < 0 || plane[at] > plane[best])
                best = at;
        }
    return best;
}

void pool_forward(const struct pool_shape *shape, const float *x, float *y)
{
    int simple = pool_is_2x2(shape);

    for (int c = 0; c < shape->c; c++) {
        const float *plane = x + (ptrdiff_t)c * shape->ih * shape->iw;
        for (int oy = 0; oy < shape->oh; oy++, y += shape->ow) {
            const float *top = plane + (ptrdiff_t)2 * oy * shape->iw;
            if (simple)
                forward_2x2(top, top + shape->iw, shape->ow, y);
            else
                for (int ox = 0; ox < shape->ow; ox++)
                    y[ox] = plane[window_max(shape, plane, oy, ox)];
        }
    }
}

void pool_backward(const struct pool_shape *shape, const float *x, const float *dy, float *dx)
{
    int simple = pool_is_2x2(shape);
    size_t plane_floats = (size_t)shape->ih * (size_t)shape->iw;

    if (!simple || shape->ih != 2 * shape->oh || shape->iw != 2 * shape->ow)
        memset(dx, 0, (size_t)shape->c * plane_floats * sizeof *dx);
    for (int c = 0; c < shape->c; c++, x += plane_floats, dx += plane_floats)
        for (int oy = 0; oy < shape->oh; oy++, dy += shape->ow) {
            ptrdiff_t top = (ptrdiff_t)2 * oy * shape->iw;
            if (simple)
                backward_2x2(x + top, x + top + shape->iw, dy, shape->ow, dx + top, dx + top + shape->iw);
            else
                for (int ox = 0; ox < shape->ow; ox++)
                    dx[window_max(shape, x, oy, ox)] += dy[ox];
        }
}
