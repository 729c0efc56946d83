/* Pooling over H,W,C, eight floats or 32 bytes at a time: see pool_lanes.h. */
#include <math.h>

#include "kernels/x86/lanes_avx2.h"

typedef __m256 fvec;
typedef __m256i uvec;
enum { FLANES = 8, ULANES = 32 };

KN_INLINE fvec f_set(float x)
{
    return _mm256_set1_ps(x);
}

KN_INLINE fvec f_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

KN_INLINE void f_store(float *p, fvec v)
{
    _mm256_storeu_ps(p, v);
}

KN_INLINE void f_store_part(float *p, fvec v, int count)
{
    kn_store_f32(p, v, count);
}

KN_INLINE fvec f_max(fvec x, fvec best)
{
    return _mm256_max_ps(x, best);
}

KN_INLINE fvec f_add(fvec a, fvec b)
{
    return _mm256_add_ps(a, b);
}

KN_INLINE fvec f_div(fvec a, fvec b)
{
    return _mm256_div_ps(a, b);
}

KN_INLINE fvec f_clamp(fvec x, fvec lo, fvec hi)
{
    return kn_clamp_ps(x, lo, hi);
}

KN_INLINE uvec u_zero(void)
{
    return _mm256_setzero_si256();
}

KN_INLINE uvec u_load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

KN_INLINE void u_store(uint8_t *p, uvec v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

KN_INLINE void u_store_part(uint8_t *p, uvec v, int count)
{
    uint8_t bytes[ULANES];
    u_store(bytes, v);
    memcpy(p, bytes, (size_t)count);
}

KN_INLINE uvec u_max(uvec a, uvec b)
{
    return _mm256_max_epu8(a, b);
}

#include "kernels/x86/pool_lanes.h"

void kn_maxpool_f32_nhwc__avx2(const struct kn_pool_shape *s, const float *x, float *y)
{
    pool_max_f32(s, x, y);
}

void kn_maxpool_u8_nhwc__avx2(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y)
{
    pool_max_u8(s, x, y);
}

void kn_avgpool_f32_nhwc__avx2(const struct kn_pool_shape *s, const float *x, float lo, float hi, float *y)
{
    pool_mean_f32(s, x, lo, hi, y);
}

enum { WORD_SUMS = 257 }; /* so many bytes fit in 16 bits: 257 * 255 = 65535 */

KN_INLINE __m256i widen_16(const uint8_t *x)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
}

KN_INLINE void flush_words(__m256i words, __m256i *sum)
{
    sum[0] = _mm256_add_epi32(sum[0], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(words)));
    sum[1] = _mm256_add_epi32(sum[1], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(words, 1)));
}

/* Sums of 16 * vectors channels in 32 bits: two vectors of eight for each sixteen. */
KN_INLINE void sum_u8(const struct kn_pool_shape *s, const struct pool_window *v, const uint8_t *x, int vectors,
                      __m256i *sum)
{
    __m256i words[4];
    int room = WORD_SUMS;
    KN_UNROLL
    for (int i = 0; i < vectors; i++) {
        words[i] = sum[2 * i] = sum[2 * i + 1] = _mm256_setzero_si256();
    }
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const uint8_t *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            if (room-- == 0) {
                KN_UNROLL
                for (int i = 0; i < vectors; i++) {
                    flush_words(words[i], sum + 2 * i);
                    words[i] = _mm256_setzero_si256();
                }
                room = WORD_SUMS - 1;
            }
            KN_UNROLL
            for (int i = 0; i < vectors; i++)
                words[i] = _mm256_add_epi16(words[i], widen_16(p + 16 * i));
        }
    }
    KN_UNROLL
    for (int i = 0; i < vectors; i++)
        flush_words(words[i], sum + 2 * i);
}

/* Eight sums → eight bytes; less = count * zero_in in every lane. */
KN_INLINE uint64_t mean_u8(__m256i sum, __m256i less, __m256 scale, const struct kn_requant_lanes *q)
{
    return kn_requant_u8(_mm256_sub_epi32(sum, less), scale, q);
}

void kn_avgpool_u8_nhwc__avx2(const struct kn_pool_shape *s, const uint8_t *x, float ratio, int32_t zero_in,
                              int32_t zero_out, int32_t lo, int32_t hi, uint8_t *y)
{
    struct kn_requant_lanes q = kn_requant_lanes(zero_out, lo, hi);
    __m256i sum[8];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct pool_window v = pool_clip(s, oy, ox);
            int count = v.lines * v.columns;
            __m256 scale = _mm256_set1_ps(ratio / (float)count);
            __m256i less = _mm256_set1_epi32(count * zero_in);
            uint8_t *out = y + oy * s->y_step_y + ox * s->y_step_x;
            int c = 0;
            for (; c + 64 <= s->c; c += 64) {
                sum_u8(s, &v, x + v.at + c, 4, sum);
                KN_UNROLL
                for (int i = 0; i < 8; i++)
                    kn_store_u8(out + c + 8 * i, mean_u8(sum[i], less, scale, &q), 8);
            }
            for (; c < s->c; c += 16) {
                sum_u8(s, &v, x + v.at + c, 1, sum);
                kn_store_u8(out + c, mean_u8(sum[0], less, scale, &q), s->c - c);
                if (s->c - c > 8)
                    kn_store_u8(out + c + 8, mean_u8(sum[1], less, scale, &q), s->c - c - 8);
            }
        }
    }
}
