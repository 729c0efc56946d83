#include "kernels/quads.h"

#include <string.h>

/* Where the next rows of A, of C and of the residual begin. */
struct place {
    const unsigned char *line;
    ptrdiff_t step_x, step_y;
};

struct cursor {
    int column, row_w;
    struct place x, y, r;
};

/* Rows that meet all panels before the next ones do: as long as their inputs stay in the nearest cache, each panel
 * reads them from there, and a panel's weights are read from afar only once for all of them. */
struct group {
    int rows;
    const uint8_t *x[KN_QUADS_GROUP];
    unsigned char *y[KN_QUADS_GROUP];
    const uint8_t *r[KN_QUADS_GROUP];
};

struct product {
    const struct kn_quads_level *level;
    const struct kn_rows *a;
    const struct kn_residual *residual; /* or NULL */
    const int32_t *bias;                /* or NULL */
    const float *scale;                 /* NULL: raw sums */
    int n;
    struct kn_quads_finish finish;
    int32_t padded_bias[KN_QUADS_WIDE]; /* of a last panel, filled up with zeros */
    float padded_scale[KN_QUADS_WIDE];
};

static struct place place_at(const void *base, ptrdiff_t step_x, ptrdiff_t step_y, int line, ptrdiff_t size)
{
    return (struct place){(const unsigned char *)base + line * step_y * size, step_x * size, step_y * size};
}

static struct cursor cursor_begin(const struct product *p, const struct kn_out *c, ptrdiff_t size)
{
    const struct kn_rows *a = p->a;
    const struct kn_residual *r = p->residual;
    int line = a->first ? a->first / a->row_w : 0;
    struct cursor at = {.column = a->first - line * a->row_w, .row_w = a->row_w};
    at.x = place_at(a->base, a->step_x, a->step_y, line, 1);
    at.y = place_at(c->base, c->step_x, c->step_y, line, size);
    if (r)
        at.r = place_at(r->base, r->step_x, r->step_y, line, 1);
    return at;
}

static void fill_group(struct group *g, struct cursor *at, int rows, int has_residual)
{
    g->rows = rows;
    for (int i = 0; i < rows; i++) {
        g->x[i] = at->x.line + at->column * at->x.step_x;
        g->y[i] = (unsigned char *)at->y.line + at->column * at->y.step_x;
        if (has_residual)
            g->r[i] = at->r.line + at->column * at->r.step_x;
        if (++at->column == at->row_w) {
            at->column = 0;
            at->x.line += at->x.step_y;
            at->y.line += at->y.step_y;
            if (has_residual)
                at->r.line += at->r.step_y;
        }
    }
}

/* Biases and scales of the panel that starts at `first`; vectors are read whole. */
static void set_panel(struct product *p, int first, int width)
{
    struct kn_quads_finish *f = &p->finish;
    int full = p->n - first >= width;
    f->first = first;
    f->count = full ? width : p->n - first;
    f->bias = p->padded_bias;
    f->scale = p->padded_scale;
    if (full && p->bias)
        f->bias = p->bias + first;
    else
        memset(p->padded_bias, 0, sizeof p->padded_bias);
    if (full && p->scale)
        f->scale = p->scale + first;
    else
        memset(p->padded_scale, 0, sizeof p->padded_scale);
    if (!full && p->bias)
        memcpy(p->padded_bias, p->bias + first, (size_t)f->count * sizeof *p->bias);
    if (!full && p->scale)
        memcpy(p->padded_scale, p->scale + first, (size_t)f->count * sizeof *p->scale);
}

static void store_s32(const struct product *p, const struct group *g, int row, int mr, int width, const int32_t *sum)
{
    for (int i = 0; i < mr; i++, sum += width)
        memcpy((int32_t *)(void *)g->y[row + i] + p->finish.first, sum, (size_t)p->finish.count * sizeof *sum);
}

/* A group of rows against one panel. Tiles are about equally tall: a lonely last row would wait for its own sums. */
static void run_panel(struct product *p, const struct group *g, int nv, const int8_t *w,
                      const struct kn_quads_extras *extras)
{
    const struct kn_quads_level *level = p->level;
    int tallest = level->mr[nv - 1], tiles = (g->rows + tallest - 1) / tallest;
    _Alignas(64) int32_t sum[KN_QUADS_SUMS];
    p->finish.start = extras ? sum : p->finish.bias;
    p->finish.start_step = extras ? nv * level->shape.lanes : 0;
    for (int row = 0, mr; tiles; row += mr, tiles--) {
        mr = (g->rows - row + tiles - 1) / tiles;
        if (extras)
            level->extras(p->a, g->x + row, mr, nv, extras, p->finish.bias, sum);
        level->tile[nv - 1][mr - 1](p->a, g->x + row, w, &p->finish, g->y + row, sum);
        if (p->finish.direct)
            continue;
        if (p->scale)
            level->u8(sum, mr, nv, &p->finish, g->y + row, g->r + row);
        else
            store_s32(p, g, row, mr, nv * level->shape.lanes, sum);
    }
}

static void run_group(struct product *p, const struct group *g, const int8_t *w)
{
    const struct kn_quads_shape *shape = &p->level->shape;
    size_t depth = kn_quads_depth(p->a->segs, p->a->seg_len);
    for (int first = 0, width; first < p->n; first += width) {
        int nv = kn_quads_panel(shape, p->n - first);
        const int8_t *next;
        width = nv * shape->lanes;
        next = w + depth * (size_t)width;
        set_panel(p, first, width);
        if (p->level->extras) {
            const struct kn_quads_extras extras = kn_quads_extras(next);
            run_panel(p, g, nv, w, extras.head.extras ? &extras : NULL);
            next = extras.weights + (size_t)extras.head.extras * KN_QUADS_BYTES;
        } else {
            run_panel(p, g, nv, w, NULL);
        }
        w = next;
    }
}

static void run(struct product *p, const void *packed, const struct kn_out *c, ptrdiff_t size)
{
    struct cursor at = cursor_begin(p, c, size);
    struct group g;
    for (int left = p->a->m, rows; left; left -= rows) {
        rows = left < KN_QUADS_GROUP ? left : KN_QUADS_GROUP;
        fill_group(&g, &at, rows, p->residual != NULL);
        run_group(p, &g, packed);
    }
}

void kn_quads_run_u8(const struct kn_quads_level *level, const struct kn_rows *a, const void *packed,
                     const struct kn_requant *rq, const struct kn_residual *residual, int n, const struct kn_out *c)
{
    struct product p;
    p.level = level;
    p.a = a;
    p.residual = residual;
    p.bias = rq->bias;
    p.scale = rq->scale;
    p.n = n;
    p.finish.hi = (float)(rq->hi - rq->zero_point);
    p.finish.zero_words = (uint32_t)rq->zero_point * 0x10001U;
    p.finish.lo_bytes = (uint32_t)rq->lo * 0x1010101U;
    p.finish.r_scale = residual ? residual->scale : 0;
    p.finish.r_zero = residual ? residual->zero_point : 0;
    p.finish.direct = !residual;
    run(&p, packed, c, 1);
}

void kn_quads_run_s32(const struct kn_quads_level *level, const struct kn_rows *a, const void *packed,
                      const int32_t *bias, int n, const struct kn_out *c)
{
    struct product p;
    p.level = level;
    p.a = a;
    p.residual = NULL;
    p.bias = bias;
    p.scale = NULL;
    p.n = n;
    p.finish.direct = 0;
    run(&p, packed, c, (ptrdiff_t)sizeof(int32_t));
}
