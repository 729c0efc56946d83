/* How the SIMD kernels of kn_spmv_u8s8 and kn_sprows_u8s8 want their weights.
 *
 * Rows are taken in groups of eight (AVX2) or sixteen (AVX-512). A step has four slots per row; its inputs lie in a
 * window of sixteen neighbouring bytes of x, which vpshufb reads as a table for all slots at once. vpmaddubsw then adds
 * slots 0 and 1, and slots 2 and 3, in 16 bits. The packer pairs only weights for which no such sum can leave 16 bits
 * whatever x is: weights of opposite sign, or of the same sign with |w0| + |w1| <= 128 (255 * 128 = 32640). Any other
 * weight gets a zero beside it. vpdpbusd adds all four products in 32 bits, and any weights may stand side by side for
 * it. A window begins at the first weight that any row of the group still has to do.
 *
 *   uint32 steps, 0 ...                    one vector: rows * 4 bytes
 *   uint32 group_steps[groups]             even; padded to a vector
 *   uint32 window[steps]                   place of each step's first input; padded to a vector
 *   uint8 pick[steps / 2][rows][4]         by row and slot; low half byte for the even step, high for the odd one
 *   int8 weight[steps][rows][4] */
#ifndef KERNELS_SPMV_U8S8_LANES_H
#define KERNELS_SPMV_U8S8_LANES_H

#include <stddef.h>
#include <stdint.h>

enum { KN_SPMV_U8S8_ROWS = 16 /* at most */, KN_SPMV_U8S8_SLOTS = 4, KN_SPMV_U8S8_WINDOW = 16 };

struct kn_spmv_u8s8_view {
    size_t group_steps, window, pick, weight; /* offsets in bytes */
    size_t bytes;                             /* all of it */
};

static inline struct kn_spmv_u8s8_view kn_spmv_u8s8_view(int n, int rows, uint32_t steps)
{
    size_t width = (size_t)rows, groups = ((size_t)n + width - 1) / width, vector = width * KN_SPMV_U8S8_SLOTS;
    struct kn_spmv_u8s8_view v;
    v.group_steps = vector;
    v.window = v.group_steps + (groups + width - 1) / width * vector;
    v.pick = v.window + ((size_t)steps + width - 1) / width * vector;
    v.weight = v.pick + (size_t)steps / 2 * vector;
    v.bytes = v.weight + (size_t)steps * vector;
    return v;
}

#endif
