/* Y(n, positions) = W(n, k) X(k, positions) over the nonzero weights, in integers. */
#include "kernels/csr.h"
#include "kernels/requant.h"
#include "kernels/roster.h"

enum { POSITIONS = 4 };

static void dot_positions(const uint8_t *x, const int32_t *offset, const int8_t *w, uint32_t count,
                          int32_t sum[POSITIONS])
{
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *at = x + offset[i];
        s0 += (uint32_t)(w[i] * at[0]);
        s1 += (uint32_t)(w[i] * at[1]);
        s2 += (uint32_t)(w[i] * at[2]);
        s3 += (uint32_t)(w[i] * at[3]);
    }
    sum[0] = (int32_t)s0;
    sum[1] = (int32_t)s1;
    sum[2] = (int32_t)s2;
    sum[3] = (int32_t)s3;
}

/* Sums of `row` at up to POSITIONS neighbouring positions from x on; returns how many. */
static int dot_some(const struct kn_csr *csr, int row, const uint8_t *x, int left, int32_t sum[POSITIONS])
{
    const int32_t *offset = csr->column + csr->start[row];
    const int8_t *w = (const int8_t *)csr->weight + csr->start[row];
    uint32_t count = csr->start[row + 1] - csr->start[row];
    uint32_t one = 0;
    if (left >= POSITIONS) {
        dot_positions(x, offset, w, count, sum);
        return POSITIONS;
    }
    for (uint32_t i = 0; i < count; i++)
        one += (uint32_t)(w[i] * x[offset[i]]);
    sum[0] = (int32_t)one;
    return 1;
}

void kn_spmm_u8s8_u8__ref(const struct kn_cols *x, const void *packed, const struct kn_requant *rq, int n, uint8_t *y)
{
    struct kn_csr csr = kn_csr_view(packed, n);
    for (int row = 0; row < n; row++) {
        for (int line = 0; line < x->lines; line++, y += x->line_len) {
            const uint8_t *from = (const uint8_t *)x->base + line * x->line_step;
            for (int j = 0; j < x->line_len;) {
                int32_t sum[POSITIONS];
                int done = dot_some(&csr, row, from + j, x->line_len - j, sum);
                for (int i = 0; i < done; i++)
                    y[j + i] = kn_requantize(kn_add_s32(sum[i], rq->bias[row]), rq->scale[row], rq->zero_point, rq->lo,
                                             rq->hi);
                j += done;
            }
        }
    }
}

void kn_spmm_u8s8_s32__ref(const struct kn_cols *x, const void *packed, const int32_t *bias, int n, int32_t *y)
{
    struct kn_csr csr = kn_csr_view(packed, n);
    for (int row = 0; row < n; row++) {
        for (int line = 0; line < x->lines; line++, y += x->line_len) {
            const uint8_t *from = (const uint8_t *)x->base + line * x->line_step;
            for (int j = 0; j < x->line_len;) {
                int32_t sum[POSITIONS];
                int done = dot_some(&csr, row, from + j, x->line_len - j, sum);
                for (int i = 0; i < done; i++)
                    y[j + i] = kn_add_s32(sum[i], bias ? bias[row] : 0);
                j += done;
            }
        }
    }
}
