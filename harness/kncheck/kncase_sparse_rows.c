/* Cases of the sparse products over rows: weights with zeros block by block, single zeros, whole groups empty; images
 * with strides, dilations, gaps too long for 16 bits; outputs with borders and residuals; computed again in parts. */
#include <math.h>
#include <string.h>

#include "kncheck/kncase.h"

struct shape {
    struct kn_rows rows; /* base not set */
    struct kn_out out;   /* base not set */
    int n, k, lines;
    size_t elements; /* of the input */
    int residual;    /* 0: none; 1: a tensor placed as the outputs; 2: the outputs themselves */
};

static struct shape image(struct kncase *c, const struct kn_facts *facts)
{
    struct shape s = {0};
    int kernel = 1 + kncase_below(c, 3), stride = 1 + kncase_below(c, 3), dilation = 1 + kncase_below(c, 2);
    int used = kncase_size(c, facts->kr, 19), channels = used + kncase_below(c, 3);
    int reach = (kernel - 1) * dilation + 1, h = reach + kncase_below(c, 8), w = reach + kncase_below(c, 12);
    ptrdiff_t line = (ptrdiff_t)w * channels + (kncase_chance(c, 60) ? 70000 : kncase_below(c, 5));
    int taps = channels != used || dilation > 1;
    s.rows = (struct kn_rows){.row_w = (w - reach) / stride + 1,
                              .step_x = (ptrdiff_t)stride * channels,
                              .step_y = stride * line,
                              .segs = taps ? kernel * kernel : kernel,
                              .seg_len = taps ? used : kernel * channels,
                              .seg_w = taps ? kernel : 1,
                              .seg_step_x = taps ? (ptrdiff_t)dilation * channels : 0,
                              .seg_step_y = dilation * line};
    s.rows.m = ((h - reach) / stride + 1) * s.rows.row_w;
    s.elements = (size_t)h * (size_t)line;
    return s;
}

static struct shape batch(struct kncase *c, const struct kn_facts *facts)
{
    struct shape s = {0};
    int m = kncase_size(c, facts->mr, 40), k = kncase_size(c, 8, 200), pitch = k + kncase_below(c, 9);
    s.rows = (struct kn_rows){.m = m, .row_w = m, .step_x = pitch, .segs = 1, .seg_len = k, .seg_w = 1};
    s.elements = (size_t)m * (size_t)pitch;
    return s;
}

static struct shape pick(struct kncase *c, const struct kn_facts *facts, int least_len)
{
    struct shape s = kncase_chance(c, 2) ? image(c, facts) : batch(c, facts);
    while (s.rows.seg_len < least_len)
        s = batch(c, facts);
    s.n = kncase_size(c, facts->nr, 60);
    s.k = s.rows.segs * s.rows.seg_len;
    s.lines = (s.rows.m + s.rows.row_w - 1) / s.rows.row_w;
    s.out.step_x = s.n + (kncase_chance(c, 3) ? kncase_below(c, 9) : 0);
    s.out.step_y = s.rows.row_w * s.out.step_x + (kncase_chance(c, 3) ? kncase_below(c, 30) : 0);
    s.residual = kncase_chance(c, 3) ? 1 + kncase_chance(c, 3) : 0;
    if (s.rows.m > facts->mr && kncase_chance(c, 4)) {
        s.rows.first = facts->mr * (1 + kncase_below(c, (s.rows.m - 1) / facts->mr));
        s.rows.m -= s.rows.first;
    }
    kncase_describe(c, "rows %d+%d by %d n %d segs %d of %d len %d steps %td %td out %td %td residual %d", s.rows.first,
                    s.rows.m, s.rows.row_w, s.n, s.rows.segs, s.rows.seg_w, s.rows.seg_len, s.rows.step_x,
                    s.rows.step_y, s.out.step_x, s.out.step_y, s.residual);
    return s;
}

/* 1 for blocks to be cleared: a random share of all, and now and then a whole row of blocks. */
static enum status pick_blocks(struct kncase *c, int groups, int columns, unsigned char **out)
{
    static const int shares[] = {0, 30, 50, 80, 90, 95, 99, 100};
    int share = shares[kncase_below(c, 8)];
    TRY(kncase_input(c, (size_t)groups * (size_t)columns, out));
    for (int g = 0; g < groups; g++) {
        int empty = kncase_chance(c, 12);
        for (int i = 0; i < columns; i++)
            (*out)[g * columns + i] = (unsigned char)(empty || kncase_below(c, 100) < share);
    }
    return ST_OK;
}

enum status kncase_block_mask(struct kncase *c, int n, int segs, int seg_len, int rows, int cols, unsigned char **out)
{
    int columns = (seg_len + cols - 1) / cols, k = segs * seg_len;
    unsigned char *blocks, *mask;
    TRY(pick_blocks(c, (n + rows - 1) / rows, segs * columns, &blocks));
    TRY(kncase_input(c, (size_t)n * (size_t)k, &mask));
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < k; i++) {
            int column = i / seg_len * columns + i % seg_len / cols;
            mask[(size_t)j * (size_t)k + (size_t)i] = blocks[j / rows * segs * columns + column];
        }
    }
    *out = mask;
    return ST_OK;
}

static enum status weights(struct kncase *c, const struct shape *s, int rows, int cols, float **out)
{
    int single = kncase_chance(c, 3) ? 1 + kncase_below(c, 8) : 0; /* zeros inside of blocks: one in so many */
    unsigned char *mask;
    TRY(kncase_block_mask(c, s->n, s->rows.segs, s->rows.seg_len, rows, cols, &mask));
    TRY(kncase_f32(c, (size_t)s->n * (size_t)s->k, out));
    for (size_t i = 0; i < (size_t)s->n * (size_t)s->k; i++) {
        if (mask[i] || (single && kncase_chance(c, single)))
            (*out)[i] = kncase_chance(c, 9) ? -0.0f : 0.0f;
    }
    return ST_OK;
}

static ptrdiff_t place(const struct shape *s, ptrdiff_t step_x, ptrdiff_t step_y, int r)
{
    return r / s->rows.row_w * step_y + r % s->rows.row_w * step_x;
}

/* sum |a * w| + |bias| + |residual| of every output, laid out as the outputs; 0 where there is none. */
static enum status magnitudes(struct kncase *c, const struct shape *s, const float *x, const float *w,
                              const float *bias, const float *add, double **out)
{
    double *sums;
    TRY(kncase_input(c, (size_t)s->lines * (size_t)s->out.step_y * sizeof *sums, &sums));
    for (int r = s->rows.first; r < s->rows.first + s->rows.m; r++) {
        ptrdiff_t to = place(s, s->out.step_x, s->out.step_y, r);
        for (int j = 0; j < s->n; j++) {
            double sum = (bias ? fabs((double)bias[j]) : 0) + (add ? fabs((double)add[to + j]) : 0);
            for (int i = 0; i < s->k; i++) {
                int seg = i / s->rows.seg_len;
                ptrdiff_t at = place(s, s->rows.step_x, s->rows.step_y, r) + i % s->rows.seg_len +
                               seg / s->rows.seg_w * s->rows.seg_step_y + seg % s->rows.seg_w * s->rows.seg_step_x;
                sum += fabs((double)x[at] * (double)w[(size_t)j * (size_t)s->k + (size_t)i]);
            }
            sums[to + j] = sum;
        }
    }
    *out = sums;
    return ST_OK;
}

struct product {
    const struct shape *s;
    const float *x, *w, *bias, *add;
    float lo, hi;
};

/* Packs twice, over different rubbish: a byte that the packer leaves out differs. */
static enum status pack(struct kncase *c, const struct kn_bsr_f32 *slot, const struct product *p, void **out)
{
    size_t bytes = kn_bsr_f32_pack_bytes(slot, p->w, p->s->n, &p->s->rows);
    void *again;
    TRY(kncase_input(c, bytes, out));
    TRY(kncase_input(c, bytes, &again));
    memset(again, 0xff, bytes);
    kn_bsr_f32_pack(slot, p->w, p->s->n, &p->s->rows, *out);
    kn_bsr_f32_pack(slot, p->w, p->s->n, &p->s->rows, again);
    if (memcmp(*out, again, bytes) != 0)
        return status_fail(ST_MISMATCH, "%s: packing leaves bytes unwritten (%s)", slot->facts.name, c->text);
    return ST_OK;
}

static void run(const struct kn_bsr_f32 *slot, const struct product *p, const void *packed, int first, int m, float *y)
{
    const struct kn_residual residual = {p->s->residual == 2 ? y : p->add, p->s->out.step_x, p->s->out.step_y, 0, 0};
    const struct kn_tail_f32 tail = {p->bias, p->lo, p->hi, p->s->residual ? &residual : NULL};
    const struct kn_out out = {y, p->s->out.step_x, p->s->out.step_y};
    struct kn_rows rows = p->s->rows;
    rows.base = p->x;
    rows.first = first;
    rows.m = m;
    slot->run(&rows, packed, &tail, p->s->n, &out);
}

static enum status outputs(struct kncase *c, const struct product *p, struct kncase_outputs *out)
{
    size_t bytes = (size_t)p->s->lines * (size_t)p->s->out.step_y * sizeof(float);
    TRY(kncase_outputs(c, bytes, out));
    if (p->s->residual == 2) {
        memcpy(out->ref, p->add, bytes);
        memcpy(out->simd, p->add, bytes);
    }
    return ST_OK;
}

static enum status check(struct kncase *c, const struct kn_bsr_f32 *ref, const struct kn_bsr_f32 *simd)
{
    struct shape s = pick(c, &simd->facts, simd->block_cols);
    struct product p = {.s = &s};
    int first = s.rows.first, cut = simd->facts.mr, width = (int)s.out.step_y;
    float *x, *w, *bias, *add = NULL;
    double *sums;
    void *ref_w, *simd_w;
    struct kncase_outputs y, parts;
    TRY(kncase_f32(c, s.elements, &x));
    TRY(weights(c, &s, simd->block_rows, simd->block_cols, &w));
    TRY(kncase_f32(c, (size_t)s.n, &bias));
    if (s.residual)
        TRY(kncase_f32(c, (size_t)s.lines * (size_t)s.out.step_y, &add));
    p.x = x;
    p.w = w;
    p.bias = kncase_chance(c, 4) ? NULL : bias;
    p.add = add;
    kncase_bounds(c, &p.lo, &p.hi);
    TRY(magnitudes(c, &s, x, w, p.bias, add, &sums));
    TRY(pack(c, ref, &p, &ref_w));
    TRY(pack(c, simd, &p, &simd_w));
    TRY(outputs(c, &p, &y));
    run(ref, &p, ref_w, first, s.rows.m, (float *)(void *)y.ref);
    run(simd, &p, simd_w, first, s.rows.m, (float *)(void *)y.simd);
    TRY(kncase_close(c, &simd->facts, &y, s.lines, width, width, sums, s.k + (s.residual > 0)));
    if (s.rows.m <= cut)
        return ST_OK;
    cut *= 1 + kncase_below(c, (s.rows.m - 1) / cut);
    TRY(outputs(c, &p, &parts));
    run(simd, &p, simd_w, first + cut, s.rows.m - cut, (float *)(void *)parts.simd);
    run(simd, &p, simd_w, first, cut, (float *)(void *)parts.simd);
    parts.ref = y.simd; /* the whole is what the parts are compared with */
    return kncase_same(c, &simd->facts, &parts);
}

enum status kncase_bsr_f32_16x1(struct kncase *c)
{
    return check(c, &c->ref->bsr_f32_16x1, &c->simd->bsr_f32_16x1);
}

enum status kncase_bsr_f32_8x1(struct kncase *c)
{
    return check(c, &c->ref->bsr_f32_8x1, &c->simd->bsr_f32_8x1);
}

enum status kncase_bsr_f32_4x1(struct kncase *c)
{
    return check(c, &c->ref->bsr_f32_4x1, &c->simd->bsr_f32_4x1);
}

enum status kncase_bsr_f32_1x4(struct kncase *c)
{
    return check(c, &c->ref->bsr_f32_1x4, &c->simd->bsr_f32_1x4);
}

/* ------------------------------------------------------------------ integers, any pattern */

/* Zeros by blocks of any shape, single weights among them. */
static enum status weights_s8(struct kncase *c, const struct shape *s, int8_t **out)
{
    static const int shapes[][2] = {{1, 1}, {4, 1}, {8, 1}, {16, 1}, {1, 4}, {2, 2}};
    const int *block = shapes[kncase_below(c, 6)];
    unsigned char *mask;
    TRY(kncase_block_mask(c, s->n, s->rows.segs, s->rows.seg_len, block[0], block[1], &mask));
    TRY(kncase_s8(c, (size_t)s->n * (size_t)s->k, out));
    for (size_t i = 0; i < (size_t)s->n * (size_t)s->k; i++)
        (*out)[i] = mask[i] ? 0 : (*out)[i];
    return ST_OK;
}

struct product_u8s8 {
    const struct shape *s;
    const uint8_t *x, *add;
    const int8_t *w;
    struct kn_requant rq;
    struct kn_residual residual; /* base not set */
    const int32_t *bias;         /* of the raw sums, or NULL */
};

static enum status pack_u8s8(struct kncase *c, const struct kn_sprows_u8s8 *slot, const struct product_u8s8 *p,
                             void **out)
{
    size_t bytes = slot->pack_bytes(p->w, p->s->n, &p->s->rows), nonzeros = 0;
    void *again;
    for (size_t i = 0; i < (size_t)p->s->n * (size_t)p->s->k; i++)
        nonzeros += p->w[i] != 0;
    if (slot->slots(p->w, p->s->n, &p->s->rows) < nonzeros)
        return status_fail(ST_MISMATCH, "%s: fewer slots than weights (%s)", slot->facts.name, c->text);
    TRY(kncase_input(c, bytes, out));
    TRY(kncase_input(c, bytes, &again));
    memset(again, 0xff, bytes);
    slot->pack(p->w, p->s->n, &p->s->rows, *out);
    slot->pack(p->w, p->s->n, &p->s->rows, again);
    if (memcmp(*out, again, bytes) != 0)
        return status_fail(ST_MISMATCH, "%s: packing leaves bytes unwritten (%s)", slot->facts.name, c->text);
    return ST_OK;
}

static void run_u8s8(const struct kn_sprows_u8s8 *slot, const struct product_u8s8 *p, const void *packed, int first,
                     int m, int raw, void *y)
{
    struct kn_residual residual = p->residual;
    const struct kn_out out = {y, p->s->out.step_x, p->s->out.step_y};
    struct kn_rows rows = p->s->rows;
    rows.base = p->x;
    rows.first = first;
    rows.m = m;
    residual.base = p->s->residual == 2 ? y : p->add;
    if (raw)
        slot->run_s32(&rows, packed, p->bias, p->s->n, &out);
    else
        slot->run_u8(&rows, packed, &p->rq, p->s->residual ? &residual : NULL, p->s->n, &out);
}

/* The kernel works in two parts where it can: equal to the reference, they are equal to the whole. */
static enum status check_u8s8(struct kncase *c, const struct product_u8s8 *p, int raw)
{
    const struct kn_sprows_u8s8 *ref = &c->ref->sprows_u8s8, *simd = &c->simd->sprows_u8s8;
    size_t elements = (size_t)p->s->lines * (size_t)p->s->out.step_y;
    int first = p->s->rows.first, m = p->s->rows.m, cut = m;
    struct kncase_outputs y;
    void *ref_w, *simd_w;
    TRY(pack_u8s8(c, ref, p, &ref_w));
    TRY(pack_u8s8(c, simd, p, &simd_w));
    TRY(kncase_outputs(c, elements * (raw ? sizeof(int32_t) : 1), &y));
    if (!raw && p->s->residual == 2) {
        memcpy(y.ref, p->add, elements);
        memcpy(y.simd, p->add, elements);
    }
    if (m > simd->facts.mr && kncase_chance(c, 2))
        cut = simd->facts.mr * (1 + kncase_below(c, (m - 1) / simd->facts.mr));
    run_u8s8(ref, p, ref_w, first, m, raw, y.ref);
    run_u8s8(simd, p, simd_w, first, cut, raw, y.simd);
    if (cut < m)
        run_u8s8(simd, p, simd_w, first + cut, m - cut, raw, y.simd);
    return kncase_same(c, &simd->facts, &y);
}

enum status kncase_sprows_u8s8(struct kncase *c)
{
    struct shape s = pick(c, &c->simd->sprows_u8s8.facts, 1);
    struct product_u8s8 p = {.s = &s, .residual = {NULL, s.out.step_x, s.out.step_y, 0, 0}};
    uint8_t *x, *add = NULL;
    int8_t *w;
    TRY(kncase_u8(c, s.elements, &x));
    TRY(weights_s8(c, &s, &w));
    TRY(kncase_requant(c, s.n, s.k, &p.rq));
    if (s.residual) {
        TRY(kncase_u8(c, (size_t)s.lines * (size_t)s.out.step_y, &add));
        p.residual.scale = ldexpf(0.5f + (float)kncase_below(c, 1000) * 1e-3f, kncase_below(c, 8) - 5);
        p.residual.zero_point = kncase_below(c, 256);
    }
    p.x = x;
    p.w = w;
    p.add = add;
    p.bias = kncase_chance(c, 4) ? NULL : p.rq.bias;
    TRY(check_u8s8(c, &p, 0));
    return check_u8s8(c, &p, 1);
}
