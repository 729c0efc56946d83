/* Prototypes of every kernel, made from the rosters. Only kernels/ includes this; everyone else takes functions
 * from a table. A new kernel is one file and one line in its contract's .def. */
#ifndef KERNELS_ROSTER_H
#define KERNELS_ROSTER_H

#include "kernels/kernels.h"

/* Declares a function by the pointer type of its contract. */
#define KN_DECLARE(pointer_type, name) extern __typeof__(*(pointer_type)0) name

#define KERNEL(isa, impl, ...) KN_DECLARE(kn_gemm_f32_fn, kn_gemm_f32__##impl);
#include "kernels/gemm_f32.def"
#undef KERNEL
/* A dense integer kernel of one of three contracts. */
#define KN_DECLARE_INTEGER(contract, impl)                                                                             \
    KN_DECLARE(kn_gemm_u8s8_u8_fn, kn_##contract##_u8__##impl);                                                        \
    KN_DECLARE(kn_gemm_u8s8_s32_fn, kn_##contract##_s32__##impl);                                                      \
    size_t kn_##contract##_pack_bytes__##impl(const int8_t *w, int n, int segs, int seg_len);                          \
    void kn_##contract##_pack__##impl(const int8_t *w, int n, int segs, int seg_len, void *out);
#define KERNEL(isa, impl, ...) KN_DECLARE_INTEGER(gemm_u8s8, impl)
#include "kernels/gemm_u8s8.def"
#undef KERNEL
#define KERNEL(isa, impl, contract, ...) KN_DECLARE_INTEGER(contract, impl)
#include "kernels/gemm_u7s8.def"
#undef KERNEL
/* Packing is the contract's own: it asserts that the weights are small. */
#define KERNEL(isa, impl, contract, ...) KN_DECLARE_INTEGER(contract, impl) KN_DECLARE_INTEGER(gemm_u8s4, impl)
#include "kernels/gemm_u8s4.def"
#undef KERNEL

#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_spmv_f32_fn, kn_spmv_f32__##impl);                                                                   \
    size_t kn_spmv_f32_pack_bytes__##impl(const float *w, int n, int k);                                               \
    void kn_spmv_f32_pack__##impl(const float *w, int n, int k, void *out);
#include "kernels/spmv_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_spmv_u8s8_u8_fn, kn_spmv_u8s8_u8__##impl);                                                           \
    KN_DECLARE(kn_spmv_u8s8_s32_fn, kn_spmv_u8s8_s32__##impl);                                                         \
    size_t kn_spmv_u8s8_pack_bytes__##impl(const int8_t *w, int n, int k);                                             \
    void kn_spmv_u8s8_pack__##impl(const int8_t *w, int n, int k, void *out);
#include "kernels/spmv_u8s8.def"
#undef KERNEL

#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_spmm_f32_fn, kn_spmm_f32__##impl);                                                                   \
    size_t kn_spmm_f32_pack_bytes__##impl(const float *w, int n, int k, const int32_t *offset);                        \
    void kn_spmm_f32_pack__##impl(const float *w, int n, int k, const int32_t *offset, void *out);
#include "kernels/spmm_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_spmm_u8s8_u8_fn, kn_spmm_u8s8_u8__##impl);                                                           \
    KN_DECLARE(kn_spmm_u8s8_s32_fn, kn_spmm_u8s8_s32__##impl);                                                         \
    size_t kn_spmm_u8s8_pack_bytes__##impl(const int8_t *w, int n, int k, const int32_t *offset);                      \
    void kn_spmm_u8s8_pack__##impl(const int8_t *w, int n, int k, const int32_t *offset, void *out);
#include "kernels/spmm_u8s8.def"
#undef KERNEL

#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_gemm_u8s8_u8_fn, kn_sprows_u8s8_u8__##impl);                                                         \
    KN_DECLARE(kn_gemm_u8s8_s32_fn, kn_sprows_u8s8_s32__##impl);                                                       \
    size_t kn_sprows_u8s8_slots__##impl(const int8_t *w, int n, const struct kn_rows *a);                              \
    size_t kn_sprows_u8s8_pack_bytes__##impl(const int8_t *w, int n, const struct kn_rows *a);                         \
    void kn_sprows_u8s8_pack__##impl(const int8_t *w, int n, const struct kn_rows *a, void *out);
#include "kernels/sprows_u8s8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_gemm_f32_fn, kn_bsr_f32_16x1__##impl);
#include "kernels/bsr_f32_16x1.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_gemm_f32_fn, kn_bsr_f32_8x1__##impl);
#include "kernels/bsr_f32_8x1.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_gemm_f32_fn, kn_bsr_f32_4x1__##impl);
#include "kernels/bsr_f32_4x1.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_gemm_f32_fn, kn_bsr_f32_1x4__##impl);
#include "kernels/bsr_f32_1x4.def"
#undef KERNEL

#define KERNEL(isa, impl, ...) KN_DECLARE(kn_maxpool_f32_fn, kn_maxpool_f32_nhwc__##impl);
#include "kernels/maxpool_f32_nhwc.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_maxpool_f32_fn, kn_maxpool_f32_chw__##impl);
#include "kernels/maxpool_f32_chw.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_maxpool_u8_fn, kn_maxpool_u8_nhwc__##impl);
#include "kernels/maxpool_u8_nhwc.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_maxpool_u8_fn, kn_maxpool_u8_chw__##impl);
#include "kernels/maxpool_u8_chw.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_avgpool_f32_fn, kn_avgpool_f32_nhwc__##impl);
#include "kernels/avgpool_f32_nhwc.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_avgpool_u8_fn, kn_avgpool_u8_nhwc__##impl);
#include "kernels/avgpool_u8_nhwc.def"
#undef KERNEL

#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_depthwise_f32_fn, kn_depthwise_f32__##impl);                                                         \
    size_t kn_depthwise_f32_pack_bytes__##impl(const float *w, int c, int kernel_h, int kernel_w);                     \
    void kn_depthwise_f32_pack__##impl(const float *w, int c, int kernel_h, int kernel_w, void *out);
#include "kernels/depthwise_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...)                                                                                         \
    KN_DECLARE(kn_depthwise_u8s8_u8_fn, kn_depthwise_u8s8_u8__##impl);                                                 \
    KN_DECLARE(kn_depthwise_u8s8_s32_fn, kn_depthwise_u8s8_s32__##impl);                                               \
    size_t kn_depthwise_u8s8_pack_bytes__##impl(const int8_t *w, int c, int kernel_h, int kernel_w);                   \
    void kn_depthwise_u8s8_pack__##impl(const int8_t *w, int c, int kernel_h, int kernel_w, void *out);
#include "kernels/depthwise_u8s8.def"
#undef KERNEL

#define KERNEL(isa, impl, ...) KN_DECLARE(kn_quantize_f32_u8_fn, kn_quantize_f32_u8__##impl);
#include "kernels/quantize_f32_u8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_range_f32_fn, kn_range_f32__##impl);
#include "kernels/range_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_dequant_s32_f32_fn, kn_dequant_s32_f32__##impl);
#include "kernels/dequant_s32_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_widen_u8_s16_fn, kn_widen_u8_s16__##impl);
#include "kernels/widen_u8_s16.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_clamp_f32_fn, kn_clamp_f32__##impl);
#include "kernels/clamp_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_clamp_u8_fn, kn_clamp_u8__##impl);
#include "kernels/clamp_u8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_transpose_x32_fn, kn_transpose_x32__##impl);
#include "kernels/transpose_x32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_transpose_x8_fn, kn_transpose_x8__##impl);
#include "kernels/transpose_x8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_binary_f32_fn, kn_add_f32__##impl);
#include "kernels/add_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_binary_f32_fn, kn_mul_f32__##impl);
#include "kernels/mul_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_binary_u8_fn, kn_add_u8__##impl);
#include "kernels/add_u8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_binary_u8_fn, kn_mul_u8__##impl);
#include "kernels/mul_u8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_lut_u8_fn, kn_lut_u8__##impl);
#include "kernels/lut_u8.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_dequant_u8_f32_fn, kn_dequant_u8_f32__##impl);
#include "kernels/dequant_u8_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_unary_f32_fn, kn_hardswish_f32__##impl);
#include "kernels/hardswish_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_unary_f32_fn, kn_sigmoid_f32__##impl);
#include "kernels/sigmoid_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_unary_f32_fn, kn_gelu_f32__##impl);
#include "kernels/gelu_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_softmax_f32_fn, kn_softmax_f32__##impl);
#include "kernels/softmax_f32.def"
#undef KERNEL
#define KERNEL(isa, impl, ...) KN_DECLARE(kn_layernorm_f32_fn, kn_layernorm_f32__##impl);
#include "kernels/layernorm_f32.def"
#undef KERNEL

/* Element offset of row r from the base, of the rows of A, of C and of a residual. */
static inline ptrdiff_t kn_row_place(int row_w, ptrdiff_t step_x, ptrdiff_t step_y, int r)
{
    return (ptrdiff_t)(r / row_w) * step_y + (ptrdiff_t)(r % row_w) * step_x;
}

/* Where segment s of a row starts, in elements from the row's first. */
static inline ptrdiff_t kn_seg_place(const struct kn_rows *a, int s)
{
    return (ptrdiff_t)(s / a->seg_w) * a->seg_step_y + (ptrdiff_t)(s % a->seg_w) * a->seg_step_x;
}

/* From the start of the segment in `column` (of seg_w) to the start of the next one; *column moves on. */
static inline ptrdiff_t kn_seg_next(const struct kn_rows *a, int *column)
{
    if (++*column < a->seg_w)
        return a->seg_step_x;
    *column = 0;
    return a->seg_step_y - (ptrdiff_t)(a->seg_w - 1) * a->seg_step_x;
}

/* Integer sums are taken modulo 2^32, so that even a layer too deep for 32 bits gives the same bits everywhere;
 * below K = 2^31 / (255 * 127) = 66 310 products no sum can leave the range. */
static inline int32_t kn_add_s32(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

#endif
