/* Element-wise conversions: quantize, range, dequantize, widen, clamp. */
#include "kernels/requant.h"
#include "kernels/roster.h"

void kn_quantize_f32_u8__ref(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kn_quantize(x[i], inv_scale, zero_point);
}

void kn_range_f32__ref(const float *x, size_t count, float *lo, float *hi)
{
    float smallest = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        smallest = x[i] < smallest ? x[i] : smallest;
        largest = x[i] > largest ? x[i] : largest;
    }
    *lo = smallest;
    *hi = largest;
}

void kn_dequant_s32_f32__ref(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                             const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    for (int i = 0; i < n; i++) {
        uint32_t shift = wsum ? (uint32_t)zero_point * (uint32_t)wsum[i] : 0;
        float value = (float)(int32_t)((uint32_t)acc[i] - shift) * (scale_x * scale_w[i]);
        y[i] = kn_clamp(value + (bias ? bias[i] : 0.0f), lo, hi);
    }
}

void kn_dequant_u8_f32__ref(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)(x[i] - zero_point) * scale;
}

void kn_widen_u8_s16__ref(const uint8_t *x, size_t count, int16_t *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i];
}

void kn_clamp_f32__ref(const float *x, size_t count, float lo, float hi, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kn_clamp(x[i], lo, hi);
}

void kn_clamp_u8__ref(const uint8_t *x, size_t count, uint8_t lo, uint8_t hi, uint8_t *y)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t v = x[i] > lo ? x[i] : lo;
        y[i] = v < hi ? v : hi;
    }
}
