/* The page of a comparison with other libraries. */
#include <stdio.h>

#include "report/emit_html_parts.h"
#include "report/emit_peers.h"
#include "report/health.h"
#include "report/peer_table.h"
#include "report/tables.h"

static void add_grid(struct html *page, struct grid *grid, int flags)
{
    if (grid->rows > 0)
        html_grid(page, grid, flags);
    grid_free(grid);
}

void emit_peers_html(const struct report *report, const struct emit_options *options, struct text *out)
{
    static const enum html_tone tones[] = {HTML_GOOD, HTML_WARN, HTML_BAD};
    struct html page;
    struct peer_table table;
    struct health health;
    struct grid grid;
    struct text words = {0};
    char banner[512];

    if (peer_table_make(report, &table) != ST_OK) {
        out->failed = 1;
        return;
    }
    snprintf(banner, sizeof banner, "packlight: %s", report->run);
    html_begin(&page, banner);
    html_source(&page, report);
    health_find(report, &health);
    health_say(report, &health, &words);
    html_lead(&page, tones[health.level], health_word(health.level), words.bytes ? words.bytes : "");
    out->failed |= words.failed;
    text_free(&words);
    peer_table_banner(&table, banner, sizeof banner);
    html_lead(&page, HTML_PLAIN, NULL, banner);
    html_section(&page, "libraries", "Ours against other libraries");
    peer_table_grid(&table, &grid);
    add_grid(&page, &grid, HTML_WIDE | HTML_NO_TITLE);
    html_small(&page, "%s", peer_table_note);
    peer_table_inexact(&table, &grid);
    add_grid(&page, &grid, 0);
    peer_table_libraries(&table, &grid);
    add_grid(&page, &grid, 0);
    tables_problems(report, &grid);
    add_grid(&page, &grid, 0);
    html_plots(&page, report, options->plots);
    html_health(&page, report);
    html_reproduce(&page, report);
    html_end(&page, out);
    peer_table_free(&table);
}
