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
    __m512 lo, hi;       /* with y8 */
    __m512i zero_point;
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

KN_INLINE __m512i join(__m256i a, __m256i b)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* The lanes in the mask of sixteen sums, side by side from position `to` of output `row` on. */
KN_INLINE void store(const struct job *job, int row, ptrdiff_t to, __m512i sum, __mmask16 mask)
{
    __mmask16 front = (__mmask16)((1U << __builtin_popcount(mask)) - 1);
    ptrdiff_t at = row * job->positions + to;
    if (job->y8) {
        __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(job->scale[row]));
        x = _mm512_min_ps(_mm512_max_ps(x, job->lo), job->hi);
        sum = _mm512_add_epi32(_mm512_cvtps_epi32(x), job->zero_point);
        _mm_mask_storeu_epi8(job->y8 + at, front, _mm512_cvtepi32_epi8(_mm512_maskz_compress_epi32(mask, sum)));
    } else {
        _mm512_mask_storeu_epi32(job->y32 + at, front, _mm512_maskz_compress_epi32(mask, sum));
    }
}

KN_INLINE void store_vector(const struct job *job, int row, ptrdiff_t to, const __m256i *sum, uint32_t mask)
{
    __m512i first =
        join(_mm256_permute2x128_si256(sum[0], sum[1], 0x20), _mm256_permute2x128_si256(sum[2], sum[3], 0x20));
    __m512i second =
        join(_mm256_permute2x128_si256(sum[0], sum[1], 0x31), _mm256_permute2x128_si256(sum[2], sum[3], 0x31));
    store(job, row, to, first, (__mmask16)mask);
    store(job, row, to + __builtin_popcount(mask & 0xffff), second, (__mmask16)(mask >> 16));
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
    job.lo = _mm512_set1_ps((float)(rq->lo - rq->zero_point));
    job.hi = _mm512_set1_ps((float)(rq->hi - rq->zero_point));
    job.zero_point = _mm512_set1_epi32(rq->zero_point);
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
