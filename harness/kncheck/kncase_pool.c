/* Cases of pooling. Maxima must agree in every bit, NaN and infinities included, and so must the means of integers. */
#include <math.h>

#include "kncheck/kncase.h"

struct shape {
    struct kn_pool_shape s;
    size_t in, out; /* elements */
    int gap;        /* output positions between two lines' ends */
};

/* Every window touches the image. */
static void pick_windows(struct kncase *c, struct kn_pool_shape *s)
{
    s->kernel_h = s->kernel_w = s->stride_h = s->stride_w = 2;
    if (kncase_chance(c, 2)) {
        s->kernel_h = 1 + kncase_below(c, 4);
        s->kernel_w = 1 + kncase_below(c, 4);
        s->stride_h = 1 + kncase_below(c, 3);
        s->stride_w = 1 + kncase_below(c, 3);
        s->pad_h = kncase_below(c, s->kernel_h);
        s->pad_w = kncase_below(c, s->kernel_w);
    }
    if (kncase_chance(c, 3)) { /* as in residual networks */
        s->kernel_h = s->kernel_w = 3;
        s->stride_h = s->stride_w = 2;
        s->pad_h = s->pad_w = 1;
    }
    s->h = s->kernel_h + kncase_below(c, 6);
    s->w = s->kernel_w - 1 + kncase_size(c, 16, 40);
    s->oh = (s->h + 2 * s->pad_h - s->kernel_h) / s->stride_h + 1;
    s->ow = (s->w + 2 * s->pad_w - s->kernel_w) / s->stride_w + 1;
}

/* One window, as large as the image; now and then more elements than 16 bits can hold sums of. */
static void pick_global(struct kncase *c, struct kn_pool_shape *s)
{
    s->h = s->kernel_h = 1 + kncase_below(c, kncase_chance(c, 4) ? 30 : 9);
    s->w = s->kernel_w = 1 + kncase_below(c, kncase_chance(c, 4) ? 30 : 9);
    s->oh = s->ow = s->stride_h = s->stride_w = 1;
}

static void describe(struct kncase *c, const struct kn_pool_shape *s)
{
    kncase_describe(c, "c %d in %dx%d out %dx%d kernel %dx%d stride %dx%d pad %dx%d steps %td %td lines %d+%d", s->c,
                    s->h, s->w, s->oh, s->ow, s->kernel_h, s->kernel_w, s->stride_h, s->stride_w, s->pad_h, s->pad_w,
                    s->x_step_x, s->y_step_x, s->first, s->lines);
}

static struct shape dense(struct kncase *c, int channels)
{
    struct shape shape = {.s.c = channels};
    pick_windows(c, &shape.s);
    shape.in = (size_t)channels * (size_t)(shape.s.h * shape.s.w);
    shape.out = (size_t)channels * (size_t)(shape.s.oh * shape.s.ow);
    describe(c, &shape.s);
    return shape;
}

/* H,W,C: wide steps and part of the lines now and then. */
static struct shape pick(struct kncase *c, int channels, int global)
{
    struct shape shape = {.s.c = channels, .gap = kncase_chance(c, 3) ? kncase_below(c, 3) : 0};
    struct kn_pool_shape *s = &shape.s;
    int wide = kncase_chance(c, 3);
    if (global)
        pick_global(c, s);
    else
        pick_windows(c, s);
    s->x_step_x = s->c + (wide ? kncase_below(c, 20) : 0);
    s->x_step_y = s->w * s->x_step_x + (wide ? kncase_below(c, 20) : 0);
    s->y_step_x = s->c + (wide ? kncase_below(c, 20) : 0);
    s->y_step_y = (s->ow + shape.gap) * s->y_step_x;
    s->first = kncase_chance(c, 2) ? kncase_below(c, s->oh) : 0;
    s->lines = kncase_chance(c, 2) ? 1 + kncase_below(c, s->oh - s->first) : s->oh - s->first;
    shape.in = (size_t)((s->h - 1) * s->x_step_y + (s->w - 1) * s->x_step_x + s->c);
    shape.out = (size_t)((s->oh - 1) * s->y_step_y + (s->ow - 1) * s->y_step_x + s->c);
    describe(c, s);
    return shape;
}

static enum status max_f32(struct kncase *c, const struct kn_maxpool_f32 *ref, const struct kn_maxpool_f32 *simd,
                           const struct shape *shape)
{
    struct kncase_outputs y;
    float *x;
    TRY(kncase_wild_f32(c, shape->in, &x));
    TRY(kncase_outputs(c, shape->out * sizeof *x, &y));
    ref->run(&shape->s, x, (float *)(void *)y.ref);
    simd->run(&shape->s, x, (float *)(void *)y.simd);
    return kncase_same(c, &simd->facts, &y);
}

static enum status max_u8(struct kncase *c, const struct kn_maxpool_u8 *ref, const struct kn_maxpool_u8 *simd,
                          const struct shape *shape)
{
    struct kncase_outputs y;
    uint8_t *x;
    TRY(kncase_u8(c, shape->in, &x));
    TRY(kncase_outputs(c, shape->out, &y));
    ref->run(&shape->s, x, y.ref);
    simd->run(&shape->s, x, y.simd);
    return kncase_same(c, &simd->facts, &y);
}

enum status kncase_maxpool_f32_nhwc(struct kncase *c)
{
    struct shape shape = pick(c, kncase_size(c, c->simd->maxpool_f32_nhwc.facts.nr, 70), 0);
    return max_f32(c, &c->ref->maxpool_f32_nhwc, &c->simd->maxpool_f32_nhwc, &shape);
}

enum status kncase_maxpool_f32_chw(struct kncase *c)
{
    struct shape shape = dense(c, 1 + kncase_below(c, 4));
    return max_f32(c, &c->ref->maxpool_f32_chw, &c->simd->maxpool_f32_chw, &shape);
}

enum status kncase_maxpool_u8_nhwc(struct kncase *c)
{
    struct shape shape = pick(c, kncase_size(c, c->simd->maxpool_u8_nhwc.facts.nr, 140), 0);
    return max_u8(c, &c->ref->maxpool_u8_nhwc, &c->simd->maxpool_u8_nhwc, &shape);
}

enum status kncase_maxpool_u8_chw(struct kncase *c)
{
    struct shape shape = dense(c, 1 + kncase_below(c, 4));
    return max_u8(c, &c->ref->maxpool_u8_chw, &c->simd->maxpool_u8_chw, &shape);
}

/* Mean of the absolute values of one window, which the mean of its values is compared to. */
static double magnitude(const struct kn_pool_shape *s, const float *x, int oy, int ox)
{
    double sum = 0;
    int count = 0;
    for (int ky = 0; ky < s->kernel_h; ky++) {
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int iy = oy * s->stride_h - s->pad_h + ky, ix = ox * s->stride_w - s->pad_w + kx;
            if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w) {
                sum += fabs((double)x[iy * s->x_step_y + ix * s->x_step_x]);
                count++;
            }
        }
    }
    return sum / count;
}

enum status kncase_avgpool_f32_nhwc(struct kncase *c)
{
    const struct kn_avgpool_f32 *ref = &c->ref->avgpool_f32_nhwc, *simd = &c->simd->avgpool_f32_nhwc;
    struct shape shape = pick(c, kncase_size(c, simd->facts.nr, 140), kncase_chance(c, 2));
    const struct kn_pool_shape *s = &shape.s;
    int row = s->ow + shape.gap;
    double *sums;
    float *x, lo, hi;
    struct kncase_outputs y;
    TRY(kncase_f32(c, shape.in, &x));
    kncase_bounds(c, &lo, &hi);
    TRY(kncase_input(c, (size_t)(s->oh * row * s->c) * sizeof *sums, &sums));
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int i = 0; i < s->ow * s->c; i++)
            sums[oy * row * s->c + i] = magnitude(s, x + i % s->c, oy, i / s->c);
    }
    TRY(kncase_outputs(c, shape.out * sizeof *x, &y));
    ref->run(s, x, lo, hi, (float *)(void *)y.ref);
    simd->run(s, x, lo, hi, (float *)(void *)y.simd);
    return kncase_close(c, &simd->facts, &y, (s->oh - 1) * row + s->ow, s->c, (int)s->y_step_x, sums,
                        s->kernel_h * s->kernel_w);
}

enum status kncase_avgpool_u8_nhwc(struct kncase *c)
{
    const struct kn_avgpool_u8 *ref = &c->ref->avgpool_u8_nhwc, *simd = &c->simd->avgpool_u8_nhwc;
    struct shape shape = pick(c, kncase_size(c, simd->facts.nr, 140), kncase_chance(c, 2));
    float ratio = kncase_chance(c, 3) ? 1.0f : ldexpf(1 + rng_f32(&c->rng), kncase_below(c, 40) - 8);
    int32_t zero_in = kncase_chance(c, 3) ? 0 : kncase_below(c, 256), zero_out = kncase_below(c, 256);
    int32_t lo = kncase_below(c, 256), hi = lo + kncase_below(c, 256 - lo);
    struct kncase_outputs y;
    uint8_t *x;
    TRY(kncase_u8(c, shape.in, &x));
    TRY(kncase_outputs(c, shape.out, &y));
    ref->run(&shape.s, x, ratio, zero_in, zero_out, lo, hi, y.ref);
    simd->run(&shape.s, x, ratio, zero_in, zero_out, lo, hi, y.simd);
    return kncase_same(c, &simd->facts, &y);
}
