/* Pieces that the plots of comparisons share, and those plots. */
#ifndef REPORT_COMPARISON_SCRIPT_H
#define REPORT_COMPARISON_SCRIPT_H

#include "report/comparison_view.h"
#include "report/pairs.h"
#include "report/plot_script.h"

/* Margins of a plot with one panel, in pixels: L, R, B, T. */
void script_margins(struct text *out, int left, int right, int bottom, int top);
/* NAME = value. */
void script_set(struct text *out, const char *name, double value);
/* A key of the verdicts that occur in these rows, from (x, y). Returns where the next one may begin. */
double script_verdict_key(struct text *out, double x, double y, const struct comparison_row *const *row, size_t n);
/* Small print: own words, sides, number of pairs, meaning of intervals, machine and run. */
void comparison_caption(struct text *out, const struct comparison_view *view, int width, int left, const char *own);
/* GATE, FLOOR: the half widths of the bands, as ratios above 1; TARGET: the MDE aimed at; ALPHA: p of a stage. */
void comparison_limits(struct text *out, const struct comparison_view *view);

/* Each appends to *out, or leaves it empty when there is nothing to show. */
void plot_forest(const struct comparison_view *view, const struct plot *plot, struct text *out);
void plot_volcano(const struct comparison_view *view, const struct plot *plot, struct text *out);
void plot_noise(const struct comparison_view *view, const struct plot *plot, struct text *out);
void plot_qq(const struct comparison_view *view, const struct plot *plot, struct text *out);

/* One changed cell with its raw times. */
struct flagged {
    const struct comparison_row *row;
    struct pairs own, equal; /* of the cell; of equal builds: of this cell, or of all cells that have them */
    int equal_is_own;        /* 1: of this cell */
};

/* Ratios of the pairs, equal builds above, A and B below, with their density. */
void plot_density(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
                  struct text *out);
/* Ratios of the rounds in the order in which they ran. */
void plot_order(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
                struct text *out);
/* Share of batches that took longer than a time. */
void plot_tail(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
               struct text *out);

#endif
