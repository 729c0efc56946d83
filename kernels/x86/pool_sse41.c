/* Pooling over H,W,C, four floats or sixteen bytes at a time: see pool_lanes.h. */
#include <math.h>

#include "kernels/x86/lanes_sse41.h"

typedef __m128 fvec;
typedef __m128i uvec;
enum { FLANES = 4, ULANES = 16 };

KN_INLINE fvec f_set(float x)
{
    return _mm_set1_ps(x);
}

KN_INLINE fvec f_load(const float *p)
{
    return _mm_loadu_ps(p);
}

KN_INLINE void f_store(float *p, fvec v)
{
    _mm_storeu_ps(p, v);
}

KN_INLINE void f_store_part(float *p, fvec v, int count)
{
    kn_store_f32(p, v, count);
}

KN_INLINE fvec f_max(fvec x, fvec best)
{
    return _mm_max_ps(x, best);
}

KN_INLINE fvec f_add(fvec a, fvec b)
{
    return _mm_add_ps(a, b);
}

KN_INLINE fvec f_div(fvec a, fvec b)
{
    return _mm_div_ps(a, b);
}

KN_INLINE fvec f_clamp(fvec x, fvec lo, fvec hi)
{
    return kn_clamp_ps(x, lo, hi);
}

KN_INLINE uvec u_zero(void)
{
    return _mm_setzero_si128();
}

KN_INLINE uvec u_load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

KN_INLINE void u_store(uint8_t *p, uvec v)
{
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

KN_INLINE void u_store_part(uint8_t *p, uvec v, int count)
{
    uint8_t bytes[ULANES];
    u_store(bytes, v);
    memcpy(p, bytes, (size_t)count);
}

KN_INLINE uvec u_max(uvec a, uvec b)
{
    return _mm_max_epu8(a, b);
}

#include "kernels/x86/pool_lanes.h"

void kn_maxpool_f32_nhwc__sse41(const struct kn_pool_shape *s, const float *x, float *y)
{
    pool_max_f32(s, x, y);
}

void kn_maxpool_u8_nhwc__sse41(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y)
{
    pool_max_u8(s, x, y);
}

void kn_avgpool_f32_nhwc__sse41(const struct kn_pool_shape *s, const float *x, float lo, float hi, float *y)
{
    pool_mean_f32(s, x, lo, hi, y);
}

enum { WORD_SUMS = 257 }; /* so many bytes fit in 16 bits: 257 * 255 = 65535 */

/* Sums of eight channels, in 32 bits. */
KN_INLINE void sum_u8(const struct kn_pool_shape *s, const struct pool_window *v, const uint8_t *x, __m128i *sum)
{
    __m128i words = _mm_setzero_si128();
    int room = WORD_SUMS;
    sum[0] = sum[1] = _mm_setzero_si128();
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const uint8_t *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            if (room-- == 0) {
                sum[0] = _mm_add_epi32(sum[0], _mm_cvtepu16_epi32(words));
                sum[1] = _mm_add_epi32(sum[1], _mm_cvtepu16_epi32(_mm_srli_si128(words, 8)));
                words = _mm_setzero_si128();
                room = WORD_SUMS - 1;
            }
            words = _mm_add_epi16(words, _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)p)));
        }
    }
    sum[0] = _mm_add_epi32(sum[0], _mm_cvtepu16_epi32(words));
    sum[1] = _mm_add_epi32(sum[1], _mm_cvtepu16_epi32(_mm_srli_si128(words, 8)));
}

/* kn_requantize in four lanes. */
KN_INLINE __m128i requantize(__m128i acc, float scale, int32_t zero_point, int32_t lo, int32_t hi)
{
    __m128 x = _mm_mul_ps(_mm_cvtepi32_ps(acc), _mm_set1_ps(scale));
    x = kn_clamp_ps(x, _mm_set1_ps((float)(lo - zero_point)), _mm_set1_ps((float)(hi - zero_point)));
    return _mm_add_epi32(_mm_cvtps_epi32(x), _mm_set1_epi32(zero_point));
}

void kn_avgpool_u8_nhwc__sse41(const struct kn_pool_shape *s, const uint8_t *x, float ratio, int32_t zero_in,
                               int32_t zero_out, int32_t lo, int32_t hi, uint8_t *y)
{
    __m128i sum[2];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct pool_window v = pool_clip(s, oy, ox);
            int count = v.lines * v.columns;
            float scale = ratio / (float)count;
            __m128i less = _mm_set1_epi32(count * zero_in);
            uint8_t *out = y + oy * s->y_step_y + ox * s->y_step_x;
            for (int c = 0; c < s->c; c += 8) {
                sum_u8(s, &v, x + v.at + c, sum);
                __m128i low = requantize(_mm_sub_epi32(sum[0], less), scale, zero_out, lo, hi);
                __m128i high = requantize(_mm_sub_epi32(sum[1], less), scale, zero_out, lo, hi);
                __m128i words = _mm_packus_epi32(low, high);
                uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
                memcpy(out + c, &bytes, s->c - c < 8 ? (size_t)(s->c - c) : 8);
            }
        }
    }
}
