/* Pieces of gnuplot scripts: data blocks, quoted texts, captions, templates from scripts/plots (compiled in). Data
 * never becomes a command: texts are stripped of everything that gnuplot or a shell could take for more than text. */
#ifndef REPORT_PLOT_SCRIPT_H
#define REPORT_PLOT_SCRIPT_H

#include "report/plots.h"

/* 'text' for a command. */
void script_quote(struct text *out, const char *text);
/* "text" for a field of a data block. */
void script_field(struct text *out, const char *text);
/* A number for a data block, all its digits; NaN when not finite. */
void script_number(struct text *out, double value);

/* First lines: what this is, size, name of the files; then common.gp. */
void script_begin(struct text *out, const struct plot *plot, int width, int height);
/* Title and the line under it, at the top, `left` pixels in. */
void script_title(struct text *out, int height, int left, const char *title, const char *subtitle);
/* A mark with its name at a pixel; mark (point type) and colour are expressions of the script. Returns where the next
 * one may begin. */
double script_key(struct text *out, double x, double y, const char *mark, const char *colour, const char *name);
/* Words at the bottom in lines of at most `width` pixels, at most four; what does not fit is cut with an ellipsis. */
void script_small_print(struct text *out, const char *words, int width, int left);
enum { CAPTION_ENERGY = 1, CAPTION_ALL_BATCHES = 2 };
/* Small print at the bottom: the plot's own words, baseline, n, meaning of intervals, machine, commit. Wrapped, at
 * most four lines. CAPTION_ENERGY: also the sentence about the energy proxy; CAPTION_ALL_BATCHES: each cell has the
 * baseline of its own threads and batch. */
void script_caption(struct text *out, const struct report *report, const struct report_model *model, int width,
                    int left, const char *own, int flags);
/* "set xtics (...)" with at most `most` round values between lo and hi: for a logarithmic axis (in linear steps when
 * it is short), for a linear one (plus: positive values with their sign). */
void script_log_tics(struct text *out, double lo, double hi, int most);
void script_linear_tics(struct text *out, double lo, double hi, int most, int plus);
/* "set ytics (...)" and a newline: script_log_tics for the other axis. */
void script_y_tics(struct text *out, double lo, double hi, int most);
/* The named template ("pareto"). */
void script_template(struct text *out, const char *name);

/* 0 fp32, 1 ptq, 2 qat, 3 pruned, 4 combined, 5 other: index of colours and shapes in common.gp. */
int script_family(const char *family);

/* The plots; each appends to *out, or leaves it empty when the records do not hold what it shows. */
enum pareto_cost { PARETO_LATENCY, PARETO_SIZE, PARETO_ENERGY };
void plot_pareto(const struct report *report, const struct report_model *model, enum pareto_cost cost,
                 const struct plot *plot, struct text *out);
void plot_ratios(const struct report *report, const struct report_model *model, const struct plot *plot,
                 struct text *out);
void plot_layers(const struct report *report, const struct report_model *model, const struct plot *plot,
                 struct text *out);
void plot_speedup(const struct report *report, const struct report_model *model, const struct plot *plot,
                  struct text *out);
/* What the modelled energy is made of, in both views. */
void plot_energy(const struct report *report, const struct report_model *model, const struct plot *plot,
                 struct text *out);
/* The proxy against what counters measured; only where they did for at least three cells. */
void plot_meter(const struct report *report, const struct report_model *model, const struct plot *plot,
                struct text *out);

#endif
