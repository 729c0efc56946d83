/* Conversions with AArch64 Advanced SIMD: kernels/vec, and those of bytes. */
#include "kernels/vec/vec_convert.h"

void kn_quantize_f32_u8__neon(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    kn_quantize_run(x, count, inv_scale, zero_point, y);
}

void kn_range_f32__neon(const float *x, size_t count, float *lo, float *hi)
{
    kn_range_run(x, count, lo, hi);
}

void kn_dequant_s32_f32__neon(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                              const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    kn_dequant_s32_run(acc, n, wsum, zero_point, scale_x, scale_w, bias, lo, hi, y);
}

void kn_dequant_u8_f32__neon(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y)
{
    kn_dequant_u8_run(x, count, scale, zero_point, y);
}

void kn_clamp_f32__neon(const float *x, size_t count, float lo, float hi, float *y)
{
    kn_clamp_run(x, count, lo, hi, y);
}

void kn_widen_u8_s16__neon(const uint8_t *x, size_t count, int16_t *y)
{
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        uint8x16_t bytes = vld1q_u8(x + i);
        vst1q_s16(y + i, vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes))));
        vst1q_s16(y + i + 8, vreinterpretq_s16_u16(vmovl_high_u8(bytes)));
    }
    for (; i < count; i++)
        y[i] = x[i];
}

void kn_clamp_u8__neon(const uint8_t *x, size_t count, uint8_t lo, uint8_t hi, uint8_t *y)
{
    uint8x16_t low = vdupq_n_u8(lo), high = vdupq_n_u8(hi);
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        vst1q_u8(y + i, vminq_u8(vmaxq_u8(vld1q_u8(x + i), low), high));
    for (; i < count; i++)
        y[i] = x[i] < lo ? lo : x[i] > hi ? hi : x[i];
}
