/* kn_depthwise_f32, four channels at a time: see depthwise_f32_lanes.h. */
#include "kernels/x86/lanes_sse41.h"

typedef __m128 lanes;
enum { LANES = 4 };

KN_INLINE lanes lanes_set(float x)
{
    return _mm_set1_ps(x);
}

KN_INLINE lanes lanes_load(const float *p)
{
    return _mm_loadu_ps(p);
}

KN_INLINE lanes lanes_load_part(const float *p, int count)
{
    return kn_load_f32(p, count);
}

KN_INLINE void lanes_store(float *p, lanes v)
{
    _mm_storeu_ps(p, v);
}

KN_INLINE void lanes_store_part(float *p, lanes v, int count)
{
    kn_store_f32(p, v, count);
}

KN_INLINE lanes lanes_madd(lanes a, lanes b, lanes c)
{
    return _mm_add_ps(_mm_mul_ps(a, b), c);
}

KN_INLINE lanes lanes_clamp(lanes x, lanes lo, lanes hi)
{
    return kn_clamp_ps(x, lo, hi);
}

#include "kernels/depthwise_f32_lanes.h"

void kn_depthwise_f32__sse41(const struct kn_depthwise_shape *s, const float *x, const void *packed, const float *bias,
                             float lo, float hi, float *y)
{
    dw_run(s, x, packed, bias, lo, hi, y);
}
