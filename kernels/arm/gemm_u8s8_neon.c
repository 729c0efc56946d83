/* kn_gemm_u8s8 with AArch64 Advanced SIMD: a product of bytes, at most 255 * 127, fits 16 bits, and pairs of them are
 * added up in 32. A vector of outputs is two vectors of sums until the end. */
#include "kernels/arm/quads_neon.h"
#include "kernels/walk.h"

enum { MR = 4 };

KN_TILE void tile(const struct kn_rows *a, const uint8_t *const *row, const int8_t *w, const struct kn_quads_finish *f,
                  uint8_t *const *y, int32_t *out, int mr, int nv)
{
    int32x4_t low[MR * NV], high[MR * NV];
    const uint8_t *x[MR];
    ptrdiff_t at = 0;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = row[i];
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++)
        low[i] = high[i] = vdupq_n_s32(0);
    do {
        for (ptrdiff_t k = at; k < at + a->seg_len; k += 4, w += 16 * nv) {
            KN_UNROLL
            for (int i = 0; i < mr; i++) {
                int16x8_t xv = vreinterpretq_s16_u16(vmovl_u8(vreinterpret_u8_s8(vget_low_s8(quad(x[i] + k)))));
                KN_UNROLL
                for (int v = 0; v < nv; v++) {
                    int8x16_t wv = vld1q_s8(w + 16 * v);
                    int j = i * nv + v;
                    low[j] = vpadalq_s16(low[j], vmulq_s16(vmovl_s8(vget_low_s8(wv)), xv));
                    high[j] = vpadalq_s16(high[j], vmulq_s16(vmovl_high_s8(wv), xv));
                }
            }
        }
        at += kn_seg_next(a, &column);
    } while (--segs);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            low[i * nv + v] = vaddq_s32(vpaddq_s32(low[i * nv + v], high[i * nv + v]),
                                        vld1q_s32(f->start + i * f->start_step + LANES * v));
    }
    tile_end(low, f, y, out, mr, nv);
}

KN_QUADS_TILE(1, 1)
KN_QUADS_TILE(2, 1)
KN_QUADS_TILE(3, 1)
KN_QUADS_TILE(4, 1)
KN_QUADS_TILE(1, 2)
KN_QUADS_TILE(2, 2)
KN_QUADS_TILE(3, 2)
KN_QUADS_TILE(4, 2)

static const kn_quads_tile_fn tiles_1[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1};
static const kn_quads_tile_fn tiles_2[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2};

static const struct kn_quads_level level = {
    .shape = {LANES, NV}, .mr = {MR, MR}, .tile = {tiles_1, tiles_2}, .u8 = finish_u8};

void kn_gemm_u8s8_u8__neon_4x8(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                               const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&level, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s8_s32__neon_4x8(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                const struct kn_out *c)
{
    kn_quads_run_s32(&level, a, packed, bias, n, c);
}
