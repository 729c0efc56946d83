/* kn_bsr_f32 for blocks of 8 x 1 and 16 x 1 with vectors of eight outputs; see bsr_f32_tile.h. */
#include "kernels/x86/lanes_avx2.h"

enum { KN_BSR_LANES = 8 };
typedef __m256 kn_bsr_vector;

KN_INLINE __m256 kn_bsr_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

KN_INLINE __m256 kn_bsr_zero(void)
{
    return _mm256_setzero_ps();
}

KN_INLINE __m256 kn_bsr_broadcast(const float *p)
{
    return _mm256_broadcast_ss(p);
}

KN_INLINE __m256 kn_bsr_fma(__m256 a, __m256 b, __m256 c)
{
    return _mm256_fmadd_ps(a, b, c);
}

KN_INLINE __m256 kn_bsr_add(__m256 a, __m256 b)
{
    return _mm256_add_ps(a, b);
}

KN_INLINE __m256 kn_bsr_clamp(__m256 x, float lo, float hi)
{
    return kn_clamp_ps(x, _mm256_set1_ps(lo), _mm256_set1_ps(hi));
}

KN_INLINE void kn_bsr_store(float *p, __m256 v)
{
    _mm256_storeu_ps(p, v);
}

KN_INLINE __m256 kn_bsr_load_part(const float *p, int count)
{
    return kn_load_f32(p, count);
}

KN_INLINE void kn_bsr_store_part(float *p, __m256 v, int count)
{
    kn_store_f32(p, v, count);
}

#include "kernels/x86/bsr_f32_tile.h"

KN_BSR_TILE(1, 1, 8)
KN_BSR_TILE(2, 1, 4)
KN_BSR_TILE(3, 1, 3)
KN_BSR_TILE(4, 1, 2)
KN_BSR_TILE(5, 1, 2)
KN_BSR_TILE(6, 1, 2)
KN_BSR_TILE(7, 1, 1)
KN_BSR_TILE(8, 1, 1)
KN_BSR_TILE(1, 2, 4)
KN_BSR_TILE(2, 2, 2)
KN_BSR_TILE(3, 2, 2)
KN_BSR_TILE(4, 2, 1)
KN_BSR_TILE(5, 2, 1)
KN_BSR_TILE(6, 2, 1)

void kn_bsr_f32_8x1__avx2_8(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                            const struct kn_out *c)
{
    static const kn_bsr_tile_fn tiles[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1,
                                           tile_5_1, tile_6_1, tile_7_1, tile_8_1};
    kn_bsr_run(a, packed, tail, n, c, tiles, 8, 8);
}

void kn_bsr_f32_16x1__avx2_6(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                             const struct kn_out *c)
{
    static const kn_bsr_tile_fn tiles[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2};
    kn_bsr_run(a, packed, tail, n, c, tiles, 6, 16);
}
