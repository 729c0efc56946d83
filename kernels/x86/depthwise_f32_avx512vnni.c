/* kn_depthwise_f32, sixteen channels at a time: see depthwise_f32_lanes.h. */
#include "kernels/x86/lanes_avx2.h"

typedef __m512 lanes;
enum { LANES = 16 };

KN_INLINE __mmask16 first_lanes(int count)
{
    return (__mmask16)((1u << count) - 1);
}

KN_INLINE lanes lanes_set(float x)
{
    return _mm512_set1_ps(x);
}

KN_INLINE lanes lanes_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

KN_INLINE lanes lanes_load_part(const float *p, int count)
{
    return _mm512_maskz_loadu_ps(first_lanes(count), p);
}

KN_INLINE void lanes_store(float *p, lanes v)
{
    _mm512_storeu_ps(p, v);
}

KN_INLINE void lanes_store_part(float *p, lanes v, int count)
{
    _mm512_mask_storeu_ps(p, first_lanes(count), v);
}

KN_INLINE lanes lanes_madd(lanes a, lanes b, lanes c)
{
    return _mm512_fmadd_ps(a, b, c);
}

KN_INLINE lanes lanes_clamp(lanes x, lanes lo, lanes hi)
{
    return _mm512_min_ps(_mm512_max_ps(x, lo), hi);
}

#include "kernels/depthwise_f32_lanes.h"

void kn_depthwise_f32__avx512vnni(const struct kn_depthwise_shape *s, const float *x, const void *packed,
                                  const float *bias, float lo, float hi, float *y)
{
    if (s->c <= 8) /* packed so: half of a vector would stay empty, and every second load cross a cache line */
        kn_depthwise_f32__avx2(s, x, packed, bias, lo, hi, y);
    else
        dw_run(s, x, packed, bias, lo, hi, y);
}
