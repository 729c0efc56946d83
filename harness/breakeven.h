/* packlight kernels --break-even: the table on the terminal, break-even.csv, and the pictures.
 *
 *   struct breakeven_options options = {.run = {.mask = kn_cpu_isa(), .rounds = 15}, .dir = "out"};
 *   TRY(breakeven_run(&options, stdout)); */
#ifndef BREAKEVEN_H
#define BREAKEVEN_H

#include <stdio.h>

#include "base/status.h"
#include "kncheck/knbreakeven.h"

struct breakeven_options {
    struct knbreakeven_options run;
    const char *dir; /* created when missing; NULL: only the table */
};

/* ST_BADARG when nothing matches, ST_IO; without gnuplot the scripts are written, and a line on stderr says so. */
enum status breakeven_run(const struct breakeven_options *options, FILE *out);

#endif
