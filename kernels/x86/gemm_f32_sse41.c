/* kn_gemm_f32 with SSE4.1: products and sums in two instructions, each rounded. 16 registers hold tiles of 4 x 8 and
 * 4 x 12 with a product on its way. See gemm_f32_tile.h. */
#include <smmintrin.h>

#include "kernels/requant.h"
#include "kernels/unroll.h"

typedef __m128 vec;
enum { LANES = 4 };

KN_INLINE vec vec_load(const float *p)
{
    return _mm_loadu_ps(p);
}

KN_INLINE void vec_store(float *p, vec v)
{
    _mm_storeu_ps(p, v);
}

KN_INLINE vec vec_all(const float *p)
{
    return _mm_load1_ps(p);
}

/* First `count` (1..4) floats at p, zeros above; reads nothing else. */
KN_INLINE vec vec_load_part(const float *p, int count)
{
    __m128 low;
    if (count == 4)
        return _mm_loadu_ps(p);
    if (count == 1)
        return _mm_load_ss(p);
    low = _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *)(const void *)p);
    return count == 2 ? low : _mm_movelh_ps(low, _mm_load_ss(p + 2));
}

KN_INLINE void vec_store_part(float *p, vec v, int count)
{
    if (count == 4) {
        _mm_storeu_ps(p, v);
        return;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)(void *)p, v);
        v = _mm_movehl_ps(v, v);
        p += 2;
    }
    if (count & 1)
        _mm_store_ss(p, v);
}

KN_INLINE vec vec_zero(void)
{
    return _mm_setzero_ps();
}

KN_INLINE vec vec_add(vec a, vec b)
{
    return _mm_add_ps(a, b);
}

KN_INLINE vec vec_fma(vec x, vec w, vec sum)
{
    return _mm_add_ps(sum, _mm_mul_ps(x, w));
}

/* max then min, in the operand order of kn_clamp. */
KN_INLINE vec vec_clamp(vec x, vec lo, vec hi)
{
    return _mm_min_ps(_mm_max_ps(x, lo), hi);
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
SINGLE(3)
TILE(2, 3)
TILE(3, 3)
TILE(4, 3)

static const tile_fn narrow[] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1};
static const tile_fn full[] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2};
static const tile_fn wide[] = {tile_1_3, tile_2_3, tile_3_3, tile_4_3};

void kn_gemm_f32__sse41_5x8(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                            const struct kn_out *c)
{
    static const tile_fn *const tiles[] = {narrow, full, wide};
    static const int tallest[] = {8, 5, 4};
    run_product(a, packed, tail, n, c, tiles, tallest);
}
