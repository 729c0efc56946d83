/* Where the weights of the integer products by quads lie. Outputs are cut into panels of nv vectors, a vector is
 * `lanes` outputs. Inside a panel, for each segment, for each four inputs: nv x lanes x 4 bytes. Missing outputs, and
 * the inputs that fill a segment up to a multiple of four, are zero. */
#ifndef KERNELS_QUADS_PACK_H
#define KERNELS_QUADS_PACK_H

#include <stddef.h>
#include <stdint.h>

enum { KN_QUADS_MAX_NV = 3, KN_QUADS_KR = 4 };

struct kn_quads_shape {
    int lanes;  /* outputs of a vector */
    int max_nv; /* vectors of the widest panel */
};

/* Vectors of the panel that starts when `left` outputs remain. Four are two and two, not three and a lonely one. */
static inline int kn_quads_panel(const struct kn_quads_shape *shape, int left)
{
    int vectors = (left + shape->lanes - 1) / shape->lanes;
    if (vectors == shape->max_nv + 1 && shape->max_nv > 2)
        return shape->max_nv - 1;
    return vectors < shape->max_nv ? vectors : shape->max_nv;
}

/* Inputs of one output as stored. */
static inline size_t kn_quads_depth(int segs, int seg_len)
{
    return (size_t)segs * (size_t)((seg_len + KN_QUADS_KR - 1) / KN_QUADS_KR * KN_QUADS_KR);
}

#endif
