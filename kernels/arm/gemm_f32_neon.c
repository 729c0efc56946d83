/* kn_gemm_f32 with AArch64 Advanced SIMD: 32 registers hold tiles of up to 8 x 8 and 6 x 12 with weights and one input
 * beside them. See gemm_f32_tile.h. */
#include <arm_neon.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

typedef float32x4_t vec;
enum { LANES = 4 };

KN_INLINE vec vec_load(const float *p)
{
    return vld1q_f32(p);
}

KN_INLINE void vec_store(float *p, vec v)
{
    vst1q_f32(p, v);
}

KN_INLINE vec vec_all(const float *p)
{
    return vld1q_dup_f32(p);
}

KN_INLINE vec vec_load_part(const float *p, int count)
{
    float part[LANES] = {0};
    memcpy(part, p, (size_t)count * sizeof *p);
    return vld1q_f32(part);
}

KN_INLINE void vec_store_part(float *p, vec v, int count)
{
    float part[LANES];
    vst1q_f32(part, v);
    memcpy(p, part, (size_t)count * sizeof *p);
}

KN_INLINE vec vec_zero(void)
{
    return vdupq_n_f32(0);
}

KN_INLINE vec vec_add(vec a, vec b)
{
    return vaddq_f32(a, b);
}

KN_INLINE vec vec_fma(vec x, vec w, vec sum)
{
    return vfmaq_f32(sum, x, w);
}

/* kn_clamp: comparisons that NaN fails choose the bound. */
KN_INLINE vec vec_clamp(vec x, vec lo, vec hi)
{
    x = vbslq_f32(vcgtq_f32(x, lo), x, lo);
    return vbslq_f32(vcltq_f32(x, hi), x, hi);
}

#include "kernels/gemm_f32_tile.h"

SINGLE(1)
TILE(2, 1)
TILE(3, 1)
TILE(4, 1)
TILE(5, 1)
TILE(6, 1)
TILE(7, 1)
TILE(8, 1)
SINGLE(2)
TILE(2, 2)
TILE(3, 2)
TILE(4, 2)
TILE(5, 2)
TILE(6, 2)
TILE(7, 2)
TILE(8, 2)
SINGLE(3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)
TILE(5, 3)
TILE(6, 3)

static const tile_fn narrow[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static const tile_fn full[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2};
static const tile_fn wide[] = {tile_1_3, tile_2_3, tile_3_3, tile_4_3, tile_5_3, tile_6_3};

void kn_gemm_f32__neon_8x8(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                           const struct kn_out *c)
{
    static const tile_fn *const tiles[] = {narrow, full, wide};
    static const int tallest[] = {8, 8, 6};
    run_product(a, packed, tail, n, c, tiles, tallest);
}
