/* Sums and products of two tensors with AArch64 Advanced SIMD: kernels/vec. */
#include "kernels/vec/vec_binary.h"

void kn_add_f32__neon(const float *a, const float *b, size_t count, size_t b_count, float lo, float hi, float *y)
{
    kn_binary_f32(kn_vf_add, a, b, count, b_count, lo, hi, y);
}

void kn_mul_f32__neon(const float *a, const float *b, size_t count, size_t b_count, float lo, float hi, float *y)
{
    kn_binary_f32(kn_vf_mul, a, b, count, b_count, lo, hi, y);
}

void kn_add_u8__neon(const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                     const struct kn_binary_u8_params *p, uint8_t *y)
{
    kn_binary_u8(kn_add_lanes, a, b, count, b_count, p, y);
}

void kn_mul_u8__neon(const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                     const struct kn_binary_u8_params *p, uint8_t *y)
{
    kn_binary_u8(kn_mul_lanes, a, b, count, b_count, p, y);
}
