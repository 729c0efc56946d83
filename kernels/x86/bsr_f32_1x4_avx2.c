/* kn_bsr_f32 for blocks of 1 x 4: a block's four weights are multiplied by four neighbouring inputs of every row of the
 * tile; the four partial sums of an output are added up at the end, for eight outputs at a time. */
#include "kernels/runs.h"
#include "kernels/x86/lanes_avx2.h"

enum { ROWS = 8, OUTPUTS = 8, SUMS = 8 };

/* The rows of one tile: where their inputs begin, where their outputs go, what is added (NULL: nothing). */
struct tile_rows {
    const float *x[ROWS], *add[ROWS];
    float *y[ROWS];
};

struct weights {
    const struct kn_run *run, *end;
    const uint16_t *delta;
    const float *w;
};

/* Partial sums of one output → spill (mr, OUTPUTS, 4), at this output's place. */
KN_INLINE void sum_output(const struct tile_rows *rows, struct weights *weights, int mr, int ku, float *spill)
{
    const float *x[ROWS], *w = weights->w;
    const uint16_t *delta = weights->delta;
    __m128 sum[SUMS];
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = rows->x[i];
    KN_UNROLL
    for (int i = 0; i < mr * ku; i++)
        sum[i] = _mm_setzero_ps();
    for (; weights->run < weights->end; weights->run++) {
        ptrdiff_t at = weights->run->offset;
        uint32_t count = weights->run->entries;
        for (; ku > 1 && count >= (uint32_t)ku; count -= (uint32_t)ku) {
            KN_UNROLL
            for (int u = 0; u < ku; u++, delta++, w += 4) {
                at += *delta;
                KN_UNROLL
                for (int i = 0; i < mr; i++)
                    sum[u * mr + i] = _mm_fmadd_ps(_mm_loadu_ps(w), _mm_loadu_ps(x[i] + at), sum[u * mr + i]);
            }
        }
        for (; count; count--, delta++, w += 4) {
            at += *delta;
            KN_UNROLL
            for (int i = 0; i < mr; i++)
                sum[i] = _mm_fmadd_ps(_mm_loadu_ps(w), _mm_loadu_ps(x[i] + at), sum[i]);
        }
    }
    weights->w = w;
    weights->delta = delta;
    KN_UNROLL
    for (int i = mr; i < mr * ku; i++)
        sum[i % mr] = _mm_add_ps(sum[i % mr], sum[i]);
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        _mm_store_ps(spill + i * OUTPUTS * 4, sum[i]);
}

/* Partial sums of outputs j and j + 4. */
KN_INLINE __m256 load_two(const float *spill, int j)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_load_ps(spill + 4 * j)), _mm_load_ps(spill + 4 * (j + 4)),
                                1);
}

/* The outputs from `first` on, at most eight. */
static void finish(const struct tile_rows *rows, const float *spill, int mr, int first, int left,
                   const struct kn_tail_f32 *tail)
{
    __m256 bias = kn_load_f32(tail->bias ? tail->bias + first : NULL, left);
    for (int i = 0; i < mr; i++, spill += OUTPUTS * 4) {
        __m256 low = _mm256_hadd_ps(load_two(spill, 0), load_two(spill, 1));
        __m256 high = _mm256_hadd_ps(load_two(spill, 2), load_two(spill, 3));
        __m256 sum = _mm256_add_ps(_mm256_hadd_ps(low, high), bias);
        if (rows->add[i])
            sum = _mm256_add_ps(sum, kn_load_f32(rows->add[i] + first, left));
        kn_store_f32(rows->y[i] + first, kn_clamp_ps(sum, _mm256_set1_ps(tail->lo), _mm256_set1_ps(tail->hi)), left);
    }
}

KN_INLINE void run_tile(const struct tile_rows *rows, const struct kn_runs *runs, int mr, int ku, int n,
                        const struct kn_tail_f32 *tail)
{
    _Alignas(32) float spill[ROWS * OUTPUTS * 4] = {0};
    struct weights weights = {runs->run, runs->run, runs->delta, runs->weight};
    for (int first = 0; first < n; first += OUTPUTS) {
        for (int j = 0; j < OUTPUTS && first + j < n; j++) {
            weights.end = runs->run + runs->first[first + j + 1];
            sum_output(rows, &weights, mr, ku, spill + 4 * j);
        }
        finish(rows, spill, mr, first, n - first, tail);
    }
}

#define TILE(mr, ku)                                                                                                   \
    static void tile_##mr(const struct tile_rows *rows, const struct kn_runs *runs, int n,                             \
                          const struct kn_tail_f32 *tail)                                                              \
    {                                                                                                                  \
        run_tile(rows, runs, mr, ku, n, tail);                                                                         \
    }
TILE(1, 8)
TILE(2, 4)
TILE(3, 2)
TILE(4, 2)
TILE(5, 1)
TILE(6, 1)
TILE(7, 1)
TILE(8, 1)

typedef void (*tile_fn)(const struct tile_rows *rows, const struct kn_runs *runs, int n,
                        const struct kn_tail_f32 *tail);
static const tile_fn tiles[ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};

void kn_bsr_f32_1x4__avx2_8(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                            const struct kn_out *c)
{
    const struct kn_runs runs = kn_runs_view(packed, n);
    const struct kn_residual *residual = tail->residual;
    for (int r = 0; r < a->m; r += ROWS) {
        struct tile_rows rows;
        int count = a->m - r < ROWS ? a->m - r : ROWS;
        for (int i = 0; i < count; i++) {
            int at = a->first + r + i;
            rows.x[i] = (const float *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, at);
            rows.y[i] = (float *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, at);
            rows.add[i] = NULL;
            if (residual)
                rows.add[i] =
                    (const float *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, at);
        }
        tiles[count - 1](&rows, &runs, n, tail);
    }
}
