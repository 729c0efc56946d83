/* kn_gemm_f32 with AVX-512: 512-bit vectors, partly filled ones by masks. 32 registers hold tiles of 12 x 32 and 8
 * x 48. See gemm_f32_tile.h. */
#include "kernels/x86/lanes_avx2.h"

typedef __m512 vec;
enum { LANES = 16 };

/* Ones for the first `count` (0..16) lanes. */
KN_INLINE __mmask16 first_lanes(int count)
{
    return (__mmask16)((1U << count) - 1);
}

KN_INLINE vec vec_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

KN_INLINE void vec_store(float *p, vec v)
{
    _mm512_storeu_ps(p, v);
}

KN_INLINE vec vec_all(const float *p)
{
    return _mm512_set1_ps(*p);
}

KN_INLINE vec vec_load_part(const float *p, int count)
{
    return _mm512_maskz_loadu_ps(first_lanes(count), p);
}

KN_INLINE void vec_store_part(float *p, vec v, int count)
{
    _mm512_mask_storeu_ps(p, first_lanes(count), v);
}

KN_INLINE vec vec_zero(void)
{
    return _mm512_setzero_ps();
}

KN_INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

KN_INLINE vec vec_fma(vec x, vec w, vec sum)
{
    return _mm512_fmadd_ps(x, w, sum);
}

/* max then min, in the operand order of kn_clamp. */
KN_INLINE vec vec_clamp(vec x, vec lo, vec hi)
{
    return _mm512_min_ps(_mm512_max_ps(x, lo), hi);
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
TILE(9, 2)
TILE(10, 2)
TILE(11, 2)
TILE(12, 2)
SINGLE(3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)
TILE(5, 3)
TILE(6, 3)
TILE(7, 3)
TILE(8, 3)

static const tile_fn narrow[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static const tile_fn full[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2,  tile_5_2,  tile_6_2,
                               tile_7_2, tile_8_2, tile_9_2, tile_10_2, tile_11_2, tile_12_2};
static const tile_fn wide[] = {tile_1_3, tile_2_3, tile_3_3, tile_4_3, tile_5_3, tile_6_3, tile_7_3, tile_8_3};

void kn_gemm_f32__avx512vnni_12x32(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                                   const struct kn_out *c)
{
    static const tile_fn *const tiles[] = {narrow, full, wide};
    static const int tallest[] = {8, 12, 8};
    run_product(a, packed, tail, n, c, tiles, tallest);
}
