/* Kernels: what a network's layers are computed with. The only header that code outside kernels/ includes
 * (with kernels/requant.h and kernels/lut.h, the quantization arithmetic that everyone shares).
 *
 * A table holds one slot per contract; a slot is a function with its facts. Mask 0 gives the plain-C
 * reference; otherwise the last roster line that the mask allows wins. Tables are values: several live in
 * one process, none is global.
 *
 *   struct kn_table t;
 *   kn_table_init(&t, kn_cpu_isa());                  // or 0 for the reference
 *   size_t bytes = kn_gemm_f32_pack_bytes(&t.gemm_f32, n, segs, seg_len);
 *   kn_gemm_f32_pack(&t.gemm_f32, w, n, segs, seg_len, packed);
 *   struct kn_tail_f32 tail = {bias, -INFINITY, INFINITY, NULL};
 *   struct kn_out out = {c, n, rows.row_w * n};       // dense rows of n outputs
 *   t.gemm_f32.run(&rows, packed, &tail, n, &out);
 *
 * Kernels never allocate, print, fail or know of graphs. Preconditions are checked when a layer is bound.
 * Buffers are 64-byte aligned unless said; inputs may be read (never used) up to KN_SLACK bytes past their
 * end: allocate that much more. Integer kernels give the same bits at every ISA level; float kernels agree
 * within kn_tolerance_f32(k).
 *
 * Names: kn_<op>_<types>[_<layout>]__<isa>[_<tile>]. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include "kernels/kn_core.h"
#include "kernels/kn_depthwise.h"
#include "kernels/kn_gemm.h"
#include "kernels/kn_map.h"
#include "kernels/kn_pool.h"
#include "kernels/kn_sparse.h"

/* ISA bits of this processor (libcpuid plus XGETBV). Computed anew at each call. */
uint32_t kn_cpu_isa(void);
/* "ref" for 0, "sse41", "avx2", "avxvnni", "avx512vnni", "neon", "neondot": the highest level in the mask. Static. */
const char *kn_isa_name(uint32_t mask);
/* One of those names or "native" → mask of all levels up to it. 0 on success, -1 when the name is unknown. */
int kn_isa_parse(const char *name, uint32_t *out_mask);

/* ------------------------------------------------------------------ the table */
struct kn_table {
    uint32_t mask; /* as asked for */
    struct kn_gemm_f32 gemm_f32;
    struct kn_gemm_u8s8 gemm_u8s8;
    struct kn_gemm_u8s8 gemm_u8s8_short; /* same contract, for segments that gemm_u8s8 would pad by much: the line of
                                          * its ISA level with the smallest kr; often the same kernel */
    struct kn_gemm_u8s8 gemm_u7s8;       /* for inputs of at most 127 */
    struct kn_gemm_u8s8 gemm_u8s4;       /* for weights of at most 7 in size */
    struct kn_spmv_f32 spmv_f32;
    struct kn_spmv_u8s8 spmv_u8s8;
    struct kn_spmm_f32 spmm_f32;
    struct kn_spmm_u8s8 spmm_u8s8;
    struct kn_sprows_u8s8 sprows_u8s8;
    struct kn_bsr_f32 bsr_f32_16x1, bsr_f32_8x1, bsr_f32_4x1, bsr_f32_1x4;
    struct kn_maxpool_f32 maxpool_f32_nhwc, maxpool_f32_chw;
    struct kn_maxpool_u8 maxpool_u8_nhwc, maxpool_u8_chw;
    struct kn_avgpool_f32 avgpool_f32_nhwc;
    struct kn_avgpool_u8 avgpool_u8_nhwc;
    struct kn_depthwise_f32 depthwise_f32;
    struct kn_depthwise_u8s8 depthwise_u8s8;
    struct kn_quantize_f32_u8 quantize_f32_u8;
    struct kn_range_f32 range_f32;
    struct kn_dequant_s32_f32 dequant_s32_f32;
    struct kn_widen_u8_s16 widen_u8_s16;
    struct kn_clamp_f32 clamp_f32;
    struct kn_clamp_u8 clamp_u8;
    struct kn_transpose_x32 transpose_x32;
    struct kn_transpose_x8 transpose_x8;
    struct kn_binary_f32 add_f32, mul_f32;
    struct kn_binary_u8 add_u8, mul_u8;
    struct kn_lut_u8 lut_u8;
    struct kn_dequant_u8_f32 dequant_u8_f32;
    struct kn_unary_f32 hardswish_f32, sigmoid_f32, gelu_f32;
    struct kn_softmax_f32 softmax_f32;
    struct kn_layernorm_f32 layernorm_f32;
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
