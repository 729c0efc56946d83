/* The matrix: suite → array of cells. Pure: no files, no clock.
 *
 * Cells stand in running order: seed, model, recipe, then kernel, threads, batch, so that a recipe's artifact is made
 * once and used by neighbours. */
#ifndef PLAN_H
#define PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "suite.h"

struct plan_cell {
    char id[160];      /* model/config/kernel/t<threads>/b<batch>, and /s<seed> when the suite has several */
    int model, recipe; /* indices into the suite */
    int simd, threads, batch;
    uint64_t seed;
};

struct plan {
    struct plan_cell *cell; /* owned */
    size_t cells;
};

struct plan_options {
    const char *filter; /* glob over ids, comma-separated alternatives; NULL: all. '*' crosses slashes */
    int shard, shards;  /* keep artifact groups with index % shards == shard - 1; shards 0 or 1: all */
};

/* ST_BADARG when nothing is left. *out is overwritten. */
enum status plan_expand(const struct suite *suite, const struct plan_options *options, struct plan *out);
void plan_free(struct plan *plan);

#endif
