#include "report/comparison_plots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/comparison_script.h"

/* Of the whole comparison. */
static const struct {
    const char *slug, *title;
    void (*draw)(const struct comparison_view *view, const struct plot *plot, struct text *out);
} whole[] = {
    {"forest", "Ratios of all cells", plot_forest},
    {"volcano", "Size of the change and how sure it is", plot_volcano},
    {"noise", "Smallest detectable change", plot_noise},
    {"qq", "False alarms", plot_qq},
};
/* Of one changed cell. */
static const struct {
    const char *slug, *title;
    void (*draw)(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
                 struct text *out);
} single[] = {
    {"pairs", "Pairs of processes", plot_density},
    {"order", "Order of measuring", plot_order},
    {"tail", "Tail of the times", plot_tail},
};
enum { WHOLE = sizeof whole / sizeof *whole, SINGLE = sizeof single / sizeof *single, FLAGGED_MOST = 4 };

/* Keeps a script that holds something. */
static enum status keep(struct plots *plots, struct text *script)
{
    if (script->len == 0 && !script->failed)
        return ST_OK;
    TRY(text_take(script, &plots->plot[plots->n].script, &plots->plot[plots->n].len));
    plots->n++;
    return ST_OK;
}

static enum status draw_flagged(const struct comparison_view *view, const struct flagged *flagged, int number,
                                struct plots *plots)
{
    for (int i = 0; i < SINGLE; i++) {
        struct plot *plot = &plots->plot[plots->n];
        struct text script = {0};
        snprintf(plot->slug, sizeof plot->slug, "%s-%d", single[i].slug, number);
        snprintf(plot->title, sizeof plot->title, "%s, changed cell %d", single[i].title, number);
        single[i].draw(view, flagged, plot, &script);
        TRY(keep(plots, &script));
    }
    return ST_OK;
}

static enum status no_skip(enum status st)
{
    return st == ST_SKIP ? ST_OK : st;
}

/* The first changed cells whose raw times are there. */
static enum status make_single(const struct comparison_view *view, const struct pairs_file *file, struct plots *plots)
{
    int number = 0;

    for (size_t i = 0; i < view->changed.n && number < FLAGGED_MOST; i++) {
        const struct comparison_row *row = view->changed.row[i];
        struct flagged flagged = {row, {0}, {0}, 1};
        enum status st;
        if (strcmp(row->metric, "latency") != 0)
            continue;
        TRY(no_skip(pairs_find(file, row->cell, NULL, &flagged.own)));
        if (flagged.own.pairs == 0)
            continue;
        st = no_skip(pairs_find(file, row->cell, "sentinel-aa", &flagged.equal));
        if (st == ST_OK && flagged.equal.pairs == 0) {
            flagged.equal_is_own = 0;
            st = no_skip(pairs_find(file, NULL, "sentinel-aa", &flagged.equal));
        }
        if (st == ST_OK)
            st = draw_flagged(view, &flagged, ++number, plots);
        pairs_free(&flagged.own);
        pairs_free(&flagged.equal);
        TRY(st);
    }
    return ST_OK;
}

enum status comparison_plots_make(const struct comparison_view *view, struct plots *out)
{
    enum status st = ST_OK;
    struct plots plots = {NULL, 0};
    struct pairs_file file = {NULL, NULL, 0};
    char path[4096];

    plots.plot = calloc(WHOLE + SINGLE * FLAGGED_MOST + 1, sizeof *plots.plot);
    if (!plots.plot)
        return status_fail(ST_NOMEM, "no memory for plots");
    for (int i = 0; i < WHOLE; i++) {
        struct plot *plot = &plots.plot[plots.n];
        struct text script = {0};
        snprintf(plot->slug, sizeof plot->slug, "%s", whole[i].slug);
        snprintf(plot->title, sizeof plot->title, "%s", whole[i].title);
        whole[i].draw(view, plot, &script);
        TRY_OUT(keep(&plots, &script));
    }
    if (view->comparison->dir) {
        TRY_OUT(file_join(path, sizeof path, view->comparison->dir, "pairs.jsonl"));
        TRY_OUT(pairs_load(path, &file));
        TRY_OUT(make_single(view, &file, &plots));
    }
    *out = plots;
    plots = (struct plots){NULL, 0};
out:
    pairs_unload(&file);
    plots_free(&plots);
    return st;
}
