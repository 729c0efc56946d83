/* Kernels: instruction sets, the facts of a slot, where outputs go and how they are requantized. Part of kernels.h. */
#ifndef KERNELS_KN_CORE_H
#define KERNELS_KN_CORE_H

#include <stddef.h>
#include <stdint.h>

enum {
    KN_ISA_SSE41 = 1 << 0,      /* SSE4.1: the baseline level for old processors */
    KN_ISA_AVX2 = 1 << 1,       /* AVX2 and FMA, usable: the OS saves the registers */
    KN_ISA_AVXVNNI = 1 << 2,    /* VNNI on 256-bit registers without AVX-512; only set together with AVX2 */
    KN_ISA_AVX512VNNI = 1 << 3, /* AVX-512 F, BW, VL, DQ and VNNI, usable; only set together with AVX2 */
    KN_ISA_NEON = 1 << 4,       /* AArch64 Advanced SIMD */
    KN_ISA_NEONDOT = 1 << 5,    /* AArch64 dot product (FEAT_DotProd); only set together with NEON */
    KN_SLACK = 64,              /* bytes readable past the end of every input buffer */
    KN_NAME = 48
};

/* Facts that every slot starts with. */
struct kn_facts {
    const char *name; /* full symbol, such as "kn_gemm_f32__avx2_6x16" */
    uint32_t isa;     /* what it needs; 0 for the reference */
    int mr, nr, kr;   /* register tile; weights are packed in panels of nr outputs by kr inputs */
    int a_bytes;      /* bytes of one input element as the kernel reads it */
};

/* Where the outputs of a product or convolution go: row r of the product (see kn_rows) starts at base +
 * (r / row_w) * step_y + (r % row_w) * step_x, in elements; the n outputs of a row are neighbours. Dense rows of n:
 * step_x = n, step_y = row_w * n. A step_y wider than that leaves the border that the next layer's padding needs. */
struct kn_out {
    void *base;
    ptrdiff_t step_x, step_y;
};

/* A tensor of the same shape as the outputs that is added before the clamp (a residual connection), or NULL.
 * f32: y = clamp(sum + bias + residual). u8: kn_requantize_add (requant.h); scale and zero_point are its own,
 * scale already divided by the output's scale. Placed as kn_out. */
struct kn_residual {
    const void *base;
    ptrdiff_t step_x, step_y;
    float scale;
    int32_t zero_point;
};

/* How integer accumulators become 8-bit outputs (see requant.h). Per output channel n. */
struct kn_requant {
    const int32_t *bias; /* (n), includes -zero_point_in * sum(w); never NULL */
    const float *scale;  /* (n) = scale_in * scale_w[n] / scale_out */
    int32_t zero_point;  /* of the output, 0..255 */
    int32_t lo, hi;      /* clamp of the 8-bit output, 0 <= lo <= hi <= 255 (a fused ReLU has lo = zero_point) */
};

#endif
