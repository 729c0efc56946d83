/* kn_depthwise_u8s8 with vpmaddwd: two products of 16-bit words and their sum, exactly, sixteen channels at a time. */
#define DW_HALVES 0
enum { DW_PARTS = 2, DW_MOST = 2 };

#include "kernels/x86/depthwise_u8s8_halves.h"

static const struct kn_dw_layout layout = {8, DW_MOST, 1};

KN_INLINE __m256i words_16(const uint8_t *x)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
}

KN_INLINE void dw_fetch(int nv, const uint8_t *const *r, vec *in)
{
    __m256i a = words_16(r[0]), b = words_16(r[1]), c = words_16(r[2]), d = words_16(r[3]);
    (void)nv;
    in[0] = _mm256_unpacklo_epi16(a, b);
    in[1] = _mm256_unpacklo_epi16(c, d);
    in[2] = _mm256_unpackhi_epi16(a, b);
    in[3] = _mm256_unpackhi_epi16(c, d);
}

KN_INLINE vec dw_dot(vec sum, vec in, vec w)
{
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(in, w));
    __asm__("" : "+x"(sum)); /* gcc would multiply first and add later, and run out of registers in between */
    return sum;
}

#include "kernels/x86/depthwise_u8s8_lanes.h"

void kn_depthwise_u8s8_u8__avx2(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                const void *packed, const struct kn_requant *rq, uint8_t *y)
{
    struct dw_block b = dw_block_u8(s, rq);
    if (s->c <= 8) { /* packed so: half of a vector would stay empty */
        kn_depthwise_u8s8_u8__sse41(s, x, zero_in, packed, rq, y);
        return;
    }
    dw_run(&b, x, zero_in, packed, rq->bias, rq->scale, (char *)y, 0);
}

void kn_depthwise_u8s8_s32__avx2(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                 const void *packed, const int32_t *bias, int32_t *y)
{
    struct dw_block b = {.s = s};
    if (s->c <= 8) {
        kn_depthwise_u8s8_s32__sse41(s, x, zero_in, packed, bias, y);
        return;
    }
    dw_run(&b, x, zero_in, packed, bias, NULL, (char *)y, 1);
}
