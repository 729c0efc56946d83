/* y = lut[x] with AVX-512. A shuffle looks 16 bytes up by the low four bits of an index and gives 0 where the index has
 * its highest bit. Subtracting 16 before each of eight shuffles, with saturation, switches the next sixteenth of the
 * table off for the values that lie before it; so each sixteenth is kept as its difference (xor) from the one before,
 * and the xor of all lookups is the entry. Once for values below 128 and once, with the highest bit flipped, for those
 * above. */
#include <immintrin.h>
#include <string.h>

#include "kernels/roster.h"
#include "kernels/unroll.h"

enum { STEP = 64 };

KN_INLINE __m512i lookup(const __m512i table[16], __m512i x)
{
    __m512i sixteen = _mm512_set1_epi8(16), low = x, high = _mm512_xor_si512(x, _mm512_set1_epi8(-128));
    __m512i y = _mm512_xor_si512(_mm512_shuffle_epi8(table[0], low), _mm512_shuffle_epi8(table[8], high));
    KN_UNROLL
    for (int i = 1; i < 8; i++) {
        low = _mm512_subs_epi8(low, sixteen);
        high = _mm512_subs_epi8(high, sixteen);
        y = _mm512_ternarylogic_epi32(y, _mm512_shuffle_epi8(table[i], low), _mm512_shuffle_epi8(table[8 + i], high),
                                      0x96); /* the xor of all three */
    }
    return y;
}

static inline __m512i load(const uint8_t *x)
{
    return _mm512_loadu_si512(x);
}

static inline void store(uint8_t *y, __m512i v)
{
    _mm512_storeu_si512(y, v);
}

void kn_lut_u8__avx512vnni(const uint8_t *x, size_t count, const uint8_t lut[256], uint8_t *y)
{
    __m512i table[16];
    uint8_t part[STEP] = {0};
    size_t i = 0;
    if (count < STEP) {
        for (; i < count; i++)
            y[i] = lut[x[i]];
        return;
    }
    for (int k = 0; k < 16; k++)
        table[k] = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(lut + 16 * k)));
    for (int k = 15; k > 0; k--)
        table[k] = k == 8 ? table[k] : _mm512_xor_si512(table[k], table[k - 1]);
    for (; i + STEP <= count; i += STEP)
        store(y + i, lookup(table, load(x + i)));
    if (i < count) {
        memcpy(part, x + i, count - i);
        store(part, lookup(table, load(part)));
        memcpy(y + i, part, count - i);
    }
}
