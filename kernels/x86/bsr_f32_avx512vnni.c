/* kn_bsr_f32 for blocks of 16 x 1 with vectors of sixteen outputs; see bsr_f32_tile.h. */
#include "kernels/x86/lanes_avx2.h"

enum { KN_BSR_LANES = 16 };
typedef __m512 kn_bsr_vector;

/* The first `count` lanes. */
KN_INLINE __mmask16 kn_bsr_front(int count)
{
    return (__mmask16)(count >= 16 ? 0xffff : (1U << count) - 1);
}

KN_INLINE __m512 kn_bsr_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

KN_INLINE __m512 kn_bsr_zero(void)
{
    return _mm512_setzero_ps();
}

KN_INLINE __m512 kn_bsr_broadcast(const float *p)
{
    return _mm512_set1_ps(*p);
}

KN_INLINE __m512 kn_bsr_fma(__m512 a, __m512 b, __m512 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

KN_INLINE __m512 kn_bsr_add(__m512 a, __m512 b)
{
    return _mm512_add_ps(a, b);
}

KN_INLINE __m512 kn_bsr_clamp(__m512 x, float lo, float hi)
{
    return _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(lo)), _mm512_set1_ps(hi));
}

KN_INLINE void kn_bsr_store(float *p, __m512 v)
{
    _mm512_storeu_ps(p, v);
}

KN_INLINE __m512 kn_bsr_load_part(const float *p, int count)
{
    return p && count > 0 ? _mm512_maskz_loadu_ps(kn_bsr_front(count), p) : _mm512_setzero_ps();
}

KN_INLINE void kn_bsr_store_part(float *p, __m512 v, int count)
{
    _mm512_mask_storeu_ps(p, kn_bsr_front(count), v);
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

void kn_bsr_f32_16x1__avx512vnni_8(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                                   const struct kn_out *c)
{
    static const kn_bsr_tile_fn tiles[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1,
                                           tile_5_1, tile_6_1, tile_7_1, tile_8_1};
    kn_bsr_run(a, packed, tail, n, c, tiles, 8, 16);
}
