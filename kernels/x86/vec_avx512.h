/* The vectors of kernels/vec/vec.h: sixteen floats, AVX-512 F, BW, VL and DQ. */
#ifndef KERNELS_X86_VEC_AVX512_H
#define KERNELS_X86_VEC_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

/* The first n (0..16) lanes. */
KN_INLINE __mmask16 kn_first_lanes(int n)
{
    return (__mmask16)((1u << n) - 1);
}

enum { KN_VF = 16 };
typedef __m512 kn_vf;
typedef __m512i kn_vi;

KN_INLINE kn_vf kn_vf_set(float x)
{
    return _mm512_set1_ps(x);
}

KN_INLINE kn_vf kn_vf_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

KN_INLINE void kn_vf_store(float *p, kn_vf v)
{
    _mm512_storeu_ps(p, v);
}

KN_INLINE kn_vf kn_vf_load_part(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(kn_first_lanes(n), p);
}

KN_INLINE void kn_vf_store_part(float *p, kn_vf v, int n)
{
    _mm512_mask_storeu_ps(p, kn_first_lanes(n), v);
}

KN_INLINE kn_vf kn_vf_add(kn_vf a, kn_vf b)
{
    return _mm512_add_ps(a, b);
}

KN_INLINE kn_vf kn_vf_sub(kn_vf a, kn_vf b)
{
    return _mm512_sub_ps(a, b);
}

KN_INLINE kn_vf kn_vf_mul(kn_vf a, kn_vf b)
{
    return _mm512_mul_ps(a, b);
}

KN_INLINE kn_vf kn_vf_div(kn_vf a, kn_vf b)
{
    return _mm512_div_ps(a, b);
}

KN_INLINE kn_vf kn_vf_fma(kn_vf a, kn_vf b, kn_vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

KN_INLINE kn_vf kn_vf_max(kn_vf a, kn_vf b)
{
    return _mm512_max_ps(a, b);
}

KN_INLINE kn_vf kn_vf_min(kn_vf a, kn_vf b)
{
    return _mm512_min_ps(a, b);
}

KN_INLINE kn_vf kn_vf_abs(kn_vf v)
{
    return _mm512_abs_ps(v);
}

KN_INLINE kn_vf kn_vf_keep(kn_vf v, kn_vf x, kn_vf lo)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, lo, _CMP_NLT_UQ), v);
}

KN_INLINE kn_vf kn_vf_by_sign(kn_vf x, kn_vf negative, kn_vf positive)
{
    return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(x)), positive, negative);
}

KN_INLINE kn_vf kn_vf_exponent(kn_vf v)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23));
}

KN_INLINE kn_vf kn_vf_first(kn_vf v, int n, kn_vf rest)
{
    return _mm512_mask_blend_ps(kn_first_lanes(n), rest, v);
}

KN_INLINE float kn_vf_sum(kn_vf v)
{
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

KN_INLINE float kn_vf_largest(kn_vf v)
{
    __m256 half = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    four = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(four, _mm_movehdup_ps(four)));
}

KN_INLINE float kn_vf_smallest(kn_vf v)
{
    __m256 half = _mm256_min_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_min_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    four = _mm_min_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_min_ss(four, _mm_movehdup_ps(four)));
}

KN_INLINE kn_vi kn_vi_set(int32_t x)
{
    return _mm512_set1_epi32(x);
}

KN_INLINE kn_vi kn_vi_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

KN_INLINE kn_vi kn_vi_load_u8(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}

KN_INLINE void kn_vi_store_u8(uint8_t *p, kn_vi a, kn_vi b, kn_vi c, kn_vi d)
{
    /* By quarters a0 b0 c0 d0 | a1 .. d1 | a2 .. d2 | a3 .. d3, four bytes each. */
    __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_si512(p, _mm512_permutexvar_epi32(order, bytes));
}

KN_INLINE kn_vi kn_vi_add(kn_vi a, kn_vi b)
{
    return _mm512_add_epi32(a, b);
}

KN_INLINE kn_vi kn_vi_sub(kn_vi a, kn_vi b)
{
    return _mm512_sub_epi32(a, b);
}

KN_INLINE kn_vi kn_vi_mul(kn_vi a, kn_vi b)
{
    return _mm512_mullo_epi32(a, b);
}

KN_INLINE kn_vf kn_vi_to_f32(kn_vi v)
{
    return _mm512_cvtepi32_ps(v);
}

KN_INLINE kn_vi kn_vf_round(kn_vf v)
{
    return _mm512_cvtps_epi32(v);
}

#endif
