/* What the forms of a comparison show: its rows, picked by a filter and put in the order in which a reader needs them,
 * and the sentences above them. Nothing is judged here; the verdicts are the comparison's own.
 *
 *   TRY(comparison_view_make(&comparison, NULL, &view));     // borrows the comparison
 *   comparison_sentence(&view, &text);
 *   comparison_view_free(&view); */
#ifndef REPORT_COMPARISON_VIEW_H
#define REPORT_COMPARISON_VIEW_H

#include "report/comparison.h"
#include "report/health.h"
#include "report/report.h"
#include "report/text.h"

struct comparison_rows {
    const struct comparison_row **row; /* owned list of borrowed rows */
    size_t n;
};

struct comparison_view {
    const struct comparison *comparison; /* borrowed */
    struct comparison_rows gated;        /* in the order of the file */
    struct comparison_rows changed;      /* gated: incorrect, regressed (slowest first), improved (fastest first) */
    struct comparison_rows open;         /* gated: not-comparable, inconclusive (least certain first) */
    struct comparison_rows info;         /* in the order of the file */
    struct comparison_rows sentinels;    /* in the order of the file; a filter does not touch them */
    int all, forest;                     /* terminal: every row; intervals drawn with characters. 0 at first */
    char run[REPORT_TEXT];               /* name of the folder */
    char filter[REPORT_TEXT];            /* "" for none */
};

/* filter: as of report_make. ST_BADARG when there are rows and none passes, ST_NOMEM. */
enum status comparison_view_make(const struct comparison *comparison, const char *filter, struct comparison_view *out);
void comparison_view_free(struct comparison_view *view);

/* 1 if the row's verdict is this word. */
int comparison_says(const struct comparison_row *row, const char *verdict);
/* 1 if a gated row changed or its outputs are wrong. */
int comparison_is_changed(const struct comparison_row *row);
/* Place of the row's verdict among colours and shapes of comparison plots: 0 no-change, 1 regressed, 2 improved,
 * 3 inconclusive, 4 not-comparable, 5 incorrect, 6 other. */
int comparison_verdict_index(const struct comparison_row *row);
/* "lenet5/qat-s8/simd/t1/b1", with the metric behind it where it is not latency. Returns buffer. */
const char *comparison_row_name(const struct comparison_row *row, char *buffer, size_t size);

/* "Regressed: 3 of 60 cells are slower ...": the first sentence of every form. The whole is meant, whatever the
 * filter. */
void comparison_sentence(const struct comparison_view *view, struct text *out);
/* "Exit code 1. ba0ad253af (A) against this tree (B), builds.", the reason, and a shift that all cells share. */
void comparison_sides(const struct comparison_view *view, struct text *out);
/* Sentinels, rounds, and how fine the ruler is; sentences. */
void comparison_ruler(const struct comparison_view *view, struct text *out);
/* Of the measuring, not of what was found. Bad: the environment was refused, or a sentinel is off. Doubtful: over a
 * quarter of the rounds dropped, over a fifth tied, over a quarter of the looks at the machine with stolen time, a
 * third attempt, no gated cell. */
enum health_level comparison_health(const struct comparison_view *view);
/* One line for each metric of the info rows that changed; nothing when none did. */
void comparison_info_words(const struct comparison_view *view, struct text *out);

/* How the figures are to be read, for captions and small print. Static. */
extern const char comparison_ci_note[];

/* "+3.2 %" for 1.032, "-4 %" with fewer digits for large changes; "–" when not finite. Buffers of 32 bytes. */
const char *format_change(double ratio, char *buffer);
/* "1.8 %" for 0.018; "–" when not finite. */
const char *format_percent(double fraction, char *buffer);
/* A figure in its unit, with another prefix where that is shorter: 31234 ns "31.2 µs", 44426 B "44.4 kB". 48 bytes. */
const char *format_figure(double value, const char *unit, char *buffer);

#endif
