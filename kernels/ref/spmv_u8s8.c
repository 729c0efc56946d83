/* y(n) = W(n, k) x(k) over the nonzero weights, in integers. */
#include "kernels/csr.h"
#include "kernels/requant.h"
#include "kernels/roster.h"

static int32_t dot(const struct kn_csr *csr, int row, const uint8_t *x)
{
    const int8_t *w = csr->weight;
    uint32_t sum = 0;
    for (uint32_t i = csr->start[row]; i < csr->start[row + 1]; i++)
        sum += (uint32_t)(w[i] * x[csr->column[i]]);
    return (int32_t)sum;
}

void kn_spmv_u8s8_u8__ref(const uint8_t *x, const void *packed, const struct kn_requant *rq, int n, int k, uint8_t *y)
{
    struct kn_csr csr = kn_csr_view(packed, n);
    (void)k;
    for (int row = 0; row < n; row++)
        y[row] =
            kn_requantize(kn_add_s32(dot(&csr, row, x), rq->bias[row]), rq->scale[row], rq->zero_point, rq->lo, rq->hi);
}

void kn_spmv_u8s8_s32__ref(const uint8_t *x, const void *packed, const int32_t *bias, int n, int k, int32_t *y)
{
    struct kn_csr csr = kn_csr_view(packed, n);
    (void)k;
    for (int row = 0; row < n; row++)
        y[row] = kn_add_s32(dot(&csr, row, x), bias ? bias[row] : 0);
}
