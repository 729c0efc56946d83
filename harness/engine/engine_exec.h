/* Inside of the engine: one step of a bound plan and the functions that execute it. A step knows addresses,
 * counts and one kernel; it knows no graph and no types: those were decided when it was bound.
 *
 * Every step reads x (some read b too) and writes y. It repeats its kernel `repeat` times (once per sample where
 * samples cannot be taken together), x_step, b_step and y_step bytes apart. A step can be executed by several threads:
 * each calls run with its own `part` of `parts`; the parts write to different places and give the same bits as one. */
#ifndef ENGINE_ENGINE_EXEC_H
#define ENGINE_ENGINE_EXEC_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

enum { EXEC_RANK = 4 };

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

/* A share of a product's outputs, with weights of its own: a group of a convolution, or what one thread takes. */
struct exec_chunk {
    const void *packed;
    int first, n;     /* outputs */
    ptrdiff_t x_from; /* bytes from a sample's start: a group's first input channel */
};

struct exec_gemm {
    union {
        kn_gemm_f32_fn f32;
        kn_gemm_u8s8_u8_fn u8;
        kn_gemm_u8s8_s32_fn s32;
    } run;
    struct kn_rows rows;         /* bases are set per repetition */
    struct kn_out out;           /* likewise */
    struct kn_residual residual; /* likewise, from b; used when with_residual */
    int with_residual;
    int row_unit;                   /* rows are cut at multiples of this */
    const struct exec_chunk *chunk; /* (chunks); matmul: one, its weights packed at b */
    int chunks;
    struct exec_tail tail;
};

struct exec_spmv {
    union {
        kn_spmv_f32_fn f32;
        kn_spmv_u8s8_u8_fn u8;
        kn_spmv_u8s8_s32_fn s32;
    } run;
    const struct exec_chunk *chunk; /* (chunks) */
    int chunks, k;
    struct exec_tail tail;
};

struct exec_spmm {
    union {
        kn_spmm_f32_fn f32;
        kn_spmm_u8s8_u8_fn u8;
        kn_spmm_u8s8_s32_fn s32;
    } run;
    struct kn_cols cols;            /* base is set per repetition */
    const struct exec_chunk *chunk; /* (chunks) */
    int chunks;
    struct exec_tail tail;
};

struct exec_depthwise {
    union {
        kn_depthwise_f32_fn f32;
        kn_depthwise_u8s8_u8_fn u8;
        kn_depthwise_u8s8_s32_fn s32;
    } run;
    struct kn_depthwise_shape shape; /* all lines */
    const void *packed;
    int32_t zero_in;
    const struct exec_range *range; /* (repeat): each sample's zero point, or NULL: zero_in */
    struct exec_tail tail;
};

struct exec_pool {
    union {
        kn_maxpool_f32_fn max_f32;
        kn_maxpool_u8_fn max_u8;
        kn_avgpool_f32_fn avg_f32;
        kn_avgpool_u8_fn avg_u8;
    } run;
    struct kn_pool_shape shape; /* all lines */
    float ratio;                /* of avg_u8; with the zero points */
    int32_t zero_in, zero_out;
};

/* Elementwise work: `rows` rows of `count` elements per repetition; flat tensors are one row. */
struct exec_map {
    union {
        kn_quantize_f32_u8_fn quantize;
        kn_range_f32_fn range;
        kn_widen_u8_s16_fn widen;
        kn_clamp_f32_fn clamp_f32;
        kn_clamp_u8_fn clamp_u8;
        kn_lut_u8_fn lut;
        kn_dequant_u8_f32_fn dequant;
        kn_unary_f32_fn unary;
        kn_binary_f32_fn binary_f32;
        kn_binary_u8_fn binary_u8;
    } run;
    int rows;
    size_t count;
    size_t x_row, b_row, y_row; /* bytes from a row to the next */
    size_t b_count;             /* binary: elements of b after which it repeats; count when it does not */
    struct exec_range *range;   /* quantize, dequantize: one for all, or (repeat) with range_step 1; range: (repeat) */
    int range_step;
    float lo, hi;
    uint8_t lo_u8, hi_u8;
    const uint8_t *lut; /* (256) */
    struct kn_binary_u8_params params;
};

/* (rows, count) accumulators per repetition, cut into chunks of `chunk`: a multiple of the output channels, with the
 * per-channel arrays repeated to that length, so that short rows do not cost one call each. */
struct exec_dequant {
    kn_dequant_s32_f32_fn run;
    int rows;
    size_t count; /* of a row: a multiple of the output channels */
    size_t y_row; /* bytes; accumulators are dense */
    int chunk;
    const struct exec_range *range;
    int range_step;      /* 1: one range per repetition; 0: one for all */
    const int32_t *wsum; /* (chunk) or NULL */
    const float *scale;  /* (chunk) */
    const float *bias;   /* (chunk) or NULL */
    float lo, hi;
};

/* Each row of cols elements by itself: softmax, layer normalization. */
struct exec_rows {
    union {
        kn_softmax_f32_fn softmax;
        kn_layernorm_f32_fn layernorm;
    } run;
    int rows, cols;
    const float *gamma, *beta; /* (cols) */
    float epsilon;
};

/* `lines` transposes of (rows, cols) per repetition, from places x_line and to places y_line bytes apart. */
struct exec_transpose {
    void (*run)(const void *x, ptrdiff_t x_pitch, int rows, int cols, void *y, ptrdiff_t y_pitch);
    int lines, rows, cols;
    ptrdiff_t x_pitch, y_pitch; /* elements */
    size_t x_line, y_line;
};

/* Runs of `bytes` neighbouring bytes; how many of them, and how far apart, by dimension, outermost first. */
struct exec_copy {
    int dim[EXEC_RANK];
    size_t x_at[EXEC_RANK], y_at[EXEC_RANK]; /* bytes from one index to the next */
    size_t bytes;
    kn_lut_u8_fn lut; /* the bytes go through this table, or NULL */
    const uint8_t *table;
};

/* Fills what surrounds `planes` planes of `rows` rows of row_bytes: with `fill`, or the low byte of each repetition's
 * zero point when range is set. y points to the first filled byte. */
struct exec_border {
    int planes, rows;
    size_t top, left, right, bottom; /* bytes; top and bottom: whole lines */
    size_t row_bytes;
    const struct exec_range *range;
    uint8_t fill;
};

/* Right operand of a matmul, packed for gemm_f32 at run time. */
struct exec_pack {
    struct kn_gemm_f32 slot;
    int n, k;
    ptrdiff_t pitch; /* elements from one of the k rows to the next */
    float scale;
};

struct exec_step;
typedef void (*engine_exec_fn)(const struct exec_step *step, int part, int parts);

struct exec_step {
    engine_exec_fn run;
    const unsigned char *x, *b;
    unsigned char *y;
    int repeat;
    int parts;                     /* threads that share it */
    size_t x_step, b_step, y_step; /* bytes */
    union {
        struct exec_gemm gemm;
        struct exec_spmv spmv;
        struct exec_spmm spmm;
        struct exec_depthwise depthwise;
        struct exec_pool pool;
        struct exec_map map;
        struct exec_dequant dequant;
        struct exec_rows rows;
        struct exec_transpose transpose;
        struct exec_copy copy;
        struct exec_border border;
        struct exec_pack pack;
    } u;
};

/* What one part does: items `item` .. items - 1, and of each, `count` from `first`. */
struct exec_share {
    int item, items;
    size_t first, count;
};
/* Whole items where they come out even, else `length` cut at multiples of `unit`. */
struct exec_share engine_exec_share(int items, size_t length, size_t unit, int part, int parts);

/* Place of repetition i. */
static inline const void *engine_exec_x(const struct exec_step *step, int i)
{
    return step->x + (size_t)i * step->x_step;
}

static inline const void *engine_exec_b(const struct exec_step *step, int i)
{
    return step->b + (size_t)i * step->b_step;
}

static inline void *engine_exec_y(const struct exec_step *step, int i)
{
    return step->y + (size_t)i * step->y_step;
}

/* ---- engine_exec.c: products, convolutions and pooling */
void engine_exec_gemm_f32(const struct exec_step *step, int part, int parts);
void engine_exec_gemm_u8(const struct exec_step *step, int part, int parts);
void engine_exec_gemm_s32(const struct exec_step *step, int part, int parts);
/* Weights at b, one set per repetition. */
void engine_exec_matmul(const struct exec_step *step, int part, int parts);
void engine_exec_spmv_f32(const struct exec_step *step, int part, int parts);
void engine_exec_spmv_u8(const struct exec_step *step, int part, int parts);
void engine_exec_spmv_s32(const struct exec_step *step, int part, int parts);
void engine_exec_spmm_f32(const struct exec_step *step, int part, int parts);
void engine_exec_spmm_u8(const struct exec_step *step, int part, int parts);
void engine_exec_spmm_s32(const struct exec_step *step, int part, int parts);
void engine_exec_depthwise_f32(const struct exec_step *step, int part, int parts);
void engine_exec_depthwise_u8(const struct exec_step *step, int part, int parts);
void engine_exec_depthwise_s32(const struct exec_step *step, int part, int parts);
/* Over H,W,C. */
void engine_exec_maxpool_f32(const struct exec_step *step, int part, int parts);
void engine_exec_maxpool_u8(const struct exec_step *step, int part, int parts);
void engine_exec_avgpool_f32(const struct exec_step *step, int part, int parts);
void engine_exec_avgpool_u8(const struct exec_step *step, int part, int parts);
/* Over C,H,W. */
void engine_exec_maxpool_f32_chw(const struct exec_step *step, int part, int parts);
void engine_exec_maxpool_u8_chw(const struct exec_step *step, int part, int parts);

/* ---- engine_exec_map.c: elementwise work and rows */
void engine_exec_quantize(const struct exec_step *step, int part, int parts);
/* Writes no y: fills range[repetition] by kn_range_params. */
void engine_exec_range(const struct exec_step *step, int part, int parts);
void engine_exec_widen(const struct exec_step *step, int part, int parts);
void engine_exec_clamp_f32(const struct exec_step *step, int part, int parts);
void engine_exec_clamp_u8(const struct exec_step *step, int part, int parts);
void engine_exec_lut(const struct exec_step *step, int part, int parts);
void engine_exec_dequant_u8(const struct exec_step *step, int part, int parts);
void engine_exec_unary(const struct exec_step *step, int part, int parts);
void engine_exec_binary_f32(const struct exec_step *step, int part, int parts);
void engine_exec_binary_u8(const struct exec_step *step, int part, int parts);
void engine_exec_dequant(const struct exec_step *step, int part, int parts);
void engine_exec_softmax(const struct exec_step *step, int part, int parts);
void engine_exec_layernorm(const struct exec_step *step, int part, int parts);

/* ---- engine_exec_move.c */
void engine_exec_transpose(const struct exec_step *step, int part, int parts);
void engine_exec_copy(const struct exec_step *step, int part, int parts);
void engine_exec_border(const struct exec_step *step, int part, int parts);
void engine_exec_pack(const struct exec_step *step, int part, int parts);

#endif
