/* kn_gemm_u8s8 with pmaddwd: bytes are multiplied as 16-bit numbers, two products of at most 255 * 127 add up in 32
 * bits exactly. The even and the odd bytes of a quad become words by shifts and masks, once for a whole row or column
 * of the tile. See quads.h. */
#include <smmintrin.h>
#include <string.h>

#include "kernels/quads.h"
#include "kernels/unroll.h"

enum { MR = 4, NV = 2, LANES = 4 };

KN_INLINE __m128i load(const void *p)
{
    return _mm_loadu_si128(p);
}

/* The even and the odd ones of four inputs, in all lanes. */
struct quad {
    __m128i even, odd;
};

KN_INLINE struct quad broadcast(const uint8_t *x)
{
    int32_t bytes;
    __m128i all;
    memcpy(&bytes, x, sizeof bytes);
    all = _mm_set1_epi32(bytes);
    return (struct quad){_mm_and_si128(all, _mm_set1_epi16(255)), _mm_srli_epi16(all, 8)};
}

KN_INLINE struct quad weights(const int8_t *w)
{
    __m128i all = load(w);
    return (struct quad){_mm_srai_epi16(_mm_slli_epi16(all, 8), 8), _mm_srai_epi16(all, 8)};
}

KN_TILE void step(__m128i *sum, const uint8_t *const *x, ptrdiff_t k, const int8_t *w, int mr, int nv)
{
    struct quad wv[NV];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        wv[v] = weights(w + 16 * v);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        struct quad xv = broadcast(x[i] + k);
        KN_UNROLL
        for (int v = 0; v < nv; v++) {
            __m128i *s = &sum[i * nv + v];
            *s = _mm_add_epi32(*s, _mm_madd_epi16(xv.even, wv[v].even));
            *s = _mm_add_epi32(*s, _mm_madd_epi16(xv.odd, wv[v].odd));
        }
    }
}

/* The constants of kn_requantize, in all lanes. The lower bound is kept by saturation and a maximum at the end: a NaN
 * or a product below -2^31 becomes INT_MIN when rounded, which saturates to the lowest byte. */
struct lanes {
    __m128 hi;
    __m128i zero_point, lo;
};

KN_INLINE struct lanes lanes_of(const struct kn_quads_finish *f)
{
    struct lanes l;
    l.hi = _mm_set1_ps(f->hi);
    l.zero_point = _mm_set1_epi32((int)f->zero_words);
    l.lo = _mm_set1_epi32((int)f->lo_bytes);
    return l;
}

KN_INLINE __m128 scaled(__m128i sum, int v, const struct kn_quads_finish *f)
{
    return _mm_mul_ps(_mm_cvtepi32_ps(sum), _mm_loadu_ps(f->scale + LANES * v));
}

/* Up to two vectors of a row → their bytes. minps gives the second operand when one is NaN. */
KN_TILE void store(const __m128 *x, int nv, const struct lanes *l, uint8_t *y, int count)
{
    __m128i low = _mm_cvtps_epi32(_mm_min_ps(l->hi, x[0]));
    __m128i high = _mm_cvtps_epi32(_mm_min_ps(l->hi, x[nv - 1]));
    __m128i words = _mm_adds_epi16(_mm_packs_epi32(low, high), l->zero_point);
    __m128i packed = _mm_max_epu8(_mm_packus_epi16(words, words), l->lo);
    uint64_t bytes = (uint64_t)_mm_cvtsi128_si64(packed);
    if (nv == 2 && count == 8)
        memcpy(y, &bytes, 8);
    else if (nv == 1 && count == 4)
        memcpy(y, &bytes, 4);
    else
        memcpy(y, &bytes, (size_t)count);
}

KN_TILE void tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w, const struct kn_quads_finish *f,
                  uint8_t *const *y, int32_t *out, int mr, int nv)
{
    const uint8_t *x[MR];
    __m128i sum[MR * NV];
    ptrdiff_t at = 0;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        x[i] = row[i];
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = load(f->start + LANES * v);
    }
    do {
        /* A segment that is no multiple of four ends in weights that are zero. */
        for (ptrdiff_t k = at; k < at + a->seg_len; k += 4, w += 16 * nv)
            step(sum, x, k, w, mr, nv);
        at += kn_seg_next(a, &column);
    } while (--segs);
    if (f->direct) {
        const struct lanes l = lanes_of(f);
        KN_UNROLL
        for (int i = 0; i < mr; i++) {
            const __m128 s[NV] = {scaled(sum[i * nv], 0, f), scaled(sum[i * nv + nv - 1], nv - 1, f)};
            store(s, nv, &l, y[i] + f->first, f->count);
        }
        return;
    }
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++)
        _mm_store_si128((__m128i *)(void *)(out + LANES * i), sum[i]);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define TILE(mr, nv)                                                                                                   \
    static void tile_##mr##_##nv(const struct kn_rows *a, const uint8_t *const *x, const int8_t *w,                    \
                                 const struct kn_quads_finish *f, uint8_t *const *y, int32_t *sum)                     \
    {                                                                                                                  \
        tile(a, x, w, f, y, sum, mr, nv);                                                                              \
    }
TILE(1, 1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(1, 2)
TILE(2, 2)
TILE(3, 2)
TILE(4, 2)

static const kn_quads_tile_fn tiles_1[MR] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1};
static const kn_quads_tile_fn tiles_2[MR] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2};

/* First `count` (at most 4) bytes at r as floats less the zero point, scaled. */
static __m128 residual_of(const uint8_t *r, int count, const struct kn_quads_finish *f)
{
    int32_t bytes = 0;
    __m128i q;
    memcpy(&bytes, r, (size_t)(count < LANES ? count : LANES));
    q = _mm_sub_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)), _mm_set1_epi32(f->r_zero));
    return _mm_mul_ps(_mm_cvtepi32_ps(q), _mm_set1_ps(f->r_scale));
}

static void finish_u8(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y,
                      const uint8_t *const *r)
{
    const struct lanes l = lanes_of(f);
    for (int i = 0; i < mr; i++, sum += LANES * nv) {
        __m128 x[NV];
        for (int v = 0; v < nv; v++)
            x[v] = _mm_add_ps(scaled(load(sum + LANES * v), v, f),
                              residual_of(r[i] + f->first + LANES * v, f->count - LANES * v, f));
        if (nv == 1)
            store(x, 1, &l, y[i] + f->first, f->count);
        else
            store(x, 2, &l, y[i] + f->first, f->count);
    }
}

static const struct kn_quads_level level = {
    .shape = {LANES, NV}, .mr = {MR, MR}, .tile = {tiles_1, tiles_2}, .u8 = finish_u8};

void kn_gemm_u8s8_u8__sse41_4x8(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&level, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s8_s32__sse41_4x8(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                 const struct kn_out *c)
{
    kn_quads_run_s32(&level, a, packed, bias, n, c);
}
