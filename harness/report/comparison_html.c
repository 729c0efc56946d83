/* A comparison as one page. Its first screen answers: is it slower, where and by how much, how sure is that, and can
 * the run be trusted. */
#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_tables.h"
#include "report/html.h"
#include "report/plots.h"

enum { FIRST_SHOWN = 8 };

static void say(struct html *page, void (*words)(const struct comparison_view *view, struct text *out),
                const struct comparison_view *view, enum html_tone tone, const char *badge)
{
    struct text said = {0};

    words(view, &said);
    if (said.len > 0)
        html_lead(page, tone, badge, said.bytes);
    html_here(page)->failed |= said.failed;
    text_free(&said);
}

static void add(struct html *page, struct grid *grid, int flags, const char *otherwise)
{
    if (grid->rows > 0 || grid->failed)
        html_grid(page, grid, flags);
    else if (otherwise)
        html_paragraph(page, "%s", otherwise);
    grid_free(grid);
}

static void first_screen(struct html *page, const struct comparison_view *view)
{
    static const enum html_tone tones[] = {HTML_GOOD, HTML_WARN, HTML_BAD};
    const struct comparison_head *head = &view->comparison->head;
    enum health_level health = comparison_health(view);
    enum html_tone tone = head->exit_code == 0 ? HTML_GOOD : head->exit_code == 3 ? HTML_WARN : HTML_BAD;
    struct comparison_view few = *view;
    struct grid grid;

    say(page, comparison_sentence, view, tone, head->verdict);
    say(page, comparison_sides, view, HTML_PLAIN, NULL);
    say(page, comparison_ruler, view, tones[health], health_word(health));
    if (view->changed.n == 0)
        return;
    if (few.changed.n > FIRST_SHOWN)
        few.changed.n = FIRST_SHOWN;
    comparison_table_changed(&few, 0, CHANGED_FIGURES, &grid);
    html_grid(page, &grid, HTML_NO_TITLE);
    grid_free(&grid);
    if (view->changed.n > FIRST_SHOWN)
        html_small(page, "%zu more below, under What changed.", view->changed.n - FIRST_SHOWN);
}

/* What measures the changed cells again. */
static void commands(struct html *page, const struct comparison_view *view)
{
    int any = 0;

    for (size_t i = 0; i < view->changed.n; i++) {
        if (!view->changed.row[i]->reproduce)
            continue;
        if (!any++) {
            html_details(page, "Commands that measure these cells again");
            html_list(page);
        }
        html_item(page, NULL, view->changed.row[i]->reproduce);
    }
    if (any) {
        html_list_end(page);
        html_details_end(page);
    }
}

static void section_plots(struct html *page, const struct plots *plots)
{
    size_t drawn = 0;

    html_section(page, "plots", "Plots");
    for (size_t i = 0; plots && i < plots->n; i++)
        drawn += plots->plot[i].svg != NULL;
    if (drawn == 0) {
        html_paragraph(page, "%s The tables hold all the figures.",
                       !plots          ? "Pictures were not asked for (--no-plots)."
                       : plots->n == 0 ? "This comparison holds nothing to draw."
                                       : "The pictures were not drawn: gnuplot was not there when this page was made. "
                                         "Their scripts with the data are in plots/.");
        return;
    }
    html_raw(page, "<div class=\"figures\">\n");
    for (size_t i = 0; i < plots->n; i++) {
        const struct plot *plot = &plots->plot[i];
        char name[PLOT_SLUG + 16], alt[PLOT_TITLE + 100];
        snprintf(name, sizeof name, "plots/%s", plot->slug);
        snprintf(alt, sizeof alt, "Plot: %s. Its figures are in the tables of this page.", plot->title);
        html_svg(page, plot->svg, plot->svg_len, name, alt, plot->title);
    }
    html_raw(page, "</div>\n");
    html_small(page, "The links lead to the files beside this page. %s", comparison_ci_note);
}

void comparison_html(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    const struct comparison_head *head = &view->comparison->head;
    struct html page;
    struct grid grid;
    char title[COMPARISON_TEXT + 32];

    snprintf(title, sizeof title, "packlight: %s", *head->title ? head->title : view->run);
    html_begin(&page, title);
    first_screen(&page, view);
    html_section(&page, "changed", "What changed");
    comparison_table_changed(view, 0, CHANGED_REASONS, &grid);
    add(&page, &grid, HTML_NO_TITLE, "No cell changed beyond what the gate allows.");
    commands(&page, view);
    comparison_table_models(view, &grid);
    add(&page, &grid, 0, NULL);
    html_section(&page, "matrix", "Full matrix");
    comparison_table_matrix(view, &grid);
    add(&page, &grid, HTML_WIDE | HTML_NO_TITLE, "There are no gated cells.");
    html_small(&page, "%s", comparison_ci_note);
    section_plots(&page, options->plots);
    html_section(&page, "health", "Run health");
    comparison_table_health(view, &grid);
    add(&page, &grid, HTML_FACTS, NULL);
    comparison_table_sentinels(view, &grid);
    add(&page, &grid, 0, "No sentinels were measured: nothing checks the ruler itself.");
    comparison_table_open(view, 0, &grid);
    add(&page, &grid, 0, "Every gated cell could be decided.");
    html_section(&page, "reproduce", "Reproduce");
    comparison_table_reproduce(view, &grid);
    add(&page, &grid, HTML_FACTS | HTML_NO_TITLE, NULL);
    html_paragraph(&page, "packlight report makes this page again from the files beside it.");
    html_section(&page, "appendix", "Appendix");
    comparison_table_info(view, &grid);
    add(&page, &grid, HTML_WIDE, "No other figures were compared.");
    html_heading(&page, 3, "How a verdict is made");
    html_paragraph(&page,
                   "Every cell is measured in pairs of fresh processes, A and B, interleaved on one processor. Rounds "
                   "in which a side did not have the processor are dropped for both sides, never for their value. A "
                   "cell that looks slower is measured again with fresh processes; it is called slower only if both "
                   "stages say so, the ratio passes the gate and the interval lies above what relinking alone can do. "
                   "A cell without a change is called unchanged only if a change of the size that matters would have "
                   "been found.");
    html_end(&page, out);
}
