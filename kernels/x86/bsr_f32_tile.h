/* C(m, n) = A(m, K) W(n, K)^T over stored blocks of some outputs that share one input: a block is one to two vectors of
 * weights, loaded once and multiplied by that input of every row of the tile, which is broadcast. The sums of a tile
 * stay in registers over all blocks of a group. Tiles of few rows keep several sums for neighbouring blocks, as the
 * dense kernel does. Rows outside, groups inside: the inputs of a tile stay in the first-level cache and the weights
 * are read once, in order, for each tile.
 *
 * The file that includes this says what a vector is: type kn_bsr_vector of KN_BSR_LANES floats, and the functions
 * kn_bsr_load, _zero, _broadcast, _fma, _add, _clamp, _store, and for the first `count` lanes _load_part and
 * _store_part. */
#ifndef KERNELS_X86_BSR_F32_TILE_H
#define KERNELS_X86_BSR_F32_TILE_H

#include "kernels/runs.h"
#include "kernels/x86/lanes_avx2.h"

enum { KN_BSR_ROWS = 8, KN_BSR_SUMS = 12, KN_BSR_WIDEST = 16 };

/* The rows of one tile: where their inputs begin, where their outputs go, what is added. */
struct kn_bsr_rows {
    const float *x[KN_BSR_ROWS], *add[KN_BSR_ROWS]; /* add: NULL without a residual */
    float *y[KN_BSR_ROWS];
};

/* The weights of the next group. */
struct kn_bsr_weights {
    const struct kn_run *run, *end;
    const uint16_t *delta;
    const float *w;
};

KN_INLINE void kn_bsr_step(kn_bsr_vector *sum, const float *const *x, ptrdiff_t at, const float *w, int mr, int nv)
{
    kn_bsr_vector wv[2];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        wv[v] = kn_bsr_load(w + KN_BSR_LANES * v);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        kn_bsr_vector xv = kn_bsr_broadcast(x[i] + at);
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = kn_bsr_fma(xv, wv[v], sum[i * nv + v]);
    }
}

/* Outputs that are not whole vectors, or have a residual; the sums come through memory. */
static void kn_bsr_finish(const struct kn_bsr_rows *rows, const float *sum, int mr, int width, int first, int left,
                          const struct kn_tail_f32 *tail)
{
    for (int i = 0; i < mr; i++) {
        for (int v = 0; v < width && v < left; v += KN_BSR_LANES, sum += KN_BSR_LANES) {
            int count = left - v < KN_BSR_LANES ? left - v : KN_BSR_LANES;
            kn_bsr_vector s = kn_bsr_load(sum);
            if (rows->add[i])
                s = kn_bsr_add(s, kn_bsr_load_part(rows->add[i] + first + v, count));
            kn_bsr_store_part(rows->y[i] + first + v, kn_bsr_clamp(s, tail->lo, tail->hi), count);
        }
        sum += left < width ? (width - left) / KN_BSR_LANES * KN_BSR_LANES : 0;
    }
}

/* One group of nv vectors of outputs from `first` on, `left` of which exist. */
KN_INLINE void kn_bsr_group(const struct kn_bsr_rows *rows, struct kn_bsr_weights *weights, int mr, int nv, int ku,
                            int first, int left, const struct kn_tail_f32 *tail)
{
    const float *x[KN_BSR_ROWS], *w = weights->w;
    const uint16_t *delta = weights->delta;
    kn_bsr_vector sum[KN_BSR_SUMS];
    KN_UNROLL
    for (int v = 0; v < nv; v++) {
        kn_bsr_vector bias =
            kn_bsr_load_part(tail->bias ? tail->bias + first + KN_BSR_LANES * v : NULL, left - KN_BSR_LANES * v);
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            sum[i * nv + v] = bias;
    }
    KN_UNROLL
    for (int i = mr * nv; i < mr * nv * ku; i++)
        sum[i] = kn_bsr_zero();
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = rows->x[i];
    for (; weights->run < weights->end; weights->run++) {
        ptrdiff_t at = weights->run->offset;
        uint32_t count = weights->run->entries;
        for (; ku > 1 && count >= (uint32_t)ku; count -= (uint32_t)ku) {
            KN_UNROLL
            for (int u = 0; u < ku; u++, delta++, w += KN_BSR_LANES * nv) {
                at += *delta;
                kn_bsr_step(sum + u * mr * nv, x, at, w, mr, nv);
            }
        }
        for (; count; count--, delta++, w += KN_BSR_LANES * nv) {
            at += *delta;
            kn_bsr_step(sum, x, at, w, mr, nv);
        }
    }
    weights->w = w;
    weights->delta = delta;
    KN_UNROLL
    for (int i = mr * nv; i < mr * nv * ku; i++)
        sum[i % (mr * nv)] = kn_bsr_add(sum[i % (mr * nv)], sum[i]);
    if (left >= KN_BSR_LANES * nv && !rows->add[0]) {
        KN_UNROLL
        for (int i = 0; i < mr * nv; i++)
            kn_bsr_store(rows->y[i / nv] + first + i % nv * KN_BSR_LANES, kn_bsr_clamp(sum[i], tail->lo, tail->hi));
    } else {
        _Alignas(64) float spill[KN_BSR_ROWS * KN_BSR_WIDEST];
        KN_UNROLL
        for (int i = 0; i < mr * nv; i++)
            kn_bsr_store(spill + KN_BSR_LANES * i, sum[i]);
        kn_bsr_finish(rows, spill, mr, KN_BSR_LANES * nv, first, left, tail);
    }
}

KN_INLINE void kn_bsr_tile(const struct kn_bsr_rows *rows, const struct kn_runs *runs, int mr, int nv, int ku, int n,
                           const struct kn_tail_f32 *tail)
{
    struct kn_bsr_weights weights = {runs->run, runs->run, runs->delta, runs->weight};
    int width = KN_BSR_LANES * nv;
    for (int first = 0; first < n; first += width) {
        weights.end = runs->run + runs->first[first / width + 1];
        kn_bsr_group(rows, &weights, mr, nv, ku, first, n - first, tail);
    }
}

typedef void (*kn_bsr_tile_fn)(const struct kn_bsr_rows *rows, const struct kn_runs *runs, int n,
                               const struct kn_tail_f32 *tail);

/* One function per tile, so that the compiler allocates registers for each alone. */
#define KN_BSR_TILE(mr, nv, ku)                                                                                        \
    static void tile_##mr##_##nv(const struct kn_bsr_rows *rows, const struct kn_runs *runs, int n,                    \
                                 const struct kn_tail_f32 *tail)                                                       \
    {                                                                                                                  \
        kn_bsr_tile(rows, runs, mr, nv, ku, n, tail);                                                                  \
    }

/* Rows `at` .. `at + count - 1`. */
static inline void kn_bsr_place(struct kn_bsr_rows *rows, const struct kn_rows *a, const struct kn_out *c,
                                const struct kn_residual *residual, int at, int count)
{
    for (int i = 0; i < count; i++) {
        rows->x[i] = (const float *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, at + i);
        rows->y[i] = (float *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, at + i);
        rows->add[i] = NULL;
        if (residual)
            rows->add[i] =
                (const float *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, at + i);
    }
}

/* tiles: by number of rows, 1 .. mr. */
static inline void kn_bsr_run(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                              const struct kn_out *c, const kn_bsr_tile_fn *tiles, int mr, int width)
{
    const struct kn_runs runs = kn_runs_view(packed, (n + width - 1) / width);
    for (int r = 0; r < a->m; r += mr) {
        struct kn_bsr_rows rows;
        int count = a->m - r < mr ? a->m - r : mr;
        kn_bsr_place(&rows, a, c, tail->residual, a->first + r, count);
        tiles[count - 1](&rows, &runs, n, tail);
    }
}

#endif
