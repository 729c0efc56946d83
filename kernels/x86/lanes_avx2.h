/* Small pieces that the AVX2 kernels share: partial loads and stores that touch nothing else, and the requantization
 * of requant.h in eight lanes. Included only by files compiled for AVX2. */
#ifndef KERNELS_X86_LANES_AVX2_H
#define KERNELS_X86_LANES_AVX2_H

#include <immintrin.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

/* All ones in the first `count` (0..8) 32-bit lanes. */
KN_INLINE __m256i kn_lane_mask(int count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* First `count` floats at p, zeros above; reads nothing else. NULL gives zeros. */
KN_INLINE __m256 kn_load_f32(const float *p, int count)
{
    if (!p || count <= 0)
        return _mm256_setzero_ps();
    return count >= 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, kn_lane_mask(count));
}

KN_INLINE __m256i kn_load_s32(const int32_t *p, int count)
{
    if (!p || count <= 0)
        return _mm256_setzero_si256();
    return count >= 8 ? _mm256_loadu_si256((const __m256i *)p) : _mm256_maskload_epi32(p, kn_lane_mask(count));
}

/* Stores the first `count` lanes. Masked stores are slow on many processors: halves instead. */
KN_INLINE void kn_store_f32(float *p, __m256 v, int count)
{
    __m128 part = _mm256_castps256_ps128(v);
    if (count >= 8) {
        _mm256_storeu_ps(p, v);
        return;
    }
    if (count & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (count & 1)
        _mm_store_ss(p, part);
}

KN_INLINE void kn_store_s32(int32_t *p, __m256i v, int count)
{
    if (count > 0)
        kn_store_f32((float *)(void *)p, _mm256_castsi256_ps(v), count);
}

/* Stores the first `count` (at most 8) of the eight bytes. */
KN_INLINE void kn_store_u8(uint8_t *p, uint64_t bytes, int count)
{
    if (count >= 8) {
        memcpy(p, &bytes, 8);
        return;
    }
    if (count & 4) {
        memcpy(p, &bytes, 4);
        bytes >>= 32;
        p += 4;
    }
    if (count & 2) {
        memcpy(p, &bytes, 2);
        bytes >>= 16;
        p += 2;
    }
    if (count & 1)
        *p = (uint8_t)bytes;
}

/* kn_clamp: max then min, in the operand order that gives NaN the lower bound. */
KN_INLINE __m256 kn_clamp_ps(__m256 x, __m256 lo, __m256 hi)
{
    return _mm256_min_ps(_mm256_max_ps(x, lo), hi);
}

/* The constants of kn_requantize, in all lanes. */
struct kn_requant_lanes {
    __m256 lo, hi;
    __m256i zero_point;
};

KN_INLINE struct kn_requant_lanes kn_requant_lanes(int32_t zero_point, int32_t lo, int32_t hi)
{
    struct kn_requant_lanes q;
    q.lo = _mm256_set1_ps((float)(lo - zero_point));
    q.hi = _mm256_set1_ps((float)(hi - zero_point));
    q.zero_point = _mm256_set1_epi32(zero_point);
    return q;
}

/* One row of `count` sums with its residual, by kn_requantize_add. */
static inline void kn_requant_add_row(const int32_t *sum, const float *scale, const uint8_t *add,
                                      const struct kn_residual *residual, const struct kn_requant *rq, int count,
                                      uint8_t *y)
{
    for (int j = 0; j < count; j++)
        y[j] = kn_requantize_add(sum[j], scale[j], add[j], residual->scale, residual->zero_point, rq->zero_point,
                                 rq->lo, rq->hi);
}

/* Scaled float → 0..255 in 32-bit lanes: clamp, round to nearest even, add the zero point. */
KN_INLINE __m256i kn_round_lanes(__m256 scaled, const struct kn_requant_lanes *q)
{
    return _mm256_add_epi32(_mm256_cvtps_epi32(kn_clamp_ps(scaled, q->lo, q->hi)), q->zero_point);
}

/* Eight lanes of 0..255 → eight bytes. */
KN_INLINE uint64_t kn_narrow_u8(__m256i v)
{
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
}

/* Sixteen lanes of 0..255 → sixteen bytes. */
KN_INLINE __m128i kn_narrow_two_u8(__m256i a, __m256i b)
{
    __m256i words = _mm256_packus_epi32(a, b); /* by halves: a0 b0 | a1 b1 */
    __m256i bytes = _mm256_packus_epi16(words, words);
    return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5)));
}

/* Accumulators → eight bytes, by kn_requantize. */
KN_INLINE uint64_t kn_requant_u8(__m256i acc, __m256 scale, const struct kn_requant_lanes *q)
{
    return kn_narrow_u8(kn_round_lanes(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale), q));
}

#endif
