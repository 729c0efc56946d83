/* Conversions in vectors, operation by operation as in requant.h. Operand orders of max and min are those of kn_clamp,
 * so that NaN and signed zeros come out the same. */
#ifndef KERNELS_VEC_VEC_CONVERT_H
#define KERNELS_VEC_VEC_CONVERT_H

#include "kernels/vec/vec.h"

struct kn_quantize_lanes {
    kn_vf inv_scale, lo, hi;
    kn_vi zero_point;
};

KN_INLINE kn_vi kn_quantize_vector(const float *x, const struct kn_quantize_lanes *q)
{
    kn_vf scaled = kn_vf_mul(kn_vf_load(x), q->inv_scale);
    return kn_vi_add(kn_vf_round(kn_vf_min(kn_vf_max(scaled, q->lo), q->hi)), q->zero_point);
}

KN_INLINE void kn_quantize_run(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    struct kn_quantize_lanes q = {kn_vf_set(inv_scale), kn_vf_set((float)-zero_point),
                                  kn_vf_set((float)(255 - zero_point)), kn_vi_set(zero_point)};
    float x_part[4 * KN_VF] = {0};
    uint8_t y_part[4 * KN_VF];
    size_t i = 0;
    for (; i + 4 * KN_VF <= count; i += 4 * KN_VF)
        kn_vi_store_u8(y + i, kn_quantize_vector(x + i, &q), kn_quantize_vector(x + i + KN_VF, &q),
                       kn_quantize_vector(x + i + 2 * KN_VF, &q), kn_quantize_vector(x + i + 3 * KN_VF, &q));
    if (i < count) {
        memcpy(x_part, x + i, (count - i) * sizeof *x);
        kn_vi_store_u8(y_part, kn_quantize_vector(x_part, &q), kn_quantize_vector(x_part + KN_VF, &q),
                       kn_quantize_vector(x_part + 2 * KN_VF, &q), kn_quantize_vector(x_part + 3 * KN_VF, &q));
        memcpy(y + i, y_part, count - i);
    }
}

KN_INLINE void kn_range_run(const float *x, size_t count, float *lo, float *hi)
{
    kn_vf lo0 = kn_vf_set(0), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    size_t i = 0;
    for (; i + 2 * KN_VF <= count; i += 2 * KN_VF) {
        kn_vf a = kn_vf_load(x + i), b = kn_vf_load(x + i + KN_VF);
        lo0 = kn_vf_min(a, lo0);
        hi0 = kn_vf_max(a, hi0);
        lo1 = kn_vf_min(b, lo1);
        hi1 = kn_vf_max(b, hi1);
    }
    for (; i < count; i += KN_VF) {
        kn_vf a = count - i >= KN_VF ? kn_vf_load(x + i) : kn_vf_load_part(x + i, (int)(count - i));
        lo0 = kn_vf_min(a, lo0);
        hi0 = kn_vf_max(a, hi0);
    }
    *lo = kn_vf_smallest(kn_vf_min(lo0, lo1));
    *hi = kn_vf_largest(kn_vf_max(hi0, hi1));
}

KN_INLINE void kn_dequant_u8_run(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y)
{
    kn_vf factor = kn_vf_set(scale);
    kn_vi zero = kn_vi_set(zero_point);
    uint8_t part[KN_VF] = {0};
    size_t i = 0;
    for (; i + KN_VF <= count; i += KN_VF)
        kn_vf_store(y + i, kn_vf_mul(kn_vi_to_f32(kn_vi_sub(kn_vi_load_u8(x + i), zero)), factor));
    if (i < count) {
        memcpy(part, x + i, count - i);
        kn_vf_store_part(y + i, kn_vf_mul(kn_vi_to_f32(kn_vi_sub(kn_vi_load_u8(part), zero)), factor),
                         (int)(count - i));
    }
}

/* One vector of dequant_s32_f32; wsum and bias may be NULL. */
KN_INLINE kn_vf kn_dequant_s32_vector(const int32_t *acc, const int32_t *wsum, kn_vi zero_point, kn_vf scale_x,
                                      const float *scale_w, const float *bias)
{
    kn_vi sum = kn_vi_load(acc);
    kn_vf value;
    if (wsum)
        sum = kn_vi_sub(sum, kn_vi_mul(zero_point, kn_vi_load(wsum)));
    value = kn_vf_mul(kn_vi_to_f32(sum), kn_vf_mul(scale_x, kn_vf_load(scale_w)));
    return kn_vf_add(value, bias ? kn_vf_load(bias) : kn_vf_set(0));
}

/* The first n of what p points to, in a vector's room; NULL stays NULL. */
KN_INLINE const void *kn_part_of(const void *p, int n, void *room)
{
    return p ? memcpy(room, p, (size_t)n * 4) : NULL;
}

KN_INLINE void kn_dequant_s32_run(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                                  const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    kn_vf factor = kn_vf_set(scale_x), low = kn_vf_set(lo), high = kn_vf_set(hi), value;
    kn_vi zero = kn_vi_set(zero_point);
    int32_t acc_part[KN_VF] = {0}, wsum_part[KN_VF] = {0};
    float scale_part[KN_VF] = {0}, bias_part[KN_VF] = {0};
    int i = 0;
    for (; i + KN_VF <= n; i += KN_VF) {
        value =
            kn_dequant_s32_vector(acc + i, wsum ? wsum + i : NULL, zero, factor, scale_w + i, bias ? bias + i : NULL);
        kn_vf_store(y + i, kn_vf_min(kn_vf_max(value, low), high));
    }
    if (i < n) {
        value = kn_dequant_s32_vector(
            kn_part_of(acc + i, n - i, acc_part), kn_part_of(wsum ? wsum + i : NULL, n - i, wsum_part), zero, factor,
            kn_part_of(scale_w + i, n - i, scale_part), kn_part_of(bias ? bias + i : NULL, n - i, bias_part));
        kn_vf_store_part(y + i, kn_vf_min(kn_vf_max(value, low), high), n - i);
    }
}

KN_INLINE void kn_clamp_run(const float *x, size_t count, float lo, float hi, float *y)
{
    kn_vf low = kn_vf_set(lo), high = kn_vf_set(hi);
    size_t i = 0;
    for (; i + KN_VF <= count; i += KN_VF)
        kn_vf_store(y + i, kn_vf_min(kn_vf_max(kn_vf_load(x + i), low), high));
    if (i < count) {
        kn_vf v = kn_vf_load_part(x + i, (int)(count - i));
        kn_vf_store_part(y + i, kn_vf_min(kn_vf_max(v, low), high), (int)(count - i));
    }
}

#endif
