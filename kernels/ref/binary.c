/* Sums and products of two tensors, the second one perhaps repeated: one value per channel, or a single one. */
#include "kernels/requant.h"
#include "kernels/roster.h"

void kn_add_f32__ref(const float *a, const float *b, size_t count, size_t b_count, float lo, float hi, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kn_clamp(a[i] + b[i % b_count], lo, hi);
}

void kn_mul_f32__ref(const float *a, const float *b, size_t count, size_t b_count, float lo, float hi, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kn_clamp(a[i] * b[i % b_count], lo, hi);
}

void kn_add_u8__ref(const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                    const struct kn_binary_u8_params *p, uint8_t *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kn_add_u8(a[i], p->scale_a, p->zero_a, b[i % b_count], p->scale_b, p->zero_b, p->zero_y, p->lo, p->hi);
}

void kn_mul_u8__ref(const uint8_t *a, const uint8_t *b, size_t count, size_t b_count,
                    const struct kn_binary_u8_params *p, uint8_t *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = kn_mul_u8(a[i], p->zero_a, b[i % b_count], p->zero_b, p->scale_a, p->zero_y, p->lo, p->hi);
}
