#include "engine/engine_exec.h"

#include <string.h>

#include "kernels/requant.h"

/* Vector types are read through these; every buffer and step is a multiple of the element size. */
static const void *x_at(const struct exec_step *step, int i)
{
    return step->x + (size_t)i * step->x_step;
}

static void *y_at(const struct exec_step *step, int i)
{
    return step->y + (size_t)i * step->y_step;
}

void engine_exec_gemm_f32(const struct exec_step *step)
{
    const struct exec_gemm *g = &step->u.gemm;
    const struct kn_tail_f32 tail = {g->tail.bias, g->tail.lo, g->tail.hi, NULL};
    struct kn_rows rows = g->rows;

    for (int i = 0; i < step->repeat; i++) {
        struct kn_out out = g->out;
        rows.base = x_at(step, i);
        out.base = y_at(step, i);
        g->run.f32(&rows, g->packed, &tail, g->n, &out);
    }
}

void engine_exec_gemm_u8(const struct exec_step *step)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct kn_rows rows = g->rows;

    for (int i = 0; i < step->repeat; i++) {
        struct kn_out out = g->out;
        rows.base = x_at(step, i);
        out.base = y_at(step, i);
        g->run.u8(&rows, g->packed, &g->tail.requant, NULL, g->n, &out);
    }
}

void engine_exec_gemm_s32(const struct exec_step *step)
{
    const struct exec_gemm *g = &step->u.gemm;
    struct kn_rows rows = g->rows;

    for (int i = 0; i < step->repeat; i++) {
        struct kn_out out = g->out;
        rows.base = x_at(step, i);
        out.base = y_at(step, i);
        g->run.s32(&rows, g->packed, g->tail.bias_s32, g->n, &out);
    }
}

void engine_exec_spmv_f32(const struct exec_step *step)
{
    const struct exec_spmv *s = &step->u.spmv;

    for (int i = 0; i < step->repeat; i++)
        s->run.f32(x_at(step, i), s->packed, s->tail.bias, s->n, s->k, s->tail.lo, s->tail.hi, y_at(step, i));
}

void engine_exec_spmv_u8(const struct exec_step *step)
{
    const struct exec_spmv *s = &step->u.spmv;

    for (int i = 0; i < step->repeat; i++)
        s->run.u8(x_at(step, i), s->packed, &s->tail.requant, s->n, s->k, y_at(step, i));
}

void engine_exec_spmv_s32(const struct exec_step *step)
{
    const struct exec_spmv *s = &step->u.spmv;

    for (int i = 0; i < step->repeat; i++)
        s->run.s32(x_at(step, i), s->packed, s->tail.bias_s32, s->n, s->k, y_at(step, i));
}

void engine_exec_spmm_f32(const struct exec_step *step)
{
    const struct exec_spmm *s = &step->u.spmm;
    struct kn_cols cols = s->cols;

    for (int i = 0; i < step->repeat; i++) {
        cols.base = x_at(step, i);
        s->run.f32(&cols, s->packed, s->tail.bias, s->n, s->tail.lo, s->tail.hi, y_at(step, i));
    }
}

void engine_exec_spmm_u8(const struct exec_step *step)
{
    const struct exec_spmm *s = &step->u.spmm;
    struct kn_cols cols = s->cols;

    for (int i = 0; i < step->repeat; i++) {
        cols.base = x_at(step, i);
        s->run.u8(&cols, s->packed, &s->tail.requant, s->n, y_at(step, i));
    }
}

void engine_exec_spmm_s32(const struct exec_step *step)
{
    const struct exec_spmm *s = &step->u.spmm;
    struct kn_cols cols = s->cols;

    for (int i = 0; i < step->repeat; i++) {
        cols.base = x_at(step, i);
        s->run.s32(&cols, s->packed, s->tail.bias_s32, s->n, y_at(step, i));
    }
}

void engine_exec_pool_f32(const struct exec_step *step)
{
    for (int i = 0; i < step->repeat; i++)
        step->u.pool.run.f32(&step->u.pool.shape, x_at(step, i), y_at(step, i));
}

void engine_exec_pool_u8(const struct exec_step *step)
{
    for (int i = 0; i < step->repeat; i++)
        step->u.pool.run.u8(&step->u.pool.shape, x_at(step, i), y_at(step, i));
}

void engine_exec_quantize_static(const struct exec_step *step)
{
    const struct exec_map *m = &step->u.map;

    m->run.quantize((const void *)step->x, m->count, m->range->inv_scale, m->range->zero_point, step->y);
}

void engine_exec_quantize_dynamic(const struct exec_step *step)
{
    const struct exec_map *m = &step->u.map;

    for (int i = 0; i < step->repeat; i++)
        m->run.quantize(x_at(step, i), m->count, m->range[i].inv_scale, m->range[i].zero_point, y_at(step, i));
}

void engine_exec_range(const struct exec_step *step)
{
    const struct exec_map *m = &step->u.map;

    for (int i = 0; i < step->repeat; i++) {
        struct exec_range *range = &m->range[i];
        float lo, hi;
        m->run.range(x_at(step, i), m->count, &lo, &hi);
        kn_range_params(lo, hi, &range->scale, &range->zero_point);
        range->inv_scale = 1.0f / range->scale;
    }
}

void engine_exec_widen(const struct exec_step *step)
{
    step->u.map.run.widen(step->x, step->u.map.count, (void *)step->y);
}

void engine_exec_clamp_f32(const struct exec_step *step)
{
    const struct exec_map *m = &step->u.map;

    m->run.clamp_f32((const void *)step->x, m->count, m->lo, m->hi, (void *)step->y);
}

void engine_exec_clamp_u8(const struct exec_step *step)
{
    const struct exec_map *m = &step->u.map;

    m->run.clamp_u8(step->x, m->count, m->lo_u8, m->hi_u8, step->y);
}

void engine_exec_dequant(const struct exec_step *step)
{
    const struct exec_dequant *d = &step->u.dequant;

    for (int i = 0; i < step->repeat; i++) {
        const struct exec_range *range = &d->range[i * d->range_step];
        const int32_t *acc = x_at(step, i);
        float *y = y_at(step, i);
        for (size_t done = 0; done < d->count; done += (size_t)d->chunk) {
            size_t left = d->count - done;
            int n = left < (size_t)d->chunk ? (int)left : d->chunk;
            d->run(acc + done, n, d->wsum, range->zero_point, range->scale, d->scale, d->bias, d->lo, d->hi, y + done);
        }
    }
}

void engine_exec_transpose(const struct exec_step *step)
{
    const struct exec_transpose *t = &step->u.transpose;

    for (int i = 0; i < step->repeat; i++)
        t->run(x_at(step, i), t->cols, t->rows, t->cols, y_at(step, i), t->rows);
}

/* One plane: a block of filling above, the rows with filling on both sides, a block below. The right side of a row
 * and the left side of the next are neighbours and filled together. */
static const unsigned char *pad_plane(const struct exec_pad *p, int fill, const unsigned char *x, unsigned char **out)
{
    size_t border = (size_t)p->pad_rows * (p->row_bytes + 2 * p->pad_bytes);
    unsigned char *y = *out;

    memset(y, fill, border + p->pad_bytes);
    y += border + p->pad_bytes;
    for (int row = 0; row < p->rows; row++) {
        memcpy(y, x, p->row_bytes);
        x += p->row_bytes;
        y += p->row_bytes;
        memset(y, fill, (row + 1 < p->rows ? 2 : 1) * p->pad_bytes);
        y += (row + 1 < p->rows ? 2 : 1) * p->pad_bytes;
    }
    memset(y, fill, border);
    *out = y + border;
    return x;
}

void engine_exec_pad(const struct exec_step *step)
{
    const struct exec_pad *p = &step->u.pad;

    for (int i = 0; i < step->repeat; i++) {
        const unsigned char *x = x_at(step, i);
        unsigned char *y = y_at(step, i);
        int fill = p->range ? p->range[i].zero_point : p->fill;
        for (int plane = 0; plane < p->planes; plane++)
            x = pad_plane(p, fill, x, &y);
    }
}
