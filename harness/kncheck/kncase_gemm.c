/* Cases of the dense products: convolutions and fully connected layers of edge sizes, and now and then a layer as it
 * occurs in a network. */
#include <math.h>

#include "kncheck/kncase.h"

struct shape {
    struct kn_rows rows; /* base not set */
    int n, k, ldc;
    size_t elements; /* of the input */
};

/* Convolution of a (h, w, channels) image; sizes as for kn_rows. */
static struct shape conv(int h, int w, int channels, int kernel, int stride, int n)
{
    struct shape s = {0};
    s.rows.row_w = (w - kernel) / stride + 1;
    s.rows.m = ((h - kernel) / stride + 1) * s.rows.row_w;
    s.rows.step_x = (ptrdiff_t)stride * channels;
    s.rows.step_y = (ptrdiff_t)stride * w * channels;
    s.rows.segs = kernel;
    s.rows.seg_len = kernel * channels;
    s.rows.seg_step = (ptrdiff_t)w * channels;
    s.n = s.ldc = n;
    s.elements = (size_t)h * (size_t)w * (size_t)channels;
    return s;
}

static struct shape fc(int m, int k, int pitch, int n)
{
    struct shape s = {0};
    s.rows.m = s.rows.row_w = m;
    s.rows.step_x = pitch;
    s.rows.segs = 1;
    s.rows.seg_len = k;
    s.rows.seg_step = k;
    s.n = s.ldc = n;
    s.elements = (size_t)(m - 1) * (size_t)pitch + (size_t)k;
    return s;
}

static struct shape realistic(struct kncase *c)
{
    switch (kncase_below(c, 6)) {
    case 0:
        return conv(28, 28, 1, 5, 1, 20);
    case 1:
        return conv(12, 12, 20, 5, 1, 50);
    case 2:
        return fc(1, 784, 784, 300);
    case 3:
        return fc(1, 300, 300, 100);
    case 4:
        return fc(3, 500, 500, 10);
    default:
        return conv(9, 9, 16, 3, 1, 16);
    }
}

static struct shape pick(struct kncase *c, const struct kn_facts *facts)
{
    struct shape s;
    int n = kncase_size(c, facts->nr, 110), m = kncase_size(c, facts->mr, 30);
    if (kncase_chance(c, 50)) {
        s = realistic(c);
    } else if (kncase_chance(c, 2)) {
        int kernel = 1 + kncase_below(c, 5), stride = 1 + kncase_below(c, 2), channels = kncase_size(c, 4, 17);
        int h = kernel + kncase_below(c, 8), w = kernel + kncase_below(c, 12);
        s = conv(h, w, channels, kernel, stride, n);
    } else {
        int k = kncase_size(c, 8, 200);
        s = fc(m, k, k + (kncase_chance(c, 2) ? kncase_below(c, 9) : 0), n);
    }
    if (kncase_chance(c, 3))
        s.ldc += 1 + kncase_below(c, 20);
    s.k = s.rows.segs * s.rows.seg_len;
    kncase_describe(c, "m %d row_w %d n %d segs %d seg_len %d seg_step %td step_x %td ldc %d", s.rows.m, s.rows.row_w,
                    s.n, s.rows.segs, s.rows.seg_len, s.rows.seg_step, s.rows.step_x, s.ldc);
    return s;
}

static size_t output_elements(const struct shape *s)
{
    return (size_t)(s->rows.m - 1) * (size_t)s->ldc + (size_t)s->n;
}

/* sum |a * w| + |bias| of every output. */
static enum status magnitudes(struct kncase *c, const struct shape *s, const float *x, const float *w,
                              const float *bias, double **out)
{
    double *sums;
    TRY(kncase_input(c, (size_t)s->rows.m * (size_t)s->n * sizeof *sums, &sums));
    *out = sums;
    for (int r = 0; r < s->rows.m; r++) {
        const float *row = x + (r / s->rows.row_w) * s->rows.step_y + (r % s->rows.row_w) * s->rows.step_x;
        for (int j = 0; j < s->n; j++) {
            const float *weight = w + (size_t)j * (size_t)s->k;
            double sum = bias ? fabs((double)bias[j]) : 0;
            for (int i = 0; i < s->rows.segs; i++) {
                for (int l = 0; l < s->rows.seg_len; l++)
                    sum += fabs((double)row[i * s->rows.seg_step + l] * (double)*weight++);
            }
            *sums++ = sum;
        }
    }
    return ST_OK;
}

static enum status pack_f32(struct kncase *c, const struct kn_gemm_f32 *slot, const struct shape *s, const float *w,
                            void **out)
{
    TRY(kncase_input(c, kn_gemm_f32_pack_bytes(slot, s->n, s->rows.segs, s->rows.seg_len), out));
    kn_gemm_f32_pack(slot, w, s->n, s->rows.segs, s->rows.seg_len, *out);
    return ST_OK;
}

enum status kncase_gemm_f32(struct kncase *c)
{
    struct shape s = pick(c, &c->simd->gemm_f32.facts);
    float *x, *w, *bias, lo, hi;
    double *sums;
    void *ref_w, *simd_w;
    struct kncase_outputs y;
    TRY(kncase_f32(c, s.elements, &x));
    TRY(kncase_f32(c, (size_t)s.n * (size_t)s.k, &w));
    TRY(kncase_f32(c, (size_t)s.n, &bias));
    if (kncase_chance(c, 4))
        bias = NULL;
    kncase_bounds(c, &lo, &hi);
    TRY(pack_f32(c, &c->ref->gemm_f32, &s, w, &ref_w));
    TRY(pack_f32(c, &c->simd->gemm_f32, &s, w, &simd_w));
    TRY(kncase_outputs(c, output_elements(&s) * sizeof(float), &y));
    TRY(magnitudes(c, &s, x, w, bias, &sums));
    s.rows.base = x;
    c->ref->gemm_f32.run(&s.rows, ref_w, bias, s.n, lo, hi, (float *)(void *)y.ref, s.ldc);
    c->simd->gemm_f32.run(&s.rows, simd_w, bias, s.n, lo, hi, (float *)(void *)y.simd, s.ldc);
    return kncase_close(c, &c->simd->gemm_f32.facts, &y, s.rows.m, s.n, s.ldc, sums, s.k);
}

static enum status pack_u8s8(struct kncase *c, const struct kn_gemm_u8s8 *slot, const struct shape *s, const int8_t *w,
                             void **out)
{
    TRY(kncase_input(c, slot->pack_bytes(w, s->n, s->rows.segs, s->rows.seg_len), out));
    slot->pack(w, s->n, s->rows.segs, s->rows.seg_len, *out);
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

enum status kncase_gemm_u8s8(struct kncase *c)
{
    const struct kn_gemm_u8s8 *ref = &c->ref->gemm_u8s8, *simd = &c->simd->gemm_u8s8;
    struct shape s = pick(c, &simd->facts);
    struct kn_rows ref_rows = s.rows, simd_rows = s.rows;
    struct kn_requant rq;
    const int32_t *bias;
    uint8_t *x;
    int8_t *w;
    void *ref_w, *simd_w;
    struct kncase_outputs y;
    TRY(kncase_u8(c, s.elements, &x));
    TRY(kncase_s8(c, (size_t)s.n * (size_t)s.k, &w));
    TRY(kncase_requant(c, s.n, s.k, &rq));
    TRY(input_for(c, &ref->facts, x, s.elements, &ref_rows.base));
    TRY(input_for(c, &simd->facts, x, s.elements, &simd_rows.base));
    TRY(pack_u8s8(c, ref, &s, w, &ref_w));
    TRY(pack_u8s8(c, simd, &s, w, &simd_w));
    TRY(kncase_outputs(c, output_elements(&s), &y));
    ref->run_u8(&ref_rows, ref_w, &rq, s.n, y.ref, s.ldc);
    simd->run_u8(&simd_rows, simd_w, &rq, s.n, y.simd, s.ldc);
    TRY(kncase_same(c, &simd->facts, &y));
    bias = kncase_chance(c, 4) ? NULL : rq.bias;
    TRY(kncase_outputs(c, output_elements(&s) * sizeof(int32_t), &y));
    ref->run_s32(&ref_rows, ref_w, bias, s.n, (int32_t *)(void *)y.ref, s.ldc);
    simd->run_s32(&simd_rows, simd_w, bias, s.n, (int32_t *)(void *)y.simd, s.ldc);
    return kncase_same(c, &simd->facts, &y);
}
