/* Softmax and layer normalization in vectors. */
#ifndef KERNELS_VEC_VEC_ROWS_H
#define KERNELS_VEC_VEC_ROWS_H

#include <math.h>

#include "kernels/vec/vec_unary.h"

/* Vector i of a row: what lies behind the row's end is `rest`. */
KN_INLINE kn_vf kn_row_load(const float *x, int i, int cols, kn_vf rest)
{
    if (i + KN_VF <= cols)
        return kn_vf_load(x + i);
    return kn_vf_first(kn_vf_load_part(x + i, cols - i), cols - i, rest);
}

KN_INLINE void kn_row_store(float *y, int i, int cols, kn_vf v)
{
    if (i + KN_VF <= cols)
        kn_vf_store(y + i, v);
    else
        kn_vf_store_part(y + i, v, cols - i);
}

/* Two vectors at a time here and below: else each maximum and each addition waits for the one before. */
KN_INLINE float kn_row_largest(const float *x, int cols)
{
    kn_vf none = kn_vf_set(-INFINITY), even = none, odd = none;
    int i = 0;
    for (; i + 2 * KN_VF <= cols; i += 2 * KN_VF) {
        even = kn_vf_max(kn_vf_load(x + i), even);
        odd = kn_vf_max(kn_vf_load(x + i + KN_VF), odd);
    }
    for (; i < cols; i += KN_VF)
        even = kn_vf_max(kn_row_load(x, i, cols, none), even);
    return kn_vf_largest(kn_vf_max(even, odd));
}

/* y = e^(x - largest); returns the sum. What lies behind the end is -Inf and so adds e^-Inf = 0. */
KN_INLINE float kn_row_powers(const float *x, int cols, float largest, float *y)
{
    kn_vf none = kn_vf_set(-INFINITY), shift = kn_vf_set(largest), even = kn_vf_set(0), odd = even;
    int i = 0;
    for (; i + 2 * KN_VF <= cols; i += 2 * KN_VF) {
        kn_vf a = kn_vf_exp(kn_vf_sub(kn_vf_load(x + i), shift));
        kn_vf b = kn_vf_exp(kn_vf_sub(kn_vf_load(x + i + KN_VF), shift));
        kn_vf_store(y + i, a);
        kn_vf_store(y + i + KN_VF, b);
        even = kn_vf_add(even, a);
        odd = kn_vf_add(odd, b);
    }
    for (; i < cols; i += KN_VF) {
        kn_vf a = kn_vf_exp(kn_vf_sub(kn_row_load(x, i, cols, none), shift));
        kn_row_store(y, i, cols, a);
        even = kn_vf_add(even, a);
    }
    return kn_vf_sum(kn_vf_add(even, odd));
}

/* A NaN makes the sum, and with it the row, NaN. */
KN_INLINE void kn_row_softmax(const float *x, int cols, float *y)
{
    kn_vf factor = kn_vf_set(1.0f / kn_row_powers(x, cols, kn_row_largest(x, cols), y));
    for (int i = 0; i < cols; i += KN_VF)
        kn_row_store(y, i, cols, kn_vf_mul(kn_row_load(y, i, cols, factor), factor));
}

KN_INLINE float kn_row_mean(const float *x, int cols)
{
    kn_vf zero = kn_vf_set(0), even = zero, odd = zero;
    int i = 0;
    for (; i + 2 * KN_VF <= cols; i += 2 * KN_VF) {
        even = kn_vf_add(even, kn_vf_load(x + i));
        odd = kn_vf_add(odd, kn_vf_load(x + i + KN_VF));
    }
    for (; i < cols; i += KN_VF)
        even = kn_vf_add(even, kn_row_load(x, i, cols, zero));
    return kn_vf_sum(kn_vf_add(even, odd)) / (float)cols;
}

KN_INLINE float kn_row_variance(const float *x, int cols, float mean)
{
    kn_vf zero = kn_vf_set(0), even = zero, odd = zero, centre = kn_vf_set(mean);
    int i = 0;
    for (; i + 2 * KN_VF <= cols; i += 2 * KN_VF) {
        kn_vf a = kn_vf_sub(kn_vf_load(x + i), centre), b = kn_vf_sub(kn_vf_load(x + i + KN_VF), centre);
        even = kn_vf_fma(a, a, even);
        odd = kn_vf_fma(b, b, odd);
    }
    for (; i < cols; i += KN_VF) {
        kn_vf a = kn_vf_sub(kn_row_load(x, i, cols, centre), centre);
        even = kn_vf_fma(a, a, even);
    }
    return kn_vf_sum(kn_vf_add(even, odd)) / (float)cols;
}

KN_INLINE void kn_row_layernorm(const float *x, int cols, const float *gamma, const float *beta, float epsilon,
                                float *y)
{
    float mean = kn_row_mean(x, cols), variance = kn_row_variance(x, cols, mean);
    kn_vf zero = kn_vf_set(0), centre = kn_vf_set(mean), factor = kn_vf_set(1.0f / sqrtf(variance + epsilon));
    for (int i = 0; i < cols; i += KN_VF) {
        kn_vf normal = kn_vf_mul(kn_vf_sub(kn_row_load(x, i, cols, zero), centre), factor);
        kn_row_store(y, i, cols,
                     kn_vf_fma(normal, kn_row_load(gamma, i, cols, zero), kn_row_load(beta, i, cols, zero)));
    }
}

#endif
