/* Conversions with SSE4.1: kernels/vec, and those of bytes. */
#include "kernels/vec/vec_convert.h"

void kn_quantize_f32_u8__sse41(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    kn_quantize_run(x, count, inv_scale, zero_point, y);
}

void kn_range_f32__sse41(const float *x, size_t count, float *lo, float *hi)
{
    kn_range_run(x, count, lo, hi);
}

void kn_dequant_s32_f32__sse41(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                               const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    kn_dequant_s32_run(acc, n, wsum, zero_point, scale_x, scale_w, bias, lo, hi, y);
}

void kn_dequant_u8_f32__sse41(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y)
{
    kn_dequant_u8_run(x, count, scale, zero_point, y);
}

void kn_clamp_f32__sse41(const float *x, size_t count, float lo, float hi, float *y)
{
    kn_clamp_run(x, count, lo, hi, y);
}

void kn_widen_u8_s16__sse41(const uint8_t *x, size_t count, int16_t *y)
{
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(x + i));
        _mm_storeu_si128((__m128i *)(void *)(y + i), _mm_cvtepu8_epi16(bytes));
        _mm_storeu_si128((__m128i *)(void *)(y + i + 8), _mm_unpackhi_epi8(bytes, _mm_setzero_si128()));
    }
    for (; i < count; i++)
        y[i] = x[i];
}

void kn_clamp_u8__sse41(const uint8_t *x, size_t count, uint8_t lo, uint8_t hi, uint8_t *y)
{
    __m128i lo16 = _mm_set1_epi8((char)lo), hi16 = _mm_set1_epi8((char)hi);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(x + i));
        _mm_storeu_si128((__m128i *)(void *)(y + i), _mm_min_epu8(_mm_max_epu8(v, lo16), hi16));
    }
    for (; i < count; i++) {
        uint8_t v = x[i] > lo ? x[i] : lo;
        y[i] = v < hi ? v : hi;
    }
}
