/* Small pieces that the SSE4.1 kernels share: partial loads and stores that touch nothing else. Included only by files
 * compiled for SSE4.1. */
#ifndef KERNELS_X86_LANES_SSE41_H
#define KERNELS_X86_LANES_SSE41_H

#include <smmintrin.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

/* First `count` (at most 4 are taken) floats at p, zeros above; reads nothing else. NULL gives zeros. */
KN_INLINE __m128 kn_load_f32(const float *p, int count)
{
    float part[4] = {0};
    if (!p || count <= 0)
        return _mm_setzero_ps();
    if (count >= 4)
        return _mm_loadu_ps(p);
    memcpy(part, p, (size_t)count * sizeof *p);
    return _mm_loadu_ps(part);
}

KN_INLINE __m128i kn_load_s32(const int32_t *p, int count)
{
    return _mm_castps_si128(kn_load_f32((const float *)(const void *)p, count));
}

/* Stores the first `count` lanes. */
KN_INLINE void kn_store_f32(float *p, __m128 v, int count)
{
    if (count >= 4) {
        _mm_storeu_ps(p, v);
        return;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)(void *)p, v);
        v = _mm_movehl_ps(v, v);
        p += 2;
    }
    if (count & 1)
        _mm_store_ss(p, v);
}

KN_INLINE void kn_store_s32(int32_t *p, __m128i v, int count)
{
    if (count > 0)
        kn_store_f32((float *)(void *)p, _mm_castsi128_ps(v), count);
}

/* kn_clamp: max then min, in the operand order that gives NaN the lower bound. */
KN_INLINE __m128 kn_clamp_ps(__m128 x, __m128 lo, __m128 hi)
{
    return _mm_min_ps(_mm_max_ps(x, lo), hi);
}

#endif
