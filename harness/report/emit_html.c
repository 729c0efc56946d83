/* The report of a run as one page. Its first screen answers: what to ship, how much smaller, faster, cheaper and less
 * accurate it is, and whether the run can be trusted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/choose.h"
#include "report/emit.h"
#include "report/emit_html_parts.h"
#include "report/emit_peers.h"
#include "report/health.h"
#include "report/html.h"
#include "report/peer_table.h"
#include "report/plots.h"
#include "report/tables.h"
#include "report/tables_more.h"
#include "report/tables_page.h"

enum { CARDS = 4 }; /* more models than this get a table in their place */

static enum html_tone health_tone(enum health_level level)
{
    return level == HEALTH_GOOD ? HTML_GOOD : level == HEALTH_DOUBTFUL ? HTML_WARN : HTML_BAD;
}

/* ------------------------------------------------------------------------------------ the first screen */

/* One figure of a card: value, what it is, and a line of detail. */
static void figure(struct html *page, const char *value, const char *what, const char *detail)
{
    html_raw(page, "<div><dt>");
    text_add_html(html_here(page), what);
    html_raw(page, "</dt><dd>");
    text_add_html(html_here(page), value);
    html_raw(page, "</dd><dd class=\"range\">");
    text_add_html(html_here(page), detail);
    html_raw(page, "</dd></div>");
}

static void card_figures(struct html *page, const struct report *report, const struct report_model *model,
                         const struct report_row *best)
{
    const struct record *r = best->main, *base = r == best->simd ? best->fp32_simd : best->fp32_ref;
    const char *unit_name;
    double unit = tables_latency_unit(model, &unit_name);
    char value[64], detail[160], energy[96], a[32], b[32];

    html_raw(page, "<dl>");
    snprintf(value, sizeof value, "%s×", format_sig(r->size_ratio, 3, a));
    snprintf(detail, sizeof detail, "%s → %s kB",
             format_sig(r->size_fp32_bytes > 0 ? (double)r->size_fp32_bytes / 1e3 : NAN, 4, a),
             format_sig(r->size_file_bytes > 0 ? (double)r->size_file_bytes / 1e3 : NAN, 3, b));
    figure(page, value, "smaller file", detail);
    snprintf(value, sizeof value, "%s×", format_sig(r->speedup_vs_fp32_simd, 3, a));
    snprintf(detail, sizeof detail, "95 %% CI %s", format_range(r->speedup_ci95, 3, a));
    if (report_ok(base))
        snprintf(detail + strlen(detail), sizeof detail - strlen(detail), "; %s → %s %s",
                 format_sig(base->latency_ns_median / unit, 3, a), format_sig(r->latency_ns_median / unit, 3, b),
                 unit_name);
    figure(page, value, "faster than FP32 SIMD", detail);
    report_energy_title(report, energy, sizeof energy);
    snprintf(value, sizeof value, "%s×", format_sig(r->energy_proxy_ratio, 2, a));
    figure(page, value, energy, r->energy_tags ? "modelled, partly interpolated" : "modelled, not measured");
    snprintf(value, sizeof value, "%s pp",
             best->verdict.kind == VERDICT_BASELINE ? "0" : format_signed(r->accuracy_delta_pp, 2, a));
    snprintf(detail, sizeof detail, "now %s %%", format_fixed(100.0 * r->accuracy_top1, 2, a));
    if (isfinite(r->accuracy_delta_ci95[0]) && best->verdict.kind != VERDICT_BASELINE)
        snprintf(detail + strlen(detail), sizeof detail - strlen(detail), "; 95 %% CI %s … %s",
                 format_signed(r->accuracy_delta_ci95[0], 2, a), format_signed(r->accuracy_delta_ci95[1], 2, b));
    figure(page, value, "accuracy", detail);
    html_raw(page, "</dl>\n");
}

/* Why the expected figures were not reached, and what is better in one thing. */
static void card_words(const struct report_model *model, const struct report_row *best, struct text *out)
{
    static const char *const names[] = {"smallest is", "fastest is", "cheapest by the energy proxy is"};
    char a[32], b[32];
    int any = 0;

    if (best->verdict.because)
        text_addf(out, "Expected figures %s: %s. ", verdict_word(best->verdict.kind), best->verdict.because);
    for (int by = CHOOSE_SMALLEST; by <= CHOOSE_CHEAPEST; by++) {
        const struct report_row *other = choose_best(model, CHOOSE_LIMIT_PP, (enum choose_by)by);
        int digits = by == CHOOSE_CHEAPEST ? 2 : 3;
        if (!other || other == best)
            continue;
        format_sig(choose_gain(other, (enum choose_by)by), digits, a);
        if (strcmp(a, format_sig(choose_gain(best, (enum choose_by)by), digits, b)) == 0)
            continue;
        text_addf(out, any ? ", %s %s (%s×)" : "Under the same limit %s %s (%s×)", names[by], other->config, a);
        any = 1;
    }
    if (any)
        text_add(out, ".");
}

static void add_card(struct html *page, const struct report *report, const struct report_model *model)
{
    const struct report_row *best = choose_best(model, CHOOSE_LIMIT_PP, CHOOSE_FASTEST);
    struct text words = {0};

    html_raw(page, "<article class=\"card\">\n<h2>");
    text_add_html(html_here(page), model->name);
    if (!tables_can_choose(model)) {
        html_raw(page, "</h2>\n");
        html_paragraph(page, "No accuracy was measured (random weights or no labels), so nothing is recommended. Sizes "
                             "and times are in the tables.");
    } else if (!best) {
        html_raw(page, "</h2>\n");
        html_paragraph(page, "No row ran that loses at most %.1f pp.", CHOOSE_LIMIT_PP);
    } else {
        html_raw(page, ": ship <b class=\"name\">");
        text_add_html(html_here(page), best->config);
        html_raw(page, "</b></h2>\n");
        card_figures(page, report, model, best);
        card_words(model, best, &words);
        if (words.len > 0)
            html_small(page, "%s", words.bytes);
    }
    html_here(page)->failed |= words.failed;
    text_free(&words);
    html_raw(page, "</article>\n");
}

/* With many models: the same answers as rows. */
static void add_answers(struct html *page, const struct report *report)
{
    struct grid grid;
    char energy[96], a[32];

    report_energy_title(report, energy, sizeof energy);
    grid_begin(&grid, "What to ship");
    grid_column(&grid, "model", GRID_LEFT, 0);
    grid_column(&grid, "ship", GRID_LEFT, 0);
    grid_column(&grid, "size ratio|×", GRID_RIGHT, 0);
    grid_column(&grid, "speed-up vs FP32 SIMD|×", GRID_RIGHT, 0);
    grid_column(&grid, "95 % CI|×", GRID_RIGHT, 0);
    grid_column(&grid, energy, GRID_RIGHT, 0);
    grid_column(&grid, "accuracy change|pp", GRID_RIGHT, 0);
    for (size_t m = 0; m < report->models; m++) {
        int measured = tables_can_choose(&report->model[m]);
        const struct report_row *best =
            measured ? choose_best(&report->model[m], CHOOSE_LIMIT_PP, CHOOSE_FASTEST) : NULL;
        const struct record *r = best ? best->main : NULL;
        grid_row(&grid);
        grid_cell(&grid, GRID_PLAIN, "%s", report->model[m].name);
        grid_cell(&grid, r ? GRID_PLAIN : GRID_DIM, "%s",
                  r          ? best->config
                  : measured ? "nothing within the limit"
                             : "no accuracy measured");
        if (!r)
            continue;
        grid_cell(&grid, GRID_PLAIN, "%s", format_sig(r->size_ratio, 3, a));
        grid_cell(&grid, GRID_PLAIN, "%s", format_sig(r->speedup_vs_fp32_simd, 3, a));
        grid_cell(&grid, GRID_PLAIN, "%s", format_range(r->speedup_ci95, 3, a));
        grid_cell(&grid, GRID_PLAIN, "%s", format_sig(r->energy_proxy_ratio, 2, a));
        grid_cell(&grid, GRID_PLAIN, "%s",
                  best->verdict.kind == VERDICT_BASELINE ? "0" : format_signed(r->accuracy_delta_pp, 2, a));
    }
    html_grid(page, &grid, HTML_NO_TITLE);
    grid_free(&grid);
}

static void first_screen(struct html *page, const struct report *report)
{
    struct health health;
    struct text words = {0};
    char banner[512];

    html_source(page, report);
    health_find(report, &health);
    health_say(report, &health, &words);
    html_lead(page, health_tone(health.level), health_word(health.level), words.bytes ? words.bytes : "");
    html_here(page)->failed |= words.failed;
    text_free(&words);
    tables_banner(report, banner, sizeof banner);
    html_lead(page, HTML_PLAIN, NULL, banner);
    if (report->models <= CARDS) {
        html_raw(page, "<div class=\"cards\">\n");
        for (size_t m = 0; m < report->models; m++)
            add_card(page, report, &report->model[m]);
        html_raw(page, "</div>\n");
    } else {
        add_answers(page, report);
    }
    html_raw(page, "<p class=\"small\">");
    text_addf(html_here(page),
              "Recommended is the fastest recipe that loses at most %.1f pp of accuracy; <a href=\"#choose\">choose "
              "another limit</a>. ",
              CHOOSE_LIMIT_PP);
    if (*report->energy_model)
        text_add_html(html_here(page), report->energy_note);
    html_raw(page, "</p>\n");
}

/* ------------------------------------------------------------------------------------------ the sections */

/* What the slider of report.js reads off a row. */
static char *row_mark(const struct report_row *row)
{
    static const char *const names[] = {"smallest", "fastest", "cheapest"};
    struct text mark = {0};
    char *bytes = NULL, digits[32];
    size_t len;

    text_addf(&mark, " data-loss=\"%s\"", text_number(choose_loss_pp(row), digits));
    for (int by = CHOOSE_SMALLEST; by <= CHOOSE_CHEAPEST; by++)
        if (isfinite(choose_gain(row, (enum choose_by)by)))
            text_addf(&mark, " data-%s=\"%s\"", names[by], text_number(choose_gain(row, (enum choose_by)by), digits));
    return text_take(&mark, &bytes, &len) == ST_OK ? bytes : NULL;
}

static void add_optimal(struct html *page, const struct report *report, const struct report_model *model)
{
    struct grid grid;
    const struct report_row **row = NULL;
    char **mark, limit[64];

    tables_optimal(report, model, &grid, &row);
    mark = calloc(grid.rows + 1, sizeof *mark);
    for (size_t i = 0; mark && row && i < grid.rows; i++)
        mark[i] = row_mark(row[i]);
    snprintf(limit, sizeof limit, " data-limit=\"%g\"", CHOOSE_LIMIT_PP);
    html_grid_marked(page, &grid, 0, limit, mark);
    html_here(page)->failed |= !mark;
    for (size_t i = 0; mark && i < grid.rows; i++)
        free(mark[i]);
    free(mark);
    free(row);
    grid_free(&grid);
}

static void section_choose(struct html *page, const struct report *report)
{
    html_section(page, "choose", "Choose");
    html_paragraph(page,
                   "Recipes that no other recipe beats in size, speed, energy proxy and accuracy together, and for "
                   "fixed limits the best of them.");
    for (size_t m = 0; m < report->models; m++) {
        const struct report_model *model = &report->model[m];
        struct grid grid;
        if (!tables_can_choose(model)) {
            html_paragraph(page, "%s: no accuracy was measured, there is nothing to weigh.", model->name);
            continue;
        }
        add_optimal(page, report, model);
        tables_choose(report, model, &grid);
        html_grid(page, &grid, 0);
        grid_free(&grid);
    }
    if (*report->energy_model)
        html_small(page, "%s", report->energy_note);
}

static void section_tables(struct html *page, const struct report *report)
{
    struct grid grid;

    html_section(page, "headline", "Techniques");
    for (size_t m = 0; m < report->models; m++) {
        tables_headline(report, &report->model[m], &grid);
        html_grid(page, &grid, 0);
        grid_free(&grid);
    }
    html_small(page, "%s", expectation_note);
    html_small(page, "%s", report_ci_note);
    tables_problems(report, &grid);
    if (grid.rows > 0)
        html_grid(page, &grid, 0);
    grid_free(&grid);
    html_section(page, "matrix", "Full matrix");
    for (size_t m = 0; m < report->models; m++) {
        tables_matrix(report, &report->model[m], &grid);
        html_grid(page, &grid, HTML_WIDE);
        grid_free(&grid);
    }
}

/* Energy under other tables of constants, measured energy, cold starts: as far as the run has them. */
static void section_more(struct html *page, const struct report *report)
{
    struct grid grid;
    int any = 0;

    for (size_t m = 0; m < report->models; m++)
        for (int i = 0; tables_more_at(report, &report->model[m], i, &grid); i++) {
            if (grid.rows > 0 && !any)
                html_section(page, "more", "Energy, cold start");
            any |= grid.rows > 0;
            if (grid.rows > 0)
                html_grid(page, &grid, 0);
            html_here(page)->failed |= grid.failed;
            grid_free(&grid);
        }
}

static void section_why(struct html *page, const struct report *report)
{
    html_section(page, "why", "Why not better");
    for (size_t m = 0; m < report->models; m++) {
        const struct report_model *model = &report->model[m];
        int any = 0;
        html_heading(page, 3, model->name);
        for (size_t i = 0; i < model->rows; i++) {
            const struct verdict *verdict = &model->row[i].verdict;
            struct text words = {0};
            if (!verdict->because)
                continue;
            if (!any)
                html_list(page);
            any = 1;
            text_addf(&words, "%s: %s.", verdict_word(verdict->kind), verdict->because);
            html_item(page, model->row[i].config, words.bytes);
            html_here(page)->failed |= words.failed;
            text_free(&words);
        }
        if (any)
            html_list_end(page);
        else
            html_paragraph(page, "Every recipe reached what is expected of its technique.");
    }
}

static void section_depth(struct html *page, const struct report *report)
{
    struct grid grid;

    html_section(page, "ledger", "Accuracy by stage");
    for (size_t m = 0; m < report->models; m++) {
        tables_ledger(report, &report->model[m], &grid);
        if (grid.rows > 0)
            html_grid(page, &grid, 0);
        else
            html_paragraph(page, "%s: nothing was recorded.", report->model[m].name);
        grid_free(&grid);
    }
    html_section(page, "layers", "Layers");
    for (size_t m = 0; m < report->models; m++) {
        html_heading(page, 3, report->model[m].name);
        for (size_t i = 0; i < report->model[m].rows; i++) {
            const struct report_row *row = &report->model[m].row[i];
            if (!report_ok(row->main) || row->main->kernels_n == 0)
                continue;
            tables_layers(row, &grid);
            html_details(page, "%s, %s kernels", row->config, row->main->kernel);
            html_grid(page, &grid, HTML_NO_TITLE);
            html_details_end(page);
            grid_free(&grid);
        }
    }
}

static void section_appendix(struct html *page, const struct report *report)
{
    struct grid grid;

    html_section(page, "appendix", "Appendix");
    for (size_t m = 0; m < report->models; m++) {
        const struct report_model *model = &report->model[m];
        tables_absolute(report, model, &grid);
        html_details(page, "%s", grid.title);
        html_grid(page, &grid, HTML_WIDE | HTML_NO_TITLE);
        html_small(page, "%s", report->energy_note);
        html_details_end(page);
        grid_free(&grid);
        tables_energy_parts(report, model, &grid);
        if (grid.rows > 0) {
            html_details(page, "%s", grid.title);
            html_grid(page, &grid, HTML_NO_TITLE);
            html_details_end(page);
        }
        grid_free(&grid);
    }
    html_method(page, report);
}

void emit_html(const struct report *report, const struct emit_options *options, struct text *out)
{
    struct html page;
    char title[REPORT_TEXT + 16];

    if (peer_table_is(report)) {
        emit_peers_html(report, options, out);
        return;
    }
    snprintf(title, sizeof title, "packlight: %s", report->run);
    html_begin(&page, title);
    first_screen(&page, report);
    section_choose(&page, report);
    section_tables(&page, report);
    section_more(&page, report);
    html_plots(&page, report, options->plots);
    section_why(&page, report);
    section_depth(&page, report);
    html_health(&page, report);
    html_reproduce(&page, report);
    section_appendix(&page, report);
    html_end(&page, out);
}
