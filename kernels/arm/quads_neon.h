/* kn_gemm_u8s8 by quads (kernels/quads.h) on AArch64: sums → bytes, and tiles over a level's own step. */
#ifndef KERNELS_ARM_QUADS_NEON_H
#define KERNELS_ARM_QUADS_NEON_H

#include <arm_neon.h>
#include <string.h>

#include "kernels/quads.h"
#include "kernels/unroll.h"

enum { LANES = 4, NV = 2 };

/* kn_requantize of four sums, the residual's share added: comparisons that NaN fails choose the lower bound. */
KN_INLINE int32x4_t requantize(int32x4_t sum, int v, float32x4_t residual, int has_residual,
                               const struct kn_quads_finish *f)
{
    float32x4_t x = vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(f->scale + LANES * v));
    int32_t zero_point = (int32_t)(f->zero_words & 255);
    float32x4_t lo = vdupq_n_f32((float)((int32_t)(f->lo_bytes & 255) - zero_point)), hi = vdupq_n_f32(f->hi);
    if (has_residual)
        x = vaddq_f32(x, residual);
    x = vbslq_f32(vcgtq_f32(x, lo), x, lo);
    x = vbslq_f32(vcltq_f32(x, hi), x, hi);
    return vaddq_s32(vcvtnq_s32_f32(x), vdupq_n_s32(zero_point));
}

/* Up to two vectors of a row. */
KN_INLINE void store_bytes(int32x4_t low, int32x4_t high, uint8_t *y, int count)
{
    uint8x8_t packed = vqmovn_u16(vcombine_u16(vqmovun_s32(low), vqmovun_s32(high)));
    uint8_t bytes[8];
    if (count == 8) {
        vst1_u8(y, packed);
        return;
    }
    vst1_u8(bytes, packed);
    memcpy(y, bytes, (size_t)count);
}

/* First `count` (0 or less: none) bytes at r as floats less the zero point, scaled. */
KN_INLINE float32x4_t residual_of(const uint8_t *r, int count, const struct kn_quads_finish *f)
{
    uint32_t bytes = 0;
    int32x4_t q;
    if (count > 0)
        memcpy(&bytes, r, (size_t)(count < LANES ? count : LANES));
    q = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(bytes))))));
    return vmulq_f32(vcvtq_f32_s32(vsubq_s32(q, vdupq_n_s32(f->r_zero))), vdupq_n_f32(f->r_scale));
}

static void finish_u8(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y,
                      const uint8_t *const *r)
{
    for (int i = 0; i < mr; i++, sum += LANES * nv) {
        int32x4_t q[NV];
        for (int v = 0; v < nv; v++)
            q[v] = requantize(vld1q_s32(sum + LANES * v), v,
                              residual_of(r[i] + f->first + LANES * v, f->count - LANES * v, f), 1, f);
        store_bytes(q[0], q[nv - 1], y[i] + f->first, f->count);
    }
}

/* The sums of a tile: bytes at once, or left in memory. */
KN_INLINE void tile_end(const int32x4_t *sum, const struct kn_quads_finish *f, uint8_t *const *y, int32_t *out, int mr,
                        int nv)
{
    if (!f->direct) {
        KN_UNROLL
        for (int i = 0; i < mr * nv; i++)
            vst1q_s32(out + LANES * i, sum[i]);
        return;
    }
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        int32x4_t low = requantize(sum[i * nv], 0, vdupq_n_f32(0), 0, f);
        int32x4_t high = nv > 1 ? requantize(sum[i * nv + nv - 1], nv - 1, vdupq_n_f32(0), 0, f) : low;
        store_bytes(low, high, y[i] + f->first, f->count);
    }
}

/* Four inputs in all lanes. */
KN_INLINE int8x16_t quad(const uint8_t *x)
{
    int32_t bytes;
    memcpy(&bytes, x, sizeof bytes);
    return vreinterpretq_s8_s32(vdupq_n_s32(bytes));
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define KN_QUADS_TILE(mr, nv)                                                                                          \
    static void tile_##mr##_##nv(const struct kn_rows *a, const uint8_t *const *x, const int8_t *w,                    \
                                 const struct kn_quads_finish *f, uint8_t *const *y, int32_t *sum)                     \
    {                                                                                                                  \
        tile(a, x, w, f, y, sum, mr, nv);                                                                              \
    }

#endif
