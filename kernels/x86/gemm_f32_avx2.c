/* C(m, n) = A(m, K) W(n, K)^T. A tile is mr rows by nv vectors of eight outputs; its sums stay in registers for the
 * whole K. Twelve sums hide the latency of the FMA units (two a cycle, four or five cycles each): full tiles are
 * 6 x 16 and 4 x 24, and tiles of few rows, which would have too few sums, keep separate ones for ku neighbouring
 * inputs and add them at the end. A single row is thus bound by reading its weights, once and in order. Only where
 * both kinds of panels come to the same rows may that be done: facts.mr is the common multiple of their rows.
 *
 * Every loop below runs over constants and is unrolled completely; an array that is indexed by a variable even
 * once would live in memory. */
#include "kernels/panel.h"
#include "kernels/walk.h"
#include "kernels/x86/lanes_avx2.h"

enum { NR = 16, MR = 6, MR_WIDE = 4, CUT = 12, WIDE = 24, SUMS = 12 };

/* What becomes of the sums of one panel. */
struct finish {
    _Alignas(32) float bias[WIDE]; /* padded with zeros */
    int last;                      /* outputs in the panel's last vector, 1..8; the others are full */
    float lo, hi;
    float *c;         /* of this panel's first output */
    const float *add; /* the residual, likewise, or NULL */
    const struct kn_residual *residual;
};

KN_INLINE void step(__m256 *sum, const float *const *x, ptrdiff_t k, const float *w, int mr, int nv)
{
    __m256 wv[3];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        wv[v] = _mm256_loadu_ps(w + 8 * v);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        __m256 xv = _mm256_broadcast_ss(x[i] + k);
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = _mm256_fmadd_ps(xv, wv[v], sum[i * nv + v]);
    }
}

/* One vector of every row. */
KN_INLINE void store_full(const __m256 *sum, int mr, int nv, const struct finish *f, const ptrdiff_t *at, int v)
{
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        _mm256_storeu_ps(f->c + at[i] + 8 * v,
                         kn_clamp_ps(sum[i * nv + v], _mm256_set1_ps(f->lo), _mm256_set1_ps(f->hi)));
}

/* Sums (mr, nv, 8) through memory, for partly filled vectors and residuals: a loop over rows with branches inside
 * would not be unrolled early enough, and then all sums would live in memory. */
static void store_part(const float *spill, int mr, int nv, const struct finish *f, const struct kn_places *at)
{
    for (int i = 0; i < mr; i++) {
        for (int v = 0; v < nv; v++, spill += 8) {
            int count = v < nv - 1 ? 8 : f->last;
            __m256 sum = _mm256_load_ps(spill);
            if (f->add)
                sum = _mm256_add_ps(sum, kn_load_f32(f->add + at->add[i] + 8 * v, count));
            kn_store_f32(f->c + at->y[i] + 8 * v, kn_clamp_ps(sum, _mm256_set1_ps(f->lo), _mm256_set1_ps(f->hi)),
                         count);
        }
    }
}

KN_INLINE void store(const __m256 *sum, int mr, int nv, const struct finish *f, const struct kn_places *at)
{
    _Alignas(32) float spill[8 * SUMS];
    if (f->last == 8 && !f->add) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            store_full(sum, mr, nv, f, at->y, v);
        return;
    }
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++)
        _mm256_store_ps(spill + 8 * i, sum[i]);
    store_part(spill, mr, nv, f, at);
}

KN_INLINE void tile(const struct kn_rows *a, const float *const *row, const float *w, int mr, int nv, int ku,
                    const struct finish *f, const struct kn_places *at)
{
    const float *x[MR];
    __m256 sum[SUMS];
    int column = 0;
    KN_UNROLL
    for (int v = 0; v < nv; v++) {
        __m256 bias = _mm256_load_ps(f->bias + 8 * v);
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            sum[i * nv + v] = bias;
    }
    KN_UNROLL
    for (int i = mr * nv; i < mr * nv * ku; i++)
        sum[i] = _mm256_setzero_ps();
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = row[i];
    for (int s = 0; s < a->segs; s++) {
        ptrdiff_t k = 0, len = a->seg_len;
        for (; k + ku <= len; k += ku, w += 8 * nv * ku) {
            KN_UNROLL
            for (int u = 0; u < ku; u++)
                step(sum + u * mr * nv, x, k + u, w + u * 8 * nv, mr, nv);
        }
        if (ku > 1) {
            for (; k < len; k++, w += 8 * nv)
                step(sum, x, k, w, mr, nv);
        }
        ptrdiff_t next = kn_seg_next(a, &column);
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            x[i] += next;
    }
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++) {
        KN_UNROLL
        for (int u = 1; u < ku; u++)
            sum[i] = _mm256_add_ps(sum[i], sum[u * mr * nv + i]);
    }
    store(sum, mr, nv, f, at);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define TILE(mr, nv, ku)                                                                                               \
    static void tile_##mr##_##nv##_##ku(const struct kn_rows *a, const float *const *row, const float *w,              \
                                        const struct finish *f, const struct kn_places *at)                            \
    {                                                                                                                  \
        tile(a, row, w, mr, nv, ku, f, at);                                                                            \
    }
TILE(1, 1, 1)
TILE(2, 1, 1)
TILE(3, 1, 1)
TILE(4, 1, 1)
TILE(5, 1, 1)
TILE(6, 1, 1)
TILE(1, 2, 1)
TILE(2, 2, 1)
TILE(3, 2, 1)
TILE(4, 2, 1)
TILE(5, 2, 1)
TILE(6, 2, 1)
TILE(1, 3, 1)
TILE(2, 3, 1)
TILE(3, 3, 1)
TILE(4, 3, 1)
TILE(1, 1, 4)
TILE(1, 2, 4)
TILE(1, 3, 4)

typedef void (*tile_fn)(const struct kn_rows *a, const float *const *row, const float *w, const struct finish *f,
                        const struct kn_places *at);
static const tile_fn tiles[3][MR] = {
    {tile_1_1_1, tile_2_1_1, tile_3_1_1, tile_4_1_1, tile_5_1_1, tile_6_1_1},
    {tile_1_2_1, tile_2_2_1, tile_3_2_1, tile_4_2_1, tile_5_2_1, tile_6_2_1},
    {tile_1_3_1, tile_2_3_1, tile_3_3_1, tile_4_3_1, NULL, NULL},
};
/* A single row that is left of the rows between two possible cuts has four sums for each output. */
static const tile_fn single[3] = {tile_1_1_4, tile_1_2_4, tile_1_3_4};

/* All rows against one panel of 8 * nv outputs. */
static void run_panel(const struct kn_rows *a, const struct kn_out *c, const float *w, int nv, const struct finish *f)
{
    struct kn_walk walk = kn_walk_begin(a, c, f->residual);
    int mr = nv == 3 ? MR_WIDE : MR;
    for (int r = 0; r < a->m; r += mr) {
        int count = a->m - r < mr ? a->m - r : mr;
        const float *row[MR];
        struct kn_places at;
        kn_walk_next(&walk, count, &at);
        for (int i = 0; i < count; i++)
            row[i] = (const float *)a->base + at.x[i];
        (a->m % CUT == 1 && r == a->m - 1 ? single[nv - 1] : tiles[nv - 1][count - 1])(a, row, w, f, &at);
    }
}

void kn_gemm_f32__avx2_6x16(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                            const struct kn_out *c)
{
    const float *w = packed, *bias = tail->bias;
    size_t depth = kn_panel_depth(1, a->segs, a->seg_len);
    struct finish f;
    f.lo = tail->lo;
    f.hi = tail->hi;
    f.residual = tail->residual;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(NR, n - first);
        for (int v = 0; v < width; v += 8)
            _mm256_store_ps(f.bias + v, kn_load_f32(bias ? bias + first + v : NULL, n - first - v));
        f.last = kn_panel_last(width, n - first);
        f.c = (float *)c->base + first;
        f.add = f.residual ? (const float *)f.residual->base + first : NULL;
        run_panel(a, c, w, width / 8, &f);
        w += depth * (size_t)width;
    }
}
