/* Rows of a paired comparison beside the latency: what a fresh process costs (load, plan, first inference, whole
 * process), which is shown with its interval and never gates; and what is exact (size, memory, energy proxy, accuracy),
 * which gates where the two sides are different files. */
#ifndef COMPARE_JUDGE_INFO_H
#define COMPARE_JUDGE_INFO_H

#include "compare/compare_folder.h"
#include "report/comparison.h"

/* Adds a row with the cell's identity. Borrowed until the next row. ST_NOMEM. */
enum status compare_info_row(struct comparison *comparison, const struct compare_cell *cell, const char *metric,
                             const char *unit, const char *role, struct comparison_row **out);

/* Instruction counts of the cell into its latency row, where they were taken. */
enum status compare_info_instructions(const struct compare_folder *folder, const struct compare_cell *cell,
                                      struct comparison_row *row);

/* Rows of all cells, metric by metric; two-sided signed-rank p, Benjamini-Hochberg over the cells of a metric. */
enum status compare_info_cold(const struct compare_folder *folder, double gate_ratio, struct comparison *comparison);

/* size_file, ram_peak, energy_proxy and accuracy of cells whose files differ. */
enum status compare_info_exact(const struct compare_folder *folder, struct comparison *comparison);

#endif
