/* Tables of text: built once, rendered for a terminal, for Markdown or anything else that walks their cells.
 *
 *   struct grid t;
 *   grid_begin(&t, "lenet5");
 *   grid_column(&t, "technique", GRID_LEFT, 0);
 *   grid_column(&t, "file size|kB", GRID_RIGHT, 1);    // '|' separates the name from its unit
 *   grid_row(&t);
 *   grid_cell(&t, GRID_PLAIN, "%s", config);
 *   grid_cell(&t, GRID_PLAIN, "%.1f", kb);
 *   grid_markdown(&t, &out);
 *   grid_free(&t);
 *
 * A failed allocation marks the table; rendering passes the mark on to the text, whose text_take tells. */
#ifndef REPORT_GRID_H
#define REPORT_GRID_H

#include <stddef.h>

#include "report/text.h"

enum grid_align { GRID_LEFT, GRID_RIGHT };
enum grid_tone { GRID_PLAIN, GRID_GOOD, GRID_BAD, GRID_DIM };

enum { GRID_COLUMNS = 24 };

struct grid_column {
    char *title, *unit; /* owned; unit "" when there is none */
    enum grid_align align;
    int priority; /* on a narrow terminal the greatest goes first; 0 stays */
};

struct grid_cell {
    char *text; /* owned, raw: not escaped */
    enum grid_tone tone;
};

struct grid {
    char *title; /* owned */
    char *notes; /* owned; lines under the table, or NULL */
    struct grid_column column[GRID_COLUMNS];
    int columns;
    struct grid_cell *cell; /* owned; (rows, columns) */
    size_t rows, room, filled;
    int failed;
};

void grid_begin(struct grid *table, const char *title);
/* All columns come before the first row; columns past GRID_COLUMNS mark the table as failed. */
void grid_column(struct grid *table, const char *title, enum grid_align align, int priority);
void grid_row(struct grid *table);
/* Cells of the current row from left to right; those not given are empty. */
void grid_cell(struct grid *table, enum grid_tone tone, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds a line under the table. */
void grid_note(struct grid *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void grid_free(struct grid *table);

/* Text of a cell (""), by column title; for tests and other formats. -1 when there is no such column. */
int grid_find(const struct grid *table, const char *title);
const char *grid_at(const struct grid *table, size_t row, int column);

/* Aligned, at most `width` columns wide: gaps shrink, then columns go by priority. Escape codes only with colour. */
void grid_terminal(const struct grid *table, int width, int colour, struct text *out);
/* A GitHub table with its title as a heading of that level (0: no title). */
void grid_markdown(const struct grid *table, int heading, struct text *out);

/* Adds `line` wrapped at `width` columns, later lines indented. */
void grid_wrap(struct text *out, const char *line, int width, int indent);

#endif
