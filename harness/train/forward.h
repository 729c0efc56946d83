/* Float forward pass over a graph, in batches: validation accuracy, calibration and the simulation of
 * quantized graphs. Not the engine: it keeps every activation and is not tuned for latency.
 *
 * A graph whose values carry QUANT_STATIC and whose float weights carry scales is *simulated*: weights and
 * activations are rounded to their grids (kernels/requant.h) exactly where the integer engine rounds: once at the end
 * of a fused chain (graph_quant.h). QUANT_DYNAMIC values stay float; what a conv or fc is about to read is rounded
 * with each sample's own range, as the engine does, and other readers see the float. Batch normalizations use their
 * mean and variance. */
#ifndef TRAIN_FORWARD_H
#define TRAIN_FORWARD_H

#include "base/pool.h"
#include "graph/graph.h"
#include "io/dataset.h"
#include "train/blas.h"

struct forward;

/* Weights with scales are rounded once, here: make a new one after changing them; scales and zero points of values
 * are read at each run. Borrows graph (float weights only) and pool (may be NULL); up to `batch` images at a time.
 * ST_UNSUPPORTED for integer weights, ST_NOMEM. */
enum status forward_new(const struct graph *graph, int batch, struct pool *pool, struct forward **out);
/* The same with a choice of matrix product (forward_new: OpenBLAS). */
enum status forward_new_blas(const struct graph *graph, int batch, struct pool *pool, enum train_blas blas,
                             struct forward **out);
void forward_free(struct forward *forward);
/* Runs n <= batch images; pixels (n, c, h, w) u8 are scaled by 1/255. */
void forward_run(struct forward *forward, const uint8_t *pixels, int n);
/* Activations of value v after the last run: (n, count) float, borrowed. Before rounding to 8 bits when
 * `raw` is 1, else as the next operator sees them. */
const float *forward_value(const struct forward *forward, int v, int raw);
/* Index of each image's largest output, over a whole data set; predictions (n) may be NULL. Deterministic. */
enum status forward_predict(const struct graph *graph, const struct dataset *data, struct pool *pool,
                            uint8_t *predictions, double *out_top1);
enum status forward_predict_blas(const struct graph *graph, const struct dataset *data, struct pool *pool,
                                 enum train_blas blas, uint8_t *predictions, double *out_top1);

#endif
