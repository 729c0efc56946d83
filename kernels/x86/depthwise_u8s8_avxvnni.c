/* kn_depthwise_u8s8 with vpdpbusd, AVX-VNNI: see depthwise_u8s8_dots.h. */
#include <immintrin.h>

#define DW_DPBUSD _mm256_dpbusd_avx_epi32

#include "kernels/x86/depthwise_u8s8_dots.h"

void kn_depthwise_u8s8_u8__avxvnni(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                   const void *packed, const struct kn_requant *rq, uint8_t *y)
{
    struct dw_block b = dw_block_u8(s, rq);
    dw_run(&b, x, zero_in, packed, rq->bias, rq->scale, (char *)y, 0);
}

void kn_depthwise_u8s8_s32__avxvnni(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                    const void *packed, const int32_t *bias, int32_t *y)
{
    struct dw_block b = {.s = s};
    dw_run(&b, x, zero_in, packed, bias, NULL, (char *)y, 1);
}
