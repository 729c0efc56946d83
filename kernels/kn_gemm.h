/* Kernels: dense products and convolutions. Part of kernels.h. */
#ifndef KERNELS_KN_GEMM_H
#define KERNELS_KN_GEMM_H

#include "kernels/kn_core.h"

/* ------------------------------------------------------------------ dense products, implicit im2col
 *
 * C(m, n) = A(m, K) * W(n, K)^T. The rows of A are found in place: row r = (line r / row_w, column
 * r % row_w) starts at base + line * step_y + column * step_x and consists of `segs` runs of seg_len
 * neighbouring elements, seg_step apart; K = segs * seg_len. A fully connected layer has segs = 1,
 * seg_len = K, row_w = m, step_x = the row pitch. A convolution over H,W,C data has segs = kernel_h,
 * seg_len = kernel_w * C, seg_step = W * C, row_w = OW, step_x = stride_w * C, step_y = stride_h * W * C
 * (padding is already in the data). All steps in elements. */
struct kn_rows {
    const void *base;
    int m;
    int row_w;
    ptrdiff_t step_x, step_y;
    int segs, seg_len;
    ptrdiff_t seg_step;
};

/* Each output is clamped to [lo, hi]; ±INFINITY for none. bias (n) or NULL. c(m, n) at pitch ldc. */
typedef void (*kn_gemm_f32_fn)(const struct kn_rows *a, const void *packed, const float *bias, int n, float lo,
                               float hi, float *c, ptrdiff_t ldc);

/* A is uint8 (slot.a_bytes 1) or the same values widened to int16 (a_bytes 2, made by widen_u8_s16). */
typedef void (*kn_gemm_u8s8_u8_fn)(const struct kn_rows *a, const void *packed, const struct kn_requant *rq, int n,
                                   uint8_t *c, ptrdiff_t ldc);
/* Raw accumulators plus bias ((n) or NULL). */
typedef void (*kn_gemm_u8s8_s32_fn)(const struct kn_rows *a, const void *packed, const int32_t *bias, int n, int32_t *c,
                                    ptrdiff_t ldc);

struct kn_gemm_f32 {
    struct kn_facts facts;
    kn_gemm_f32_fn run;
};
/* Packed sizes and packing; w is (n, segs * seg_len) row-major. Every byte of `out` is written. The size of packed
 * integers may depend on the weights. */
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

#endif
