/* Functions of one value: by table for bytes, in double for floats. */
#include "kernels/lut.h"
#include "kernels/roster.h"

void kn_lut_u8__ref(const uint8_t *x, size_t count, const uint8_t lut[256], uint8_t *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = lut[x[i]];
}

void kn_hardswish_f32__ref(const float *x, size_t count, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)kn_unary(KN_UNARY_HARDSWISH, (double)x[i]);
}

void kn_sigmoid_f32__ref(const float *x, size_t count, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)kn_unary(KN_UNARY_SIGMOID, (double)x[i]);
}

void kn_gelu_f32__ref(const float *x, size_t count, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (float)kn_unary(KN_UNARY_GELU, (double)x[i]);
}
