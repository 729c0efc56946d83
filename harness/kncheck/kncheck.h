/* The proof of the kernels: every kernel at every ISA level of this CPU against the reference, on random cases made
 * of edge sizes, hostile values, guard zones around outputs and inputs of exact size. Integers and everything that
 * only moves or rounds must agree in every bit; float sums within kn_tolerance_f32.
 *
 *   struct kncheck_options options = {.seed = 1, .cases = 10000, .mask = kn_cpu_isa()};
 *   struct kncheck_summary summary;
 *   TRY(kncheck_run(&options, stdout, &summary));
 *   if (summary.failed) ...
 *
 * It proves agreement, not speed: see knbench.h. */
#ifndef KNCHECK_KNCHECK_H
#define KNCHECK_KNCHECK_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "kernels/kernels.h"

struct kncheck_options {
    uint64_t seed;
    int cases;          /* share of one kernel: this, divided evenly by the number of contracts */
    uint32_t mask;      /* levels to check: those that need no bit outside of it */
    const char *filter; /* fnmatch pattern on contracts and kernels; NULL: all */
};

struct kncheck_summary {
    uint64_t cases, failed; /* over all levels */
    int levels;             /* checked, the reference not counted */
    int levels_missing;     /* in the rosters, but not in this CPU or outside the mask */
    int kernels;            /* with at least one case */
};

/* Runs the cases and writes a line per contract and level and a total to `out` (NULL: silent). A wrong kernel is
 * counted, described on `out` with its case, and is no error; errors are ST_NOMEM and ST_BADARG (no kernel matches
 * the filter). */
enum status kncheck_run(const struct kncheck_options *options, FILE *out, struct kncheck_summary *summary);

#endif
