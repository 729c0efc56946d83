/* Y(n, positions) = W(n, k) X(k, positions) over the nonzero weights: a tile of up to 64 positions stays in eight
 * registers while one output's weights are broadcast one by one. */
#include "kernels/runs.h"
#include "kernels/x86/segments_avx2.h"

/* The weights of the next output. */
struct weights {
    const struct kn_run *run, *end;
    const uint16_t *delta;
    const float *w;
};

/* Sums of one output at the tile's segments, clamped, into `to`. */
KN_INLINE void tile(const float *const *from, struct weights *weights, float bias, __m256 lo, __m256 hi, int size,
                    float *const *to)
{
    const float *x[KN_SEGMENTS], *w = weights->w;
    const uint16_t *delta = weights->delta;
    __m256 sum[KN_SEGMENTS];
    KN_UNROLL
    for (int i = 0; i < size; i++) {
        x[i] = from[i];
        sum[i] = _mm256_set1_ps(bias);
    }
    for (; weights->run < weights->end; weights->run++) {
        ptrdiff_t at = weights->run->offset;
        for (uint32_t j = weights->run->entries; j; j--) {
            __m256 weight = _mm256_broadcast_ss(w++);
            at += *delta++;
            KN_UNROLL
            for (int i = 0; i < size; i++)
                sum[i] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(x[i] + at), sum[i]);
        }
    }
    weights->w = w;
    weights->delta = delta;
    KN_UNROLL
    for (int i = 0; i < size; i++)
        _mm256_storeu_ps(to[i], kn_clamp_ps(sum[i], lo, hi));
}

/* Every output over one tile. Partly filled segments go through memory. */
KN_INLINE void run_tile(const struct kn_segments *s, const struct kn_runs *runs, const float *bias, int n, float lo,
                        float hi, int size, float *y)
{
    _Alignas(32) float spill[KN_SEGMENTS * KN_SEGMENT];
    const float *from[KN_SEGMENTS];
    float *to[KN_SEGMENTS];
    __m256 lo8 = _mm256_set1_ps(lo), hi8 = _mm256_set1_ps(hi);
    ptrdiff_t positions = kn_segments_positions(s);
    struct weights weights = {runs->run, runs->run, runs->delta, runs->weight};
    for (int i = 0; i < size; i++)
        from[i] = (const float *)s->x.base + s->from[i];
    for (int row = 0; row < n; row++, y += positions) {
        weights.end = runs->run + runs->first[row + 1];
        for (int i = 0; i < size; i++)
            to[i] = s->count == KN_SEGMENT ? y + s->to[i] : spill + i * KN_SEGMENT;
        tile(from, &weights, bias ? bias[row] : 0.0f, lo8, hi8, size, to);
        for (int i = 0; s->count < KN_SEGMENT && i < size; i++)
            memcpy(y + s->to[i], to[i], (size_t)s->count * sizeof *y);
    }
}

void kn_spmm_f32__avx2_1x64(const struct kn_cols *x, const void *packed, const float *bias, int n, float lo, float hi,
                            float *y)
{
    struct kn_runs runs = kn_runs_view(packed, n);
    struct kn_segments s;
    kn_segments_init(&s, x);
    for (int size = kn_segments_next(&s); size; size = kn_segments_next(&s)) {
        if (size == 8)
            run_tile(&s, &runs, bias, n, lo, hi, 8, y);
        else if (size == 4)
            run_tile(&s, &runs, bias, n, lo, hi, 4, y);
        else if (size == 2)
            run_tile(&s, &runs, bias, n, lo, hi, 2, y);
        else
            run_tile(&s, &runs, bias, n, lo, hi, 1, y);
    }
}
