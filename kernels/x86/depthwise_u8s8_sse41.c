/* kn_depthwise_u8s8 with pmaddwd: two products of 16-bit words and their sum, exactly, eight channels at a time. */
#define DW_HALVES 0
enum { DW_PARTS = 2, DW_MOST = 2, VECTOR_BYTES = 16 };

#include "kernels/depthwise_quads.h"
#include "kernels/x86/lanes_sse41.h"

static const struct kn_dw_layout layout = {4, DW_MOST, 1};
typedef __m128i vec;

struct dw_block {
    const struct kn_depthwise_shape *s;
    const char *fours, *columns; /* weights; columns: NULL unless they are used */
    int slides;
    int channels; /* real ones */
    vec bias[DW_MOST], scale[DW_MOST];
    __m128 hi;              /* of the rounded value */
    __m128i zero_point, lo; /* 16-bit; 8-bit */
    uint8_t outside[DW_MOST * 4];
};

KN_INLINE vec dw_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

KN_INLINE vec dw_in_lanes(int nv, const int32_t *p, int v)
{
    (void)nv;
    return _mm_loadu_si128((const __m128i *)(const void *)(p + 4 * v));
}

KN_INLINE __m128i words_8(const uint8_t *x)
{
    return _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)x));
}

KN_INLINE void dw_fetch(int nv, const uint8_t *const *r, vec *in)
{
    __m128i a = words_8(r[0]), b = words_8(r[1]), c = words_8(r[2]), d = words_8(r[3]);
    (void)nv;
    in[0] = _mm_unpacklo_epi16(a, b);
    in[1] = _mm_unpacklo_epi16(c, d);
    in[2] = _mm_unpackhi_epi16(a, b);
    in[3] = _mm_unpackhi_epi16(c, d);
}

KN_INLINE vec dw_dot(vec sum, vec in, vec w)
{
    sum = _mm_add_epi32(sum, _mm_madd_epi16(in, w));
    __asm__("" : "+x"(sum)); /* as in depthwise_u8s8_avx2.c */
    return sum;
}

/* As in depthwise_u8s8_halves.h: what is too high is cut off first, what is too low, and NaN, last. */
KN_INLINE vec dw_words(const struct dw_block *b, const vec *sum)
{
    __m128 x = _mm_mul_ps(_mm_cvtepi32_ps(sum[0]), _mm_castsi128_ps(b->scale[0]));
    __m128 z = _mm_mul_ps(_mm_cvtepi32_ps(sum[1]), _mm_castsi128_ps(b->scale[1]));
    __m128i words = _mm_packs_epi32(_mm_cvtps_epi32(_mm_min_ps(b->hi, x)), _mm_cvtps_epi32(_mm_min_ps(b->hi, z)));
    return _mm_adds_epi16(words, b->zero_point);
}

KN_INLINE void store_8(uint8_t *y, uint64_t bytes, int count)
{
    memcpy(y, &bytes, count < 8 ? (size_t)count : 8);
}

KN_INLINE void dw_out_u8(const struct dw_block *b, int nv, int lines, int full, vec (*sum)[DW_MOST], uint8_t *y,
                         uint8_t *below)
{
    __m128i words = dw_words(b, sum[0]);
    __m128i bytes = _mm_packus_epi16(words, lines == 2 ? dw_words(b, sum[1]) : words);
    (void)nv;
    bytes = _mm_max_epu8(bytes, b->lo);
    store_8(y, (uint64_t)_mm_cvtsi128_si64(bytes), full ? 8 : b->channels);
    if (lines == 2)
        store_8(below, (uint64_t)_mm_extract_epi64(bytes, 1), full ? 8 : b->channels);
}

KN_INLINE void dw_out_s32(const struct dw_block *b, int nv, int lines, int full, vec (*sum)[DW_MOST], int32_t *y,
                          int32_t *below)
{
    (void)full;
    KN_UNROLL
    for (int line = 0; line < lines; line++, y = below) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            kn_store_s32(y + 4 * v, sum[line][v], b->channels - 4 * v);
    }
}

#include "kernels/x86/depthwise_u8s8_lanes.h"

void kn_depthwise_u8s8_u8__sse41(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                 const void *packed, const struct kn_requant *rq, uint8_t *y)
{
    struct dw_block b = {.s = s};
    b.hi = _mm_set1_ps((float)(rq->hi - rq->zero_point));
    b.zero_point = _mm_set1_epi16((int16_t)rq->zero_point);
    b.lo = _mm_set1_epi8((char)rq->lo);
    dw_run(&b, x, zero_in, packed, rq->bias, rq->scale, (char *)y, 0);
}

void kn_depthwise_u8s8_s32__sse41(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                  const void *packed, const int32_t *bias, int32_t *y)
{
    struct dw_block b = {.s = s};
    dw_run(&b, x, zero_in, packed, bias, NULL, (char *)y, 1);
}
