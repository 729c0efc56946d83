/* Y(n, positions) = W(n, k) X(k, positions) over the nonzero weights: one output line at a time, a few positions
 * at a time, each in a sum of its own. */
#include "kernels/csr.h"
#include "kernels/requant.h"
#include "kernels/roster.h"

enum { POSITIONS = 4 };

static void dot_positions(const float *x, const int32_t *offset, const float *w, uint32_t count, float sum[POSITIONS])
{
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (uint32_t i = 0; i < count; i++) {
        const float *at = x + offset[i];
        s0 += w[i] * at[0];
        s1 += w[i] * at[1];
        s2 += w[i] * at[2];
        s3 += w[i] * at[3];
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

static float dot(const float *x, const int32_t *offset, const float *w, uint32_t count)
{
    float sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += w[i] * x[offset[i]];
    return sum;
}

void kn_spmm_f32__ref(const struct kn_cols *x, const void *packed, const float *bias, int n, float lo, float hi,
                      float *y)
{
    struct kn_csr csr = kn_csr_view(packed, n);
    for (int row = 0; row < n; row++) {
        const int32_t *offset = csr.column + csr.start[row];
        const float *w = (const float *)csr.weight + csr.start[row];
        uint32_t count = csr.start[row + 1] - csr.start[row];
        float b = bias ? bias[row] : 0.0f;
        for (int line = 0; line < x->lines; line++, y += x->line_len) {
            const float *from = (const float *)x->base + line * x->line_step;
            int j = 0;
            for (; j + POSITIONS <= x->line_len; j += POSITIONS) {
                float sum[POSITIONS];
                dot_positions(from + j, offset, w, count, sum);
                for (int i = 0; i < POSITIONS; i++)
                    y[j + i] = kn_clamp(sum[i] + b, lo, hi);
            }
            for (; j < x->line_len; j++)
                y[j] = kn_clamp(dot(from + j, offset, w, count) + b, lo, hi);
        }
    }
}
