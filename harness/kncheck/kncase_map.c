/* Cases of elementwise operators on one or two tensors, and of the operators that work row by row. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/requant.h"
#include "kncheck/kncase.h"

/* Both tensors of a binary operator: `count` elements and b_count that repeat; by chance y may lie on a. */
struct pair {
    size_t count, b_count;
    int in_place;
};

static struct pair pick_pair(struct kncase *c, const struct kn_facts *facts)
{
    struct pair p;
    int channels = kncase_size(c, facts->nr, 200), repeats = kncase_chance(c, 2) ? 1 : 1 + kncase_below(c, 5);
    p.b_count = (size_t)channels;
    p.count = (size_t)channels * (size_t)repeats;
    p.in_place = kncase_chance(c, 4);
    kncase_describe(c, "count %zu, second operand %zu%s", p.count, p.b_count, p.in_place ? ", in place" : "");
    return p;
}

static enum status binary_f32(struct kncase *c, const struct kn_facts *facts, kn_binary_f32_fn ref,
                              kn_binary_f32_fn simd)
{
    struct pair p = pick_pair(c, facts);
    struct kncase_outputs y;
    float *a, *b, lo, hi;
    TRY(kncase_wild_f32(c, p.count, &a));
    TRY(kncase_wild_f32(c, p.b_count, &b));
    kncase_bounds(c, &lo, &hi);
    TRY(kncase_outputs(c, p.count * sizeof *a, &y));
    ref(a, b, p.count, p.b_count, lo, hi, (float *)(void *)y.ref);
    if (p.in_place) {
        memcpy(y.simd, a, p.count * sizeof *a);
        a = (float *)(void *)y.simd;
    }
    simd(a, b, p.count, p.b_count, lo, hi, (float *)(void *)y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_add_f32(struct kncase *c)
{
    return binary_f32(c, &c->simd->add_f32.facts, c->ref->add_f32.run, c->simd->add_f32.run);
}

enum status kncase_mul_f32(struct kncase *c)
{
    return binary_f32(c, &c->simd->mul_f32.facts, c->ref->mul_f32.run, c->simd->mul_f32.run);
}

/* Scales near the ratios of real layers, at times powers of two (ties) or so steep that everything saturates. */
static float pick_scale(struct kncase *c, float ordinary)
{
    if (kncase_chance(c, 3))
        return ldexpf(1.0f, kncase_below(c, 10) - 8);
    return kncase_chance(c, 16) ? 1e30f : ordinary * (0.5f + rng_f32(&c->rng));
}

static enum status binary_u8(struct kncase *c, const struct kn_facts *facts, kn_binary_u8_fn ref, kn_binary_u8_fn simd,
                             float ordinary)
{
    struct pair p = pick_pair(c, facts);
    struct kn_binary_u8_params params;
    struct kncase_outputs y;
    uint8_t *a, *b;
    params.scale_a = pick_scale(c, ordinary);
    params.scale_b = pick_scale(c, ordinary);
    params.zero_a = kncase_below(c, 256);
    params.zero_b = kncase_below(c, 256);
    params.zero_y = kncase_below(c, 256);
    params.lo = kncase_chance(c, 2) ? params.zero_y : 0;
    params.hi = kncase_chance(c, 4) ? params.lo + kncase_below(c, 256 - params.lo) : 255;
    TRY(kncase_u8(c, p.count, &a));
    TRY(kncase_u8(c, p.b_count, &b));
    TRY(kncase_outputs(c, p.count, &y));
    ref(a, b, p.count, p.b_count, &params, y.ref);
    if (p.in_place) {
        memcpy(y.simd, a, p.count);
        a = y.simd;
    }
    simd(a, b, p.count, p.b_count, &params, y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_add_u8(struct kncase *c)
{
    return binary_u8(c, &c->simd->add_u8.facts, c->ref->add_u8.run, c->simd->add_u8.run, 0.7f);
}

enum status kncase_mul_u8(struct kncase *c)
{
    return binary_u8(c, &c->simd->mul_u8.facts, c->ref->mul_u8.run, c->simd->mul_u8.run, 0.01f);
}

enum status kncase_lut_u8(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->lut_u8.facts;
    size_t count = (size_t)kncase_size(c, facts->nr, 500);
    int in_place = kncase_chance(c, 4);
    struct kncase_outputs y;
    uint8_t *x, *lut;
    kncase_describe(c, "count %zu%s", count, in_place ? ", in place" : "");
    TRY(kncase_u8(c, count, &x));
    TRY(kncase_input(c, 256, &lut));
    for (int i = 0; i < 256; i++)
        lut[i] = (uint8_t)kncase_below(c, 256);
    TRY(kncase_outputs(c, count, &y));
    c->ref->lut_u8.run(x, count, lut, y.ref);
    if (in_place) {
        memcpy(y.simd, x, count);
        x = y.simd;
    }
    c->simd->lut_u8.run(x, count, lut, y.simd);
    return kncase_same(c, facts, &y);
}

enum status kncase_dequant_u8_f32(struct kncase *c)
{
    const struct kn_facts *facts = &c->simd->dequant_u8_f32.facts;
    size_t count = (size_t)kncase_size(c, facts->nr, 300);
    int32_t zero_point = kncase_below(c, 256);
    float scale = ldexpf(1 + rng_f32(&c->rng), kncase_below(c, 60) - 30);
    struct kncase_outputs y;
    uint8_t *x;
    kncase_describe(c, "count %zu", count);
    TRY(kncase_u8(c, count, &x));
    TRY(kncase_outputs(c, count * sizeof(float), &y));
    c->ref->dequant_u8_f32.run(x, count, scale, zero_point, (float *)(void *)y.ref);
    c->simd->dequant_u8_f32.run(x, count, scale, zero_point, (float *)(void *)y.simd);
    return kncase_same(c, facts, &y);
}

/* Equal bits wherever a value stands: `part` holds what the kernel made of the elements from `first` on. */
static enum status same_bits(const struct kncase *c, const struct kn_facts *facts, const unsigned char *whole,
                             const unsigned char *part, size_t count)
{
    if (memcmp(whole, part, count * sizeof(float)) != 0)
        return status_fail(ST_MISMATCH, "%s: other bits at another place or in place (%s)", facts->name, c->text);
    return ST_OK;
}

/* Against the reference, then the later part of x again, in place. */
static enum status unary_f32(struct kncase *c, const struct kn_facts *facts, kn_unary_f32_fn ref, kn_unary_f32_fn simd)
{
    int count = kncase_size(c, facts->nr, 200), first = kncase_below(c, count);
    struct kncase_outputs y;
    double *magnitude;
    float *x;
    kncase_describe(c, "count %d, again from %d", count, first);
    TRY(kncase_wild_f32(c, (size_t)count, &x));
    TRY(kncase_input(c, (size_t)count * sizeof *magnitude, &magnitude));
    for (int i = 0; i < count; i++)
        magnitude[i] = isfinite(x[i]) ? fmax(1, fabs((double)x[i])) : 1;
    TRY(kncase_outputs(c, (size_t)count * sizeof *x, &y));
    ref(x, (size_t)count, (float *)(void *)y.ref);
    simd(x, (size_t)count, (float *)(void *)y.simd);
    TRY(kncase_within(c, facts, &y, 1, count, count, magnitude, (double)KN_TOLERANCE_UNARY));
    simd(x + first, (size_t)(count - first), x + first);
    return same_bits(c, facts, y.simd + (size_t)first * sizeof *x, (unsigned char *)(x + first),
                     (size_t)(count - first));
}

enum status kncase_hardswish_f32(struct kncase *c)
{
    return unary_f32(c, &c->simd->hardswish_f32.facts, c->ref->hardswish_f32.run, c->simd->hardswish_f32.run);
}

enum status kncase_sigmoid_f32(struct kncase *c)
{
    return unary_f32(c, &c->simd->sigmoid_f32.facts, c->ref->sigmoid_f32.run, c->simd->sigmoid_f32.run);
}

enum status kncase_gelu_f32(struct kncase *c)
{
    return unary_f32(c, &c->simd->gelu_f32.facts, c->ref->gelu_f32.run, c->simd->gelu_f32.run);
}

/* Rows of ordinary values up to `scale`; at times a constant row, or one with a few values of `odd`. */
static void fill_rows(struct kncase *c, int rows, int cols, float scale, float odd, float *x)
{
    for (int r = 0; r < rows; r++, x += cols) {
        int constant = kncase_chance(c, 8), some_odd = kncase_chance(c, 4);
        for (int i = 0; i < cols; i++) {
            x[i] = constant && i > 0 ? x[0] : scale * (2 * rng_f32(&c->rng) - 1);
            if (some_odd && kncase_chance(c, 1 + cols / 2))
                x[i] = odd;
        }
    }
}

static void pick_rows(struct kncase *c, const struct kn_facts *facts, int *rows, int *cols, int *again)
{
    *rows = 1 + kncase_below(c, 5);
    *cols = kncase_size(c, facts->nr, 200);
    *again = kncase_below(c, *rows);
    kncase_describe(c, "rows %d cols %d, row %d again", *rows, *cols, *again);
}

enum status kncase_softmax_f32(struct kncase *c)
{
    static const float odd[] = {-INFINITY, -INFINITY, NAN, INFINITY, 3e38f, -3e38f};
    const struct kn_facts *facts = &c->simd->softmax_f32.facts;
    struct kncase_outputs y;
    double *magnitude;
    int rows, cols, again;
    size_t count, from;
    float *x;
    pick_rows(c, facts, &rows, &cols, &again);
    count = (size_t)rows * (size_t)cols;
    from = (size_t)again * (size_t)cols;
    TRY(kncase_input(c, count * sizeof *x, &x));
    fill_rows(c, rows, cols, ldexpf(1, kncase_below(c, 10) - 2), odd[kncase_below(c, 6)], x);
    TRY(kncase_input(c, count * sizeof *magnitude, &magnitude));
    for (size_t i = 0; i < count; i++)
        magnitude[i] = 1;
    TRY(kncase_outputs(c, count * sizeof *x, &y));
    c->ref->softmax_f32.run(x, rows, cols, (float *)(void *)y.ref);
    c->simd->softmax_f32.run(x, rows, cols, (float *)(void *)y.simd);
    TRY(kncase_within(c, facts, &y, rows, cols, cols, magnitude, (double)KN_TOLERANCE_UNARY));
    c->simd->softmax_f32.run(x + from, 1, cols, x + from);
    return same_bits(c, facts, y.simd + from * sizeof *x, (unsigned char *)(x + from), (size_t)cols);
}

/* What each output's tolerance is relative to: the row's largest |x| over its deviation, times |gamma|, plus |beta|. */
static void layernorm_magnitude(const float *x, int cols, const float *gamma, const float *beta, float epsilon,
                                double *magnitude)
{
    double mean = 0, variance = 0, largest = 0;
    for (int i = 0; i < cols; i++) {
        mean += (double)x[i] / cols;
        largest = fmax(largest, fabs((double)x[i]));
    }
    for (int i = 0; i < cols; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / cols;
    for (int i = 0; i < cols; i++)
        magnitude[i] = fabs((double)gamma[i]) * largest / sqrt(variance + (double)epsilon) + fabs((double)beta[i]);
}

enum status kncase_layernorm_f32(struct kncase *c)
{
    static const float odd[] = {NAN, INFINITY, 0, 1e9f};
    const struct kn_facts *facts = &c->simd->layernorm_f32.facts;
    float *x, *gamma, *beta, epsilon = kncase_chance(c, 2) ? 1e-5f : 1e-12f, offset = kncase_chance(c, 3) ? 100.0f : 0;
    struct kncase_outputs y;
    double *magnitude;
    int rows, cols, again;
    size_t count, from;
    pick_rows(c, facts, &rows, &cols, &again);
    count = (size_t)rows * (size_t)cols;
    from = (size_t)again * (size_t)cols;
    TRY(kncase_input(c, count * sizeof *x, &x));
    fill_rows(c, rows, cols, ldexpf(1, kncase_below(c, 16) - 8), odd[kncase_below(c, 4)], x);
    for (size_t i = 0; i < count; i++)
        x[i] += offset;
    TRY(kncase_f32(c, (size_t)cols, &gamma));
    TRY(kncase_f32(c, (size_t)cols, &beta));
    TRY(kncase_input(c, count * sizeof *magnitude, &magnitude));
    for (int r = 0; r < rows; r++)
        layernorm_magnitude(x + (size_t)r * (size_t)cols, cols, gamma, beta, epsilon,
                            magnitude + (size_t)r * (size_t)cols);
    TRY(kncase_outputs(c, count * sizeof *x, &y));
    c->ref->layernorm_f32.run(x, rows, cols, gamma, beta, epsilon, (float *)(void *)y.ref);
    c->simd->layernorm_f32.run(x, rows, cols, gamma, beta, epsilon, (float *)(void *)y.simd);
    TRY(kncase_within(c, facts, &y, rows, cols, cols, magnitude, (double)kn_tolerance_f32(cols)));
    c->simd->layernorm_f32.run(x + from, 1, cols, gamma, beta, epsilon, x + from);
    return same_bits(c, facts, y.simd + from * sizeof *x, (unsigned char *)(x + from), (size_t)cols);
}
