/* A comparison for a forge's comment. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_tables.h"
#include "report/plots.h"

enum { MD_LIMIT = 65000, CHANGED_SHOWN = 60, BINS = 31 };

static void words(const struct comparison_view *view, void (*say)(const struct comparison_view *view, struct text *out),
                  const char *around, const char *after, struct text *out)
{
    struct text said = {0};

    say(view, &said);
    if (said.len > 0) {
        text_add(out, around);
        text_add_md(out, said.bytes);
        text_add(out, around);
        text_add(out, after);
    }
    out->failed |= said.failed;
    text_free(&said);
}

/* Appends the table if it has rows and the page stays below the limit. */
static void part(struct grid *grid, int folded, size_t *left_out, struct text *out)
{
    struct text text = {0};

    if (grid->rows > 0) {
        if (folded) {
            text_add(&text, "<details><summary>");
            text_add_md(&text, grid->title);
            text_addf(&text, " (%zu)</summary>\n\n", grid->rows);
        }
        grid_markdown(grid, folded ? 0 : 2, &text);
        if (folded)
            text_add(&text, "</details>\n\n");
    }
    out->failed |= text.failed | grid->failed;
    if (out->len + text.len > MD_LIMIT)
        ++*left_out;
    else if (text.len > 0)
        text_add_bytes(out, text.bytes, text.len);
    text_free(&text);
    grid_free(grid);
}

/* How many cells have which ratio: a bar per step of the ratio, 1 in the middle, the height logarithmic. */
static void sparkline(const struct comparison_view *view, struct text *out)
{
    static const char *const bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    int count[BINS] = {0}, most = 0;
    double span = 0.02;
    char a[32], b[32];

    for (size_t i = 0; i < view->gated.n; i++)
        if (view->gated.row[i]->ratio > 0.0 && isfinite(view->gated.row[i]->ratio))
            span = fmax(span, fmin(fabs(log(view->gated.row[i]->ratio)), 3.0));
    for (size_t i = 0; i < view->gated.n; i++) {
        double ratio = view->gated.row[i]->ratio;
        if (ratio > 0.0 && isfinite(ratio)) {
            int bin = (int)lrint((log(ratio) / span + 1.0) / 2.0 * (BINS - 1));
            bin = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
            count[bin]++;
            most = count[bin] > most ? count[bin] : most;
        }
    }
    if (most == 0)
        return;
    text_addf(out, "Cells by ratio: `%s ", format_fixed(exp(-span), 3, a));
    for (int i = 0; i < BINS; i++)
        text_add(out, bars[count[i] == 0 ? 0 : 1 + (int)lrint(7.0 * log1p(count[i]) / log1p(most))]);
    text_addf(out, " %s`, faster at the left, 1 in the middle\n\n", format_fixed(exp(span), 3, b));
}

static void pictures(const struct plots *plots, struct text *out)
{
    for (size_t i = 0; plots && i < plots->n; i++)
        text_addf(out, "%s[%s](plots/%s.svg)", i ? " · " : "Plots: ", plots->plot[i].title, plots->plot[i].slug);
    if (plots && plots->n > 0)
        text_add(out, "\n\n");
}

void comparison_md(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    struct grid grid;
    size_t left_out = 0;

    text_add(out, "# ");
    text_add_md(out, *view->comparison->head.title ? view->comparison->head.title : view->run);
    text_add(out, "\n\n");
    words(view, comparison_sentence, "**", "\n\n", out);
    words(view, comparison_sides, "", "\n\n", out);
    text_addf(out, "Run: **%s**. ", health_word(comparison_health(view)));
    words(view, comparison_ruler, "", "", out);
    text_add(out, "\n\n");
    sparkline(view, out);
    comparison_table_changed(view, CHANGED_SHOWN, CHANGED_COMMANDS, &grid);
    part(&grid, 0, &left_out, out);
    pictures(options->plots, out);
    comparison_table_open(view, 0, &grid);
    part(&grid, 1, &left_out, out);
    comparison_table_sentinels(view, &grid);
    part(&grid, 1, &left_out, out);
    comparison_table_health(view, &grid);
    part(&grid, 1, &left_out, out);
    comparison_table_reproduce(view, &grid);
    part(&grid, 1, &left_out, out);
    comparison_table_models(view, &grid);
    part(&grid, 1, &left_out, out);
    comparison_table_matrix(view, &grid);
    part(&grid, 1, &left_out, out);
    comparison_table_info(view, &grid);
    part(&grid, 1, &left_out, out);
    text_add_md(out, comparison_ci_note);
    text_add(out, "\n");
    if (left_out > 0)
        text_addf(out, "\n%zu table%s left out to fit a comment: all figures are in report.csv and report.jsonl.\n",
                  left_out, left_out == 1 ? " was" : "s were");
}
