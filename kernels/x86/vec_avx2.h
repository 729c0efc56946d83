/* The vectors of kernels/vec/vec.h: eight floats, AVX2 and FMA. */
#ifndef KERNELS_X86_VEC_AVX2_H
#define KERNELS_X86_VEC_AVX2_H

#include "kernels/x86/lanes_avx2.h"

enum { KN_VF = 8 };
typedef __m256 kn_vf;
typedef __m256i kn_vi;

KN_INLINE kn_vf kn_vf_set(float x)
{
    return _mm256_set1_ps(x);
}

KN_INLINE kn_vf kn_vf_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

KN_INLINE void kn_vf_store(float *p, kn_vf v)
{
    _mm256_storeu_ps(p, v);
}

KN_INLINE kn_vf kn_vf_load_part(const float *p, int n)
{
    return _mm256_maskload_ps(p, kn_lane_mask(n));
}

KN_INLINE void kn_vf_store_part(float *p, kn_vf v, int n)
{
    kn_store_f32(p, v, n);
}

KN_INLINE kn_vf kn_vf_add(kn_vf a, kn_vf b)
{
    return _mm256_add_ps(a, b);
}

KN_INLINE kn_vf kn_vf_sub(kn_vf a, kn_vf b)
{
    return _mm256_sub_ps(a, b);
}

KN_INLINE kn_vf kn_vf_mul(kn_vf a, kn_vf b)
{
    return _mm256_mul_ps(a, b);
}

KN_INLINE kn_vf kn_vf_div(kn_vf a, kn_vf b)
{
    return _mm256_div_ps(a, b);
}

KN_INLINE kn_vf kn_vf_fma(kn_vf a, kn_vf b, kn_vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

KN_INLINE kn_vf kn_vf_max(kn_vf a, kn_vf b)
{
    return _mm256_max_ps(a, b);
}

KN_INLINE kn_vf kn_vf_min(kn_vf a, kn_vf b)
{
    return _mm256_min_ps(a, b);
}

KN_INLINE kn_vf kn_vf_abs(kn_vf v)
{
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v);
}

KN_INLINE kn_vf kn_vf_keep(kn_vf v, kn_vf x, kn_vf lo)
{
    return _mm256_and_ps(v, _mm256_cmp_ps(x, lo, _CMP_NLT_UQ));
}

KN_INLINE kn_vf kn_vf_by_sign(kn_vf x, kn_vf negative, kn_vf positive)
{
    return _mm256_blendv_ps(positive, negative, x);
}

KN_INLINE kn_vf kn_vf_exponent(kn_vf v)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23));
}

KN_INLINE kn_vf kn_vf_first(kn_vf v, int n, kn_vf rest)
{
    return _mm256_blendv_ps(rest, v, _mm256_castsi256_ps(kn_lane_mask(n)));
}

KN_INLINE float kn_vf_sum(kn_vf v)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

KN_INLINE float kn_vf_largest(kn_vf v)
{
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

KN_INLINE float kn_vf_smallest(kn_vf v)
{
    __m128 half = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_min_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_min_ss(half, _mm_movehdup_ps(half)));
}

KN_INLINE kn_vi kn_vi_set(int32_t x)
{
    return _mm256_set1_epi32(x);
}

KN_INLINE kn_vi kn_vi_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

KN_INLINE kn_vi kn_vi_load_u8(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}

KN_INLINE void kn_vi_store_u8(uint8_t *p, kn_vi a, kn_vi b, kn_vi c, kn_vi d)
{
    /* By halves a0 b0 c0 d0 | a1 b1 c1 d1, four bytes each. */
    __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)p, bytes);
}

KN_INLINE kn_vi kn_vi_add(kn_vi a, kn_vi b)
{
    return _mm256_add_epi32(a, b);
}

KN_INLINE kn_vi kn_vi_sub(kn_vi a, kn_vi b)
{
    return _mm256_sub_epi32(a, b);
}

KN_INLINE kn_vi kn_vi_mul(kn_vi a, kn_vi b)
{
    return _mm256_mullo_epi32(a, b);
}

KN_INLINE kn_vf kn_vi_to_f32(kn_vi v)
{
    return _mm256_cvtepi32_ps(v);
}

KN_INLINE kn_vi kn_vf_round(kn_vf v)
{
    return _mm256_cvtps_epi32(v);
}

#endif
