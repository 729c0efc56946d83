/* Which recipe to ship: the best of a model's rows under a limit for the accuracy that may be lost, and the rows that
 * no other row beats in everything. Compares recorded figures; computes none. */
#ifndef REPORT_CHOOSE_H
#define REPORT_CHOOSE_H

#include "report/report.h"

enum choose_by { CHOOSE_SMALLEST, CHOOSE_FASTEST, CHOOSE_CHEAPEST };

/* The limit that recommendations take unless the reader gives another, percentage points. */
#define CHOOSE_LIMIT_PP 1.0

/* What is gained against FP32, as a ratio; NaN where not recorded or the row did not run. Cheapest is by the energy
 * proxy's datapath view. */
double choose_gain(const struct report_row *row, enum choose_by by);
/* Accuracy lost against FP32, pp (negative: gained); 0 for FP32 itself, NaN where not recorded. */
double choose_loss_pp(const struct report_row *row);
/* The row with the greatest gain that loses at most limit_pp (the first of equals); NULL when no row does. */
const struct report_row *choose_best(const struct report_model *model, double limit_pp, enum choose_by by);
/* 1 if the row ran with an accuracy and no other row is at least as good in loss and all three gains and better in one
 * (Pareto-optimal). A missing gain counts as less than any. */
int choose_is_optimal(const struct report_model *model, const struct report_row *row);

#endif
