/* Pooling over H,W,C for any vector: vectors run along the channels, several side by side, so that one walk over a
 * window serves many channels and no maximum or sum waits for the one before it. The file that includes this has
 * defined fvec, FLANES, f_set, f_load, f_store, f_store_part (count < FLANES), f_max (x first), f_add, f_div, f_clamp
 *   uvec, ULANES, u_zero, u_load, u_store, u_store_part, u_max
 * What lies past the last channel is read and not stored. Floats are compared in the order of the reference, so that
 * NaN (ignored) and signed zeros come out the same, and added in that order. */
#ifndef KERNELS_X86_POOL_LANES_H
#define KERNELS_X86_POOL_LANES_H

enum { POOL_WIDE = 4, POOL_WIDE_U8 = 64 / ULANES };

/* The part of a window that lies inside the image: its first element, its extent. */
struct pool_window {
    ptrdiff_t at;
    int lines, columns;
};

static inline struct pool_window pool_clip(const struct kn_pool_shape *s, int oy, int ox)
{
    int y0 = oy * s->stride_h - s->pad_h, x0 = ox * s->stride_w - s->pad_w;
    int y1 = y0 + s->kernel_h, x1 = x0 + s->kernel_w;
    y0 = y0 < 0 ? 0 : y0;
    x0 = x0 < 0 ? 0 : x0;
    y1 = y1 > s->h ? s->h : y1;
    x1 = x1 > s->w ? s->w : x1;
    return (struct pool_window){y0 * s->x_step_y + x0 * s->x_step_x, y1 - y0, x1 - x0};
}

KN_INLINE void pool_max_of_f32(const struct kn_pool_shape *s, const struct pool_window *v, const float *x, int vectors,
                               fvec *best)
{
    KN_UNROLL
    for (int i = 0; i < vectors; i++)
        best[i] = f_set(-INFINITY);
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const float *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            KN_UNROLL
            for (int i = 0; i < vectors; i++)
                best[i] = f_max(f_load(p + FLANES * i), best[i]);
        }
    }
}

KN_INLINE void pool_sum_of_f32(const struct kn_pool_shape *s, const struct pool_window *v, const float *x, int vectors,
                               fvec *sum)
{
    KN_UNROLL
    for (int i = 0; i < vectors; i++)
        sum[i] = f_set(0);
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const float *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            KN_UNROLL
            for (int i = 0; i < vectors; i++)
                sum[i] = f_add(sum[i], f_load(p + FLANES * i));
        }
    }
}

KN_INLINE void pool_max_of_u8(const struct kn_pool_shape *s, const struct pool_window *v, const uint8_t *x, int vectors,
                              uvec *best)
{
    KN_UNROLL
    for (int i = 0; i < vectors; i++)
        best[i] = u_zero();
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const uint8_t *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            KN_UNROLL
            for (int i = 0; i < vectors; i++)
                best[i] = u_max(u_load(p + ULANES * i), best[i]);
        }
    }
}

KN_INLINE void pool_put_f32(float *y, fvec v, int count)
{
    if (count >= FLANES)
        f_store(y, v);
    else
        f_store_part(y, v, count);
}

KN_INLINE void pool_max_f32(const struct kn_pool_shape *s, const float *x, float *y)
{
    fvec best[POOL_WIDE];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct pool_window v = pool_clip(s, oy, ox);
            float *out = y + oy * s->y_step_y + ox * s->y_step_x;
            int c = 0;
            for (; c + POOL_WIDE * FLANES <= s->c; c += POOL_WIDE * FLANES) {
                pool_max_of_f32(s, &v, x + v.at + c, POOL_WIDE, best);
                KN_UNROLL
                for (int i = 0; i < POOL_WIDE; i++)
                    f_store(out + c + FLANES * i, best[i]);
            }
            for (; c < s->c; c += FLANES) {
                pool_max_of_f32(s, &v, x + v.at + c, 1, best);
                pool_put_f32(out + c, best[0], s->c - c);
            }
        }
    }
}

KN_INLINE void pool_mean_f32(const struct kn_pool_shape *s, const float *x, float lo, float hi, float *y)
{
    fvec sum[POOL_WIDE];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct pool_window v = pool_clip(s, oy, ox);
            fvec count = f_set((float)(v.lines * v.columns));
            float *out = y + oy * s->y_step_y + ox * s->y_step_x;
            int c = 0;
            for (; c + POOL_WIDE * FLANES <= s->c; c += POOL_WIDE * FLANES) {
                pool_sum_of_f32(s, &v, x + v.at + c, POOL_WIDE, sum);
                KN_UNROLL
                for (int i = 0; i < POOL_WIDE; i++)
                    f_store(out + c + FLANES * i, f_clamp(f_div(sum[i], count), f_set(lo), f_set(hi)));
            }
            for (; c < s->c; c += FLANES) {
                pool_sum_of_f32(s, &v, x + v.at + c, 1, sum);
                pool_put_f32(out + c, f_clamp(f_div(sum[0], count), f_set(lo), f_set(hi)), s->c - c);
            }
        }
    }
}

KN_INLINE void pool_max_u8(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y)
{
    uvec best[POOL_WIDE_U8];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct pool_window v = pool_clip(s, oy, ox);
            uint8_t *out = y + oy * s->y_step_y + ox * s->y_step_x;
            int c = 0;
            for (; c + POOL_WIDE_U8 * ULANES <= s->c; c += POOL_WIDE_U8 * ULANES) {
                pool_max_of_u8(s, &v, x + v.at + c, POOL_WIDE_U8, best);
                KN_UNROLL
                for (int i = 0; i < POOL_WIDE_U8; i++)
                    u_store(out + c + ULANES * i, best[i]);
            }
            for (; c < s->c; c += ULANES) {
                pool_max_of_u8(s, &v, x + v.at + c, 1, best);
                if (s->c - c >= ULANES)
                    u_store(out + c, best[0]);
                else
                    u_store_part(out + c, best[0], s->c - c);
            }
        }
    }
}

#endif
