/* Functions of one float in vectors. Stated errors are the largest ones over every 997th float, against double, at the
 * level where they are largest. Polynomials were fitted to the smallest maximum error (Lawson 1961). */
#ifndef KERNELS_VEC_VEC_UNARY_H
#define KERNELS_VEC_VEC_UNARY_H

#include "kernels/vec/vec.h"

/* e^x for x <= 0 (or NaN): |error| < 1.3e-7; 0 below -87. With x = n ln 2 + r, |r| <= ln 2 / 2: 2^n by the exponent
 * bits, e^r = 1 + r P(r). Adding 1.5 * 2^23 + 127 leaves n + 127 in the lowest bits of the representation. */
KN_INLINE kn_vf kn_vf_exp(kn_vf x)
{
    kn_vf lo = kn_vf_set(-87.0f), magic = kn_vf_set(12582912.0f + 127.0f);
    kn_vf bounded = kn_vf_max(lo, x); /* in this order NaN stays */
    kn_vf shifted = kn_vf_fma(bounded, kn_vf_set(1.44269504f), magic);
    kn_vf r = kn_vf_fma(kn_vf_sub(shifted, magic), kn_vf_set(-0.693147181f), bounded);
    kn_vf p = kn_vf_fma(kn_vf_set(0.00829030413f), r, kn_vf_set(0.0418979763f));
    p = kn_vf_fma(p, r, kn_vf_set(0.166676366f));
    p = kn_vf_fma(p, r, kn_vf_set(0.499991492f));
    p = kn_vf_fma(p, r, kn_vf_set(0.999999707f));
    p = kn_vf_fma(p, r, kn_vf_set(1.0f));
    return kn_vf_keep(kn_vf_mul(p, kn_vf_exponent(shifted)), x, lo);
}

/* 1 / (1 + e^-x) = e^x / (1 + e^x): whichever power is at most 1. |error| < 9e-8. */
KN_INLINE kn_vf kn_vf_sigmoid(kn_vf x)
{
    kn_vf one = kn_vf_set(1.0f), e = kn_vf_exp(kn_vf_sub(kn_vf_set(0), kn_vf_abs(x)));
    return kn_vf_div(kn_vf_by_sign(x, e, one), kn_vf_add(one, e));
}

/* |error| < 1.4e-7 max(1, |x|). */
KN_INLINE kn_vf kn_vf_hardswish(kn_vf x)
{
    kn_vf bounded = kn_vf_max(kn_vf_set(-3.0f), x); /* -Inf would give -Inf * 0; NaN stays */
    kn_vf gate = kn_vf_min(kn_vf_set(6.0f), kn_vf_add(bounded, kn_vf_set(3.0f)));
    return kn_vf_mul(bounded, kn_vf_mul(gate, kn_vf_set(1.0f / 6.0f)));
}

/* x Phi(x) = max(x, 0) - a Phi(-a) with a = |x| and Phi(-a) = 1/2 - a Q(a^2): |error| < 8e-7 max(1, a). Q is taken up
 * to a = 5, as a polynomial in a^2 brought to [-1, 1], where it loses no digits; beyond, a Phi(-a) < 1.5e-6 is 0. */
KN_INLINE kn_vf kn_vf_gelu(kn_vf x)
{
    static const float q[] = {0.00337248718f, -0.00341382228f, 0.00474045242f, -0.010531005f,
                              0.0171779244f,  -0.0235067355f,  0.0312801512f,  -0.0404066356f,
                              0.0515328209f,  -0.0702977718f,  0.141363637f};
    kn_vf five = kn_vf_set(5.0f), minus_a = kn_vf_sub(kn_vf_set(0), kn_vf_abs(x));
    kn_vf bounded = kn_vf_max(kn_vf_sub(kn_vf_set(0), five), minus_a);
    kn_vf u = kn_vf_fma(kn_vf_mul(bounded, bounded), kn_vf_set(2.0f / 25.0f), kn_vf_set(-1.0f));
    kn_vf p = kn_vf_set(-0.00131169216f), tail;
    KN_UNROLL
    for (int i = 0; i < 11; i++)
        p = kn_vf_fma(p, u, kn_vf_set(q[i]));
    tail = kn_vf_mul(bounded, kn_vf_fma(p, bounded, kn_vf_set(0.5f)));
    return kn_vf_add(kn_vf_max(kn_vf_set(0), x), kn_vf_keep(tail, minus_a, kn_vf_set(-5.0f)));
}

/* y = f(x); a last part is computed as a whole vector, so that every value gets the same bits wherever it stands. */
KN_INLINE void kn_vf_map(kn_vf (*f)(kn_vf x), const float *x, size_t count, float *y)
{
    size_t i = 0;
    for (; i + KN_VF <= count; i += KN_VF)
        kn_vf_store(y + i, f(kn_vf_load(x + i)));
    if (i < count)
        kn_vf_store_part(y + i, f(kn_vf_load_part(x + i, (int)(count - i))), (int)(count - i));
}

#endif
