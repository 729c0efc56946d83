/* Conversions with AVX-512: kernels/vec. */
#include "kernels/vec/vec_convert.h"

void kn_quantize_f32_u8__avx512vnni(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    kn_quantize_run(x, count, inv_scale, zero_point, y);
}

void kn_range_f32__avx512vnni(const float *x, size_t count, float *lo, float *hi)
{
    kn_range_run(x, count, lo, hi);
}

void kn_dequant_s32_f32__avx512vnni(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                                    const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    kn_dequant_s32_run(acc, n, wsum, zero_point, scale_x, scale_w, bias, lo, hi, y);
}

void kn_dequant_u8_f32__avx512vnni(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y)
{
    kn_dequant_u8_run(x, count, scale, zero_point, y);
}

void kn_clamp_f32__avx512vnni(const float *x, size_t count, float lo, float hi, float *y)
{
    kn_clamp_run(x, count, lo, hi, y);
}
