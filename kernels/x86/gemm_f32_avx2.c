/* kn_gemm_f32 with AVX2 and FMA: two multiplications a cycle, four or five cycles each, so ten sums hide their latency;
 * twelve leave room for the weights in 16 registers. See gemm_f32_tile.h. */
#include "kernels/x86/lanes_avx2.h"

typedef __m256 vec;
enum { LANES = 8 };

KN_INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

KN_INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

KN_INLINE vec vec_all(const float *p)
{
    return _mm256_broadcast_ss(p);
}

KN_INLINE vec vec_load_part(const float *p, int count)
{
    return kn_load_f32(p, count);
}

KN_INLINE void vec_store_part(float *p, vec v, int count)
{
    kn_store_f32(p, v, count);
}

KN_INLINE vec vec_zero(void)
{
    return _mm256_setzero_ps();
}

KN_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

KN_INLINE vec vec_fma(vec x, vec w, vec sum)
{
    return _mm256_fmadd_ps(x, w, sum);
}

KN_INLINE vec vec_clamp(vec x, vec lo, vec hi)
{
    return kn_clamp_ps(x, lo, hi);
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
SINGLE(3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)

static const tile_fn narrow[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static const tile_fn full[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2};
static const tile_fn wide[] = {tile_1_3, tile_2_3, tile_3_3, tile_4_3};

void kn_gemm_f32__avx2_6x16(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                            const struct kn_out *c)
{
    static const tile_fn *const tiles[] = {narrow, full, wide};
    static const int tallest[] = {8, 6, 4};
    run_product(a, packed, tail, n, c, tiles, tallest);
}
