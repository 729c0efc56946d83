/* Further tables of a model, after the headline: energy under every table of constants, measured energy and how well
 * the proxy ranks it, cold starts. One list, so that every form of a report walks them alike. */
#ifndef REPORT_TABLES_MORE_H
#define REPORT_TABLES_MORE_H

#include "report/grid.h"
#include "report/report.h"

/* Builds the i-th table into *out (grid_free it); a table without rows says that the run has nothing for it. 0 past the
 * last, and *out untouched. */
int tables_more_at(const struct report *report, const struct report_model *model, int i, struct grid *out);

/* 1 if two tables of constants disagree about which of the two needs less. */
int tables_energy_swaps(const struct record *a, const struct record *b);

#endif
