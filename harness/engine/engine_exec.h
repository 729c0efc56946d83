/* Inside of the engine: one step of a bound plan and the functions that execute it. A step knows addresses,
 * counts and one kernel; it knows no graph and no types: those were decided when it was bound.
 *
 * Every step reads x and writes y. It repeats its kernel `repeat` times (once per sample where samples cannot be
 * taken together), x_step and y_step bytes apart. */
#ifndef ENGINE_ENGINE_EXEC_H
#define ENGINE_ENGINE_EXEC_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

/* One sample's dynamic quantization; filled by the range step, read by the steps after it. */
struct exec_range {
    float scale, inv_scale;
    int32_t zero_point;
};

/* What follows the sums: bias and clamp, or requantization. Only the part that the kernel takes is set. */
struct exec_tail {
    const float *bias; /* (n) or NULL */
    float lo, hi;
    const int32_t *bias_s32; /* (n) or NULL */
    struct kn_requant requant;
};

struct exec_gemm {
    union {
        kn_gemm_f32_fn f32;
        kn_gemm_u8s8_u8_fn u8;
        kn_gemm_u8s8_s32_fn s32;
    } run;
    struct kn_rows rows; /* bases are set per repetition */
    struct kn_out out;
    const void *packed;
    int n;
    struct exec_tail tail;
};

struct exec_spmv {
    union {
        kn_spmv_f32_fn f32;
        kn_spmv_u8s8_u8_fn u8;
        kn_spmv_u8s8_s32_fn s32;
    } run;
    const void *packed;
    int n, k;
    struct exec_tail tail;
};

struct exec_spmm {
    union {
        kn_spmm_f32_fn f32;
        kn_spmm_u8s8_u8_fn u8;
        kn_spmm_u8s8_s32_fn s32;
    } run;
    struct kn_cols cols; /* base is set per repetition */
    const void *packed;
    int n;
    struct exec_tail tail;
};

struct exec_pool {
    union {
        kn_maxpool_f32_fn f32;
        kn_maxpool_u8_fn u8;
    } run;
    struct kn_pool_shape shape;
};

/* Elementwise work over `count` elements per repetition. */
struct exec_map {
    union {
        kn_quantize_f32_u8_fn quantize;
        kn_range_f32_fn range;
        kn_widen_u8_s16_fn widen;
        kn_clamp_f32_fn clamp_f32;
        kn_clamp_u8_fn clamp_u8;
    } run;
    size_t count;
    struct exec_range *range; /* (repeat): quantize reads it, range writes it */
    float lo, hi;
    uint8_t lo_u8, hi_u8;
};

/* (count) accumulators per repetition, cut into chunks of `chunk`: a multiple of the output channels, with the
 * per-channel arrays repeated to that length, so that short rows do not cost one call each. */
struct exec_dequant {
    kn_dequant_s32_f32_fn run;
    size_t count;
    int chunk;
    const struct exec_range *range;
    int range_step;      /* 1: one range per repetition; 0: one for all */
    const int32_t *wsum; /* (chunk) or NULL */
    const float *scale;  /* (chunk) */
    const float *bias;   /* (chunk) or NULL */
    float lo, hi;
};

struct exec_transpose {
    void (*run)(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch);
    int rows, cols;
};

/* `planes` planes of `rows` rows of row_bytes, each surrounded by pad_rows rows and pad_bytes bytes of filling:
 * `fill`, or the low byte of each repetition's zero point when range is set. */
struct exec_pad {
    int planes, rows, pad_rows;
    size_t row_bytes, pad_bytes;
    const struct exec_range *range;
    uint8_t fill;
};

struct exec_step;
typedef void (*engine_exec_fn)(const struct exec_step *step);

struct exec_step {
    engine_exec_fn run;
    const unsigned char *x;
    unsigned char *y;
    int repeat;
    size_t x_step, y_step; /* bytes */
    union {
        struct exec_gemm gemm;
        struct exec_spmv spmv;
        struct exec_spmm spmm;
        struct exec_pool pool;
        struct exec_map map;
        struct exec_dequant dequant;
        struct exec_transpose transpose;
        struct exec_pad pad;
    } u;
};

void engine_exec_gemm_f32(const struct exec_step *step);
void engine_exec_gemm_u8(const struct exec_step *step);
void engine_exec_gemm_s32(const struct exec_step *step);
void engine_exec_spmv_f32(const struct exec_step *step);
void engine_exec_spmv_u8(const struct exec_step *step);
void engine_exec_spmv_s32(const struct exec_step *step);
void engine_exec_spmm_f32(const struct exec_step *step);
void engine_exec_spmm_u8(const struct exec_step *step);
void engine_exec_spmm_s32(const struct exec_step *step);
void engine_exec_pool_f32(const struct exec_step *step);
void engine_exec_pool_u8(const struct exec_step *step);
/* Quantizes all repetitions with range[0]. */
void engine_exec_quantize_static(const struct exec_step *step);
/* Each repetition with its own range. */
void engine_exec_quantize_dynamic(const struct exec_step *step);
/* Writes no y: fills range[repetition] by kn_range_params. */
void engine_exec_range(const struct exec_step *step);
void engine_exec_widen(const struct exec_step *step);
void engine_exec_clamp_f32(const struct exec_step *step);
void engine_exec_clamp_u8(const struct exec_step *step);
void engine_exec_dequant(const struct exec_step *step);
void engine_exec_transpose(const struct exec_step *step);
void engine_exec_pad(const struct exec_step *step);

#endif
