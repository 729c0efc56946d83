/* Cuts the positions of a kn_cols into segments of eight neighbours and deals them out in tiles. The last segment of
 * a line overlaps the one before it when the line is no multiple of eight (its outputs are computed twice, equal);
 * lines shorter than eight are one partly filled segment each. */
#ifndef KERNELS_X86_SEGMENTS_AVX2_H
#define KERNELS_X86_SEGMENTS_AVX2_H

#include "kernels/x86/lanes_avx2.h"

enum { KN_SEGMENT = 8, KN_SEGMENTS = 8 };

struct kn_segments {
    struct kn_cols x;
    int line, column;            /* of the next segment */
    int count;                   /* positions in each segment, 1..8 */
    ptrdiff_t from[KN_SEGMENTS]; /* this tile: where each segment begins, in elements from x.base ... */
    ptrdiff_t to[KN_SEGMENTS];   /* ... and as a position */
};

static inline void kn_segments_init(struct kn_segments *s, const struct kn_cols *x)
{
    memset(s, 0, sizeof *s);
    s->x = *x;
    if (x->line_step == x->line_len) { /* the lines touch: one long line */
        s->x.line_len = x->lines * x->line_len;
        s->x.lines = 1;
    }
    s->count = s->x.line_len < KN_SEGMENT ? s->x.line_len : KN_SEGMENT;
}

/* The next tile of 8, 4, 2 or 1 segments; the last one is repeated to fill it up. Returns its size, 0 at the end. */
static inline int kn_segments_next(struct kn_segments *s)
{
    int n = 0, size = 1;
    for (; n < KN_SEGMENTS && s->line < s->x.lines; n++) {
        int last = s->x.line_len - s->count;
        int column = s->column < last ? s->column : last;
        s->from[n] = s->line * s->x.line_step + column;
        s->to[n] = (ptrdiff_t)s->line * s->x.line_len + column;
        s->column = column + KN_SEGMENT;
        if (column == last) {
            s->column = 0;
            s->line++;
        }
    }
    if (n == 0)
        return 0;
    while (size < n)
        size *= 2;
    for (int i = n; i < size; i++) {
        s->from[i] = s->from[n - 1];
        s->to[i] = s->to[n - 1];
    }
    return size;
}

static inline ptrdiff_t kn_segments_positions(const struct kn_segments *s)
{
    return (ptrdiff_t)s->x.lines * s->x.line_len;
}

#endif
