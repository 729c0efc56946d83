/* Where packed dense weights lie. Outputs are cut into panels of nr; the last one may be half as wide (nothing more
 * than nr / 2 is left) or half as wide again (a full panel and at most nr / 2), so that 20 outputs are one panel of
 * 24 and not two of 16. Inside a panel, for each segment, for each step of kr inputs: width x kr elements, output
 * by output. Missing outputs, and the inputs that fill a segment up to a multiple of kr, are zero. */
#ifndef KERNELS_PANEL_H
#define KERNELS_PANEL_H

#include <stddef.h>

/* Width of the panel that starts when `left` outputs remain. */
static inline int kn_panel_width(int nr, int left)
{
    int half = nr / 2;
    if (half > 0 && left <= half)
        return half;
    return left > nr && left <= nr + half ? nr + half : nr;
}

/* Outputs in the last vector of eight of a panel of `width` (a multiple of 8) when `left` remain: only the last one
 * can be partly filled. */
static inline int kn_panel_last(int width, int left)
{
    return left >= width ? 8 : left - (width - 8);
}

/* Inputs of one panel column as stored: every segment rounded up to a multiple of kr. */
static inline size_t kn_panel_depth(int kr, int segs, int seg_len)
{
    return (size_t)segs * (size_t)((seg_len + kr - 1) / kr * kr);
}

#endif
