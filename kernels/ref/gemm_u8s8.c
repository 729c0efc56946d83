/* C(m, n) = A(m, K) W(n, K)^T in integers, one sum at a time. */
#include "kernels/requant.h"
#include "kernels/roster.h"

/* Unsigned arithmetic: wraps like the SIMD registers should K ever exceed what 32 bits hold. */
static int32_t dot(const struct kn_rows *a, const uint8_t *x, const int8_t *w)
{
    uint32_t sum = 0;
    for (int s = 0; s < a->segs; s++, x += a->seg_step, w += a->seg_len) {
        for (int i = 0; i < a->seg_len; i++)
            sum += (uint32_t)(x[i] * w[i]);
    }
    return (int32_t)sum;
}

void kn_gemm_u8s8_u8__ref(const struct kn_rows *a, const void *packed, const struct kn_requant *rq, int n, uint8_t *c,
                          ptrdiff_t ldc)
{
    const int8_t *w = packed; /* (n, K) */
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = 0; r < a->m; r++) {
        const uint8_t *x = (const uint8_t *)a->base + kn_row_offset(a, r);
        for (int j = 0; j < n; j++)
            c[r * ldc + j] = kn_requantize(kn_add_s32(dot(a, x, w + (size_t)j * k), rq->bias[j]), rq->scale[j],
                                           rq->zero_point, rq->lo, rq->hi);
    }
}

void kn_gemm_u8s8_s32__ref(const struct kn_rows *a, const void *packed, const int32_t *bias, int n, int32_t *c,
                           ptrdiff_t ldc)
{
    const int8_t *w = packed; /* (n, K) */
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = 0; r < a->m; r++) {
        const uint8_t *x = (const uint8_t *)a->base + kn_row_offset(a, r);
        for (int j = 0; j < n; j++)
            c[r * ldc + j] = kn_add_s32(dot(a, x, w + (size_t)j * k), bias ? bias[j] : 0);
    }
}
