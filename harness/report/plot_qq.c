/* p-values where nothing changed, against what chance alone gives: equal builds, relinked builds, and gated cells whose
 * code is the same on both sides. On the diagonal the ruler is honest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_script.h"

enum { WIDTH = 860, HEIGHT = 720, LEFT = 78, RIGHT = 30, BOTTOM = 128, TOP = 92, LEAST = 5 };

struct item {
    double p;
    int kind; /* 0 equal builds, 1 relinked, 2 same code */
};

static int by_p(const void *a, const void *b)
{
    const struct item *x = a, *y = b;

    if (x->p < y->p || x->p > y->p)
        return x->p < y->p ? -1 : 1;
    return x->kind - y->kind;
}

static size_t collect(const struct comparison_view *view, struct item *item)
{
    size_t n = 0;

    for (size_t i = 0; i < view->sentinels.n; i++) {
        const struct comparison_row *row = view->sentinels.row[i];
        int kind = strcmp(row->role, "sentinel-aa") == 0 ? 0 : strcmp(row->role, "sentinel-relinked") == 0 ? 1 : -1;
        if (kind >= 0 && isfinite(row->p_stage1))
            item[n++] = (struct item){row->p_stage1, kind};
    }
    for (size_t i = 0; i < view->gated.n; i++) {
        const struct comparison_row *row = view->gated.row[i];
        if (row->code && strcmp(row->code, "same") == 0 && isfinite(row->p_stage1))
            item[n++] = (struct item){row->p_stage1, 2};
    }
    return n;
}

static void add_key(const struct item *item, size_t n, struct text *out)
{
    static const char *const names[] = {"equal builds", "relinked builds", "cells with the same code"};
    double x = LEFT;

    for (int kind = 0; kind < 3; kind++) {
        char mark[32], colour[32];
        size_t seen = 0;
        for (size_t i = 0; i < n; i++)
            seen += item[i].kind == kind;
        snprintf(mark, sizeof mark, "FILLED[%d]", kind + 2);
        snprintf(colour, sizeof colour, "COLOUR[%d]", kind + 2);
        if (seen > 0)
            x = script_key(out, x, HEIGHT - 68, mark, colour, names[kind]);
    }
}

void plot_qq(const struct comparison_view *view, const struct plot *plot, struct text *out)
{
    struct item *item = calloc(view->gated.n + view->sentinels.n + 1, sizeof *item);
    size_t n = item ? collect(view, item) : 0;
    char line[200];

    out->failed |= !item;
    if (n >= LEAST) {
        qsort(item, n, sizeof *item, by_p);
        script_begin(out, plot, WIDTH, HEIGHT);
        script_margins(out, LEFT, RIGHT, BOTTOM, TOP);
        /* Dvoretzky, Kiefer and Wolfowitz (1956) with Massart's constant (1990): holds for every n. */
        script_set(out, "BAND", sqrt(log(2.0 / 0.05) / (2.0 * (double)n)));
        text_add(out, "$points << END_OF_DATA\nexpected,p,kind\n");
        for (size_t i = 0; i < n; i++) {
            script_number(out, ((double)i + 0.5) / (double)n);
            text_add(out, ",");
            script_number(out, item[i].p);
            text_addf(out, ",%d\n", item[i].kind);
        }
        text_add(out, "END_OF_DATA\n");
        snprintf(line, sizeof line, "%zu comparisons in which nothing changed. Points below the band: false alarms.",
                 n);
        script_title(out, HEIGHT, LEFT, "Does the ruler raise false alarms?", line);
        add_key(item, n, out);
        comparison_caption(out, view, WIDTH, LEFT,
                           "Band: holds all points in 95 % of honest runs (Dvoretzky, Kiefer, Wolfowitz).");
        script_template(out, "qq");
    }
    free(item);
}
