/* y(n) = W(n, k) x(k) over the nonzero weights. */
#include "kernels/csr.h"
#include "kernels/requant.h"
#include "kernels/roster.h"

void kn_spmv_f32__ref(const float *x, const void *packed, const float *bias, int n, int k, float lo, float hi, float *y)
{
    struct kn_csr csr = kn_csr_view(packed, n);
    const float *w = csr.weight;
    (void)k;
    for (int row = 0; row < n; row++) {
        float sum = 0;
        for (uint32_t i = csr.start[row]; i < csr.start[row + 1]; i++)
            sum += w[i] * x[csr.column[i]];
        y[row] = kn_clamp(sum + (bias ? bias[row] : 0.0f), lo, hi);
    }
}
