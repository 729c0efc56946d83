/* Inside plk_tensor*.c: what writing and reading a tensor share. */
#ifndef IO_PLK_TENSOR_H
#define IO_PLK_TENSOR_H

#include <string.h>

#include "io/plk_parts.h"

enum plk_layout { LAYOUT_DENSE, LAYOUT_BITMAP, LAYOUT_SPARSE, LAYOUT_COUNT };

/* The first byte of a tensor. */
enum { TYPE_MASK = 3, LAYOUT_SHIFT = 2, LAYOUT_MASK = 3, CODED = 16, SCALED = 32, SCALES_CODED = 64, CARRIED = 128 };

/* Element i as bits; an int8 as its byte. */
static inline uint32_t plk_element(const struct weight *weight, size_t i)
{
    uint32_t bits;

    if (weight->type == DT_S8)
        return ((const uint8_t *)weight->data)[i];
    memcpy(&bits, (const unsigned char *)weight->data + 4 * i, 4);
    return bits;
}

static inline void plk_set_element(struct weight *weight, size_t i, uint32_t bits)
{
    if (weight->type == DT_S8)
        ((uint8_t *)weight->data)[i] = (uint8_t)bits;
    else
        memcpy((unsigned char *)weight->data + 4 * i, &bits, 4);
}

/* Negative zero counts as zero; the smallest denormal and every NaN do not. */
static inline int plk_is_zero(enum dtype type, uint32_t bits)
{
    return (type == DT_F32 ? bits & 0x7fffffffu : bits) == 0;
}

size_t plk_count_nonzeros(const struct weight *weight);
/* Rows and columns for the entropy coder: a row per output channel, a bias in one row. */
void plk_plane(int rank, const int dim[4], size_t *rows, size_t *cols);
enum entropy_type plk_coded_type(enum dtype type);
void plk_describe(const struct weight *weight, unsigned head, size_t bytes, struct plk_tensor_info *info);

#endif
