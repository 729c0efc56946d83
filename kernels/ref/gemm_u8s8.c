/* C(m, n) = A(m, K) W(n, K)^T in integers, one sum at a time. */
#include "kernels/requant.h"
#include "kernels/roster.h"

/* Unsigned arithmetic: wraps like the SIMD registers should K ever exceed what 32 bits hold. */
static int32_t dot(const struct kn_rows *a, const uint8_t *x, const int8_t *w)
{
    uint32_t sum = 0;
    for (int s = 0; s < a->segs; s++, w += a->seg_len) {
        const uint8_t *seg = x + kn_seg_place(a, s);
        for (int i = 0; i < a->seg_len; i++)
            sum += (uint32_t)(seg[i] * w[i]);
    }
    return (int32_t)sum;
}

static const uint8_t *row_of(const struct kn_rows *a, int r)
{
    return (const uint8_t *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, r);
}

void kn_gemm_u8s8_u8__ref(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                          const struct kn_residual *residual, int n, const struct kn_out *c)
{
    const int8_t *w = packed; /* (n, K) */
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = a->first; r < a->first + a->m; r++) {
        uint8_t *y = (uint8_t *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, r);
        const uint8_t *add =
            residual ? (const uint8_t *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, r)
                     : NULL;
        for (int j = 0; j < n; j++) {
            int32_t sum = kn_add_s32(dot(a, row_of(a, r), w + (size_t)j * k), rq->bias[j]);
            y[j] = add ? kn_requantize_add(sum, rq->scale[j], add[j], residual->scale, residual->zero_point,
                                           rq->zero_point, rq->lo, rq->hi)
                       : kn_requantize(sum, rq->scale[j], rq->zero_point, rq->lo, rq->hi);
        }
    }
}

void kn_gemm_u8s8_s32__ref(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                           const struct kn_out *c)
{
    const int8_t *w = packed; /* (n, K) */
    size_t k = (size_t)a->segs * (size_t)a->seg_len;
    for (int r = a->first; r < a->first + a->m; r++) {
        int32_t *y = (int32_t *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, r);
        for (int j = 0; j < n; j++)
            y[j] = kn_add_s32(dot(a, row_of(a, r), w + (size_t)j * k), bias ? bias[j] : 0);
    }
}
