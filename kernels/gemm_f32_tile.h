/* C(m, n) = A(m, K) W(n, K)^T in floats: what the kernels of all instruction sets share. Included by one file per
 * instruction set, after it has defined its vectors:
 *
 *   vec                               LANES floats
 *   vec_load, vec_store, vec_all      whole vectors, unaligned; one float in all lanes, from memory
 *   vec_load_part, vec_store_part     the first `count` lanes, touching nothing else; zeros above
 *   vec_zero, vec_add, vec_fma        fma(x, w, sum) = sum + x * w, in one rounding or two
 *   vec_clamp                         kn_clamp
 *
 * A tile is mr rows by nv vectors of outputs. Its sums begin with bias and residual and stay in registers for the
 * whole K. Each output is one sum, in the order of the weights, whatever the tile: so products cut anywhere have equal
 * bits, and heights can be chosen freely. The exception is a single row, which has too few sums to hide the latency
 * of the multipliers and is what batch 1 runs on: each of its outputs is four sums, added at the end. It occurs where
 * one row is left over after a multiple of CUT, which is facts.mr.
 *
 * Every loop over a tile runs over constants and is unrolled completely; an array that is indexed by a variable even
 * once would live in memory. */
#ifndef KERNELS_GEMM_F32_TILE_H
#define KERNELS_GEMM_F32_TILE_H

#include "kernels/panel.h"
#include "kernels/unroll.h"
#include "kernels/walk.h"

enum { CUT = 12, NR = 2 * LANES, WIDE = 3 * LANES, SUMS = 32, STEPS = 4 };
/* In floats: how far ahead weights are fetched, and how many are too large for L1. */
enum { LINE = 16, FETCH = 8 * LINE, FETCH_SINGLE = 32 * LINE, LARGE = 1 << 14 };

/* What surrounds the sums of one panel. */
struct finish {
    _Alignas(64) float bias[WIDE]; /* padded with zeros */
    int last;                      /* outputs in the panel's last vector, 1..LANES; the others are full */
    float lo, hi;
    float *c;         /* of this panel's first output */
    ptrdiff_t step_x; /* of c */
    int ahead;        /* fetch weights in advance: the panel is too large for L1 */
    int stream;       /* the same for single rows: all panels together are */
    const float *add; /* the residual, likewise, or NULL */
};

/* Sums of row i begin with start[i * start_step + ...]. `times` tiles one after the other, all in one line; `at` is
 * where the first one's rows are. */
typedef void (*tile_fn)(const struct kn_rows *a, const struct kn_places *at, int times, const float *w,
                        const float *start, ptrdiff_t start_step, const struct finish *f);

KN_TILE void step(vec *sum, const float *const *x, ptrdiff_t k, const float *w, int mr, int nv, int ahead)
{
    vec wv[3];
    KN_UNROLL
    for (int v = 0; v < nv; v++) {
        wv[v] = vec_load(w + LANES * v);
        if (ahead && LANES * v % LINE == 0)
            __builtin_prefetch(w + LANES * v + FETCH);
    }
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        vec xv = vec_all(x[i] + k);
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = vec_fma(xv, wv[v], sum[i * nv + v]);
    }
}

/* Vector v of every row. */
KN_TILE void store_full(const vec *sum, int mr, int nv, vec lo, vec hi, float *c, const ptrdiff_t *at, int v)
{
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        vec_store(c + at[i] + LANES * v, vec_clamp(sum[i * nv + v], lo, hi));
}

/* A partly filled vector of every row, brought through memory: a loop over rows with branches inside would not be
 * unrolled early enough, and then all sums would live in memory. */
static void store_part(const float *spill, int mr, int last, float *c, const ptrdiff_t *at)
{
    for (int i = 0; i < mr; i++, spill += LANES)
        vec_store_part(c + at[i], vec_load(spill), last);
}

KN_TILE void store(const vec *sum, int mr, int nv, const struct finish *f, float *c, const ptrdiff_t *at)
{
    _Alignas(64) float spill[LANES * CUT];
    vec lo = vec_all(&f->lo), hi = vec_all(&f->hi);
    if (nv > 1)
        store_full(sum, mr, nv, lo, hi, c, at, 0);
    if (nv > 2)
        store_full(sum, mr, nv, lo, hi, c, at, 1);
    if (f->last == LANES) {
        store_full(sum, mr, nv, lo, hi, c, at, nv - 1);
        return;
    }
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        vec_store(spill + LANES * i, vec_clamp(sum[i * nv + nv - 1], lo, hi));
    store_part(spill, mr, f->last, c + LANES * (nv - 1), at);
}

/* The same for a single row. */
KN_TILE void store_row(const vec *sum, int nv, const struct finish *f, float *c)
{
    _Alignas(64) float spill[LANES];
    const ptrdiff_t at = 0;
    vec lo = vec_all(&f->lo), hi = vec_all(&f->hi);
    if (nv > 1)
        vec_store(c, vec_clamp(sum[0], lo, hi));
    if (nv > 2)
        vec_store(c + LANES, vec_clamp(sum[1], lo, hi));
    vec_store(spill, vec_clamp(sum[nv - 1], lo, hi));
    store_part(spill, 1, f->last, c + LANES * (nv - 1), &at);
}

/* The sums of one tile, with rows x. */
KN_TILE void sum_up(vec *sum, const struct kn_rows *a, const float *const *x, const float *w, int mr, int nv, int ahead)
{
    ptrdiff_t len = a->seg_len, k = 0;
    int segs = a->segs, column = 0;
    do {
        ptrdiff_t end = k + len;
        if (nv == 1) { /* so few products a step that its counters would cost as much */
            for (; k + STEPS <= end; k += STEPS, w += LANES * STEPS) {
                KN_UNROLL
                for (int u = 0; u < STEPS; u++)
                    step(sum, x, k + u, w + u * LANES, mr, 1, 0);
            }
        }
        for (; k < end; k++, w += LANES * nv)
            step(sum, x, k, w, mr, nv, ahead);
        k += kn_seg_next(a, &column) - len;
    } while (--segs);
}

KN_TILE void tile(const struct kn_rows *a, const struct kn_places *at, int times, const float *w, const float *start,
                  ptrdiff_t start_step, int mr, int nv, const struct finish *f)
{
    const float *x[CUT];
    float *c = f->c;
    ptrdiff_t x_step = mr * a->step_x, c_step = mr * f->step_x;
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = (const float *)a->base + at->x[i];
    do {
        vec sum[SUMS];
        KN_UNROLL
        for (int i = 0; i < mr; i++) {
            KN_UNROLL
            for (int v = 0; v < nv; v++)
                sum[i * nv + v] = vec_load(start + i * start_step + LANES * v);
        }
        if (nv > 1 && f->ahead)
            sum_up(sum, a, x, w, mr, nv, 1);
        else
            sum_up(sum, a, x, w, mr, nv, 0);
        store(sum, mr, nv, f, c, at->y);
        c += c_step;
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            x[i] += x_step;
    } while (--times);
}

/* One row: STEPS sums for each output, the first of which begins with `start`. Its vectors of weights stand in the
 * order of its sums. */
KN_TILE void single(const struct kn_rows *a, const struct kn_places *at, const float *w, const float *start, int nv,
                    int ahead, const struct finish *f)
{
    const float *x = (const float *)a->base + at->x[0];
    vec sum[3 * STEPS];
    ptrdiff_t len = a->seg_len;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int j = 0; j < STEPS * nv; j++)
        sum[j] = j < nv ? vec_load(start + LANES * j) : vec_zero();
    do {
        ptrdiff_t k = 0;
        for (; k + STEPS <= len; k += STEPS, w += LANES * STEPS * nv) {
            KN_UNROLL
            for (int j = 0; j < STEPS * nv; j++) {
                sum[j] = vec_fma(vec_all(x + k + j / nv), vec_load(w + LANES * j), sum[j]);
                if (ahead && LANES * j % LINE == 0)
                    __builtin_prefetch(w + LANES * j + FETCH_SINGLE);
            }
        }
        for (; k < len; k++, w += LANES * nv) {
            vec xv = vec_all(x + k);
            sum[0] = vec_fma(xv, vec_load(w), sum[0]);
            if (nv > 1)
                sum[1] = vec_fma(xv, vec_load(w + LANES), sum[1]);
            if (nv > 2)
                sum[2] = vec_fma(xv, vec_load(w + 2 * LANES), sum[2]);
        }
        x += kn_seg_next(a, &column);
    } while (--segs);
    KN_UNROLL
    for (int j = STEPS * nv - 1; j >= nv; j--)
        sum[j - nv] = vec_add(sum[j - nv], sum[j]);
    store_row(sum, nv, f, f->c + at->y[0]);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define TILE(mr, nv)                                                                                                   \
    static void tile_##mr##_##nv(const struct kn_rows *a, const struct kn_places *at, int times, const float *w,       \
                                 const float *start, ptrdiff_t start_step, const struct finish *f)                     \
    {                                                                                                                  \
        tile(a, at, times, w, start, start_step, mr, nv, f);                                                           \
    }
#define SINGLE(nv)                                                                                                     \
    static void tile_1_##nv(const struct kn_rows *a, const struct kn_places *at, int times, const float *w,            \
                            const float *start, ptrdiff_t start_step, const struct finish *f)                          \
    {                                                                                                                  \
        (void)times;                                                                                                   \
        (void)start_step;                                                                                              \
        if (f->stream)                                                                                                 \
            single(a, at, w, start, nv, 1, f);                                                                         \
        else                                                                                                           \
            single(a, at, w, start, nv, 0, f);                                                                         \
    }

/* start (mr, nv, LANES) = bias + residual. */
static void add_residual(float *start, int mr, int nv, const struct finish *f, const ptrdiff_t *add)
{
    for (int i = 0; i < mr; i++) {
        for (int v = 0; v < nv; v++, start += LANES) {
            const float *p = f->add + add[i] + LANES * v;
            vec residual = v < nv - 1 || f->last == LANES ? vec_load(p) : vec_load_part(p, f->last);
            vec_store(start, vec_add(vec_load(f->bias + LANES * v), residual));
        }
    }
}

/* Rows of the next tile: full ones while two more follow, then two halves, so that none is left with few sums. */
static inline int tile_rows(int left, int tallest)
{
    if (left <= tallest || left >= 2 * tallest)
        return left < tallest ? left : tallest;
    return (left + 1) / 2;
}

/* How many of the tallest tiles to compute at once: those that lie in what is left of the line; at least 1. */
static inline int tiles_along(int left, int line_left, int tallest)
{
    int full = left % tallest == 0 ? left / tallest : left / tallest - 1, along = line_left / tallest;
    full = full < along ? full : along;
    return full > 1 ? full : 1;
}

/* All rows against one panel of nv vectors. tiles[mr - 1] computes mr rows; the first one is the single row. */
static inline void run_panel(const struct kn_rows *a, const struct kn_out *c, const struct kn_residual *residual,
                             const float *w, int nv, const tile_fn *tiles, int tallest, const struct finish *f)
{
    _Alignas(64) float start[CUT * WIDE];
    struct kn_walk walk = kn_walk_begin(a, c, residual);
    int single = a->m % CUT == 1, left = a->m;
    while (left > 0) {
        int count = left > single ? tile_rows(left - single, tallest) : 1;
        int times = count == tallest && !f->add ? tiles_along(left - single, walk.row_w - walk.column, tallest) : 1;
        struct kn_places at;
        kn_walk_next(&walk, count, &at);
        if (f->add)
            add_residual(start, count, nv, f, at.add);
        tiles[count - 1](a, &at, times, w, f->add ? start : f->bias, f->add ? LANES * nv : 0, f);
        kn_walk_skip(&walk, (times - 1) * count);
        left -= times * count;
    }
}

/* The whole product; tiles and rows of the tallest one for 1, 2 and 3 vectors. */
static inline void run_product(const struct kn_rows *a, const float *w, const struct kn_tail_f32 *tail, int n,
                               const struct kn_out *c, const tile_fn *const tiles[3], const int tallest[3])
{
    size_t depth = kn_panel_depth(1, a->segs, a->seg_len);
    struct finish f;
    f.lo = tail->lo;
    f.hi = tail->hi;
    f.step_x = c->step_x;
    for (int first = 0, width; first < n; first += width) {
        int nv;
        width = kn_panel_width(NR, n - first);
        nv = width / LANES;
        f.last = n - first >= width ? LANES : n - first - (width - LANES);
        for (int v = 0; v < nv; v++)
            vec_store(f.bias + LANES * v, !tail->bias  ? vec_zero()
                                          : v < nv - 1 ? vec_load(tail->bias + first + LANES * v)
                                                       : vec_load_part(tail->bias + first + LANES * v, f.last));
        f.c = (float *)c->base + first;
        f.stream = depth * (size_t)n >= LARGE;
        f.ahead = depth * (size_t)width >= LARGE;
        f.add = tail->residual ? (const float *)tail->residual->base + first : NULL;
        run_panel(a, c, tail->residual, w, nv, tiles[nv - 1], tallest[nv - 1], &f);
        w += depth * (size_t)width;
    }
}

#endif
