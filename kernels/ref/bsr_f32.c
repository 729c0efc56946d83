/* C(m, n) = A(m, K) W(n, K)^T over the blocks of W that hold a nonzero, one sum at a time. */
#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/runs.h"

/* Row `in_block` of the blocks of one group against the inputs from x on. The entries before the group: `done`. */
static float dot(const struct kn_runs *runs, int group, uint32_t done, int rows, int cols, int in_block, const float *x)
{
    const uint16_t *delta = runs->delta + done;
    const float *w = (const float *)runs->weight + (size_t)done * (size_t)(rows * cols) + in_block * cols;
    float sum = 0;
    for (uint32_t r = runs->first[group]; r < runs->first[group + 1]; r++) {
        const float *at = x + runs->run[r].offset;
        for (uint32_t e = 0; e < runs->run[r].entries; e++, w += rows * cols) {
            at += *delta++;
            for (int i = 0; i < cols; i++)
                sum += at[i] * w[i];
        }
    }
    return sum;
}

static void run(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                const struct kn_out *c, int rows, int cols)
{
    const struct kn_runs runs = kn_runs_view(packed, (n + rows - 1) / rows);
    const struct kn_residual *residual = tail->residual;
    for (int r = a->first; r < a->first + a->m; r++) {
        const float *x = (const float *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, r);
        float *y = (float *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, r);
        const float *add =
            residual ? (const float *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, r)
                     : NULL;
        uint32_t done = 0;
        for (int j = 0; j < n; j++) {
            int group = j / rows;
            float sum = dot(&runs, group, done, rows, cols, j % rows, x) + (tail->bias ? tail->bias[j] : 0.0f);
            y[j] = kn_clamp(sum + (add ? add[j] : 0.0f), tail->lo, tail->hi);
            for (uint32_t i = runs.first[group]; (j + 1) % rows == 0 && i < runs.first[group + 1]; i++)
                done += runs.run[i].entries;
        }
    }
}

void kn_bsr_f32_16x1__ref(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                          const struct kn_out *c)
{
    run(a, packed, tail, n, c, 16, 1);
}

void kn_bsr_f32_8x1__ref(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                         const struct kn_out *c)
{
    run(a, packed, tail, n, c, 8, 1);
}

void kn_bsr_f32_4x1__ref(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                         const struct kn_out *c)
{
    run(a, packed, tail, n, c, 4, 1);
}

void kn_bsr_f32_1x4__ref(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                         const struct kn_out *c)
{
    run(a, packed, tail, n, c, 1, 4);
}
