/* Lossless entropy coding of weight tensors: the context models on top of the range coder. The range coder and the
 * idea of coding a zero flag under its neighbours follow CABAC (Marpe et al. 2003) and DeepCABAC (Wiedemann et al.
 * 2020); the contexts are ours and described in entropy.c.
 *
 * What is learned on one tensor can be carried to the next of its type, which saves small files the learning.
 *
 *   entropy_models_init(&models);
 *   TRY(entropy_encode(&models, ENTROPY_S8, ENTROPY_BITMAP, rows, cols, weights, &out));
 *   entropy_models_init(&models);
 *   TRY(entropy_decode(&models, ENTROPY_S8, ENTROPY_BITMAP, rows, cols, out.data, out.len, weights)); */
#ifndef CODEC_ENTROPY_H
#define CODEC_ENTROPY_H

#include <stddef.h>

#include "codec/bytes.h"
#include "codec/rangecoder.h"

enum entropy_type { ENTROPY_F32, ENTROPY_S8, ENTROPY_S32 };

/* What says where the zeros are. */
enum entropy_layout {
    ENTROPY_DENSE,  /* every element is a value; floats keep the sign of zero */
    ENTROPY_BITMAP, /* a flag per element under the flags around it; negative zero becomes zero */
    ENTROPY_SPARSE  /* the distance from nonzero to nonzero; negative zero becomes zero */
};

enum {
    /* More elements than this per byte cannot be in a code, whose decisions take at least 0.00152 bits. (Not so for
     * ENTROPY_SPARSE, where zeros at the end are free.) */
    ENTROPY_MAX_EXPANSION = 8192,
    ENTROPY_FLAGS = 64,  /* contexts of the zero flag */
    ENTROPY_SIGNS = 7,   /* and of the sign */
    ENTROPY_UNARY = 20,  /* float exponents further below the largest are written plainly */
    ENTROPY_TOP_S8 = 3,  /* modelled bits below the leading one: of int8, */
    ENTROPY_TOP_S32 = 2, /* of int32, */
    ENTROPY_TOP_GAP = 2  /* of gaps */
};

struct entropy_models {
    struct bit_model flag[ENTROPY_FLAGS];
    struct bit_model sign[ENTROPY_SIGNS];
    struct bit_model class_s8[8], top_s8[8][1 << ENTROPY_TOP_S8];
    struct bit_model class_s32[64], top_s32[33][1 << ENTROPY_TOP_S32];
    struct bit_model class_gap[32], top_gap[32][1 << ENTROPY_TOP_GAP];
    struct bit_model exponent[ENTROPY_UNARY];
};

/* Nothing learned: every chance is even. */
void entropy_models_init(struct entropy_models *models);
/* Between two tensors: what was learned stays, but adapts quickly to the new one. */
void entropy_models_carry(struct entropy_models *models);

/* Appends the code of data: (rows, cols) of type. int8 values are in -127..127. The models learn. ST_NOMEM. */
enum status entropy_encode(struct entropy_models *models, enum entropy_type type, enum entropy_layout layout,
                           size_t rows, size_t cols, const void *data, struct bytes *out);

/* Decodes into data (rows, cols), which the caller has zeroed. The models must be as they were before encoding.
 * ST_FORMAT when the content does not use up the code or goes on beyond it, or has impossible values; data is then
 * unspecified. Damage that keeps all this is for a checksum to find. Time is bounded by rows * cols. ST_NOMEM. */
enum status entropy_decode(struct entropy_models *models, enum entropy_type type, enum entropy_layout layout,
                           size_t rows, size_t cols, const unsigned char *code, size_t len, void *data);

#endif
