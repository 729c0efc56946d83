/* Y(n, positions) = W(n, k) X(k, positions) over the nonzero weights, in integers. X comes widened to 16 bits. Two
 * segments of eight positions fill a register; the same positions of two inputs are interleaved, so that vpmaddwd
 * multiplies both by a broadcast pair of weights and adds them exactly in 32 bits. Interleaving leaves the first
 * four positions of both segments in one sum and the last four in another. */
#include "kernels/spmm_pairs.h"
#include "kernels/x86/segments_avx2.h"

enum { VECTORS = KN_SEGMENTS / 2 };

KN_INLINE __m256i load_two(const int16_t *a, const int16_t *b)
{
    __m256i first = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)a));
    return _mm256_inserti128_si256(first, _mm_loadu_si128((const __m128i *)(const void *)b), 1);
}

/* Sums of one output at the tile's segments, plus bias, into `out` (2 * vectors, 8). */
KN_INLINE void tile(const int16_t *const *from, const struct kn_spmm_pair *pair, uint32_t count, int32_t bias,
                    int vectors, int32_t *out)
{
    const int16_t *x[KN_SEGMENTS];
    __m256i low[VECTORS], high[VECTORS];
    KN_UNROLL
    for (int v = 0; v < vectors; v++) {
        x[2 * v] = from[2 * v];
        x[2 * v + 1] = from[2 * v + 1];
        low[v] = high[v] = _mm256_set1_epi32(bias);
    }
    for (uint32_t j = 0; j < count; j++, pair++) {
        ptrdiff_t a = pair->offset[0], b = pair->offset[1];
        int32_t both;
        memcpy(&both, pair->weight, sizeof both);
        __m256i weights = _mm256_set1_epi32(both);
        KN_UNROLL
        for (int v = 0; v < vectors; v++) {
            __m256i xa = load_two(x[2 * v] + a, x[2 * v + 1] + a), xb = load_two(x[2 * v] + b, x[2 * v + 1] + b);
            low[v] = _mm256_add_epi32(low[v], _mm256_madd_epi16(_mm256_unpacklo_epi16(xa, xb), weights));
            high[v] = _mm256_add_epi32(high[v], _mm256_madd_epi16(_mm256_unpackhi_epi16(xa, xb), weights));
        }
    }
    KN_UNROLL
    for (int v = 0; v < vectors; v++) {
        __m256i first = _mm256_permute2x128_si256(low[v], high[v], 0x20);
        __m256i second = _mm256_permute2x128_si256(low[v], high[v], 0x31);
        _mm256_store_si256((__m256i *)(void *)(out + 16 * v), first);
        _mm256_store_si256((__m256i *)(void *)(out + 16 * v + 8), second);
    }
}

static void tile_1(const int16_t *const *from, const struct kn_spmm_pair *pair, uint32_t count, int32_t bias,
                   int32_t *out)
{
    tile(from, pair, count, bias, 1, out);
}

static void tile_2(const int16_t *const *from, const struct kn_spmm_pair *pair, uint32_t count, int32_t bias,
                   int32_t *out)
{
    tile(from, pair, count, bias, 2, out);
}

static void tile_4(const int16_t *const *from, const struct kn_spmm_pair *pair, uint32_t count, int32_t bias,
                   int32_t *out)
{
    tile(from, pair, count, bias, 4, out);
}

/* One tile of segments, ready for every output. */
struct tile_plan {
    const int16_t *from[KN_SEGMENTS];
    int size;
};

static struct tile_plan plan_tile(const struct kn_segments *s, int size)
{
    struct tile_plan t = {.size = size};
    for (int i = 0; i < size; i++)
        t.from[i] = (const int16_t *)s->x.base + s->from[i];
    if (size == 1)
        t.from[1] = t.from[0];
    return t;
}

/* Sums of `row` at the tile's segments. */
KN_INLINE void run_tile(const struct tile_plan *t, const uint32_t *start, int row, int n, int32_t bias, int32_t *out)
{
    const struct kn_spmm_pair *pair = (const struct kn_spmm_pair *)(const void *)(start + n + 1) + start[row];
    uint32_t count = start[row + 1] - start[row];
    if (t->size == 8)
        tile_4(t->from, pair, count, bias, out);
    else if (t->size == 4)
        tile_2(t->from, pair, count, bias, out);
    else
        tile_1(t->from, pair, count, bias, out);
}

KN_INLINE __m256i load_sums(const int32_t *sum)
{
    return _mm256_load_si256((const __m256i *)(const void *)sum);
}

KN_INLINE __m256i requant_sums(const int32_t *sum, __m256 scale, const struct kn_requant_lanes *lanes)
{
    return kn_round_lanes(_mm256_mul_ps(_mm256_cvtepi32_ps(load_sums(sum)), scale), lanes);
}

/* Requantized sums of one output → its line of y. */
static void store_u8(const struct kn_segments *s, int size, const int32_t *sum, float scale,
                     const struct kn_requant_lanes *lanes, uint8_t *y)
{
    __m256 scale8 = _mm256_set1_ps(scale);
    if (s->count < KN_SEGMENT || size == 1) {
        for (int i = 0; i < size; i++)
            kn_store_u8(y + s->to[i], kn_requant_u8(load_sums(sum + 8 * i), scale8, lanes), s->count);
        return;
    }
    for (int i = 0; i < size; i += 2) {
        __m128i two =
            kn_narrow_two_u8(requant_sums(sum + 8 * i, scale8, lanes), requant_sums(sum + 8 * i + 8, scale8, lanes));
        _mm_storel_epi64((__m128i *)(void *)(y + s->to[i]), two);
        _mm_storel_epi64((__m128i *)(void *)(y + s->to[i + 1]), _mm_unpackhi_epi64(two, two));
    }
}

void kn_spmm_u8s8_u8__avx2_1x64(const struct kn_cols *x, const void *packed, const struct kn_requant *rq, int n,
                                uint8_t *y)
{
    _Alignas(32) int32_t sum[KN_SEGMENTS * KN_SEGMENT];
    struct kn_requant_lanes lanes = kn_requant_lanes(rq->zero_point, rq->lo, rq->hi);
    struct kn_segments s;
    ptrdiff_t positions;
    kn_segments_init(&s, x);
    positions = kn_segments_positions(&s);
    for (int size = kn_segments_next(&s); size; size = kn_segments_next(&s)) {
        struct tile_plan t = plan_tile(&s, size);
        for (int row = 0; row < n; row++) {
            run_tile(&t, packed, row, n, rq->bias[row], sum);
            store_u8(&s, size, sum, rq->scale[row], &lanes, y + row * positions);
        }
    }
}

void kn_spmm_u8s8_s32__avx2_1x64(const struct kn_cols *x, const void *packed, const int32_t *bias, int n, int32_t *y)
{
    _Alignas(32) int32_t sum[KN_SEGMENTS * KN_SEGMENT];
    struct kn_segments s;
    ptrdiff_t positions;
    kn_segments_init(&s, x);
    positions = kn_segments_positions(&s);
    for (int size = kn_segments_next(&s); size; size = kn_segments_next(&s)) {
        struct tile_plan t = plan_tile(&s, size);
        for (int row = 0; row < n; row++) {
            run_tile(&t, packed, row, n, bias ? bias[row] : 0, sum);
            for (int i = 0; i < size; i++)
                kn_store_s32(y + row * positions + s.to[i], load_sums(sum + 8 * i), s.count);
        }
    }
}
