/* kn_depthwise_u8s8 for any vector: see depthwise_quads.h for what a block of channels is. The file that includes this
 * has defined
 *   layout                         its struct kn_dw_layout (constant)
 *   vec, VECTOR_BYTES              its vector
 *   DW_PARTS, DW_MOST              inputs' vectors for each vector of sums (2 when in words); layout.most
 *   dw_fetch(nv, r, in)            channels of a block at four places r[0..3], four taps of a channel side by side
 *   dw_dot(sum, in, w)             adds one vector's products
 *   dw_load(p)                     a vector of weights
 *   dw_in_lanes(nv, p, v)          channels of vector v from the block's 32-bit values p
 *   dw_out_u8, dw_out_s32          (b, nv, lines, full, sum, y, y_below): the end of one output, or of two below each
 *                                  other; full: 1 if every channel of the block is real
 *
 * Whatever lies outside of the image is read from a few bytes that hold the zero point. */
#ifndef KERNELS_X86_DEPTHWISE_U8S8_LANES_H
#define KERNELS_X86_DEPTHWISE_U8S8_LANES_H

#include "kernels/depthwise_clip.h"

enum {
    DW_TILE = 4, /* outputs side by side that share looking up the taps */
    DW_STRIP_BYTES = 16 << 10
};

/* What becomes of the sums: bytes of a block whose channels are all real, or of one that is partly filled; sums. */
enum { DW_U8_FULL, DW_U8_REST, DW_S32 };

KN_INLINE int dw_bytes(int kind)
{
    return kind == DW_S32 ? 4 : 1;
}

/* One line of inputs, or the zero point over and over: the place of a column, and the way to the next. */
struct dw_row {
    const uint8_t *at;
    ptrdiff_t step;
};

/* Line iy; `at` is column ix, the block's first channel. */
static inline struct dw_row dw_row(const struct dw_block *b, const uint8_t *x, int iy, int ix)
{
    const struct kn_depthwise_shape *s = b->s;
    if (iy < 0 || iy >= s->h)
        return (struct dw_row){b->outside, 0};
    return (struct dw_row){x + iy * s->x_step_y + ix * s->x_step_x, s->x_step_x};
}

/* ------------------------------------------------------------------ 3 x 3
 *
 * A column of inputs, three or four lines high, is interleaved once and then multiplied by each column of the filter,
 * for one line of outputs or for two below each other. */
struct dw_slide {
    struct dw_row row[4];
    int ix; /* next column */
};

KN_INLINE void dw_next(const struct dw_block *b, struct dw_slide *slide, int nv, int lines, vec *in)
{
    const uint8_t *r[4] = {b->outside, b->outside, b->outside, b->outside};
    if (slide->ix >= 0 && slide->ix < b->s->w) {
        KN_UNROLL
        for (int i = 0; i < lines + 2; i++)
            r[i] = slide->row[i].at;
    }
    KN_UNROLL
    for (int i = 0; i < lines + 2; i++)
        slide->row[i].at += slide->row[i].step;
    if (lines == 1)
        r[3] = r[2]; /* weight 0 */
    slide->ix++;
    dw_fetch(nv, r, in);
}

KN_INLINE void dw_out(const struct dw_block *b, int nv, int lines, int kind, vec (*sum)[DW_MOST], void *y)
{
    if (kind == DW_S32)
        dw_out_s32(b, nv, lines, 0, sum, (int32_t *)y, (int32_t *)y + b->s->y_step_y);
    else
        dw_out_u8(b, nv, lines, kind == DW_U8_FULL, sum, (uint8_t *)y, (uint8_t *)y + b->s->y_step_y);
}

/* The outputs whose three columns are these. */
KN_INLINE void dw_output_3x3(const struct dw_block *b, int nv, int lines, int kind, const vec *left, const vec *middle,
                             const vec *right, void *y)
{
    const vec *in[3] = {left, middle, right};
    vec sum[2][DW_MOST];
    KN_UNROLL
    for (int v = 0; v < nv; v++) {
        KN_UNROLL
        for (int line = 0; line < lines; line++)
            sum[line][v] = b->bias[v];
        KN_UNROLL
        for (int i = 0; i < 3; i++) {
            KN_UNROLL
            for (int line = 0; line < lines; line++) {
                KN_UNROLL
                for (int part = 0; part < DW_PARTS; part++)
                    sum[line][v] =
                        dw_dot(sum[line][v], in[i][v * DW_PARTS + part],
                               dw_load(b->columns + (((v * 3 + i) * 2 + line) * DW_PARTS + part) * VECTOR_BYTES));
            }
        }
    }
    dw_out(b, nv, lines, kind, sum, y);
}

/* Neighbouring outputs of one line or two. */
KN_INLINE void dw_slide_1(const struct dw_block *b, struct dw_slide slide, int outputs, int nv, int lines, int kind,
                          char *y)
{
    ptrdiff_t next = b->s->y_step_x * dw_bytes(kind);
    vec p[DW_MOST * DW_PARTS], q[DW_MOST * DW_PARTS], r[DW_MOST * DW_PARTS];
    dw_next(b, &slide, nv, lines, p);
    dw_next(b, &slide, nv, lines, q);
    for (;;) {
        dw_next(b, &slide, nv, lines, r);
        dw_output_3x3(b, nv, lines, kind, p, q, r, y);
        if (--outputs == 0)
            return;
        y += next;
        dw_next(b, &slide, nv, lines, p);
        dw_output_3x3(b, nv, lines, kind, q, r, p, y);
        if (--outputs == 0)
            return;
        y += next;
        dw_next(b, &slide, nv, lines, q);
        dw_output_3x3(b, nv, lines, kind, r, p, q, y);
        if (--outputs == 0)
            return;
        y += next;
    }
}

KN_INLINE void dw_slide_2(const struct dw_block *b, struct dw_slide slide, int outputs, int nv, int kind, char *y)
{
    ptrdiff_t next = b->s->y_step_x * dw_bytes(kind);
    vec p[DW_MOST * DW_PARTS], q[DW_MOST * DW_PARTS], r[DW_MOST * DW_PARTS];
    dw_next(b, &slide, nv, 1, p);
    for (;;) {
        dw_next(b, &slide, nv, 1, q);
        dw_next(b, &slide, nv, 1, r);
        dw_output_3x3(b, nv, 1, kind, p, q, r, y);
        if (--outputs == 0)
            return;
        y += next;
        dw_next(b, &slide, nv, 1, q);
        dw_next(b, &slide, nv, 1, p);
        dw_output_3x3(b, nv, 1, kind, r, q, p, y);
        if (--outputs == 0)
            return;
        y += next;
    }
}

/* ------------------------------------------------------------------ any filter: four taps after four */

/* The place of one tap after the other, line by line. */
struct dw_reader {
    int iy, ix, ky, kx;
};

/* Looks where the tap is. */
KN_INLINE const uint8_t *dw_tap(const struct dw_block *b, const uint8_t *x, struct dw_reader *r)
{
    const struct kn_depthwise_shape *s = b->s;
    int iy = r->iy + r->ky * s->dilation_h, ix = r->ix + r->kx * s->dilation_w;
    int inside = r->ky < s->kernel_h && iy >= 0 && iy < s->h && ix >= 0 && ix < s->w;
    if (++r->kx == s->kernel_w) {
        r->kx = 0;
        r->ky++;
    }
    return inside ? x + iy * s->x_step_y + ix * s->x_step_x : b->outside;
}

/* `count` neighbouring outputs; more than one only if all their taps lie inside. */
KN_INLINE void dw_output_any(const struct dw_block *b, const uint8_t *x, int oy, int ox, int count, int nv, int kind,
                             char *y)
{
    const struct kn_depthwise_shape *s = b->s;
    struct dw_reader reader = {oy * s->stride_h - s->pad_h, ox * s->stride_w - s->pad_w, 0, 0};
    ptrdiff_t next = s->stride_w * s->x_step_x;
    const char *w = b->fours;
    vec sum[DW_TILE][DW_MOST];
    KN_UNROLL
    for (int i = 0; i < count; i++) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i][v] = b->bias[v];
    }
    for (int taps = s->kernel_h * s->kernel_w; taps > 0; taps -= 4, w += nv * DW_PARTS * VECTOR_BYTES) {
        const uint8_t *r[4];
        KN_UNROLL
        for (int i = 0; i < 4; i++) /* what is missing of the last four has weight 0 */
            r[i] = i < taps || count == 1 ? dw_tap(b, x, &reader) : r[0];
        KN_UNROLL
        for (int i = 0; i < count; i++) {
            vec in[DW_MOST * DW_PARTS];
            dw_fetch(nv, r, in);
            KN_UNROLL
            for (int v = 0; v < nv; v++) {
                KN_UNROLL
                for (int part = 0; part < DW_PARTS; part++)
                    sum[i][v] =
                        dw_dot(sum[i][v], in[v * DW_PARTS + part], dw_load(w + (v * DW_PARTS + part) * VECTOR_BYTES));
            }
            KN_UNROLL
            for (int t = 0; t < 4; t++)
                r[t] += next;
        }
    }
    KN_UNROLL
    for (int i = 0; i < count; i++)
        dw_out(b, nv, 1, kind, sum + i, y + i * s->y_step_x * dw_bytes(kind));
}

/* Outputs ox .. ox + outputs - 1 of a line, DW_TILE at once where all taps lie inside. */
KN_INLINE void dw_any(const struct dw_block *b, const uint8_t *x, int oy, int ox, int outputs, int nv, int kind,
                      char *y)
{
    const struct kn_depthwise_shape *s = b->s;
    struct kn_taps in_x = kn_outputs_inside(s->ow, s->kernel_w, s->stride_w, s->dilation_w, s->pad_w, s->w);
    struct kn_taps in_y = kn_outputs_inside(s->oh, s->kernel_h, s->stride_h, s->dilation_h, s->pad_h, s->h);
    int whole = oy >= in_y.first && oy < in_y.end, end = ox + outputs;
    while (ox < end) {
        int count = whole && ox >= in_x.first && ox + DW_TILE <= in_x.end && ox + DW_TILE <= end ? DW_TILE : 1;
        if (count == DW_TILE)
            dw_output_any(b, x, oy, ox, DW_TILE, nv, kind, y);
        else
            dw_output_any(b, x, oy, ox, 1, nv, kind, y);
        ox += count;
        y += count * s->y_step_x * dw_bytes(kind);
    }
}

/* ------------------------------------------------------------------ blocks and lines */

/* Columns ox .. ox + outputs - 1 of one line, or of two. y: output (oy, ox), the block's first channel. */
KN_INLINE void dw_part(const struct dw_block *b, const uint8_t *x, int oy, int lines, int ox, int outputs, int nv,
                       int kind, char *y)
{
    const struct kn_depthwise_shape *s = b->s;
    struct dw_slide slide = {.ix = ox * s->stride_w - s->pad_w};
    if (!b->columns) {
        dw_any(b, x, oy, ox, outputs, nv, kind, y);
        return;
    }
    for (int i = 0; i < lines + 2; i++)
        slide.row[i] = dw_row(b, x, oy * s->stride_h - s->pad_h + i * s->dilation_h, slide.ix);
    if (s->stride_w == 2)
        dw_slide_2(b, slide, outputs, nv, kind, y);
    else if (lines == 2)
        dw_slide_1(b, slide, outputs, nv, 2, kind, y);
    else
        dw_slide_1(b, slide, outputs, nv, 1, kind, y);
}

/* Compiled one by one, so that the loops of one need no registers for another. */
typedef void (*dw_part_fn)(const struct dw_block *b, const uint8_t *x, int oy, int lines, int ox, int outputs, char *y);

#define DW_PART(name, nv, kind)                                                                                        \
    static __attribute__((noinline)) void name(const struct dw_block *b, const uint8_t *x, int oy, int lines, int ox,  \
                                               int outputs, char *y)                                                   \
    {                                                                                                                  \
        dw_part(b, x, oy, lines, ox, outputs, nv, kind, y);                                                            \
    }
DW_PART(dw_u8_full, DW_MOST, DW_U8_FULL)
DW_PART(dw_u8_rest, DW_MOST, DW_U8_REST)
DW_PART(dw_s32, DW_MOST, DW_S32)
#if DW_HALVES
DW_PART(dw_u8_full_half, DW_MOST / 2, DW_U8_FULL)
DW_PART(dw_u8_rest_half, DW_MOST / 2, DW_U8_REST)
DW_PART(dw_s32_half, DW_MOST / 2, DW_S32)
static const dw_part_fn dw_parts[2][3] = {{dw_u8_full, dw_u8_rest, dw_s32},
                                          {dw_u8_full_half, dw_u8_rest_half, dw_s32_half}};
#else
static const dw_part_fn dw_parts[1][3] = {{dw_u8_full, dw_u8_rest, dw_s32}};
#endif

/* The block of nv vectors that begins with channel c; its weights begin at w. */
static void dw_begin(struct dw_block *b, const char *w, const int32_t *bias, const float *scale, int c, int nv)
{
    const struct kn_depthwise_shape *s = b->s;
    int32_t part_bias[DW_MOST * VECTOR_BYTES / 4] = {0};
    float part_scale[DW_MOST * VECTOR_BYTES / 4] = {0};
    int width = nv * layout.lanes, left = s->c - c;
    b->channels = left < width ? left : width;
    b->fours = w;
    b->columns = b->slides ? w + kn_dw_fours_bytes(&layout, nv, s->kernel_h * s->kernel_w) : NULL;
    bias = bias ? bias + c : part_bias;
    scale = scale ? scale + c : part_scale;
    if (left < width) {
        if (bias != part_bias)
            bias = memcpy(part_bias, bias, (size_t)left * sizeof *bias);
        if (scale != part_scale)
            scale = memcpy(part_scale, scale, (size_t)left * sizeof *scale);
    }
    for (int v = 0; v < nv; v++) {
        b->bias[v] = dw_in_lanes(nv, bias, v);
        b->scale[v] = dw_in_lanes(nv, (const int32_t *)(const void *)scale, v);
    }
}

/* Outputs in a strip: its inputs, one line more than the filter has, stay in the first cache while the blocks of
 * channels pass. */
static int dw_strip_outputs(const struct kn_depthwise_shape *s)
{
    ptrdiff_t outputs = DW_STRIP_BYTES / ((s->kernel_h + 1) * s->stride_w * s->x_step_x);
    return outputs < 8 ? 8 : outputs < s->ow ? (int)outputs : s->ow;
}

/* All channels of a strip of one line, or of two. */
static void dw_patch(struct dw_block *b, const uint8_t *x, const char *w, const int32_t *bias, const float *scale,
                     char *y, int oy, int lines, int ox, int outputs, int wide)
{
    const struct kn_depthwise_shape *s = b->s;
    y += (oy * s->y_step_y + ox * s->y_step_x) * (wide ? 4 : 1);
    for (int c = 0, nv, kind; c < s->c; c += nv * layout.lanes) {
        nv = kn_dw_vectors(&layout, s->c - c);
        dw_begin(b, w, bias, scale, c, nv);
        kind = wide ? DW_S32 : b->channels == nv * layout.lanes ? DW_U8_FULL : DW_U8_REST;
        dw_parts[nv != DW_MOST][kind](b, x + c, oy, lines, ox, outputs, y + c * dw_bytes(kind));
        w += kn_dw_block_bytes(&layout, nv, s->kernel_h, s->kernel_w);
    }
}

static void dw_run(struct dw_block *b, const uint8_t *x, int32_t zero_in, const char *packed, const int32_t *bias,
                   const float *scale, char *y, int wide)
{
    const struct kn_depthwise_shape *s = b->s;
    int end = s->first + s->lines, most = dw_strip_outputs(s), paired;
    memset(b->outside, zero_in, sizeof b->outside);
    b->slides = s->kernel_h == 3 && s->kernel_w == 3 && s->dilation_w == 1 && s->stride_w <= 2;
    paired = b->slides && s->stride_h == 1 && s->stride_w == 1 && s->dilation_h == 1;
    for (int ox = 0; ox < s->ow; ox += most) {
        for (int oy = s->first, lines; oy < end; oy += lines) {
            lines = paired && oy + 1 < end ? 2 : 1;
            dw_patch(b, x, packed, bias, scale, y, oy, lines, ox, s->ow - ox < most ? s->ow - ox : most, wide);
        }
    }
}

#endif
