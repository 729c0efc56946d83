/* Execution of elementwise steps and of operators that work row by row. */
#include <math.h>

#include "engine/engine_exec.h"
#include "kernels/requant.h"

enum { SPAN = 64 }; /* elements at whose multiples a flat tensor is cut */

static struct exec_share map_share(const struct exec_step *step, int part, int parts)
{
    return engine_exec_share(step->repeat * step->u.map.rows, step->u.map.count, SPAN, part, parts);
}

/* Where item i (row i % rows of repetition i / rows) lies, from element `first`. */
struct place {
    int sample, row;
};

static struct place place_of(const struct exec_map *m, int i)
{
    if (m->rows == 1)
        return (struct place){i, 0};
    return (struct place){i / m->rows, i % m->rows};
}

static const void *x_of(const struct exec_step *step, struct place p, size_t from_bytes)
{
    return (const unsigned char *)engine_exec_x(step, p.sample) + (size_t)p.row * step->u.map.x_row + from_bytes;
}

static const void *b_of(const struct exec_step *step, struct place p, size_t from_bytes)
{
    return (const unsigned char *)engine_exec_b(step, p.sample) + (size_t)p.row * step->u.map.b_row + from_bytes;
}

static void *y_of(const struct exec_step *step, struct place p, size_t from_bytes)
{
    return (unsigned char *)engine_exec_y(step, p.sample) + (size_t)p.row * step->u.map.y_row + from_bytes;
}

void engine_exec_quantize(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        const struct exec_range *range = &m->range[p.sample * m->range_step];
        m->run.quantize(x_of(step, p, 4 * s.first), s.count, range->inv_scale, range->zero_point,
                        y_of(step, p, s.first));
    }
}

void engine_exec_range(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = engine_exec_share(step->repeat, 1, 1, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct exec_range *range = &m->range[i];
        float lo = 0, hi = 0;
        for (int row = 0; row < m->rows; row++) {
            float row_lo, row_hi;
            m->run.range(x_of(step, (struct place){i, row}, 0), m->count, &row_lo, &row_hi);
            lo = row_lo < lo ? row_lo : lo;
            hi = row_hi > hi ? row_hi : hi;
        }
        kn_range_params(lo, hi, &range->scale, &range->zero_point);
        range->inv_scale = 1.0f / range->scale;
    }
}

void engine_exec_widen(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.widen(x_of(step, p, s.first), s.count, y_of(step, p, 2 * s.first));
    }
}

void engine_exec_clamp_f32(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.clamp_f32(x_of(step, p, 4 * s.first), s.count, m->lo, m->hi, y_of(step, p, 4 * s.first));
    }
}

void engine_exec_clamp_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.clamp_u8(x_of(step, p, s.first), s.count, m->lo_u8, m->hi_u8, y_of(step, p, s.first));
    }
}

void engine_exec_lut(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.lut(x_of(step, p, s.first), s.count, m->lut, y_of(step, p, s.first));
    }
}

void engine_exec_dequant_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.dequant(x_of(step, p, s.first), s.count, m->range->scale, m->range->zero_point,
                       y_of(step, p, 4 * s.first));
    }
}

void engine_exec_unary(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = map_share(step, part, parts);

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.unary(x_of(step, p, 4 * s.first), s.count, y_of(step, p, 4 * s.first));
    }
}

/* A factor that repeats is cut with its rows only: the cuts are not multiples of its length. */
static struct exec_share binary_share(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    size_t unit = m->b_count == m->count ? SPAN : m->b_count;

    return engine_exec_share(step->repeat * m->rows, m->count, unit, part, parts);
}

void engine_exec_binary_f32(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = binary_share(step, part, parts);
    int repeats = m->b_count != m->count;

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.binary_f32(x_of(step, p, 4 * s.first), b_of(step, p, repeats ? 0 : 4 * s.first), s.count,
                          repeats ? m->b_count : s.count, m->lo, m->hi, y_of(step, p, 4 * s.first));
    }
}

void engine_exec_binary_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_map *m = &step->u.map;
    struct exec_share s = binary_share(step, part, parts);
    int repeats = m->b_count != m->count;

    for (int i = s.item; i < s.items; i++) {
        struct place p = place_of(m, i);
        m->run.binary_u8(x_of(step, p, s.first), b_of(step, p, repeats ? 0 : s.first), s.count,
                         repeats ? m->b_count : s.count, &m->params, y_of(step, p, s.first));
    }
}

void engine_exec_dequant(const struct exec_step *step, int part, int parts)
{
    const struct exec_dequant *d = &step->u.dequant;
    struct exec_share s = engine_exec_share(step->repeat * d->rows, d->count, (size_t)d->chunk, part, parts);

    for (int i = s.item; i < s.items; i++) {
        int sample = i / d->rows, row = i % d->rows;
        const struct exec_range *range = &d->range[sample * d->range_step];
        const int32_t *acc = (const int32_t *)engine_exec_x(step, sample) + (size_t)row * d->count;
        float *y = (void *)((unsigned char *)engine_exec_y(step, sample) + (size_t)row * d->y_row);
        for (size_t done = s.first; done < s.first + s.count; done += (size_t)d->chunk) {
            size_t left = s.first + s.count - done;
            int n = left < (size_t)d->chunk ? (int)left : d->chunk;
            d->run(acc + done, n, d->wsum, range->zero_point, range->scale, d->scale, d->bias, d->lo, d->hi, y + done);
        }
    }
}

void engine_exec_softmax(const struct exec_step *step, int part, int parts)
{
    const struct exec_rows *r = &step->u.rows;
    struct exec_share s = engine_exec_share(1, (size_t)r->rows, 1, part, parts);
    size_t from = s.first * (size_t)r->cols;

    if (s.item < s.items)
        r->run.softmax((const float *)engine_exec_x(step, 0) + from, (int)s.count, r->cols,
                       (float *)engine_exec_y(step, 0) + from);
}

void engine_exec_layernorm(const struct exec_step *step, int part, int parts)
{
    const struct exec_rows *r = &step->u.rows;
    struct exec_share s = engine_exec_share(1, (size_t)r->rows, 1, part, parts);
    size_t from = s.first * (size_t)r->cols;

    if (s.item < s.items)
        r->run.layernorm((const float *)engine_exec_x(step, 0) + from, (int)s.count, r->cols, r->gamma, r->beta,
                         r->epsilon, (float *)engine_exec_y(step, 0) + from);
}
