/* Y(n, positions) = W(n, k) X(k, positions) over the nonzero weights, with vectors of sixteen positions: a tile of up
 * to eight of them stays in registers while one output's weights are broadcast one by one. */
#include "kernels/runs.h"
#include "kernels/x86/spans_avx512.h"

/* The weights of the next output. */
struct weights {
    const struct kn_run *run, *end;
    const uint16_t *delta;
    const float *w;
};

struct tile {
    const float *from[KN_SPANS];
    ptrdiff_t to[KN_SPANS];
    __mmask16 mask[KN_SPANS];
};

/* The lanes in the mask, side by side from `to` on. */
KN_INLINE void store(float *to, __m512 v, __mmask16 mask)
{
    if (mask == 0xffff)
        _mm512_storeu_ps(to, v);
    else
        _mm512_mask_storeu_ps(to, (__mmask16)((1U << __builtin_popcount(mask)) - 1), _mm512_maskz_compress_ps(mask, v));
}

KN_INLINE void run_row(const struct tile *t, struct weights *weights, float bias, __m512 lo, __m512 hi, int size,
                       float *y)
{
    const float *x[KN_SPANS], *w = weights->w;
    const uint16_t *delta = weights->delta;
    __m512 sum[KN_SPANS];
    KN_UNROLL
    for (int i = 0; i < size; i++) {
        x[i] = t->from[i];
        sum[i] = _mm512_set1_ps(bias);
    }
    for (; weights->run < weights->end; weights->run++) {
        ptrdiff_t at = weights->run->offset;
        for (uint32_t j = weights->run->entries; j; j--) {
            __m512 weight = _mm512_set1_ps(*w++);
            at += *delta++;
            KN_UNROLL
            for (int i = 0; i < size; i++)
                sum[i] = _mm512_fmadd_ps(weight, _mm512_loadu_ps(x[i] + at), sum[i]);
        }
    }
    weights->w = w;
    weights->delta = delta;
    KN_UNROLL
    for (int i = 0; i < size; i++)
        store(y + t->to[i], _mm512_min_ps(_mm512_max_ps(sum[i], lo), hi), t->mask[i]);
}

/* What every tile of one call shares. */
struct job {
    struct kn_runs runs;
    const float *bias;
    int n;
    float lo, hi;
    ptrdiff_t positions;
    float *y;
};

KN_INLINE void run_tile(const struct job *job, const struct tile *t, int size)
{
    __m512 lo = _mm512_set1_ps(job->lo), hi = _mm512_set1_ps(job->hi);
    struct weights weights = {job->runs.run, job->runs.run, job->runs.delta, job->runs.weight};
    for (int row = 0; row < job->n; row++) {
        weights.end = job->runs.run + job->runs.first[row + 1];
        run_row(t, &weights, job->bias ? job->bias[row] : 0.0f, lo, hi, size, job->y + row * job->positions);
    }
}

/* One function per size, so that the compiler allocates registers for each alone. */
#define TILE(size)                                                                                                     \
    static void tile_##size(const struct job *job, const struct tile *t)                                               \
    {                                                                                                                  \
        run_tile(job, t, size);                                                                                        \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)

typedef void (*tile_fn)(const struct job *job, const struct tile *t);
static const tile_fn tiles[KN_SPANS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};

/* A vector of sixteen is worth about one and a half of eight, because it almost always lies across a cache line. Short
 * lines fill the smaller ones better; weights are packed alike for both. */
static int narrow_is_better(const struct kn_cols *x, const struct kn_spans *s)
{
    int eights = x->line_step == x->line_len ? (x->lines * x->line_len + 7) / 8 : x->lines * ((x->line_len + 7) / 8);
    return 2 * eights <= 3 * s->left;
}

void kn_spmm_f32__avx512vnni_1x128(const struct kn_cols *x, const void *packed, const float *bias, int n, float lo,
                                   float hi, float *y)
{
    struct job job = {kn_runs_view(packed, n), bias, n, lo, hi, (ptrdiff_t)x->lines * x->line_len, y};
    struct kn_spans s;
    kn_spans_init(&s, x, 16, KN_SPANS);
    if (narrow_is_better(x, &s)) {
        kn_spmm_f32__avx2_1x64(x, packed, bias, n, lo, hi, y);
        return;
    }
    for (int size = kn_spans_next(&s); size; size = kn_spans_next(&s)) {
        struct tile t;
        for (int i = 0; i < size; i++) {
            t.from[i] = (const float *)x->base + s.from[i];
            t.to[i] = s.to[i];
            t.mask[i] = (__mmask16)s.mask[i];
        }
        tiles[size - 1](&job, &t);
    }
}
