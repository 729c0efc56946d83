/* What the integer products of all levels share: C(m, n) = A(m, K) W(n, K)^T by quads, four inputs of one output in
 * each 32-bit lane of a vector of weights (see kernels/quads_pack.h), the same four inputs of a row in all lanes of
 * another. A level gives its tiles, which only add up products, and how sums become outputs; the order of the work is
 * here and in quads.c. Sums are modulo 2^32, as the reference's: no sum leaves 32 bits below K = 66 310. */
#ifndef KERNELS_QUADS_H
#define KERNELS_QUADS_H

#include "kernels/quads_extra.h"
#include "kernels/quads_pack.h"
#include "kernels/roster.h"

enum {
    KN_QUADS_MAX_MR = 12,
    KN_QUADS_GROUP = 8 * KN_QUADS_MAX_MR, /* rows that meet all panels before the next rows do */
    KN_QUADS_WIDE = 32,                   /* outputs of the widest panel */
    KN_QUADS_SUMS = KN_QUADS_MAX_MR * KN_QUADS_WIDE
};

/* How the sums of one panel become outputs. */
struct kn_quads_finish {
    const int32_t *bias;  /* whole vectors */
    const int32_t *start; /* what the sums begin with: row i of a tile with start[i * start_step ...]; the bias, or */
    ptrdiff_t start_step; /* the bias and extras */
    const float *scale;   /* the same; unused for raw sums */
    /* What kn_requantize needs, ready to be copied into all 32-bit lanes: the upper bound less the zero point, the zero
     * point as two words, the lower bound as four bytes. */
    float hi;
    uint32_t zero_words, lo_bytes;
    float r_scale; /* of the residual */
    int32_t r_zero;
    ptrdiff_t first; /* of this panel's outputs */
    int count;       /* outputs of this panel; the rest of its last vector is not stored */
    int direct;      /* tiles store bytes; otherwise they leave sums */
};
/* Start plus the products of mr rows, which begin at x, and nv vectors of outputs. Direct: requantized and stored from
 * y[row][first] on. Otherwise sum (mr, nv, lanes), aligned to a vector. */
typedef void (*kn_quads_tile_fn)(const struct kn_rows *a, const uint8_t *const *x, const int8_t *w,
                                 const struct kn_quads_finish *f, uint8_t *const *y, int32_t *sum);
/* sum (mr, nv, lanes) = bias + a panel's extras (quads_extra.h). */
typedef void (*kn_quads_extras_fn)(const struct kn_rows *a, const uint8_t *const *x, int mr, int nv,
                                   const struct kn_quads_extras *e, const int32_t *bias, int32_t *sum);
/* Sums → bytes, from y[row][first] on; r (row, n): residuals, or NULL. */
typedef void (*kn_quads_u8_fn)(const int32_t *sum, int mr, int nv, const struct kn_quads_finish *f, uint8_t *const *y,
                               const uint8_t *const *r);

struct kn_quads_level {
    struct kn_quads_shape shape;
    int mr[KN_QUADS_MAX_NV];                       /* rows of the tallest tile, for panels of 1, 2, ... vectors */
    const kn_quads_tile_fn *tile[KN_QUADS_MAX_NV]; /* [nv - 1][mr - 1] */
    kn_quads_u8_fn u8;
    kn_quads_extras_fn extras; /* NULL: its packing has none */
};

void kn_quads_run_u8(const struct kn_quads_level *level, const struct kn_rows *a, const void *packed,
                     const struct kn_requant *rq, const struct kn_residual *residual, int n, const struct kn_out *c);
void kn_quads_run_s32(const struct kn_quads_level *level, const struct kn_rows *a, const void *packed,
                      const int32_t *bias, int n, const struct kn_out *c);

#endif
