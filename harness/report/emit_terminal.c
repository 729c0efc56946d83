/* What a person sees first: the verdict, the comparison, why, and whether to trust it. */
#include "report/emit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/emit_peers.h"
#include "report/peer_table.h"
#include "report/tables.h"
#include "report/tables_axes.h"
#include "report/tables_more.h"

static void render(struct grid *table, const struct emit_options *options, struct text *out)
{
    grid_terminal(table, options->width, options->colour, out);
    grid_free(table);
    text_add(out, "\n");
}

/* Two columns, the second as long as it likes: wrapped under itself. */
static void render_facts(struct grid *grid, const struct emit_options *options, struct text *out)
{
    int name = 0, warned;

    for (size_t r = 0; r < grid->rows; r++)
        name = text_columns(grid_at(grid, r, 0)) > name ? text_columns(grid_at(grid, r, 0)) : name;
    text_addf(out, options->colour ? "\x1b[1;4m%s\x1b[0m\n" : "%s\n", grid->title);
    for (size_t r = 0; r < grid->rows; r++) {
        struct text line = {0};
        char *bytes = NULL;
        size_t len;
        text_addf(&line, "%s%*s  %s", grid_at(grid, r, 0), name - text_columns(grid_at(grid, r, 0)), "",
                  grid_at(grid, r, 1));
        warned = options->colour && strcmp(grid_at(grid, r, 0), "warning") == 0;
        if (text_take(&line, &bytes, &len) != ST_OK) {
            out->failed = 1;
            break;
        }
        text_add(out, warned ? "\x1b[33m" : "");
        grid_wrap(out, bytes, options->width, name + 2);
        if (warned && out->len > 0) { /* the colour ends before the line does */
            out->len--;
            text_add(out, "\x1b[0m\n");
        }
        free(bytes);
    }
    text_add(out, "\n");
    out->failed |= grid->failed;
    grid_free(grid);
}

static void reasons(const struct report_model *model, const struct emit_options *options, struct text *out)
{
    int any = 0;

    for (size_t i = 0; i < model->rows; i++) {
        const struct report_row *row = &model->row[i];
        struct text line = {0}, plain = {0};
        char *bytes = NULL;
        size_t len;
        if (!row->verdict.because)
            continue;
        text_addf(&line, "%s, %s: %s.", row->config, verdict_word(row->verdict.kind), row->verdict.because);
        if (text_take(&line, &bytes, &len) != ST_OK) {
            out->failed = 1;
            return;
        }
        text_add_plain(&plain, bytes);
        free(bytes);
        if (text_take(&plain, &bytes, &len) != ST_OK) {
            out->failed = 1;
            return;
        }
        grid_wrap(out, bytes, options->width, 2);
        free(bytes);
        any = 1;
    }
    if (any)
        text_add(out, "\n");
}

/* Every cell, where the run has axes that the first table cannot show: it shows one number of threads, one batch and
 * one level. A second batch alone is no reason: suites have one as a matter of course. */
static void matrix(const struct report *report, const struct report_model *model, const struct emit_options *options,
                   struct text *out)
{
    struct tables_axes vary = tables_axes(report, model);
    char line[512];
    struct grid table;

    if (report->all_columns || vary.several_points) {
        tables_matrix(report, model, &table);
        render(&table, options, out);
    } else if (*vary.others) {
        snprintf(line, sizeof line, "This run also has %s: packlight report --columns all shows every cell.",
                 vary.others);
        grid_wrap(out, line, options->width, 2);
        text_add(out, "\n");
    }
}

void emit_terminal(const struct report *report, const struct emit_options *options, struct text *out)
{
    struct grid table;
    char banner[512];

    if (peer_table_is(report)) {
        emit_peers_terminal(report, options, out);
        return;
    }
    tables_banner(report, banner, sizeof banner);
    grid_wrap(out, banner, options->width, 0);
    text_add(out, "\n");
    for (size_t m = 0; m < report->models; m++) {
        tables_headline(report, &report->model[m], &table);
        render(&table, options, out);
        reasons(&report->model[m], options, out);
        matrix(report, &report->model[m], options, out);
        if (tables_can_choose(&report->model[m])) {
            tables_choose(report, &report->model[m], &table);
            render(&table, options, out);
        }
        for (int i = 0; tables_more_at(report, &report->model[m], i, &table); i++)
            if (table.rows > 0)
                render(&table, options, out);
            else
                grid_free(&table);
    }
    grid_wrap(out, expectation_note, options->width, 0);
    text_add(out, "\n");
    tables_problems(report, &table);
    if (table.rows > 0)
        render(&table, options, out);
    else
        grid_free(&table);
    tables_health(report, &table);
    render_facts(&table, options, out);
    tables_reproduce(report, &table);
    render_facts(&table, options, out);
}
