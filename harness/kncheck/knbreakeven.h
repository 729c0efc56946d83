/* From which sparsity on sparse kernels pay: every sparse kernel of a level against the dense kernel of the same level,
 * on layer shapes that occur, at sparsities from 30 to 98 %. Dense and sparse alternate in short blocks of the
 * processor's time; every round gives one ratio per sparsity. The crossing is that of the medians; its spread is that
 * of rounds drawn anew. Times of conversions of layout around a kernel are not part of it. Prove the kernels first
 * (kncheck.h).
 *
 *   struct knbreakeven_options options = {.mask = kn_cpu_isa(), .rounds = 15};
 *   TRY(knbreakeven_run(&options, print_curve, stdout)); */
#ifndef KNCHECK_KNBREAKEVEN_H
#define KNCHECK_KNBREAKEVEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { KNBREAKEVEN_POINTS = 12, KNBREAKEVEN_ROUNDS = 101 };

struct knbreakeven_options {
    uint32_t mask;      /* the level */
    const char *filter; /* fnmatch pattern on contracts and kernels; NULL: all */
    int rounds;         /* 3 .. KNBREAKEVEN_ROUNDS */
};

struct knbreakeven_point {
    double sparsity;                  /* share of zeros, or of empty blocks, as asked for; reached to one block */
    double speed, lo, hi;             /* times as fast as dense: median, 10th and 90th percentile over the rounds */
    size_t dense_bytes, sparse_bytes; /* packed weights */
};

/* One kernel on one shape. Sparsities are shares of 1; below the first point: 0; never within the points: 1. */
struct knbreakeven_curve {
    const char *contract, *sparse, *dense; /* kernels by their full names; static */
    const char *shape;                     /* such as "conv 64->64 3x3 14x14"; static */
    char pattern[16];                      /* "single" or the blocks: "8x1" */
    int integer;
    struct knbreakeven_point point[KNBREAKEVEN_POINTS]; /* by rising sparsity */
    double faster_from, faster_lo, faster_hi;           /* of the medians; 10th and 90th percentile of drawn rounds */
    double smaller_from;
};

/* 1: go on; 0: stop (the run returns ST_OK). */
typedef int (*knbreakeven_fn)(void *context, const struct knbreakeven_curve *curve);

/* Calls visit for each curve as soon as it is measured. ST_BADARG when nothing matches or the level has no sparse
 * kernel, ST_NOMEM. */
enum status knbreakeven_run(const struct knbreakeven_options *options, knbreakeven_fn visit, void *context);

#endif
