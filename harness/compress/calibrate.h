/* Calibration: activation ranges from a stream of values, in constant memory.
 *
 *   struct calibrate_range r;
 *   TRY(calibrate_begin(&r));
 *   calibrate_add(&r, x, n);               // as often as needed
 *   TRY_OUT(calibrate_end(&r, &options, &lo, &hi));
 *   calibrate_free(&r);
 *
 * The stream is kept as its minimum, its maximum and a histogram of CALIBRATE_BINS equal bins over
 * [-limit, limit). A value outside doubles the limit (a power of two) until it fits, pairs of bins being merged, so
 * that no second pass is needed and the result does not depend on how the stream is cut into pieces.
 * Every range contains 0; NaN and infinities are counted and make calibrate_end fail. */
#ifndef COMPRESS_CALIBRATE_H
#define COMPRESS_CALIBRATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "graph/graph.h"
#include "io/dataset.h"
#include "train/train.h"

enum calibrate_method {
    CALIBRATE_MINMAX,     /* [min, max] */
    CALIBRATE_PERCENTILE, /* cuts the same share of values off each end */
    CALIBRATE_MSE         /* the clips that minimise the squared error of rounding to 256 levels */
};

struct calibrate_options {
    enum calibrate_method method;
    double percentile; /* 50..100, of CALIBRATE_PERCENTILE: 99.9 cuts 0.1 % off each end */
    int images;        /* of the training split, the first ones (it is shuffled) */
};

enum { CALIBRATE_BINS = 8192 };

struct calibrate_range {
    float lo, hi;        /* smallest and largest value seen, and 0 */
    double limit;        /* the histogram covers [-limit, limit), a power of two; 0 before the first nonzero value */
    uint64_t *bin;       /* (CALIBRATE_BINS) nonzero values; owned */
    uint64_t zeros;      /* values that were exactly 0: they are no error at any clip */
    uint64_t count;      /* finite values seen, zeros included */
    uint64_t not_finite; /* values that were NaN or infinite */
};

/* ST_NOMEM. */
enum status calibrate_begin(struct calibrate_range *range);
void calibrate_add(struct calibrate_range *range, const float *x, size_t n);
/* The range by `options->method`, lo <= 0 <= hi, within [min, max]. ST_MISMATCH after values that were not finite,
 * ST_BADARG before any value. */
enum status calibrate_end(const struct calibrate_range *range, const struct calibrate_options *options, float *out_lo,
                          float *out_hi);
void calibrate_free(struct calibrate_range *range);

/* Mean squared error of rounding the histogram to 256 levels over [lo, hi] (scale and zero point by
 * kn_range_params), as if every value stood in the middle of its bin. */
double calibrate_mse(const struct calibrate_range *range, float lo, float hi);

/* Runs a float graph over the first `options->images` images (all, if there are fewer) and sets QUANT_STATIC, scale
 * and zero point on its quantization points (graph_quant.h) and what shares them. The graph's input always takes its
 * minimum and maximum: pixels are n / 255, which 256 levels hold exactly and a clip would not. ST_MISMATCH names the
 * value. */
enum status calibrate_graph(struct graph *graph, const struct dataset *data, const struct calibrate_options *options,
                            struct pool *pool, enum train_blas blas);

#endif
