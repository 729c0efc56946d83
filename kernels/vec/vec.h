/* Vectors of the level that the including file is compiled for, so that an elementwise kernel is written once
 * (kernels/vec) and made for every level by a file of a few lines (such as kernels/x86/unary_avx2.c). Only for kernels
 * whose registers need no planning: products and convolutions are written for one instruction set.
 *
 * A level gives, all inline:
 *   KN_VF floats to a vector; types kn_vf (floats), kn_vi (32-bit integers)
 *   kn_vf_set, _load, _store                    all lanes; any alignment
 *   kn_vf_load_part, _store_part                the first n, 0 < n < KN_VF; touch nothing else, zeros above
 *   kn_vf_add, _sub, _mul, _div, _abs           as the operators
 *   kn_vf_fma(a, b, c)                          a * b + c, rounded once where the level can
 *   kn_vf_max(a, b), _min(a, b)                 a > b ? a : b, a < b ? a : b; so b when either is NaN
 *   kn_vf_keep(v, x, lo)                        x < lo ? 0 : v
 *   kn_vf_by_sign(x, negative, positive)        by the sign bit of x
 *   kn_vf_exponent(v)                           the lowest 8 bits of v's representation become the exponent
 *   kn_vf_first(v, n, rest)                     the first n lanes of v, those of rest above
 *   kn_vf_sum, _largest, _smallest              over the lanes; no NaN for the last two
 *   kn_vf_round                                 to integers, nearest even; kn_vi_to_f32 back
 *   kn_vi_set, _load, _add, _sub, _mul          32-bit integers, modulo 2^32
 *   kn_vi_load_u8(p)                            KN_VF bytes
 *   kn_vi_store_u8(p, a, b, c, d)               four vectors of lanes 0..255 as 4 * KN_VF bytes */
#ifndef KERNELS_VEC_VEC_H
#define KERNELS_VEC_VEC_H

#if defined(__AVX512F__)
#include "kernels/x86/vec_avx512.h"
#elif defined(__AVX2__)
#include "kernels/x86/vec_avx2.h"
#elif defined(__SSE4_1__)
#include "kernels/x86/vec_sse41.h"
#elif defined(__ARM_NEON)
#include "kernels/arm/vec_neon.h"
#else
#error "kernels/vec: no vectors for this level"
#endif

#endif
