/* Y(n, positions) = W(n, k) X(k, positions) over the nonzero weights, in integers, four weights at a time: the bytes of
 * four inputs at 32 neighbouring positions are interleaved, so that vpdpbusd multiplies the four inputs of a position
 * by the four weights and adds them in its 32-bit lane, exactly. Two rounds of unpacking make four vectors of eight
 * positions out of four vectors of 32; they stay in that order until the sums are stored. */
#include "kernels/runs.h"
#include "kernels/x86/spans_avx512.h"

enum { VECTORS = 4, LANES = 32 };

struct weights {
    const struct kn_run *run, *end;
    const uint16_t *delta;
    const int8_t *w;
};

struct tile {
    const uint8_t *from[VECTORS];
    ptrdiff_t to[VECTORS];
    uint32_t mask[VECTORS];
};

/* Exactly one of y8, y32. */
struct job {
    struct kn_runs runs;
    int n;
    const int32_t *bias; /* (n) or NULL */
    const float *scale;  /* with y8: (n) */
    struct kn_requant_lanes lanes;
    ptrdiff_t positions;
    uint8_t *y8;
    int32_t *y32;
};

KN_INLINE __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* sum[4]: positions 0-3 and 16-19, 4-7 and 20-23, 8-11 and 24-27, 12-15 and 28-31. */
KN_INLINE void add_quad(__m256i *sum, __m256i a, __m256i b, __m256i c, __m256i d, __m256i w)
{
    __m256i ab_low = _mm256_unpacklo_epi8(a, b), ab_high = _mm256_unpackhi_epi8(a, b);
    __m256i cd_low = _mm256_unpacklo_epi8(c, d), cd_high = _mm256_unpackhi_epi8(c, d);
    sum[0] = _mm256_dpbusd_epi32(sum[0], _mm256_unpacklo_epi16(ab_low, cd_low), w);
    sum[1] = _mm256_dpbusd_epi32(sum[1], _mm256_unpackhi_epi16(ab_low, cd_low), w);
    sum[2] = _mm256_dpbusd_epi32(sum[2], _mm256_unpacklo_epi16(ab_high, cd_high), w);
    sum[3] = _mm256_dpbusd_epi32(sum[3], _mm256_unpackhi_epi16(ab_high, cd_high), w);
}

/* Sums of 32 positions as they lie in the four vectors → their bytes in order: packing works within halves and so
 * undoes the unpacking. */
KN_INLINE __m256i requant(const struct job *job, const __m256i *sum, __m256 scale)
{
    __m256i q[4];
    KN_UNROLL
    for (int i = 0; i < 4; i++)
        q[i] = kn_round_lanes(_mm256_mul_ps(_mm256_cvtepi32_ps(sum[i]), scale), &job->lanes);
    return _mm256_packus_epi16(_mm256_packus_epi32(q[0], q[1]), _mm256_packus_epi32(q[2], q[3]));
}

/* The lanes in the mask → side by side from y on. */
KN_INLINE void store_bytes(uint8_t *y, __m256i bytes, uint32_t mask)
{
    int from, length;
    for (; mask; y += length) {
        uint32_t piece = kn_spans_piece(&mask, &from, &length);
        _mm256_mask_storeu_epi8(y - from, piece, bytes);
    }
}

static void store_sums(int32_t *y, const __m256i *sum, uint32_t mask)
{
    _Alignas(32) int32_t raw[4][8];
    for (int i = 0; i < 4; i++)
        _mm256_store_si256((__m256i *)(void *)raw[i], sum[i]);
    for (; mask; mask &= mask - 1) {
        int lane = __builtin_ctz(mask);
        *y++ = raw[lane / 4 % 4][lane / 16 * 4 + lane % 4];
    }
}

KN_INLINE void store_vector(const struct job *job, int row, ptrdiff_t to, const __m256i *sum, uint32_t mask)
{
    ptrdiff_t at = row * job->positions + to;
    if (job->y8)
        store_bytes(job->y8 + at, requant(job, sum, _mm256_set1_ps(job->scale[row])), mask);
    else
        store_sums(job->y32 + at, sum, mask);
}

KN_INLINE void run_row(const struct job *job, const struct tile *t, struct weights *weights, int row, int size)
{
    const uint8_t *x[VECTORS];
    const int8_t *w = weights->w;
    const uint16_t *delta = weights->delta;
    __m256i sum[4 * VECTORS];
    KN_UNROLL
    for (int i = 0; i < size; i++)
        x[i] = t->from[i];
    KN_UNROLL
    for (int i = 0; i < 4 * size; i++)
        sum[i] = _mm256_set1_epi32(job->bias ? job->bias[row] : 0);
    for (; weights->run < weights->end; weights->run++) {
        ptrdiff_t at = weights->run->offset;
        for (uint32_t j = weights->run->entries; j; j -= 4, w += 4, delta += 4) {
            ptrdiff_t a = at + delta[0], b = a + delta[1], c = b + delta[2], d = c + delta[3];
            int32_t quad;
            memcpy(&quad, w, sizeof quad);
            KN_UNROLL
            for (int i = 0; i < size; i++)
                add_quad(sum + 4 * i, load(x[i] + a), load(x[i] + b), load(x[i] + c), load(x[i] + d),
                         _mm256_set1_epi32(quad));
            at = d;
        }
    }
    weights->w = w;
    weights->delta = delta;
    KN_UNROLL
    for (int i = 0; i < size; i++)
        store_vector(job, row, t->to[i], sum + 4 * i, t->mask[i]);
}

KN_INLINE void run_tile(const struct job *job, const struct tile *t, int size)
{
    struct weights weights = {job->runs.run, job->runs.run, job->runs.delta, job->runs.weight};
    for (int row = 0; row < job->n; row++) {
        weights.end = job->runs.run + job->runs.first[row + 1];
        run_row(job, t, &weights, row, size);
    }
}

#define TILE(size)                                                                                                     \
    static void tile_##size(const struct job *job, const struct tile *t)                                               \
    {                                                                                                                  \
        run_tile(job, t, size);                                                                                        \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)

typedef void (*tile_fn)(const struct job *job, const struct tile *t);
static const tile_fn tiles[VECTORS] = {tile_1, tile_2, tile_3, tile_4};

static void run(const struct job *job, const struct kn_cols *x)
{
    struct kn_spans s;
    kn_spans_init(&s, x, LANES, VECTORS);
    for (int size = kn_spans_next(&s); size; size = kn_spans_next(&s)) {
        struct tile t;
        for (int i = 0; i < size; i++) {
            t.from[i] = (const uint8_t *)x->base + s.from[i];
            t.to[i] = s.to[i];
            t.mask[i] = s.mask[i];
        }
        tiles[size - 1](job, &t);
    }
}

void kn_spmm_u8s8_u8__avx512vnni_1x128(const struct kn_cols *x, const void *packed, const struct kn_requant *rq, int n,
                                       uint8_t *y)
{
    struct job job = {.runs = kn_runs_view(packed, n), .n = n, .bias = rq->bias, .scale = rq->scale, .y8 = y};
    job.lanes = kn_requant_lanes(rq->zero_point, rq->lo, rq->hi);
    job.positions = (ptrdiff_t)x->lines * x->line_len;
    run(&job, x);
}

void kn_spmm_u8s8_s32__avx512vnni_1x128(const struct kn_cols *x, const void *packed, const int32_t *bias, int n,
                                        int32_t *y)
{
    struct job job = {.runs = kn_runs_view(packed, n), .n = n, .bias = bias, .y32 = y};
    job.positions = (ptrdiff_t)x->lines * x->line_len;
    run(&job, x);
}
