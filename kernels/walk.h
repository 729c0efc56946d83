/* Walks the rows of a product in order: where each begins in A, in C and in a residual, without a division a row. */
#ifndef KERNELS_WALK_H
#define KERNELS_WALK_H

#include "kernels/roster.h"

enum { KN_WALK_MAX = 32 };

/* Rows of a tile, in elements from the bases. */
struct kn_places {
    ptrdiff_t x[KN_WALK_MAX], y[KN_WALK_MAX], add[KN_WALK_MAX];
};

struct kn_walk_one {
    ptrdiff_t line, at, step_x, step_y;
};
struct kn_walk {
    int row_w, column;
    struct kn_walk_one x, y, add;
};

static inline struct kn_walk_one kn_walk_one(ptrdiff_t step_x, ptrdiff_t step_y, int line, int column)
{
    ptrdiff_t start = line * step_y;
    return (struct kn_walk_one){start, start + column * step_x, step_x, step_y};
}

/* Begins at a->first; residual may be NULL. */
static inline struct kn_walk kn_walk_begin(const struct kn_rows *a, const struct kn_out *c,
                                           const struct kn_residual *residual)
{
    int line = a->first / a->row_w, column = a->first % a->row_w;
    struct kn_walk w = {.row_w = a->row_w, .column = column};
    w.x = kn_walk_one(a->step_x, a->step_y, line, column);
    w.y = kn_walk_one(c->step_x, c->step_y, line, column);
    if (residual)
        w.add = kn_walk_one(residual->step_x, residual->step_y, line, column);
    return w;
}

static inline ptrdiff_t kn_walk_step(struct kn_walk_one *one, int wrap)
{
    ptrdiff_t at = one->at;
    one->line += wrap ? one->step_y : 0;
    one->at = wrap ? one->line : at + one->step_x;
    return at;
}

/* The next `count` (at most KN_WALK_MAX) rows. */
static inline void kn_walk_next(struct kn_walk *w, int count, struct kn_places *out)
{
    for (int i = 0; i < count; i++) {
        int wrap = ++w->column == w->row_w;
        out->x[i] = kn_walk_step(&w->x, wrap);
        out->y[i] = kn_walk_step(&w->y, wrap);
        out->add[i] = kn_walk_step(&w->add, wrap);
        w->column = wrap ? 0 : w->column;
    }
}

#endif
