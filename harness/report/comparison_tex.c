/* A comparison for papers: what changed and a summary by model, with booktabs and siunitx as in emit_tex.c. */
#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_tables.h"
#include "report/tex.h"

enum { ROWS = 40 }; /* more do not fit a page */

static void add_table(const struct comparison_view *view, struct grid *grid, const char *label,
                      const char *const *titles, int titles_n, struct text *out)
{
    int column[GRID_COLUMNS], n = 0;
    char value[256];
    struct text words = {0};

    for (int i = 0; i < titles_n; i++)
        if (grid_find(grid, titles[i]) >= 0)
            column[n++] = grid_find(grid, titles[i]);
    text_add(out, "\\begin{table}\n\\centering\n\\footnotesize\n\\setlength{\\tabcolsep}{4pt}\n\\caption{");
    text_add_tex(out, grid->title);
    text_addf(out, "}\n\\label{tab:packlight-%s}\n", label);
    tex_tabular(grid, column, n, out);
    text_add(out, "\n\\vspace{2pt}\n{\\scriptsize\\raggedright ");
    comparison_sides(view, &words);
    text_add_tex(out, words.bytes);
    text_add(out, " ");
    text_add_tex(out, comparison_ci_note);
    text_add(out, " ");
    text_add_tex(out, env_fact(&view->comparison->env, REPORT_CPU, value, sizeof value));
    text_add(out, ", run ");
    text_add_tex(out, view->run);
    text_add(out, ".\\par}\n\\end{table}\n\n");
    out->failed |= words.failed | grid->failed;
    text_free(&words);
    grid_free(grid);
}

void comparison_tex(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    static const char *const changed[] = {"cell", "verdict", "A", "B", "B/A", "95 % CI", "MDE"};
    static const char *const models[] = {"model",     "cells",       "slower",    "faster",
                                         "unchanged", "not decided", "incorrect", "mean B/A"};
    struct text words = {0};
    struct grid grid;

    (void)options;
    text_add(out, "% Made by packlight report. Needs \\usepackage{booktabs} and \\usepackage{siunitx}; then\n"
                  "% \\input{report}\n");
    comparison_sentence(view, &words);
    text_add_tex(out, words.bytes);
    text_add(out, "\n\n");
    out->failed |= words.failed;
    text_free(&words);
    comparison_table_changed(view, ROWS, CHANGED_FIGURES, &grid);
    if (grid.rows > 0)
        add_table(view, &grid, "changed", changed, (int)(sizeof changed / sizeof *changed), out);
    else
        grid_free(&grid);
    comparison_table_models(view, &grid);
    if (grid.rows > 0)
        add_table(view, &grid, "models", models, (int)(sizeof models / sizeof *models), out);
    else
        grid_free(&grid);
}
