#include "train/op_conv_train.h"

#include <string.h>

static int conv_k(const struct conv_shape *s)
{
    return s->ic * s->kernel_h * s->kernel_w;
}

static int conv_p(const struct conv_shape *s)
{
    return s->oh * s->ow;
}

/* A 1x1 convolution reads the image as it is. */
static int conv_needs_unfold(const struct conv_shape *s)
{
    return s->kernel_h != 1 || s->kernel_w != 1 || s->stride_h != 1 || s->stride_w != 1 || s->pad_h != 0 ||
           s->pad_w != 0;
}

size_t conv_scratch_floats(const struct conv_shape *shape)
{
    return conv_needs_unfold(shape) ? 2 * (size_t)conv_k(shape) * (size_t)conv_p(shape) : 0;
}

/* Rows are short (8 to 28 floats): four at a time keeps the compiler from calling memcpy for each. */
static void copy_row(const float *restrict from, int count, float *restrict to)
{
    int i = 0;
    for (; i + 4 <= count; i += 4)
        memcpy(to + i, from + i, 4 * sizeof *to);
    for (; i < count; i++)
        to[i] = from[i];
}

static void add_row(const float *restrict from, int count, float *restrict to)
{
    int i = 0;
    for (; i + 4 <= count; i += 4)
        for (int j = 0; j < 4; j++)
            to[i + j] += from[i + j];
    for (; i < count; i++)
        to[i] += from[i];
}

/* First and one past the last output column (or row) whose input position lies inside 0 .. size-1. */
static void inside(int offset, int stride, int size, int outputs, int *first, int *last)
{
    int lo = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    int hi = size - offset <= 0 ? 0 : (size - offset + stride - 1) / stride;
    *last = hi < outputs ? hi : outputs;
    *first = lo < *last ? lo : *last;
}

/* One row of the unfolded image: input channel plane, kernel tap (ky, kx), all output positions. */
static void unfold_tap(const struct conv_shape *s, const float *plane, int ky, int kx, float *row)
{
    int x0, x1, y0, y1, dx = kx - s->pad_w, dy = ky - s->pad_h;

    inside(dx, s->stride_w, s->iw, s->ow, &x0, &x1);
    inside(dy, s->stride_h, s->ih, s->oh, &y0, &y1);
    if (x0 > 0 || x1 < s->ow || y0 > 0 || y1 < s->oh)
        memset(row, 0, (size_t)conv_p(s) * sizeof *row);
    for (int oy = y0; oy < y1; oy++) {
        const float *from = plane + (ptrdiff_t)(oy * s->stride_h + dy) * s->iw + dx;
        float *to = row + (ptrdiff_t)oy * s->ow;
        if (s->stride_w == 1)
            copy_row(from + x0, x1 - x0, to + x0);
        else
            for (int ox = x0; ox < x1; ox++)
                to[ox] = from[(ptrdiff_t)ox * s->stride_w];
    }
}

static void fold_tap(const struct conv_shape *s, const float *row, int ky, int kx, float *plane)
{
    int x0, x1, y0, y1, dx = kx - s->pad_w, dy = ky - s->pad_h;

    inside(dx, s->stride_w, s->iw, s->ow, &x0, &x1);
    inside(dy, s->stride_h, s->ih, s->oh, &y0, &y1);
    for (int oy = y0; oy < y1; oy++) {
        float *to = plane + (ptrdiff_t)(oy * s->stride_h + dy) * s->iw + dx;
        const float *from = row + (ptrdiff_t)oy * s->ow;
        if (s->stride_w == 1)
            add_row(from + x0, x1 - x0, to + x0);
        else
            for (int ox = x0; ox < x1; ox++)
                to[(ptrdiff_t)ox * s->stride_w] += from[ox];
    }
}

static const float *unfold(const struct conv_shape *s, const float *x, float *scratch)
{
    float *row = scratch;

    if (!conv_needs_unfold(s))
        return x;
    for (int c = 0; c < s->ic; c++)
        for (int ky = 0; ky < s->kernel_h; ky++)
            for (int kx = 0; kx < s->kernel_w; kx++, row += conv_p(s))
                unfold_tap(s, x + (ptrdiff_t)c * s->ih * s->iw, ky, kx, row);
    return scratch;
}

static void fold(const struct conv_shape *s, const float *row, float *dx)
{
    memset(dx, 0, (size_t)s->ic * (size_t)s->ih * (size_t)s->iw * sizeof *dx);
    for (int c = 0; c < s->ic; c++)
        for (int ky = 0; ky < s->kernel_h; ky++)
            for (int kx = 0; kx < s->kernel_w; kx++, row += conv_p(s))
                fold_tap(s, row, ky, kx, dx + (ptrdiff_t)c * s->ih * s->iw);
}

static void add_bias(float *restrict y, int count, float bias, int relu)
{
    if (relu)
        for (int i = 0; i < count; i++)
            y[i] = y[i] + bias > 0 ? y[i] + bias : 0;
    else
        for (int i = 0; i < count; i++)
            y[i] += bias;
}

void conv_forward(const struct conv_shape *shape, enum train_blas blas, const float *x, const float *w,
                  const float *bias, int relu, float *scratch, float *y)
{
    int k = conv_k(shape), p = conv_p(shape);

    blas_gemm(blas, 0, 0, shape->oc, p, k, w, k, unfold(shape, x, scratch), p, 0, y, p);
    if (bias || relu)
        for (int o = 0; o < shape->oc; o++)
            add_bias(y + (ptrdiff_t)o * p, p, bias ? bias[o] : 0, relu);
}

void conv_backward(const struct conv_shape *shape, enum train_blas blas, const float *x, const float *w,
                   const float *dy, float *scratch, float *dw, float *db, float *dx)
{
    int k = conv_k(shape), p = conv_p(shape);

    blas_gemm(blas, 0, 1, shape->oc, k, p, dy, p, unfold(shape, x, scratch), p, 1, dw, k);
    for (int o = 0; db && o < shape->oc; o++) {
        float lane[4] = {0, 0, 0, 0}; /* a fixed order of summation that vectors can follow */
        const float *row = dy + (ptrdiff_t)o * p;
        int i = 0;
        for (; i + 4 <= p; i += 4)
            for (int j = 0; j < 4; j++)
                lane[j] += row[i + j];
        for (; i < p; i++)
            lane[0] += row[i];
        db[o] += (lane[0] + lane[1]) + (lane[2] + lane[3]);
    }
    if (!dx)
        return;
    if (!conv_needs_unfold(shape)) {
        blas_gemm(blas, 1, 0, k, p, shape->oc, w, k, dy, p, 0, dx, p);
        return;
    }
    scratch += (size_t)k * (size_t)p;
    blas_gemm(blas, 1, 0, k, p, shape->oc, w, k, dy, p, 0, scratch, p);
    fold(shape, scratch, dx);
}
