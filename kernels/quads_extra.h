/* How kn_gemm_u8s8__avx2_quads_* stays exact although vpmaddubsw adds two products x0 * w0 + x1 * w1 in 16 bits with
 * saturation. With x up to 255 the sum fits when the positive and the negative weights of the pair add up to at most
 * KN_QUADS_LIMIT each (255 * 128 = 32640). What a pair has in excess is taken out of its larger weight and becomes
 * an extra: 4 inputs (wherever they lie in the row) times 8 outputs, almost all of them zero. Extras of one vector of
 * outputs are added up in 16 bits too, over runs in which no 16-bit lane exceeds the same limit.
 *
 * Packed, per panel of nv vectors of 8 outputs:
 *   weights   as kn_panel_depth(4): for each segment, for each 4 inputs: nv x 8 outputs x 4
 *   counts    KN_QUADS_COUNTS x uint32, extras of each vector; unused ones are 0
 *   places    struct kn_quads_place per extra, all of vector 0 first, filled up with zeros to KN_QUADS_BYTES
 *   extras    8 outputs x 4 each */
#ifndef KERNELS_QUADS_EXTRA_H
#define KERNELS_QUADS_EXTRA_H

#include <stddef.h>
#include <stdint.h>

enum { KN_QUADS_LIMIT = 128, KN_QUADS_COUNTS = 8, KN_QUADS_BYTES = 32 };

struct kn_quads_place {
    uint32_t segment;
    uint32_t input_end; /* twice the first input in its segment, plus 1 at the end of a run */
};

static inline size_t kn_quads_extras(const uint32_t *counts)
{
    size_t extras = 0;
    for (int i = 0; i < KN_QUADS_COUNTS; i++)
        extras += counts[i];
    return extras;
}

static inline size_t kn_quads_place_bytes(size_t extras)
{
    size_t bytes = extras * sizeof(struct kn_quads_place);
    return (bytes + KN_QUADS_BYTES - 1) / KN_QUADS_BYTES * KN_QUADS_BYTES;
}

/* All that follows a panel's weights. */
static inline size_t kn_quads_extra_bytes(size_t extras)
{
    return KN_QUADS_COUNTS * sizeof(uint32_t) + kn_quads_place_bytes(extras) + extras * KN_QUADS_BYTES;
}

#endif
