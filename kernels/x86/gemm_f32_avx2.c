/* C(m, n) = A(m, K) W(n, K)^T. A tile is mr rows by nv vectors of eight outputs; its sums stay in registers for the
 * whole K. Twelve sums hide the latency of the FMA units (two a cycle, four or five cycles each): full tiles are
 * 6 x 16 and 4 x 24, and tiles of few rows, which would have too few sums, keep separate ones for ku neighbouring
 * inputs and add them at the end. A single row is thus bound by reading its weights, once and in order.
 *
 * Every loop below runs over constants and is unrolled completely; an array that is indexed by a variable even
 * once would live in memory. */
#include "kernels/panel.h"
#include "kernels/x86/lanes_avx2.h"

enum { NR = 16, MR = 6, MR_WIDE = 4, WIDE = 24, SUMS = 12 };

/* What becomes of the sums of one panel. */
struct finish {
    _Alignas(32) float bias[WIDE]; /* padded with zeros */
    int last;                      /* outputs in the panel's last vector, 1..8; the others are full */
    float lo, hi;
    ptrdiff_t ldc;
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
KN_INLINE void store_full(const __m256 *sum, int mr, int nv, float lo, float hi, float *c, ptrdiff_t ldc)
{
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        _mm256_storeu_ps(c + i * ldc, kn_clamp_ps(sum[i * nv], _mm256_set1_ps(lo), _mm256_set1_ps(hi)));
}

/* The last vector, already clamped and brought through memory: a loop over rows with branches inside would not be
 * unrolled early enough, and then all sums would live in memory. */
static void store_part(const float *spill, int mr, const struct finish *f, float *c)
{
    for (int i = 0; i < mr; i++, c += f->ldc)
        kn_store_f32(c, _mm256_load_ps(spill + 8 * i), f->last);
}

KN_INLINE void store(const __m256 *sum, int mr, int nv, const struct finish *f, float *c)
{
    _Alignas(32) float spill[8 * MR];
    KN_UNROLL
    for (int v = 0; v < nv - 1; v++)
        store_full(sum + v, mr, nv, f->lo, f->hi, c + 8 * v, f->ldc);
    if (f->last == 8) {
        store_full(sum + nv - 1, mr, nv, f->lo, f->hi, c + 8 * (nv - 1), f->ldc);
        return;
    }
    store_full(sum + nv - 1, mr, nv, f->lo, f->hi, spill, 8);
    store_part(spill, mr, f, c + 8 * (nv - 1));
}

KN_INLINE void tile(const struct kn_rows *a, const float *const *row, const float *w, int mr, int nv, int ku,
                    const struct finish *f, float *c)
{
    const float *x[MR];
    __m256 sum[SUMS];
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
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            x[i] += a->seg_step;
    }
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++) {
        KN_UNROLL
        for (int u = 1; u < ku; u++)
            sum[i] = _mm256_add_ps(sum[i], sum[u * mr * nv + i]);
    }
    store(sum, mr, nv, f, c);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define TILE(mr, nv, ku)                                                                                               \
    static void tile_##mr##_##nv(const struct kn_rows *a, const float *const *row, const float *w,                     \
                                 const struct finish *f, float *c)                                                     \
    {                                                                                                                  \
        tile(a, row, w, mr, nv, ku, f, c);                                                                             \
    }
TILE(1, 1, 8)
TILE(2, 1, 4)
TILE(3, 1, 4)
TILE(4, 1, 2)
TILE(5, 1, 2)
TILE(6, 1, 2)
TILE(1, 2, 4)
TILE(2, 2, 2)
TILE(3, 2, 2)
TILE(4, 2, 1)
TILE(5, 2, 1)
TILE(6, 2, 1)
TILE(1, 3, 4)
TILE(2, 3, 2)
TILE(3, 3, 1)
TILE(4, 3, 1)

typedef void (*tile_fn)(const struct kn_rows *a, const float *const *row, const float *w, const struct finish *f,
                        float *c);
static const tile_fn tiles[3][MR] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2},
    {tile_1_3, tile_2_3, tile_3_3, tile_4_3, NULL, NULL},
};

/* All rows against one panel of 8 * nv outputs. */
static void run_panel(const struct kn_rows *a, const float *w, int nv, const struct finish *f, float *c)
{
    const float *line = a->base, *row[MR];
    int mr = nv == 3 ? MR_WIDE : MR, column = 0;
    for (int r = 0; r < a->m; r += mr, c += mr * f->ldc) {
        int count = a->m - r < mr ? a->m - r : mr;
        for (int i = 0; i < count; i++) {
            row[i] = line + column * a->step_x;
            if (++column == a->row_w) {
                column = 0;
                line += a->step_y;
            }
        }
        tiles[nv - 1][count - 1](a, row, w, f, c);
    }
}

void kn_gemm_f32__avx2_6x16(const struct kn_rows *a, const void *packed, const float *bias, int n, float lo, float hi,
                            float *c, ptrdiff_t ldc)
{
    const float *w = packed;
    size_t depth = kn_panel_depth(1, a->segs, a->seg_len);
    struct finish f;
    f.lo = lo;
    f.hi = hi;
    f.ldc = ldc;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(NR, n - first);
        for (int v = 0; v < width; v += 8)
            _mm256_store_ps(f.bias + v, kn_load_f32(bias ? bias + first + v : NULL, n - first - v));
        f.last = kn_panel_last(width, n - first);
        run_panel(a, w, width / 8, &f, c + first);
        w += depth * (size_t)width;
    }
}
