/* C(m, n) = A(m, K) W(n, K)^T, one sum at a time. */
#include "kernels/requant.h"
#include "kernels/roster.h"

static float dot(const struct kn_rows *a, const float *x, const float *w)
{
    float sum = 0;
    for (int s = 0; s < a->segs; s++, w += a->seg_len) {
        const float *seg = x + kn_seg_place(a, s);
        for (int i = 0; i < a->seg_len; i++)
            sum += seg[i] * w[i];
    }
    return sum;
}

void kn_gemm_f32__ref(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                      const struct kn_out *c)
{
    const float *w = packed; /* (n, K) */
    const struct kn_residual *residual = tail->residual;
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = a->first; r < a->first + a->m; r++) {
        const float *x = (const float *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, r);
        float *y = (float *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, r);
        const float *add =
            residual ? (const float *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, r)
                     : NULL;
        for (int j = 0; j < n; j++) {
            float sum = dot(a, x, w + (size_t)j * k) + (tail->bias ? tail->bias[j] : 0.0f);
            y[j] = kn_clamp(sum + (add ? add[j] : 0.0f), tail->lo, tail->hi);
        }
    }
}
