#include <immintrin.h>

#include "kernels/peak_parts.h"

/* Completely: an array that is indexed by a variable lives in memory. */
#define UNROLL _Pragma("GCC unroll 16")
#define OPAQUE(x) __asm__ volatile("" : "+v"(x))

void peak_f32_fma__avx512(const void *block, size_t bytes, long iterations)
{
    const float *x = block;
    __m512 sum[12], a = _mm512_load_ps(x), b = _mm512_load_ps(x + 16);
    (void)bytes;
    UNROLL
    for (int j = 0; j < 12; j++)
        sum[j] = _mm512_setzero_ps();
    for (long i = 0; i < iterations; i++) {
        UNROLL
        for (int j = 0; j < 12; j++)
            sum[j] = _mm512_fmadd_ps(a, b, sum[j]);
        OPAQUE(a);
    }
    UNROLL
    for (int j = 0; j < 12; j++)
        OPAQUE(sum[j]);
}

void peak_dpbusd256__avx512vnni(const void *block, size_t bytes, long iterations)
{
    const __m256i *x = block;
    __m256i sum[12], a = _mm256_load_si256(x), b = _mm256_load_si256(x + 1);
    (void)bytes;
    UNROLL
    for (int j = 0; j < 12; j++)
        sum[j] = _mm256_setzero_si256();
    for (long i = 0; i < iterations; i++)
        UNROLL
    for (int j = 0; j < 12; j++) {
        sum[j] = _mm256_dpbusd_epi32(sum[j], a, b);
        OPAQUE(sum[j]);
    }
}

void peak_dpbusd512__avx512vnni(const void *block, size_t bytes, long iterations)
{
    const __m512i *x = block;
    __m512i sum[12], a = _mm512_load_si512(x), b = _mm512_load_si512(x + 1);
    (void)bytes;
    UNROLL
    for (int j = 0; j < 12; j++)
        sum[j] = _mm512_setzero_si512();
    for (long i = 0; i < iterations; i++)
        UNROLL
    for (int j = 0; j < 12; j++) {
        sum[j] = _mm512_dpbusd_epi32(sum[j], a, b);
        OPAQUE(sum[j]);
    }
}

void peak_read__avx512(const void *block, size_t bytes, long iterations)
{
    for (long i = 0; i < iterations; i++) {
        const char *at = block, *end = at + bytes;
        for (; at != end; at += 512)
            UNROLL
        for (int j = 0; j < 8; j++) {
            __m512i x = _mm512_load_si512((const void *)(at + 64 * j));
            OPAQUE(x);
        }
    }
}
