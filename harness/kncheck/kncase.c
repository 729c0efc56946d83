#include "kncheck/kncase.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD_BYTE = 0xa5 };

void kncase_begin(struct kncase *c, uint64_t seed, uint64_t stream, const struct kn_table *ref,
                  const struct kn_table *simd)
{
    memset(c, 0, sizeof *c);
    rng_seed(&c->rng, seed, stream);
    c->ref = ref;
    c->simd = simd;
}

void kncase_end(struct kncase *c)
{
    while (c->blocks > 0)
        free(c->block[--c->blocks]);
}

void kncase_describe(struct kncase *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->text, sizeof c->text, format, args);
    va_end(args);
}

/* Exactly `bytes`: the address sanitizer sees the first byte too far. */
static enum status block(struct kncase *c, size_t bytes, unsigned char **out)
{
    void *pointer;
    if (c->blocks == KNCASE_BLOCKS)
        return status_fail(ST_NOMEM, "a kernel case needs more than %d buffers", KNCASE_BLOCKS);
    if (posix_memalign(&pointer, 64, bytes) != 0)
        return status_fail(ST_NOMEM, "cannot allocate %zu bytes", bytes);
    c->block[c->blocks++] = pointer;
    *out = pointer;
    return ST_OK;
}

enum status kncase_input(struct kncase *c, size_t bytes, void *out_pointer)
{
    unsigned char *data;
    TRY(block(c, bytes + KN_SLACK, &data));
    memset(data, 0, bytes);
    memset(data + bytes, 0xff, KN_SLACK);
    memcpy(out_pointer, &data, sizeof data);
    return ST_OK;
}

enum status kncase_outputs(struct kncase *c, size_t bytes, struct kncase_outputs *out)
{
    struct kncase_outputs pair = {NULL, NULL, bytes};
    TRY(block(c, bytes + 2 * KNCASE_GUARD, &pair.ref));
    TRY(block(c, bytes + 2 * KNCASE_GUARD, &pair.simd));
    memset(pair.ref, GUARD_BYTE, bytes + 2 * KNCASE_GUARD);
    memset(pair.simd, GUARD_BYTE, bytes + 2 * KNCASE_GUARD);
    pair.ref += KNCASE_GUARD;
    pair.simd += KNCASE_GUARD;
    *out = pair;
    return ST_OK;
}

/* First byte in [from, to) that differs, or `to`. */
static ptrdiff_t first_difference(const struct kncase_outputs *outputs, ptrdiff_t from, ptrdiff_t to)
{
    if (from < to && memcmp(outputs->ref + from, outputs->simd + from, (size_t)(to - from)) != 0) {
        while (outputs->ref[from] == outputs->simd[from])
            from++;
        return from;
    }
    return to;
}

static enum status byte_mismatch(const struct kncase *c, const struct kn_facts *facts,
                                 const struct kncase_outputs *outputs, ptrdiff_t at)
{
    const char *place = at < 0 || at >= (ptrdiff_t)outputs->bytes ? "guard zone" : "output";
    return status_fail(ST_MISMATCH, "%s: %s byte %td of %zu is %d, reference %d (%s)", facts->name, place, at,
                       outputs->bytes, outputs->simd[at], outputs->ref[at], c->text);
}

enum status kncase_same(const struct kncase *c, const struct kn_facts *facts, const struct kncase_outputs *outputs)
{
    ptrdiff_t end = (ptrdiff_t)outputs->bytes + KNCASE_GUARD;
    ptrdiff_t at = first_difference(outputs, -KNCASE_GUARD, end);
    return at < end ? byte_mismatch(c, facts, outputs, at) : ST_OK;
}

/* NaN agrees with NaN, an infinity with itself. */
static int is_within(float got, float want, double allowed)
{
    return got == want || (isnan(got) && isnan(want)) || fabs((double)got - (double)want) <= allowed;
}

enum status kncase_within(const struct kncase *c, const struct kn_facts *facts, const struct kncase_outputs *outputs,
                          int rows, int cols, int ld, const double *magnitude, double tolerance)
{
    ptrdiff_t done = -KNCASE_GUARD, end = (ptrdiff_t)outputs->bytes + KNCASE_GUARD;
    for (int r = 0; r < rows; r++) {
        ptrdiff_t row = (ptrdiff_t)r * ld * (ptrdiff_t)sizeof(float);
        ptrdiff_t at = first_difference(outputs, done, row);
        if (at < row)
            return byte_mismatch(c, facts, outputs, at);
        done = row + cols * (ptrdiff_t)sizeof(float);
        for (int j = 0; j < cols; j++) {
            float want, got;
            memcpy(&want, outputs->ref + row + j * (ptrdiff_t)sizeof want, sizeof want);
            memcpy(&got, outputs->simd + row + j * (ptrdiff_t)sizeof got, sizeof got);
            if (!is_within(got, want, tolerance * magnitude[(size_t)r * (size_t)cols + (size_t)j]))
                return status_fail(ST_MISMATCH, "%s: output (%d, %d) is %.9g, reference %.9g (%s)", facts->name, r, j,
                                   (double)got, (double)want, c->text);
        }
    }
    done = first_difference(outputs, done, end);
    return done < end ? byte_mismatch(c, facts, outputs, done) : ST_OK;
}

enum status kncase_close(const struct kncase *c, const struct kn_facts *facts, const struct kncase_outputs *outputs,
                         int rows, int cols, int ld, const double *magnitude, int k)
{
    return kncase_within(c, facts, outputs, rows, cols, ld, magnitude, (double)kn_tolerance_f32(k));
}

int kncase_below(struct kncase *c, int bound)
{
    return (int)rng_below(&c->rng, (uint32_t)bound);
}

int kncase_chance(struct kncase *c, int one_in)
{
    return kncase_below(c, one_in) == 0;
}

int kncase_size(struct kncase *c, int tile, int max)
{
    static const int primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 61, 67, 71, 97, 101};
    int size;
    switch (kncase_below(c, 8)) {
    case 0:
        size = 1;
        break;
    case 1:
        size = tile - 1;
        break;
    case 2:
        size = tile;
        break;
    case 3:
        size = tile + 1;
        break;
    case 4:
        size = 2 * tile;
        break;
    case 5:
        size = primes[kncase_below(c, (int)(sizeof primes / sizeof *primes))];
        break;
    default:
        size = 1 + kncase_below(c, 3 * tile);
    }
    return size < 1 ? 1 : size > max ? max : size;
}

enum pattern { ORDINARY, ZERO, SINGLE, EXTREME, ALTERNATING, SPARSE, PAIRED, TRAINED, PATTERNS };

/* Half of all cases are ordinary. */
static enum pattern pick_pattern(struct kncase *c)
{
    return kncase_chance(c, 2) ? ORDINARY : (enum pattern)kncase_below(c, PATTERNS);
}

enum status kncase_f32(struct kncase *c, size_t count, float **out)
{
    enum pattern pattern = pick_pattern(c);
    size_t single = count ? (size_t)kncase_below(c, (int)count) : 0;
    float *x;
    TRY(kncase_input(c, count * sizeof *x, &x));
    for (size_t i = 0; i < count; i++) {
        float v = 2 * rng_f32(&c->rng) - 1;
        if (pattern == ZERO || (pattern == SINGLE && i != single) || (pattern == SPARSE && kncase_below(c, 10) != 0))
            v = 0;
        else if (pattern == EXTREME)
            v = 1e15f * v;
        else if (pattern == ALTERNATING)
            v = i & 1 ? 1.0f : -1.0f;
        x[i] = v;
    }
    *out = x;
    return ST_OK;
}

/* Laplace-distributed, as the weights of trained layers are, so that about one in a thousand is cut off at 127. */
static int trained_weight(struct kncase *c)
{
    double u = (double)rng_f32(&c->rng) - 0.5, v = -18 * log(1 - 2 * fabs(u) + 1e-9);
    v = v < 127 ? v : 127;
    return (int)(u < 0 ? -v : v);
}

/* Runs of equal signs at or beside the sizes where sums of two or four products leave 16 bits. */
static int paired_weight(struct kncase *c, size_t i)
{
    static const int size[] = {63, 64, 65, 127, 126, 128, 32, 33};
    int v = size[kncase_below(c, (int)(sizeof size / sizeof *size))];
    return i / 8 & 1 ? -v : v < 128 ? v : 127;
}

enum status kncase_s8(struct kncase *c, size_t count, int8_t **out)
{
    enum pattern pattern = pick_pattern(c);
    size_t single = count ? (size_t)kncase_below(c, (int)count) : 0;
    int keep = 1 + kncase_below(c, 99), extreme = kncase_chance(c, 2) ? 127 : -127;
    int8_t *x;
    TRY(kncase_input(c, count, &x));
    for (size_t i = 0; i < count; i++) {
        int v = kncase_below(c, 255) - 127;
        if (pattern == ZERO || (pattern == SINGLE && i != single) || (pattern == SPARSE && kncase_below(c, 100) > keep))
            v = 0;
        else if (pattern == EXTREME || pattern == SINGLE)
            v = extreme;
        else if (pattern == ALTERNATING)
            v = i & 1 ? 127 : -127;
        else if (pattern == PAIRED)
            v = paired_weight(c, i);
        else if (pattern == TRAINED)
            v = trained_weight(c);
        x[i] = (int8_t)v;
    }
    *out = x;
    return ST_OK;
}

enum status kncase_u8(struct kncase *c, size_t count, uint8_t **out)
{
    enum pattern pattern = pick_pattern(c);
    size_t single = count ? (size_t)kncase_below(c, (int)count) : 0;
    uint8_t *x;
    TRY(kncase_input(c, count, &x));
    for (size_t i = 0; i < count; i++) {
        int v = kncase_below(c, 256);
        if (pattern == ZERO || (pattern == SINGLE && i != single) || (pattern == SPARSE && kncase_below(c, 10) != 0))
            v = 0;
        else if (pattern == EXTREME || pattern == SINGLE || pattern == PAIRED)
            v = 255;
        else if (pattern == ALTERNATING)
            v = i & 1 ? 255 : 0;
        x[i] = (uint8_t)v;
    }
    *out = x;
    return ST_OK;
}

enum status kncase_s32(struct kncase *c, size_t count, int32_t **out)
{
    int shift = kncase_below(c, 32);
    int32_t *x;
    TRY(kncase_input(c, count * sizeof *x, &x));
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)(rng_u64(&c->rng) >> 32);
        x[i] = (int32_t)(bits >> shift) - (shift ? (int32_t)(UINT32_MAX >> shift >> 1) : 0);
    }
    *out = x;
    return ST_OK;
}

enum status kncase_wild_f32(struct kncase *c, size_t count, float **out)
{
    static const float wild[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-42f, -1e-42f, 3e38f, -3e38f, 0.5f, 2.5f};
    float scale = ldexpf(1.0f, kncase_below(c, 24) - 8);
    int calm = kncase_chance(c, 2);
    float *x;
    TRY(kncase_input(c, count * sizeof *x, &x));
    for (size_t i = 0; i < count; i++) {
        x[i] = scale * (2 * rng_f32(&c->rng) - 1);
        if (!calm && kncase_chance(c, 3))
            x[i] = wild[kncase_below(c, (int)(sizeof wild / sizeof *wild))];
    }
    *out = x;
    return ST_OK;
}

enum status kncase_widen(struct kncase *c, const uint8_t *x, size_t count, int16_t **out)
{
    int16_t *wide;
    TRY(kncase_input(c, count * sizeof *wide, &wide));
    for (size_t i = 0; i < count; i++)
        wide[i] = x[i];
    *out = wide;
    return ST_OK;
}

void kncase_bounds(struct kncase *c, float *lo, float *hi)
{
    *lo = kncase_chance(c, 2) ? 0.0f : -INFINITY;
    *hi = kncase_chance(c, 4) ? 0.5f : INFINITY;
}

enum status kncase_requant(struct kncase *c, int n, int k, struct kn_requant *out)
{
    int32_t *bias;
    float *scale, steep = kncase_chance(c, 8) ? 1e9f : 1.0f;
    TRY(kncase_s32(c, (size_t)n, &bias));
    TRY(kncase_input(c, (size_t)n * sizeof *scale, &scale));
    for (int j = 0; j < n; j++) {
        scale[j] = steep * (0.5f + rng_f32(&c->rng)) * 255.0f / (100.0f * 80.0f * sqrtf((float)k));
        if (!kncase_chance(c, 16))
            bias[j] %= 1 << 16;
    }
    out->bias = bias;
    out->scale = scale;
    out->zero_point = kncase_chance(c, 3) ? 0 : kncase_below(c, 256);
    out->lo = kncase_chance(c, 2) ? out->zero_point : 0;
    out->hi = kncase_chance(c, 4) ? out->lo + kncase_below(c, 256 - out->lo) : 255;
    return ST_OK;
}
