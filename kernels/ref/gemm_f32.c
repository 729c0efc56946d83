/* C(m, n) = A(m, K) W(n, K)^T, one sum at a time. */
#include "kernels/requant.h"
#include "kernels/roster.h"

static float dot(const struct kn_rows *a, const float *x, const float *w)
{
    float sum = 0;
    for (int s = 0; s < a->segs; s++, x += a->seg_step, w += a->seg_len) {
        for (int i = 0; i < a->seg_len; i++)
            sum += x[i] * w[i];
    }
    return sum;
}

void kn_gemm_f32__ref(const struct kn_rows *a, const void *packed, const float *bias, int n, float lo, float hi,
                      float *c, ptrdiff_t ldc)
{
    const float *w = packed; /* (n, K) */
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = 0; r < a->m; r++) {
        const float *x = (const float *)a->base + kn_row_offset(a, r);
        for (int j = 0; j < n; j++)
            c[r * ldc + j] = kn_clamp(dot(a, x, w + (size_t)j * k) + (bias ? bias[j] : 0.0f), lo, hi);
    }
}
