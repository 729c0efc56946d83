/* Element-wise conversions, eight to thirty-two elements a step; the last few go through requant.h itself. Operand
 * orders of max and min are those of kn_clamp, so that NaN and signed zeros come out the same. */
#include "kernels/x86/lanes_avx2.h"

void kn_quantize_f32_u8__avx2(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y)
{
    struct kn_requant_lanes lanes = kn_requant_lanes(zero_point, 0, 255);
    __m256 scale = _mm256_set1_ps(inv_scale);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i a = kn_round_lanes(_mm256_mul_ps(_mm256_loadu_ps(x + i), scale), &lanes);
        __m256i b = kn_round_lanes(_mm256_mul_ps(_mm256_loadu_ps(x + i + 8), scale), &lanes);
        _mm_storeu_si128((__m128i *)(void *)(y + i), kn_narrow_two_u8(a, b));
    }
    for (; i < count; i++)
        y[i] = kn_quantize(x[i], inv_scale, zero_point);
}

void kn_range_f32__avx2(const float *x, size_t count, float *lo, float *hi)
{
    __m256 lo0 = _mm256_setzero_ps(), lo1 = lo0, hi0 = lo0, hi1 = lo0;
    float smallest[8], largest[8];
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + i + 8);
        lo0 = _mm256_min_ps(a, lo0);
        hi0 = _mm256_max_ps(a, hi0);
        lo1 = _mm256_min_ps(b, lo1);
        hi1 = _mm256_max_ps(b, hi1);
    }
    _mm256_storeu_ps(smallest, _mm256_min_ps(lo0, lo1));
    _mm256_storeu_ps(largest, _mm256_max_ps(hi0, hi1));
    for (int j = 1; j < 8; j++) {
        smallest[0] = smallest[j] < smallest[0] ? smallest[j] : smallest[0];
        largest[0] = largest[j] > largest[0] ? largest[j] : largest[0];
    }
    for (; i < count; i++) {
        smallest[0] = x[i] < smallest[0] ? x[i] : smallest[0];
        largest[0] = x[i] > largest[0] ? x[i] : largest[0];
    }
    *lo = smallest[0];
    *hi = largest[0];
}

void kn_dequant_s32_f32__avx2(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                              const float *scale_w, const float *bias, float lo, float hi, float *y)
{
    __m256i zero = _mm256_set1_epi32(zero_point);
    __m256 scale = _mm256_set1_ps(scale_x), lo8 = _mm256_set1_ps(lo), hi8 = _mm256_set1_ps(hi);
    for (int i = 0; i < n; i += 8) {
        int left = n - i;
        __m256i shift = _mm256_mullo_epi32(zero, kn_load_s32(wsum ? wsum + i : NULL, left));
        __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(kn_load_s32(acc + i, left), shift));
        value = _mm256_mul_ps(value, _mm256_mul_ps(scale, kn_load_f32(scale_w + i, left)));
        value = _mm256_add_ps(value, kn_load_f32(bias ? bias + i : NULL, left));
        kn_store_f32(y + i, kn_clamp_ps(value, lo8, hi8), left);
    }
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

void kn_clamp_f32__avx2(const float *x, size_t count, float lo, float hi, float *y)
{
    __m256 lo8 = _mm256_set1_ps(lo), hi8 = _mm256_set1_ps(hi);
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(y + i, kn_clamp_ps(_mm256_loadu_ps(x + i), lo8, hi8));
    for (; i < count; i++)
        y[i] = kn_clamp(x[i], lo, hi);
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
