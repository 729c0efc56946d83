/* Which of a model's cells differ in what: kernel, ISA level, threads, batch, seed. Tables have columns for these and
 * say the rest once. */
#ifndef REPORT_TABLES_AXES_H
#define REPORT_TABLES_AXES_H

#include "report/report.h"

struct tables_axes {
    /* 1: more than one value (or report->all_columns). The reference's own level is none. */
    int kernel, isa, threads, batch, seed;
    int several_points; /* SIMD cells have several levels, threads or seeds */
    char same[192];     /* ", simd, avx2, 1 thread, seed 1": what does not vary; "" when everything does */
    char others[192];   /* "batch 32, 2 and 4 threads": what the report's first table leaves out; "" for nothing */
};

struct tables_axes tables_axes(const struct report *report, const struct report_model *model);

#endif
