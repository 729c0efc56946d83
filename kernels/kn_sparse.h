/* Kernels: products with sparse weights. Part of kernels.h. */
#ifndef KERNELS_KN_SPARSE_H
#define KERNELS_KN_SPARSE_H

#include "kernels/kn_core.h"

/* ------------------------------------------------------------------ sparse matrix times vector (FC, batch 1)
 *
 * y(n) = W(n, k) x(k), only the nonzero weights stored. Packing depends on the weights. Integer sums are exact:
 * the packer arranges weights so that no 16-bit step can saturate. x of the integer kernels is uint8. */
typedef void (*kn_spmv_f32_fn)(const float *x, const void *packed, const float *bias, int n, int k, float lo, float hi,
                               float *y);
typedef void (*kn_spmv_u8s8_u8_fn)(const uint8_t *x, const void *packed, const struct kn_requant *rq, int n, int k,
                                   uint8_t *y);
typedef void (*kn_spmv_u8s8_s32_fn)(const uint8_t *x, const void *packed, const int32_t *bias, int n, int k,
                                    int32_t *y);

struct kn_spmv_f32 {
    struct kn_facts facts;
    float break_even; /* sparsity from which it beats the best dense kernel of its own ISA level (kernels/SPEED.md) */
    kn_spmv_f32_fn run;
    size_t (*pack_bytes)(const float *w, int n, int k);
    void (*pack)(const float *w, int n, int k, void *out);
};
struct kn_spmv_u8s8 {
    struct kn_facts facts;
    float break_even;
    kn_spmv_u8s8_u8_fn run_u8;
    kn_spmv_u8s8_s32_fn run_s32;
    size_t (*pack_bytes)(const int8_t *w, int n, int k);
    void (*pack)(const int8_t *w, int n, int k, void *out);
};

/* ------------------------------------------------------------------ sparse matrix times many columns
 *
 * Y(n, p) = W(n, k) X(k, p) with the p positions side by side in memory: a stride-1 convolution over C,H,W
 * data (positions = output pixels) or a fully connected layer over a (k, batch) transposed batch.
 * Position (line l, column j) of input k is base[offset[k] + l * line_step + j]; offset (k) in elements, given
 * when packing (conv: ic*H*W + ky*W + kx; fc: k * batch). Output (n, lines * line_len), dense. */
struct kn_cols {
    const void *base;
    int lines, line_len;
    ptrdiff_t line_step;
};
typedef void (*kn_spmm_f32_fn)(const struct kn_cols *x, const void *packed, const float *bias, int n, float lo,
                               float hi, float *y);
/* X is uint8 or, when facts.a_bytes is 2, int16 (widened). */
typedef void (*kn_spmm_u8s8_u8_fn)(const struct kn_cols *x, const void *packed, const struct kn_requant *rq, int n,
                                   uint8_t *y);
typedef void (*kn_spmm_u8s8_s32_fn)(const struct kn_cols *x, const void *packed, const int32_t *bias, int n,
                                    int32_t *y);

struct kn_spmm_f32 {
    struct kn_facts facts;
    float break_even;
    kn_spmm_f32_fn run;
    size_t (*pack_bytes)(const float *w, int n, int k, const int32_t *offset);
    void (*pack)(const float *w, int n, int k, const int32_t *offset, void *out);
};
struct kn_spmm_u8s8 {
    struct kn_facts facts;
    float break_even;
    kn_spmm_u8s8_u8_fn run_u8;
    kn_spmm_u8s8_s32_fn run_s32;
    size_t (*pack_bytes)(const int8_t *w, int n, int k, const int32_t *offset);
    void (*pack)(const int8_t *w, int n, int k, const int32_t *offset, void *out);
};

#endif
