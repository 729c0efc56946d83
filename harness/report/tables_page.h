/* Tables that only a page has room for. */
#ifndef REPORT_TABLES_PAGE_H
#define REPORT_TABLES_PAGE_H

#include "report/grid.h"
#include "report/report.h"

/* The recipes that no other one beats in everything, in the model's order; *out_row (may be NULL) gets a malloc'ed list
 * of the rows shown, as many as the table has, owned by the caller. */
void tables_optimal(const struct report *report, const struct report_model *model, struct grid *out,
                    const struct report_row ***out_row);
/* One row per cell of the model: bytes, MACs, modelled nanojoules, hashes. */
void tables_absolute(const struct report *report, const struct report_model *model, struct grid *out);
/* What the modelled energy is made of, one row per recipe. No rows when nothing was recorded. */
void tables_energy_parts(const struct report *report, const struct report_model *model, struct grid *out);

#endif
