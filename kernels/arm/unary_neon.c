/* Functions of one float with AArch64 Advanced SIMD: kernels/vec. */
#include "kernels/vec/vec_unary.h"

void kn_hardswish_f32__neon(const float *x, size_t count, float *y)
{
    kn_vf_map(kn_vf_hardswish, x, count, y);
}

void kn_sigmoid_f32__neon(const float *x, size_t count, float *y)
{
    kn_vf_map(kn_vf_sigmoid, x, count, y);
}

void kn_gelu_f32__neon(const float *x, size_t count, float *y)
{
    kn_vf_map(kn_vf_gelu, x, count, y);
}
