/* The tables of a report, built from its rows. Every figure is a recorded one, rounded; what is bold in plots and
 * what stands in tables is the same text. */
#ifndef REPORT_TABLES_H
#define REPORT_TABLES_H

#include "report/report.h"
#include "report/grid.h"

/* One row per recipe at the report's thread count and smallest batch: size, latency, speed-up, energy proxy,
 * accuracy, verdict. */
void tables_headline(const struct report *report, const struct report_model *model, struct grid *out);
/* 0 when no row has an accuracy (random weights): there is nothing to weigh. */
int tables_can_choose(const struct report_model *model);
/* Per accuracy budget, the smallest and the fastest recipe that keeps it. */
void tables_choose(const struct report *report, const struct report_model *model, struct grid *out);
/* One row per cell of the model, those without figures with their reason. Kernel, ISA level, threads, batch and seed
 * are columns where they vary (or with report->all_columns), else they stand in the title. */
void tables_matrix(const struct report *report, const struct report_model *model, struct grid *out);
/* One row per step of the SIMD (or only) row's plan. */
void tables_layers(const struct report_row *row, struct grid *out);
/* Accuracy and changed predictions by stage. No rows when nothing was recorded. */
void tables_ledger(const struct report *report, const struct report_model *model, struct grid *out);
/* Cells that did not run right, in all models. No rows when all is well. */
void tables_problems(const struct report *report, struct grid *out);
/* Dropped rounds, damaged lines, warnings. */
void tables_health(const struct report *report, struct grid *out);
/* Command, commit, seed, machine, build. */
void tables_reproduce(const struct report *report, struct grid *out);

/* Microseconds or milliseconds for a model's latencies: nanoseconds per unit, and its name. */
double tables_latency_unit(const struct report_model *model, const char **out_name);
/* "8 recipes of 2 models reached ..., 48 cells: 46 ok, 1 skip, 1 failed": the first line of every report. */
void tables_banner(const struct report *report, char *buffer, size_t size);

#endif
