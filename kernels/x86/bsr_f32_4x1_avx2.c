/* kn_bsr_f32 for blocks of 4 x 1, half vectors; see bsr_f32_tile.h. */
#include "kernels/x86/lanes_avx2.h"

enum { KN_BSR_LANES = 4 };
typedef __m128 kn_bsr_vector;

KN_INLINE __m128 kn_bsr_load(const float *p)
{
    return _mm_loadu_ps(p);
}

KN_INLINE __m128 kn_bsr_zero(void)
{
    return _mm_setzero_ps();
}

KN_INLINE __m128 kn_bsr_broadcast(const float *p)
{
    return _mm_broadcast_ss(p);
}

KN_INLINE __m128 kn_bsr_fma(__m128 a, __m128 b, __m128 c)
{
    return _mm_fmadd_ps(a, b, c);
}

KN_INLINE __m128 kn_bsr_add(__m128 a, __m128 b)
{
    return _mm_add_ps(a, b);
}

KN_INLINE __m128 kn_bsr_clamp(__m128 x, float lo, float hi)
{
    return _mm_min_ps(_mm_max_ps(x, _mm_set1_ps(lo)), _mm_set1_ps(hi));
}

KN_INLINE void kn_bsr_store(float *p, __m128 v)
{
    _mm_storeu_ps(p, v);
}

KN_INLINE __m128 kn_bsr_load_part(const float *p, int count)
{
    return _mm256_castps256_ps128(kn_load_f32(p, count < 4 ? count : 4));
}

KN_INLINE void kn_bsr_store_part(float *p, __m128 v, int count)
{
    kn_store_f32(p, _mm256_castps128_ps256(v), count);
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

void kn_bsr_f32_4x1__avx2_8(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                            const struct kn_out *c)
{
    static const kn_bsr_tile_fn tiles[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1,
                                           tile_5_1, tile_6_1, tile_7_1, tile_8_1};
    kn_bsr_run(a, packed, tail, n, c, tiles, 8, 4);
}
