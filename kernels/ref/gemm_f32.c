/* C(m, n) = A(m, K) W(n, K)^T, four outputs at a time so that the sums do not wait for one another. */
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

static void dot_four(const struct kn_rows *a, const float *x, const float *w, size_t k, float sum[4])
{
    const float *w1 = w + k, *w2 = w1 + k, *w3 = w2 + k;
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int s = 0, j = 0; s < a->segs; s++, x += a->seg_step) {
        for (int i = 0; i < a->seg_len; i++, j++) {
            float v = x[i];
            s0 += v * w[j];
            s1 += v * w1[j];
            s2 += v * w2[j];
            s3 += v * w3[j];
        }
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

void kn_gemm_f32__ref(const struct kn_rows *a, const void *packed, const float *bias, int n, float lo, float hi,
                      float *c, ptrdiff_t ldc)
{
    const float *w = packed; /* (n, K) */
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = 0; r < a->m; r++, c += ldc) {
        const float *x = (const float *)a->base + kn_row_offset(a, r);
        for (int j = 0; j < n; j += 4) {
            float sum[4];
            int count = n - j < 4 ? n - j : 4;
            if (count == 4)
                dot_four(a, x, w + (size_t)j * k, k, sum);
            else
                for (int i = 0; i < count; i++)
                    sum[i] = dot(a, x, w + (size_t)(j + i) * k);
            for (int i = 0; i < count; i++)
                c[j + i] = kn_clamp(sum[i] + (bias ? bias[j + i] : 0.0f), lo, hi);
        }
    }
}
