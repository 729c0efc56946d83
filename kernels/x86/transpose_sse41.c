/* y(cols, rows) = x(rows, cols) transposed: 4 x 4 blocks in registers. The last block of a row or column overlaps the
 * one before it; what is narrower than a block goes element by element. */
#include "kernels/roster.h"
#include "kernels/x86/transpose_x8.h"

static inline void block_x32(const float *x, ptrdiff_t x_pitch, float *y, ptrdiff_t y_pitch)
{
    __m128 a = _mm_loadu_ps(x), b = _mm_loadu_ps(x + x_pitch);
    __m128 c = _mm_loadu_ps(x + 2 * x_pitch), d = _mm_loadu_ps(x + 3 * x_pitch);
    __m128 ab_lo = _mm_unpacklo_ps(a, b), ab_hi = _mm_unpackhi_ps(a, b);
    __m128 cd_lo = _mm_unpacklo_ps(c, d), cd_hi = _mm_unpackhi_ps(c, d);
    _mm_storeu_ps(y, _mm_movelh_ps(ab_lo, cd_lo));
    _mm_storeu_ps(y + y_pitch, _mm_movehl_ps(cd_lo, ab_lo));
    _mm_storeu_ps(y + 2 * y_pitch, _mm_movelh_ps(ab_hi, cd_hi));
    _mm_storeu_ps(y + 3 * y_pitch, _mm_movehl_ps(cd_hi, ab_hi));
}

void kn_transpose_x32__sse41_4x4(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch)
{
    const float *from = x;
    float *to = y;
    if (kn_is_copy(x_pitch, rows, cols, y_pitch)) {
        memcpy(y, x, (size_t)rows * (size_t)cols * sizeof *to);
        return;
    }
    if (rows < 4 || cols < 4) {
        for (ptrdiff_t c = 0; c < cols; c++) {
            for (ptrdiff_t r = 0; r < rows; r++)
                memcpy(to + c * y_pitch + r, from + r * x_pitch + c, sizeof *to);
        }
        return;
    }
    for (ptrdiff_t c = 0; c < cols; c = kn_next_block(c, 4, cols)) {
        for (ptrdiff_t r = 0; r < rows; r = kn_next_block(r, 4, rows))
            block_x32(from + r * x_pitch + c, x_pitch, to + c * y_pitch + r, y_pitch);
    }
}

void kn_transpose_x8__sse41_8x8(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch)
{
    kn_transpose_bytes(x, x_pitch, rows, cols, y, y_pitch);
}
