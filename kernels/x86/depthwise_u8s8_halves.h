/* What the 256-bit kernels of kn_depthwise_u8s8 share: a block in registers, and its outputs. Vectors of sums hold
 * channels of the block's lower and upper half (depthwise_quads.h), so that packing two of them, which goes by halves
 * as well, brings the channels back in order. */
#ifndef KERNELS_X86_DEPTHWISE_U8S8_HALVES_H
#define KERNELS_X86_DEPTHWISE_U8S8_HALVES_H

#include "kernels/depthwise_quads.h"
#include "kernels/x86/lanes_avx2.h"

typedef __m256i vec;
enum { VECTOR_BYTES = 32 };

struct dw_block {
    const struct kn_depthwise_shape *s;
    const char *fours, *columns; /* weights; columns: NULL unless they are used */
    int slides;
    int channels; /* real ones */
    vec bias[DW_MOST], scale[DW_MOST];
    __m256 hi;              /* of the rounded value */
    __m256i zero_point, lo; /* 16-bit; 8-bit */
    uint8_t outside[DW_MOST * 8];
};

KN_INLINE vec dw_load(const char *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

KN_INLINE vec dw_in_lanes(int nv, const int32_t *p, int v)
{
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(p + 4 * v));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low),
                                   _mm_loadu_si128((const __m128i *)(const void *)(p + 4 * nv + 4 * v)), 1);
}

/* Sums → 16-bit outputs, not yet cut off below: what exceeds hi is cut off before it becomes an integer, what lies
 * below the range, and NaN, becomes the lowest integer, and saturating sums keep it low. The lower bound comes last. */
KN_INLINE vec dw_words(const struct dw_block *b, const vec *sum, int v)
{
    __m256 x = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[v]), _mm256_castsi256_ps(b->scale[v]));
    __m256 z = _mm256_mul_ps(_mm256_cvtepi32_ps(sum[v + 1]), _mm256_castsi256_ps(b->scale[v + 1]));
    __m256i words =
        _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_min_ps(b->hi, x)), _mm256_cvtps_epi32(_mm256_min_ps(b->hi, z)));
    return _mm256_adds_epi16(words, b->zero_point);
}

KN_INLINE void dw_store_16(uint8_t *y, __m128i bytes, int count)
{
    if (count >= 16) {
        _mm_storeu_si128((__m128i *)(void *)y, bytes);
        return;
    }
    kn_store_u8(y, (uint64_t)_mm_cvtsi128_si64(bytes), count);
    if (count > 8)
        kn_store_u8(y + 8, (uint64_t)_mm_extract_epi64(bytes, 1), count - 8);
}

KN_INLINE void dw_store_32(uint8_t *y, __m256i bytes, int count)
{
    if (count >= 32) {
        _mm256_storeu_si256((__m256i *)(void *)y, bytes);
        return;
    }
    dw_store_16(y, _mm256_castsi256_si128(bytes), count);
    if (count > 16)
        dw_store_16(y + 16, _mm256_extracti128_si256(bytes, 1), count - 16);
}

KN_INLINE void dw_out_u8(const struct dw_block *b, int nv, int lines, int full, vec (*sum)[DW_MOST], uint8_t *y,
                         uint8_t *below)
{
    if (nv == 4) {
        KN_UNROLL
        for (int line = 0; line < lines; line++) {
            __m256i bytes = _mm256_packus_epi16(dw_words(b, sum[line], 0), dw_words(b, sum[line], 2));
            dw_store_32(line ? below : y, _mm256_max_epu8(bytes, b->lo), full ? 32 : b->channels);
        }
    } else {
        __m256i words = dw_words(b, sum[0], 0);
        __m256i bytes = _mm256_packus_epi16(words, lines == 2 ? dw_words(b, sum[1], 0) : words);
        bytes = _mm256_permute4x64_epi64(_mm256_max_epu8(bytes, b->lo), 0xd8);
        dw_store_16(y, _mm256_castsi256_si128(bytes), full ? 16 : b->channels);
        if (lines == 2)
            dw_store_16(below, _mm256_extracti128_si256(bytes, 1), full ? 16 : b->channels);
    }
}

KN_INLINE void dw_store_4(int32_t *y, __m128i v, int count)
{
    if (count > 0)
        kn_store_s32(y, _mm256_castsi128_si256(v), count < 4 ? count : 4);
}

KN_INLINE void dw_out_s32(const struct dw_block *b, int nv, int lines, int full, vec (*sum)[DW_MOST], int32_t *y,
                          int32_t *below)
{
    (void)full;
    KN_UNROLL
    for (int line = 0; line < lines; line++, y = below) {
        KN_UNROLL
        for (int v = 0; v < nv; v++) {
            dw_store_4(y + 4 * v, _mm256_castsi256_si128(sum[line][v]), b->channels - 4 * v);
            dw_store_4(y + 4 * nv + 4 * v, _mm256_extracti128_si256(sum[line][v], 1), b->channels - 4 * nv - 4 * v);
        }
    }
}

KN_INLINE struct dw_block dw_block_u8(const struct kn_depthwise_shape *s, const struct kn_requant *rq)
{
    struct dw_block b = {.s = s};
    b.hi = _mm256_set1_ps((float)(rq->hi - rq->zero_point));
    b.zero_point = _mm256_set1_epi16((int16_t)rq->zero_point);
    b.lo = _mm256_set1_epi8((char)rq->lo);
    return b;
}

#endif
