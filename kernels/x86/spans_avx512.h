/* Cuts the positions of a kn_cols into vectors for AVX-512. Lines far apart are cut one by one; where the gaps between
 * lines are short, all of them are taken as one long line, and a mask says which lanes are positions and which fell
 * into a gap. The last vector of a line, or of all, may read past its end (slack). Vectors are dealt out evenly: nine
 * of them with at most eight in a tile are five and four, because a tile of one would wait for its own additions. */
#ifndef KERNELS_X86_SPANS_AVX512_H
#define KERNELS_X86_SPANS_AVX512_H

#include "kernels/x86/lanes_avx2.h"

enum { KN_SPANS = 8 };

struct kn_spans {
    struct kn_cols x;
    int lanes, flat;
    int left, tiles;          /* vectors (at most) and tiles to come */
    int line, column;         /* where the next vector begins */
    ptrdiff_t from[KN_SPANS]; /* this tile: place of each vector's first lane, in elements from x.base, ... */
    ptrdiff_t to[KN_SPANS];   /* ... the position that its first real lane is, ... */
    uint32_t mask[KN_SPANS];  /* ... and which lanes are positions */
};

/* lanes: of a vector, at most 32. most: vectors in a tile, at most KN_SPANS. */
static inline void kn_spans_init(struct kn_spans *s, const struct kn_cols *x, int lanes, int most)
{
    ptrdiff_t span = (x->lines - 1) * x->line_step + x->line_len;
    int by_line = x->lines * ((x->line_len + lanes - 1) / lanes);
    memset(s, 0, sizeof *s);
    s->x = *x;
    s->lanes = lanes;
    s->flat = x->line_step >= x->line_len && (span + lanes - 1) / lanes < by_line;
    s->left = s->flat ? (int)((span + lanes - 1) / lanes) : by_line;
    s->tiles = (s->left + most - 1) / most;
}

static inline uint32_t kn_spans_ones(ptrdiff_t count)
{
    return count >= 32 ? UINT32_MAX : (1U << count) - 1;
}

/* Takes the lowest piece of ones, part of a line, out of the mask; its first lane and length. */
static inline uint32_t kn_spans_piece(uint32_t *mask, int *from, int *length)
{
    uint32_t beyond, piece;
    *from = __builtin_ctz(*mask);
    beyond = ~(*mask >> *from);
    *length = beyond ? __builtin_ctz(beyond) : 32;
    piece = kn_spans_ones(*length) << *from;
    *mask &= ~piece;
    return piece;
}

/* Goes on by the pieces of lines and gaps that one vector covers; its mask. */
static inline uint32_t kn_spans_vector(struct kn_spans *s)
{
    uint32_t mask = 0;
    for (int lane = 0; lane < s->lanes && s->line < s->x.lines;) {
        ptrdiff_t end = s->column < s->x.line_len ? s->x.line_len : s->x.line_step;
        ptrdiff_t run = end - s->column < s->lanes - lane ? end - s->column : s->lanes - lane;
        if (s->column < s->x.line_len)
            mask |= kn_spans_ones(run) << lane;
        lane += (int)run;
        s->column += (int)run;
        if (s->column == s->x.line_len && (!s->flat || s->line == s->x.lines - 1))
            lane = s->lanes;
        if (s->column >= (s->flat && s->line < s->x.lines - 1 ? s->x.line_step : s->x.line_len)) {
            s->line++;
            s->column = 0;
        }
    }
    return mask;
}

/* The next tile; returns its number of vectors, 0 at the end. */
static inline int kn_spans_next(struct kn_spans *s)
{
    int size = s->tiles > 0 ? (s->left + s->tiles - 1) / s->tiles : 0, n = 0;
    s->left -= size;
    s->tiles--;
    for (; n < size && s->line < s->x.lines; n++) {
        if (s->column >= s->x.line_len) { /* a vector need not begin in a gap */
            s->line++;
            s->column = 0;
        }
        s->from[n] = s->line * s->x.line_step + s->column;
        s->to[n] = (ptrdiff_t)s->line * s->x.line_len + s->column;
        s->mask[n] = kn_spans_vector(s);
    }
    return n;
}

static inline ptrdiff_t kn_spans_positions(const struct kn_spans *s)
{
    return (ptrdiff_t)s->x.lines * s->x.line_len;
}

#endif
