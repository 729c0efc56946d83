/* C(m, n) = A(m, K) W(n, K)^T in integers, four inputs at a time: one vector holds 8 outputs x 4 inputs of weights as
 * bytes, the same 4 inputs of a row are broadcast, and a dot product of four adds up in each 32-bit lane. What
 * differs between instruction sets is that dot product (kn_quads_dot) and the sizes of the tiles. Sums are modulo 2^32,
 * as the reference's: no sum leaves 32 bits below K = 66 310.
 *
 * Tiles are mr rows by nv vectors of eight outputs, with ku sets of sums so that few rows do not wait for each other's
 * additions. Included only by files compiled for AVX2 at least. */
#ifndef KERNELS_X86_GEMM_U8S8_QUADS_H
#define KERNELS_X86_GEMM_U8S8_QUADS_H

#include "kernels/panel.h"
#include "kernels/walk.h"
#include "kernels/x86/lanes_avx2.h"

enum { KN_QUADS_NR = 16, KN_QUADS_WIDE = 24, KN_QUADS_SUMS = 24, KN_QUADS_MAX_MR = 8, KN_QUADS_SIZES = 4 };

/* What becomes of the sums of one panel: requantized to bytes, or stored raw. Exactly one of y8, y32. */
struct kn_quads_finish {
    const int32_t *bias; /* of this panel, whole vectors */
    const float *scale;
    struct kn_requant_lanes lanes;
    int last; /* outputs in the panel's last vector, 1..8; the others are full */
    uint8_t *y8;
    int32_t *y32;
    const uint8_t *add; /* the residual, from this panel's first output, or NULL */
    const struct kn_requant *rq;
    const struct kn_residual *residual;
    int32_t padded_bias[KN_QUADS_WIDE]; /* of a last panel, filled up with zeros */
    float padded_scale[KN_QUADS_WIDE];
};

/* Sums of row i begin with start[i * start_step + ...]: bias, or more. `at`: the rows. */
typedef void (*kn_quads_tile_fn)(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w,
                                 const int32_t *start, ptrdiff_t start_step, const struct kn_quads_finish *f,
                                 const struct kn_places *at);
/* Tiles for one panel width, the tallest first; the last one has a single row. */
struct kn_quads_tiles {
    struct {
        int mr;
        kn_quads_tile_fn run;
    } size[KN_QUADS_SIZES];
};

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

/* sum + the four products of each lane; exact if no pair of weights exceeds the limit of quads_extra.h, with VNNI
 * always (vpdpbusd, not the saturating vpdpbusds). */
KN_INLINE __m256i kn_quads_dot(__m256i sum, __m256i x, __m256i w)
{
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
    return _mm256_dpbusd_epi32(sum, x, w);
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
#endif
}

KN_INLINE void kn_quads_step(__m256i *sum, const uint8_t *const *x, ptrdiff_t k, const int8_t *w, int mr, int nv)
{
    __m256i wv[3];
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

KN_INLINE __m256i kn_quads_requant(__m256i sum, const float *scale, const struct kn_requant_lanes *lanes)
{
    return kn_round_lanes(_mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scale)), lanes);
}

/* One row of nv vectors, requantized. */
KN_INLINE void kn_quads_finish_u8(const __m256i *sum, int nv, const struct kn_quads_finish *f, uint8_t *y)
{
    const struct kn_requant_lanes lanes = f->lanes;
    __m256i q0 = kn_quads_requant(sum[0], f->scale, &lanes);
    __m128i two;
    if (nv == 1) {
        kn_store_u8(y, kn_narrow_u8(q0), f->last);
        return;
    }
    two = kn_narrow_two_u8(q0, kn_quads_requant(sum[1], f->scale + 8, &lanes));
    if (nv == 3) {
        _mm_storeu_si128((__m128i *)(void *)y, two);
        kn_store_u8(y + 16, kn_narrow_u8(kn_quads_requant(sum[2], f->scale + 16, &lanes)), f->last);
    } else if (f->last == 8) {
        _mm_storeu_si128((__m128i *)(void *)y, two);
    } else {
        _mm_storel_epi64((__m128i *)(void *)y, two);
        kn_store_u8(y + 8, (uint64_t)_mm_extract_epi64(two, 1), f->last);
    }
}

/* One row with a residual, through memory; not inlined, so that the sums of the other rows stay in registers. */
static __attribute__((noinline)) void
kn_quads_finish_add(const int32_t *sum, int count, const struct kn_quads_finish *f, const uint8_t *add, uint8_t *y)
{
    kn_requant_add_row(sum, f->scale, add, f->residual, f->rq, count, y);
}

/* Row i of a tile. */
KN_INLINE void kn_quads_finish_row(const __m256i *sum, int i, int mr, int nv, const struct kn_quads_finish *f,
                                   const struct kn_places *at)
{
    if (i >= mr)
        return;
    if (f->add) {
        _Alignas(32) int32_t spill[KN_QUADS_WIDE];
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            _mm256_store_si256((__m256i *)(void *)(spill + 8 * v), sum[i * nv + v]);
        kn_quads_finish_add(spill, 8 * (nv - 1) + f->last, f, f->add + at->add[i], f->y8 + at->y[i]);
        return;
    }
    if (f->y8) {
        kn_quads_finish_u8(sum + i * nv, nv, f, f->y8 + at->y[i]);
        return;
    }
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        kn_store_s32(f->y32 + at->y[i] + 8 * v, sum[i * nv + v], v < nv - 1 ? 8 : f->last);
}

/* Not a loop: clang 14 leaves one over so much code as it is, and then all sums live in memory. */
KN_INLINE void kn_quads_finish(const __m256i *sum, int mr, int nv, const struct kn_quads_finish *f,
                               const struct kn_places *at)
{
    kn_quads_finish_row(sum, 0, mr, nv, f, at);
    kn_quads_finish_row(sum, 1, mr, nv, f, at);
    kn_quads_finish_row(sum, 2, mr, nv, f, at);
    kn_quads_finish_row(sum, 3, mr, nv, f, at);
    kn_quads_finish_row(sum, 4, mr, nv, f, at);
    kn_quads_finish_row(sum, 5, mr, nv, f, at);
    kn_quads_finish_row(sum, 6, mr, nv, f, at);
    kn_quads_finish_row(sum, 7, mr, nv, f, at);
}

KN_INLINE void kn_quads_tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w, const int32_t *start,
                             ptrdiff_t start_step, int mr, int nv, int ku, const struct kn_quads_finish *f,
                             const struct kn_places *at)
{
    const uint8_t *x[KN_QUADS_MAX_MR];
    __m256i sum[KN_QUADS_SUMS];
    ptrdiff_t len = a->seg_len;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        x[i] = row[i];
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = kn_quads_load(start + i * start_step + 8 * v);
    }
    KN_UNROLL
    for (int i = mr * nv; i < mr * nv * ku; i++)
        sum[i] = _mm256_setzero_si256();
    do {
        ptrdiff_t k = 0;
        for (; ku > 1 && k + 4 * ku <= len; k += 4 * ku, w += 32 * nv * ku) {
            KN_UNROLL
            for (int u = 0; u < ku; u++)
                kn_quads_step(sum + u * mr * nv, x, k + 4 * u, w + u * 32 * nv, mr, nv);
        }
        /* A segment that is no multiple of four ends in weights that are zero. */
        for (; k < len; k += 4, w += 32 * nv)
            kn_quads_step(sum, x, k, w, mr, nv);
        ptrdiff_t next = kn_seg_next(a, &column);
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            x[i] += next;
    } while (--segs);
    KN_UNROLL
    for (int i = mr * nv; i < mr * nv * ku; i++)
        sum[i % (mr * nv)] = _mm256_add_epi32(sum[i % (mr * nv)], sum[i]);
    kn_quads_finish(sum, mr, nv, f, at);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define KN_QUADS_TILE(mr, nv, ku)                                                                                      \
    static void tile_##mr##_##nv(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w,                  \
                                 const int32_t *start, ptrdiff_t start_step, const struct kn_quads_finish *f,          \
                                 const struct kn_places *at)                                                           \
    {                                                                                                                  \
        kn_quads_tile(a, row, w, start, start_step, mr, nv, ku, f, at);                                                \
    }

/* The next `count` rows, and where each begins. */
KN_INLINE void kn_quads_next(struct kn_walk *walk, const struct kn_rows *a, int count, const uint8_t **row,
                             struct kn_places *at)
{
    kn_walk_next(walk, count, at);
    for (int i = 0; i < count; i++)
        row[i] = (const uint8_t *)a->base + at->x[i];
}

/* Biases (NULL: none) and scales (NULL: raw sums) of the panel that starts at `first`. */
static inline void kn_quads_panel(struct kn_quads_finish *f, const int32_t *bias, const float *scale, int first, int n,
                                  int width)
{
    size_t count = (size_t)(n - first < width ? n - first : width);
    f->last = kn_panel_last(width, n - first);
    f->bias = f->padded_bias;
    f->scale = f->padded_scale;
    memset(f->padded_bias, 0, sizeof f->padded_bias);
    if (bias && n - first >= width)
        f->bias = bias + first;
    else if (bias)
        memcpy(f->padded_bias, bias + first, count * sizeof *bias);
    if (scale && n - first >= width)
        f->scale = scale + first;
    else if (scale)
        memcpy(f->padded_scale, scale + first, count * sizeof *scale);
}

#endif
