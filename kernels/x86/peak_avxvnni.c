#include <immintrin.h>

#include "kernels/peak_parts.h"

/* Completely: an array that is indexed by a variable lives in memory. */
#define UNROLL _Pragma("GCC unroll 16")
#define OPAQUE(x) __asm__ volatile("" : "+x"(x))

void peak_dpbusd__avxvnni(const void *block, size_t bytes, long iterations)
{
    const __m256i *x = block;
    __m256i sum[12], a = _mm256_load_si256(x), b = _mm256_load_si256(x + 1);
    (void)bytes;
    UNROLL
    for (int j = 0; j < 12; j++)
        sum[j] = _mm256_setzero_si256();
    for (long i = 0; i < iterations; i++) {
        UNROLL
        for (int j = 0; j < 12; j++) {
            sum[j] = _mm256_dpbusd_avx_epi32(sum[j], a, b);
            OPAQUE(sum[j]);
        }
    }
}
