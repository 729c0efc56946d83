#include "report/emit_peers.h"

#include "report/peer_table.h"
#include "report/plots.h"
#include "report/tables.h"

/* A table, if it has rows. */
static void add_grid(struct grid *grid, const struct emit_options *options, int heading, struct text *out)
{
    if (grid->rows > 0 && heading)
        grid_markdown(grid, heading, out);
    else if (grid->rows > 0) {
        grid_terminal(grid, options->width, options->colour, out);
        text_add(out, "\n");
    }
    grid_free(grid);
}

/* The same parts in both forms; heading 0: for a terminal. */
static void add_parts(const struct report *report, const struct emit_options *options, int heading, struct text *out)
{
    struct peer_table table;
    struct grid grid;
    char banner[512];

    if (peer_table_make(report, &table) != ST_OK) {
        out->failed = 1;
        return;
    }
    peer_table_banner(&table, banner, sizeof banner);
    if (heading) {
        text_add(out, "# ");
        text_add_md(out, report->run);
        text_add(out, "\n\n**");
        text_add_md(out, banner);
        text_add(out, "**\n\n");
    } else {
        grid_wrap(out, banner, options->width, 0);
        text_add(out, "\n");
    }
    peer_table_grid(&table, &grid);
    add_grid(&grid, options, heading, out);
    if (heading) {
        text_add_md(out, peer_table_note);
        text_add(out, "\n\n");
    } else {
        grid_wrap(out, peer_table_note, options->width, 0);
        text_add(out, "\n");
    }
    for (size_t i = 0; heading && options->plots && i < options->plots->n; i++)
        text_addf(out, "[%s](plots/%s.svg)\n\n", options->plots->plot[i].title, options->plots->plot[i].slug);
    peer_table_inexact(&table, &grid);
    add_grid(&grid, options, heading, out);
    peer_table_libraries(&table, &grid);
    add_grid(&grid, options, heading, out);
    tables_problems(report, &grid);
    add_grid(&grid, options, heading, out);
    tables_reproduce(report, &grid);
    add_grid(&grid, options, heading, out);
    peer_table_free(&table);
}

void emit_peers_terminal(const struct report *report, const struct emit_options *options, struct text *out)
{
    add_parts(report, options, 0, out);
}

void emit_peers_md(const struct report *report, const struct emit_options *options, struct text *out)
{
    add_parts(report, options, 2, out);
}
