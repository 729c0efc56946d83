/* Kernels: what a network's layers are computed with. The only header that code outside kernels/ includes
 * (with kernels/requant.h, the quantization arithmetic that everyone shares).
 *
 * A table holds one slot per contract; a slot is a function with its facts. Mask 0 gives the plain-C
 * reference; otherwise the last roster line that the mask allows wins. Tables are values: several live in
 * one process, none is global.
 *
 *   struct kn_table t;
 *   kn_table_init(&t, kn_cpu_isa());                  // or 0 for the reference
 *   size_t bytes = kn_gemm_f32_pack_bytes(&t.gemm_f32, n, segs, seg_len);
 *   kn_gemm_f32_pack(&t.gemm_f32, w, n, segs, seg_len, packed);
 *   t.gemm_f32.run(&rows, packed, bias, n, -INFINITY, INFINITY, c, n);
 *
 * Kernels never allocate, print, fail or know of graphs. Preconditions are checked when a layer is bound.
 * Buffers are 64-byte aligned unless said; inputs may be read (never used) up to KN_SLACK bytes past their
 * end: allocate that much more. Integer kernels give the same bits at every ISA level; float kernels agree
 * within kn_tolerance_f32(k).
 *
 * Names: kn_<op>_<types>[_<layout>]__<isa>[_<tile>]. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    KN_ISA_AVX2 = 1 << 0,       /* AVX2 and FMA, usable: the OS saves the registers */
    KN_ISA_AVX512VNNI = 1 << 1, /* AVX-512 F, BW, VL and VNNI, usable; only set together with AVX2 */
    KN_SLACK = 64,              /* bytes readable past the end of every input buffer */
    KN_NAME = 48
};

/* ISA bits of this processor (libcpuid plus XGETBV). Computed anew at each call. */
uint32_t kn_cpu_isa(void);
/* "ref" for 0, "avx2", "avx512vnni": the highest level in the mask. Static. */
const char *kn_isa_name(uint32_t mask);
/* "ref", "avx2", "avx512vnni", "native" → mask of all levels up to it. 0 on success, -1 when the name is unknown. */
int kn_isa_parse(const char *name, uint32_t *out_mask);

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

/* How integer accumulators become 8-bit outputs (see requant.h). Per output channel n. */
struct kn_requant {
    const int32_t *bias; /* (n), includes -zero_point_in * sum(w); never NULL */
    const float *scale;  /* (n) = scale_in * scale_w[n] / scale_out */
    int32_t zero_point;  /* of the output, 0..255 */
    int32_t lo, hi;      /* clamp of the 8-bit output, 0 <= lo <= hi <= 255 (a fused ReLU has lo = zero_point) */
};

/* A is uint8 (slot.a_bytes 1) or the same values widened to int16 (a_bytes 2, made by widen_u8_s16). */
typedef void (*kn_gemm_u8s8_u8_fn)(const struct kn_rows *a, const void *packed, const struct kn_requant *rq, int n,
                                   uint8_t *c, ptrdiff_t ldc);
/* Raw accumulators plus bias ((n) or NULL). */
typedef void (*kn_gemm_u8s8_s32_fn)(const struct kn_rows *a, const void *packed, const int32_t *bias, int n, int32_t *c,
                                    ptrdiff_t ldc);

/* Facts that every slot starts with. */
struct kn_facts {
    const char *name; /* full symbol, such as "kn_gemm_f32__avx2_6x16" */
    uint32_t isa;     /* what it needs; 0 for the reference */
    int mr, nr, kr;   /* register tile; weights are packed in panels of nr outputs by kr inputs */
    int a_bytes;      /* bytes of one input element as the kernel reads it */
};

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
    size_t (*pack_bytes)(const float *w, int n, int k);
    void (*pack)(const float *w, int n, int k, const int32_t *offset, void *out);
};
struct kn_spmm_u8s8 {
    struct kn_facts facts;
    float break_even;
    kn_spmm_u8s8_u8_fn run_u8;
    kn_spmm_u8s8_s32_fn run_s32;
    size_t (*pack_bytes)(const int8_t *w, int n, int k);
    void (*pack)(const int8_t *w, int n, int k, const int32_t *offset, void *out);
};

/* ------------------------------------------------------------------ pooling, conversions, moves */

/* One image, no batch. Padding never wins a maximum; every window must hold at least one real element. */
struct kn_pool_shape {
    int c, h, w, oh, ow, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};
typedef void (*kn_maxpool_f32_fn)(const struct kn_pool_shape *s, const float *x, float *y);
typedef void (*kn_maxpool_u8_fn)(const struct kn_pool_shape *s, const uint8_t *x, uint8_t *y);
/* y = u8 of x by kn_quantize (requant.h). */
typedef void (*kn_quantize_f32_u8_fn)(const float *x, size_t count, float inv_scale, int32_t zero_point, uint8_t *y);
/* Smallest and largest of x and 0; NaN ignored. */
typedef void (*kn_range_f32_fn)(const float *x, size_t count, float *lo, float *hi);
/* y(n) = clamp((float)(acc(n) - zero_point * wsum(n)) * (scale_x * scale_w(n)) + bias(n), lo, hi); product, then sum,
 * each rounded. wsum and bias may be NULL (0). */
typedef void (*kn_dequant_s32_f32_fn)(const int32_t *acc, int n, const int32_t *wsum, int32_t zero_point, float scale_x,
                                      const float *scale_w, const float *bias, float lo, float hi, float *y);
typedef void (*kn_widen_u8_s16_fn)(const uint8_t *x, size_t count, int16_t *y);
typedef void (*kn_clamp_f32_fn)(const float *x, size_t count, float lo, float hi, float *y);
typedef void (*kn_clamp_u8_fn)(const uint8_t *x, size_t count, uint8_t lo, uint8_t hi, uint8_t *y);
/* y(cols, rows) = x(rows, cols) transposed; 4-byte and 1-byte elements. H,W,C <-> C,H,W is one of these. */
typedef void (*kn_transpose_x32_fn)(const void *x, int rows, int cols, void *y);
typedef void (*kn_transpose_x8_fn)(const void *x, int rows, int cols, void *y);

struct kn_maxpool_f32 {
    struct kn_facts facts;
    kn_maxpool_f32_fn run;
};
struct kn_maxpool_u8 {
    struct kn_facts facts;
    kn_maxpool_u8_fn run;
};
struct kn_quantize_f32_u8 {
    struct kn_facts facts;
    kn_quantize_f32_u8_fn run;
};
struct kn_range_f32 {
    struct kn_facts facts;
    kn_range_f32_fn run;
};
struct kn_dequant_s32_f32 {
    struct kn_facts facts;
    kn_dequant_s32_f32_fn run;
};
struct kn_widen_u8_s16 {
    struct kn_facts facts;
    kn_widen_u8_s16_fn run;
};
struct kn_clamp_f32 {
    struct kn_facts facts;
    kn_clamp_f32_fn run;
};
struct kn_clamp_u8 {
    struct kn_facts facts;
    kn_clamp_u8_fn run;
};
struct kn_transpose_x32 {
    struct kn_facts facts;
    kn_transpose_x32_fn run;
};
struct kn_transpose_x8 {
    struct kn_facts facts;
    kn_transpose_x8_fn run;
};

/* ------------------------------------------------------------------ the table */
struct kn_table {
    uint32_t mask; /* as asked for */
    struct kn_gemm_f32 gemm_f32;
    struct kn_gemm_u8s8 gemm_u8s8;
    struct kn_gemm_u8s8 gemm_u8s8_short; /* same contract, for segments that gemm_u8s8 would pad by much: the line of
                                          * its ISA level with the smallest kr; often the same kernel */
    struct kn_spmv_f32 spmv_f32;
    struct kn_spmv_u8s8 spmv_u8s8;
    struct kn_spmm_f32 spmm_f32;
    struct kn_spmm_u8s8 spmm_u8s8;
    struct kn_maxpool_f32 maxpool_f32_nhwc, maxpool_f32_chw;
    struct kn_maxpool_u8 maxpool_u8_nhwc, maxpool_u8_chw;
    struct kn_quantize_f32_u8 quantize_f32_u8;
    struct kn_range_f32 range_f32;
    struct kn_dequant_s32_f32 dequant_s32_f32;
    struct kn_widen_u8_s16 widen_u8_s16;
    struct kn_clamp_f32 clamp_f32;
    struct kn_clamp_u8 clamp_u8;
    struct kn_transpose_x32 transpose_x32;
    struct kn_transpose_x8 transpose_x8;
};

/* Fills every slot: the reference first, then upwards as the mask allows. Never fails. Bits that this CPU lacks
 * must not be set by the caller (cap with kn_cpu_isa()). */
void kn_table_init(struct kn_table *table, uint32_t mask);
/* Puts one kernel, by its full name, into its slot, whatever the mask: to check or time a kernel that another one of
 * its level supersedes. 0, or -1 when no roster has the name. */
int kn_table_select(struct kn_table *table, const char *kernel);

/* Every roster line, for listings, checks and benches: calls visit(context, contract, facts) from the slowest up.
 * contract is the part left of the double underscore. */
typedef void (*kn_visit_fn)(void *context, const char *contract, const struct kn_facts *facts);
void kn_roster_visit(kn_visit_fn visit, void *context);

/* |a - b| allowed between two float kernels that sum k products, relative to sum(|a_i * w_i|) + |bias|:
 * each of k roundings errs by at most 2^-24 in either order, so 2 * (k + 2) * 2^-24 (Higham 2002, eq. 3.5). */
float kn_tolerance_f32(int k);

#endif
