/* How the AVX2 kernel of kn_spmv_f32 wants its weights.
 *
 * Rows are taken in groups of eight, one per lane. A step multiplies at most one weight per row, all of whose inputs
 * lie in a window of eight neighbouring inputs: the window is loaded as a table and each lane picks its input by
 * number. A window begins at the first weight that any row of the group still has to do; rows whose next weight
 * lies beyond it idle for one step with a zero. At 90 % zeros half of the lanes work, at 50 % six of seven.
 *
 *   uint32 steps, chunks, 0 ...            32 bytes
 *   uint32 group_steps[groups]             padded to 32 bytes
 *   uint32 window[steps]                   first input of each step; padded to 32 bytes
 *   uint32 pick[chunks][8]                 by lane, four bits a step, for eight steps of one group
 *   float weight[steps][8] */
#ifndef KERNELS_SPMV_F32_LANES_H
#define KERNELS_SPMV_F32_LANES_H

#include <stddef.h>
#include <stdint.h>

enum { KN_SPMV_F32_ROWS = 8, KN_SPMV_F32_WINDOW = 8, KN_SPMV_F32_CHUNK = 8 };

struct kn_spmv_f32_view {
    size_t group_steps, window, pick, weight; /* offsets in 32-bit words */
    size_t words;                             /* all of it */
};

static inline struct kn_spmv_f32_view kn_spmv_f32_view(int n, uint32_t steps, uint32_t chunks)
{
    size_t groups = ((size_t)n + KN_SPMV_F32_ROWS - 1) / KN_SPMV_F32_ROWS;
    struct kn_spmv_f32_view v;
    v.group_steps = 8;
    v.window = v.group_steps + (groups + 7) / 8 * 8;
    v.pick = v.window + ((size_t)steps + 7) / 8 * 8;
    v.weight = v.pick + (size_t)chunks * 8;
    v.words = v.weight + (size_t)steps * 8;
    return v;
}

#endif
