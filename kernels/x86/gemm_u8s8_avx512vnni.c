/* kn_gemm_u8s8 with vpdpbusd on 512-bit vectors: 64 products in one instruction, exactly. A tile of 12 rows by two
 * vectors keeps 24 of 32 registers in sums and reads 14 vectors for 24 products. */
#include "kernels/x86/lanes_avx2.h"
#include "kernels/quads.h"

enum { LANES = 16, MR = 12, SET = 6 /* sums of a tile that takes several steps at a time */ };

KN_INLINE __m512i broadcast(const uint8_t *x)
{
    int32_t quad;
    memcpy(&quad, x, sizeof quad);
    return _mm512_set1_epi32(quad);
}

KN_TILE void step(__m512i *sum, const uint8_t *const *x, ptrdiff_t k, const int8_t *w, int mr, int nv)
{
    __m512i wv[2];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        wv[v] = _mm512_loadu_si512(w + 64 * v);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        __m512i xv = broadcast(x[i] + k);
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = _mm512_dpbusd_epi32(sum[i * nv + v], xv, wv[v]);
    }
}

/* The constants of kn_requantize, in all lanes. The lower bound is kept by saturation and a maximum at the end: a NaN
 * or a product below -2^31 becomes INT_MIN when rounded, which saturates to the lowest byte. */
struct lanes {
    __m512 hi;
    __m512i zero_point, lo;
};

KN_INLINE struct lanes lanes_of(const struct kn_quads_finish *f)
{
    struct lanes l;
    l.hi = _mm512_set1_ps(f->hi);
    l.zero_point = _mm512_set1_epi32((int)f->zero_words);
    l.lo = _mm512_set1_epi32((int)f->lo_bytes);
    return l;
}

/* minps gives the second operand when one is NaN. */
KN_INLINE __m512i rounded(__m512 x, const struct lanes *l)
{
    return _mm512_cvtps_epi32(_mm512_min_ps(l->hi, x));
}

/* Four vectors → their bytes, in order. */
KN_TILE __m512i narrow(const __m512i *v, const struct lanes *l)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i a = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), l->zero_point);
    __m512i b = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), l->zero_point);
    return _mm512_permutexvar_epi32(order, _mm512_max_epu8(_mm512_packus_epi16(a, b), l->lo));
}

KN_INLINE __mmask32 mask_of(const struct kn_quads_finish *f)
{
    return f->count >= 32 ? 0xFFFFFFFFU : (1U << f->count) - 1;
}

/* The bytes of up to four rows of one vector, or two of two. */
KN_TILE void store(__m512i bytes, int rows, int nv, __mmask32 mask, uint8_t *const *y, ptrdiff_t first)
{
    if (nv == 2) {
        _mm256_mask_storeu_epi8(y[0] + first, mask, _mm512_castsi512_si256(bytes));
        if (rows > 1)
            _mm256_mask_storeu_epi8(y[1] + first, mask, _mm512_extracti64x4_epi64(bytes, 1));
        return;
    }
    _mm_mask_storeu_epi8(y[0] + first, (__mmask16)mask, _mm512_castsi512_si128(bytes));
    if (rows > 1)
        _mm_mask_storeu_epi8(y[1] + first, (__mmask16)mask, _mm512_extracti32x4_epi32(bytes, 1));
    if (rows > 2)
        _mm_mask_storeu_epi8(y[2] + first, (__mmask16)mask, _mm512_extracti32x4_epi32(bytes, 2));
    if (rows > 3)
        _mm_mask_storeu_epi8(y[3] + first, (__mmask16)mask, _mm512_extracti32x4_epi32(bytes, 3));
}

/* Sums, bias included, from registers to bytes. */
KN_TILE void requantize(const __m512i *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y)
{
    const struct lanes l = lanes_of(f);
    const __mmask32 mask = mask_of(f);
    __m512 scale[2];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        scale[v] = _mm512_loadu_ps(f->scale + LANES * v);
    KN_UNROLL
    for (int i = 0; i < mr; i += 4 / nv) {
        __m512i q[4];
        KN_UNROLL
        for (int j = 0; j < 4; j++) {
            int at = i * nv + j < mr * nv ? i * nv + j : mr * nv - nv + j % nv; /* missing rows are like the last */
            q[j] = rounded(_mm512_mul_ps(_mm512_cvtepi32_ps(sum[at]), scale[j % nv]), &l);
        }
        store(narrow(q, &l), mr - i, nv, mask, y + i, f->first);
    }
}

KN_TILE void clear(__m512i *sum, int size)
{
    KN_UNROLL
    for (int i = 0; i < size; i++)
        sum[i] = _mm512_setzero_si512();
}

KN_TILE void add_up(__m512i *sum, const __m512i *more, int size)
{
    KN_UNROLL
    for (int i = 0; i < size; i++)
        sum[i] = _mm512_add_epi32(sum[i], more[i]);
}

/* ku (1, 2 or 4) steps at a time, each with its own sums, so that few rows do not wait for each other's additions. Sets
 * of sums are arrays of their own: clang 14 would keep a single one in memory, and so it would in a loop over them. */
KN_TILE void tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w, const struct kn_quads_finish *f,
                  uint8_t *const *y, int32_t *out, int mr, int nv, int ku)
{
    const uint8_t *x[MR];
    __m512i sum[2 * MR], sum1[SET], sum2[SET], sum3[SET];
    const int size = mr * nv;
    ptrdiff_t at = 0;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = row[i];
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = _mm512_loadu_si512(f->bias + LANES * v);
    }
    clear(sum1, ku > 1 ? size : 0);
    clear(sum2, ku > 2 ? size : 0);
    clear(sum3, ku > 2 ? size : 0);
    do {
        ptrdiff_t k = at, end = at + a->seg_len;
        for (; ku > 1 && k + 4 * ku <= end; k += 4 * ku, w += 64 * nv * ku) {
            step(sum, x, k, w, mr, nv);
            step(sum1, x, k + 4, w + 64 * nv, mr, nv);
            if (ku > 2) {
                step(sum2, x, k + 8, w + 128 * nv, mr, nv);
                step(sum3, x, k + 12, w + 192 * nv, mr, nv);
            }
        }
        /* A segment that is no multiple of four ends in weights that are zero. */
        for (; k < end; k += 4, w += 64 * nv)
            step(sum, x, k, w, mr, nv);
        at += kn_seg_next(a, &column);
    } while (--segs);
    add_up(sum, sum1, ku > 1 ? size : 0);
    add_up(sum2, sum3, ku > 2 ? size : 0);
    add_up(sum, sum2, ku > 2 ? size : 0);
    if (f->direct) {
        requantize(sum, mr, nv, f, y);
        return;
    }
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            _mm512_store_si512(out + LANES * (i * nv + v), sum[i * nv + v]);
    }
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define TILE(mr, nv, ku)                                                                                               \
    static void tile_##mr##_##nv(const struct kn_rows *a, const uint8_t *const *x, const int8_t *w,                    \
                                 const struct kn_quads_finish *f, uint8_t *const *y, int32_t *sum)                     \
    {                                                                                                                  \
        tile(a, x, w, f, y, sum, mr, nv, ku);                                                                          \
    }
/* A dpbusd takes 4 to 5 cycles, two begin in each: 8 to 10 sums at least. */
TILE(1, 1, 4)
TILE(2, 1, 4)
TILE(3, 1, 4)
TILE(4, 1, 2)
TILE(5, 1, 2)
TILE(6, 1, 2)
TILE(7, 1, 1)
TILE(8, 1, 1)
TILE(9, 1, 1)
TILE(10, 1, 1)
TILE(11, 1, 1)
TILE(12, 1, 1)
TILE(1, 2, 4)
TILE(2, 2, 2)
TILE(3, 2, 2)
TILE(4, 2, 1)
TILE(5, 2, 1)
TILE(6, 2, 1)
TILE(7, 2, 1)
TILE(8, 2, 1)
TILE(9, 2, 1)
TILE(10, 2, 1)
TILE(11, 2, 1)
TILE(12, 2, 1)

static const kn_quads_tile_fn tiles_1[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1,  tile_5_1,  tile_6_1,
                                           tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1, tile_12_1};
static const kn_quads_tile_fn tiles_2[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2,  tile_5_2,  tile_6_2,
                                           tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2, tile_12_2};

KN_INLINE __m512 residual(const uint8_t *r, __mmask16 mask, const struct kn_quads_finish *f)
{
    __m512i q = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, r));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(q, _mm512_set1_epi32(f->r_zero))),
                         _mm512_set1_ps(f->r_scale));
}

KN_TILE void add_and_requantize(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y,
                                const uint8_t *const *r)
{
    const struct lanes l = lanes_of(f);
    const __mmask32 mask = mask_of(f);
    for (int i = 0; i < mr; i += 4 / nv) {
        __m512i q[4];
        KN_UNROLL
        for (int j = 0; j < 4; j++) {
            int row = i + j / nv < mr ? i + j / nv : mr - 1, v = j % nv;
            __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(sum + LANES * (row * nv + v))),
                                     _mm512_loadu_ps(f->scale + LANES * v));
            x = _mm512_add_ps(x, residual(r[row] + f->first + LANES * v, (__mmask16)(mask >> (LANES * v)), f));
            q[j] = rounded(x, &l);
        }
        store(narrow(q, &l), mr - i, nv, mask, y + i, f->first);
    }
}

static void finish_u8(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y,
                      const uint8_t *const *r)
{
    if (nv == 1)
        add_and_requantize(sum, mr, 1, f, y, r);
    else
        add_and_requantize(sum, mr, 2, f, y, r);
}

static const struct kn_quads_level level = {
    .shape = {LANES, 2}, .mr = {MR, MR}, .tile = {tiles_1, tiles_2}, .u8 = finish_u8};

void kn_gemm_u8s8_u8__avx512vnni_12x32(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                       const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&level, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s8_s32__avx512vnni_12x32(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                        const struct kn_out *c)
{
    kn_quads_run_s32(&level, a, packed, bias, n, c);
}
