/* Tables for papers: one table per model (peers: one of all), to be \input into a document that has in its head
 *
 *   \usepackage{booktabs}
 *   \usepackage{siunitx}
 *   \usepackage{textcomp}      % only before 2020
 *
 * The figures are those of the headline table. The sentence about the energy proxy stands under every table that has
 * one. */
#include "report/emit.h"

#include <stdio.h>
#include <string.h>

#include "report/peer_table.h"
#include "report/tables.h"
#include "report/tex.h"

/* Columns of the headline table that fit a page, by title; the energy column is found by its own title. */
static int pick_columns(const struct report *report, const struct grid *grid, int *column)
{
    char energy[96];
    const char *const titles[] = {
        "technique", "file size", "size ratio", "latency SIMD", "speed-up vs FP32 SIMD", "95 % CI",
        energy,      "accuracy",  "Δ"};
    int n = 0;

    report_energy_title(report, energy, sizeof energy);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        int found = grid_find(grid, titles[i]);
        if (found >= 0)
            column[n++] = found;
    }
    return n;
}

static void add_source(const struct report *report, struct text *out)
{
    char value[256];

    text_add(out, "Run ");
    text_add_tex(out, report->run);
    text_add(out, ", ");
    text_add_tex(out, report_fact(report, REPORT_CPU, value, sizeof value));
    text_add(out, ", commit ");
    text_add_tex(out, report_fact(report, REPORT_COMMIT, value, sizeof value));
    text_add(out, ", ");
    text_add_tex(out, report_fact(report, REPORT_COMPILER, value, sizeof value));
    text_add(out, ". ");
    text_add_tex(out, report_ci_note);
}

/* The sentence about the energy proxy is among them. */
static void add_notes(const char *notes, struct text *out)
{
    while (notes && *notes) {
        size_t len = strcspn(notes, "\n");
        char line[1100];
        snprintf(line, sizeof line, "%.*s", (int)len, notes);
        text_add_tex(out, line);
        text_add(out, "\n");
        notes += len + (notes[len] == '\n');
    }
}

static void begin_table(struct text *out)
{
    text_add(out, "\\begin{table}\n\\centering\n\\scriptsize\n\\setlength{\\tabcolsep}{3pt}\n");
}

static void end_table(struct text *out)
{
    text_add(out, "\\par}\n\\end{table}\n\n");
}

static void add_model(const struct report *report, const struct report_model *model, struct text *out)
{
    struct grid grid;
    int column[GRID_COLUMNS], n;

    tables_headline(report, model, &grid);
    n = pick_columns(report, &grid, column);
    begin_table(out);
    text_add(out, "\\caption{");
    text_add_tex(out, grid.title);
    text_add(out, "}\n\\label{tab:packlight-");
    text_add_tex_label(out, model->name);
    text_add(out, "}\n");
    tex_tabular(&grid, column, n, out);
    text_add(out, "\n\\vspace{2pt}\n{\\scriptsize\\raggedright ");
    add_notes(grid.notes, out);
    grid_free(&grid);
    add_source(report, out);
    end_table(out);
}

static void add_peers(const struct report *report, struct text *out)
{
    struct peer_table table;
    struct grid grid;
    int column[GRID_COLUMNS], n = 0;

    if (peer_table_make(report, &table) != ST_OK) {
        out->failed = 1;
        return;
    }
    peer_table_grid(&table, &grid);
    /* Who, which type, our time, and of each library the ratio with its interval: more is too wide for a page. */
    for (int c = 0; c < grid.columns; c++)
        if (c < 3 || strstr(grid.column[c].unit, "CI"))
            column[n++] = c;
    begin_table(out);
    text_add(out, "\\caption{");
    text_add_tex(out, grid.title);
    text_add(out, "}\n\\label{tab:packlight-peers}\n");
    tex_tabular(&grid, column, n, out);
    grid_free(&grid);
    peer_table_free(&table);
    text_add(out, "\n\\vspace{2pt}\n{\\scriptsize\\raggedright ");
    text_add_tex(out, peer_table_note);
    text_add(out, " ");
    add_source(report, out);
    end_table(out);
}

void emit_tex(const struct report *report, const struct emit_options *options, struct text *out)
{
    (void)options;
    text_add(out, "% Made by packlight report. Needs \\usepackage{booktabs} and \\usepackage{siunitx}; then\n"
                  "% \\input{report}\n");
    if (peer_table_is(report)) {
        add_peers(report, out);
        return;
    }
    for (size_t m = 0; m < report->models; m++)
        add_model(report, &report->model[m], out);
}
