/* The tables of a comparison. What stands in plots and in tables is the same text. */
#ifndef REPORT_COMPARISON_TABLES_H
#define REPORT_COMPARISON_TABLES_H

#include "report/comparison_view.h"
#include "report/grid.h"

/* Wrong, slower and faster cells with before, after, ratio, p of both stages, MDE and instructions, then reasons, then
 * the commands that measure the cells again. At most `most` rows (0: all), a note says how many are left out. */
enum changed_columns { CHANGED_FIGURES, CHANGED_REASONS, CHANGED_COMMANDS };
void comparison_table_changed(const struct comparison_view *view, size_t most, enum changed_columns columns,
                              struct grid *out);
/* Gated cells without a verdict either way, and why. */
void comparison_table_open(const struct comparison_view *view, size_t most, struct grid *out);
/* Every gated cell, in running order. */
void comparison_table_matrix(const struct comparison_view *view, struct grid *out);
/* One row per model: how many cells got which verdict, and the geometric mean of their ratios. */
void comparison_table_models(const struct comparison_view *view, struct grid *out);
/* Metrics that never gate. */
void comparison_table_info(const struct comparison_view *view, struct grid *out);
void comparison_table_sentinels(const struct comparison_view *view, struct grid *out);
/* Two columns of words. */
void comparison_table_health(const struct comparison_view *view, struct grid *out);
void comparison_table_reproduce(const struct comparison_view *view, struct grid *out);

/* "1.032" and "1.028–1.036", as in the tables; buffers of 32 bytes. */
const char *comparison_ratio_text(const struct comparison_row *row, char *buffer);
const char *comparison_ci_text(const struct comparison_row *row, char *buffer);

#endif
