/* y(cols, rows) = x(rows, cols) transposed. */
#include "kernels/roster.h"

void kn_transpose_x32__ref(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch)
{
    const uint32_t *from = x;
    uint32_t *to = y;
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t c = 0; c < cols; c++)
            to[c * y_pitch + r] = from[r * x_pitch + c];
    }
}

void kn_transpose_x8__ref(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch)
{
    const uint8_t *from = x;
    uint8_t *to = y;
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t c = 0; c < cols; c++)
            to[c * y_pitch + r] = from[r * x_pitch + c];
    }
}
