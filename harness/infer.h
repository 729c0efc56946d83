/* A whole data set through the engine: predictions, scores and exact integer outputs of every image, with the kernels
 * and the batch size that a cell times. Not a stopwatch: measure/ is. */
#ifndef INFER_H
#define INFER_H

#include <stdint.h>

#include "base/hash.h"
#include "base/pool.h"
#include "graph/graph.h"
#include "io/dataset.h"
#include "kernels/kernels.h"

struct infer {
    uint32_t n;
    int outputs;               /* scores per image */
    float *scores;             /* (n, outputs); owned */
    int32_t *raw;              /* (n, outputs) accumulators of the last layer; NULL unless graph_is_exact and the last
                                * layer makes the outputs; owned */
    int32_t *predictions;      /* (n) index of the largest score; owned */
    char raw_sha256[HASH_HEX]; /* over raw, image order, little-endian; "" where there is none */
    float tolerance;           /* of scores, relative to an image's largest; see infer_compare */
};

/* Runs all images. pool (may be NULL) only shares the work out: images are independent. ST_BADARG when the data's shape
 * or number of classes does not fit the graph. Free with infer_free. */
enum status infer_dataset(const struct graph *graph, const struct kn_table *table, int batch,
                          const struct dataset *data, struct pool *pool, struct infer *out);
void infer_free(struct infer *infer);

/* 1 if the sums of the last conv or fc are the outputs, but for scales, and the same bits with every kernel. */
int infer_raw_is_output(const struct graph *graph);

/* How much float scores may differ between kernels, relative to an image's largest; see infer_compare. */
float infer_tolerance(const struct graph *graph);

/* Pixels (count) → floats as networks see them: x / 255. */
void infer_scale(const uint8_t *pixels, size_t count, float *out);

/* ST_BADARG unless the graph takes the data set's images and has a score for each class. */
enum status infer_check_shape(const struct graph *graph, const struct dataset *data);

/* Compares a result with the reference's. Exact integer results must be equal to the bit. Scores may differ by 1e-4 of
 * an image's largest score (of 1 when smaller): layers of up to a few thousand products each, whose orders of summation
 * differ, stay well below it. Where a float operator stands before a quantized one, a value within rounding error of
 * the border between two steps may fall on either side and move what follows by a part of a step: 0.05.
 * ST_MISMATCH naming the first image that differs by more. */
enum status infer_compare(const struct infer *got, const struct infer *reference, const char *what);

#endif
