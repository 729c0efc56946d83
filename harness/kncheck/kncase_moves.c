/* Cases of conversions and moves: all of them must agree in every bit, NaN and infinities included. */
#include <math.h>

#include "kncheck/kncase.h"

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
