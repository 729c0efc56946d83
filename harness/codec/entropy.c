#include "codec/entropy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/rangecoder.h"

/* Each function below serves both directions (see rangecoder.h): it takes the value to encode, or anything when
 * decoding, and returns the value. `decoding`, `type` and `layout` are constants where code_tensor is called, and the
 * compiler makes one loop per combination. */
#define BOTH_WAYS static inline __attribute__((always_inline))

enum {
    DENSITY_LEVELS = 4,
    COLUMN_RATE = 5, /* densities forget over 2^5 rows */
    ROW_RATE = 6,    /* and 2^6 columns */
    GAP_END = 31,    /* class of a gap that says: no more nonzeros */
    CARRY_MOST = 24  /* decisions that carried models count for */
};

_Static_assert(ENTROPY_FLAGS == 4 * DENSITY_LEVELS * DENSITY_LEVELS, "left, up, column, row");

/* One tensor on its way, in either direction. */
struct coding {
    struct rangecoder rc;
    struct entropy_models *m;
    uint16_t *column;      /* bitmap: density of each column; the lowest bit: is the element above nonzero? */
    uint32_t exponent_max; /* of a float tensor: its largest exponent */
    uint32_t has_signs;    /* and whether any element is negative */
    unsigned sign_context; /* 0, or 1 + sign of the last nonzero + 2 * the zeros since (0..2) */
    int damaged;
};

static void every_model(struct entropy_models *m, void (*apply)(struct bit_model *, size_t))
{
    apply(m->flag, ENTROPY_FLAGS);
    apply(m->sign, ENTROPY_SIGNS);
    apply(m->class_s8, sizeof m->class_s8 / sizeof(struct bit_model));
    apply(m->top_s8[0], sizeof m->top_s8 / sizeof(struct bit_model));
    apply(m->class_s32, sizeof m->class_s32 / sizeof(struct bit_model));
    apply(m->top_s32[0], sizeof m->top_s32 / sizeof(struct bit_model));
    apply(m->class_gap, sizeof m->class_gap / sizeof(struct bit_model));
    apply(m->top_gap[0], sizeof m->top_gap / sizeof(struct bit_model));
    apply(m->exponent, ENTROPY_UNARY);
}

static void carry(struct bit_model *model, size_t count)
{
    rangecoder_model_carry(model, count, CARRY_MOST);
}

void entropy_models_init(struct entropy_models *models)
{
    every_model(models, rangecoder_model_init);
}

void entropy_models_carry(struct entropy_models *models)
{
    every_model(models, carry);
}

/* Bits of value up to its leading one: 0 → 0, 1 → 1, 2..3 → 2 ... */
BOTH_WAYS int bit_length(uint32_t value)
{
    return value == 0 ? 0 : 32 - __builtin_clz(value);
}

/* A number of `bits` bits: the highest `top` under models, the rest plainly, as always its lowest `sign` bits. */
BOTH_WAYS uint32_t code_tail(struct rangecoder *rc, int decoding, struct bit_model *models, int top, int bits, int sign,
                             uint32_t tail)
{
    uint32_t value;

    top = bits - sign < top ? bits - sign : top;
    value = rangecoder_tree(rc, decoding, models, top, tail >> (bits - top));
    bits -= top;
    if (bits > RANGECODER_RAW) {
        bits -= RANGECODER_RAW;
        value = value << RANGECODER_RAW | rangecoder_raw(rc, decoding, (tail >> bits) & 0xffffff, RANGECODER_RAW);
    }
    if (bits == 0)
        return value;
    return value << bits | rangecoder_raw(rc, decoding, tail & ((1u << bits) - 1), bits);
}

/* Under the sign of the nonzero before, if it is near. */
BOTH_WAYS int code_sign(struct coding *to, int decoding, int negative)
{
    negative = rangecoder_bit(&to->rc, decoding, &to->m->sign[to->sign_context], negative);
    to->sign_context = 1u + (unsigned)negative;
    return negative;
}

/* A zero after the last nonzero. */
BOTH_WAYS void sign_fade(struct coding *to)
{
    to->sign_context = to->sign_context == 0 || to->sign_context > 4 ? 0 : to->sign_context + 2;
}

/* How an integer of one type is coded. */
struct integer {
    struct bit_model *classes; /* tree of the size's bit length */
    struct bit_model *tops;    /* per class: bits below the leading one */
    int class_bits, class_max;
    int top_bits, top; /* bits that tops has room for, and those modelled */
    int base;          /* 1 where zero cannot occur */
    int plain_sign;    /* 1: the sign has no model */
};

/* The size's bit length, the bits below its leading one, the sign. */
BOTH_WAYS uint32_t code_integer(struct coding *to, int decoding, const struct integer *how, uint32_t value)
{
    uint32_t size = value >> 31 ? 0u - value : value, tail;
    int class = bit_length(size), negative = (int)(value >> 31);
    struct bit_model *tops;

    class = (int)rangecoder_tree(&to->rc, decoding, how->classes, how->class_bits, (uint32_t)(class - how->base));
    class += how->base;
    if (class > how->class_max) {
        to->damaged = 1;
        class = how->class_max;
    }
    if (class == 0)
        return 0;
    tops = how->tops + (class << how->top_bits);
    tail = size & ((1u << (class - 1)) - 1);
    if (how->plain_sign) {
        tail = code_tail(&to->rc, decoding, tops, how->top, class, 1, tail << 1 | (uint32_t)negative);
        negative = (int)(tail & 1);
        tail >>= 1;
    } else {
        tail = code_tail(&to->rc, decoding, tops, how->top, class - 1, 0, tail);
        negative = code_sign(to, decoding, negative);
    }
    size = 1u << (class - 1) | tail;
    return negative ? 0u - size : size;
}

/* Exponent as the distance from the largest, in unary; sign, which follows no pattern in dense tensors; 23 plain
 * bits. */
BOTH_WAYS uint32_t code_float(struct coding *to, int decoding, enum entropy_layout layout, uint32_t value)
{
    uint32_t below = to->exponent_max - (value >> 23 & 255), i = 0;
    uint32_t rest = value & 0x7fffff, negative = value >> 31;

    while (i < ENTROPY_UNARY && rangecoder_bit(&to->rc, decoding, &to->m->exponent[i], below > i))
        i++;
    if (i == ENTROPY_UNARY)
        i += rangecoder_raw(&to->rc, decoding, below - ENTROPY_UNARY, 8);
    if (i > to->exponent_max) {
        to->damaged = 1;
        i = to->exponent_max;
    }
    i = to->exponent_max - i;
    if (to->has_signs && layout == ENTROPY_DENSE) {
        rest = rangecoder_raw(&to->rc, decoding, negative << 23 | rest, 24);
        return (rest >> 23) << 31 | i << 23 | (rest & 0x7fffff);
    }
    negative = to->has_signs ? (uint32_t)code_sign(to, decoding, (int)negative) : 0;
    return negative << 31 | i << 23 | rangecoder_raw(&to->rc, decoding, rest, 23);
}

BOTH_WAYS uint32_t code_value(struct coding *to, int decoding, enum entropy_type type, enum entropy_layout layout,
                              uint32_t value)
{
    int dense = layout == ENTROPY_DENSE;
    /* Dense int8 weights are many, and have neither a gap around zero nor patterns of signs: fewer models. */
    const struct integer s8 = {to->m->class_s8, to->m->top_s8[0],       3,      7,
                               ENTROPY_TOP_S8,  ENTROPY_TOP_S8 - dense, !dense, dense};
    const struct integer s32 = {to->m->class_s32, to->m->top_s32[0], 6,      32,
                                ENTROPY_TOP_S32,  ENTROPY_TOP_S32,   !dense, 0};

    if (type == ENTROPY_F32)
        return code_float(to, decoding, layout, value);
    return code_integer(to, decoding, type == ENTROPY_S8 ? &s8 : &s32, value);
}

/* An int8 comes as the 32-bit integer of the same value. */
BOTH_WAYS uint32_t load(enum entropy_type type, const void *data, size_t i)
{
    uint32_t value;

    if (type == ENTROPY_S8)
        return (uint32_t)((const int8_t *)data)[i];
    memcpy(&value, (const unsigned char *)data + 4 * i, 4);
    return value;
}

BOTH_WAYS void store(enum entropy_type type, void *data, size_t i, uint32_t value)
{
    if (type == ENTROPY_S8)
        ((uint8_t *)data)[i] = (uint8_t)value;
    else
        memcpy((unsigned char *)data + 4 * i, &value, 4);
}

BOTH_WAYS int is_nonzero(enum entropy_type type, uint32_t value)
{
    return (type == ENTROPY_F32 ? value & 0x7fffffffu : value) != 0;
}

BOTH_WAYS void code_dense(struct coding *to, int decoding, enum entropy_type type, size_t count, void *data)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t value = code_value(to, decoding, type, ENTROPY_DENSE, decoding ? 0 : load(type, data, i));
        if (decoding)
            store(type, data, i, value);
    }
}

/* A density is the share of nonzeros seen lately, forgetting over 2^rate elements, in 1/65536. */
BOTH_WAYS uint16_t density_add(uint16_t density, int nonzero, int rate)
{
    return (uint16_t)(nonzero ? density + ((65535 - density) >> rate) : density - (density >> rate));
}

BOTH_WAYS unsigned density_level(uint16_t density)
{
    return (unsigned)(density > 65536 / 40) + (density > 65536 / 10) + (density > 65536 / 3);
}

/* The flag's context: are the elements to the left and above zero, and how dense have column and row been? Pruned
 * fully connected layers have dead inputs (columns) and dead neurons (rows). */
BOTH_WAYS void code_bitmap(struct coding *to, int decoding, enum entropy_type type, size_t rows, size_t cols,
                           void *data)
{
    for (size_t r = 0, i = 0; r < rows; r++) {
        uint16_t row = 65536 / 10;
        unsigned left = 0;
        for (size_t c = 0; c < cols; c++, i++) {
            uint32_t value = decoding ? 0 : load(type, data, i);
            uint16_t column = to->column[c];
            unsigned context = left | (column & 1u) << 1 | density_level(column) << 2 | density_level(row) << 4;
            int nonzero = rangecoder_bit(&to->rc, decoding, &to->m->flag[context], is_nonzero(type, value));
            left = (unsigned)nonzero;
            row = density_add(row, nonzero, ROW_RATE);
            to->column[c] = (uint16_t)((density_add(column, nonzero, COLUMN_RATE) & ~1u) | left);
            if (!nonzero) {
                sign_fade(to);
                continue;
            }
            value = code_value(to, decoding, type, ENTROPY_BITMAP, value);
            if (decoding)
                store(type, data, i, value);
        }
    }
}

/* A gap g as the bit length of g + 1, less one, then its bits below the leading one. */
BOTH_WAYS uint32_t code_gap(struct coding *to, int decoding, uint32_t gap, int end)
{
    int class = end ? GAP_END : bit_length(gap + 1) - 1;

    class = (int)rangecoder_tree(&to->rc, decoding, to->m->class_gap, 5, (uint32_t) class);
    if (class == GAP_END)
        return UINT32_MAX;
    gap =
        code_tail(&to->rc, decoding, to->m->top_gap[class], ENTROPY_TOP_GAP, class, 0, (gap + 1) & ((1u << class) - 1));
    return (1u << class | gap) - 1;
}

BOTH_WAYS void code_sparse(struct coding *to, int decoding, enum entropy_type type, size_t count, void *data)
{
    for (size_t place = 0;; place++) {
        size_t next = place;
        uint32_t gap, value;
        while (!decoding && next < count && !is_nonzero(type, load(type, data, next)))
            next++;
        gap = code_gap(to, decoding, (uint32_t)(next - place), next == count);
        if (gap == UINT32_MAX)
            return;
        if (gap >= count - place) {
            to->damaged = 1;
            return;
        }
        for (uint32_t i = 0; i < gap && i < 3; i++)
            sign_fade(to);
        place += gap;
        value = code_value(to, decoding, type, ENTROPY_SPARSE, decoding ? 0 : load(type, data, place));
        if (decoding)
            store(type, data, place, value);
    }
}

BOTH_WAYS void code_tensor(struct coding *to, int decoding, enum entropy_type type, enum entropy_layout layout,
                           size_t rows, size_t cols, void *data)
{
    if (type == ENTROPY_F32) {
        uint32_t head = rangecoder_raw(&to->rc, decoding, to->has_signs << 8 | to->exponent_max, 9);
        to->has_signs = head >> 8;
        to->exponent_max = head & 255;
    }
    if (layout == ENTROPY_DENSE)
        code_dense(to, decoding, type, rows * cols, data);
    else if (layout == ENTROPY_BITMAP)
        code_bitmap(to, decoding, type, rows, cols, data);
    else
        code_sparse(to, decoding, type, rows * cols, data);
}

/* Turns a layout known at run time into a constant. */
BOTH_WAYS void code_layout(struct coding *to, int decoding, enum entropy_type type, enum entropy_layout layout,
                           size_t rows, size_t cols, void *data)
{
    if (layout == ENTROPY_DENSE)
        code_tensor(to, decoding, type, ENTROPY_DENSE, rows, cols, data);
    else if (layout == ENTROPY_BITMAP)
        code_tensor(to, decoding, type, ENTROPY_BITMAP, rows, cols, data);
    else
        code_tensor(to, decoding, type, ENTROPY_SPARSE, rows, cols, data);
}

/* And a type. */
BOTH_WAYS enum status code_all(struct coding *to, int decoding, enum entropy_type type, enum entropy_layout layout,
                               size_t rows, size_t cols, void *data)
{
    if (layout == ENTROPY_BITMAP) {
        to->column = malloc((cols + 1) * sizeof *to->column);
        if (!to->column)
            return status_fail(ST_NOMEM, "no memory for %zu columns", cols);
        for (size_t c = 0; c < cols; c++)
            to->column[c] = 65536 / 10 & ~1;
    }
    if (type == ENTROPY_F32)
        code_layout(to, decoding, ENTROPY_F32, layout, rows, cols, data);
    else if (type == ENTROPY_S8)
        code_layout(to, decoding, ENTROPY_S8, layout, rows, cols, data);
    else
        code_layout(to, decoding, ENTROPY_S32, layout, rows, cols, data);
    free(to->column);
    return ST_OK;
}

enum status entropy_encode(struct entropy_models *models, enum entropy_type type, enum entropy_layout layout,
                           size_t rows, size_t cols, const void *data, struct bytes *out)
{
    struct coding to = {.m = models};
    void *writable; /* the encoding half of the functions above only reads */

    memcpy(&writable, &data, sizeof writable);
    for (size_t i = 0; type == ENTROPY_F32 && i < rows * cols; i++) {
        uint32_t value = load(type, data, i), exponent = value >> 23 & 255;
        to.exponent_max = exponent > to.exponent_max ? exponent : to.exponent_max;
        to.has_signs |= value >> 31;
    }
    rangecoder_encode(&to.rc, out);
    TRY(code_all(&to, 0, type, layout, rows, cols, writable));
    rangecoder_finish(&to.rc);
    return bytes_check(out);
}

enum status entropy_decode(struct entropy_models *models, enum entropy_type type, enum entropy_layout layout,
                           size_t rows, size_t cols, const unsigned char *code, size_t len, void *data)
{
    struct coding to = {.m = models};

    if (layout != ENTROPY_SPARSE && rows * cols / ENTROPY_MAX_EXPANSION > len + 8)
        return status_fail(ST_FORMAT, "%zu elements in %zu bytes of entropy code", rows * cols, len);
    rangecoder_decode(&to.rc, code, len);
    TRY(code_all(&to, 1, type, layout, rows, cols, data));
    if (to.damaged)
        return status_fail(ST_FORMAT, "an impossible value or place in the entropy code");
    if (!rangecoder_used_all(&to.rc))
        return status_fail(ST_FORMAT, "the entropy code has %zu bytes, its content needs %zu to %zu", len, to.rc.at - 8,
                           to.rc.at - 4);
    return ST_OK;
}
