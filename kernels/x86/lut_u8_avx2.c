/* y = lut[x] with AVX2. A shuffle looks 16 bytes up by the low four bits of an index and gives 0 where the index has
 * its highest bit. Subtracting 16 before each of eight shuffles, with saturation, switches the next sixteenth of the
 * table off for the values that lie before it; so each sixteenth is kept as its difference (xor) from the one before,
 * and the xor of all lookups is the entry. Once for values below 128 and once, with the highest bit flipped, for those
 * above. */
#include <immintrin.h>
#include <string.h>

#include "kernels/roster.h"

enum { STEP = 32 };

static inline __m256i lookup(const __m256i table[16], __m256i x)
{
    __m256i sixteen = _mm256_set1_epi8(16), low = x, high = _mm256_xor_si256(x, _mm256_set1_epi8(-128));
    __m256i a = _mm256_shuffle_epi8(table[0], low), b = _mm256_shuffle_epi8(table[8], high);
    for (int i = 1; i < 8; i++) {
        low = _mm256_subs_epi8(low, sixteen);
        high = _mm256_subs_epi8(high, sixteen);
        a = _mm256_xor_si256(a, _mm256_shuffle_epi8(table[i], low));
        b = _mm256_xor_si256(b, _mm256_shuffle_epi8(table[8 + i], high));
    }
    return _mm256_xor_si256(a, b);
}

static inline __m256i load(const uint8_t *x)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)x);
}

static inline void store(uint8_t *y, __m256i v)
{
    _mm256_storeu_si256((__m256i *)(void *)y, v);
}

void kn_lut_u8__avx2(const uint8_t *x, size_t count, const uint8_t lut[256], uint8_t *y)
{
    __m256i table[16];
    uint8_t part[STEP] = {0};
    size_t i = 0;
    if (count < STEP) {
        for (; i < count; i++)
            y[i] = lut[x[i]];
        return;
    }
    for (int k = 0; k < 16; k++)
        table[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(lut + 16 * k)));
    for (int k = 15; k > 0; k--)
        table[k] = k == 8 ? table[k] : _mm256_xor_si256(table[k], table[k - 1]);
    for (; i + STEP <= count; i += STEP)
        store(y + i, lookup(table, load(x + i)));
    if (i < count) {
        memcpy(part, x + i, count - i);
        store(part, lookup(table, load(part)));
        memcpy(y + i, part, count - i);
    }
}
