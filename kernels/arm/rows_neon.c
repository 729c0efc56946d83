/* Softmax and layer normalization with AArch64 Advanced SIMD: kernels/vec. */
#include "kernels/vec/vec_rows.h"

void kn_softmax_f32__neon(const float *x, int rows, int cols, float *y)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols)
        kn_row_softmax(x, cols, y);
}

void kn_layernorm_f32__neon(const float *x, int rows, int cols, const float *gamma, const float *beta, float epsilon,
                            float *y)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols)
        kn_row_layernorm(x, cols, gamma, beta, epsilon, y);
}
