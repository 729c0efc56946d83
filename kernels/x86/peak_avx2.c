/* The barriers (empty asm) keep the compiler from computing a product once and adding it many times. */
#include <immintrin.h>

#include "kernels/peak_parts.h"

/* Completely: an array that is indexed by a variable lives in memory. */
#define UNROLL _Pragma("GCC unroll 16")
#define OPAQUE(x) __asm__ volatile("" : "+x"(x))

void peak_f32_fma__avx2(const void *block, size_t bytes, long iterations)
{
    const float *x = block;
    __m256 sum[12], a = _mm256_load_ps(x), b = _mm256_load_ps(x + 8);
    (void)bytes;
    UNROLL
    for (int j = 0; j < 12; j++)
        sum[j] = _mm256_setzero_ps();
    for (long i = 0; i < iterations; i++) {
        UNROLL
        for (int j = 0; j < 12; j++)
            sum[j] = _mm256_fmadd_ps(a, b, sum[j]);
        OPAQUE(a);
    }
    UNROLL
    for (int j = 0; j < 12; j++)
        OPAQUE(sum[j]);
}

void peak_maddubs__avx2(const void *block, size_t bytes, long iterations)
{
    const __m256i *x = block;
    __m256i sum[8], a[2] = {_mm256_load_si256(x), _mm256_load_si256(x + 1)}, one = _mm256_set1_epi16(1), b[4];
    (void)bytes;
    UNROLL
    for (int j = 0; j < 4; j++)
        b[j] = _mm256_load_si256(x + 2 + j);
    UNROLL
    for (int j = 0; j < 8; j++)
        sum[j] = _mm256_setzero_si256();
    for (long i = 0; i < iterations; i++) {
        OPAQUE(a[0]);
        OPAQUE(a[1]);
        UNROLL
        for (int j = 0; j < 8; j++)
            sum[j] = _mm256_add_epi32(sum[j], _mm256_madd_epi16(_mm256_maddubs_epi16(a[j & 1], b[j >> 1]), one));
    }
    UNROLL
    for (int j = 0; j < 8; j++)
        OPAQUE(sum[j]);
}

void peak_maddwd__avx2(const void *block, size_t bytes, long iterations)
{
    const __m256i *x = block;
    __m256i sum[8], a[2] = {_mm256_load_si256(x), _mm256_load_si256(x + 1)}, b[4];
    (void)bytes;
    UNROLL
    for (int j = 0; j < 4; j++)
        b[j] = _mm256_load_si256(x + 2 + j);
    UNROLL
    for (int j = 0; j < 8; j++)
        sum[j] = _mm256_setzero_si256();
    for (long i = 0; i < iterations; i++) {
        OPAQUE(a[0]);
        OPAQUE(a[1]);
        UNROLL
        for (int j = 0; j < 8; j++)
            sum[j] = _mm256_add_epi32(sum[j], _mm256_madd_epi16(a[j & 1], b[j >> 1]));
    }
    UNROLL
    for (int j = 0; j < 8; j++)
        OPAQUE(sum[j]);
}

void peak_read__avx2(const void *block, size_t bytes, long iterations)
{
    for (long i = 0; i < iterations; i++) {
        const char *at = block, *end = at + bytes;
        for (; at != end; at += 256)
            UNROLL
        for (int j = 0; j < 8; j++) {
            __m256i x = _mm256_load_si256((const __m256i *)(const void *)(at + 32 * j));
            OPAQUE(x);
        }
    }
}
