#include "train/op_conv_taps_train.h"

#include <string.h>

enum {
    MOST_CHANNELS = 24, /* above, products over unfolded images are quicker */
    LEAST_CHANNELS = 8,
    CHUNK_COLUMNS = 4096 /* of one product, unless one image has more */
};

/* One image in a frame: the padded lines and columns. An output stands where its window begins. `rows` and scratch
 * hold `count` frames for each channel. */
struct frames {
    int h, w, size; /* of a frame; size = h * w */
    int taps;
};

static struct frames frames_of(const struct conv_shape *s)
{
    struct frames f = {.h = s->oh + s->kernel_h - 1, .w = s->ow + s->kernel_w - 1, .taps = s->kernel_h * s->kernel_w};

    f.size = f.h * f.w;
    return f;
}

int conv_taps_fits(const struct conv_shape *s)
{
    struct frames f = frames_of(s);

    return s->groups == 1 && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1 && s->dilation_w == 1 &&
           f.taps > 1 && s->ic >= LEAST_CHANNELS && s->oc >= LEAST_CHANNELS && s->ic <= MOST_CHANNELS &&
           s->oc <= MOST_CHANNELS && f.size <= s->oh * s->ow * 5 / 4;
}

static int chunk_of(const struct frames *f, int n)
{
    int images = CHUNK_COLUMNS / f->size;

    images = images > 0 ? images : 1;
    return images < n ? images : n;
}

/* Weights or their gradients (taps, oc, ic), frames of x, of y and of dx. */
size_t conv_taps_scratch_floats(const struct conv_shape *shape, int n)
{
    struct frames f = frames_of(shape);
    size_t one = (size_t)chunk_of(&f, n) * (size_t)f.size;

    return 2 * (size_t)f.taps * (size_t)shape->oc * (size_t)shape->ic +
           one * (2 * (size_t)shape->ic + (size_t)shape->oc);
}

/* The place of image row y inside of its frame; windows begin pad lines before the image. */
static ptrdiff_t row_place(const struct conv_shape *s, const struct frames *f, int y)
{
    return (ptrdiff_t)(y + s->pad_h) * f->w + s->pad_w;
}

static void copy_rows(const float *from, ptrdiff_t from_pitch, int rows, int width, float *to, ptrdiff_t to_pitch)
{
    for (int y = 0; y < rows; y++, from += from_pitch, to += to_pitch)
        for (int x = 0; x < width; x++)
            to[x] = from[x];
}

static void add_rows(const float *from, ptrdiff_t from_pitch, int rows, int width, float *to, ptrdiff_t to_pitch)
{
    for (int y = 0; y < rows; y++, from += from_pitch, to += to_pitch)
        for (int x = 0; x < width; x++)
            to[x] += from[x];
}

/* Rows of the input that some window reads; the same for columns. */
static int used(int size, int pad, int frame)
{
    return size < frame - pad ? size : frame - pad;
}

/* Images first .. first+count-1 of x(ic, n, ih, iw) → frames(ic, count, h, w). */
static void frame_input(const struct conv_shape *s, const struct frames *f, int n, int first, int count, const float *x,
                        float *frame)
{
    ptrdiff_t plane = (ptrdiff_t)s->ih * s->iw;

    memset(frame, 0, (size_t)s->ic * (size_t)count * (size_t)f->size * sizeof *frame);
    for (int c = 0; c < s->ic; c++)
        for (int i = 0; i < count; i++, frame += f->size)
            copy_rows(x + ((ptrdiff_t)c * n + first + i) * plane, s->iw, used(s->ih, s->pad_h, f->h),
                      used(s->iw, s->pad_w, f->w), frame + row_place(s, f, 0), f->w);
}

static void pack_weights(const struct conv_shape *s, int taps, const float *w, float *packed)
{
    ptrdiff_t rows = (ptrdiff_t)s->oc * s->ic;

    for (ptrdiff_t r = 0; r < rows; r++)
        for (int t = 0; t < taps; t++)
            packed[t * rows + r] = w[r * taps + t];
}

static ptrdiff_t tap_offset(const struct conv_shape *s, const struct frames *f, int tap)
{
    return (ptrdiff_t)(tap / s->kernel_w) * f->w + tap % s->kernel_w;
}

/* Columns from the first window of the first image to the last of the last. */
static int span_of(const struct conv_shape *s, const struct frames *f, int count)
{
    return (count - 1) * f->size + (s->oh - 1) * f->w + s->ow;
}

void conv_taps_forward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                       float *scratch, float *y)
{
    struct frames f = frames_of(shape);
    int chunk = chunk_of(&f, n), ic = shape->ic, oc = shape->oc, p = shape->oh * shape->ow;
    float *packed = scratch, *frame = packed + (ptrdiff_t)f.taps * oc * ic;
    float *sum = frame + (ptrdiff_t)ic * chunk * f.size;

    pack_weights(shape, f.taps, w, packed);
    for (int first = 0; first < n; first += chunk) {
        int count = first + chunk < n ? chunk : n - first, pitch = count * f.size;
        frame_input(shape, &f, n, first, count, x, frame);
        for (int t = 0; t < f.taps; t++)
            blas_gemm(blas, 0, 0, oc, span_of(shape, &f, count), ic, packed + (ptrdiff_t)t * oc * ic, ic,
                      frame + tap_offset(shape, &f, t), pitch, t > 0 ? 1.0f : 0.0f, sum, pitch);
        for (int o = 0; o < oc; o++)
            for (int i = 0; i < count; i++)
                copy_rows(sum + (ptrdiff_t)o * pitch + (ptrdiff_t)i * f.size, f.w, shape->oh, shape->ow,
                          y + ((ptrdiff_t)o * n + first + i) * p, shape->ow);
    }
}

/* dy of the chunk at the places of its windows, zero between them. */
static void frame_slope(const struct conv_shape *s, const struct frames *f, int n, int first, int count,
                        const float *dy, float *slope)
{
    ptrdiff_t p = (ptrdiff_t)s->oh * s->ow;

    memset(slope, 0, (size_t)s->oc * (size_t)count * (size_t)f->size * sizeof *slope);
    for (int o = 0; o < s->oc; o++)
        for (int i = 0; i < count; i++, slope += f->size)
            copy_rows(dy + ((ptrdiff_t)o * n + first + i) * p, s->ow, s->oh, s->ow, slope, f->w);
}

static void unframe(const struct conv_shape *s, const struct frames *f, int n, int first, int count,
                    const float *dframe, int add, float *dx)
{
    ptrdiff_t plane = (ptrdiff_t)s->ih * s->iw;
    int rows = used(s->ih, s->pad_h, f->h), columns = used(s->iw, s->pad_w, f->w);

    for (int c = 0; c < s->ic; c++)
        for (int i = 0; i < count; i++, dframe += f->size) {
            float *to = dx + ((ptrdiff_t)c * n + first + i) * plane;
            if (!add && (rows < s->ih || columns < s->iw))
                memset(to, 0, (size_t)plane * sizeof *to);
            (add ? add_rows : copy_rows)(dframe + row_place(s, f, 0), f->w, rows, columns, to, s->iw);
        }
}

void conv_taps_backward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                        const float *dy, float *scratch, float *dw, int add, float *dx)
{
    struct frames f = frames_of(shape);
    int chunk = chunk_of(&f, n), ic = shape->ic, oc = shape->oc;
    ptrdiff_t weights = (ptrdiff_t)f.taps * oc * ic, matrix = (ptrdiff_t)oc * ic;
    float *packed = scratch, *gradient = packed + weights, *frame = gradient + weights;
    float *slope = frame + (ptrdiff_t)ic * chunk * f.size, *dframe = slope + (ptrdiff_t)oc * chunk * f.size;

    pack_weights(shape, f.taps, w, packed);
    for (int first = 0; first < n; first += chunk) {
        int count = first + chunk < n ? chunk : n - first, pitch = count * f.size, span = span_of(shape, &f, count);
        frame_input(shape, &f, n, first, count, x, frame);
        frame_slope(shape, &f, n, first, count, dy, slope);
        if (dx)
            memset(dframe, 0, (size_t)ic * (size_t)pitch * sizeof *dframe);
        for (int t = 0; t < f.taps; t++) {
            ptrdiff_t at = tap_offset(shape, &f, t);
            blas_gemm(blas, 0, 1, oc, ic, span, slope, pitch, frame + at, pitch, first > 0 ? 1.0f : 0.0f,
                      gradient + t * matrix, ic);
            if (dx)
                blas_gemm(blas, 1, 0, ic, span, oc, packed + t * matrix, ic, slope, pitch, 1, dframe + at, pitch);
        }
        if (dx)
            unframe(shape, &f, n, first, count, dframe, add, dx);
    }
    for (ptrdiff_t r = 0; r < matrix; r++)
        for (int t = 0; t < f.taps; t++)
            dw[r * f.taps + t] += gradient[t * matrix + r];
}
