/* Tables of text: built once, rendered for a terminal, for Markdown or anything else that walks their cells.
 *
 *   struct table t;
 *   table_begin(&t, "lenet5");
 *   table_column(&t, "technique", TABLE_LEFT, 0);
 *   table_column(&t, "file size|kB", TABLE_RIGHT, 1);    // '|' separates the name from its unit
 *   table_row(&t);
 *   table_cell(&t, TABLE_PLAIN, "%s", config);
 *   table_cell(&t, TABLE_PLAIN, "%.1f", kb);
 *   table_markdown(&t, &out);
 *   table_free(&t);
 *
 * A failed allocation marks the table; rendering passes the mark on to the text, whose text_take tells. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <stddef.h>

#include "report/text.h"

enum table_align { TABLE_LEFT, TABLE_RIGHT };
enum table_tone { TABLE_PLAIN, TABLE_GOOD, TABLE_BAD, TABLE_DIM };

enum { TABLE_COLUMNS = 24 };

struct table_column {
    char *title, *unit; /* owned; unit "" when there is none */
    enum table_align align;
    int priority; /* on a narrow terminal the greatest goes first; 0 stays */
};

struct table_cell {
    char *text; /* owned, raw: not escaped */
    enum table_tone tone;
};

struct table {
    char *title; /* owned */
    char *notes; /* owned; lines under the table, or NULL */
    struct table_column column[TABLE_COLUMNS];
    int columns;
    struct table_cell *cell; /* owned; (rows, columns) */
    size_t rows, room, filled;
    int failed;
};

void table_begin(struct table *table, const char *title);
/* All columns come before the first row; columns past TABLE_COLUMNS mark the table as failed. */
void table_column(struct table *table, const char *title, enum table_align align, int priority);
void table_row(struct table *table);
/* Cells of the current row from left to right; those not given are empty. */
void table_cell(struct table *table, enum table_tone tone, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds a line under the table. */
void table_note(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void table_free(struct table *table);

/* Text of a cell (""), by column title; for tests and other formats. -1 when there is no such column. */
int table_find(const struct table *table, const char *title);
const char *table_at(const struct table *table, size_t row, int column);

/* Aligned, at most `width` columns wide: gaps shrink, then columns go by priority. Escape codes only with colour. */
void table_terminal(const struct table *table, int width, int colour, struct text *out);
/* A GitHub table with its title as a heading of that level (0: no title). */
void table_markdown(const struct table *table, int heading, struct text *out);

/* Adds `line` wrapped at `width` columns, later lines indented. */
void table_wrap(struct text *out, const char *line, int width, int indent);

#endif
