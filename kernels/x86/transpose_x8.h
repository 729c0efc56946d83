/* Transposition of bytes with SSE2, and what all transpositions share. Included by files of several levels. */
#ifndef KERNELS_X86_TRANSPOSE_X8_H
#define KERNELS_X86_TRANSPOSE_X8_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A row or a column without gaps is the same either way. */
static inline int kn_is_copy(ptrdiff_t x_pitch, int rows, int cols, ptrdiff_t y_pitch)
{
    return (rows == 1 && y_pitch == 1) || (cols == 1 && x_pitch == 1);
}

/* Where the block after the one at `at` begins; the last one ends at `end` and may overlap. */
static inline ptrdiff_t kn_next_block(ptrdiff_t at, int block, ptrdiff_t end)
{
    return at + block >= end ? end : at + 2 * block <= end ? at + block : end - block;
}

static inline __m128i kn_load_8_bytes(const uint8_t *x)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)x);
}

/* The two columns in v: low half to y, high half to the next line of y. */
static inline void kn_store_two_lines(uint8_t *y, ptrdiff_t y_pitch, __m128i v)
{
    _mm_storel_epi64((__m128i *)(void *)y, v);
    _mm_storel_epi64((__m128i *)(void *)(y + y_pitch), _mm_unpackhi_epi64(v, v));
}

static inline void kn_transpose_8x8_bytes(const uint8_t *x, ptrdiff_t x_pitch, uint8_t *y, ptrdiff_t y_pitch)
{
    /* Pairs of rows, then quads, then all eight: each interleaving doubles the run of rows. */
    __m128i a = _mm_unpacklo_epi8(kn_load_8_bytes(x), kn_load_8_bytes(x + x_pitch));
    __m128i b = _mm_unpacklo_epi8(kn_load_8_bytes(x + 2 * x_pitch), kn_load_8_bytes(x + 3 * x_pitch));
    __m128i c = _mm_unpacklo_epi8(kn_load_8_bytes(x + 4 * x_pitch), kn_load_8_bytes(x + 5 * x_pitch));
    __m128i d = _mm_unpacklo_epi8(kn_load_8_bytes(x + 6 * x_pitch), kn_load_8_bytes(x + 7 * x_pitch));
    __m128i e = _mm_unpacklo_epi16(a, b), f = _mm_unpackhi_epi16(a, b);
    __m128i g = _mm_unpacklo_epi16(c, d), h = _mm_unpackhi_epi16(c, d);
    kn_store_two_lines(y, y_pitch, _mm_unpacklo_epi32(e, g));
    kn_store_two_lines(y + 2 * y_pitch, y_pitch, _mm_unpackhi_epi32(e, g));
    kn_store_two_lines(y + 4 * y_pitch, y_pitch, _mm_unpacklo_epi32(f, h));
    kn_store_two_lines(y + 6 * y_pitch, y_pitch, _mm_unpackhi_epi32(f, h));
}

/* The contract of kn_transpose_x8. */
static inline void kn_transpose_bytes(const uint8_t *x, ptrdiff_t x_pitch, int rows, int cols, uint8_t *y,
                                      ptrdiff_t y_pitch)
{
    if (kn_is_copy(x_pitch, rows, cols, y_pitch)) {
        memcpy(y, x, (size_t)rows * (size_t)cols);
    } else if (rows < 8 || cols < 8) {
        for (ptrdiff_t c = 0; c < cols; c++) {
            for (ptrdiff_t r = 0; r < rows; r++)
                y[c * y_pitch + r] = x[r * x_pitch + c];
        }
    } else {
        for (ptrdiff_t c = 0; c < cols; c = kn_next_block(c, 8, cols)) {
            for (ptrdiff_t r = 0; r < rows; r = kn_next_block(r, 8, rows))
                kn_transpose_8x8_bytes(x + r * x_pitch + c, x_pitch, y + c * y_pitch + r, y_pitch);
        }
    }
}

#endif
