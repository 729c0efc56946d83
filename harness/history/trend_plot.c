#define _GNU_SOURCE /* timegm */
#include "history/trend_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/plot_label.h"
#include "report/plot_script.h"

enum {
    ACROSS = 4,
    PANELS_MAX = 24,
    PANEL_W = 236,
    PANEL_H = 132,
    LEFT = 58,
    GAP_X = 56,
    GAP_Y = 58,
    TOP = 112,
    BOTTOM = 116,
    MARGIN = 14
};

/* The series on one picture. */
struct page {
    const struct history_trend *trend;
    size_t first, n; /* series of the list */
    double from, to; /* days */
    struct text points, changes, levels, panels;
};

/* Days since 1970. */
static double days_of(const char *started)
{
    struct tm when = {.tm_isdst = 0};

    if (sscanf(started, "%4d-%2d-%2dT%2d:%2d:%2dZ", &when.tm_year, &when.tm_mon, &when.tm_mday, &when.tm_hour,
               &when.tm_min, &when.tm_sec) != 6)
        return NAN;
    when.tm_year -= 1900;
    when.tm_mon -= 1;
    return (double)timegm(&when) / 86400.0;
}

static void add_values(struct text *out, int panel, const double *value, size_t n)
{
    text_addf(out, "%d", panel);
    for (size_t i = 0; i < n; i++) {
        text_add(out, ",");
        script_number(out, value[i]);
    }
    text_add(out, "\n");
}

/* 0 as any, 1 regressed, 2 not counted. */
static int kind_of(const struct series_point *point)
{
    return !point->trusted ? 2 : strcmp(point->verdict, "regressed") == 0 ? 1 : 0;
}

static void include(double *lo, double *hi, double value)
{
    if (isfinite(value)) {
        *lo = fmin(*lo, value);
        *hi = fmax(*hi, value);
    }
}

static double step_of(double span, int most)
{
    static const double mantissa[] = {1, 2, 5};

    for (int i = 0; i < 30; i++) {
        double step = mantissa[i % 3] * pow(10.0, i / 3 - 3);
        if (span / step <= most)
            return step;
    }
    return span;
}

/* Nights that count set the scale; their intervals may widen it to three times what the ratios need. */
static void add_range(struct page *page, const struct series *series, int panel)
{
    double lo = 0.97, hi = 1.03, lo_ci, hi_ci, room;
    int words = 0; /* lines of sizes of change points above the ratios */

    for (size_t i = 0; i < series->n; i++)
        if (series->point[i].trusted)
            include(&lo, &hi, series->point[i].ratio);
    lo_ci = lo;
    hi_ci = hi;
    for (size_t i = 0; i < series->n; i++) {
        if (!series->point[i].trusted)
            continue;
        include(&lo_ci, &hi_ci, series->point[i].ci95[0]);
        include(&lo_ci, &hi_ci, series->point[i].ci95[1]);
    }
    room = hi - lo;
    lo = fmax(fmax(lo_ci, lo - room), 0.0);
    hi = fmin(hi_ci, hi + room);
    for (size_t i = 0; i < page->trend->changes; i++)
        words += &page->trend->list.all[page->trend->change[i].series] == series && words < 3;
    hi += (words > 1 ? 0.19 * (words - 1) : 0.0) * (hi - lo);
    room = 0.06 * (hi - lo);
    text_addf(&page->panels, "LO[%d] = ", panel);
    script_number(&page->panels, lo - room);
    text_addf(&page->panels, "; HI[%d] = ", panel);
    script_number(&page->panels, hi + 2.5 * room);
    text_addf(&page->panels, "; STEP[%d] = ", panel);
    script_number(&page->panels, step_of(hi - lo + 3.5 * room, 5));
    text_add(&page->panels, "\n");
}

static void panel_name(const struct series *series, char *name, size_t size)
{
    const char *rest = series->cell;
    size_t model = strlen(series->model);
    char machine[48] = "";

    if (strncmp(rest, series->model, model) == 0 && rest[model] == '/')
        rest += model + 1;
    if (series->numbers > 1)
        snprintf(machine, sizeof machine, " (%d of %d)", series->number, series->numbers);
    snprintf(name, size, "%.120s%s", rest, machine);
    /* A name that is wider than its panel loses its middle. */
    while (plot_text_width(name, 10.0) > PANEL_W + GAP_X - 12 && strlen(name) > 16) {
        size_t len = strlen(name), at = len / 2;
        char shorter[256];
        snprintf(shorter, sizeof shorter, "%.*s…%s", (int)(at - 4), name, name + at + 2);
        if (strlen(shorter) >= len)
            break;
        snprintf(name, size, "%s", shorter);
    }
}

static void add_panel(struct page *page, size_t index, int panel, int height)
{
    const struct series *series = &page->trend->list.all[index];
    char name[256];

    panel_name(series, name, sizeof name);
    text_addf(&page->panels, "PANEL[%d] = ", panel);
    script_quote(&page->panels, name);
    text_addf(&page->panels, "; X[%d] = %d; Y[%d] = %d\n", panel, LEFT + (panel - 1) % ACROSS * (PANEL_W + GAP_X),
              panel, height - TOP - PANEL_H - (panel - 1) / ACROSS * (PANEL_H + GAP_Y));
    add_range(page, series, panel);
    for (size_t i = 0; i < series->n; i++) {
        const struct series_point *p = &series->point[i];
        const double values[] = {days_of(p->started),           p->ratio,   p->trusted ? p->ci95[0] : NAN,
                                 p->trusted ? p->ci95[1] : NAN, kind_of(p), series->n == 1};
        add_values(&page->points, panel, values, 6);
    }
    for (size_t i = 0; i < page->trend->levels; i++) {
        const struct history_level *level = &page->trend->level[i];
        if (level->series == index && series->n > 1) {
            const double from[] = {days_of(series->point[level->first].started), level->ratio};
            const double to[] = {days_of(series->point[level->last].started), level->ratio};
            add_values(&page->levels, panel, from, 2);
            add_values(&page->levels, panel, to, 2);
            text_add(&page->levels, "\n"); /* ends the line */
        }
    }
    for (size_t i = 0, number = 0; i < page->trend->changes; i++) {
        const struct history_change *change = &page->trend->change[i];
        char words[32];
        double x;
        if (change->series != index)
            continue;
        x = (days_of(series->point[change->last].started) + days_of(series->point[change->first].started)) / 2;
        snprintf(words, sizeof words, "%+.1f %%", 100 * (change->ratio - 1));
        text_addf(&page->changes, "%d,", panel);
        script_number(&page->changes, x);
        text_add(&page->changes, ",");
        script_field(&page->changes, words);
        text_addf(&page->changes, ",%d,%d\n", (x - page->from) > 0.75 * (page->to - page->from), (int)(number++ % 3));
    }
}

/* The same days under every panel. */
static void set_days(struct page *page)
{
    page->from = INFINITY;
    page->to = -INFINITY;
    for (size_t i = page->first; i < page->first + page->n; i++)
        for (size_t k = 0; k < page->trend->list.all[i].n; k++)
            include(&page->from, &page->to, days_of(page->trend->list.all[i].point[k].started));
    if (!(page->to - page->from >= 1.0)) {
        page->from -= 0.5;
        page->to += 0.5;
    }
}

static void add_day_tics(const struct page *page, struct text *out)
{
    static const int steps[] = {1, 2, 3, 7, 14, 28, 56, 91, 182, 365, 730, 1826, 3652};
    int step = 3652, count = 0;

    for (size_t i = sizeof steps / sizeof *steps; i-- > 0;)
        if ((page->to - page->from) / steps[i] <= 3.5)
            step = steps[i];
    text_add(out, "set xtics (");
    for (long day = (long)ceil(page->from), last = (long)floor(page->to); day <= last; day += step) {
        time_t when = (time_t)day * 86400;
        struct tm utc;
        char words[32];
        gmtime_r(&when, &utc);
        strftime(words, sizeof words, step > 100 ? "%Y-%m" : "%m-%d", &utc);
        text_addf(out, "%s'%s' %ld", count++ ? ", " : "", words, day);
    }
    text_add(out, ")\n");
}

static void add_block(struct text *out, const char *name, const char *columns, struct text *rows, const char *empty)
{
    /* A block is never empty, or gnuplot would warn. */
    text_addf(out, "%s << END_OF_DATA\n%s\n%s%sEND_OF_DATA\n", name, columns, rows->bytes ? rows->bytes : "", empty);
    out->failed |= rows->failed;
    text_free(rows);
}

static enum status add_words(const struct page *page, struct text *out, int width, int height)
{
    const struct series *last = &page->trend->list.all[page->first + page->n - 1];
    const char *what = strcmp(last->metric, "latency") == 0 ? "Above 1 is slower" : "Above 1 is more";
    struct text words = {0};
    size_t nights = 0, len;
    char title[256], *bytes = NULL;
    double x = MARGIN;

    for (size_t i = page->first; i < page->first + page->n; i++)
        nights = page->trend->list.all[i].n > nights ? page->trend->list.all[i].n : nights;
    snprintf(title, sizeof title, "%.100s: %.40s against the frozen anchor", last->model, last->metric);
    script_title(out, height, MARGIN, title,
                 "Ratio of the night's build to the anchor, measured side by side in the same run. Panels have their "
                 "own scales.");
    x = script_key(out, x, height - 70, "7", "0x0072b2", "one night");
    x = script_key(out, x, height - 70, "9", "0xd55e00", "regressed that night");
    x = script_key(out, x, height - 70, "6", "0x888888",
                   "environment refused: not counted, at the edge when beyond it");
    x = script_key(out, x, height - 70, "5", "0xe69f00", "level between change points");
    (void)script_key(out, x - 12, height - 70, "0", "0x222222", "dashed: change point");
    text_addf(&words,
              "%s than the anchor (commit %.12s). Band: 95 %% interval of that night's process pairs. Change points: "
              "E-divisive "
              "on ln ratio, at least three nights on either side, at least 2 %%, p ≤ 0.001; they inform and do not "
              "gate. n: up "
              "to %zu nights. A series begins anew with another machine, compiler, instruction set or anchor. Machine "
              "%.8s: %s.",
              what, last->anchor, nights, last->key, last->machine);
    TRY(text_take(&words, &bytes, &len));
    script_small_print(out, bytes, width, MARGIN);
    free(bytes);
    return ST_OK;
}

static enum status make_page(struct page *page, struct plot *plot)
{
    int across = page->n < ACROSS ? (int)page->n : ACROSS, rows = ((int)page->n + ACROSS - 1) / ACROSS;
    int width = LEFT + across * PANEL_W + (across - 1) * GAP_X + MARGIN + 8;
    int height = TOP + rows * (PANEL_H + GAP_Y) - GAP_Y + BOTTOM, n = (int)page->n;
    struct text out = {0};
    enum status st;

    width = width < 860 ? 860 : width;
    set_days(page);
    script_begin(&out, plot, width, height);
    TRY_OUT(add_words(page, &out, width, height));
    text_addf(&out, "PANELS = %d\nACROSS = %d\nWIDE = %d\nTALL = %d\n", n, ACROSS, PANEL_W, PANEL_H);
    text_addf(&out, "array PANEL[%d]\narray X[%d]\narray Y[%d]\narray LO[%d]\narray HI[%d]\narray STEP[%d]\n", n, n, n,
              n, n, n);
    text_add(&out, "FROM = ");
    script_number(&out, page->from - 0.04 * (page->to - page->from));
    text_add(&out, "\nTO = ");
    script_number(&out, page->to + 0.04 * (page->to - page->from));
    text_add(&out, "\n");
    add_day_tics(page, &out);
    for (int i = 0; i < n; i++)
        add_panel(page, page->first + (size_t)i, i + 1, height);
    text_add(&out, page->panels.bytes ? page->panels.bytes : "");
    out.failed |= page->panels.failed;
    text_free(&page->panels);
    add_block(&out, "$points", "panel,day,ratio,lo,hi,kind,alone", &page->points, "");
    add_block(&out, "$levels", "panel,day,ratio", &page->levels, "0,NaN,NaN\n");
    add_block(&out, "$changes", "panel,day,words,late,step", &page->changes, "0,NaN,\"\",0,0\n");
    script_template(&out, "trend");
    st = text_take(&out, &plot->script, &plot->len);
out:
    text_free(&out);
    text_free(&page->points);
    text_free(&page->changes);
    text_free(&page->levels);
    text_free(&page->panels);
    return st;
}

/* Letters, digits, '.', '-' and '_' only; told apart by their number. */
static void make_slug(const char *model, int number, char *slug)
{
    char safe[40];
    size_t len = 0;

    for (const char *at = model; *at && len + 1 < sizeof safe; at++) {
        int plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                    strchr(".-_", *at);
        safe[len++] = plain ? *at : '_';
    }
    safe[len] = 0;
    if (number == 1)
        snprintf(slug, PLOT_SLUG, "trend-%s", safe);
    else
        snprintf(slug, PLOT_SLUG, "trend-%s-%d", safe, number);
}

static int taken(const struct plots *plots, const char *slug)
{
    for (size_t i = 0; i < plots->n; i++)
        if (strcmp(plots->plot[i].slug, slug) == 0)
            return 1;
    return 0;
}

enum status trend_plots_make(const struct history_trend *trend, struct plots *out)
{
    const struct series *all = trend->list.all;
    struct plots plots = {calloc(trend->list.n + 1, sizeof *plots.plot), 0};
    enum status st = ST_OK;

    if (!plots.plot)
        return status_fail(ST_NOMEM, "no memory for the trend's pictures");
    for (size_t i = 0; i < trend->list.n;) {
        struct page page = {.trend = trend, .first = i};
        struct plot *plot = &plots.plot[plots.n];
        int number = 1;
        while (i + page.n < trend->list.n && page.n < PANELS_MAX && strcmp(all[i + page.n].model, all[i].model) == 0)
            page.n++;
        do
            make_slug(all[i].model, number++, plot->slug);
        while (taken(&plots, plot->slug));
        snprintf(plot->title, sizeof plot->title, "Trend against the anchor");
        plot->model = all[i].model;
        TRY_OUT(make_page(&page, plot));
        plots.n++;
        i += page.n;
    }
    *out = plots;
    plots = (struct plots){NULL, 0};
out:
    plots_free(&plots);
    return st;
}
