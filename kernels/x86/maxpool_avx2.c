/* Maximum over windows in planes: the common 2 x 2 windows at stride 2 take 16 or 32 columns at once, and any other
 * shape is plain C. Floats are compared in the order of the reference, so that NaN (ignored) and signed zeros come out
 * the same. Channels innermost: pool_avx2.c. */
#include <math.h>

#include "kernels/x86/lanes_avx2.h"

/* The part of a window that lies inside the image. */
struct window {
    int y0, y1, x0, x1;
};

static struct window clip(const struct kn_pool_shape *s, int oy, int ox)
{
    int y = oy * s->stride_h - s->pad_h, x = ox * s->stride_w - s->pad_w;
    struct window v = {y, y + s->kernel_h, x, x + s->kernel_w};
    v.y0 = v.y0 < 0 ? 0 : v.y0;
    v.x0 = v.x0 < 0 ? 0 : v.x0;
    v.y1 = v.y1 > s->h ? s->h : v.y1;
    v.x1 = v.x1 > s->w ? s->w : v.x1;
    return v;
}

KN_INLINE __m128i load_u8(const uint8_t *x)
{
    return _mm_loadu_si128((const __m128i *)(const void *)x);
}

/* 1 if windows are 2 x 2 at stride 2 and none leaves the image. */
static int is_two_by_two(const struct kn_pool_shape *s)
{
    return s->kernel_h == 2 && s->kernel_w == 2 && s->stride_h == 2 && s->stride_w == 2 && s->pad_h == 0 &&
           s->pad_w == 0 && 2 * s->oh <= s->h && 2 * s->ow <= s->w;
}

static float one_f32(const struct window *v, const float *x, ptrdiff_t w)
{
    float best = -INFINITY;
    for (int iy = v->y0; iy < v->y1; iy++) {
        for (int ix = v->x0; ix < v->x1; ix++)
            best = x[iy * w + ix] > best ? x[iy * w + ix] : best;
    }
    return best;
}

static uint8_t one_u8(const struct window *v, const uint8_t *x, ptrdiff_t w)
{
    uint8_t best = 0;
    for (int iy = v->y0; iy < v->y1; iy++) {
        for (int ix = v->x0; ix < v->x1; ix++)
            best = x[iy * w + ix] > best ? x[iy * w + ix] : best;
    }
    return best;
}

/* Eight outputs from 16 columns of two rows. */
KN_INLINE __m256 pool_columns_f32(const float *top, const float *bottom)
{
    __m256 t0 = _mm256_loadu_ps(top), t1 = _mm256_loadu_ps(top + 8);
    __m256 b0 = _mm256_loadu_ps(bottom), b1 = _mm256_loadu_ps(bottom + 8);
    __m256 best = _mm256_set1_ps(-INFINITY);
    best = _mm256_max_ps(_mm256_shuffle_ps(t0, t1, 0x88), best); /* even columns: 0 2 8 10 | 4 6 12 14 */
    best = _mm256_max_ps(_mm256_shuffle_ps(t0, t1, 0xdd), best); /* odd columns */
    best = _mm256_max_ps(_mm256_shuffle_ps(b0, b1, 0x88), best);
    best = _mm256_max_ps(_mm256_shuffle_ps(b0, b1, 0xdd), best);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(best), 0xd8));
}

/* Four outputs from eight columns of two rows. */
KN_INLINE __m128 pool_half_f32(const float *top, const float *bottom)
{
    __m128 t0 = _mm_loadu_ps(top), t1 = _mm_loadu_ps(top + 4), b0 = _mm_loadu_ps(bottom), b1 = _mm_loadu_ps(bottom + 4);
    __m128 best = _mm_max_ps(_mm_shuffle_ps(t0, t1, 0x88), _mm_set1_ps(-INFINITY));
    best = _mm_max_ps(_mm_shuffle_ps(t0, t1, 0xdd), best);
    best = _mm_max_ps(_mm_shuffle_ps(b0, b1, 0x88), best);
    return _mm_max_ps(_mm_shuffle_ps(b0, b1, 0xdd), best);
}

/* Vectorized columns of one output row; returns how many were done. A last block overlaps the one before it. */
static int pool_row_f32(const float *top, ptrdiff_t w, int ow, float *y)
{
    if (ow < 4)
        return 0;
    if (ow < 8) {
        _mm_storeu_ps(y, pool_half_f32(top, top + w));
        _mm_storeu_ps(y + ow - 4, pool_half_f32(top + 2 * (ow - 4), top + w + 2 * (ow - 4)));
        return ow;
    }
    for (int ox = 0; ox < ow; ox += 8) {
        int at = ox + 8 <= ow ? ox : ow - 8;
        _mm256_storeu_ps(y + at, pool_columns_f32(top + 2 * at, top + w + 2 * at));
    }
    return ow;
}

void kn_maxpool_f32_chw__avx2(const struct kn_pool_shape *s, const float *x, float *y)
{
    int fast = is_two_by_two(s);
    for (int c = 0; c < s->c; c++, x += (ptrdiff_t)s->h * s->w) {
        for (int oy = 0; oy < s->oh; oy++, y += s->ow) {
            int ox = fast ? pool_row_f32(x + (ptrdiff_t)2 * oy * s->w, s->w, s->ow, y) : 0;
            for (; ox < s->ow; ox++) {
                struct window v = clip(s, oy, ox);
                y[ox] = one_f32(&v, x, s->w);
            }
        }
    }
}

/* Eight outputs from 16 columns of two rows. */
KN_INLINE __m128i pool_columns_u8(const uint8_t *top, const uint8_t *bottom)
{
    __m128i v = _mm_max_epu8(load_u8(top), load_u8(bottom));
    v = _mm_and_si128(_mm_max_epu8(v, _mm_srli_epi16(v, 8)), _mm_set1_epi16(255));
    return _mm_packus_epi16(v, v);
}

/* The same for bytes; a short row is computed eight wide (reading on, which is allowed) and stored in part. */
static int pool_row_u8(const uint8_t *top, ptrdiff_t w, int ow, uint8_t *y)
{
    if (ow < 8) {
        kn_store_u8(y, (uint64_t)_mm_cvtsi128_si64(pool_columns_u8(top, top + w)), ow);
        return ow;
    }
    for (int ox = 0; ox < ow; ox += 8) {
        int at = ox + 8 <= ow ? ox : ow - 8;
        _mm_storel_epi64((__m128i *)(void *)(y + at), pool_columns_u8(top + 2 * at, top + w + 2 * at));
    }
    return ow;
}

void kn_maxpool_u8_chw__avx2(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y)
{
    int fast = is_two_by_two(s);
    for (int c = 0; c < s->c; c++, x += (ptrdiff_t)s->h * s->w) {
        for (int oy = 0; oy < s->oh; oy++, y += s->ow) {
            int ox = fast ? pool_row_u8(x + (ptrdiff_t)2 * oy * s->w, s->w, s->ow, y) : 0;
            for (; ox < s->ow; ox++) {
                struct window v = clip(s, oy, ox);
                y[ox] = one_u8(&v, x, s->w);
            }
        }
    }
}
