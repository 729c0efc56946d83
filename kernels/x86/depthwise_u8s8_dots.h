/* kn_depthwise_u8s8 where one instruction adds four products of bytes, exactly: up to 32 channels at a time. The file
 * that includes this has defined DW_DPBUSD, the instruction. */
#ifndef KERNELS_X86_DEPTHWISE_U8S8_DOTS_H
#define KERNELS_X86_DEPTHWISE_U8S8_DOTS_H

#define DW_HALVES 1
enum { DW_PARTS = 1, DW_MOST = 4 };

#include "kernels/x86/depthwise_u8s8_halves.h"

static const struct kn_dw_layout layout = {8, DW_MOST, 0};

KN_INLINE __m256i bytes_32(const uint8_t *x)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)x);
}

/* Channels 0-7 of sixteen in the lower half, 8-15 in the upper one. */
KN_INLINE __m256i pairs_of_16(const uint8_t *first, const uint8_t *second)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)first);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)second);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_unpacklo_epi8(a, b)), _mm_unpackhi_epi8(a, b), 1);
}

KN_INLINE void dw_fetch(int nv, const uint8_t *const *r, vec *in)
{
    if (nv == 4) {
        __m256i a = bytes_32(r[0]), b = bytes_32(r[1]), c = bytes_32(r[2]), d = bytes_32(r[3]);
        __m256i ab_lo = _mm256_unpacklo_epi8(a, b), ab_hi = _mm256_unpackhi_epi8(a, b);
        __m256i cd_lo = _mm256_unpacklo_epi8(c, d), cd_hi = _mm256_unpackhi_epi8(c, d);
        in[0] = _mm256_unpacklo_epi16(ab_lo, cd_lo);
        in[1] = _mm256_unpackhi_epi16(ab_lo, cd_lo);
        in[2] = _mm256_unpacklo_epi16(ab_hi, cd_hi);
        in[3] = _mm256_unpackhi_epi16(ab_hi, cd_hi);
    } else {
        __m256i ab = pairs_of_16(r[0], r[1]), cd = pairs_of_16(r[2], r[3]);
        in[0] = _mm256_unpacklo_epi16(ab, cd);
        in[1] = _mm256_unpackhi_epi16(ab, cd);
    }
}

KN_INLINE vec dw_dot(vec sum, vec in, vec w)
{
    return DW_DPBUSD(sum, in, w);
}

#include "kernels/x86/depthwise_u8s8_lanes.h"

#endif
