/* Functions of one float with AVX2: kernels/vec. */
#include "kernels/vec/vec_unary.h"

void kn_hardswish_f32__avx2(const float *x, size_t count, float *y)
{
    kn_vf_map(kn_vf_hardswish, x, count, y);
}

void kn_sigmoid_f32__avx2(const float *x, size_t count, float *y)
{
    kn_vf_map(kn_vf_sigmoid, x, count, y);
}

void kn_gelu_f32__avx2(const float *x, size_t count, float *y)
{
    kn_vf_map(kn_vf_gelu, x, count, y);
}
