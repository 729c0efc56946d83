/* Tiles of quads.h on 256-bit vectors. What differs between instruction sets is the dot product and the sizes of the
 * tiles. Included only by files compiled for AVX2 at least. */
#ifndef KERNELS_X86_QUADS_AVX2_H
#define KERNELS_X86_QUADS_AVX2_H

#include "kernels/x86/lanes_avx2.h"
#include "kernels/quads.h"

enum { KN_QUADS_LANES = 8, KN_QUADS_REGISTERS = 16, KN_QUADS_SET = 6 };

KN_INLINE __m256i kn_quads_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

/* The same four inputs in every lane. */
KN_INLINE __m256i kn_quads_broadcast(const uint8_t *x)
{
    int32_t quad;
    memcpy(&quad, x, sizeof quad);
    return _mm256_set1_epi32(quad);
}

#if defined(__AVXVNNI__)
/* vpdpbusd, not the saturating vpdpbusds: exact. It takes 5 cycles and two begin in each, so few rows need several
 * sets of sums. */
enum { KN_QUADS_SETS = 1 };

KN_INLINE __m256i kn_quads_dot(__m256i sum, __m256i x, __m256i w)
{
    return _mm256_dpbusd_avx_epi32(sum, x, w);
}
#else
/* Exact if no pair of weights exceeds the limit of quads_extra.h, or no input 127. Additions take one cycle. */
enum { KN_QUADS_SETS = 0 };

KN_INLINE __m256i kn_quads_dot(__m256i sum, __m256i x, __m256i w)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
}
#endif

KN_TILE void kn_quads_step(__m256i *sum, const uint8_t *const *x, ptrdiff_t k, const int8_t *w, int mr, int nv)
{
    __m256i wv[KN_QUADS_MAX_NV];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        wv[v] = kn_quads_load(w + 32 * v);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        __m256i xv = kn_quads_broadcast(x[i] + k);
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = kn_quads_dot(sum[i * nv + v], xv, wv[v]);
    }
}

KN_TILE void kn_quads_clear(__m256i *sum, int size)
{
    KN_UNROLL
    for (int i = 0; i < size; i++)
        sum[i] = _mm256_setzero_si256();
}

KN_TILE void kn_quads_add_up(__m256i *sum, const __m256i *more, int size)
{
    KN_UNROLL
    for (int i = 0; i < size; i++)
        sum[i] = _mm256_add_epi32(sum[i], more[i]);
}

/* The constants of kn_requantize, in all lanes. The lower bound is kept by saturation and a maximum at the end: a NaN
 * or a product below -2^31 becomes INT_MIN when rounded, which saturates to the lowest byte. */
struct kn_quads_lanes {
    __m256 hi;
    __m256i zero_point, lo;
};

KN_INLINE struct kn_quads_lanes kn_quads_lanes(const struct kn_quads_finish *f)
{
    struct kn_quads_lanes l;
    l.hi = _mm256_set1_ps(f->hi);
    l.zero_point = _mm256_set1_epi32((int)f->zero_words);
    l.lo = _mm256_set1_epi32((int)f->lo_bytes);
    return l;
}

/* minps gives the second operand when one is NaN. */
KN_INLINE __m256i kn_quads_round(__m256 x, const struct kn_quads_lanes *l)
{
    return _mm256_cvtps_epi32(_mm256_min_ps(l->hi, x));
}

/* Four vectors → their bytes, in order. */
KN_INLINE __m256i kn_quads_narrow(const __m256i *v, const struct kn_quads_lanes *l)
{
    __m256i a = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), l->zero_point);
    __m256i b = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), l->zero_point);
    __m256i bytes = _mm256_max_epu8(_mm256_packus_epi16(a, b), l->lo);
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Eight outputs of a row, the upper or the lower ones of `bytes`; only `count` of them. */
KN_INLINE void kn_quads_store_half(uint8_t *y, __m128i bytes, int upper, int count)
{
    if (count < 8)
        kn_store_u8(y, (uint64_t)(upper ? _mm_extract_epi64(bytes, 1) : _mm_cvtsi128_si64(bytes)), count);
    else if (upper)
        _mm_storeh_pi((__m64 *)(void *)y, _mm_castsi128_ps(bytes));
    else
        _mm_storel_epi64((__m128i *)(void *)y, bytes);
}

/* Vectors `at` to at + 3 of the mr * nv of a tile; last: outputs in a row's last vector. */
KN_TILE void kn_quads_store(__m256i bytes, int at, int mr, int nv, int last, uint8_t *const *y, ptrdiff_t first)
{
    const __m128i half[2] = {_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
    KN_UNROLL
    for (int j = 0; j < 4; j++) {
        int row = (at + j) / nv, v = (at + j) % nv;
        if (row < mr)
            kn_quads_store_half(y[row] + first + 8 * v, half[j / 2], j % 2, v < nv - 1 ? 8 : last);
    }
}

/* Sums from registers to bytes. */
KN_TILE void kn_quads_requantize(const __m256i *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y)
{
    const struct kn_quads_lanes l = kn_quads_lanes(f);
    const int last = f->count - 8 * (nv - 1);
    KN_UNROLL
    for (int i = 0; i < mr * nv; i += 4) {
        __m256i q[4];
        KN_UNROLL
        for (int j = 0; j < 4; j++) {
            int at = i + j < mr * nv ? i + j : mr * nv - 1;
            __m256 scale = _mm256_loadu_ps(f->scale + 8 * (at % nv));
            q[j] = kn_quads_round(_mm256_mul_ps(_mm256_cvtepi32_ps(sum[at]), scale), &l);
        }
        kn_quads_store(kn_quads_narrow(q, &l), i, mr, nv, last, y, f->first);
    }
}

/* ku (1, 2 or 4) steps at a time, with VNNI each with its own sums. These are arrays of their own: clang 14 would keep
 * a single one in memory, and so it would in a loop over them. */
KN_TILE void kn_quads_tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w,
                           const struct kn_quads_finish *f, uint8_t *const *y, int32_t *out, int mr, int nv, int ku)
{
    const int size = mr * nv, more = KN_QUADS_SETS ? size : 0;
    const uint8_t *x[KN_QUADS_MAX_MR];
    __m256i sum[KN_QUADS_REGISTERS], sum1[KN_QUADS_SET], sum2[KN_QUADS_SET], sum3[KN_QUADS_SET];
    ptrdiff_t at = 0;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        x[i] = row[i];
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = kn_quads_load(f->start + i * f->start_step + 8 * v);
    }
    kn_quads_clear(sum1, ku > 1 ? more : 0);
    kn_quads_clear(sum2, ku > 2 ? more : 0);
    kn_quads_clear(sum3, ku > 2 ? more : 0);
    do {
        ptrdiff_t k = at, end = at + a->seg_len;
        for (; ku > 1 && k + 4 * ku <= end; k += 4 * ku, w += 32 * nv * ku) {
            kn_quads_step(sum, x, k, w, mr, nv);
            kn_quads_step(more ? sum1 : sum, x, k + 4, w + 32 * nv, mr, nv);
            if (ku > 2) {
                kn_quads_step(more ? sum2 : sum, x, k + 8, w + 64 * nv, mr, nv);
                kn_quads_step(more ? sum3 : sum, x, k + 12, w + 96 * nv, mr, nv);
            }
        }
        /* A segment that is no multiple of four ends in weights that are zero. */
        for (; k < end; k += 4, w += 32 * nv)
            kn_quads_step(sum, x, k, w, mr, nv);
        at += kn_seg_next(a, &column);
    } while (--segs);
    kn_quads_add_up(sum, sum1, ku > 1 ? more : 0);
    kn_quads_add_up(sum2, sum3, ku > 2 ? more : 0);
    kn_quads_add_up(sum, sum2, ku > 2 ? more : 0);
    if (f->direct) {
        kn_quads_requantize(sum, mr, nv, f, y);
        return;
    }
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++)
        _mm256_store_si256((__m256i *)(void *)(out + 8 * i), sum[i]);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define KN_QUADS_TILE(mr, nv, ku)                                                                                      \
    static void tile_##mr##_##nv(const struct kn_rows *a, const uint8_t *const *x, const int8_t *w,                    \
                                 const struct kn_quads_finish *f, uint8_t *const *y, int32_t *sum)                     \
    {                                                                                                                  \
        kn_quads_tile(a, x, w, f, y, sum, mr, nv, ku);                                                                 \
    }

/* First `count` bytes at r as floats less the zero point, scaled. */
KN_INLINE __m256 kn_quads_residual(const uint8_t *r, int count, const struct kn_quads_finish *f)
{
    uint64_t bytes = 0;
    __m256i q;
    memcpy(&bytes, r, (size_t)(count < 8 ? count : 8));
    q = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)bytes));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(q, _mm256_set1_epi32(f->r_zero))),
                         _mm256_set1_ps(f->r_scale));
}

/* Sums from memory to bytes, residuals added. */
KN_TILE void kn_quads_add(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y,
                          const uint8_t *const *r)
{
    const struct kn_quads_lanes l = kn_quads_lanes(f);
    const int last = f->count - 8 * (nv - 1);
    for (int i = 0; i < mr * nv; i += 4) {
        __m256i q[4];
        KN_UNROLL
        for (int j = 0; j < 4; j++) {
            int at = i + j < mr * nv ? i + j : mr * nv - 1, v = at % nv;
            __m256 x =
                _mm256_mul_ps(_mm256_cvtepi32_ps(kn_quads_load(sum + 8 * at)), _mm256_loadu_ps(f->scale + 8 * v));
            x = _mm256_add_ps(x, kn_quads_residual(r[at / nv] + f->first + 8 * v, v < nv - 1 ? 8 : last, f));
            q[j] = kn_quads_round(x, &l);
        }
        kn_quads_store(kn_quads_narrow(q, &l), i, mr, nv, last, y, f->first);
    }
}

static inline void kn_quads_finish_u8(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f,
                                      uint8_t *const *y, const uint8_t *const *r)
{
    if (nv == 1)
        kn_quads_add(sum, mr, 1, f, y, r);
    else if (nv == 2)
        kn_quads_add(sum, mr, 2, f, y, r);
    else
        kn_quads_add(sum, mr, 3, f, y, r);
}

#endif
