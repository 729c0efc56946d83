/* Cases of pooling, conversions and moves: all of them must agree in every bit, NaN and infinities included. */
#include <math.h>

#include "kncheck/kncase.h"

/* A pooling shape whose every window touches the image. */
static struct kn_pool_shape pick_pool(struct kncase *c, int channels)
{
    struct kn_pool_shape s = {0};
    s.c = channels;
    s.kernel_h = s.kernel_w = s.stride_h = s.stride_w = 2;
    if (kncase_chance(c, 2)) {
        s.kernel_h = 1 + kncase_below(c, 3);
        s.kernel_w = 1 + kncase_below(c, 3);
        s.stride_h = 1 + kncase_below(c, 3);
        s.stride_w = 1 + kncase_below(c, 3);
        s.pad_h = kncase_below(c, s.kernel_h);
        s.pad_w = kncase_below(c, s.kernel_w);
    }
    s.h = s.kernel_h + kncase_below(c, 6);
    s.w = s.kernel_w - 1 + kncase_size(c, 16, 40);
    s.oh = (s.h + 2 * s.pad_h - s.kernel_h) / s.stride_h + 1;
    s.ow = (s.w + 2 * s.pad_w - s.kernel_w) / s.stride_w + 1;
    kncase_describe(c, "c %d h %d w %d kernel %dx%d stride %dx%d pad %dx%d", s.c, s.h, s.w, s.kernel_h, s.kernel_w,
                    s.stride_h, s.stride_w, s.pad_h, s.pad_w);
    return s;
}

static enum status pool_f32(struct kncase *c, const struct kn_maxpool_f32 *ref, const struct kn_maxpool_f32 *simd,
                            int channels)
{
    struct kn_pool_shape s = pick_pool(c, channels);
    size_t outputs = (size_t)s.c * (size_t)s.oh * (size_t)s.ow;
    struct kncase_outputs y;
    float *x;
    TRY(kncase_wild_f32(c, (size_t)s.c * (size_t)s.h * (size_t)s.w, &x));
    TRY(kncase_outputs(c, outputs * sizeof *x, &y));
    ref->run(&s, x, (float *)(void *)y.ref);
    simd->run(&s, x, (float *)(void *)y.simd);
    return kncase_same(c, &simd->facts, &y);
}

static enum status pool_u8(struct kncase *c, const struct kn_maxpool_u8 *ref, const struct kn_maxpool_u8 *simd,
                           int channels)
{
    struct kn_pool_shape s = pick_pool(c, channels);
    struct kncase_outputs y;
    uint8_t *x;
    TRY(kncase_u8(c, (size_t)s.c * (size_t)s.h * (size_t)s.w, &x));
    TRY(kncase_outputs(c, (size_t)s.c * (size_t)s.oh * (size_t)s.ow, &y));
    ref->run(&s, x, y.ref);
    simd->run(&s, x, y.simd);
    return kncase_same(c, &simd->facts, &y);
}

enum status kncase_maxpool_f32_nhwc(struct kncase *c)
{
    int channels = kncase_size(c, c->simd->maxpool_f32_nhwc.facts.nr, 50);
    return pool_f32(c, &c->ref->maxpool_f32_nhwc, &c->simd->maxpool_f32_nhwc, channels);
}

enum status kncase_maxpool_f32_chw(struct kncase *c)
{
    return pool_f32(c, &c->ref->maxpool_f32_chw, &c->simd->maxpool_f32_chw, 1 + kncase_below(c, 4));
}

enum status kncase_maxpool_u8_nhwc(struct kncase *c)
{
    int channels = kncase_size(c, c->simd->maxpool_u8_nhwc.facts.nr, 70);
    return pool_u8(c, &c->ref->maxpool_u8_nhwc, &c->simd->maxpool_u8_nhwc, channels);
}

enum status kncase_maxpool_u8_chw(struct kncase *c)
{
    return pool_u8(c, &c->ref->maxpool_u8_chw, &c->simd->maxpool_u8_chw, 1 + kncase_below(c, 4));
}

static int pick_count(struct kncase *c, const struct kn_facts *facts)
{
    int count = kncase_size(c, facts->nr, 300);
    kncase_describe(c, "count %d", count);
    return count;
}

enum status kncase_quantize_f32_u8(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->quantize_f32_u8.facts;
    int count = pick_count(c, facts);
    /* A power of two keeps the halves among the values halves: ties. */
    float mantissa = kncase_chance(c, 3) ? 1.0f : 1 + rng_f32(&c->rng);
    float inv_scale = kncase_chance(c, 10) ? INFINITY : ldexpf(mantissa, kncase_below(c, 20) - 10);
    int32_t zero_point = kncase_below(c, 256);
    struct kncase_outputs y;
    float *x;
    TRY(kncase_wild_f32(c, (size_t)count, &x));
    for (int i = 0; i < count; i += 1 + kncase_below(c, 5))
        x[i] = ((float)(kncase_below(c, 600) - 300) + 0.5f) / (isfinite(inv_scale) ? inv_scale : 1.0f);
    TRY(kncase_outputs(c, (size_t)count, &y));
    c->ref->quantize_f32_u8.run(x, (size_t)count, inv_scale, zero_point, y.ref);
    c->simd->quantize_f32_u8.run(x, (size_t)count, inv_scale, zero_point, y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_range_f32(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->range_f32.facts;
    int count = pick_count(c, facts);
    struct kncase_outputs y;
    float *x, *ref, *simd;
    TRY(kncase_wild_f32(c, (size_t)count, &x));
    TRY(kncase_outputs(c, 2 * sizeof *x, &y));
    ref = (float *)(void *)y.ref;
    simd = (float *)(void *)y.simd;
    c->ref->range_f32.run(x, (size_t)count, ref, ref + 1);
    c->simd->range_f32.run(x, (size_t)count, simd, simd + 1);
    return kncase_same(c, facts, &y);
}

enum status kncase_dequant_s32_f32(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->dequant_s32_f32.facts;
    int n = pick_count(c, facts);
    int32_t *acc, *wsum, zero_point = kncase_below(c, 256);
    float *scale, *bias, lo, hi, scale_x = rng_f32(&c->rng);
    struct kncase_outputs y;
    TRY(kncase_s32(c, (size_t)n, &acc));
    TRY(kncase_s32(c, (size_t)n, &wsum));
    TRY(kncase_wild_f32(c, (size_t)n, &scale));
    TRY(kncase_wild_f32(c, (size_t)n, &bias));
    if (kncase_chance(c, 4))
        wsum = NULL;
    if (kncase_chance(c, 4))
        bias = NULL;
    kncase_bounds(c, &lo, &hi);
    TRY(kncase_outputs(c, (size_t)n * sizeof *scale, &y));
    c->ref->dequant_s32_f32.run(acc, n, wsum, zero_point, scale_x, scale, bias, lo, hi, (float *)(void *)y.ref);
    c->simd->dequant_s32_f32.run(acc, n, wsum, zero_point, scale_x, scale, bias, lo, hi, (float *)(void *)y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_widen_u8_s16(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->widen_u8_s16.facts;
    int count = pick_count(c, facts);
    struct kncase_outputs y;
    uint8_t *x;
    TRY(kncase_u8(c, (size_t)count, &x));
    TRY(kncase_outputs(c, (size_t)count * sizeof(int16_t), &y));
    c->ref->widen_u8_s16.run(x, (size_t)count, (int16_t *)(void *)y.ref);
    c->simd->widen_u8_s16.run(x, (size_t)count, (int16_t *)(void *)y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_clamp_f32(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->clamp_f32.facts;
    int count = pick_count(c, facts);
    struct kncase_outputs y;
    float *x, lo, hi;
    TRY(kncase_wild_f32(c, (size_t)count, &x));
    kncase_bounds(c, &lo, &hi);
    TRY(kncase_outputs(c, (size_t)count * sizeof *x, &y));
    c->ref->clamp_f32.run(x, (size_t)count, lo, hi, (float *)(void *)y.ref);
    c->simd->clamp_f32.run(x, (size_t)count, lo, hi, (float *)(void *)y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_clamp_u8(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->clamp_u8.facts;
    int count = pick_count(c, facts), lo = kncase_below(c, 256), hi = lo + kncase_below(c, 256 - lo);
    struct kncase_outputs y;
    uint8_t *x;
    TRY(kncase_u8(c, (size_t)count, &x));
    TRY(kncase_outputs(c, (size_t)count, &y));
    c->ref->clamp_u8.run(x, (size_t)count, (uint8_t)lo, (uint8_t)hi, y.ref);
    c->simd->clamp_u8.run(x, (size_t)count, (uint8_t)lo, (uint8_t)hi, y.simd);
    return kncase_same(c, facts, &y);
}

/* Rows, columns and pitches, wider than the rows half of the time. */
struct sheet {
    int rows, cols;
    ptrdiff_t x_pitch, y_pitch;
};

static struct sheet pick_sheet(struct kncase *c, const struct kn_facts *facts)
{
    struct sheet s;
    s.rows = kncase_size(c, facts->nr, 40);
    s.cols = kncase_size(c, facts->nr, 40);
    s.x_pitch = s.cols + (kncase_chance(c, 2) ? kncase_below(c, 20) : 0);
    s.y_pitch = s.rows + (kncase_chance(c, 2) ? kncase_below(c, 20) : 0);
    kncase_describe(c, "rows %d cols %d, pitches %td and %td", s.rows, s.cols, s.x_pitch, s.y_pitch);
    return s;
}

enum status kncase_transpose_x32(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->transpose_x32.facts;
    struct sheet s = pick_sheet(c, facts);
    struct kncase_outputs y;
    float *x;
    TRY(kncase_wild_f32(c, (size_t)(s.rows * s.x_pitch), &x));
    TRY(kncase_outputs(c, (size_t)(s.cols * s.y_pitch) * sizeof *x, &y));
    c->ref->transpose_x32.run(x, s.x_pitch, s.rows, s.cols, y.ref, s.y_pitch);
    c->simd->transpose_x32.run(x, s.x_pitch, s.rows, s.cols, y.simd, s.y_pitch);
    return kncase_same(c, facts, &y);
}

enum status kncase_transpose_x8(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->transpose_x8.facts;
    struct sheet s = pick_sheet(c, facts);
    struct kncase_outputs y;
    uint8_t *x;
    TRY(kncase_u8(c, (size_t)(s.rows * s.x_pitch), &x));
    TRY(kncase_outputs(c, (size_t)(s.cols * s.y_pitch), &y));
    c->ref->transpose_x8.run(x, s.x_pitch, s.rows, s.cols, y.ref, s.y_pitch);
    c->simd->transpose_x8.run(x, s.x_pitch, s.rows, s.cols, y.simd, s.y_pitch);
    return kncase_same(c, facts, &y);
}
