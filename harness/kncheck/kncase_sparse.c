/* Cases of the sparse products: any sparsity from dense to empty, whole rows empty, convolution and batch layouts. */
#include <math.h>
#include <string.h>

#include "kncheck/kncase.h"

/* Zeroes a random share of the weights, and sometimes whole rows, on top of the pattern they have. */
static int drop(struct kncase *c, int share)
{
    return kncase_below(c, 100) < share;
}

static int pick_share(struct kncase *c)
{
    static const int shares[] = {0, 0, 30, 50, 80, 90, 95, 99};
    return shares[kncase_below(c, 8)];
}

static enum status sparse_f32(struct kncase *c, int n, int k, float **out)
{
    int share = pick_share(c);
    TRY(kncase_f32(c, (size_t)n * (size_t)k, out));
    for (int j = 0; j < n; j++) {
        int empty = share && kncase_chance(c, 12);
        for (int i = 0; i < k; i++) {
            if (empty || drop(c, share))
                (*out)[(size_t)j * (size_t)k + (size_t)i] = kncase_chance(c, 9) ? -0.0f : 0.0f;
        }
    }
    return ST_OK;
}

static enum status sparse_s8(struct kncase *c, int n, int k, int8_t **out)
{
    int share = pick_share(c);
    TRY(kncase_s8(c, (size_t)n * (size_t)k, out));
    for (int j = 0; j < n; j++) {
        int empty = share && kncase_chance(c, 12);
        for (int i = 0; i < k; i++) {
            if (empty || drop(c, share))
                (*out)[(size_t)j * (size_t)k + (size_t)i] = 0;
        }
    }
    return ST_OK;
}

/* Packs over rubbish: a byte that the packer leaves out is a byte that differs from run to run. */
static enum status rubbish(struct kncase *c, size_t bytes, void **a, void **b)
{
    TRY(kncase_input(c, bytes, a));
    TRY(kncase_input(c, bytes, b));
    memset(*b, 0xff, bytes);
    return ST_OK;
}

static enum status same_packing(struct kncase *c, const struct kn_facts *facts, const void *a, const void *b,
                                size_t bytes)
{
    if (memcmp(a, b, bytes) != 0)
        return status_fail(ST_MISMATCH, "%s: packing leaves bytes unwritten (%s)", facts->name, c->text);
    return ST_OK;
}

static enum status pack_spmv_f32(struct kncase *c, const struct kn_spmv_f32 *slot, const float *w, int n, int k,
                                 void **out)
{
    size_t bytes = slot->pack_bytes(w, n, k);
    void *again;
    TRY(rubbish(c, bytes, out, &again));
    slot->pack(w, n, k, *out);
    slot->pack(w, n, k, again);
    return same_packing(c, &slot->facts, *out, again, bytes);
}

enum status kncase_spmv_f32(struct kncase *c)
{
    int n = kncase_size(c, c->simd->spmv_f32.facts.mr, 60), k = kncase_size(c, 24, 300);
    float *x, *w, *bias, lo, hi;
    double *sums;
    void *ref_w, *simd_w;
    struct kncase_outputs y;
    kncase_describe(c, "n %d k %d", n, k);
    TRY(kncase_f32(c, (size_t)k, &x));
    TRY(sparse_f32(c, n, k, &w));
    TRY(kncase_f32(c, (size_t)n, &bias));
    if (kncase_chance(c, 4))
        bias = NULL;
    kncase_bounds(c, &lo, &hi);
    TRY(pack_spmv_f32(c, &c->ref->spmv_f32, w, n, k, &ref_w));
    TRY(pack_spmv_f32(c, &c->simd->spmv_f32, w, n, k, &simd_w));
    TRY(kncase_outputs(c, (size_t)n * sizeof(float), &y));
    TRY(kncase_input(c, (size_t)n * sizeof *sums, &sums));
    for (int j = 0; j < n; j++) {
        sums[j] = bias ? fabs((double)bias[j]) : 0;
        for (int i = 0; i < k; i++)
            sums[j] += fabs((double)x[i] * (double)w[(size_t)j * (size_t)k + (size_t)i]);
    }
    c->ref->spmv_f32.run(x, ref_w, bias, n, k, lo, hi, (float *)(void *)y.ref);
    c->simd->spmv_f32.run(x, simd_w, bias, n, k, lo, hi, (float *)(void *)y.simd);
    return kncase_close(c, &c->simd->spmv_f32.facts, &y, 1, n, n, sums, k);
}

static enum status pack_spmv_u8s8(struct kncase *c, const struct kn_spmv_u8s8 *slot, const int8_t *w, int n, int k,
                                  void **out)
{
    size_t bytes = slot->pack_bytes(w, n, k);
    void *again;
    TRY(rubbish(c, bytes, out, &again));
    slot->pack(w, n, k, *out);
    slot->pack(w, n, k, again);
    return same_packing(c, &slot->facts, *out, again, bytes);
}

enum status kncase_spmv_u8s8(struct kncase *c)
{
    const struct kn_spmv_u8s8 *ref = &c->ref->spmv_u8s8, *simd = &c->simd->spmv_u8s8;
    int n = kncase_size(c, simd->facts.mr, 60), k = kncase_size(c, 24, 300);
    const int32_t *bias;
    uint8_t *x;
    int8_t *w;
    void *ref_w, *simd_w;
    struct kn_requant rq;
    struct kncase_outputs y;
    kncase_describe(c, "n %d k %d", n, k);
    TRY(kncase_u8(c, (size_t)k, &x));
    TRY(sparse_s8(c, n, k, &w));
    TRY(kncase_requant(c, n, k, &rq));
    TRY(pack_spmv_u8s8(c, ref, w, n, k, &ref_w));
    TRY(pack_spmv_u8s8(c, simd, w, n, k, &simd_w));
    TRY(kncase_outputs(c, (size_t)n, &y));
    ref->run_u8(x, ref_w, &rq, n, k, y.ref);
    simd->run_u8(x, simd_w, &rq, n, k, y.simd);
    TRY(kncase_same(c, &simd->facts, &y));
    bias = kncase_chance(c, 4) ? NULL : rq.bias;
    TRY(kncase_outputs(c, (size_t)n * sizeof(int32_t), &y));
    ref->run_s32(x, ref_w, bias, n, k, (int32_t *)(void *)y.ref);
    simd->run_s32(x, simd_w, bias, n, k, (int32_t *)(void *)y.simd);
    return kncase_same(c, &simd->facts, &y);
}

/* Positions and offsets of one sparse product over columns. */
struct columns {
    struct kn_cols cols; /* base not set */
    int n, k;
    int32_t *offset; /* (k) */
    size_t elements; /* of the input */
};

/* Half convolutions at stride 1 over planes, half transposed batches. */
static enum status pick_columns(struct kncase *c, struct columns *s)
{
    int outputs = kncase_size(c, 4, 20);
    memset(s, 0, sizeof *s);
    s->n = outputs;
    if (kncase_chance(c, 2)) {
        int kernel = 1 + kncase_below(c, 5), channels = kncase_size(c, 3, 7);
        int width = kncase_size(c, 8, 33), height = kncase_chance(c, 20) ? 24 : kncase_size(c, 4, 9);
        int w = width + kernel - 1, h = height + kernel - 1;
        s->cols.lines = height;
        s->cols.line_len = width;
        s->cols.line_step = w;
        s->k = channels * kernel * kernel;
        TRY(kncase_input(c, (size_t)s->k * sizeof *s->offset, &s->offset));
        for (int i = 0; i < s->k; i++) {
            int plane = i / (kernel * kernel), ky = i / kernel % kernel, kx = i % kernel;
            s->offset[i] = plane * h * w + ky * w + kx;
        }
        s->elements = (size_t)channels * (size_t)h * (size_t)w;
    } else {
        s->k = kncase_size(c, 16, 60);
        s->cols.lines = 1;
        s->cols.line_len = kncase_size(c, 8, 70);
        s->cols.line_step = s->cols.line_len;
        TRY(kncase_input(c, (size_t)s->k * sizeof *s->offset, &s->offset));
        for (int i = 0; i < s->k; i++)
            s->offset[i] = i * s->cols.line_len;
        s->elements = (size_t)s->k * (size_t)s->cols.line_len;
    }
    kncase_describe(c, "n %d k %d lines %d line_len %d line_step %td", s->n, s->k, s->cols.lines, s->cols.line_len,
                    s->cols.line_step);
    return ST_OK;
}

static enum status column_magnitudes(struct kncase *c, const struct columns *s, const float *x, const float *w,
                                     const float *bias, double **out)
{
    int positions = s->cols.lines * s->cols.line_len;
    double *sums;
    TRY(kncase_input(c, (size_t)s->n * (size_t)positions * sizeof *sums, &sums));
    *out = sums;
    for (int j = 0; j < s->n; j++) {
        for (int p = 0; p < positions; p++) {
            const float *at = x + p / s->cols.line_len * s->cols.line_step + p % s->cols.line_len;
            double sum = bias ? fabs((double)bias[j]) : 0;
            for (int i = 0; i < s->k; i++)
                sum += fabs((double)at[s->offset[i]] * (double)w[(size_t)j * (size_t)s->k + (size_t)i]);
            *sums++ = sum;
        }
    }
    return ST_OK;
}

static enum status pack_spmm_f32(struct kncase *c, const struct kn_spmm_f32 *slot, const struct columns *s,
                                 const float *w, void **out)
{
    size_t bytes = slot->pack_bytes(w, s->n, s->k, s->offset);
    void *again;
    TRY(rubbish(c, bytes, out, &again));
    slot->pack(w, s->n, s->k, s->offset, *out);
    slot->pack(w, s->n, s->k, s->offset, again);
    return same_packing(c, &slot->facts, *out, again, bytes);
}

enum status kncase_spmm_f32(struct kncase *c)
{
    struct columns s;
    float *x, *w, *bias, lo, hi;
    double *sums;
    void *ref_w, *simd_w;
    struct kncase_outputs y;
    int positions;
    TRY(pick_columns(c, &s));
    positions = s.cols.lines * s.cols.line_len;
    TRY(kncase_f32(c, s.elements, &x));
    TRY(sparse_f32(c, s.n, s.k, &w));
    TRY(kncase_f32(c, (size_t)s.n, &bias));
    if (kncase_chance(c, 4))
        bias = NULL;
    kncase_bounds(c, &lo, &hi);
    TRY(pack_spmm_f32(c, &c->ref->spmm_f32, &s, w, &ref_w));
    TRY(pack_spmm_f32(c, &c->simd->spmm_f32, &s, w, &simd_w));
    TRY(kncase_outputs(c, (size_t)s.n * (size_t)positions * sizeof(float), &y));
    TRY(column_magnitudes(c, &s, x, w, bias, &sums));
    s.cols.base = x;
    c->ref->spmm_f32.run(&s.cols, ref_w, bias, s.n, lo, hi, (float *)(void *)y.ref);
    c->simd->spmm_f32.run(&s.cols, simd_w, bias, s.n, lo, hi, (float *)(void *)y.simd);
    return kncase_close(c, &c->simd->spmm_f32.facts, &y, s.n, positions, positions, sums, s.k);
}

static enum status pack_spmm_u8s8(struct kncase *c, const struct kn_spmm_u8s8 *slot, const struct columns *s,
                                  const int8_t *w, void **out)
{
    size_t bytes = slot->pack_bytes(w, s->n, s->k, s->offset);
    void *again;
    TRY(rubbish(c, bytes, out, &again));
    slot->pack(w, s->n, s->k, s->offset, *out);
    slot->pack(w, s->n, s->k, s->offset, again);
    return same_packing(c, &slot->facts, *out, again, bytes);
}

enum status kncase_spmm_u8s8(struct kncase *c)
{
    const struct kn_spmm_u8s8 *ref = &c->ref->spmm_u8s8, *simd = &c->simd->spmm_u8s8;
    struct columns s;
    struct kn_cols ref_cols, simd_cols;
    struct kn_requant rq;
    struct kncase_outputs y;
    const int32_t *bias;
    uint8_t *x;
    int16_t *wide;
    int8_t *w;
    void *ref_w, *simd_w;
    size_t outputs;
    TRY(pick_columns(c, &s));
    outputs = (size_t)s.n * (size_t)s.cols.lines * (size_t)s.cols.line_len;
    TRY(kncase_u8(c, s.elements, &x));
    TRY(kncase_widen(c, x, s.elements, &wide));
    TRY(sparse_s8(c, s.n, s.k, &w));
    TRY(kncase_requant(c, s.n, s.k, &rq));
    TRY(pack_spmm_u8s8(c, ref, &s, w, &ref_w));
    TRY(pack_spmm_u8s8(c, simd, &s, w, &simd_w));
    TRY(kncase_outputs(c, outputs, &y));
    ref_cols = simd_cols = s.cols;
    ref_cols.base = ref->facts.a_bytes == 2 ? (const void *)wide : x;
    simd_cols.base = simd->facts.a_bytes == 2 ? (const void *)wide : x;
    ref->run_u8(&ref_cols, ref_w, &rq, s.n, y.ref);
    simd->run_u8(&simd_cols, simd_w, &rq, s.n, y.simd);
    TRY(kncase_same(c, &simd->facts, &y));
    bias = kncase_chance(c, 4) ? NULL : rq.bias;
    TRY(kncase_outputs(c, outputs * sizeof(int32_t), &y));
    ref->run_s32(&ref_cols, ref_w, bias, s.n, (int32_t *)(void *)y.ref);
    simd->run_s32(&simd_cols, simd_w, bias, s.n, (int32_t *)(void *)y.simd);
    return kncase_same(c, &simd->facts, &y);
}
