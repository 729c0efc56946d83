/* Conversions with AVX2: kernels/vec, and those of bytes. */
#include "kernels/vec/vec_convert.h"

void kn_quantize_f32_u8__avx2(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    kn_quantize_run(x, count, inv_scale, zero_point, y);
}

void kn_range_f32__avx2(const float *x, size_t count, float *lo, float *hi)
{
    kn_range_run(x, count, lo, hi);
}

void kn_dequant_s32_f32__avx2(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                              const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    kn_dequant_s32_run(acc, n, wsum, zero_point, scale_x, scale_w, bias, lo, hi, y);
}

void kn_dequant_u8_f32__avx2(const uint8_t *x, size_t count, float scale, int32_t zero_point, float *y)
{
    kn_dequant_u8_run(x, count, scale, zero_point, y);
}

void kn_clamp_f32__avx2(const float *x, size_t count, float lo, float hi, float *y)
{
    kn_clamp_run(x, count, lo, hi, y);
}

void kn_widen_u8_s16__avx2(const uint8_t *x, size_t count, int16_t *y)
{
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(x + i));
        _mm256_storeu_si256((__m256i *)(void *)(y + i), _mm256_cvtepu8_epi16(bytes));
    }
    for (; i < count; i++)
        y[i] = x[i];
}

void kn_clamp_u8__avx2(const uint8_t *x, size_t count, uint8_t lo, uint8_t hi, uint8_t *y)
{
    __m256i lo32 = _mm256_set1_epi8((char)lo), hi32 = _mm256_set1_epi8((char)hi);
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(x + i));
        v = _mm256_min_epu8(_mm256_max_epu8(v, lo32), hi32);
        _mm256_storeu_si256((__m256i *)(void *)(y + i), v);
    }
    for (; i < count; i++) {
        uint8_t v = x[i] > lo ? x[i] : lo;
        y[i] = v < hi ? v : hi;
    }
}
