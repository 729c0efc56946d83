/* Where the packed weights of kn_depthwise_u8s8 lie in the kernels that take four taps of a channel at a time.
 *
 * Channels are cut into blocks; a block is a few vectors of `lanes` channels each. A vector's lower half holds four
 * channels from the block's lower half, its upper half those half a block further on, which is the order in which
 * registers of two halves interleave bytes; one of four lanes holds neighbours. Weights of a vector: for each channel
 * those of four taps, as bytes, or as two vectors of 16-bit words, taps 0 and 1 and taps 2 and 3.
 *
 * A block: first the filter's taps in fours, for each four the block's vectors, missing taps 0. Behind them, for a
 * filter of 3 x 3 only, for each vector, for each column of the filter: its taps (0, 1, 2, none), for the upper one of
 * two lines of outputs, and (none, 0, 1, 2), for the lower one. */
#ifndef KERNELS_DEPTHWISE_QUADS_H
#define KERNELS_DEPTHWISE_QUADS_H

#include <stddef.h>

struct kn_dw_layout {
    int lanes; /* channels of a vector: 4 or 8 */
    int most;  /* vectors of a block; the last block may have half as many */
    int words; /* 1: 16-bit weights, 0: bytes */
};

/* Vectors of the block that begins when `left` channels remain. */
static inline int kn_dw_vectors(const struct kn_dw_layout *l, int left)
{
    return l->most > 2 && left <= l->most / 2 * l->lanes ? l->most / 2 : l->most;
}

static inline int kn_dw_fours(int taps)
{
    return (taps + 3) / 4;
}

/* Bytes of the taps in fours, and of a whole block. */
static inline ptrdiff_t kn_dw_fours_bytes(const struct kn_dw_layout *l, int vectors, int taps)
{
    return (ptrdiff_t)kn_dw_fours(taps) * vectors * l->lanes * 4 * (1 + l->words);
}

static inline ptrdiff_t kn_dw_block_bytes(const struct kn_dw_layout *l, int vectors, int kernel_h, int kernel_w)
{
    ptrdiff_t columns = kernel_h == 3 && kernel_w == 3 ? (ptrdiff_t)6 * vectors * l->lanes * 4 * (1 + l->words) : 0;
    return kn_dw_fours_bytes(l, vectors, kernel_h * kernel_w) + columns;
}

#endif
