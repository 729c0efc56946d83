/* The plots of a comparison; written and drawn by plots.h. */
#ifndef REPORT_COMPARISON_PLOTS_H
#define REPORT_COMPARISON_PLOTS_H

#include "report/comparison_view.h"
#include "report/plots.h"

/* Scripts of all plots for which there are figures. Those of single cells need the raw times in the comparison's folder
 * (pairs.jsonl); without that file they are left out. Same comparison, same bytes. ST_NOMEM; ST_IO and ST_FORMAT for a
 * pairs.jsonl that cannot be read. */
enum status comparison_plots_make(const struct comparison_view *view, struct plots *out);

#endif
