/* How the SIMD kernels of kn_spmv_f32 want their weights.
 *
 * Rows are taken in groups of as many as a vector has lanes, eight or sixteen, one per lane. A step multiplies at most
 * one weight per row, all of whose inputs lie in a window of as many neighbouring inputs: the window is loaded as a
 * table and each lane picks its input by number. A window begins at the first weight that any row of the group still
 * has to do; rows whose next weight lies beyond it idle for one step with a zero. With eight lanes, half of them work
 * at 90 % zeros, six of seven at 50 %.
 *
 *   uint32 steps, chunks, 0 ...            one vector
 *   uint32 group_steps[groups]             padded to a vector
 *   uint32 window[steps]                   first input of each step; padded to a vector
 *   uint32 pick[chunks][lanes]             by lane, four bits a step, for eight steps of one group
 *   float weight[steps][lanes] */
#ifndef KERNELS_SPMV_F32_LANES_H
#define KERNELS_SPMV_F32_LANES_H

#include <stddef.h>
#include <stdint.h>

enum { KN_SPMV_F32_CHUNK = 8, KN_SPMV_F32_LANES = 16 /* at most */ };

struct kn_spmv_f32_view {
    size_t group_steps, window, pick, weight; /* offsets in 32-bit words */
    size_t words;                             /* all of it */
};

static inline struct kn_spmv_f32_view kn_spmv_f32_view(int n, int lanes, uint32_t steps, uint32_t chunks)
{
    size_t width = (size_t)lanes, groups = ((size_t)n + width - 1) / width;
    struct kn_spmv_f32_view v;
    v.group_steps = width;
    v.window = v.group_steps + (groups + width - 1) / width * width;
    v.pick = v.window + ((size_t)steps + width - 1) / width * width;
    v.weight = v.pick + (size_t)chunks * width;
    v.words = v.weight + (size_t)steps * width;
    return v;
}

#endif
