/* The matrix: suite → array of cells. Pure: no files, no clock.
 *
 * Cells stand in running order: seed, model, recipe, then kernel, ISA level, threads, batch, so that a recipe's
 * artifact is made once and used by neighbours. */
#ifndef PLAN_H
#define PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "suite.h"

enum { PLAN_ID = 160, PLAN_LEVELS = 8 };

struct plan_cell {
    /* model/config/kernel/t<threads>/b<batch>; SIMD cells have /<isa> behind it when the run has several levels, all
     * cells /s<seed> when the suite has several seeds */
    char id[PLAN_ID];
    char baseline[PLAN_ID]; /* the FP32 SIMD cell that its speed-up is against: the run's highest level */
    int model, recipe;      /* indices into the suite */
    int simd, threads, batch;
    uint32_t isa; /* mask of a SIMD cell's level when the run has several, else 0: the run's only one */
    int absent;   /* this processor lacks that level: a row that says so */
    uint64_t seed;
};

/* An ISA level as an axis; `name` is static. */
struct plan_level {
    const char *name;
    uint32_t mask;
    int absent;
};

struct plan {
    struct plan_cell *cell; /* owned */
    size_t cells;
};

struct plan_options {
    const char *filter; /* glob over ids, comma-separated alternatives; NULL: all. '*' crosses slashes */
    struct plan_level level[PLAN_LEVELS]; /* of the SIMD cells, from the lowest up */
    int levels;                           /* 0 or 1: no axis, no name in the id */
    int shard, shards; /* keep the groups (cells of one artifact) that are left after the filter and have index % shards
                          == shard - 1; shards 0 or 1: all */
};

/* ST_BADARG when the filter leaves nothing. A shard may be empty: there are more shards than groups. *out is
 * overwritten. */
enum status plan_expand(const struct suite *suite, const struct plan_options *options, struct plan *out);
void plan_free(struct plan *plan);

#endif
