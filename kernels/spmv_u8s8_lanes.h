/* How the AVX2 kernel of kn_spmv_u8s8 wants its weights.
 *
 * Rows are taken in groups of eight. A step has four slots per row, 32 in all; its inputs lie in a window of sixteen
 * neighbouring bytes of x, which vpshufb reads as a table 32 times at once. vpmaddubsw then adds slots 0 and 1, and
 * slots 2 and 3, in 16 bits. The packer pairs only weights for which no such sum can leave 16 bits whatever x is:
 * weights of opposite sign, or of the same sign with |w0| + |w1| <= 128 (255 * 128 = 32640). Any other weight gets
 * a zero beside it. A window begins at the first weight that any row of the group still has to do.
 *
 *   uint32 steps, 0 ...                    32 bytes
 *   uint32 group_steps[groups]             even; padded to 32 bytes
 *   uint32 window[steps]                   first input of each step; padded to 32 bytes
 *   uint8 pick[steps / 2][8][4]            by row and slot; low half byte for the even step, high for the odd one
 *   int8 weight[steps][8][4] */
#ifndef KERNELS_SPMV_U8S8_LANES_H
#define KERNELS_SPMV_U8S8_LANES_H

#include <stddef.h>
#include <stdint.h>

enum { KN_SPMV_U8S8_ROWS = 8, KN_SPMV_U8S8_SLOTS = 4, KN_SPMV_U8S8_WINDOW = 16 };

struct kn_spmv_u8s8_view {
    size_t group_steps, window, pick, weight; /* offsets in bytes */
    size_t bytes;                             /* all of it */
};

static inline struct kn_spmv_u8s8_view kn_spmv_u8s8_view(int n, uint32_t steps)
{
    size_t groups = ((size_t)n + KN_SPMV_U8S8_ROWS - 1) / KN_SPMV_U8S8_ROWS;
    struct kn_spmv_u8s8_view v;
    v.group_steps = 32;
    v.window = v.group_steps + (groups + 7) / 8 * 32;
    v.pick = v.window + ((size_t)steps + 7) / 8 * 32;
    v.weight = v.pick + (size_t)steps / 2 * 32;
    v.bytes = v.weight + (size_t)steps * 32;
    return v;
}

#endif
