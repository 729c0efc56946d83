/* How kn_gemm_u8s8__avx2_quads_* stays exact although vpmaddubsw adds two products x0 * w0 + x1 * w1 in 16 bits with
 * saturation. With x up to 255 the sum fits when the positive and the negative weights of the pair add up to at most
 * KN_QUADS_LIMIT each (255 * 128 = 32640). What a pair has in excess is taken out of one of its weights and becomes
 * part of an extra: 4 neighbouring inputs, wherever they lie in a segment, times 8 outputs, most of them zero. An extra
 * that begins at the second input of a pair reaches three pairs. Extras of one vector of outputs are added up in 16
 * bits too, over runs in which no 16-bit lane exceeds the same limit.
 *
 * Packed, per panel of nv vectors of 8 outputs:
 *   weights   as kn_quads_depth: for each segment, for each 4 inputs: nv x 8 outputs x 4
 *   head      struct kn_quads_head
 *   lengths   uint32 per run: its extras; all of vector 0 first
 *   places    struct kn_quads_place per extra, in the same order; filled up with zeros to KN_QUADS_BYTES
 *   extras    8 outputs x 4 each */
#ifndef KERNELS_QUADS_EXTRA_H
#define KERNELS_QUADS_EXTRA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { KN_QUADS_LIMIT = 128, KN_QUADS_VECTORS = 3, KN_QUADS_BYTES = 32 };

struct kn_quads_head {
    uint32_t runs[KN_QUADS_VECTORS]; /* of each vector; unused ones are 0 */
    uint32_t extras;                 /* of the whole panel */
    uint32_t unused[4];
};
_Static_assert(sizeof(struct kn_quads_head) == KN_QUADS_BYTES, "what follows keeps its alignment");

struct kn_quads_place {
    uint32_t segment, input; /* the first input, counted in its segment */
};

static inline size_t kn_quads_length_bytes(const struct kn_quads_head *head)
{
    size_t runs = 0;
    for (int v = 0; v < KN_QUADS_VECTORS; v++)
        runs += head->runs[v];
    return runs * sizeof(uint32_t);
}

/* From the head to the extras. */
static inline size_t kn_quads_place_bytes(const struct kn_quads_head *head)
{
    size_t bytes = kn_quads_length_bytes(head) + head->extras * sizeof(struct kn_quads_place);
    return (bytes + KN_QUADS_BYTES - 1) / KN_QUADS_BYTES * KN_QUADS_BYTES;
}

/* All that follows a panel's weights. */
static inline size_t kn_quads_extra_bytes(const struct kn_quads_head *head)
{
    return sizeof *head + kn_quads_place_bytes(head) + (size_t)head->extras * KN_QUADS_BYTES;
}

/* A panel's extras as they are read. */
struct kn_quads_extras {
    struct kn_quads_head head;
    const uint32_t *length;
    const struct kn_quads_place *place;
    const int8_t *weights;
};

static inline struct kn_quads_extras kn_quads_extras(const int8_t *p)
{
    struct kn_quads_extras e;
    memcpy(&e.head, p, sizeof e.head);
    e.length = (const uint32_t *)(const void *)(p + sizeof e.head);
    e.place = (const struct kn_quads_place *)(const void *)(p + sizeof e.head + kn_quads_length_bytes(&e.head));
    e.weights = p + sizeof e.head + kn_quads_place_bytes(&e.head);
    return e;
}

#endif
