/* Where packed dense weights lie. Outputs are cut into panels of nr; a last panel of at most nr / 2 outputs is
 * only nr / 2 wide (so that 20 = 16 + 8, not 16 + 16). Inside a panel, for each segment, for each step of kr
 * inputs: width x kr elements, output by output. Missing outputs and the inputs that fill a segment up to a
 * multiple of kr are zero. */
#ifndef KERNELS_PANEL_H
#define KERNELS_PANEL_H

#include <stddef.h>

/* Width of the panel that starts when `left` outputs remain. */
static inline int kn_panel_width(int nr, int left)
{
    return nr > 1 && left <= nr / 2 ? nr / 2 : nr;
}

/* Inputs of one panel column as stored: every segment rounded up to a multiple of kr. */
static inline size_t kn_panel_depth(int kr, int segs, int seg_len)
{
    return (size_t)segs * (size_t)((seg_len + kr - 1) / kr * kr);
}

#endif
