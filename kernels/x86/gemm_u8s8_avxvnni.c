/* kn_gemm_u8s8 with vpdpbusd on 256-bit vectors in its VEX coding: 32 products in one instruction, exactly, on
 * processors without AVX-512. 12 of 16 registers hold sums, whatever the width of the panel. */
#include "kernels/x86/quads_avx2.h"

KN_QUADS_TILE(1, 1, 4)
KN_QUADS_TILE(2, 1, 4)
KN_QUADS_TILE(3, 1, 4)
KN_QUADS_TILE(4, 1, 2)
KN_QUADS_TILE(5, 1, 2)
KN_QUADS_TILE(6, 1, 2)
KN_QUADS_TILE(7, 1, 1)
KN_QUADS_TILE(8, 1, 1)
KN_QUADS_TILE(9, 1, 1)
KN_QUADS_TILE(10, 1, 1)
KN_QUADS_TILE(11, 1, 1)
KN_QUADS_TILE(12, 1, 1)
KN_QUADS_TILE(1, 2, 4)
KN_QUADS_TILE(2, 2, 2)
KN_QUADS_TILE(3, 2, 2)
KN_QUADS_TILE(4, 2, 1)
KN_QUADS_TILE(5, 2, 1)
KN_QUADS_TILE(6, 2, 1)

static const kn_quads_tile_fn tiles_1[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1,  tile_5_1,  tile_6_1,
                                           tile_7_1, tile_8_1, tile_9_1, tile_10_1, tile_11_1, tile_12_1};
static const kn_quads_tile_fn tiles_2[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2};

static const struct kn_quads_level level = {
    .shape = {8, 2}, .mr = {12, 6}, .tile = {tiles_1, tiles_2}, .u8 = kn_quads_finish_u8};

void kn_gemm_u8s8_u8__avxvnni_6x16(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                   const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&level, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s8_s32__avxvnni_6x16(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                    const struct kn_out *c)
{
    kn_quads_run_s32(&level, a, packed, bias, n, c);
}
