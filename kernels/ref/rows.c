/* Softmax and layer normalization, row by row, in double. */
#include <math.h>

#include "kernels/roster.h"

static void softmax_row(const float *x, int cols, float *y)
{
    double largest = -HUGE_VAL, sum = 0;
    for (int i = 0; i < cols; i++)
        largest = (double)x[i] > largest ? (double)x[i] : largest;
    for (int i = 0; i < cols; i++)
        sum += exp((double)x[i] - largest);
    for (int i = 0; i < cols; i++)
        y[i] = (float)(exp((double)x[i] - largest) / sum);
}

void kn_softmax_f32__ref(const float *x, int rows, int cols, float *y)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols)
        softmax_row(x, cols, y);
}

static void layernorm_row(const float *x, int cols, const float *gamma, const float *beta, float epsilon, float *y)
{
    double mean = 0, variance = 0, deviation;
    for (int i = 0; i < cols; i++)
        mean += (double)x[i] / cols;
    for (int i = 0; i < cols; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / cols;
    deviation = sqrt(variance + (double)epsilon);
    for (int i = 0; i < cols; i++)
        y[i] = (float)(((double)x[i] - mean) / deviation * (double)gamma[i] + (double)beta[i]);
}

void kn_layernorm_f32__ref(const float *x, int rows, int cols, const float *gamma, const float *beta, float epsilon,
                           float *y)
{
    for (int r = 0; r < rows; r++, x += cols, y += cols)
        layernorm_row(x, cols, gamma, beta, epsilon, y);
}
