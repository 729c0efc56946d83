/* The vectors of kernels/vec/vec.h: four floats, AArch64 Advanced SIMD. */
#ifndef KERNELS_ARM_VEC_NEON_H
#define KERNELS_ARM_VEC_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

enum { KN_VF = 4, KN_VU = 4 };
typedef float32x4_t kn_vf;
typedef int32x4_t kn_vi;

KN_INLINE kn_vf kn_vf_set(float x)
{
    return vdupq_n_f32(x);
}

KN_INLINE kn_vf kn_vf_load(const float *p)
{
    return vld1q_f32(p);
}

KN_INLINE void kn_vf_store(float *p, kn_vf v)
{
    vst1q_f32(p, v);
}

KN_INLINE kn_vf kn_vf_load_part(const float *p, int n)
{
    float part[4] = {0};
    memcpy(part, p, (size_t)n * sizeof *p);
    return vld1q_f32(part);
}

KN_INLINE void kn_vf_store_part(float *p, kn_vf v, int n)
{
    float part[4];
    vst1q_f32(part, v);
    memcpy(p, part, (size_t)n * sizeof *p);
}

KN_INLINE kn_vf kn_vf_add(kn_vf a, kn_vf b)
{
    return vaddq_f32(a, b);
}

KN_INLINE kn_vf kn_vf_sub(kn_vf a, kn_vf b)
{
    return vsubq_f32(a, b);
}

KN_INLINE kn_vf kn_vf_mul(kn_vf a, kn_vf b)
{
    return vmulq_f32(a, b);
}

KN_INLINE kn_vf kn_vf_div(kn_vf a, kn_vf b)
{
    return vdivq_f32(a, b);
}

KN_INLINE kn_vf kn_vf_fma(kn_vf a, kn_vf b, kn_vf c)
{
    return vfmaq_f32(c, a, b);
}

/* Not vmaxq_f32, which gives NaN when either is. */
KN_INLINE kn_vf kn_vf_max(kn_vf a, kn_vf b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

KN_INLINE kn_vf kn_vf_min(kn_vf a, kn_vf b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

KN_INLINE kn_vf kn_vf_abs(kn_vf v)
{
    return vabsq_f32(v);
}

KN_INLINE kn_vf kn_vf_keep(kn_vf v, kn_vf x, kn_vf lo)
{
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), vcltq_f32(x, lo)));
}

KN_INLINE kn_vf kn_vf_by_sign(kn_vf x, kn_vf negative, kn_vf positive)
{
    return vbslq_f32(vcltzq_s32(vreinterpretq_s32_f32(x)), negative, positive);
}

KN_INLINE kn_vf kn_vf_exponent(kn_vf v)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vreinterpretq_s32_f32(v), 23));
}

KN_INLINE kn_vf kn_vf_first(kn_vf v, int n, kn_vf rest)
{
    static const int32_t lane[4] = {0, 1, 2, 3};
    return vbslq_f32(vcltq_s32(vld1q_s32(lane), vdupq_n_s32(n)), v, rest);
}

KN_INLINE float kn_vf_sum(kn_vf v)
{
    return vaddvq_f32(v);
}

KN_INLINE float kn_vf_largest(kn_vf v)
{
    return vmaxvq_f32(v);
}

KN_INLINE float kn_vf_smallest(kn_vf v)
{
    return vminvq_f32(v);
}

KN_INLINE kn_vi kn_vi_set(int32_t x)
{
    return vdupq_n_s32(x);
}

KN_INLINE kn_vi kn_vi_load(const int32_t *p)
{
    return vld1q_s32(p);
}

KN_INLINE kn_vi kn_vi_load_u8(const uint8_t *p)
{
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))))));
}

KN_INLINE void kn_vi_store_u8(uint8_t *p, kn_vi a, kn_vi b, kn_vi c, kn_vi d)
{
    uint16x8_t low = vcombine_u16(vqmovun_s32(a), vqmovun_s32(b)), high = vcombine_u16(vqmovun_s32(c), vqmovun_s32(d));
    vst1q_u8(p, vcombine_u8(vqmovn_u16(low), vqmovn_u16(high)));
}

KN_INLINE kn_vi kn_vi_add(kn_vi a, kn_vi b)
{
    return vaddq_s32(a, b);
}

KN_INLINE kn_vi kn_vi_sub(kn_vi a, kn_vi b)
{
    return vsubq_s32(a, b);
}

KN_INLINE kn_vi kn_vi_mul(kn_vi a, kn_vi b)
{
    return vmulq_s32(a, b);
}

KN_INLINE kn_vf kn_vi_to_f32(kn_vi v)
{
    return vcvtq_f32_s32(v);
}

KN_INLINE kn_vi kn_vf_round(kn_vf v)
{
    return vcvtnq_s32_f32(v);
}

#endif
