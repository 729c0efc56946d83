/* The vectors of kernels/vec/vec.h: four floats, SSE4.1. Without fused multiplication. */
#ifndef KERNELS_X86_VEC_SSE41_H
#define KERNELS_X86_VEC_SSE41_H

#include <smmintrin.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

enum { KN_VF = 4 };
typedef __m128 kn_vf;
typedef __m128i kn_vi;

KN_INLINE kn_vf kn_vf_set(float x)
{
    return _mm_set1_ps(x);
}

KN_INLINE kn_vf kn_vf_load(const float *p)
{
    return _mm_loadu_ps(p);
}

KN_INLINE void kn_vf_store(float *p, kn_vf v)
{
    _mm_storeu_ps(p, v);
}

KN_INLINE kn_vf kn_vf_load_part(const float *p, int n)
{
    kn_vf low = n == 1 ? _mm_load_ss(p) : _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(const void *)p);
    return n == 3 ? _mm_movelh_ps(low, _mm_load_ss(p + 2)) : low;
}

KN_INLINE void kn_vf_store_part(float *p, kn_vf v, int n)
{
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, v);
        v = _mm_movehl_ps(v, v);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, v);
}

KN_INLINE kn_vf kn_vf_add(kn_vf a, kn_vf b)
{
    return _mm_add_ps(a, b);
}

KN_INLINE kn_vf kn_vf_sub(kn_vf a, kn_vf b)
{
    return _mm_sub_ps(a, b);
}

KN_INLINE kn_vf kn_vf_mul(kn_vf a, kn_vf b)
{
    return _mm_mul_ps(a, b);
}

KN_INLINE kn_vf kn_vf_div(kn_vf a, kn_vf b)
{
    return _mm_div_ps(a, b);
}

KN_INLINE kn_vf kn_vf_fma(kn_vf a, kn_vf b, kn_vf c)
{
    return _mm_add_ps(_mm_mul_ps(a, b), c);
}

KN_INLINE kn_vf kn_vf_max(kn_vf a, kn_vf b)
{
    return _mm_max_ps(a, b);
}

KN_INLINE kn_vf kn_vf_min(kn_vf a, kn_vf b)
{
    return _mm_min_ps(a, b);
}

KN_INLINE kn_vf kn_vf_abs(kn_vf v)
{
    return _mm_andnot_ps(_mm_set1_ps(-0.0f), v);
}

KN_INLINE kn_vf kn_vf_keep(kn_vf v, kn_vf x, kn_vf lo)
{
    return _mm_and_ps(v, _mm_cmpnlt_ps(x, lo));
}

KN_INLINE kn_vf kn_vf_by_sign(kn_vf x, kn_vf negative, kn_vf positive)
{
    return _mm_blendv_ps(positive, negative, x);
}

KN_INLINE kn_vf kn_vf_exponent(kn_vf v)
{
    return _mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(v), 23));
}

KN_INLINE kn_vf kn_vf_first(kn_vf v, int n, kn_vf rest)
{
    __m128i mine = _mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3));
    return _mm_blendv_ps(rest, v, _mm_castsi128_ps(mine));
}

KN_INLINE float kn_vf_sum(kn_vf v)
{
    v = _mm_add_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)));
}

KN_INLINE float kn_vf_largest(kn_vf v)
{
    v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)));
}

KN_INLINE float kn_vf_smallest(kn_vf v)
{
    v = _mm_min_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_min_ss(v, _mm_movehdup_ps(v)));
}

KN_INLINE kn_vi kn_vi_set(int32_t x)
{
    return _mm_set1_epi32(x);
}

KN_INLINE kn_vi kn_vi_load(const int32_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

KN_INLINE kn_vi kn_vi_load_u8(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
}

KN_INLINE void kn_vi_store_u8(uint8_t *p, kn_vi a, kn_vi b, kn_vi c, kn_vi d)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
}

KN_INLINE kn_vi kn_vi_add(kn_vi a, kn_vi b)
{
    return _mm_add_epi32(a, b);
}

KN_INLINE kn_vi kn_vi_sub(kn_vi a, kn_vi b)
{
    return _mm_sub_epi32(a, b);
}

KN_INLINE kn_vi kn_vi_mul(kn_vi a, kn_vi b)
{
    return _mm_mullo_epi32(a, b);
}

KN_INLINE kn_vf kn_vi_to_f32(kn_vi v)
{
    return _mm_cvtepi32_ps(v);
}

KN_INLINE kn_vi kn_vf_round(kn_vf v)
{
    return _mm_cvtps_epi32(v);
}

#endif
