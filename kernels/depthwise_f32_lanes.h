/* kn_depthwise_f32 for any vector: a vector runs along the channels. The file that includes this has defined the type
 * `lanes`, the number LANES of its floats, and the functions lanes_set, lanes_load, lanes_load_part, lanes_store,
 * lanes_store_part, lanes_madd (a * b + c), lanes_clamp.
 *
 * Packed: block after block of LANES channels (the last one filled up with zeros), tap after tap, LANES weights each.
 */
#ifndef KERNELS_DEPTHWISE_F32_LANES_H
#define KERNELS_DEPTHWISE_F32_LANES_H

#include "kernels/depthwise_clip.h"
#include "kernels/roster.h"

enum {
    DW_TILE = 8, /* outputs side by side that share the loaded weights */
    DW_STRIP_BYTES = 16 << 10
};

/* One block of channels. */
struct dw_block {
    const struct kn_depthwise_shape *s;
    const float *w;
    lanes bias, lo, hi;
    int channels; /* 1..LANES */
};

/* The block that begins with channel c. */
KN_INLINE void dw_begin_block(struct dw_block *b, const float *packed, const float *bias, int c)
{
    const struct kn_depthwise_shape *s = b->s;
    b->channels = s->c - c < LANES ? s->c - c : LANES;
    b->w = packed + (ptrdiff_t)c * s->kernel_h * s->kernel_w;
    b->bias = bias ? lanes_load_part(bias + c, b->channels) : lanes_set(0);
}

KN_INLINE void dw_store(const struct dw_block *b, float *y, lanes sum)
{
    sum = lanes_clamp(sum, b->lo, b->hi);
    if (b->channels == LANES)
        lanes_store(y, sum);
    else
        lanes_store_part(y, sum, b->channels);
}

static const float dw_outside[LANES];

/* DW_TILE outputs side by side, of which `count` are wanted, the first one's tap (0, 0) in column ix, at x; ty: the
 * lines of taps that lie inside. inside: 1 if all are wanted and have all columns inside, so that no one needs to look.
 */
KN_INLINE void dw_tile(const struct dw_block *b, const float *x, float *y, int ix, int count, struct kn_taps ty,
                       int inside)
{
    const struct kn_depthwise_shape *s = b->s;
    ptrdiff_t next_tap = s->dilation_w * s->x_step_x, next = s->stride_w * s->x_step_x;
    lanes sum[DW_TILE];
    KN_UNROLL
    for (int i = 0; i < DW_TILE; i++)
        sum[i] = b->bias;
    for (int ky = ty.first; ky < ty.end; ky++) {
        const float *p = x + ky * s->dilation_h * s->x_step_y;
        const float *w = b->w + (ptrdiff_t)ky * s->kernel_w * LANES;
        for (int kx = 0; kx < s->kernel_w; kx++, p += next_tap, w += LANES) {
            lanes weight = lanes_load(w);
            int column = ix + kx * s->dilation_w;
            if (inside || (column >= 0 && column + (DW_TILE - 1) * s->stride_w < s->w)) {
                KN_UNROLL
                for (int i = 0; i < DW_TILE; i++)
                    sum[i] = lanes_madd(lanes_load(p + i * next), weight, sum[i]);
                continue;
            }
            KN_UNROLL
            for (int i = 0; i < DW_TILE; i++, column += s->stride_w) {
                const float *from = (unsigned)column < (unsigned)s->w ? p + i * next : dw_outside;
                sum[i] = lanes_madd(lanes_load(from), weight, sum[i]);
            }
        }
    }
    KN_UNROLL
    for (int i = 0; i < DW_TILE; i++) {
        if (inside || i < count)
            dw_store(b, y + i * s->y_step_x, sum[i]);
    }
}

/* Outputs ox .. end - 1 of a line, any filter; x and y: the block's first channel of line 0. */
static void dw_line(const struct dw_block *b, const float *x, float *y, int oy, int ox, int end)
{
    const struct kn_depthwise_shape *s = b->s;
    int iy = oy * s->stride_h - s->pad_h;
    struct kn_taps ty = kn_taps_inside(iy, s->kernel_h, s->dilation_h, s->h);
    struct kn_taps inside = kn_outputs_inside(s->ow, s->kernel_w, s->stride_w, s->dilation_w, s->pad_w, s->w);
    for (; ox < end; ox += DW_TILE) {
        /* The last ones of a line are computed together with some before them once more. */
        if (ox + DW_TILE > end && end >= DW_TILE)
            ox = end - DW_TILE;
        int ix = ox * s->stride_w - s->pad_w, count = end - ox < DW_TILE ? end - ox : DW_TILE;
        const float *from = x + iy * s->x_step_y + ix * s->x_step_x;
        float *to = y + oy * s->y_step_y + ox * s->y_step_x;
        if (count == DW_TILE && ox >= inside.first && ox + DW_TILE <= inside.end)
            dw_tile(b, from, to, ix, DW_TILE, ty, 1);
        else
            dw_tile(b, from, to, ix, count, ty, 0);
    }
}

/* ------------------------------------------------------------------ 3 x 3
 *
 * The nine weights stay in registers, and so do the sums of the three columns of outputs that one column of inputs
 * belongs to: each input is loaded once and multiplied by a whole line of the filter. Two lines of outputs at once
 * share two of the four lines of inputs. Every output adds its products column after column, each from the top down,
 * however lines are paired. */

/* Some neighbouring outputs of one line, or of two below each other. */
struct dw_strip {
    const float *x; /* tap (0, 0) of the first one, which may lie outside of the image */
    float *y;
    int outputs;
    int left, right; /* 1: the first one's first column, the last one's last column lie outside */
    int top, bottom; /* 1: the first line, the last line lies outside */
};

/* One column of inputs: into the sums whose last, middle and first column it is; NULL: none. */
KN_INLINE void dw_column(const float *x, ptrdiff_t step_y, const lanes *w, int lines, int top, int bottom, lanes *last,
                         lanes *middle, lanes *first)
{
    KN_UNROLL
    for (int row = top; row < lines + 2 - bottom; row++) {
        lanes v = lanes_load(x + row * step_y);
        KN_UNROLL
        for (int line = 0; line < lines; line++) {
            int ky = row - line;
            if (ky < 0 || ky > 2)
                continue;
            if (last)
                last[line] = lanes_madd(v, w[3 * ky + 2], last[line]);
            if (middle)
                middle[line] = lanes_madd(v, w[3 * ky + 1], middle[line]);
            if (first)
                first[line] = lanes_madd(v, w[3 * ky], first[line]);
        }
    }
}

KN_INLINE void dw_begin(const struct dw_block *b, lanes *sum, int lines)
{
    KN_UNROLL
    for (int line = 0; line < lines; line++)
        sum[line] = b->bias;
}

KN_INLINE void dw_end(const struct dw_block *b, const lanes *sum, float *y, int lines)
{
    KN_UNROLL
    for (int line = 0; line < lines; line++)
        dw_store(b, y + line * b->s->y_step_y, sum[line]);
}

KN_INLINE void dw_weights(const struct dw_block *b, lanes *w)
{
    KN_UNROLL
    for (int i = 0; i < 9; i++)
        w[i] = lanes_load(b->w + i * LANES);
}

/* Stride 1 along the line. */
KN_INLINE void dw_slide(const struct dw_block *b, const struct dw_strip *strip, int lines, int top, int bottom)
{
    ptrdiff_t step = b->s->x_step_x, step_y = b->s->x_step_y, next = b->s->y_step_x;
    const float *x = strip->x + step;
    float *y = strip->y;
    int whole = strip->outputs - strip->right; /* those that have a last column */
    lanes w[9], p[2], q[2], r[2];
    dw_weights(b, w);
    dw_begin(b, p, lines);
    dw_begin(b, q, lines);
    if (!strip->left)
        dw_column(strip->x, step_y, w, lines, top, bottom, NULL, NULL, p);
    dw_column(x, step_y, w, lines, top, bottom, NULL, p, q);
    for (;;) {
        if (whole-- == 0)
            break;
        dw_begin(b, r, lines);
        dw_column(x += step, step_y, w, lines, top, bottom, p, q, r);
        dw_end(b, p, y, lines);
        y += next;
        if (whole-- == 0) {
            memcpy(p, q, sizeof p);
            break;
        }
        dw_begin(b, p, lines);
        dw_column(x += step, step_y, w, lines, top, bottom, q, r, p);
        dw_end(b, q, y, lines);
        y += next;
        if (whole-- == 0) {
            memcpy(p, r, sizeof p);
            break;
        }
        dw_begin(b, q, lines);
        dw_column(x += step, step_y, w, lines, top, bottom, r, p, q);
        dw_end(b, r, y, lines);
        y += next;
    }
    if (strip->right)
        dw_end(b, p, y, lines);
}

/* Stride 2 along the line: every second column belongs to two outputs. */
KN_INLINE void dw_slide_2(const struct dw_block *b, const struct dw_strip *strip, int top, int bottom)
{
    ptrdiff_t step = b->s->x_step_x, step_y = b->s->x_step_y, next = b->s->y_step_x;
    const float *x = strip->x;
    float *y = strip->y;
    lanes w[9], p[1], q[1];
    dw_weights(b, w);
    dw_begin(b, p, 1);
    if (!strip->left)
        dw_column(x, step_y, w, 1, top, bottom, NULL, NULL, p);
    for (int i = strip->outputs - strip->right; i > 0; i--, x += 2 * step, y += next) {
        dw_begin(b, q, 1);
        dw_column(x + step, step_y, w, 1, top, bottom, NULL, p, NULL);
        dw_column(x + 2 * step, step_y, w, 1, top, bottom, p, NULL, q);
        dw_end(b, p, y, 1);
        p[0] = q[0];
    }
    if (strip->right) {
        dw_column(x + step, step_y, w, 1, top, bottom, NULL, p, NULL);
        dw_end(b, p, y, 1);
    }
}

KN_INLINE void dw_slide_lines(const struct dw_block *b, const struct dw_strip *strip, int lines)
{
    if (strip->top && strip->bottom)
        dw_slide(b, strip, lines, 1, 1);
    else if (strip->top)
        dw_slide(b, strip, lines, 1, 0);
    else if (strip->bottom)
        dw_slide(b, strip, lines, 0, 1);
    else
        dw_slide(b, strip, lines, 0, 0);
}

static void dw_strip_1(const struct dw_block *b, const struct dw_strip *strip)
{
    dw_slide_lines(b, strip, 1);
}

static void dw_strip_pair(const struct dw_block *b, const struct dw_strip *strip)
{
    dw_slide_lines(b, strip, 2);
}

static void dw_strip_2(const struct dw_block *b, const struct dw_strip *strip)
{
    if (strip->top && strip->bottom)
        dw_slide_2(b, strip, 1, 1);
    else if (strip->top)
        dw_slide_2(b, strip, 1, 0);
    else if (strip->bottom)
        dw_slide_2(b, strip, 0, 1);
    else
        dw_slide_2(b, strip, 0, 0);
}

/* 1 if at most the first and the last of an axis' three taps can lie outside, and every output has the middle one. */
static inline int dw_thin_border(int outputs, int stride, int pad, int size)
{
    return pad <= 1 && (outputs - 1) * stride - pad + 2 <= size;
}

static int dw_is_3x3(const struct kn_depthwise_shape *s)
{
    return s->kernel_h == 3 && s->kernel_w == 3 && s->dilation_h == 1 && s->dilation_w == 1 && s->stride_w <= 2 &&
           dw_thin_border(s->oh, s->stride_h, s->pad_h, s->h) && dw_thin_border(s->ow, s->stride_w, s->pad_w, s->w);
}

/* Outputs in a strip: its inputs, one line more than the filter has, stay in the first cache while the blocks of
 * channels pass. */
static int dw_strip_outputs(const struct kn_depthwise_shape *s)
{
    ptrdiff_t outputs = DW_STRIP_BYTES / ((s->kernel_h + 1) * s->stride_w * s->x_step_x * (ptrdiff_t)sizeof(float));
    return outputs < 8 ? 8 : outputs < s->ow ? (int)outputs : s->ow;
}

/* One or two lines from oy on, `outputs` columns from ox on, all channels. */
KN_INLINE void dw_patch(struct dw_block *b, const float *x, const float *packed, const float *bias, float *y, int oy,
                        int lines, int ox, int outputs)
{
    const struct kn_depthwise_shape *s = b->s;
    int iy = oy * s->stride_h - s->pad_h, ix = ox * s->stride_w - s->pad_w;
    struct dw_strip strip = {.outputs = outputs,
                             .left = ix < 0,
                             .right = ix + (outputs - 1) * s->stride_w + 2 >= s->w,
                             .top = iy < 0,
                             .bottom = iy + lines + 1 >= s->h};
    x += iy * s->x_step_y + ix * s->x_step_x;
    y += oy * s->y_step_y + ox * s->y_step_x;
    for (int c = 0; c < s->c; c += LANES) {
        dw_begin_block(b, packed, bias, c);
        strip.x = x + c;
        strip.y = y + c;
        if (s->stride_w == 2)
            dw_strip_2(b, &strip);
        else if (lines == 1)
            dw_strip_1(b, &strip);
        else
            dw_strip_pair(b, &strip);
    }
}

KN_INLINE void dw_patch_any(struct dw_block *b, const float *x, const float *packed, const float *bias, float *y,
                            int oy, int ox, int outputs)
{
    for (int c = 0; c < b->s->c; c += LANES) {
        dw_begin_block(b, packed, bias, c);
        dw_line(b, x + c, y + c, oy, ox, ox + outputs);
    }
}

KN_INLINE void dw_run(const struct kn_depthwise_shape *s, const float *x, const float *packed, const float *bias,
                      float lo, float hi, float *y)
{
    struct dw_block b = {.s = s, .lo = lanes_set(lo), .hi = lanes_set(hi)};
    int is_3x3 = dw_is_3x3(s), end = s->first + s->lines, paired = is_3x3 && s->stride_h == 1 && s->stride_w == 1,
        most = dw_strip_outputs(s);
    for (int ox = 0; ox < s->ow; ox += most) {
        int outputs = s->ow - ox < most ? s->ow - ox : most;
        for (int oy = s->first, lines; oy < end; oy += lines) {
            lines = paired && oy + 1 < end ? 2 : 1;
            if (is_3x3)
                dw_patch(&b, x, packed, bias, y, oy, lines, ox, outputs);
            else
                dw_patch_any(&b, x, packed, bias, y, oy, ox, outputs);
        }
    }
}

#endif
