/* A comparison for people at a terminal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_tables.h"

enum { CHANGED_SHOWN = 25, OPEN_SHOWN = 12, AGAIN_SHOWN = 3, FOREST_SHOWN = 40 };

/* The words of `say`, wrapped, safe for a terminal. */
static void paragraph(const struct comparison_view *view,
                      void (*say)(const struct comparison_view *view, struct text *out), int width, const char *before,
                      const char *after, struct text *out)
{
    struct text words = {0}, plain = {0};

    say(view, &words);
    for (char *at = words.bytes; at && *at;) { /* each line of its own */
        size_t len = strcspn(at, "\n");
        char line[2048];
        snprintf(line, sizeof line, "%.*s", (int)len, at);
        text_add_plain(&plain, line);
        text_add(out, before);
        grid_wrap(out, plain.bytes ? plain.bytes : "", width, 0);
        text_add(out, after);
        out->failed |= plain.failed;
        text_free(&plain);
        at += len + (at[len] == '\n');
    }
    out->failed |= words.failed;
    text_free(&words);
}

static void table(struct grid *grid, const struct emit_options *options, struct text *out)
{
    if (grid->rows > 0) {
        grid_terminal(grid, options->width, options->colour, out);
        text_add(out, "\n");
    }
    out->failed |= grid->failed;
    grid_free(grid);
}

/* ------------------------------------------------------------------------------------------ forest */

static int by_ratio(const void *a, const void *b)
{
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;
    double change_x = fabs(log(x->ratio)), change_y = fabs(log(y->ratio));

    if (change_x < change_y || change_x > change_y)
        return change_x < change_y ? 1 : -1;
    return (x > y) - (x < y);
}

static int slower_first(const void *a, const void *b)
{
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;

    if (x->ratio < y->ratio || x->ratio > y->ratio)
        return x->ratio < y->ratio ? 1 : -1;
    return (x > y) - (x < y);
}

static int column_of(double ratio, double span, int wide)
{
    double at = log(ratio) / span; /* -1 .. 1 */

    at = at < -1.0 ? -1.0 : at > 1.0 ? 1.0 : at;
    return (int)lrint((at + 1.0) / 2.0 * (wide - 1));
}

static void forest_line(const struct comparison_row *row, double span, int name_wide, int wide, struct text *out)
{
    static const char *const marks[] = {"●", "▲", "▼", "○", "×", "×", "●"};
    char name[512], change[32], ratio[32];
    int lo, at, hi, pad;
    const double *ci = row->ratio_ci95;

    comparison_row_name(row, name, sizeof name);
    pad = name_wide - text_columns(name);
    if (pad < 0) { /* names are ASCII but for hostile ones; the end tells cells apart */
        text_add(out, "…");
        text_add_plain(out, name + (strlen(name) > (size_t)name_wide - 1 ? strlen(name) - (size_t)name_wide + 1 : 0));
    } else {
        text_add_plain(out, name);
        text_addf(out, "%*s", pad, "");
    }
    at = column_of(row->ratio, span, wide);
    lo = isfinite(ci[0]) && ci[0] > 0.0 ? column_of(ci[0], span, wide) : at;
    hi = isfinite(ci[1]) ? column_of(ci[1], span, wide) : at;
    text_add(out, " ");
    for (int i = 0; i < wide; i++)
        text_add(out, i == at              ? marks[comparison_verdict_index(row)]
                      : i >= lo && i <= hi ? "─"
                      : i == wide / 2      ? "┊"
                                           : " ");
    text_addf(out, " %8s %s\n", comparison_ratio_text(row, ratio), format_change(row->ratio, change));
}

void comparison_forest(const struct comparison_view *view, int width, int all, struct text *out)
{
    const struct comparison_row **row = malloc((view->gated.n + 1) * sizeof *row);
    size_t n = 0, shown;
    double span = 0.02;
    int name_wide = 8, wide;
    char a[32], b[32];

    if (!row) {
        out->failed = 1;
        return;
    }
    for (size_t i = 0; i < view->gated.n; i++)
        if (view->gated.row[i]->ratio > 0.0 && isfinite(view->gated.row[i]->ratio))
            row[n++] = view->gated.row[i];
    qsort(row, n, sizeof *row, by_ratio);
    shown = all || n < FOREST_SHOWN ? n : FOREST_SHOWN;
    qsort(row, shown, sizeof *row, slower_first);
    for (size_t i = 0; i < shown; i++) {
        char name[512];
        int columns = text_columns(comparison_row_name(row[i], name, sizeof name));
        name_wide = columns > name_wide ? columns : name_wide;
        span = fmax(span, fmin(fabs(log(row[i]->ratio)) * 1.1, 3.0));
    }
    name_wide = name_wide > width / 2 - 8 ? width / 2 - 8 : name_wide;
    wide = (width - name_wide - 20) | 1;
    wide = wide < 11 ? 11 : wide;
    if (n > 0) {
        text_addf(
            out,
            "B / A with 95 %% intervals, %zu of %zu cells, largest changes; ▲ slower ▼ faster ● unchanged ○ open\n",
            shown, n);
        for (size_t i = 0; i < shown; i++)
            forest_line(row[i], span, name_wide, wide, out);
        text_addf(out, "%*s %-*s1.000%*s\n\n", name_wide, "", wide / 2 - 2, format_fixed(exp(-span), 3, a),
                  wide - wide / 2 - 3, format_fixed(exp(span), 3, b));
    }
    free(row);
}

/* ------------------------------------------------------------------------------------------ all of it */

static void again(const struct comparison_view *view, struct text *out)
{
    int shown = 0;

    for (size_t i = 0; i < view->changed.n && shown < AGAIN_SHOWN; i++) {
        const struct comparison_row *row = view->changed.row[i];
        if (!row->reproduce)
            continue;
        if (shown++ == 0)
            text_add(out, "To measure these cells again:\n");
        text_add(out, "  ");
        text_add_plain(out, row->reproduce);
        text_add(out, "\n");
    }
    if (shown > 0)
        text_add(out, "\n");
}

void comparison_terminal(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    static const char *const tones[] = {"\x1b[1;32m", "\x1b[1;33m", "\x1b[1;31m"};
    int bad = view->comparison->head.exit_code != 0;
    enum health_level health = comparison_health(view);
    struct grid grid;

    paragraph(view, comparison_sentence, options->width, options->colour ? tones[bad ? 2 : 0] : "",
              options->colour ? "\x1b[0m" : "", out);
    paragraph(view, comparison_sides, options->width, "", "", out);
    text_addf(out, options->colour ? "Run: %s%s\x1b[0m.\n" : "Run: %s%s.\n", options->colour ? tones[health] : "",
              health_word(health));
    paragraph(view, comparison_ruler, options->width, "", "\n", out);
    comparison_table_changed(view, view->all ? 0 : CHANGED_SHOWN, CHANGED_REASONS, &grid);
    table(&grid, options, out);
    again(view, out);
    comparison_table_open(view, view->all ? 0 : OPEN_SHOWN, &grid);
    table(&grid, options, out);
    if (view->forest)
        comparison_forest(view, options->width, view->all, out);
    if (view->all) {
        comparison_table_matrix(view, &grid);
        table(&grid, options, out);
        comparison_table_info(view, &grid);
        table(&grid, options, out);
    }
    if (view->all || health != HEALTH_GOOD) {
        comparison_table_sentinels(view, &grid);
        table(&grid, options, out);
    }
    paragraph(view, comparison_info_words, options->width, "", "", out);
}
