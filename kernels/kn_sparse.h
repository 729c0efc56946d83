/* Kernels: products with sparse weights. Part of kernels.h. */
#ifndef KERNELS_KN_SPARSE_H
#define KERNELS_KN_SPARSE_H

#include "kernels/kn_core.h"
#include "kernels/kn_gemm.h"

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

/* ------------------------------------------------------------------ block-sparse matrix times rows
 *
 * C(m, n) = A(m, K) W(n, K)^T with the rows of A and the outputs placed as for the dense products: H,W,C data, any
 * stride, dilation, groups and batch. W (n, segs * seg_len) is cut into blocks of block_rows outputs by block_cols
 * neighbouring inputs of a segment; blocks that hold a nonzero are stored whole, the others not at all. Zeros are
 * recognised by their value alone. Contracts are named for their blocks: bsr_f32_8x1. A block of 1 x 4 needs
 * seg_len >= 4.
 *
 * One row is one vector product, so the same kernel serves a fully connected layer at batch 1. Rows may be cut at
 * multiples of facts.mr, as for the dense products; outputs at multiples of block_rows. */
struct kn_bsr_f32 {
    struct kn_facts facts;
    int block_rows, block_cols;
    float break_even; /* share of empty blocks from which it beats dense at the levels whose best kernel it is */
    kn_gemm_f32_fn run;
};
/* Only the geometry of `a` is read: segments and their steps. Every byte of `out` is written. */
size_t kn_bsr_f32_pack_bytes(const struct kn_bsr_f32 *slot, const float *w, int n, const struct kn_rows *a);
void kn_bsr_f32_pack(const struct kn_bsr_f32 *slot, const float *w, int n, const struct kn_rows *a, void *out);

/* ------------------------------------------------------------------ sparse matrix times rows, in integers
 *
 * The same product with any pattern of zeros, rows and outputs placed as for the dense products; A is uint8. Several
 * weights of an output that lie near each other are multiplied at once, so blocks of any shape make it faster than
 * single weights do; `slots` says how much work a pattern is. Cuts as for the blocks: rows at multiples of facts.mr,
 * outputs at multiples of facts.nr. */
struct kn_sprows_u8s8 {
    struct kn_facts facts;
    float slot_cost;  /* of a slot, in multiplications of the dense kernel of its ISA level: it is the faster one where
                       * slots * slot_cost < n * K */
    float break_even; /* sparsity from which that is so when the zeros fall at random */
    kn_gemm_u8s8_u8_fn run_u8;
    kn_gemm_u8s8_s32_fn run_s32;
    /* Multiplications per row of A, idle ones included. Only the geometry of `a` is read, as when packing. */
    size_t (*slots)(const int8_t *w, int n, const struct kn_rows *a);
    size_t (*pack_bytes)(const int8_t *w, int n, const struct kn_rows *a);
    void (*pack)(const int8_t *w, int n, const struct kn_rows *a, void *out);
};

/* How many blocks of that shape hold a nonzero, of ceil(n / block_rows) * segs * ceil(seg_len / block_cols). What a
 * planner needs to know of pruned weights: a share of empty blocks far above sparsity ^ (block size) is structure. */
size_t kn_blocks_count_f32(const float *w, int n, int segs, int seg_len, int block_rows, int block_cols);
size_t kn_blocks_count_s8(const int8_t *w, int n, int segs, int seg_len, int block_rows, int block_cols);

#endif
