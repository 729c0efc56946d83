/* C(m, n) = A(m, K) W(n, K)^T over the nonzero weights, in integers. */
#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/runs.h"

/* The next output's weights. */
struct stream {
    const struct kn_run *run, *end;
    const uint16_t *delta;
    const int8_t *w;
};

static int32_t dot(struct stream *s, const uint8_t *x)
{
    uint32_t sum = 0;
    for (; s->run < s->end; s->run++) {
        const uint8_t *at = x + s->run->offset;
        for (uint32_t e = 0; e < s->run->entries; e++) {
            at += *s->delta++;
            sum += (uint32_t)(*at * *s->w++);
        }
    }
    return (int32_t)sum;
}

void kn_sprows_u8s8_u8__ref(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                            const struct kn_residual *residual, int n, const struct kn_out *c)
{
    const struct kn_runs runs = kn_runs_view(packed, n);
    for (int r = a->first; r < a->first + a->m; r++) {
        const uint8_t *x = (const uint8_t *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, r);
        uint8_t *y = (uint8_t *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, r);
        const uint8_t *add =
            residual ? (const uint8_t *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, r)
                     : NULL;
        struct stream s = {runs.run, runs.run, runs.delta, runs.weight};
        for (int j = 0; j < n; j++) {
            int32_t sum;
            s.end = runs.run + runs.first[j + 1];
            sum = kn_add_s32(dot(&s, x), rq->bias[j]);
            y[j] = add ? kn_requantize_add(sum, rq->scale[j], add[j], residual->scale, residual->zero_point,
                                           rq->zero_point, rq->lo, rq->hi)
                       : kn_requantize(sum, rq->scale[j], rq->zero_point, rq->lo, rq->hi);
        }
    }
}

void kn_sprows_u8s8_s32__ref(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                             const struct kn_out *c)
{
    const struct kn_runs runs = kn_runs_view(packed, n);
    for (int r = a->first; r < a->first + a->m; r++) {
        const uint8_t *x = (const uint8_t *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, r);
        int32_t *y = (int32_t *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, r);
        struct stream s = {runs.run, runs.run, runs.delta, runs.weight};
        for (int j = 0; j < n; j++) {
            s.end = runs.run + runs.first[j + 1];
            y[j] = kn_add_s32(dot(&s, x), bias ? bias[j] : 0);
        }
    }
}
