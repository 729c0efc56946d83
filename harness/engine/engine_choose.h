/* Inside of the engine: dense or sparse kernel for a layer. Decided from shapes, sparsity and the kernels' measured
 * break-even points, never by timing, so that the same graph and table always give the same plan. */
#ifndef ENGINE_ENGINE_CHOOSE_H
#define ENGINE_ENGINE_CHOOSE_H

#include "engine/engine_layer.h"

enum choice_kernel { CHOICE_GEMM, CHOICE_SPMV, CHOICE_SPMM, CHOICE_DEPTHWISE };

struct choice {
    enum choice_kernel kernel;           /* CHOICE_GEMM: any kernel over rows of H,W,C data, by default the dense one */
    const struct kn_gemm_u8s8 *s8;       /* integer layers: the dense kernel; in the table */
    const struct kn_sprows_u8s8 *sprows; /* integer: sparse over rows instead; in the table */
    const struct kn_bsr_f32 *bsr;        /* float: blocks instead; in the table */
    uint64_t products;                   /* sprows, bsr: multiplications per position */
    char reason[ENGINE_REASON];
};

/* `t` is the layer's input as it is now; integer layers see it after quantization. u8_add: a residual is added before
 * the rounding to 8 bits, which only kernels over rows can. ST_NOMEM. */
enum status engine_choose(const struct plan *plan, const struct layer *layer, const struct plan_tensor *t, int u8_add,
                          struct choice *out);

/* The dense integer kernel for a layer: the table's usual one; the one for short segments where padding each segment to
 * the usual one's multiple would add more than a quarter of work; a faster one for weights of at most 7 in size, or for
 * inputs of at most 127 (`top` is the largest that can occur). Borrowed from the table. */
const struct kn_gemm_u8s8 *engine_choose_s8(const struct kn_table *table, const struct layer *layer, int32_t top);

/* Sparsity from which a sparse kernel pays: `macs` multiplications of a dense layer cost as many units, those of the
 * sparse kernel 1 / (1 - break_even) units per nonzero weight's, and the moves before and after either are given in
 * the same unit. May be above 1 (never) or below 0 (always). */
double engine_choose_pays_from(double break_even, double macs, double dense_moves, double sparse_moves);

#endif
