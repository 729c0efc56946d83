/* packlight history trend. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli_history.h"
#include "history/history_trend.h"
#include "history/trend_plot.h"
#include "report/report.h"

static const char method[] = "Change points: E-divisive on ln ratio, at least three nights on either side, at least 2 "
                             "%, p <= 0.001. They say when "
                             "something changed and find creep that no night shows; they do not gate.";

static const char *percent(double ratio, char *buffer, size_t size)
{
    double tenths = round(1000 * (ratio - 1));

    if (isfinite(ratio))
        snprintf(buffer, size, "%+.1f %%", tenths > 0 || tenths < 0 ? tenths / 10 : 0.0);
    else
        snprintf(buffer, size, "–");
    return buffer;
}

static void commit_of(const struct series_point *point, char *out, size_t size)
{
    snprintf(out, size, "%.10s%s", *point->commit ? point->commit : "unknown", point->dirty ? "+" : "");
}

/* "▁▂█": the last nights' ratios between the least and the most, a dot for a night that does not count; the whole
 * height is 3 % at least, so that noise stays low. */
static void add_sparkline(struct text *out, const struct series *series)
{
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t first = series->n > 30 ? series->n - 30 : 0;
    double lo = INFINITY, hi = -INFINITY;

    for (size_t i = first; i < series->n; i++) {
        if (!series->point[i].trusted)
            continue;
        lo = fmin(lo, log(series->point[i].ratio));
        hi = fmax(hi, log(series->point[i].ratio));
    }
    for (size_t i = first; i < series->n; i++) {
        double part = (log(series->point[i].ratio) - lo) / fmax(hi - lo, 0.03);
        int level = (int)(7.99 * part);
        text_add(out, !series->point[i].trusted ? "·" : bars[level < 0 ? 0 : level > 7 ? 7 : level]);
    }
}

/* ------------------------------------------------------------------ JSON */

static void json_change(const struct history_trend *trend, const struct history_change *c, struct text *out)
{
    const struct series *s = &trend->list.all[c->series];
    const char *const keys[] = {"cell",        "metric",        "key",         "anchor",
                                "last_before", "commit_before", "first_after", "commit_after"};
    const char *const texts[] = {s->cell,
                                 s->metric,
                                 s->key,
                                 s->anchor,
                                 s->point[c->last].started,
                                 s->point[c->last].commit,
                                 s->point[c->first].started,
                                 s->point[c->first].commit};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        text_addf(out, "%s\"%s\":", i ? "," : "{", keys[i]);
        text_add_json(out, texts[i]);
    }
    text_add(out, ",\"ratio\":");
    text_add_number(out, c->ratio);
    text_add(out, ",\"p\":");
    text_add_number(out, c->p);
    text_add(out, "}");
}

static void json_series(const struct history_trend *trend, size_t index, struct text *out)
{
    const struct series *s = &trend->list.all[index];
    const struct series_point *last = &s->point[s->n - 1];

    text_add(out, "{\"cell\":");
    text_add_json(out, s->cell);
    text_add(out, ",\"metric\":");
    text_add_json(out, s->metric);
    text_add(out, ",\"key\":");
    text_add_json(out, s->key);
    text_add(out, ",\"anchor\":");
    text_add_json(out, s->anchor);
    text_addf(out, ",\"nights\":%zu,\"level\":", s->n);
    text_add_number(out, history_trend_now(trend, index));
    text_add(out, ",\"last\":");
    text_add_number(out, last->ratio);
    text_add(out, ",\"last_lo\":");
    text_add_number(out, last->ci95[0]);
    text_add(out, ",\"last_hi\":");
    text_add_number(out, last->ci95[1]);
    text_add(out, ",\"last_mde\":");
    text_add_number(out, last->mde);
    text_add(out, ",\"last_verdict\":");
    text_add_json(out, last->verdict);
    text_add(out, "}");
}

static void as_json(const struct history_trend *trend, struct text *out)
{
    text_add(out, "{\"schema\":\"packlight.trend/1\",\"method\":");
    text_add_json(out, method);
    text_add(out, ",\n\"changes\":[");
    for (size_t i = 0; i < trend->changes; i++) {
        text_add(out, i ? ",\n " : "\n ");
        json_change(trend, &trend->change[i], out);
    }
    text_add(out, "],\n\"series\":[");
    for (size_t i = 0; i < trend->list.n; i++) {
        text_add(out, i ? ",\n " : "\n ");
        json_series(trend, i, out);
    }
    text_add(out, "]}\n");
}

/* ------------------------------------------------------------------ terminal and Markdown */

static size_t cells_changed(const struct history_trend *trend)
{
    size_t n = 0;

    for (size_t i = 0; i < trend->changes; i++)
        n += i == 0 || trend->change[i].series != trend->change[i - 1].series;
    return n;
}

static void add_summary(const struct history_trend *trend, const char *metric, struct text *out)
{
    if (trend->changes == 0)
        text_addf(out, "No change point of %s against the anchor in %zu series.", metric, trend->list.n);
    else
        text_addf(out, "%zu change point%s of %s against the anchor, in %zu of %zu series.", trend->changes,
                  trend->changes == 1 ? "" : "s", metric, cells_changed(trend), trend->list.n);
}

static void add_padded(struct text *out, const char *text, int width)
{
    text_add_plain(out, text);
    text_addf(out, "%*s", width > text_columns(text) ? width - text_columns(text) : 0, "");
}

static int name_width(const struct history_trend *trend)
{
    int width = 4;

    for (size_t i = 0; i < trend->list.n; i++)
        width = text_columns(trend->list.all[i].cell) > width ? text_columns(trend->list.all[i].cell) : width;
    return width > 60 ? 60 : width;
}

static void as_terminal(const struct history_trend *trend, const char *metric, struct text *out)
{
    int width = name_width(trend);
    char a[64], b[64], c[64];

    add_summary(trend, metric, out);
    text_add(out, "\n");
    for (size_t i = 0; i < trend->changes; i++) {
        const struct history_change *change = &trend->change[i];
        const struct series *s = &trend->list.all[change->series];
        if (i == 0)
            text_addf(out, "\n%-*s  change   last before             first after             p\n", width, "cell");
        add_padded(out, s->cell, width);
        commit_of(&s->point[change->last], a, sizeof a);
        commit_of(&s->point[change->first], b, sizeof b);
        text_addf(out, "  %-8s %.10s %-11s  %.10s %-11s  %s\n", percent(change->ratio, c, sizeof c),
                  s->point[change->last].started, a, s->point[change->first].started, b,
                  format_p(change->p, (char[32]){0}));
    }
    text_addf(out, "\n%-*s  nights  level now  last night  95 %% CI          MDE\n", width, "cell");
    for (size_t i = 0; i < trend->list.n; i++) {
        const struct series *s = &trend->list.all[i];
        const struct series_point *last = &s->point[s->n - 1];
        char range[80] = "–", mde[32] = "–";
        if (isfinite(last->ci95[0]))
            format_range(last->ci95, 4, range);
        if (isfinite(last->mde))
            snprintf(mde, sizeof mde, "%.1f %%", 100 * last->mde);
        add_padded(out, s->cell, width);
        text_addf(out, "  %6zu  ", s->n);
        add_padded(out, percent(history_trend_now(trend, i), a, sizeof a), 9);
        text_addf(out, "  %-10s  ", format_sig(last->ratio, 4, b));
        add_padded(out, range, 16);
        text_addf(out, "  %-7s ", mde);
        add_sparkline(out, s);
        if (s->numbers > 1)
            text_addf(out, " (%d of %d: another machine, build or anchor)", s->number, s->numbers);
        text_add(out, "\n");
    }
    text_addf(out, "\n%s\n", method);
}

static void as_markdown(const struct history_trend *trend, const char *metric, const struct plots *plots,
                        struct text *out)
{
    char a[64], b[64], c[64];

    text_add(out, "# Trend against the anchor\n\n");
    add_summary(trend, metric, out);
    text_add(out, "\n\n");
    for (size_t i = 0; i < trend->changes; i++) {
        const struct history_change *change = &trend->change[i];
        const struct series *s = &trend->list.all[change->series];
        if (i == 0)
            text_add(out, "| cell | change | last before | first after | p |\n|---|--:|---|---|--:|\n");
        commit_of(&s->point[change->last], a, sizeof a);
        commit_of(&s->point[change->first], b, sizeof b);
        text_add(out, "| ");
        text_add_md(out, s->cell);
        text_addf(out, " | %s | %.10s ", percent(change->ratio, c, sizeof c), s->point[change->last].started);
        text_add_md(out, a);
        text_addf(out, " | %.10s ", s->point[change->first].started);
        text_add_md(out, b);
        text_addf(out, " | %s |\n", format_p(change->p, (char[32]){0}));
    }
    text_addf(out, "\n%s\n\n<details><summary>All cells</summary>\n\n", method);
    text_add(out, "| cell | nights | level now | last night | 95 % CI | MDE | nights, up to 30 "
                  "|\n|---|--:|--:|--:|--:|--:|---|\n");
    for (size_t i = 0; i < trend->list.n; i++) {
        const struct series *s = &trend->list.all[i];
        const struct series_point *last = &s->point[s->n - 1];
        char range[80] = "–";
        if (isfinite(last->ci95[0]))
            format_range(last->ci95, 4, range);
        text_add(out, "| ");
        text_add_md(out, s->cell);
        text_addf(out, " | %zu | %s | %s | %s | ", s->n, percent(history_trend_now(trend, i), a, sizeof a),
                  format_sig(last->ratio, 4, b), range);
        if (isfinite(last->mde))
            text_addf(out, "%.1f %%", 100 * last->mde);
        text_add(out, " | ");
        add_sparkline(out, s);
        text_add(out, " |\n");
    }
    text_add(out, "\n</details>\n");
    for (size_t i = 0; plots && i < plots->n; i++) {
        text_add(out, "\n![Trend of ");
        text_add_md(out, plots->plot[i].model);
        text_addf(out, "](plots/%s.svg)\n", plots->plot[i].slug);
    }
}

/* ------------------------------------------------------------------ the command */

static enum status write_text(struct text *text, const char *dir, const char *name)
{
    char path[PATH_MAX], *bytes = NULL;
    enum status st;
    size_t len;

    TRY(file_join(path, sizeof path, dir, name));
    TRY(text_take(text, &bytes, &len));
    st = file_write_atomic(path, bytes, len);
    free(bytes);
    return st;
}

static enum status write_folder(const struct history_trend *trend, const struct history_options *options)
{
    struct plots plots = {NULL, 0};
    struct text text = {0};
    char path[PATH_MAX];
    enum status st;

    TRY(file_make_dirs(options->out));
    if (options->plots)
        TRY(trend_plots_make(trend, &plots));
    as_markdown(trend, options->metric, options->plots ? &plots : NULL, &text);
    TRY_OUT(write_text(&text, options->out, "trend.md"));
    as_json(trend, &text);
    TRY_OUT(write_text(&text, options->out, "trend.json"));
    if (options->plots) {
        TRY_OUT(file_join(path, sizeof path, options->out, "plots"));
        TRY_OUT(plots_write(&plots, path));
        st = plots_render(&plots, path);
        if (st == ST_SKIP) {
            fprintf(stderr, "note: %s\n", status_message());
            st = ST_OK;
        }
    }
    if (st == ST_OK)
        fprintf(stderr, "files: %s/trend.{md,json}%s\n", options->out, options->plots ? ", plots/" : "");
out:
    text_free(&text);
    plots_free(&plots);
    return st;
}

enum status cli_history_trend(const struct history_options *options)
{
    struct series_list list = {NULL, 0};
    struct history_trend trend = {.changes = 0};
    struct history *history = NULL;
    struct text out = {0};
    enum status st;
    int json;

    TRY(cli_history_json(options, &json));
    TRY(history_open(options->db, HISTORY_READ, &history));
    TRY_OUT(series_load(history, options->filter, options->metric, &list));
    if (list.n == 0 && options->filter) {
        st = status_fail(ST_BADARG,
                         "%s: no comparison with the anchor has a cell that matches '%s' with the figure '%s'",
                         options->db, options->filter, options->metric);
        goto out;
    }
    TRY_OUT(history_trend_make(&list, &trend));
    if (trend.list.n == 0 && !json)
        text_addf(&out, "No comparison with the anchor has the figure '%s' yet.\n", options->metric);
    else if (json)
        as_json(&trend, &out);
    else
        as_terminal(&trend, options->metric, &out);
    if (options->out && trend.list.n > 0)
        TRY_OUT(write_folder(&trend, options));
    st = cli_history_print(&out);
out:
    text_free(&out);
    history_trend_free(&trend);
    series_free(&list);
    history_close(history);
    return st;
}
