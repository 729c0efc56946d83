/* C(m, n) = A(m, K) W(n, K)^T in integers, four outputs at a time. */
#include "kernels/requant.h"
#include "kernels/roster.h"

static int32_t dot(const struct kn_rows *a, const uint8_t *x, const int8_t *w)
{
    uint32_t sum = 0;
    for (int s = 0; s < a->segs; s++, x += a->seg_step, w += a->seg_len) {
        for (int i = 0; i < a->seg_len; i++)
            sum += (uint32_t)(x[i] * w[i]);
    }
    return (int32_t)sum;
}

static void dot_four(const struct kn_rows *a, const uint8_t *x, const int8_t *w, size_t k, int32_t sum[4])
{
    const int8_t *w1 = w + k, *w2 = w1 + k, *w3 = w2 + k;
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int s = 0, j = 0; s < a->segs; s++, x += a->seg_step) {
        for (int i = 0; i < a->seg_len; i++, j++) {
            int v = x[i];
            s0 += (uint32_t)(v * w[j]);
            s1 += (uint32_t)(v * w1[j]);
            s2 += (uint32_t)(v * w2[j]);
            s3 += (uint32_t)(v * w3[j]);
        }
    }
    sum[0] = (int32_t)s0;
    sum[1] = (int32_t)s1;
    sum[2] = (int32_t)s2;
    sum[3] = (int32_t)s3;
}

/* Accumulators of outputs j .. j + count - 1 (count at most 4) of the row at x. */
static void accumulate(const struct kn_rows *a, const uint8_t *x, const int8_t *w, int j, int count, int32_t sum[4])
{
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    if (count == 4) {
        dot_four(a, x, w + (size_t)j * k, k, sum);
        return;
    }
    for (int i = 0; i < count; i++)
        sum[i] = dot(a, x, w + (size_t)(j + i) * k);
}

void kn_gemm_u8s8_u8__ref(const struct kn_rows *a, const void *packed, const struct kn_requant *rq, int n, uint8_t *c,
                          ptrdiff_t ldc)
{
    for (int r = 0; r < a->m; r++, c += ldc) {
        const uint8_t *x = (const uint8_t *)a->base + kn_row_offset(a, r);
        for (int j = 0; j < n; j += 4) {
            int32_t sum[4];
            int count = n - j < 4 ? n - j : 4;
            accumulate(a, x, packed, j, count, sum);
            for (int i = 0; i < count; i++)
                c[j + i] = kn_requantize(kn_add_s32(sum[i], rq->bias[j + i]), rq->scale[j + i], rq->zero_point, rq->lo,
                                         rq->hi);
        }
    }
}

void kn_gemm_u8s8_s32__ref(const struct kn_rows *a, const void *packed, const int32_t *bias, int n, int32_t *c,
                           ptrdiff_t ldc)
{
    for (int r = 0; r < a->m; r++, c += ldc) {
        const uint8_t *x = (const uint8_t *)a->base + kn_row_offset(a, r);
        for (int j = 0; j < n; j += 4) {
            int32_t sum[4];
            int count = n - j < 4 ? n - j : 4;
            accumulate(a, x, packed, j, count, sum);
            for (int i = 0; i < count; i++)
                c[j + i] = kn_add_s32(sum[i], bias ? bias[j + i] : 0);
        }
    }
}
