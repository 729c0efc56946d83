/* One random case of the kernel check: its random numbers, its buffers, its verdict. Internal to kncheck.
 *
 * Case functions return ST_OK, ST_MISMATCH with a message that describes the case, or ST_NOMEM. Buffers live until
 * kncase_end. */
#ifndef KNCHECK_KNCASE_H
#define KNCHECK_KNCASE_H

#include "base/rng.h"
#include "base/status.h"
#include "kernels/kernels.h"

enum { KNCASE_BLOCKS = 48, KNCASE_GUARD = 64, KNCASE_TEXT = 160 };

struct kncase {
    struct rng rng;
    const struct kn_table *ref, *simd; /* borrowed */
    char text[KNCASE_TEXT];            /* sizes of this case, for messages */
    void *block[KNCASE_BLOCKS];        /* owned */
    int blocks;
};

/* An output of the reference and one of the kernel, equally prefilled and guarded before and after. */
struct kncase_outputs {
    unsigned char *ref, *simd;
    size_t bytes;
};

typedef enum status (*kncase_fn)(struct kncase *c);

void kncase_begin(struct kncase *c, uint64_t seed, uint64_t stream, const struct kn_table *ref,
                  const struct kn_table *simd);
void kncase_end(struct kncase *c);
/* Describes the case (sizes) for messages. */
void kncase_describe(struct kncase *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `bytes` bytes at a 64-byte boundary and KN_SLACK readable bytes of rubbish (all ones: NaN, -1) behind them. */
enum status kncase_input(struct kncase *c, size_t bytes, void *out_pointer);
enum status kncase_outputs(struct kncase *c, size_t bytes, struct kncase_outputs *out);
/* ST_MISMATCH unless both outputs and their guard zones agree in every byte. */
enum status kncase_same(const struct kncase *c, const struct kn_facts *facts, const struct kncase_outputs *outputs);
/* The same for floats at rows x cols with pitch ld: |difference| <= tolerance * magnitude(rows, cols), NaN where the
 * reference has NaN; whatever lies between the rows and in the guard zones must agree in every byte. */
enum status kncase_within(const struct kncase *c, const struct kn_facts *facts, const struct kncase_outputs *outputs,
                          int rows, int cols, int ld, const double *magnitude, double tolerance);
/* kncase_within for sums of k products: the tolerance is kn_tolerance_f32(k). */
enum status kncase_close(const struct kncase *c, const struct kn_facts *facts, const struct kncase_outputs *outputs,
                         int rows, int cols, int ld, const double *magnitude, int k);

int kncase_below(struct kncase *c, int bound);   /* uniform in [0, bound) */
int kncase_chance(struct kncase *c, int one_in); /* 1 once in `one_in` */
/* A size in [1, max] that likes the edges of `tile`: 1, tile - 1, tile, tile + 1, 2 * tile, primes. */
int kncase_size(struct kncase *c, int tile, int max);

/* Values: ordinary ones and hostile patterns (all zero, one nonzero, saturating, alternating signs, sparse). */
enum status kncase_f32(struct kncase *c, size_t count, float **out);
enum status kncase_s8(struct kncase *c, size_t count, int8_t **out);
enum status kncase_u8(struct kncase *c, size_t count, uint8_t **out);
enum status kncase_s32(struct kncase *c, size_t count, int32_t **out);
/* Among ordinary values NaN, infinities, signed zeros, denormals and huge ones. */
enum status kncase_wild_f32(struct kncase *c, size_t count, float **out);
/* The same numbers as int16, in an input buffer of their own. */
enum status kncase_widen(struct kncase *c, const uint8_t *x, size_t count, int16_t **out);
/* Clamp bounds: none, ReLU, a band. */
void kncase_bounds(struct kncase *c, float *lo, float *hi);
/* Requantization of n outputs that sum k products; now and then so steep that everything saturates. */
enum status kncase_requant(struct kncase *c, int n, int k, struct kn_requant *out);

/* (n, segs * seg_len): 1 where a weight is to be zero, block by block of rows x cols, blocks not crossing segments. */
enum status kncase_block_mask(struct kncase *c, int n, int segs, int seg_len, int rows, int cols, unsigned char **out);

/* The cases, one per contract. */
enum status kncase_gemm_f32(struct kncase *c);
enum status kncase_gemm_u8s8(struct kncase *c);
enum status kncase_gemm_u7s8(struct kncase *c);
enum status kncase_gemm_u8s4(struct kncase *c);
enum status kncase_spmv_f32(struct kncase *c);
enum status kncase_spmv_u8s8(struct kncase *c);
enum status kncase_spmm_f32(struct kncase *c);
enum status kncase_spmm_u8s8(struct kncase *c);
enum status kncase_maxpool_f32_nhwc(struct kncase *c);
enum status kncase_maxpool_f32_chw(struct kncase *c);
enum status kncase_maxpool_u8_nhwc(struct kncase *c);
enum status kncase_maxpool_u8_chw(struct kncase *c);
enum status kncase_quantize_f32_u8(struct kncase *c);
enum status kncase_range_f32(struct kncase *c);
enum status kncase_dequant_s32_f32(struct kncase *c);
enum status kncase_widen_u8_s16(struct kncase *c);
enum status kncase_clamp_f32(struct kncase *c);
enum status kncase_clamp_u8(struct kncase *c);
enum status kncase_transpose_x32(struct kncase *c);
enum status kncase_transpose_x8(struct kncase *c);
enum status kncase_add_f32(struct kncase *c);
enum status kncase_mul_f32(struct kncase *c);
enum status kncase_add_u8(struct kncase *c);
enum status kncase_mul_u8(struct kncase *c);
enum status kncase_lut_u8(struct kncase *c);
enum status kncase_dequant_u8_f32(struct kncase *c);
enum status kncase_hardswish_f32(struct kncase *c);
enum status kncase_sigmoid_f32(struct kncase *c);
enum status kncase_gelu_f32(struct kncase *c);
enum status kncase_softmax_f32(struct kncase *c);
enum status kncase_layernorm_f32(struct kncase *c);
enum status kncase_avgpool_f32_nhwc(struct kncase *c);
enum status kncase_avgpool_u8_nhwc(struct kncase *c);
enum status kncase_depthwise_f32(struct kncase *c);
enum status kncase_depthwise_u8s8(struct kncase *c);
enum status kncase_sprows_u8s8(struct kncase *c);
enum status kncase_bsr_f32_16x1(struct kncase *c);
enum status kncase_bsr_f32_8x1(struct kncase *c);
enum status kncase_bsr_f32_4x1(struct kncase *c);
enum status kncase_bsr_f32_1x4(struct kncase *c);

#endif
