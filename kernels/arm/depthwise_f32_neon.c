/* kn_depthwise_f32, four channels at a time: see depthwise_f32_lanes.h. */
#include "kernels/arm/vec_neon.h"

typedef float32x4_t lanes;
enum { LANES = 4 };

KN_INLINE lanes lanes_set(float x)
{
    return vdupq_n_f32(x);
}

KN_INLINE lanes lanes_load(const float *p)
{
    return vld1q_f32(p);
}

/* At most four are taken; NULL and none give zeros. */
KN_INLINE lanes lanes_load_part(const float *p, int count)
{
    if (!p || count <= 0)
        return vdupq_n_f32(0);
    return count >= LANES ? vld1q_f32(p) : kn_vf_load_part(p, count);
}

KN_INLINE void lanes_store(float *p, lanes v)
{
    vst1q_f32(p, v);
}

KN_INLINE void lanes_store_part(float *p, lanes v, int count)
{
    if (count >= LANES)
        vst1q_f32(p, v);
    else if (count > 0)
        kn_vf_store_part(p, v, count);
}

KN_INLINE lanes lanes_madd(lanes a, lanes b, lanes c)
{
    return vfmaq_f32(c, a, b);
}

KN_INLINE lanes lanes_clamp(lanes x, lanes lo, lanes hi)
{
    return kn_vf_min(kn_vf_max(x, lo), hi);
}

#include "kernels/depthwise_f32_lanes.h"

void kn_depthwise_f32__neon(const struct kn_depthwise_shape *s, const float *x, const void *packed, const float *bias,
                            float lo, float hi, float *y)
{
    dw_run(s, x, packed, bias, lo, hi, y);
}
