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
    int row_w, column, adds; /* adds: there is a residual */
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
    struct kn_walk w = {.row_w = a->row_w, .column = column, .adds = residual != NULL};
    w.x = kn_walk_one(a->step_x, a->step_y, line, column);
    w.y = kn_walk_one(c->step_x, c->step_y, line, column);
    if (residual)
        w.add = kn_walk_one(residual->step_x, residual->step_y, line, column);
    return w;
}

/* `count` rows of one line. */
static inline void kn_walk_along(struct kn_walk_one *one, int count, ptrdiff_t *out)
{
    for (int i = 0; i < count; i++)
        out[i] = one->at + i * one->step_x;
    one->at += count * one->step_x;
}

static inline void kn_walk_down(struct kn_walk_one *one)
{
    one->line += one->step_y;
    one->at = one->line;
}

/* At the end of a line: to the start of the next. */
static inline void kn_walk_wrap(struct kn_walk *w)
{
    if (w->column == w->row_w) {
        w->column = 0;
        kn_walk_down(&w->x);
        kn_walk_down(&w->y);
        kn_walk_down(&w->add);
    }
}

/* Passes `count` rows, all of them in the present line. */
static inline void kn_walk_skip(struct kn_walk *w, int count)
{
    w->column += count;
    w->x.at += count * w->x.step_x;
    w->y.at += count * w->y.step_x;
    w->add.at += count * w->add.step_x;
    kn_walk_wrap(w);
}

/* The next `count` (at most KN_WALK_MAX) rows. out->add is set only if there is a residual. */
static inline void kn_walk_next(struct kn_walk *w, int count, struct kn_places *out)
{
    for (int done = 0, along; done < count; done += along) {
        along = w->row_w - w->column < count - done ? w->row_w - w->column : count - done;
        kn_walk_along(&w->x, along, out->x + done);
        kn_walk_along(&w->y, along, out->y + done);
        if (w->adds)
            kn_walk_along(&w->add, along, out->add + done);
        w->column += along;
        kn_walk_wrap(w);
    }
}

#endif
