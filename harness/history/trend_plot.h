/* The trend as small multiples: a panel per series with its ratio to the anchor, the interval as a band, levels and
 * change points. One picture per model, more when a model has more cells than fit. */
#ifndef HISTORY_TREND_PLOT_H
#define HISTORY_TREND_PLOT_H

#include "history/history_trend.h"
#include "report/plots.h"

/* *out is owned (plots_free); plots_write and plots_render put it on disk. ST_NOMEM. */
enum status trend_plots_make(const struct history_trend *trend, struct plots *out);

#endif
