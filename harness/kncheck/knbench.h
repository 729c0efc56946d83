/* How fast the kernels are: every kernel on layer shapes that occur, in alternating blocks with the reference (and,
 * for sparse kernels, with the dense kernel of the same level), so that a noisy machine slows both alike. Times say
 * little, ratios much. Prove the kernels first (kncheck.h). */
#ifndef KNCHECK_KNBENCH_H
#define KNCHECK_KNBENCH_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

struct knbench_options {
    uint32_t mask;      /* level to time against the reference */
    const char *filter; /* fnmatch pattern on contracts and kernels; NULL: all */
};

/* Prints a row per kernel and shape: median ns, GMAC/s or GB/s, times as fast as the reference; for sparse kernels
 * also times as fast as dense, and the sparsity from which they win. ST_NOMEM; ST_BADARG when nothing matches. */
enum status knbench_run(const struct knbench_options *options, FILE *out);

#endif
