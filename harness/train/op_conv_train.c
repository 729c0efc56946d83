#include "train/op_conv_train.h"

#include <string.h>

#include "train/op_conv_taps_train.h"
#include "train/op_depthwise_train.h"

/* Unfolded images of one product: enough columns for the product to be quick, few enough to stay in a cache. */
enum { CHUNK_FLOATS = 128 * 1024 };

struct conv_shape conv_shape_of(const struct graph *graph, const struct node *node)
{
    const struct value *in = &graph->value[node->input[0]], *out = &graph->value[node->output];

    return (struct conv_shape){in->dim[0],
                               in->dim[1],
                               in->dim[2],
                               out->dim[0],
                               out->dim[1],
                               out->dim[2],
                               node->kernel_h,
                               node->kernel_w,
                               node->stride_h,
                               node->stride_w,
                               node->pad_h,
                               node->pad_w,
                               node_dilation_h(node),
                               node_dilation_w(node),
                               node_groups(node)};
}

int conv_is_depthwise(const struct conv_shape *s)
{
    return s->groups > 1 && s->groups == s->ic && s->groups == s->oc;
}

static int conv_k(const struct conv_shape *s)
{
    return s->ic / s->groups * s->kernel_h * s->kernel_w;
}

static int conv_p(const struct conv_shape *s)
{
    return s->oh * s->ow;
}

/* A 1x1 convolution reads the images as they are. */
static int conv_needs_unfold(const struct conv_shape *s)
{
    return s->kernel_h != 1 || s->kernel_w != 1 || s->stride_h != 1 || s->stride_w != 1 || s->ih != s->oh ||
           s->iw != s->ow;
}

/* Images per product; all of them when they are not copied. */
static int conv_chunk(const struct conv_shape *s, int n)
{
    size_t one = (size_t)conv_k(s) * (size_t)s->groups * (size_t)conv_p(s);
    size_t images = CHUNK_FLOATS / one;

    if (!conv_needs_unfold(s) || images >= (size_t)n)
        return n;
    return images > 0 ? (int)images : 1;
}

size_t conv_scratch_floats(const struct conv_shape *shape, int n)
{
    if (conv_is_depthwise(shape))
        return depthwise_scratch_floats(shape);
    if (conv_taps_fits(shape))
        return conv_taps_scratch_floats(shape, n);
    if (!conv_needs_unfold(shape) || n < 1)
        return 0;
    return 2 * (size_t)conv_k(shape) * (size_t)shape->groups * (size_t)conv_p(shape) * (size_t)conv_chunk(shape, n);
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

/* The usual stride, as a constant that the compiler can make shuffles of. */
static void copy_every_second(const float *restrict from, int count, float *restrict to)
{
    for (int i = 0; i < count; i++)
        to[i] = from[2 * i];
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

/* Where one tap of the kernel meets an image: output rows y0 .. y1-1 and columns x0 .. x1-1 read the input at
 * (oy * stride_h + dy, ox * stride_w + dx). */
struct tap {
    int y0, y1, x0, x1, dy, dx;
    int flat; /* output rows are as wide as input rows: the tap is one move of the whole plane */
};

static struct tap tap_of(const struct conv_shape *s, int ky, int kx)
{
    struct tap t = {.dy = ky * s->dilation_h - s->pad_h, .dx = kx * s->dilation_w - s->pad_w};

    inside(t.dy, s->stride_h, s->ih, s->oh, &t.y0, &t.y1);
    inside(t.dx, s->stride_w, s->iw, s->ow, &t.x0, &t.x1);
    t.flat = s->stride_h == 1 && s->stride_w == 1 && s->iw == s->ow && t.x0 < t.x1;
    return t;
}

/* Zeroes what a flat move got wrong: the columns of rows y0 .. y1-1 that lie in the padding. */
static void clear_edges(const struct tap *t, int ow, float *row)
{
    for (int ox = 0; ox < t->x0; ox++)
        for (int oy = t->y0; oy < t->y1; oy++)
            row[(ptrdiff_t)oy * ow + ox] = 0;
    for (int ox = t->x1; ox < ow; ox++)
        for (int oy = t->y0; oy < t->y1; oy++)
            row[(ptrdiff_t)oy * ow + ox] = 0;
}

/* One row of the unfolded image: a plane of the input under one tap, all output positions. */
static void unfold_tap(const struct conv_shape *s, const struct tap *t, const float *plane, float *row)
{
    if (t->flat && t->y0 < t->y1) {
        ptrdiff_t first = (ptrdiff_t)t->y0 * s->ow + t->x0, last = (ptrdiff_t)(t->y1 - 1) * s->ow + t->x1;
        memset(row, 0, (size_t)t->y0 * (size_t)s->ow * sizeof *row);
        memcpy(row + first, plane + first + (ptrdiff_t)t->dy * s->iw + t->dx, (size_t)(last - first) * sizeof *row);
        memset(row + (ptrdiff_t)t->y1 * s->ow, 0, (size_t)(s->oh - t->y1) * (size_t)s->ow * sizeof *row);
        clear_edges(t, s->ow, row);
        return;
    }
    if (t->y0 > 0 || t->y1 < s->oh || t->x0 > 0 || t->x1 < s->ow)
        memset(row, 0, (size_t)conv_p(s) * sizeof *row);
    for (int oy = t->y0; oy < t->y1; oy++) {
        const float *from = plane + (ptrdiff_t)(oy * s->stride_h + t->dy) * s->iw + t->dx;
        float *to = row + (ptrdiff_t)oy * s->ow;
        if (s->stride_w == 1)
            copy_row(from + t->x0, t->x1 - t->x0, to + t->x0);
        else if (s->stride_w == 2)
            copy_every_second(from + 2 * t->x0, t->x1 - t->x0, to + t->x0);
        else
            for (int ox = t->x0; ox < t->x1; ox++)
                to[ox] = from[(ptrdiff_t)ox * s->stride_w];
    }
}

/* The other way, adding; clears the edges of `row`. */
static void fold_tap(const struct conv_shape *s, const struct tap *t, float *row, float *plane)
{
    if (t->flat && t->y0 < t->y1) {
        ptrdiff_t first = (ptrdiff_t)t->y0 * s->ow + t->x0, last = (ptrdiff_t)(t->y1 - 1) * s->ow + t->x1;
        clear_edges(t, s->ow, row);
        add_row(row + first, (int)(last - first), plane + first + (ptrdiff_t)t->dy * s->iw + t->dx);
        return;
    }
    for (int oy = t->y0; oy < t->y1; oy++) {
        float *to = plane + (ptrdiff_t)(oy * s->stride_h + t->dy) * s->iw + t->dx;
        const float *from = row + (ptrdiff_t)oy * s->ow;
        if (s->stride_w == 1)
            add_row(from + t->x0, t->x1 - t->x0, to + t->x0);
        else
            for (int ox = t->x0; ox < t->x1; ox++)
                to[(ptrdiff_t)ox * s->stride_w] += from[ox];
    }
}

/* Images first .. first+count-1 of x(ic, n, ih, iw) → rows(groups * K, count * P). */
static void unfold(const struct conv_shape *s, int n, int first, int count, const float *x, float *rows)
{
    ptrdiff_t plane = (ptrdiff_t)s->ih * s->iw, p = conv_p(s);

    for (int c = 0; c < s->ic; c++)
        for (int ky = 0; ky < s->kernel_h; ky++)
            for (int kx = 0; kx < s->kernel_w; kx++) {
                struct tap t = tap_of(s, ky, kx);
                for (int i = 0; i < count; i++, rows += p)
                    unfold_tap(s, &t, x + ((ptrdiff_t)c * n + first + i) * plane, rows);
            }
}

static void fold(const struct conv_shape *s, int n, int first, int count, float *rows, int add, float *dx)
{
    ptrdiff_t plane = (ptrdiff_t)s->ih * s->iw, p = conv_p(s);

    for (int c = 0; c < s->ic; c++) {
        float *to = dx + ((ptrdiff_t)c * n + first) * plane;
        if (!add)
            memset(to, 0, (size_t)(count * plane) * sizeof *to);
        for (int ky = 0; ky < s->kernel_h; ky++)
            for (int kx = 0; kx < s->kernel_w; kx++) {
                struct tap t = tap_of(s, ky, kx);
                for (int i = 0; i < count; i++, rows += p)
                    fold_tap(s, &t, rows, to + i * plane);
            }
    }
}

static void unfolded_forward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x,
                             const float *w, float *scratch, float *y)
{
    int k = conv_k(shape), p = conv_p(shape), m = shape->oc / shape->groups, chunk = conv_chunk(shape, n);
    int copied = conv_needs_unfold(shape);

    for (int first = 0; first < n; first += chunk) {
        int count = first + chunk < n ? chunk : n - first, columns = count * p;
        if (copied)
            unfold(shape, n, first, count, x, scratch);
        for (int g = 0; g < shape->groups; g++)
            blas_gemm(blas, 0, 0, m, columns, k, w + (ptrdiff_t)g * m * k, k,
                      (copied ? scratch : x) + (ptrdiff_t)g * k * columns, columns, 0,
                      y + ((ptrdiff_t)g * m * n + first) * p, n * p);
    }
}

void conv_forward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                  const float *bias, float *scratch, float *y)
{
    ptrdiff_t columns = (ptrdiff_t)n * conv_p(shape);

    if (conv_is_depthwise(shape))
        depthwise_forward(shape, n, x, w, scratch, y);
    else if (conv_taps_fits(shape))
        conv_taps_forward(shape, blas, n, x, w, scratch, y);
    else
        unfolded_forward(shape, blas, n, x, w, scratch, y);
    for (int o = 0; bias && o < shape->oc; o++, y += columns)
        for (ptrdiff_t i = 0; i < columns; i++)
            y[i] += bias[o];
}

/* One image of one channel; a fixed order of summation that vectors can follow. */
static float sum_plane(const float *row, int p)
{
    float lane[4] = {0, 0, 0, 0};
    int i = 0;

    for (; i + 4 <= p; i += 4)
        for (int j = 0; j < 4; j++)
            lane[j] += row[i + j];
    for (; i < p; i++)
        lane[0] += row[i];
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

static void unfolded_backward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x,
                              const float *w, const float *dy, float *scratch, float *dw, int add, float *dx)
{
    int k = conv_k(shape), p = conv_p(shape), m = shape->oc / shape->groups, chunk = conv_chunk(shape, n);
    int copied = conv_needs_unfold(shape);

    for (int first = 0; first < n; first += chunk) {
        int count = first + chunk < n ? chunk : n - first, columns = count * p;
        float *back = copied ? scratch + (ptrdiff_t)k * shape->groups * columns : dx;
        if (copied)
            unfold(shape, n, first, count, x, scratch);
        for (int g = 0; g < shape->groups; g++) {
            const float *slope = dy + ((ptrdiff_t)g * m * n + first) * p;
            blas_gemm(blas, 0, 1, m, k, columns, slope, n * p, (copied ? scratch : x) + (ptrdiff_t)g * k * columns,
                      columns, 1, dw + (ptrdiff_t)g * m * k, k);
            if (dx)
                blas_gemm(blas, 1, 0, k, columns, m, w + (ptrdiff_t)g * m * k, k, slope, n * p,
                          !copied && add ? 1.0f : 0.0f, back + (ptrdiff_t)g * k * columns, columns);
        }
        if (dx && copied)
            fold(shape, n, first, count, back, add, dx);
    }
}

void conv_backward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                   const float *dy, float *scratch, float *dw, float *db, int add, float *dx)
{
    int p = conv_p(shape);

    for (int o = 0; db && o < shape->oc; o++)
        for (int i = 0; i < n; i++)
            db[o] += sum_plane(dy + ((ptrdiff_t)o * n + i) * p, p);
    if (conv_is_depthwise(shape))
        depthwise_backward(shape, n, x, w, dy, scratch, dw, add, dx);
    else if (conv_taps_fits(shape))
        conv_taps_backward(shape, blas, n, x, w, dy, scratch, dw, add, dx);
    else
        unfolded_backward(shape, blas, n, x, w, dy, scratch, dw, add, dx);
}
