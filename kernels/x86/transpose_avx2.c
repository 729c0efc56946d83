/* y(cols, rows) = x(rows, cols) transposed: 8 x 4 blocks in registers. The last block of a row or column overlaps the
 * one before it; what is narrower than a block goes element by element. */
#include "kernels/x86/lanes_avx2.h"
#include "kernels/x86/transpose_x8.h"

/* Row r of x in the low half and row r + 4 in the high half: so that nothing has to cross the halves afterwards. */
KN_INLINE __m256 load_halves(const float *x, ptrdiff_t x_pitch)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), _mm_loadu_ps(x + 4 * x_pitch), 1);
}

/* Eight rows and four columns: a 4 x 4 transposition in each half. One shuffle and two blends do the work of two
 * shuffles, for which most processors have a single port. */
KN_INLINE void block_8x4(const float *x, ptrdiff_t x_pitch, float *y, ptrdiff_t y_pitch)
{
    __m256 a = load_halves(x, x_pitch), b = load_halves(x + x_pitch, x_pitch);
    __m256 c = load_halves(x + 2 * x_pitch, x_pitch), d = load_halves(x + 3 * x_pitch, x_pitch);
    __m256 ab_lo = _mm256_unpacklo_ps(a, b), ab_hi = _mm256_unpackhi_ps(a, b);
    __m256 cd_lo = _mm256_unpacklo_ps(c, d), cd_hi = _mm256_unpackhi_ps(c, d);
    __m256 lo = _mm256_shuffle_ps(ab_lo, cd_lo, 0x4e), hi = _mm256_shuffle_ps(ab_hi, cd_hi, 0x4e);
    _mm256_storeu_ps(y, _mm256_blend_ps(ab_lo, lo, 0xcc));
    _mm256_storeu_ps(y + y_pitch, _mm256_blend_ps(lo, cd_lo, 0xcc));
    _mm256_storeu_ps(y + 2 * y_pitch, _mm256_blend_ps(ab_hi, hi, 0xcc));
    _mm256_storeu_ps(y + 3 * y_pitch, _mm256_blend_ps(hi, cd_hi, 0xcc));
}

static void part_x32(const float *x, ptrdiff_t x_pitch, int rows, int cols, float *y, ptrdiff_t y_pitch)
{
    for (ptrdiff_t c = 0; c < cols; c++) {
        for (ptrdiff_t r = 0; r < rows; r++)
            memcpy(y + c * y_pitch + r, x + r * x_pitch + c, sizeof *y);
    }
}

void kn_transpose_x32__avx2_8x4(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch)
{
    const float *from = x;
    float *to = y;
    if (kn_is_copy(x_pitch, rows, cols, y_pitch)) {
        memcpy(y, x, (size_t)rows * (size_t)cols * sizeof *to);
        return;
    }
    if (rows < 8 || cols < 4) {
        part_x32(from, x_pitch, rows, cols, to, y_pitch);
        return;
    }
    for (ptrdiff_t c = 0; c < cols; c = kn_next_block(c, 4, cols)) {
        for (ptrdiff_t r = 0; r < rows; r = kn_next_block(r, 8, rows))
            block_8x4(from + r * x_pitch + c, x_pitch, to + c * y_pitch + r, y_pitch);
    }
}
