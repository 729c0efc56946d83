/* Sums and products of two tensors in vectors; the integers by the arithmetic of requant.h, operation by operation. */
#ifndef KERNELS_VEC_VEC_BINARY_H
#define KERNELS_VEC_VEC_BINARY_H

#include "kernels/vec/vec.h"

enum { KN_REPEAT = 256, KN_STEP = 4 * KN_VF };

/* Writes b, b_count elements of `size` bytes, as often as fits into KN_REPEAT elements (no more than `count` of them)
 * and returns how many these are; so that a short b does not break the work into short pieces. */
KN_INLINE size_t kn_repeat(const void *b, size_t b_count, size_t count, size_t size, void *out)
{
    size_t whole = KN_REPEAT / b_count * b_count, done = b_count;
    whole = whole < count ? whole : count;
    memcpy(out, b, b_count * size);
    while (done < whole) {
        size_t more = done < whole - done ? done : whole - done;
        memcpy((char *)out + done * size, out, more * size);
        done += more;
    }
    return whole;
}

/* y = clamp(f(a, b)), as many b as a. */
KN_INLINE void kn_binary_run_f32(kn_vf (*f)(kn_vf a, kn_vf b), const float *a, const float *b, size_t count, float lo,
                                 float hi, float *y)
{
    kn_vf low = kn_vf_set(lo), high = kn_vf_set(hi);
    size_t i = 0;
    for (; i + KN_VF <= count; i += KN_VF)
        kn_vf_store(y + i, kn_vf_min(kn_vf_max(f(kn_vf_load(a + i), kn_vf_load(b + i)), low), high));
    if (i < count) {
        int n = (int)(count - i);
        kn_vf v = f(kn_vf_load_part(a + i, n), kn_vf_load_part(b + i, n));
        kn_vf_store_part(y + i, kn_vf_min(kn_vf_max(v, low), high), n);
    }
}

KN_INLINE void kn_binary_f32(kn_vf (*f)(kn_vf a, kn_vf b), const float *a, const float *b, size_t count, size_t b_count,
                             float lo, float hi, float *y)
{
    float repeated[KN_REPEAT];
    if (b_count < count && b_count <= KN_REPEAT / 2) {
        b_count = kn_repeat(b, b_count, count, sizeof *b, repeated);
        b = repeated;
    }
    for (size_t i = 0; i < count; i += b_count)
        kn_binary_run_f32(f, a + i, b, b_count < count - i ? b_count : count - i, lo, hi, y + i);
}

struct kn_binary_lanes {
    kn_vf scale_a, scale_b, lo, hi;
    kn_vi zero_a, zero_b, zero_y;
};

typedef kn_vf (*kn_binary_u8_op)(kn_vf a, kn_vf b, const struct kn_binary_lanes *p);

/* kn_add_u8 before the clamp: two products, then their sum. */
KN_INLINE kn_vf kn_add_lanes(kn_vf a, kn_vf b, const struct kn_binary_lanes *p)
{
    return kn_vf_add(kn_vf_mul(a, p->scale_a), kn_vf_mul(b, p->scale_b));
}

/* kn_mul_u8 before the clamp; the product of the two, below 2^17, is exact in a float as it is in an integer. */
KN_INLINE kn_vf kn_mul_lanes(kn_vf a, kn_vf b, const struct kn_binary_lanes *p)
{
    return kn_vf_mul(kn_vf_mul(a, b), p->scale_a);
}

KN_INLINE kn_vi kn_binary_lanes_u8(kn_binary_u8_op f, const uint8_t *a, const uint8_t *b,
                                   const struct kn_binary_lanes *p)
{
    kn_vf x = kn_vi_to_f32(kn_vi_sub(kn_vi_load_u8(a), p->zero_a));
    kn_vf z = kn_vi_to_f32(kn_vi_sub(kn_vi_load_u8(b), p->zero_b));
    return kn_vi_add(kn_vf_round(kn_vf_min(kn_vf_max(f(x, z, p), p->lo), p->hi)), p->zero_y);
}

KN_INLINE void kn_binary_step_u8(kn_binary_u8_op f, const uint8_t *a, const uint8_t *b, const struct kn_binary_lanes *p,
                                 uint8_t *y)
{
    kn_vi v0 = kn_binary_lanes_u8(f, a, b, p), v1 = kn_binary_lanes_u8(f, a + KN_VF, b + KN_VF, p);
    kn_vi v2 = kn_binary_lanes_u8(f, a + 2 * KN_VF, b + 2 * KN_VF, p);
    kn_vi v3 = kn_binary_lanes_u8(f, a + 3 * KN_VF, b + 3 * KN_VF, p);
    kn_vi_store_u8(y, v0, v1, v2, v3);
}

KN_INLINE void kn_binary_run_u8(kn_binary_u8_op f, const uint8_t *a, const uint8_t *b, size_t count,
                                const struct kn_binary_lanes *p, uint8_t *y)
{
    uint8_t a_part[KN_STEP] = {0}, b_part[KN_STEP] = {0}, y_part[KN_STEP];
    size_t i = 0;
    for (; i + KN_STEP <= count; i += KN_STEP)
        kn_binary_step_u8(f, a + i, b + i, p, y + i);
    if (i < count) {
        memcpy(a_part, a + i, count - i);
        memcpy(b_part, b + i, count - i);
        kn_binary_step_u8(f, a_part, b_part, p, y_part);
        memcpy(y + i, y_part, count - i);
    }
}

KN_INLINE void kn_binary_u8(kn_binary_u8_op f, const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                            const struct kn_binary_u8_params *p, uint8_t *y)
{
    struct kn_binary_lanes lanes = {kn_vf_set(p->scale_a),
                                    kn_vf_set(p->scale_b),
                                    kn_vf_set((float)(p->lo - p->zero_y)),
                                    kn_vf_set((float)(p->hi - p->zero_y)),
                                    kn_vi_set(p->zero_a),
                                    kn_vi_set(p->zero_b),
                                    kn_vi_set(p->zero_y)};
    uint8_t repeated[KN_REPEAT];
    if (b_count < count && b_count <= KN_REPEAT / 2) {
        b_count = kn_repeat(b, b_count, count, sizeof *b, repeated);
        b = repeated;
    }
    for (size_t i = 0; i < count; i += b_count)
        kn_binary_run_u8(f, a + i, b, b_count < count - i ? b_count : count - i, &lanes, y + i);
}

#endif
