/* y(cols, rows) = x(rows, cols) transposed: 8 x 8 blocks in registers, the edges element by element. */
#include "kernels/x86/lanes_avx2.h"

KN_INLINE void block_x32(const float *x, ptrdiff_t cols, float *y, ptrdiff_t rows)
{
    __m256 r[8], t[8];
    KN_UNROLL
    for (int i = 0; i < 8; i++)
        r[i] = _mm256_loadu_ps(x + i * cols);
    KN_UNROLL
    for (int i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    KN_UNROLL
    for (int i = 0; i < 2; i++) {
        r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
        r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
    }
    KN_UNROLL
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + i * rows, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * rows, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

static void edge_x32(const float *x, int row0, int row1, int col0, int col1, ptrdiff_t rows, ptrdiff_t cols, float *y)
{
    for (ptrdiff_t c = col0; c < col1; c++) {
        for (ptrdiff_t r = row0; r < row1; r++)
            memcpy(y + c * rows + r, x + r * cols + c, sizeof *y);
    }
}

void kn_transpose_x32__avx2_8x8(const void *x, int rows, int cols, void *y)
{
    const float *from = x;
    float *to = y;
    int whole_rows = rows / 8 * 8, whole_cols = cols / 8 * 8;
    if (rows == 1 || cols == 1) {
        memcpy(y, x, (size_t)rows * (size_t)cols * sizeof *to);
        return;
    }
    for (int r = 0; r < whole_rows; r += 8) {
        for (int c = 0; c < whole_cols; c += 8)
            block_x32(from + (ptrdiff_t)r * cols + c, cols, to + (ptrdiff_t)c * rows + r, rows);
    }
    edge_x32(from, 0, whole_rows, whole_cols, cols, rows, cols, to);
    edge_x32(from, whole_rows, rows, 0, cols, rows, cols, to);
}

KN_INLINE __m128i load_8(const uint8_t *x)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)x);
}

/* The two columns in v: low half to y, high half to the next line of y. */
KN_INLINE void store_two(uint8_t *y, ptrdiff_t rows, __m128i v)
{
    _mm_storel_epi64((__m128i *)(void *)y, v);
    _mm_storel_epi64((__m128i *)(void *)(y + rows), _mm_unpackhi_epi64(v, v));
}

KN_INLINE void block_x8(const uint8_t *x, ptrdiff_t cols, uint8_t *y, ptrdiff_t rows)
{
    /* Pairs of rows, then quads, then all eight: each interleaving doubles the run of rows. */
    __m128i a = _mm_unpacklo_epi8(load_8(x), load_8(x + cols));
    __m128i b = _mm_unpacklo_epi8(load_8(x + 2 * cols), load_8(x + 3 * cols));
    __m128i c = _mm_unpacklo_epi8(load_8(x + 4 * cols), load_8(x + 5 * cols));
    __m128i d = _mm_unpacklo_epi8(load_8(x + 6 * cols), load_8(x + 7 * cols));
    __m128i e = _mm_unpacklo_epi16(a, b), f = _mm_unpackhi_epi16(a, b);
    __m128i g = _mm_unpacklo_epi16(c, d), h = _mm_unpackhi_epi16(c, d);
    store_two(y, rows, _mm_unpacklo_epi32(e, g));
    store_two(y + 2 * rows, rows, _mm_unpackhi_epi32(e, g));
    store_two(y + 4 * rows, rows, _mm_unpacklo_epi32(f, h));
    store_two(y + 6 * rows, rows, _mm_unpackhi_epi32(f, h));
}

static void edge_x8(const uint8_t *x, int row0, int row1, int col0, int col1, ptrdiff_t rows, ptrdiff_t cols,
                    uint8_t *y)
{
    for (ptrdiff_t c = col0; c < col1; c++) {
        for (ptrdiff_t r = row0; r < row1; r++)
            y[c * rows + r] = x[r * cols + c];
    }
}

void kn_transpose_x8__avx2_8x8(const void *x, int rows, int cols, void *y)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    int whole_rows = rows / 8 * 8, whole_cols = cols / 8 * 8;
    if (rows == 1 || cols == 1) {
        memcpy(y, x, (size_t)rows * (size_t)cols);
        return;
    }
    for (int r = 0; r < whole_rows; r += 8) {
        for (int c = 0; c < whole_cols; c += 8)
            block_x8(from + (ptrdiff_t)r * cols + c, cols, to + (ptrdiff_t)c * rows + r, rows);
    }
    edge_x8(from, 0, whole_rows, whole_cols, cols, rows, cols, to);
    edge_x8(from, whole_rows, rows, 0, cols, rows, cols, to);
}
