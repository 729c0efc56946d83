/* kn_gemm_u8s8 with the dot product of signed bytes (FEAT_DotProd): sum of (x - 128) w, whose missing 128 w is summed
 * beside it once for all rows of a tile. Sums modulo 2^32, so nothing is lost on the way. */
#include "kernels/arm/quads_neon.h"
#include "kernels/walk.h"

enum { MR = 8 };

KN_TILE void tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w, const struct kn_quads_finish *f,
                  uint8_t *const *y, int32_t *out, int mr, int nv)
{
    const int8x16_t lowest = vdupq_n_s8(-128);
    int32x4_t sum[MR * NV], less[NV]; /* less: -128 times the weights so far */
    const uint8_t *x[MR];
    ptrdiff_t at = 0;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        x[i] = row[i];
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = vld1q_s32(f->start + i * f->start_step + LANES * v);
    }
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        less[v] = vdupq_n_s32(0);
    do {
        for (ptrdiff_t k = at; k < at + a->seg_len; k += 4, w += 16 * nv) {
            int8x16_t wv[NV];
            KN_UNROLL
            for (int v = 0; v < nv; v++) {
                wv[v] = vld1q_s8(w + 16 * v);
                less[v] = vdotq_s32(less[v], wv[v], lowest);
            }
            KN_UNROLL
            for (int i = 0; i < mr; i++) {
                int8x16_t xv = veorq_s8(quad(x[i] + k), lowest); /* x - 128 */
                KN_UNROLL
                for (int v = 0; v < nv; v++)
                    sum[i * nv + v] = vdotq_s32(sum[i * nv + v], wv[v], xv);
            }
        }
        at += kn_seg_next(a, &column);
    } while (--segs);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = vsubq_s32(sum[i * nv + v], less[v]);
    }
    tile_end(sum, f, y, out, mr, nv);
}

KN_QUADS_TILE(1, 1)
KN_QUADS_TILE(2, 1)
KN_QUADS_TILE(3, 1)
KN_QUADS_TILE(4, 1)
KN_QUADS_TILE(5, 1)
KN_QUADS_TILE(6, 1)
KN_QUADS_TILE(7, 1)
KN_QUADS_TILE(8, 1)
KN_QUADS_TILE(1, 2)
KN_QUADS_TILE(2, 2)
KN_QUADS_TILE(3, 2)
KN_QUADS_TILE(4, 2)
KN_QUADS_TILE(5, 2)
KN_QUADS_TILE(6, 2)
KN_QUADS_TILE(7, 2)
KN_QUADS_TILE(8, 2)

static const kn_quads_tile_fn tiles_1[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1,
                                           tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static const kn_quads_tile_fn tiles_2[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2,
                                           tile_5_2, tile_6_2, tile_7_2, tile_8_2};

static const struct kn_quads_level level = {
    .shape = {LANES, NV}, .mr = {MR, MR}, .tile = {tiles_1, tiles_2}, .u8 = finish_u8};

void kn_gemm_u8s8_u8__neondot_8x8(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                  const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&level, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s8_s32__neondot_8x8(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                   const struct kn_out *c)
{
    kn_quads_run_s32(&level, a, packed, bias, n, c);
}
