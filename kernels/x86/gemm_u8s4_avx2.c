/* kn_gemm_u8s4 with vpmaddubsw and vpaddw: weights of at most 7 let nine sums of two products be added up in 16 bits
 * (9 * 2 * 255 * 7 < 2^15) before vpmaddwd widens them. The 32-bit sums live in memory. */
#include "kernels/x86/quads_avx2.h"

enum { MR = 4, FIT = 9 };

KN_TILE void step(__m256i *part, const uint8_t *const *x, ptrdiff_t k, const int8_t *w, int mr, int nv)
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
            part[i * nv + v] = _mm256_add_epi16(part[i * nv + v], _mm256_maddubs_epi16(xv, wv[v]));
    }
}

/* 16-bit sums into 32-bit ones. */
KN_TILE void widen(__m256i *part, int32_t *sum, int size)
{
    KN_UNROLL
    for (int i = 0; i < size; i++) {
        __m256i *at = (__m256i *)(void *)(sum + 8 * i);
        *at = _mm256_add_epi32(*at, _mm256_madd_epi16(part[i], _mm256_set1_epi16(1)));
        part[i] = _mm256_setzero_si256();
    }
}

KN_TILE void tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w, const struct kn_quads_finish *f,
                  uint8_t *const *y, int32_t *sum, int mr, int nv)
{
    const uint8_t *x[MR];
    __m256i part[MR * KN_QUADS_MAX_NV], total[MR * KN_QUADS_MAX_NV];
    ptrdiff_t at = 0;
    int segs = a->segs, column = 0, room = FIT;
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        x[i] = row[i];
        KN_UNROLL
        for (int v = 0; v < nv; v++) {
            part[i * nv + v] = _mm256_setzero_si256();
            *(__m256i *)(void *)(sum + 8 * (i * nv + v)) = kn_quads_load(f->start + 8 * v);
        }
    }
    do {
        ptrdiff_t k = at, end = at + a->seg_len;
        while (k < end) {
            int steps = (int)(end - k + 3) / 4;
            steps = steps < room ? steps : room;
            room -= steps;
            for (; steps; steps--, k += 4, w += 32 * nv)
                step(part, x, k, w, mr, nv);
            if (room == 0) {
                widen(part, sum, mr * nv);
                room = FIT;
            }
        }
        at += kn_seg_next(a, &column);
    } while (--segs);
    widen(part, sum, mr * nv);
    if (!f->direct)
        return;
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++)
        total[i] = kn_quads_load(sum + 8 * i);
    kn_quads_requantize(total, mr, nv, f, y);
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
TILE(1, 3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)

static const kn_quads_tile_fn tiles_1[MR] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1};
static const kn_quads_tile_fn tiles_2[MR] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2};
static const kn_quads_tile_fn tiles_3[MR] = {tile_1_3, tile_2_3, tile_3_3, tile_4_3};

static const struct kn_quads_level level = {
    .shape = {8, 3}, .mr = {MR, MR, MR}, .tile = {tiles_1, tiles_2, tiles_3}, .u8 = kn_quads_finish_u8};

void kn_gemm_u8s4_u8__avx2_4x24(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&level, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s4_s32__avx2_4x24(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                 const struct kn_out *c)
{
    kn_quads_run_s32(&level, a, packed, bias, n, c);
}
