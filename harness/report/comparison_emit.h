/* The forms of a comparison; emit.c lists them beside those of a run. */
#ifndef REPORT_COMPARISON_EMIT_H
#define REPORT_COMPARISON_EMIT_H

#include "report/comparison_view.h"
#include "report/emit.h"

/* For people: verdict, what changed, what could not be decided, and how fine the ruler was. view->all: every row,
 * view->forest: intervals drawn with characters. */
void comparison_terminal(const struct comparison_view *view, const struct emit_options *options, struct text *out);
/* Fits a GitHub comment (65 536 characters): what changed first, the rest folded. */
void comparison_md(const struct comparison_view *view, const struct emit_options *options, struct text *out);
void comparison_html(const struct comparison_view *view, const struct emit_options *options, struct text *out);
void comparison_tex(const struct comparison_view *view, const struct emit_options *options, struct text *out);
/* One line per figure: run, cell, metric, unit, value, lo, hi, n, verdict. */
void comparison_csv(const struct comparison_view *view, const struct emit_options *options, struct text *out);
/* The head (packlight.comparison/1), then one line per row (packlight.verdict/1). */
void comparison_jsonl(const struct comparison_view *view, const struct emit_options *options, struct text *out);
/* JUnit XML: a test per gated cell. Slower: failure; wrong output: error; not decided: skipped. */
void comparison_junit(const struct comparison_view *view, const struct emit_options *options, struct text *out);
/* For github-action-benchmark, tool customSmallerIsBetter: the ratio of every decided cell. */
void comparison_gab(const struct comparison_view *view, const struct emit_options *options, struct text *out);
/* GitHub's workflow commands: at most ten of each kind. */
void comparison_annotations(const struct comparison_view *view, const struct emit_options *options, struct text *out);

/* The intervals of the cells as lines of characters, `width` columns wide: the largest changes first. */
void comparison_forest(const struct comparison_view *view, int width, int all, struct text *out);

#endif
