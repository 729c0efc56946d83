/* Tables of a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"

/* What stands behind a number, in base units. */
static const struct {
    const char *name;
    double factor;
} units[] = {{"ns", 1e-9}, {"µs", 1e-6},  {"us", 1e-6},     {"ms", 1e-3}, {"s", 1},     {"kB", 1e3},  {"MB", 1e6},
             {"GB", 1e9},  {"KiB", 1024}, {"MiB", 1048576}, {"B", 1},     {"nJ", 1e-9}, {"µJ", 1e-6}, {"uJ", 1e-6},
             {"mJ", 1e-3}, {"J", 1},      {"%", 1},         {"×", 1},     {"x", 1},     {"pp", 1}};

static const char *skip(const char *text, const char *word)
{
    size_t len = strlen(word);

    return strncmp(text, word, len) == 0 ? text + len : text;
}

static int goes_on(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The unit at `text`, if it is a whole word. */
static const char *skip_unit(const char *text, double *factor)
{
    text = skip(text, " ");
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const char *end = skip(text, units[i].name);
        if (end == text || goes_on(*end))
            continue;
        *factor = units[i].factor;
        return end;
    }
    return text;
}

int html_sort_value(const char *text, double *out)
{
    const char *at = text;
    char *end;
    double sign = 1.0, below = 1.0, factor = NAN, value;

    if (*at == '<') {
        below = 1.0 - 1e-6;
        at++;
    }
    if (*at == '+' || *at == '-') {
        sign = *at == '-' ? -1.0 : 1.0;
        at++;
    } else if (skip(at, "−") != at) {
        sign = -1.0;
        at = skip(at, "−");
    }
    if (*at < '0' || *at > '9')
        return 0;
    value = strtod(at, &end);
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) /* strtod knows hexadecimal numbers */
        return 0;
    at = skip_unit(end, &factor);
    while (*at) { /* more numbers, as in ranges and in brackets; the unit of a range comes at its end */
        double later = NAN;
        const char *next = skip(skip(skip(at, "–"), "−"), "…");
        if (next != at)
            at = next;
        else if ((*at >= '0' && *at <= '9') || strchr(" .,-+()[]/*", *at))
            at++;
        else if ((next = skip_unit(at, &later)) != at && isfinite(later)) {
            factor = isnan(factor) ? later : factor;
            at = next;
        } else
            return 0;
    }
    *out = sign * below * (isnan(factor) ? 1.0 : factor) * value;
    return isfinite(*out);
}

static int is_nothing(const char *text)
{
    return *text == 0 || strcmp(text, "–") == 0;
}

/* 1 if a column holds numbers: it says so by its side, or every cell is one. */
static int is_numeric(const struct grid *grid, int column)
{
    int any = 0;
    double value;

    if (column == 0)
        return grid->column[0].align == GRID_RIGHT;
    if (grid->column[column].align == GRID_RIGHT)
        return 1;
    for (size_t r = 0; r < grid->rows; r++) {
        const char *text = grid_at(grid, r, column);
        if (is_nothing(text))
            continue;
        if (!html_sort_value(text, &value))
            return 0;
        any = 1;
    }
    return any;
}

static int is_wordy(const struct grid *grid, int column)
{
    int most = 0;

    for (size_t r = 0; r < grid->rows; r++)
        if (text_columns(grid_at(grid, r, column)) > most)
            most = text_columns(grid_at(grid, r, column));
    return most > 36;
}

static void add_heading(const struct grid *grid, const int *numeric, struct text *out)
{
    text_add(out, "<thead><tr>");
    for (int c = 0; c < grid->columns; c++) {
        int is_long = text_columns(grid->column[c].title) > 18;
        text_add(out, "<th scope=\"col\"");
        if (numeric[c] || is_long)
            text_addf(out, " class=\"%s%s%s\"", numeric[c] ? "n" : "", numeric[c] && is_long ? " " : "",
                      is_long ? "long" : "");
        text_add(out, ">");
        text_add_html(out, grid->column[c].title);
        if (*grid->column[c].unit) {
            text_add(out, " <span class=\"unit\">");
            text_add_html(out, grid->column[c].unit);
            text_add(out, "</span>");
        }
        text_add(out, "</th>");
    }
    text_add(out, "</tr></thead>\n");
}

/* parseFloat of the script reads a plain number by itself. */
static void add_sort_value(const char *text, struct text *out)
{
    char digits[32], *end;
    double value, plain = strtod(text, &end);

    if (!html_sort_value(text, &value) || (end != text && plain == value))
        return;
    text_addf(out, " data-sort=\"%s\"", text_number(value, digits));
}

static void add_cell(const struct grid *grid, size_t row, int c, int numeric, int wordy, struct text *out)
{
    static const char *const tones[] = {"", "good", "bad", "dim"};
    const char *text = grid_at(grid, row, c);
    const char *tone = tones[grid->cell[row * (size_t)grid->columns + (size_t)c].tone];

    text_add(out, c == 0 ? "<th scope=\"row\"" : "<td");
    if (numeric || wordy || *tone)
        text_addf(out, " class=\"%s%s%s%s\"", numeric ? "n" : "", !numeric && wordy ? "w" : "",
                  (numeric || wordy) && *tone ? " " : "", tone);
    if (numeric)
        add_sort_value(text, out);
    text_add(out, ">");
    text_add_html(out, text);
    text_add(out, c == 0 ? "</th>" : "</td>");
}

static void add_notes(const char *notes, struct text *out)
{
    while (notes && *notes) {
        size_t len = strcspn(notes, "\n");
        char line[1100];
        snprintf(line, sizeof line, "%.*s", (int)len, notes);
        text_add(out, "<p class=\"notes\">");
        text_add_html(out, line);
        text_add(out, "</p>\n");
        notes += len + (notes[len] == '\n');
    }
}

void html_grid_marked(struct html *page, const struct grid *grid, int flags, const char *table_mark,
                      char *const *row_marks)
{
    struct text *out = html_here(page);
    int numeric[GRID_COLUMNS] = {0}, wordy[GRID_COLUMNS] = {0}, facts = flags & HTML_FACTS;

    if (grid->failed) {
        out->failed = 1;
        return;
    }
    if (*grid->title && !(flags & HTML_NO_TITLE))
        html_heading(page, 3, grid->title);
    for (int c = 0; c < grid->columns && !facts; c++) {
        numeric[c] = is_numeric(grid, c);
        wordy[c] = c > 0 && is_wordy(grid, c);
    }
    text_addf(out, "<div class=\"box%s\" tabindex=\"0\">", flags & HTML_WIDE ? " wide" : "");
    text_addf(out, "<table class=\"%s\"%s aria-label=\"", facts ? "facts" : "data", table_mark ? table_mark : "");
    text_add_html(out, grid->title);
    text_add(out, "\">\n");
    if (!facts)
        add_heading(grid, numeric, out);
    text_add(out, "<tbody>\n");
    for (size_t r = 0; r < grid->rows; r++) {
        text_addf(out, "<tr%s>", row_marks && row_marks[r] ? row_marks[r] : "");
        for (int c = 0; c < grid->columns; c++)
            add_cell(grid, r, c, numeric[c], wordy[c], out);
        text_add(out, "</tr>\n");
    }
    text_add(out, "</tbody></table></div>\n");
    add_notes(grid->notes, out);
}

void html_grid(struct html *page, const struct grid *grid, int flags)
{
    html_grid_marked(page, grid, flags, NULL, NULL);
}
