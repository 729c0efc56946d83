#include "engine/engine_exec.h"

#include <math.h>

struct exec_share engine_exec_share(int items, size_t length, size_t unit, int part, int parts)
{
    struct exec_share share = {0, items, 0, length};
    size_t blocks, from, to;

    if (parts == 1)
        return share;
    blocks = (length + unit - 1) / unit;
    if (items % parts == 0 || items >= 4 * parts || blocks <= 1) {
        share.item = (int)((int64_t)items * part / parts);
        share.items = (int)((int64_t)items * (part + 1) / parts);
        return share;
    }
    from = blocks * (size_t)part / (size_t)parts * unit;
    to = blocks * ((size_t)part + 1) / (size_t)parts * unit;
    to = to < length ? to : length;
    share.first = from;
    share.count = to > from ? to - from : 0;
    if (share.count == 0)
        share.items = 0;
    return share;
}

/* ------------------------------------------------------------------ dense products */

struct product {
    struct kn_rows rows;
    struct kn_out out;
    struct kn_residual residual;
};

static struct exec_share gemm_share(const struct exec_step *step, int part, int parts, struct product *p)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct exec_share share =
        engine_exec_share(step->repeat * g->chunks, (size_t)g->rows.m, (size_t)g->row_unit, part, parts);

    p->rows = g->rows;
    p->rows.first = (int)share.first;
    p->rows.m = (int)share.count;
    p->out = g->out;
    p->residual = g->residual;
    return share;
}

/* Item i is chunk i % chunks of repetition i / chunks. */
static const struct exec_chunk *gemm_item(const struct exec_step *step, int i, size_t y_size, struct product *p)
{
    const struct exec_gemm *g = &step->u.gemm;
    int sample = g->chunks == 1 ? i : i / g->chunks;
    const struct exec_chunk *chunk = &g->chunk[i - sample * g->chunks];
    size_t y_from = (size_t)chunk->first * y_size;

    p->rows.base = (const unsigned char *)engine_exec_x(step, sample) + chunk->x_from;
    p->out.base = (unsigned char *)engine_exec_y(step, sample) + y_from;
    p->residual.base = g->with_residual ? (const unsigned char *)engine_exec_b(step, sample) + y_from : NULL;
    return chunk;
}

void engine_exec_gemm_f32(const struct exec_step *step, int part, int parts)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct product p;
    struct exec_share share = gemm_share(step, part, parts, &p);
    struct kn_tail_f32 tail = {NULL, g->tail.lo, g->tail.hi, g->with_residual ? &p.residual : NULL};

    for (int i = share.item; i < share.items; i++) {
        const struct exec_chunk *chunk = gemm_item(step, i, sizeof(float), &p);
        tail.bias = g->tail.bias ? g->tail.bias + chunk->first : NULL;
        g->run.f32(&p.rows, chunk->packed, &tail, chunk->n, &p.out);
    }
}

void engine_exec_matmul(const struct exec_step *step, int part, int parts)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct product p;
    struct exec_share share = gemm_share(step, part, parts, &p);
    const struct kn_tail_f32 tail = {NULL, g->tail.lo, g->tail.hi, NULL};

    for (int i = share.item; i < share.items; i++) {
        const struct exec_chunk *chunk = gemm_item(step, i, sizeof(float), &p);
        g->run.f32(&p.rows, engine_exec_b(step, i), &tail, chunk->n, &p.out);
    }
}

static struct kn_requant requant_from(const struct exec_tail *tail, int first)
{
    struct kn_requant requant = tail->requant;

    requant.bias += first;
    requant.scale += first;
    return requant;
}

void engine_exec_gemm_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct product p;
    struct exec_share share = gemm_share(step, part, parts, &p);

    for (int i = share.item; i < share.items; i++) {
        const struct exec_chunk *chunk = gemm_item(step, i, 1, &p);
        struct kn_requant requant = requant_from(&g->tail, chunk->first);
        g->run.u8(&p.rows, chunk->packed, &requant, g->with_residual ? &p.residual : NULL, chunk->n, &p.out);
    }
}

static const int32_t *bias_from(const struct exec_tail *tail, int first)
{
    return tail->bias_s32 ? tail->bias_s32 + first : NULL;
}

void engine_exec_gemm_s32(const struct exec_step *step, int part, int parts)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct product p;
    struct exec_share share = gemm_share(step, part, parts, &p);

    for (int i = share.item; i < share.items; i++) {
        const struct exec_chunk *chunk = gemm_item(step, i, sizeof(int32_t), &p);
        g->run.s32(&p.rows, chunk->packed, bias_from(&g->tail, chunk->first), chunk->n, &p.out);
    }
}

/* ------------------------------------------------------------------ sparse products: item i as above, uncut */

void engine_exec_spmv_f32(const struct exec_step *step, int part, int parts)
{
    const struct exec_spmv *s = &step->u.spmv;
    struct exec_share share = engine_exec_share(step->repeat * s->chunks, 1, 1, part, parts);

    for (int i = share.item; i < share.items; i++) {
        int sample = i / s->chunks;
        const struct exec_chunk *chunk = &s->chunk[i % s->chunks];
        const float *bias = s->tail.bias ? s->tail.bias + chunk->first : NULL;
        s->run.f32(engine_exec_x(step, sample), chunk->packed, bias, chunk->n, s->k, s->tail.lo, s->tail.hi,
                   (float *)engine_exec_y(step, sample) + chunk->first);
    }
}

void engine_exec_spmv_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_spmv *s = &step->u.spmv;
    struct exec_share share = engine_exec_share(step->repeat * s->chunks, 1, 1, part, parts);

    for (int i = share.item; i < share.items; i++) {
        int sample = i / s->chunks;
        const struct exec_chunk *chunk = &s->chunk[i % s->chunks];
        struct kn_requant requant = requant_from(&s->tail, chunk->first);
        s->run.u8(engine_exec_x(step, sample), chunk->packed, &requant, chunk->n, s->k,
                  (uint8_t *)engine_exec_y(step, sample) + chunk->first);
    }
}

void engine_exec_spmv_s32(const struct exec_step *step, int part, int parts)
{
    const struct exec_spmv *s = &step->u.spmv;
    struct exec_share share = engine_exec_share(step->repeat * s->chunks, 1, 1, part, parts);

    for (int i = share.item; i < share.items; i++) {
        int sample = i / s->chunks;
        const struct exec_chunk *chunk = &s->chunk[i % s->chunks];
        s->run.s32(engine_exec_x(step, sample), chunk->packed, bias_from(&s->tail, chunk->first), chunk->n, s->k,
                   (int32_t *)engine_exec_y(step, sample) + chunk->first);
    }
}

static size_t positions(const struct kn_cols *cols)
{
    return (size_t)cols->lines * (size_t)cols->line_len;
}

void engine_exec_spmm_f32(const struct exec_step *step, int part, int parts)
{
    const struct exec_spmm *s = &step->u.spmm;
    struct exec_share share = engine_exec_share(step->repeat * s->chunks, 1, 1, part, parts);
    struct kn_cols cols = s->cols;

    for (int i = share.item; i < share.items; i++) {
        int sample = i / s->chunks;
        const struct exec_chunk *chunk = &s->chunk[i % s->chunks];
        const float *bias = s->tail.bias ? s->tail.bias + chunk->first : NULL;
        cols.base = engine_exec_x(step, sample);
        s->run.f32(&cols, chunk->packed, bias, chunk->n, s->tail.lo, s->tail.hi,
                   (float *)engine_exec_y(step, sample) + (size_t)chunk->first * positions(&cols));
    }
}

void engine_exec_spmm_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_spmm *s = &step->u.spmm;
    struct exec_share share = engine_exec_share(step->repeat * s->chunks, 1, 1, part, parts);
    struct kn_cols cols = s->cols;

    for (int i = share.item; i < share.items; i++) {
        int sample = i / s->chunks;
        const struct exec_chunk *chunk = &s->chunk[i % s->chunks];
        struct kn_requant requant = requant_from(&s->tail, chunk->first);
        cols.base = engine_exec_x(step, sample);
        s->run.u8(&cols, chunk->packed, &requant, chunk->n,
                  (uint8_t *)engine_exec_y(step, sample) + (size_t)chunk->first * positions(&cols));
    }
}

void engine_exec_spmm_s32(const struct exec_step *step, int part, int parts)
{
    const struct exec_spmm *s = &step->u.spmm;
    struct exec_share share = engine_exec_share(step->repeat * s->chunks, 1, 1, part, parts);
    struct kn_cols cols = s->cols;

    for (int i = share.item; i < share.items; i++) {
        int sample = i / s->chunks;
        const struct exec_chunk *chunk = &s->chunk[i % s->chunks];
        cols.base = engine_exec_x(step, sample);
        s->run.s32(&cols, chunk->packed, bias_from(&s->tail, chunk->first), chunk->n,
                   (int32_t *)engine_exec_y(step, sample) + (size_t)chunk->first * positions(&cols));
    }
}

/* ------------------------------------------------------------------ depthwise convolutions and pooling: by lines */

static struct exec_share depthwise_share(const struct exec_step *step, int part, int parts,
                                         struct kn_depthwise_shape *shape)
{
    struct exec_share share;

    *shape = step->u.depthwise.shape;
    share = engine_exec_share(step->repeat, (size_t)shape->oh, 1, part, parts);
    shape->first = (int)share.first;
    shape->lines = (int)share.count;
    return share;
}

void engine_exec_depthwise_f32(const struct exec_step *step, int part, int parts)
{
    const struct exec_depthwise *d = &step->u.depthwise;
    struct kn_depthwise_shape shape;
    struct exec_share share = depthwise_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        d->run.f32(&shape, engine_exec_x(step, i), d->packed, d->tail.bias, d->tail.lo, d->tail.hi,
                   engine_exec_y(step, i));
}

void engine_exec_depthwise_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_depthwise *d = &step->u.depthwise;
    struct kn_depthwise_shape shape;
    struct exec_share share = depthwise_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        d->run.u8(&shape, engine_exec_x(step, i), d->zero_in, d->packed, &d->tail.requant, engine_exec_y(step, i));
}

void engine_exec_depthwise_s32(const struct exec_step *step, int part, int parts)
{
    const struct exec_depthwise *d = &step->u.depthwise;
    struct kn_depthwise_shape shape;
    struct exec_share share = depthwise_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        d->run.s32(&shape, engine_exec_x(step, i), d->range ? d->range[i].zero_point : d->zero_in, d->packed,
                   d->tail.bias_s32, engine_exec_y(step, i));
}

static struct exec_share pool_share(const struct exec_step *step, int part, int parts, struct kn_pool_shape *shape)
{
    struct exec_share share;

    *shape = step->u.pool.shape;
    share = engine_exec_share(step->repeat, (size_t)shape->oh, 1, part, parts);
    shape->first = (int)share.first;
    shape->lines = (int)share.count;
    return share;
}

void engine_exec_maxpool_f32(const struct exec_step *step, int part, int parts)
{
    struct kn_pool_shape shape;
    struct exec_share share = pool_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        step->u.pool.run.max_f32(&shape, engine_exec_x(step, i), engine_exec_y(step, i));
}

void engine_exec_maxpool_u8(const struct exec_step *step, int part, int parts)
{
    struct kn_pool_shape shape;
    struct exec_share share = pool_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        step->u.pool.run.max_u8(&shape, engine_exec_x(step, i), engine_exec_y(step, i));
}

void engine_exec_avgpool_f32(const struct exec_step *step, int part, int parts)
{
    struct kn_pool_shape shape;
    struct exec_share share = pool_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        step->u.pool.run.avg_f32(&shape, engine_exec_x(step, i), -INFINITY, INFINITY, engine_exec_y(step, i));
}

void engine_exec_avgpool_u8(const struct exec_step *step, int part, int parts)
{
    const struct exec_pool *p = &step->u.pool;
    struct kn_pool_shape shape;
    struct exec_share share = pool_share(step, part, parts, &shape);

    for (int i = share.item; i < share.items; i++)
        p->run.avg_u8(&shape, engine_exec_x(step, i), p->ratio, p->zero_in, p->zero_out, 0, 255,
                      engine_exec_y(step, i));
}

/* Planes are independent: channels first .. first + count - 1. */
static struct exec_share planes_share(const struct exec_step *step, int part, int parts, struct kn_pool_shape *shape)
{
    struct exec_share share = engine_exec_share(step->repeat, (size_t)step->u.pool.shape.c, 1, part, parts);

    *shape = step->u.pool.shape;
    shape->c = (int)share.count;
    return share;
}

void engine_exec_maxpool_f32_chw(const struct exec_step *step, int part, int parts)
{
    struct kn_pool_shape s;
    struct exec_share share = planes_share(step, part, parts, &s);

    for (int i = share.item; i < share.items; i++)
        step->u.pool.run.max_f32(&s, (const float *)engine_exec_x(step, i) + share.first * (size_t)s.h * (size_t)s.w,
                                 (float *)engine_exec_y(step, i) + share.first * (size_t)s.oh * (size_t)s.ow);
}

void engine_exec_maxpool_u8_chw(const struct exec_step *step, int part, int parts)
{
    struct kn_pool_shape s;
    struct exec_share share = planes_share(step, part, parts, &s);

    for (int i = share.item; i < share.items; i++)
        step->u.pool.run.max_u8(&s, (const uint8_t *)engine_exec_x(step, i) + share.first * (size_t)s.h * (size_t)s.w,
                                (uint8_t *)engine_exec_y(step, i) + share.first * (size_t)s.oh * (size_t)s.ow);
}
