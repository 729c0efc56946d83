/* Cases of the dense products: convolutions and fully connected layers of edge sizes, and now and then a layer as it
 * occurs in a network. Every product is computed a second time in parts, which must give the same bits. */
#include <math.h>
#include <string.h>

#include "kncheck/kncase.h"

struct shape {
    struct kn_rows rows; /* base not set */
    int n, k;
    size_t elements;   /* of the input */
    struct kn_out out; /* base not set */
    int lines;         /* of the output, step_y each */
    int residual;      /* 0: none; 1: a tensor of its own; 2: the output itself */
    ptrdiff_t add_x, add_y;
};

/* Convolution of a (h, w, channels) image whose lines are `gap` elements longer than they need to be. */
static struct shape conv(int h, int w, int channels, int kernel, int stride, int n, int gap)
{
    struct shape s = {0};
    ptrdiff_t line = (ptrdiff_t)w * channels + gap;
    s.rows.row_w = (w - kernel) / stride + 1;
    s.rows.m = ((h - kernel) / stride + 1) * s.rows.row_w;
    s.rows.step_x = (ptrdiff_t)stride * channels;
    s.rows.step_y = stride * line;
    s.rows.segs = kernel;
    s.rows.seg_len = kernel * channels;
    s.rows.seg_w = 1;
    s.rows.seg_step_y = line;
    s.n = n;
    s.elements = (size_t)h * (size_t)line;
    return s;
}

/* The same, dilated, over the first `used` channels: one segment per tap. */
static struct shape conv_taps(int h, int w, int channels, int kernel, int dilation, int n, int used)
{
    struct shape s = conv(h, w, channels, (kernel - 1) * dilation + 1, 1, n, 0);
    s.rows.segs = kernel * kernel;
    s.rows.seg_w = kernel;
    s.rows.seg_len = used;
    s.rows.seg_step_x = (ptrdiff_t)dilation * channels;
    s.rows.seg_step_y = (ptrdiff_t)dilation * w * channels;
    return s;
}

static struct shape fc(int m, int k, int pitch, int n)
{
    struct shape s = {0};
    s.rows.m = s.rows.row_w = m;
    s.rows.step_x = pitch;
    s.rows.segs = s.rows.seg_w = 1;
    s.rows.seg_len = k;
    s.n = n;
    s.elements = (size_t)(m - 1) * (size_t)pitch + (size_t)k;
    return s;
}

static struct shape realistic(struct kncase *c)
{
    switch (kncase_below(c, 8)) {
    case 0:
        return conv(28, 28, 1, 5, 1, 20, 0);
    case 1:
        return conv(12, 12, 20, 5, 1, 50, 0);
    case 2:
        return fc(1, 784, 784, 300);
    case 3:
        return fc(1, 300, 300, 100);
    case 4:
        return fc(3, 500, 500, 10);
    case 5:
        return fc(40, 600, 600, 130);
    case 6:
        return conv(7, 7, 96, 1, 1, 24, 0);
    default:
        return conv(9, 9, 16, 3, 1, 16, 0);
    }
}

/* Where the outputs go, which rows are computed and what is added. */
static void place(struct kncase *c, struct shape *s, int mr)
{
    int row_w = s->rows.row_w;
    s->k = s->rows.segs * s->rows.seg_len;
    s->lines = (s->rows.m + row_w - 1) / row_w;
    s->out.step_x = s->n + (kncase_chance(c, 3) ? 1 + kncase_below(c, 20) : 0);
    s->out.step_y = row_w * s->out.step_x + (kncase_chance(c, 3) ? 1 + kncase_below(c, 40) : 0);
    s->residual = kncase_chance(c, 3) ? 1 + kncase_chance(c, 4) : 0;
    s->add_x = s->residual == 2 ? s->out.step_x : s->n + kncase_below(c, 3);
    s->add_y = s->residual == 2 ? s->out.step_y : row_w * s->add_x + kncase_below(c, 3);
    if (s->rows.m > mr && kncase_chance(c, 4)) {
        s->rows.first = mr * (1 + kncase_below(c, (s->rows.m - 1) / mr));
        s->rows.m -= s->rows.first;
    }
}

static struct shape pick(struct kncase *c, const struct kn_facts *facts)
{
    struct shape s;
    int n = kncase_size(c, facts->nr, 110), m = kncase_size(c, facts->mr, 40);
    if (kncase_chance(c, 50)) {
        s = realistic(c);
    } else if (kncase_chance(c, 2)) {
        int kernel = 1 + kncase_below(c, 5), stride = 1 + kncase_below(c, 2), channels = kncase_size(c, 4, 17);
        int h = kernel + kncase_below(c, 8), w = kernel + kncase_below(c, 12);
        s = conv(h, w, channels, kernel, stride, n, kncase_chance(c, 2) ? kncase_below(c, 9) : 0);
    } else if (kncase_chance(c, 3)) {
        int kernel = 1 + kncase_below(c, 3), dilation = 1 + kncase_below(c, 3), channels = kncase_size(c, 4, 17);
        int reach = (kernel - 1) * dilation + 1, h = reach + kncase_below(c, 8), w = reach + kncase_below(c, 8);
        s = conv_taps(h, w, channels, kernel, dilation, n, 1 + kncase_below(c, channels));
    } else {
        int k = kncase_size(c, 8, 200);
        s = fc(m, k, k + (kncase_chance(c, 2) ? kncase_below(c, 9) : 0), n);
    }
    place(c, &s, facts->mr);
    kncase_describe(c, "rows %d+%d by %d n %d segs %d of %d len %d steps %td %td out %td %td residual %d", s.rows.first,
                    s.rows.m, s.rows.row_w, s.n, s.rows.segs, s.rows.seg_w, s.rows.seg_len, s.rows.step_x,
                    s.rows.step_y, s.out.step_x, s.out.step_y, s.residual);
    return s;
}

/* Whole lines, so that what lies between outputs is checked. */
static size_t output_elements(const struct shape *s)
{
    return (size_t)s->lines * (size_t)s->out.step_y;
}

static size_t residual_elements(const struct shape *s)
{
    return (size_t)s->lines * (size_t)s->add_y;
}

static ptrdiff_t offset(const struct shape *s, int r, ptrdiff_t step_x, ptrdiff_t step_y)
{
    return r / s->rows.row_w * step_y + r % s->rows.row_w * step_x;
}

/* sum |a * w| + |bias| + |residual| of every output, laid out as the outputs; 0 where there is none. */
static enum status magnitudes(struct kncase *c, const struct shape *s, const float *x, const float *w,
                              const float *bias, const float *add, double **out)
{
    double *sums;
    TRY(kncase_input(c, output_elements(s) * sizeof *sums, &sums));
    for (int r = s->rows.first; r < s->rows.first + s->rows.m; r++) {
        const float *row = x + offset(s, r, s->rows.step_x, s->rows.step_y);
        for (int j = 0; j < s->n; j++) {
            const float *weight = w + (size_t)j * (size_t)s->k;
            double sum = bias ? fabs((double)bias[j]) : 0;
            for (int i = 0; i < s->rows.segs; i++) {
                const float *seg =
                    row + i / s->rows.seg_w * s->rows.seg_step_y + i % s->rows.seg_w * s->rows.seg_step_x;
                for (int l = 0; l < s->rows.seg_len; l++)
                    sum += fabs((double)seg[l] * (double)*weight++);
            }
            if (add)
                sum += fabs((double)add[offset(s, r, s->add_x, s->add_y) + j]);
            sums[offset(s, r, s->out.step_x, s->out.step_y) + j] = sum;
        }
    }
    *out = sums;
    return ST_OK;
}

/* The rectangle of outputs that one call computes. */
struct part {
    int first, m, n0, n;
};

/* Cuts the product once along the rows or once along the outputs, where the contract allows it; one part if it cannot
 * be cut there. */
static int cut(struct kncase *c, const struct kn_facts *facts, const struct shape *s, struct part part[2])
{
    int end = s->rows.first + s->rows.m, at = s->rows.first / facts->mr + 1, column = 1;
    part[0] = part[1] = (struct part){s->rows.first, s->rows.m, 0, s->n};
    if (kncase_chance(c, 2) && at * facts->mr < end) {
        at = facts->mr * (at + kncase_below(c, (end - 1) / facts->mr - at + 1));
        part[0].m = at - s->rows.first;
        part[1].first = at;
        part[1].m = end - at;
        return 2;
    }
    if (facts->nr >= s->n)
        return 1;
    column = facts->nr * (1 + kncase_below(c, (s->n - 1) / facts->nr));
    part[0].n = part[1].n0 = column;
    part[1].n = s->n - column;
    return 2;
}

struct product_f32 {
    const struct shape *s;
    const float *w, *bias, *add, *x; /* add: the residual where it is no output, or NULL */
    float lo, hi;
};

static enum status run_f32(struct kncase *c, const struct kn_gemm_f32 *slot, const struct product_f32 *p,
                           const struct part *part, float *y)
{
    const struct shape *s = p->s;
    struct kn_rows rows = s->rows;
    const float *add = s->residual == 2 ? y : p->add, *w = p->w + (size_t)part->n0 * (size_t)s->k;
    const struct kn_residual residual = {add ? add + part->n0 : NULL, s->add_x, s->add_y, 0, 0};
    const struct kn_tail_f32 tail = {p->bias ? p->bias + part->n0 : NULL, p->lo, p->hi, add ? &residual : NULL};
    const struct kn_out out = {y + part->n0, s->out.step_x, s->out.step_y};
    void *packed;
    TRY(kncase_input(c, kn_gemm_f32_pack_bytes(slot, part->n, rows.segs, rows.seg_len), &packed));
    kn_gemm_f32_pack(slot, w, part->n, rows.segs, rows.seg_len, packed);
    rows.base = p->x;
    rows.first = part->first;
    rows.m = part->m;
    slot->run(&rows, packed, &tail, part->n, &out);
    return ST_OK;
}

/* Outputs that hold the residual if that is what they do; `start` is NULL otherwise. */
static enum status outputs(struct kncase *c, size_t bytes, const void *start, struct kncase_outputs *out)
{
    TRY(kncase_outputs(c, bytes, out));
    if (start) {
        memcpy(out->ref, start, bytes);
        memcpy(out->simd, start, bytes);
    }
    return ST_OK;
}

enum status kncase_gemm_f32(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->gemm_f32.facts;
    struct shape s = pick(c, facts);
    const struct part whole = {s.rows.first, s.rows.m, 0, s.n};
    struct product_f32 p = {.s = &s};
    size_t bytes = output_elements(&s) * sizeof(float);
    float *x, *w, *bias, *add = NULL;
    double *sums;
    struct kncase_outputs y, cut_y;
    struct part part[2];
    int parts;
    TRY(kncase_f32(c, s.elements, &x));
    TRY(kncase_f32(c, (size_t)s.n * (size_t)s.k, &w));
    TRY(kncase_f32(c, (size_t)s.n, &bias));
    if (s.residual)
        TRY(kncase_f32(c, residual_elements(&s), &add));
    p.x = x;
    p.w = w;
    p.bias = kncase_chance(c, 4) ? NULL : bias;
    p.add = add;
    kncase_bounds(c, &p.lo, &p.hi);
    TRY(magnitudes(c, &s, x, w, p.bias, add, &sums));
    TRY(outputs(c, bytes, s.residual == 2 ? add : NULL, &y));
    TRY(run_f32(c, &c->ref->gemm_f32, &p, &whole, (float *)(void *)y.ref));
    TRY(run_f32(c, &c->simd->gemm_f32, &p, &whole, (float *)(void *)y.simd));
    TRY(kncase_close(c, facts, &y, s.lines, (int)s.out.step_y, (int)s.out.step_y, sums, s.k + (s.residual > 0)));
    parts = cut(c, facts, &s, part);
    TRY(outputs(c, bytes, s.residual == 2 ? add : NULL, &cut_y));
    for (int i = 0; i < parts; i++)
        TRY(run_f32(c, &c->simd->gemm_f32, &p, &part[i], (float *)(void *)cut_y.simd));
    cut_y.ref = y.simd; /* the whole is what the parts are compared with */
    return kncase_same(c, facts, &cut_y);
}

struct product_u8s8 {
    const struct kn_gemm_u8s8 *slot;
    const struct shape *s;
    const int8_t *w;
    const void *x;
    const uint8_t *add; /* the residual where it is no output, or NULL */
    float add_scale;
    int32_t add_zero;
    struct kn_requant rq;
    const int32_t *bias; /* of the raw sums, or NULL */
};

static enum status pack_u8s8(struct kncase *c, const struct product_u8s8 *p, const struct part *part, void **out)
{
    const struct shape *s = p->s;
    const int8_t *w = p->w + (size_t)part->n0 * (size_t)s->k;
    TRY(kncase_input(c, p->slot->pack_bytes(w, part->n, s->rows.segs, s->rows.seg_len), out));
    p->slot->pack(w, part->n, s->rows.segs, s->rows.seg_len, *out);
    return ST_OK;
}

static struct kn_rows part_rows(const struct product_u8s8 *p, const struct part *part)
{
    struct kn_rows rows = p->s->rows;
    rows.base = p->x;
    rows.first = part->first;
    rows.m = part->m;
    return rows;
}

static enum status run_u8(struct kncase *c, const struct product_u8s8 *p, const struct part *part, uint8_t *y)
{
    const struct kn_rows rows = part_rows(p, part);
    const uint8_t *add = p->s->residual == 2 ? y : p->add;
    const struct kn_residual residual = {add ? add + part->n0 : NULL, p->s->add_x, p->s->add_y, p->add_scale,
                                         p->add_zero};
    const struct kn_out out = {y + part->n0, p->s->out.step_x, p->s->out.step_y};
    struct kn_requant rq = p->rq;
    void *packed;
    TRY(pack_u8s8(c, p, part, &packed));
    rq.bias += part->n0;
    rq.scale += part->n0;
    p->slot->run_u8(&rows, packed, &rq, add ? &residual : NULL, part->n, &out);
    return ST_OK;
}

static enum status run_s32(struct kncase *c, const struct product_u8s8 *p, const struct part *part, int32_t *y)
{
    const struct kn_rows rows = part_rows(p, part);
    const struct kn_out out = {y + part->n0, p->s->out.step_x, p->s->out.step_y};
    void *packed;
    TRY(pack_u8s8(c, p, part, &packed));
    p->slot->run_s32(&rows, packed, p->bias ? p->bias + part->n0 : NULL, part->n, &out);
    return ST_OK;
}

/* Input as the slot reads it. */
static enum status input_for(struct kncase *c, const struct kn_facts *facts, uint8_t *x, size_t count, const void **out)
{
    int16_t *wide;
    *out = x;
    if (facts->a_bytes == 2) {
        TRY(kncase_widen(c, x, count, &wide));
        *out = wide;
    }
    return ST_OK;
}

/* The kernel works in parts where it can: equal to the reference, they are equal to the whole. */
static enum status check_u8(struct kncase *c, const struct product_u8s8 *ref, const struct product_u8s8 *simd,
                            const void *start, const struct part *part, int parts)
{
    const struct part whole = {ref->s->rows.first, ref->s->rows.m, 0, ref->s->n};
    struct kncase_outputs y;
    TRY(outputs(c, output_elements(ref->s), start, &y));
    TRY(run_u8(c, ref, &whole, y.ref));
    for (int i = 0; i < parts; i++)
        TRY(run_u8(c, simd, &part[i], y.simd));
    return kncase_same(c, &simd->slot->facts, &y);
}

static enum status check_s32(struct kncase *c, const struct product_u8s8 *ref, const struct product_u8s8 *simd,
                             const struct part *part, int parts)
{
    const struct part whole = {ref->s->rows.first, ref->s->rows.m, 0, ref->s->n};
    struct kncase_outputs y;
    TRY(outputs(c, output_elements(ref->s) * sizeof(int32_t), NULL, &y));
    TRY(run_s32(c, ref, &whole, (int32_t *)(void *)y.ref));
    for (int i = 0; i < parts; i++)
        TRY(run_s32(c, simd, &part[i], (int32_t *)(void *)y.simd));
    return kncase_same(c, &simd->slot->facts, &y);
}

/* Inputs up to x_max and weights up to w_max in size. */
static enum status gemm_integer(struct kncase *c, const struct kn_gemm_u8s8 *ref_slot,
                                const struct kn_gemm_u8s8 *simd_slot, int x_max, int w_max)
{
    const struct kn_facts *facts = &simd_slot->facts;
    struct shape s = pick(c, facts);
    struct product_u8s8 p = {.slot = ref_slot, .s = &s}, simd;
    struct part part[2] = {{s.rows.first, s.rows.m, 0, s.n}};
    uint8_t *x, *add = NULL;
    int8_t *w;
    int parts = 1;
    TRY(kncase_u8(c, s.elements, &x));
    TRY(kncase_s8(c, (size_t)s.n * (size_t)s.k, &w));
    for (size_t i = 0; i < s.elements; i++) /* the largest stay the largest */
        x[i] = (uint8_t)(x[i] * x_max / 255);
    for (size_t i = 0; i < (size_t)s.n * (size_t)s.k; i++)
        w[i] = (int8_t)(w[i] * w_max / 127);
    TRY(kncase_requant(c, s.n, s.k, &p.rq));
    if (s.residual) {
        TRY(kncase_u8(c, residual_elements(&s), &add));
        p.add_scale = ldexpf(0.5f + (float)kncase_below(c, 1000) * 1e-3f, kncase_below(c, 8) - 5);
        p.add_zero = kncase_below(c, 256);
    }
    p.w = w;
    p.add = add;
    p.bias = kncase_chance(c, 4) ? NULL : p.rq.bias;
    simd = p;
    simd.slot = simd_slot;
    TRY(input_for(c, &ref_slot->facts, x, s.elements, &p.x));
    TRY(input_for(c, facts, x, s.elements, &simd.x));
    if (kncase_chance(c, 2))
        parts = cut(c, facts, &s, part);
    TRY(check_u8(c, &p, &simd, s.residual == 2 ? add : NULL, part, parts));
    return check_s32(c, &p, &simd, part, parts);
}

enum status kncase_gemm_u8s8(struct kncase *c)
{
    return gemm_integer(c, &c->ref->gemm_u8s8, &c->simd->gemm_u8s8, 255, 127);
}

enum status kncase_gemm_u7s8(struct kncase *c)
{
    return gemm_integer(c, &c->ref->gemm_u7s8, &c->simd->gemm_u7s8, 127, 127);
}

enum status kncase_gemm_u8s4(struct kncase *c)
{
    return gemm_integer(c, &c->ref->gemm_u8s4, &c->simd->gemm_u8s4, 255, 7);
}
