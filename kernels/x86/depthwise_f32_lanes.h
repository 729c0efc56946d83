/* kn_depthwise_f32 for any vector: a vector runs along the channels. The file that includes this has defined the type
 * `lanes`, the number LANES of its floats, and the functions lanes_set, lanes_load, lanes_load_part, lanes_store,
 * lanes_store_part, lanes_madd (a * b + c), lanes_clamp.
 *
 * Packed: block after block of LANES channels (the last one filled up with zeros), tap after tap, LANES weights each.
 */
#ifndef KERNELS_X86_DEPTHWISE_F32_LANES_H
#define KERNELS_X86_DEPTHWISE_F32_LANES_H

#include "kernels/depthwise_clip.h"
#include "kernels/roster.h"

enum { DW_TILE = 4 }; /* outputs side by side that share the loaded weights */

/* One block of channels. */
struct dw_block {
    const struct kn_depthwise_shape *s;
    const float *w;
    lanes bias, lo, hi;
    int channels; /* 1..LANES */
};

KN_INLINE void dw_store(const struct dw_block *b, float *y, lanes sum)
{
    sum = lanes_clamp(sum, b->lo, b->hi);
    if (b->channels == LANES)
        lanes_store(y, sum);
    else
        lanes_store_part(y, sum, b->channels);
}

/* `count` outputs side by side whose taps ty, tx lie inside the image; x: where tap (0, 0) of the first one is. */
KN_INLINE void dw_tile(const struct dw_block *b, const float *x, float *y, int count, struct kn_taps ty,
                       struct kn_taps tx)
{
    const struct kn_depthwise_shape *s = b->s;
    ptrdiff_t next_tap = s->dilation_w * s->x_step_x, next = s->stride_w * s->x_step_x;
    lanes sum[DW_TILE];
    KN_UNROLL
    for (int i = 0; i < count; i++)
        sum[i] = b->bias;
    for (int ky = ty.first; ky < ty.end; ky++) {
        const float *p = x + ky * s->dilation_h * s->x_step_y + tx.first * next_tap;
        const float *w = b->w + (ptrdiff_t)(ky * s->kernel_w + tx.first) * LANES;
        for (int kx = tx.first; kx < tx.end; kx++, p += next_tap, w += LANES) {
            lanes weight = lanes_load(w);
            KN_UNROLL
            for (int i = 0; i < count; i++)
                sum[i] = lanes_madd(lanes_load(p + i * next), weight, sum[i]);
        }
    }
    KN_UNROLL
    for (int i = 0; i < count; i++)
        dw_store(b, y + i * s->y_step_x, sum[i]);
}

/* One line of any filter; x and y: the block's first channel of line 0. */
static void dw_line(const struct dw_block *b, const float *x, float *y, int oy)
{
    const struct kn_depthwise_shape *s = b->s;
    int iy = oy * s->stride_h - s->pad_h;
    struct kn_taps ty = kn_taps_inside(iy, s->kernel_h, s->dilation_h, s->h), all = {0, s->kernel_w};
    struct kn_taps inside = kn_outputs_inside(s->ow, s->kernel_w, s->stride_w, s->dilation_w, s->pad_w, s->w);
    for (int ox = 0; ox < s->ow;) {
        int ix = ox * s->stride_w - s->pad_w;
        const float *from = x + iy * s->x_step_y + ix * s->x_step_x;
        float *to = y + oy * s->y_step_y + ox * s->y_step_x;
        if (ox >= inside.first && ox + DW_TILE <= inside.end) {
            dw_tile(b, from, to, DW_TILE, ty, all);
            ox += DW_TILE;
        } else {
            dw_tile(b, from, to, 1, ty, kn_taps_inside(ix, s->kernel_w, s->dilation_w, s->w));
            ox++;
        }
    }
}

KN_INLINE void dw_run(const struct kn_depthwise_shape *s, const float *x, const float *packed, const float *bias,
                      float lo, float hi, float *y)
{
    ptrdiff_t depth = (ptrdiff_t)s->kernel_h * s->kernel_w;
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int c = 0; c < s->c; c += LANES) {
            struct dw_block b = {
                s, packed + c * depth, lanes_set(0), lanes_set(lo), lanes_set(hi), s->c - c < LANES ? s->c - c : LANES};
            if (bias)
                b.bias = lanes_load_part(bias + c, b.channels);
            dw_line(&b, x + c, y + c, oy);
        }
    }
}

#endif
