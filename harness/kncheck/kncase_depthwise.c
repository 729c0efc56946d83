/* Cases of the depthwise convolutions: paddings up to wider than the image, windows that miss it, wide steps, parts
 * of the lines. */
#include <math.h>

#include "kncheck/kncase.h"

struct shape {
    struct kn_depthwise_shape s;
    size_t in, out; /* elements */
    int gap;        /* output positions between two lines' ends */
};

/* What networks have: 3 x 3, padded by 1. */
static void pick_usual(struct kncase *c, struct kn_depthwise_shape *s)
{
    s->kernel_h = s->kernel_w = 3;
    s->stride_h = s->stride_w = 1 + kncase_below(c, 2);
    s->dilation_h = s->dilation_w = 1;
    s->pad_h = s->pad_w = 1;
    s->h = 1 + kncase_below(c, 9);
    s->w = 1 + kncase_below(c, kncase_chance(c, 20) ? 60 : 14);
    s->oh = (s->h - 1) / s->stride_h + 1;
    s->ow = (s->w - 1) / s->stride_w + 1;
}

/* Any; oh and ow may ask for less or more behind the last line and column than is before the first. */
static void pick_any(struct kncase *c, struct kn_depthwise_shape *s)
{
    s->kernel_h = kncase_chance(c, 3) ? 3 : 1 + kncase_below(c, 6);
    s->kernel_w = kncase_chance(c, 3) ? 3 : 1 + kncase_below(c, 6);
    s->stride_h = 1 + kncase_below(c, 3);
    s->stride_w = 1 + kncase_below(c, 3);
    s->dilation_h = kncase_chance(c, 2) ? 1 : 1 + kncase_below(c, 3);
    s->dilation_w = kncase_chance(c, 2) ? 1 : 1 + kncase_below(c, 3);
    s->pad_h = kncase_below(c, 4);
    s->pad_w = kncase_below(c, 4);
    s->h = 1 + kncase_below(c, 8);
    s->w = 1 + kncase_below(c, 16);
    s->oh = 1 + kncase_below(c, (s->h + 2 * s->pad_h) / s->stride_h + 1);
    s->ow = 1 + kncase_below(c, (s->w + 2 * s->pad_w) / s->stride_w + 1);
}

static struct shape pick(struct kncase *c, const struct kn_facts *facts)
{
    struct shape shape = {.gap = kncase_chance(c, 3) ? kncase_below(c, 3) : 0};
    struct kn_depthwise_shape *s = &shape.s;
    int wide = kncase_chance(c, 3);
    if (kncase_chance(c, 2))
        pick_usual(c, s);
    else
        pick_any(c, s);
    s->c = kncase_chance(c, 2) ? kncase_size(c, facts->nr, 140) : 1 + kncase_below(c, 70);
    s->x_step_x = s->c + (wide ? kncase_below(c, 20) : 0);
    s->x_step_y = s->w * s->x_step_x + (wide ? kncase_below(c, 20) : 0);
    s->y_step_x = s->c + (wide ? kncase_below(c, 20) : 0);
    s->y_step_y = (s->ow + shape.gap) * s->y_step_x;
    s->first = kncase_chance(c, 2) ? kncase_below(c, s->oh) : 0;
    s->lines = kncase_chance(c, 2) ? 1 + kncase_below(c, s->oh - s->first) : s->oh - s->first;
    shape.in = (size_t)((s->h - 1) * s->x_step_y + (s->w - 1) * s->x_step_x + s->c);
    shape.out = (size_t)((s->oh - 1) * s->y_step_y + (s->ow - 1) * s->y_step_x + s->c);
    kncase_describe(
        c, "c %d in %dx%d out %dx%d kernel %dx%d stride %dx%d dilation %dx%d pad %dx%d steps %td %td lines %d+%d", s->c,
        s->h, s->w, s->oh, s->ow, s->kernel_h, s->kernel_w, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w,
        s->pad_h, s->pad_w, s->x_step_x, s->y_step_x, s->first, s->lines);
    return shape;
}

/* sum |x * w| + |bias| of one output. */
static double magnitude(const struct kn_depthwise_shape *s, const float *x, const float *w, int oy, int ox)
{
    double sum = 0;
    for (int ky = 0; ky < s->kernel_h; ky++) {
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = oy * s->stride_h - s->pad_h + ky * s->dilation_h;
            int ix = ox * s->stride_w - s->pad_w + kx * s->dilation_w;
            if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
                sum += fabs((double)x[iy * s->x_step_y + ix * s->x_step_x] * (double)w[ky * s->kernel_w + kx]);
        }
    }
    return sum;
}

/* Of every position that the output has room for, (oh, ow + gap, c); 0 where nothing may be written. */
static enum status magnitudes(struct kncase *c, const struct shape *shape, const float *x, const float *w,
                              const float *bias, double **out)
{
    const struct kn_depthwise_shape *s = &shape->s;
    size_t line = (size_t)(s->ow + shape->gap) * (size_t)s->c;
    TRY(kncase_input(c, (size_t)s->oh * line * sizeof **out, out));
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            for (int i = 0; i < s->c; i++)
                (*out)[(size_t)oy * line + (size_t)(ox * s->c + i)] =
                    magnitude(s, x + i, w + i * s->kernel_h * s->kernel_w, oy, ox) + (bias ? fabs((double)bias[i]) : 0);
        }
    }
    return ST_OK;
}

/* What lies between the channels of two columns or lines is not to be used. */
static void spoil_gaps(const struct kn_depthwise_shape *s, size_t count, float *x)
{
    for (size_t i = 0; i < count; i++) {
        if (i % (size_t)s->x_step_y >= (size_t)(s->w * s->x_step_x) ||
            i % (size_t)s->x_step_y % (size_t)s->x_step_x >= (size_t)s->c)
            x[i] = NAN;
    }
}

/* The kernel alone, its lines in one call and in two: not a bit may change. */
static enum status check_cut(struct kncase *c, const struct shape *shape, const float *x, const void *packed,
                             const float *bias, float lo, float hi)
{
    struct kn_depthwise_shape part = shape->s;
    const struct kn_depthwise_f32 *simd = &c->simd->depthwise_f32;
    struct kncase_outputs y;
    TRY(kncase_outputs(c, shape->out * sizeof(float), &y));
    simd->run(&part, x, packed, bias, lo, hi, (float *)(void *)y.ref);
    part.lines = kncase_below(c, shape->s.lines + 1);
    simd->run(&part, x, packed, bias, lo, hi, (float *)(void *)y.simd);
    part.first += part.lines;
    part.lines = shape->s.lines - part.lines;
    simd->run(&part, x, packed, bias, lo, hi, (float *)(void *)y.simd);
    return kncase_same(c, &simd->facts, &y);
}

static enum status pack_f32(struct kncase *c, const struct kn_depthwise_f32 *slot, const struct kn_depthwise_shape *s,
                            const float *w, void **out)
{
    TRY(kncase_input(c, slot->pack_bytes(w, s->c, s->kernel_h, s->kernel_w), out));
    slot->pack(w, s->c, s->kernel_h, s->kernel_w, *out);
    return ST_OK;
}

enum status kncase_depthwise_f32(struct kncase *c)
{
    const struct kn_depthwise_f32 *ref = &c->ref->depthwise_f32, *simd = &c->simd->depthwise_f32;
    struct shape shape = pick(c, &simd->facts);
    const struct kn_depthwise_shape *s = &shape.s;
    int taps = s->kernel_h * s->kernel_w, row = s->ow + shape.gap;
    float *x, *w, *bias, lo, hi;
    double *sums;
    void *ref_w, *simd_w;
    struct kncase_outputs y;
    TRY(kncase_f32(c, shape.in, &x));
    TRY(kncase_f32(c, (size_t)(s->c * taps), &w));
    TRY(kncase_f32(c, (size_t)s->c, &bias));
    if (kncase_chance(c, 4))
        bias = NULL;
    spoil_gaps(s, shape.in, x);
    kncase_bounds(c, &lo, &hi);
    TRY(pack_f32(c, ref, s, w, &ref_w));
    TRY(pack_f32(c, simd, s, w, &simd_w));
    TRY(magnitudes(c, &shape, x, w, bias, &sums));
    TRY(kncase_outputs(c, shape.out * sizeof(float), &y));
    ref->run(s, x, ref_w, bias, lo, hi, (float *)(void *)y.ref);
    simd->run(s, x, simd_w, bias, lo, hi, (float *)(void *)y.simd);
    TRY(kncase_close(c, &simd->facts, &y, (s->oh - 1) * row + s->ow, s->c, (int)s->y_step_x, sums, taps));
    return check_cut(c, &shape, x, simd_w, bias, lo, hi);
}

static enum status pack_u8s8(struct kncase *c, const struct kn_depthwise_u8s8 *slot, const struct kn_depthwise_shape *s,
                             const int8_t *w, void **out)
{
    TRY(kncase_input(c, slot->pack_bytes(w, s->c, s->kernel_h, s->kernel_w), out));
    slot->pack(w, s->c, s->kernel_h, s->kernel_w, *out);
    return ST_OK;
}

static int32_t pick_zero(struct kncase *c)
{
    static const int32_t zero[] = {0, 1, 127, 128, 254, 255};
    return kncase_chance(c, 2) ? kncase_below(c, 256) : zero[kncase_below(c, (int)(sizeof zero / sizeof *zero))];
}

enum status kncase_depthwise_u8s8(struct kncase *c)
{
    const struct kn_depthwise_u8s8 *ref = &c->ref->depthwise_u8s8, *simd = &c->simd->depthwise_u8s8;
    struct shape shape = pick(c, &simd->facts);
    const struct kn_depthwise_shape *s = &shape.s;
    int taps = s->kernel_h * s->kernel_w;
    int32_t zero_in = pick_zero(c);
    struct kn_requant rq;
    const int32_t *bias;
    uint8_t *x;
    int8_t *w;
    void *ref_w, *simd_w;
    struct kncase_outputs y;
    TRY(kncase_u8(c, shape.in, &x));
    TRY(kncase_s8(c, (size_t)(s->c * taps), &w));
    TRY(kncase_requant(c, s->c, taps, &rq));
    TRY(pack_u8s8(c, ref, s, w, &ref_w));
    TRY(pack_u8s8(c, simd, s, w, &simd_w));
    TRY(kncase_outputs(c, shape.out, &y));
    ref->run_u8(s, x, zero_in, ref_w, &rq, y.ref);
    simd->run_u8(s, x, zero_in, simd_w, &rq, y.simd);
    TRY(kncase_same(c, &simd->facts, &y));
    bias = kncase_chance(c, 4) ? NULL : rq.bias;
    TRY(kncase_outputs(c, shape.out * sizeof(int32_t), &y));
    ref->run_s32(s, x, zero_in, ref_w, bias, (int32_t *)(void *)y.ref);
    simd->run_s32(s, x, zero_in, simd_w, bias, (int32_t *)(void *)y.simd);
    return kncase_same(c, &simd->facts, &y);
}
