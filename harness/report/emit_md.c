/* The report for a forge: fits a GitHub comment (65 536 characters), the most important first, the rest folded.
 * Pictures are linked, not embedded: a comment cannot show files of a run. */
#include "report/emit.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/plots.h"
#include "report/emit_peers.h"
#include "report/peer_table.h"
#include "report/tables.h"
#include "report/tables_more.h"

enum { MD_LIMIT = 65000 };

/* Appends a finished part, or counts it as left out when the page would grow past the limit. */
static void add_part(struct text *part, struct text *out, size_t *left_out)
{
    if (part->failed)
        out->failed = 1;
    else if (out->len + part->len > MD_LIMIT)
        ++*left_out;
    else if (part->len > 0)
        text_add_bytes(out, part->bytes, part->len);
    text_free(part);
}

static void folded(struct grid *table, struct text *out)
{
    text_add(out, "<details><summary>");
    text_add_md(out, table->title);
    text_add(out, "</summary>\n\n");
    grid_markdown(table, 0, out);
    text_add(out, "</details>\n\n");
    grid_free(table);
}

static void reasons(const struct report_model *model, struct text *out)
{
    for (size_t i = 0; i < model->rows; i++) {
        const struct report_row *row = &model->row[i];
        if (!row->verdict.because)
            continue;
        text_add(out, "- ");
        text_add_md(out, row->config);
        text_addf(out, ", %s: ", verdict_word(row->verdict.kind));
        text_add_md(out, row->verdict.because);
        text_add(out, ".\n");
    }
    text_add(out, "\n");
}

static void pictures(const struct emit_options *options, const char *model, struct text *out)
{
    int any = 0;

    for (size_t i = 0; options->plots && i < options->plots->n; i++) {
        const struct plot *plot = &options->plots->plot[i];
        if (plot->model != model)
            continue;
        text_add(out, any ? " · " : "Plots: ");
        text_addf(out, "[%s](plots/%s.svg)", plot->title, plot->slug);
        any = 1;
    }
    if (any)
        text_add(out, "\n\n");
}

void emit_md(const struct report *report, const struct emit_options *options, struct text *out)
{
    struct grid table;
    struct text part = {0};
    char line[512];
    size_t left_out = 0;

    if (peer_table_is(report)) {
        emit_peers_md(report, options, out);
        return;
    }
    text_add(out, "# ");
    text_add_md(out, report->run);
    text_add(out, "\n\n**");
    tables_banner(report, line, sizeof line);
    text_add_md(out, line);
    text_add(out, "**\n\n");
    for (size_t m = 0; m < report->models; m++) {
        tables_headline(report, &report->model[m], &table);
        grid_markdown(&table, 2, &part);
        grid_free(&table);
        reasons(&report->model[m], &part);
        if (tables_can_choose(&report->model[m])) {
            tables_choose(report, &report->model[m], &table);
            grid_markdown(&table, 3, &part);
            grid_free(&table);
        }
        pictures(options, report->model[m].name, &part);
        add_part(&part, out, &left_out);
    }
    text_add_md(&part, expectation_note);
    text_add(&part, "\n\n");
    text_add_md(&part, report_ci_note);
    text_add(&part, "\n\n");
    tables_problems(report, &table);
    if (table.rows > 0)
        grid_markdown(&table, 2, &part);
    grid_free(&table);
    tables_health(report, &table);
    grid_markdown(&table, 2, &part);
    grid_free(&table);
    tables_reproduce(report, &table);
    grid_markdown(&table, 2, &part);
    grid_free(&table);
    add_part(&part, out, &left_out);
    for (size_t m = 0; m < report->models; m++)
        for (int i = 0; tables_more_at(report, &report->model[m], i, &table); i++) {
            if (table.rows > 0)
                folded(&table, &part);
            else
                grid_free(&table);
            add_part(&part, out, &left_out);
        }
    for (size_t m = 0; m < report->models; m++) {
        tables_matrix(report, &report->model[m], &table);
        folded(&table, &part);
        add_part(&part, out, &left_out);
        tables_ledger(report, &report->model[m], &table);
        if (table.rows > 0)
            folded(&table, &part);
        else
            grid_free(&table);
        add_part(&part, out, &left_out);
    }
    for (size_t m = 0; m < report->models; m++)
        for (size_t i = 0; i < report->model[m].rows; i++) {
            const struct report_row *row = &report->model[m].row[i];
            if (!report_ok(row->main) || row->main->kernels_n == 0)
                continue;
            tables_layers(row, &table);
            folded(&table, &part);
            add_part(&part, out, &left_out);
        }
    if (left_out > 0)
        text_addf(out, "%zu table%s left out to fit a comment: all figures are in report.csv and report.json.\n",
                  left_out, left_out == 1 ? " was" : "s were");
}
