/* Kernels: dense products and convolutions. Part of kernels.h. */
#ifndef KERNELS_KN_GEMM_H
#define KERNELS_KN_GEMM_H

#include "kernels/kn_core.h"

/* ------------------------------------------------------------------ dense products, implicit im2col
 *
 * C(m, n) = A(m, K) * W(n, K)^T. The rows of A are found in place: row r = (line r / row_w, column
 * r % row_w) starts at base + line * step_y + column * step_x and consists of `segs` runs of seg_len
 * neighbouring elements; K = segs * seg_len. All steps in elements. Padding is already in the data.
 *
 * A fully connected layer has segs = 1, seg_len = K, row_w = m, step_x = the row pitch. A convolution over
 * H,W,C data has step_x = stride_w * C, step_y = stride_h * line, row_w = OW and, dense, one run per kernel line:
 * segs = kernel_h, seg_len = kernel_w * C, seg_w = 1, seg_step_y = line; dilated or grouped, one run per tap:
 * segs = kernel_h * kernel_w, seg_w = kernel_w, seg_len = C / groups, seg_step_x = dilation_w * C,
 * seg_step_y = dilation_h * line.
 *
 * Parts: a product may be computed in several calls, rows cut at multiples of facts.mr (counted from row 0; `first`
 * and `m` say which rows) and outputs at multiples of facts.nr (each part packed by itself). Every output has the same
 * bits as if the product had been computed whole. */
struct kn_rows {
    const void *base;
    int first, m; /* rows first .. first + m - 1 are computed; base is row 0's */
    int row_w;
    ptrdiff_t step_x, step_y;
    int segs, seg_len; /* the weights' inputs stand in this order */
    int seg_w;         /* segment s starts at (s / seg_w) * seg_step_y + (s % seg_w) * seg_step_x; 1 or more */
    ptrdiff_t seg_step_x, seg_step_y;
};

/* What follows a sum in float: clamp(sum + bias + residual, lo, hi); lo and hi ±INFINITY for none. */
struct kn_tail_f32 {
    const float *bias; /* (n) or NULL */
    float lo, hi;
    const struct kn_residual *residual; /* of floats, or NULL; its base is row 0's, its row_w the rows' */
};

/* c(m, n): row r goes where kn_out says, with the rows' row_w; c->base is row 0's, also when first > 0. A residual may
 * be c itself, equally placed. */
typedef void (*kn_gemm_f32_fn)(const struct kn_rows *a, const void *packed, const struct kn_tail_f32 *tail, int n,
                               const struct kn_out *c);

/* A is uint8 (slot.a_bytes 1) or the same values widened to int16 (a_bytes 2, made by widen_u8_s16). c and the
 * residual (or NULL) are uint8. */
typedef void (*kn_gemm_u8s8_u8_fn)(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                   const struct kn_residual *residual, int n, const struct kn_out *c);
/* Raw accumulators plus bias ((n) or NULL), int32. */
typedef void (*kn_gemm_u8s8_s32_fn)(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                    const struct kn_out *c);

struct kn_gemm_f32 {
    struct kn_facts facts;
    kn_gemm_f32_fn run;
};
/* Packed sizes and packing; w is (n, segs * seg_len) row-major. Every byte of `out` is written. The size of packed
 * integers may depend on the weights. */
/* Three contracts are of this type, all exact: kn_gemm_u8s8 takes any inputs and weights; kn_gemm_u7s8 inputs of at
 * most 127 (the caller's promise: a kernel cannot check it), kn_gemm_u8s4 weights of -7..7 (pack asserts it). */
struct kn_gemm_u8s8 { /* both outputs share tile and packing */
    struct kn_facts facts;
    float pace; /* how fast it is, compared to the dense kernel that the sparse kernels' break_even refers to */
    kn_gemm_u8s8_u8_fn run_u8;
    kn_gemm_u8s8_s32_fn run_s32;
    size_t (*pack_bytes)(const int8_t *w, int n, int segs, int seg_len);
    void (*pack)(const int8_t *w, int n, int segs, int seg_len, void *out);
};
size_t kn_gemm_f32_pack_bytes(const struct kn_gemm_f32 *slot, int n, int segs, int seg_len);
void kn_gemm_f32_pack(const struct kn_gemm_f32 *slot, const float *w, int n, int segs, int seg_len, void *out);
/* The same from the transpose, b (k, n) with rows `pitch` elements apart, times scale: rows are copied, so that an
 * operand computed at run time can be packed each time. Needs facts.kr = 1, as kernels of this contract have. */
void kn_gemm_f32_pack_rows(const struct kn_gemm_f32 *slot, const float *b, ptrdiff_t pitch, int n, int k, float scale,
                           void *out);

#endif
