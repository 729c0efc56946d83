#include "report/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Nothing that could drive a terminal. */
static char *copy_text(struct grid *table, const char *words, size_t len)
{
    struct text raw = {0}, plain = {0};
    char *copy = NULL;
    size_t copy_len;

    text_add_bytes(&raw, words, len);
    text_add_plain(&plain, raw.bytes);
    plain.failed |= raw.failed;
    text_free(&raw);
    if (text_take(&plain, &copy, &copy_len) != ST_OK)
        table->failed = 1;
    return copy;
}

void grid_begin(struct grid *table, const char *title)
{
    memset(table, 0, sizeof *table);
    table->title = copy_text(table, title, strlen(title));
}

void grid_column(struct grid *table, const char *title, enum grid_align align, int priority)
{
    struct grid_column *column;
    size_t len = strcspn(title, "|");

    if (table->columns == GRID_COLUMNS || table->rows > 0) {
        table->failed = 1;
        return;
    }
    column = &table->column[table->columns++];
    column->title = copy_text(table, title, len);
    title += len + (title[len] == '|');
    column->unit = copy_text(table, title, strlen(title));
    column->align = align;
    column->priority = priority;
}

void grid_row(struct grid *table)
{
    struct grid_cell *row;

    if (table->failed)
        return;
    if (table->rows == table->room) {
        size_t room = table->room ? table->room * 2 : 32;
        struct grid_cell *cell = realloc(table->cell, room * (size_t)table->columns * sizeof *cell);
        if (!cell) {
            table->failed = 1;
            return;
        }
        table->cell = cell;
        table->room = room;
    }
    row = table->cell + table->rows * (size_t)table->columns;
    memset(row, 0, (size_t)table->columns * sizeof *row);
    table->rows++;
    table->filled = 0;
}

void grid_cell(struct grid *table, enum grid_tone tone, const char *format, ...)
{
    struct text text = {0};
    struct grid_cell *cell;
    char *bytes;
    size_t len;
    int n;
    va_list args;

    if (table->failed || table->rows == 0 || table->filled == (size_t)table->columns) {
        table->failed = 1;
        return;
    }
    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bytes = n < 0 ? NULL : malloc((size_t)n + 1);
    if (!bytes) {
        table->failed = 1;
        return;
    }
    va_start(args, format);
    vsnprintf(bytes, (size_t)n + 1, format, args);
    va_end(args);
    cell = table->cell + (table->rows - 1) * (size_t)table->columns + table->filled++;
    text_add_plain(&text, bytes);
    free(bytes);
    if (text_take(&text, &cell->text, &len) != ST_OK)
        table->failed = 1;
    cell->tone = tone;
}

void grid_note(struct grid *table, const char *format, ...)
{
    struct text text = {0};
    char line[1024];
    size_t len;
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (table->notes) {
        text_add(&text, table->notes);
        text_add(&text, "\n");
    }
    text_add_plain(&text, line);
    free(table->notes);
    table->notes = NULL;
    if (text_take(&text, &table->notes, &len) != ST_OK)
        table->failed = 1;
}

void grid_free(struct grid *table)
{
    for (int c = 0; c < table->columns; c++) {
        free(table->column[c].title);
        free(table->column[c].unit);
    }
    for (size_t i = 0; i < table->rows * (size_t)table->columns; i++)
        free(table->cell[i].text);
    free(table->cell);
    free(table->title);
    free(table->notes);
    memset(table, 0, sizeof *table);
}

int grid_find(const struct grid *table, const char *title)
{
    for (int c = 0; c < table->columns; c++)
        if (strcmp(table->column[c].title, title) == 0)
            return c;
    return -1;
}

static const struct grid_cell *cell_at(const struct grid *table, size_t row, int column)
{
    return &table->cell[row * (size_t)table->columns + (size_t)column];
}

const char *grid_at(const struct grid *table, size_t row, int column)
{
    const char *text =
        row < table->rows && column >= 0 && column < table->columns ? cell_at(table, row, column)->text : NULL;

    return text ? text : "";
}

/* ------------------------------------------------------------------------------------------ terminal */

enum { TITLE_LINES = 5 };

/* Columns' titles are broken at spaces into lines no wider than the widest word or the content. */
static int title_lines(const char *title, int width, char lines[TITLE_LINES][64])
{
    int n = 0;
    size_t used = 0;

    memset(lines, 0, TITLE_LINES * 64);
    while (*title) {
        size_t word = strcspn(title, " ");
        char part[64];
        snprintf(part, sizeof part, "%.*s", (int)(word < 40 ? word : 40), title);
        if (used && text_columns(lines[n]) + 1 + text_columns(part) > width && n + 1 < TITLE_LINES) {
            n++;
            used = 0;
        }
        used += (size_t)snprintf(lines[n] + used, sizeof lines[n] - used, "%s%s", used ? " " : "", part);
        if (used >= sizeof lines[n])
            used = sizeof lines[n] - 1;
        title += word + (title[word] == ' ');
    }
    return n + 1;
}

static int widest_word(const char *text)
{
    int widest = 0;

    while (*text) {
        size_t len = strcspn(text, " ");
        char word[64];
        snprintf(word, sizeof word, "%.*s", (int)(len < 40 ? len : 40), text);
        if (text_columns(word) > widest)
            widest = text_columns(word);
        text += len + (text[len] == ' ');
    }
    return widest;
}

static int natural_width(const struct grid *table, int column)
{
    int width = widest_word(table->column[column].title);
    int unit = text_columns(table->column[column].unit);
    char lines[TITLE_LINES][64];

    if (unit > width)
        width = unit;
    for (size_t r = 0; r < table->rows; r++) {
        int cell = text_columns(grid_at(table, r, column));
        if (cell > width)
            width = cell;
    }
    /* Wider still if the title needs more lines than there are. */
    for (; width < 64; width++) {
        int n = title_lines(table->column[column].title, width, lines);
        if (text_columns(lines[n - 1]) <= width)
            break;
    }
    return width;
}

static int total_width(const struct grid *table, const int *width, int gap)
{
    int total = 0, shown = 0;

    for (int c = 0; c < table->columns; c++)
        if (width[c] > 0) {
            total += width[c];
            shown++;
        }
    return total + (shown > 1 ? (shown - 1) * gap : 0);
}

/* width[c] = 0 leaves column c out; returns the gap between columns. */
static int layout(const struct grid *table, int width_max, int *width)
{
    int gap = 2;

    for (int c = 0; c < table->columns; c++)
        width[c] = natural_width(table, c);
    for (;;) {
        int drop = -1;
        for (gap = 2; gap >= 1; gap--)
            if (total_width(table, width, gap) <= width_max)
                return gap;
        for (int c = 0; c < table->columns; c++)
            if (width[c] > 0 && table->column[c].priority > 0 &&
                (drop < 0 || table->column[c].priority > table->column[drop].priority))
                drop = c;
        if (drop < 0)
            break;
        width[drop] = 0;
    }
    /* Nothing may go any more: the widest is cut until the row fits. */
    while (total_width(table, width, 1) > width_max) {
        int widest = 0;
        for (int c = 1; c < table->columns; c++)
            if (width[c] > width[widest])
                widest = c;
        if (width[widest] <= 4)
            break;
        width[widest]--;
    }
    return 1;
}

/* The first `width` columns of a text, with an ellipsis where it was cut. */
static void add_fitted(struct text *out, const char *s, int width, enum grid_align align, int last)
{
    int columns = text_columns(s), pad = width - columns;

    if (pad < 0) {
        int left = width - 1;
        while (left > 0 && *s) {
            size_t len = text_utf8_len(s);
            text_add_bytes(out, s, len ? len : 1);
            s += len ? len : 1;
            left--;
        }
        text_add(out, "…");
        return;
    }
    if (align == GRID_RIGHT)
        text_addf(out, "%*s", pad, "");
    text_add(out, s);
    if (align == GRID_LEFT && !last)
        text_addf(out, "%*s", pad, "");
}

static const char *tone_code(enum grid_tone tone)
{
    switch (tone) {
    case GRID_GOOD:
        return "\x1b[32m";
    case GRID_BAD:
        return "\x1b[33m";
    case GRID_DIM:
        return "\x1b[2m";
    case GRID_PLAIN:
        break;
    }
    return "";
}

static int last_shown(const struct grid *table, const int *width)
{
    int last = 0;

    for (int c = 0; c < table->columns; c++)
        if (width[c] > 0)
            last = c;
    return last;
}

static void add_header(const struct grid *table, const int *width, int gap, int colour, struct text *out)
{
    char lines[GRID_COLUMNS][TITLE_LINES][64];
    int count[GRID_COLUMNS], most = 1, units = 0, last = last_shown(table, width);

    for (int c = 0; c < table->columns; c++) {
        if (width[c] == 0)
            continue;
        count[c] = title_lines(table->column[c].title, width[c], lines[c]);
        if (count[c] > most)
            most = count[c];
        units |= table->column[c].unit[0] != 0;
    }
    for (int line = 0; line < most + units; line++) {
        if (colour)
            text_add(out, line < most ? "\x1b[1m" : "\x1b[2m");
        for (int c = 0; c < table->columns; c++) {
            int from = width[c] ? line - (most - count[c]) : 0; /* titles stand on the rule */
            const char *part = line == most ? table->column[c].unit : from >= 0 ? lines[c][from] : "";
            if (width[c] == 0)
                continue;
            add_fitted(out, part, width[c], table->column[c].align, c == last);
            if (c != last)
                text_addf(out, "%*s", gap, "");
        }
        while (!colour && out->len > 0 && out->bytes[out->len - 1] == ' ')
            out->bytes[--out->len] = 0;
        text_add(out, colour ? "\x1b[0m\n" : "\n");
    }
}

void grid_terminal(const struct grid *table, int width_max, int colour, struct text *out)
{
    int width[GRID_COLUMNS] = {0}, gap, last;

    if (table->failed) {
        out->failed = 1;
        return;
    }
    if (*table->title)
        text_addf(out, colour ? "\x1b[1;4m%s\x1b[0m\n" : "%s\n", table->title);
    gap = layout(table, width_max, width);
    last = last_shown(table, width);
    add_header(table, width, gap, colour, out);
    for (int i = 0; i < total_width(table, width, gap); i++)
        text_add(out, "─");
    text_add(out, "\n");
    for (size_t r = 0; r < table->rows; r++) {
        for (int c = 0; c < table->columns; c++) {
            enum grid_tone tone = colour ? cell_at(table, r, c)->tone : GRID_PLAIN;
            if (width[c] == 0)
                continue;
            text_add(out, tone_code(tone));
            add_fitted(out, grid_at(table, r, c), width[c], table->column[c].align, c == last);
            if (tone != GRID_PLAIN)
                text_add(out, "\x1b[0m");
            if (c != last)
                text_addf(out, "%*s", gap, "");
        }
        text_add(out, "\n");
    }
    if (table->notes) {
        char *notes = table->notes;
        while (*notes) {
            size_t len = strcspn(notes, "\n");
            char line[1100];
            snprintf(line, sizeof line, "%.*s", (int)len, notes);
            grid_wrap(out, line, width_max, 2);
            notes += len + (notes[len] == '\n');
        }
    }
}

void grid_wrap(struct text *out, const char *line, int width, int indent)
{
    int used = 0, first = 1;

    while (*line) {
        size_t len = strcspn(line, " ");
        struct text word = {0};
        char *bytes = NULL;
        size_t bytes_len = 0;
        int columns;
        while (line[len] == ' ' && line[len + 1] == '%') /* a number keeps its per cent sign */
            len += 1 + strcspn(line + len + 1, " ");
        text_add_bytes(&word, line, len);
        if (text_take(&word, &bytes, &bytes_len) != ST_OK) {
            out->failed = 1;
            return;
        }
        columns = text_columns(bytes);
        if (!first && used + 1 + columns > width) {
            text_addf(out, "\n%*s", indent, "");
            used = indent;
        } else if (!first) {
            text_add(out, " ");
            used++;
        }
        text_add(out, bytes);
        used += columns;
        first = 0;
        free(bytes);
        line += len + (line[len] == ' ');
    }
    text_add(out, "\n");
}

/* ------------------------------------------------------------------------------------------ Markdown */

void grid_markdown(const struct grid *table, int heading, struct text *out)
{
    if (table->failed) {
        out->failed = 1;
        return;
    }
    if (heading > 0 && *table->title) {
        text_addf(out, "%.*s ", heading, "######");
        text_add_md(out, table->title);
        text_add(out, "\n\n");
    }
    for (int c = 0; c < table->columns; c++) {
        text_add(out, "| ");
        text_add_md(out, table->column[c].title);
        if (*table->column[c].unit) {
            text_add(out, ", ");
            text_add_md(out, table->column[c].unit);
        }
        text_add(out, " ");
    }
    text_add(out, "|\n");
    for (int c = 0; c < table->columns; c++)
        text_add(out, table->column[c].align == GRID_RIGHT ? "|--:" : "|:--");
    text_add(out, "|\n");
    for (size_t r = 0; r < table->rows; r++) {
        for (int c = 0; c < table->columns; c++) {
            text_add(out, "| ");
            text_add_md(out, grid_at(table, r, c));
            text_add(out, " ");
        }
        text_add(out, "|\n");
    }
    text_add(out, "\n");
    for (const char *notes = table->notes; notes && *notes;) {
        size_t len = strcspn(notes, "\n");
        char line[1100];
        snprintf(line, sizeof line, "%.*s", (int)len, notes);
        text_add_md(out, line);
        text_add(out, "\n\n");
        notes += len + (notes[len] == '\n');
    }
}
