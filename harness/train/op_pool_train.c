#include "train/op_pool_train.h"

#include <stddef.h>
#include <string.h>

struct pool_shape pool_shape_of(const struct graph *graph, const struct node *node)
{
    const struct value *in = &graph->value[node->input[0]], *out = &graph->value[node->output];

    return (struct pool_shape){in->dim[0],     in->dim[1],     in->dim[2],     out->dim[1], out->dim[2], node->kernel_h,
                               node->kernel_w, node->stride_h, node->stride_w, node->pad_h, node->pad_w};
}

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

/* The real elements of a window: rows y0 .. y1-1, columns x0 .. x1-1. */
struct window {
    int y0, y1, x0, x1;
};

static struct window window_of(const struct pool_shape *s, int oy, int ox)
{
    struct window w = {oy * s->stride_h - s->pad_h, 0, ox * s->stride_w - s->pad_w, 0};

    w.y1 = w.y0 + s->kernel_h < s->ih ? w.y0 + s->kernel_h : s->ih;
    w.x1 = w.x0 + s->kernel_w < s->iw ? w.x0 + s->kernel_w : s->iw;
    w.y0 = w.y0 > 0 ? w.y0 : 0;
    w.x0 = w.x0 > 0 ? w.x0 : 0;
    return w;
}

/* Position of the maximum of one window inside its plane. */
static ptrdiff_t window_max(const struct pool_shape *s, const float *plane, int oy, int ox)
{
    struct window w = window_of(s, oy, ox);
    ptrdiff_t best = (ptrdiff_t)w.y0 * s->iw + w.x0;

    for (int y = w.y0; y < w.y1; y++)
        for (int x = w.x0; x < w.x1; x++) {
            ptrdiff_t at = (ptrdiff_t)y * s->iw + x;
            if (plane[at] > plane[best])
                best = at;
        }
    return best;
}

void pool_forward(const struct pool_shape *shape, const float *x, float *y)
{
    int simple = pool_is_2x2(shape);

    for (int c = 0; c < shape->planes; c++) {
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

static size_t planes_floats(const struct pool_shape *s)
{
    return (size_t)s->planes * (size_t)s->ih * (size_t)s->iw;
}

void pool_backward(const struct pool_shape *shape, const float *x, const float *dy, int add, float *dx)
{
    int simple = pool_is_2x2(shape) && !add;
    size_t plane_floats = (size_t)shape->ih * (size_t)shape->iw;

    if (!add && (!simple || shape->ih != 2 * shape->oh || shape->iw != 2 * shape->ow))
        memset(dx, 0, planes_floats(shape) * sizeof *dx);
    for (int c = 0; c < shape->planes; c++, x += plane_floats, dx += plane_floats)
        for (int oy = 0; oy < shape->oh; oy++, dy += shape->ow) {
            ptrdiff_t top = (ptrdiff_t)2 * oy * shape->iw;
            if (simple)
                backward_2x2(x + top, x + top + shape->iw, dy, shape->ow, dx + top, dx + top + shape->iw);
            else
                for (int ox = 0; ox < shape->ow; ox++)
                    dx[window_max(shape, x, oy, ox)] += dy[ox];
        }
}

void pool_avg_forward(const struct pool_shape *shape, const float *x, float *y)
{
    for (int c = 0; c < shape->planes; c++, x += (ptrdiff_t)shape->ih * shape->iw)
        for (int oy = 0; oy < shape->oh; oy++)
            for (int ox = 0; ox < shape->ow; ox++) {
                struct window w = window_of(shape, oy, ox);
                float sum = 0;
                for (int r = w.y0; r < w.y1; r++)
                    for (int k = w.x0; k < w.x1; k++)
                        sum += x[(ptrdiff_t)r * shape->iw + k];
                *y++ = sum / (float)((w.y1 - w.y0) * (w.x1 - w.x0));
            }
}

void pool_avg_backward(const struct pool_shape *shape, const float *dy, int add, float *dx)
{
    if (!add)
        memset(dx, 0, planes_floats(shape) * sizeof *dx);
    for (int c = 0; c < shape->planes; c++, dx += (ptrdiff_t)shape->ih * shape->iw)
        for (int oy = 0; oy < shape->oh; oy++)
            for (int ox = 0; ox < shape->ow; ox++) {
                struct window w = window_of(shape, oy, ox);
                float share = *dy++ / (float)((w.y1 - w.y0) * (w.x1 - w.x0));
                for (int r = w.y0; r < w.y1; r++)
                    for (int k = w.x0; k < w.x1; k++)
                        dx[(ptrdiff_t)r * shape->iw + k] += share;
            }
}
