/* The raw times of one cell of a comparison, out of pairs.jsonl (schema packlight.pairs/1, which measure/duet.h
 * writes): what the plots of single cells need, nothing else. Verdicts never come from here.
 *
 *   TRY(pairs_load("results/latest-compare/pairs.jsonl", &file));
 *   TRY(pairs_find(&file, "lenet5/qat-s8/simd/t1/b1", 0, &pairs));   // ST_SKIP: not there
 *   for (size_t i = 0; i < pairs.rounds; i++) ... pairs.round[i].b_ns / pairs.round[i].a_ns ...
 *   pairs_free(&pairs);
 *   pairs_unload(&file); */
#ifndef REPORT_PAIRS_H
#define REPORT_PAIRS_H

#include <stddef.h>

#include "base/status.h"

#define PAIRS_SCHEMA "packlight.pairs/1"

/* One round: both sides, one after the other. */
struct pairs_round {
    double a_ns, b_ns; /* per call: best clean batch; of all batches if none is clean; sliced: sum of the slices that
                        * are clean on both sides (of all, if none is) */
    int pair;          /* of processes, counted over all stages from 0 */
    int stage;
    int b_first;
    int dropped; /* a side had no clean batch; sliced: fewer than half of the slice pairs were clean */
};

/* One batch of one side; not of sliced cells, whose batches are parts of a call. */
struct pairs_batch {
    double ns; /* per call */
    int b;     /* 1: side B */
    int contaminated;
};

struct pairs {
    struct pairs_round *round; /* owned; in the order in which they ran */
    size_t rounds;
    struct pairs_batch *batch; /* owned */
    size_t batches;
    int pairs; /* of processes */
    int sliced;
};

struct pairs_file {
    char *name, *bytes; /* owned; bytes NULL when there is no such file */
    size_t len;
};

/* A file that is not there is no error. ST_IO, ST_FORMAT when it is larger than 1 GiB. */
enum status pairs_load(const char *path, struct pairs_file *out);
void pairs_unload(struct pairs_file *file);
/* All stages of the cell: its own comparison (sentinel NULL) or that sentinel's ("sentinel-aa"). Only the lines of this
 * cell are read, and these strictly; a last line that a kill cut off is left out. ST_SKIP when there is none, ST_FORMAT
 * naming file, line and member, ST_NOMEM. */
enum status pairs_find(const struct pairs_file *file, const char *cell, const char *sentinel, struct pairs *out);
void pairs_free(struct pairs *pairs);
/* Median of ln(B / A) over the kept rounds of a pair of processes; NaN when none was kept. */
double pairs_median(const struct pairs *pairs, int pair);

#endif
