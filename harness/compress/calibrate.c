#include "compress/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_quant.h"
#include "kernels/requant.h"
#include "train/forward.h"

enum {
    CLIP_STEPS = 100,      /* clips tried per search of CALIBRATE_MSE */
    CALIBRATE_BATCH = 128, /* images per forward pass */
    HALF = CALIBRATE_BINS / 2
};

enum status calibrate_begin(struct calibrate_range *range)
{
    memset(range, 0, sizeof *range);
    range->bin = calloc(CALIBRATE_BINS, sizeof *range->bin);
    if (!range->bin)
        return status_fail(ST_NOMEM, "calibration: no memory for a histogram of %d bins", CALIBRATE_BINS);
    return ST_OK;
}

void calibrate_free(struct calibrate_range *range)
{
    free(range->bin);
    memset(range, 0, sizeof *range);
}

/* Twice the limit: bin HALF + k becomes HALF + floor(k / 2), so neighbours merge and no value changes sides. */
static void double_limit(struct calibrate_range *range)
{
    uint64_t *bin = range->bin;

    for (int i = HALF / 2; i < HALF; i++) /* upper half, outwards */
        bin[HALF + i - HALF / 2] = bin[2 * i] + bin[2 * i + 1];
    for (int i = HALF / 2 - 1; i >= 0; i--) /* lower half, outwards */
        bin[i + HALF / 2] = bin[2 * i] + bin[2 * i + 1];
    memset(bin, 0, HALF / 2 * sizeof *bin);
    memset(bin + HALF + HALF / 2, 0, HALF / 2 * sizeof *bin);
    range->limit *= 2;
}

static void fit_limit(struct calibrate_range *range, double magnitude)
{
    if (range->limit == 0) {
        int exponent;
        (void)frexp(magnitude, &exponent); /* magnitude < 2^exponent */
        range->limit = ldexp(1.0, exponent);
    }
    while (magnitude >= range->limit)
        double_limit(range);
}

void calibrate_add(struct calibrate_range *range, const float *x, size_t n)
{
    double per_width = range->limit > 0 ? HALF / range->limit : 0;

    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        if (!isfinite(x[i])) {
            range->not_finite++;
            continue;
        }
        range->count++;
        if (x[i] == 0) {
            range->zeros++;
            continue;
        }
        if (fabs(v) >= range->limit) {
            fit_limit(range, fabs(v));
            per_width = HALF / range->limit;
        }
        if (x[i] < range->lo)
            range->lo = x[i];
        if (x[i] > range->hi)
            range->hi = x[i];
        /* A power-of-two width makes the quotient exact, hence the same bin before and after any merge. */
        range->bin[HALF + (int)floor(v * per_width)]++;
    }
}

static double bin_width(const struct calibrate_range *range)
{
    return range->limit / HALF;
}

double calibrate_mse(const struct calibrate_range *range, float lo, float hi)
{
    double sum = 0, width = bin_width(range);
    float scale;
    int32_t zero_point;

    if (range->count == 0)
        return 0;
    kn_range_params(lo, hi, &scale, &zero_point);
    for (int i = 0; i < CALIBRATE_BINS; i++) {
        double x, error;
        if (range->bin[i] == 0)
            continue;
        x = (i - HALF + 0.5) * width;
        error = x - (double)scale * (kn_quantize((float)x, 1.0f / scale, zero_point) - zero_point);
        sum += (double)range->bin[i] * error * error;
    }
    return sum / (double)range->count;
}

static void find_percentile(const struct calibrate_range *range, double percentile, float *out_lo, float *out_hi)
{
    uint64_t cut = (uint64_t)floor((1.0 - percentile / 100.0) * (double)range->count + 1e-9);
    uint64_t seen = 0;
    double width = bin_width(range);
    int i;

    /* Outermost edge of the first bin, counted from the end, that cannot be cut off as a whole. */
    for (i = CALIBRATE_BINS - 1; i >= HALF && seen + range->bin[i] <= cut; i--)
        seen += range->bin[i];
    *out_hi = fminf(range->hi, (float)((i + 1 - HALF) * width));
    seen = 0;
    for (i = 0; i < HALF && seen + range->bin[i] <= cut; i++)
        seen += range->bin[i];
    *out_lo = fmaxf(range->lo, (float)((i - HALF) * width));
}

/* Scans clips from the full range inwards: both ends together, then each by itself. Strictly smaller errors only, so
 * the widest of equals stays. */
static void find_mse(const struct calibrate_range *range, float *out_lo, float *out_hi)
{
    float lo = range->lo, hi = range->hi;
    double best = calibrate_mse(range, lo, hi);

    for (int pass = 0; pass < 3; pass++) {
        float from_lo = lo, from_hi = hi;
        if ((pass == 1 && hi == 0) || (pass == 2 && lo == 0))
            continue;
        for (int i = CLIP_STEPS - 1; i > 0; i--) {
            float share = (float)i / CLIP_STEPS;
            float try_lo = pass == 1 ? from_lo : from_lo * share;
            float try_hi = pass == 2 ? from_hi : from_hi * share;
            double error = calibrate_mse(range, try_lo, try_hi);
            if (error < best) {
                best = error;
                lo = try_lo;
                hi = try_hi;
            }
        }
    }
    *out_lo = lo;
    *out_hi = hi;
}

enum status calibrate_end(const struct calibrate_range *range, const struct calibrate_options *options, float *out_lo,
                          float *out_hi)
{
    if (range->not_finite > 0)
        return status_fail(ST_MISMATCH, "calibration met %llu values that are not finite",
                           (unsigned long long)range->not_finite);
    if (range->count == 0)
        return status_fail(ST_BADARG, "calibration met no values");
    switch (options->method) {
    case CALIBRATE_PERCENTILE:
        find_percentile(range, options->percentile, out_lo, out_hi);
        break;
    case CALIBRATE_MSE:
        find_mse(range, out_lo, out_hi);
        break;
    case CALIBRATE_MINMAX:
        *out_lo = range->lo;
        *out_hi = range->hi;
        break;
    }
    return ST_OK;
}

static enum status collect(const struct graph *graph, const struct dataset *data, uint32_t images, struct pool *pool,
                           enum train_blas blas, struct calibrate_range *range)
{
    struct forward *forward = NULL;
    size_t pixels = (size_t)data->c * (size_t)data->h * (size_t)data->w;

    TRY(forward_new_blas(graph, CALIBRATE_BATCH, pool, blas, &forward));
    for (uint32_t at = 0; at < images; at += CALIBRATE_BATCH) {
        int n = images - at < CALIBRATE_BATCH ? (int)(images - at) : CALIBRATE_BATCH;
        forward_run(forward, data->pixels + at * pixels, n);
        for (int v = 0; v < graph->values; v++)
            if (range[v].bin)
                calibrate_add(&range[v], forward_value(forward, v, 1), (size_t)n * value_count(&graph->value[v]));
    }
    forward_free(forward);
    return ST_OK;
}

enum status calibrate_graph(struct graph *graph, const struct dataset *data, const struct calibrate_options *options,
                            struct pool *pool, enum train_blas blas)
{
    enum status st = ST_OK;
    uint32_t images = (uint32_t)options->images < data->n ? (uint32_t)options->images : data->n;
    struct calibrate_range *range = calloc((size_t)graph->values, sizeof *range);

    if (!range)
        return status_fail(ST_NOMEM, "%s: no memory to calibrate %d values", graph->name, graph->values);
    for (int v = 0; v < graph->values; v++)
        if (graph_is_quant_point(graph, v))
            TRY_OUT(calibrate_begin(&range[v]));
    TRY_OUT(collect(graph, data, images, pool, blas, range));
    for (int v = 0; v < graph->values; v++) {
        struct calibrate_options how = *options;
        struct value *value = &graph->value[v];
        float lo = 0, hi = 0;
        if (!range[v].bin)
            continue;
        if (v == graph_input(graph))
            how.method = CALIBRATE_MINMAX;
        st = calibrate_end(&range[v], &how, &lo, &hi);
        if (st != ST_OK) {
            status_prefix(st, "%s, value %s", graph->name, value->name);
            goto out;
        }
        value->quant = QUANT_STATIC;
        kn_range_params(lo, hi, &value->scale, &value->zero_point);
    }
    graph_quant_spread(graph);
out:
    for (int v = 0; v < graph->values; v++)
        calibrate_free(&range[v]);
    free(range);
    return st;
}
