#include "train/op_depthwise_train.h"

#include <string.h>

enum { LANES = 8 };

/* A plane with its padding: (h, w). Output (oy, ox) under tap (ky, kx) reads the frame at
 * (oy * stride_h + ky * dilation_h, ox * stride_w + kx * dilation_w). `span` are the frame's elements from the first
 * output's place to the last one's, at a stride of 1. */
struct frame {
    ptrdiff_t h, w, span, floats;
    int flat; /* stride 1: outputs are computed over the frame's whole rows, what lies between them is dropped */
};

static struct frame frame_of(const struct conv_shape *s)
{
    ptrdiff_t h = (ptrdiff_t)(s->oh - 1) * s->stride_h + (ptrdiff_t)(s->kernel_h - 1) * s->dilation_h + 1;
    ptrdiff_t w = (ptrdiff_t)(s->ow - 1) * s->stride_w + (ptrdiff_t)(s->kernel_w - 1) * s->dilation_w + 1;
    struct frame f = {.h = h, .w = w};

    /* The last columns of the input may lie behind the last window. */
    f.h = f.h > s->ih + s->pad_h ? f.h : s->ih + s->pad_h;
    f.w = f.w > s->iw + s->pad_w ? f.w : s->iw + s->pad_w;
    f.span = (s->oh - 1) * f.w + s->ow;
    f.floats = (f.h * f.w + 15) / 16 * 16;
    f.flat = s->stride_h == 1 && s->stride_w == 1;
    return f;
}

size_t depthwise_scratch_floats(const struct conv_shape *shape)
{
    return 3 * (size_t)frame_of(shape).floats;
}

static void copy_in(const struct conv_shape *s, const struct frame *f, const float *plane, float *frame)
{
    for (int y = 0; y < s->ih; y++) {
        const float *restrict from = plane + (ptrdiff_t)y * s->iw;
        float *restrict to = frame + (y + s->pad_h) * f->w + s->pad_w;
        for (int x = 0; x < s->iw; x++)
            to[x] = from[x];
    }
}

static ptrdiff_t tap_offset(const struct conv_shape *s, const struct frame *f, int ky, int kx)
{
    return (ptrdiff_t)ky * s->dilation_h * f->w + (ptrdiff_t)kx * s->dilation_w;
}

/* ------------------------------------------------------------------ stride 1 */

/* sum[i] (+)= w[0] x[i] + w[1] x[i + step] + w[2] x[i + 2 step], the usual width of a kernel in one pass. */
static void row_of_three(const float *restrict x, ptrdiff_t step, const float *w, ptrdiff_t count, float *restrict sum)
{
    const float *restrict x1 = x + step, *restrict x2 = x + 2 * step;
    float w0 = w[0], w1 = w[1], w2 = w[2];

    for (ptrdiff_t i = 0; i < count; i++)
        sum[i] += w0 * x[i] + w1 * x1[i] + w2 * x2[i];
}

static void one_tap(const float *restrict x, float w, ptrdiff_t count, float *restrict sum)
{
    for (ptrdiff_t i = 0; i < count; i++)
        sum[i] += w * x[i];
}

/* sum(span) = the frame under the kernel. */
static void flat_forward(const struct conv_shape *s, const struct frame *f, const float *frame, const float *w,
                         float *sum)
{
    memset(sum, 0, (size_t)f->span * sizeof *sum);
    for (int ky = 0; ky < s->kernel_h; ky++, w += s->kernel_w) {
        if (s->kernel_w == 3)
            row_of_three(frame + tap_offset(s, f, ky, 0), s->dilation_w, w, f->span, sum);
        for (int kx = 0; s->kernel_w != 3 && kx < s->kernel_w; kx++)
            one_tap(frame + tap_offset(s, f, ky, kx), w[kx], f->span, sum);
    }
}

static float dot(const float *a, const float *b, ptrdiff_t count)
{
    float lane[LANES] = {0}, sum = 0;
    ptrdiff_t i = 0;

    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += a[i + j] * b[i + j];
    for (; i < count; i++)
        lane[0] += a[i] * b[i];
    for (int j = 0; j < LANES; j++)
        sum += lane[j];
    return sum;
}

/* slope(span): the output's gradient at the places of its outputs, zero between them. */
static void flat_backward(const struct conv_shape *s, const struct frame *f, const float *frame, const float *w,
                          const float *slope, float *dw, float *dframe)
{
    for (int ky = 0; ky < s->kernel_h; ky++)
        for (int kx = 0; kx < s->kernel_w; kx++) {
            ptrdiff_t at = tap_offset(s, f, ky, kx);
            dw[ky * s->kernel_w + kx] += dot(slope, frame + at, f->span);
            if (dframe)
                one_tap(slope, w[ky * s->kernel_w + kx], f->span, dframe + at);
        }
}

/* ------------------------------------------------------------------ any stride */

static void strided_forward(const struct conv_shape *s, const struct frame *f, const float *frame, const float *w,
                            float *y)
{
    for (int oy = 0; oy < s->oh; oy++)
        for (int ox = 0; ox < s->ow; ox++) {
            const float *at = frame + (ptrdiff_t)oy * s->stride_h * f->w + (ptrdiff_t)ox * s->stride_w;
            float sum = 0;
            for (int ky = 0; ky < s->kernel_h; ky++)
                for (int kx = 0; kx < s->kernel_w; kx++)
                    sum += w[ky * s->kernel_w + kx] * at[tap_offset(s, f, ky, kx)];
            y[(ptrdiff_t)oy * s->ow + ox] = sum;
        }
}

static void strided_backward(const struct conv_shape *s, const struct frame *f, const float *frame, const float *w,
                             const float *dy, float *dw, float *dframe)
{
    for (int ky = 0; ky < s->kernel_h; ky++)
        for (int kx = 0; kx < s->kernel_w; kx++) {
            float sum = 0, weight = w[ky * s->kernel_w + kx];
            for (int oy = 0; oy < s->oh; oy++) {
                ptrdiff_t at = (ptrdiff_t)oy * s->stride_h * f->w + tap_offset(s, f, ky, kx);
                const float *row = dy + (ptrdiff_t)oy * s->ow;
                for (int ox = 0; ox < s->ow; ox++, at += s->stride_w) {
                    sum += row[ox] * frame[at];
                    if (dframe)
                        dframe[at] += weight * row[ox];
                }
            }
            dw[ky * s->kernel_w + kx] += sum;
        }
}

/* ------------------------------------------------------------------ planes */

void depthwise_forward(const struct conv_shape *shape, int n, const float *x, const float *w, float *scratch, float *y)
{
    struct frame f = frame_of(shape);
    float *sum = scratch + f.floats;
    int taps = shape->kernel_h * shape->kernel_w;

    memset(scratch, 0, (size_t)f.floats * sizeof *scratch);
    for (int plane = 0; plane < shape->ic * n; plane++, x += (ptrdiff_t)shape->ih * shape->iw) {
        const float *filter = w + (ptrdiff_t)(plane / n) * taps;
        copy_in(shape, &f, x, scratch);
        if (f.flat)
            flat_forward(shape, &f, scratch, filter, sum);
        else
            strided_forward(shape, &f, scratch, filter, sum);
        for (int oy = 0; oy < shape->oh; oy++, y += shape->ow) {
            const float *restrict from = sum + oy * (f.flat ? f.w : shape->ow);
            for (int ox = 0; ox < shape->ow; ox++)
                y[ox] = from[ox];
        }
    }
}

/* The gradient of a plane out of that of its frame. */
static void copy_out(const struct conv_shape *s, const struct frame *f, const float *dframe, int add, float *dx)
{
    for (int y = 0; y < s->ih; y++, dx += s->iw) {
        const float *restrict from = dframe + (y + s->pad_h) * f->w + s->pad_w;
        if (add)
            for (int x = 0; x < s->iw; x++)
                dx[x] += from[x];
        else
            for (int x = 0; x < s->iw; x++)
                dx[x] = from[x];
    }
}

void depthwise_backward(const struct conv_shape *shape, int n, const float *x, const float *w, const float *dy,
                        float *scratch, float *dw, int add, float *dx)
{
    struct frame f = frame_of(shape);
    float *slope = scratch + f.floats, *dframe = dx ? slope + f.floats : NULL;
    int taps = shape->kernel_h * shape->kernel_w, p = shape->oh * shape->ow;
    ptrdiff_t in = (ptrdiff_t)shape->ih * shape->iw;

    memset(scratch, 0, 2 * (size_t)f.floats * sizeof *scratch);
    for (int plane = 0; plane < shape->ic * n; plane++, dy += p) {
        ptrdiff_t filter = (ptrdiff_t)(plane / n) * taps;
        copy_in(shape, &f, x + plane * in, scratch);
        if (dframe)
            memset(dframe, 0, (size_t)f.floats * sizeof *dframe);
        if (f.flat) {
            for (int oy = 0; oy < shape->oh; oy++)
                for (int ox = 0; ox < shape->ow; ox++)
                    slope[oy * f.w + ox] = dy[(ptrdiff_t)oy * shape->ow + ox];
            flat_backward(shape, &f, scratch, w + filter, slope, dw + filter, dframe);
        } else {
            strided_backward(shape, &f, scratch, w + filter, dy, dw + filter, dframe);
        }
        if (dframe)
            copy_out(shape, &f, dframe, add, dx + plane * in);
    }
}
