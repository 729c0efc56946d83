#include "report/comparison_plots.h"

#include <stdio.h>
#include <stdlib.h>

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
enum { WHOLE = sizeof whole / sizeof *whole };

/* Keeps a script that holds something. */
static enum status keep(struct plots *plots, struct text *script)
{
    if (script->len == 0 && !script->failed)
        return ST_OK;
    TRY(text_take(script, &plots->plot[plots->n].script, &plots->plot[plots->n].len));
    plots->n++;
    return ST_OK;
}

enum status comparison_plots_make(const struct comparison_view *view, struct plots *out)
{
    enum status st = ST_OK;
    struct plots plots = {NULL, 0};

    plots.plot = calloc(WHOLE, sizeof *plots.plot);
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
    *out = plots;
    plots = (struct plots){NULL, 0};
out:
    plots_free(&plots);
    return st;
}
