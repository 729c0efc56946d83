/* The plots of a report, as gnuplot scripts that carry their data: script and data are one file, so any picture can be
 * made again from it alone. Rendering is one call of gnuplot; without it the scripts are still written.
 *
 *   TRY(plots_make(&report, &plots));
 *   TRY(plots_write(&plots, "out/plots"));
 *   st = plots_render(&plots, "out/plots");        // ST_SKIP: no gnuplot
 *   plots_free(&plots); */
#ifndef REPORT_PLOTS_H
#define REPORT_PLOTS_H

#include "report/report.h"
#include "report/text.h"

enum { PLOT_SLUG = 64, PLOT_TITLE = 96 };

struct plot {
    char slug[PLOT_SLUG];   /* file name without extension: letters, digits, '.', '-', '_' */
    char title[PLOT_TITLE]; /* plain words, no data in it */
    const char *model;      /* borrowed from the report */
    char *script;           /* owned */
    size_t len;
    char *svg; /* owned; the picture itself after plots_load, NULL before */
    size_t svg_len;
};

struct plots {
    struct plot *plot; /* owned */
    size_t n;
};

/* Scripts for all models. Same report, same bytes. ST_NOMEM. */
enum status plots_make(const struct report *report, struct plots *out);
/* Writes <dir>/<slug>.gp, creating the folder. ST_IO. */
enum status plots_write(const struct plots *plots, const char *dir);
/* Makes <dir>/<slug>.svg and .png of all scripts. ST_SKIP when there is no gnuplot in PATH, ST_IO with its first
 * words when it fails. */
enum status plots_render(const struct plots *plots, const char *dir);
/* Reads <dir>/<slug>.svg of all plots, for forms that carry their pictures. ST_IO, ST_NOMEM. */
enum status plots_load(struct plots *plots, const char *dir);
void plots_free(struct plots *plots);

#endif
