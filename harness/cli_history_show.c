/* packlight history list, show and export. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/match.h"
#include "cli_history.h"
#include "history/history_export.h"
#include "history/history_series.h"
#include "history/history_sql.h"
#include "report/report.h"

/* ------------------------------------------------------------------ list */

static const char list_query[] =
    "SELECT run.id, run.started, run.kind, coalesce(c.against, ''), run.commit_id, run.dirty, "
    "       CASE WHEN c.run IS NULL THEN (SELECT count(*) FROM cell WHERE cell.run = run.id) "
    "            ELSE (SELECT count(*) FROM verdict WHERE verdict.run = run.id) END, "
    "       CASE WHEN c.run IS NULL THEN run.suite ELSE c.verdict END, run.folder, run.host "
    "FROM run LEFT JOIN comparison AS c ON c.run = run.id ORDER BY run.started, run.id";

static void list_json(sqlite3_stmt *row, struct text *out)
{
    static const char *const keys[] = {"started", "kind", "against", "commit"};

    text_addf(out, "{\"run\":%lld", (long long)sqlite3_column_int64(row, 0));
    for (int i = 0; i < 4; i++) {
        text_addf(out, ",\"%s\":", keys[i]);
        text_add_json(out, sql_text(row, i + 1));
    }
    text_addf(out, ",\"dirty\":%s,\"rows\":%lld,\"%s\":", sqlite3_column_int(row, 5) ? "true" : "false",
              (long long)sqlite3_column_int64(row, 6), *sql_text(row, 3) ? "verdict" : "suite");
    text_add_json(out, sql_text(row, 7));
    text_add(out, ",\"folder\":");
    text_add_json(out, sql_text(row, 8));
    text_add(out, ",\"host\":");
    text_add_json(out, sql_text(row, 9));
    text_add(out, "}");
}

static void list_line(sqlite3_stmt *row, struct text *out)
{
    char kind[64], commit[32];

    snprintf(kind, sizeof kind, "%s%s%s", sql_text(row, 2), *sql_text(row, 3) ? " vs " : "", sql_text(row, 3));
    snprintf(commit, sizeof commit, "%.10s%s", sql_text(row, 4), sqlite3_column_int(row, 5) ? "+" : "");
    text_addf(out, "%5lld  %.10s %.5s  %-23s  %-11s  %5lld  ", (long long)sqlite3_column_int64(row, 0),
              sql_text(row, 1), strlen(sql_text(row, 1)) > 11 ? sql_text(row, 1) + 11 : "", kind, commit,
              (long long)sqlite3_column_int64(row, 6));
    text_add_plain(out, sql_text(row, 7));
    text_add(out, "\n");
}

enum status cli_history_list(const struct history_options *options)
{
    struct history *history = NULL;
    struct text out = {0};
    sqlite3_stmt *get = NULL;
    enum status st;
    int row, json, n = 0;

    TRY(cli_history_json(options, &json));
    TRY(history_open(options->db, HISTORY_READ, &history));
    TRY_OUT(sql_prepare(history, list_query, &get));
    text_add(&out,
             json ? "[" : "  run  started (UTC)     kind                     commit        rows  suite or verdict\n");
    for (;; n++) {
        TRY_OUT(sql_step(history, get, &row));
        if (!row)
            break;
        if (json)
            text_add(&out, n ? ",\n " : "\n ");
        (json ? list_json : list_line)(get, &out);
    }
    if (json)
        text_add(&out, "\n]\n");
    st = cli_history_print(&out);
out:
    text_free(&out);
    sqlite3_finalize(get);
    history_close(history);
    return st;
}

/* ------------------------------------------------------------------ show */

/* The names that one figure has in comparisons and in records. */
static const struct {
    const char *compared, *recorded;
} same_figure[] = {{"latency", "latency_ns_median"},    {"process", "process_ms_median"},
                   {"size_file", "size_file_bytes"},    {"ram_peak", "ram_peak_bytes"},
                   {"energy_proxy", "energy_proxy_nj"}, {"accuracy", "accuracy_top1"}};

static const char *other_name(const char *metric, int recorded)
{
    for (size_t i = 0; i < sizeof same_figure / sizeof *same_figure; i++)
        if (strcmp(metric, recorded ? same_figure[i].compared : same_figure[i].recorded) == 0)
            return recorded ? same_figure[i].recorded : same_figure[i].compared;
    return metric;
}

/* One line of either table. */
struct shown {
    const char *cell, *key, *against, *started, *commit, *metric, *unit, *verdict;
    int dirty;
    double value, lo, hi, mde;
};

struct show {
    struct text out;
    int json, n;
    char heading[512]; /* of the table that is being printed */
};

static void show_json(struct show *show, const struct shown *s)
{
    const char *const keys[] = {"cell", "key", "anchor", "started", "commit", "metric", "unit", "verdict"};
    const char *const texts[] = {s->cell, s->key, s->against, s->started, s->commit, s->metric, s->unit, s->verdict};
    const char *const numbers[] = {"value", "lo", "hi", "mde"};
    const double values[] = {s->value, s->lo, s->hi, s->mde};

    text_add(&show->out, show->n ? ",\n {" : "\n {");
    for (int i = 0; i < 8; i++) {
        text_addf(&show->out, "%s\"%s\":", i ? "," : "", keys[i]);
        text_add_json(&show->out, texts[i]);
    }
    for (int i = 0; i < 4; i++) {
        text_addf(&show->out, ",\"%s\":", numbers[i]);
        text_add_number(&show->out, values[i]);
    }
    text_addf(&show->out, ",\"dirty\":%s}", s->dirty ? "true" : "false");
}

/* Counts whole, everything else with four digits. */
static const char *short_value(double value, char buffer[32])
{
    if (value > 0 && value < 1e12 && fabs(rint(value) - value) < 1e-9)
        snprintf(buffer, 32, "%.0f", value);
    else
        format_sig(value, 4, buffer);
    return buffer;
}

static void show_line(struct show *show, const struct shown *s)
{
    char heading[512], value[32], range[80] = "–", mde[32] = "", commit[16];
    const double pair[2] = {s->lo, s->hi};

    if (s->against)
        snprintf(heading, sizeof heading, "%s\n  %s, ratio to the anchor %.40s, machine %.8s", s->cell, s->metric,
                 s->against, s->key);
    else
        snprintf(heading, sizeof heading, "%s\n  %s%s%s, machine %.8s", s->cell, s->metric, *s->unit ? " in " : "",
                 s->unit, s->key);
    if (strcmp(heading, show->heading) != 0) {
        if (*show->heading)
            text_add(&show->out, "\n");
        text_addf(&show->out, "%s\n  started (UTC)     commit            value  95 %% CI             %s\n", heading,
                  s->against ? "MDE    verdict" : "status");
        snprintf(show->heading, sizeof show->heading, "%s", heading);
    }
    snprintf(commit, sizeof commit, "%.10s%s", s->commit, s->dirty ? "+" : "");
    if (isfinite(s->lo) && isfinite(s->hi))
        format_range(pair, 4, range);
    if (s->against && isfinite(s->mde))
        snprintf(mde, sizeof mde, "%.1f %%", 100 * s->mde);
    text_addf(&show->out, "  %.10s %.5s  %-11s  %10s  %s%*s", s->started,
              strlen(s->started) > 11 ? s->started + 11 : "", commit, short_value(s->value, value), range,
              20 - text_columns(range), "");
    text_addf(&show->out, s->against ? "%-6s " : "%s", mde);
    text_add_plain(&show->out, s->verdict);
    text_add(&show->out, "\n");
}

static void show_one(struct show *show, const struct shown *s)
{
    (show->json ? show_json : show_line)(show, s);
    show->n++;
}

static enum status show_ratios(struct show *show, struct history *history, const struct history_options *options)
{
    struct series_list list = {NULL, 0};

    TRY(series_load(history, options->word[0], other_name(options->metric, 0), &list));
    for (size_t i = 0; i < list.n; i++)
        for (size_t k = 0; k < list.all[i].n; k++) {
            const struct series *series = &list.all[i];
            const struct series_point *p = &series->point[k];
            const struct shown s = {series->cell,
                                    series->key,
                                    series->anchor,
                                    p->started,
                                    p->commit,
                                    series->metric,
                                    "x",
                                    p->trusted ? p->verdict : "environment refused",
                                    p->dirty,
                                    p->ratio,
                                    p->ci95[0],
                                    p->ci95[1],
                                    p->mde};
            show_one(show, &s);
        }
    series_free(&list);
    return ST_OK;
}

static enum status show_figures(struct show *show, struct history *history, const struct history_options *options)
{
    sqlite3_stmt *get = NULL;
    enum status st;
    int row;

    TRY(sql_prepare(
        history,
        "SELECT f.cell, f.key, f.started, f.commit_id, f.metric, f.unit, f.status, run.dirty, f.value, f.lo, "
        "f.hi, min(f.started) OVER (PARTITION BY f.cell, f.key) AS first FROM figure AS f JOIN run ON run.id = "
        "f.run WHERE f.metric = ?1 ORDER BY f.cell, first, f.key, f.started, f.run",
        &get));
    sql_set_text(get, 1, other_name(options->metric, 1));
    for (;;) {
        struct shown s = {.against = NULL, .mde = NAN};
        TRY_OUT(sql_step(history, get, &row));
        if (!row)
            break;
        s.cell = sql_text(get, 0);
        if (!match_any(options->word[0], s.cell))
            continue;
        s.key = sql_text(get, 1);
        s.started = sql_text(get, 2);
        s.commit = sql_text(get, 3);
        s.metric = sql_text(get, 4);
        s.unit = sql_text(get, 5);
        s.verdict = sql_text(get, 6);
        s.dirty = sqlite3_column_int(get, 7);
        s.value = sql_real(get, 8);
        s.lo = sql_real(get, 9);
        s.hi = sql_real(get, 10);
        show_one(show, &s);
    }
out:
    sqlite3_finalize(get);
    return st;
}

enum status cli_history_show(const struct history_options *options)
{
    struct show show = {.n = 0};
    struct history *history = NULL;
    enum status st;

    TRY(cli_history_json(options, &show.json));
    TRY(history_open(options->db, HISTORY_READ, &history));
    text_add(&show.out, show.json ? "[" : "");
    TRY_OUT(show_ratios(&show, history, options));
    TRY_OUT(show_figures(&show, history, options));
    if (show.n == 0) {
        st = status_fail(ST_BADARG,
                         "%s: nothing of a cell '%s' with the figure '%s'; names look like lenet5/qat-s8/simd/t1/b1, "
                         "patterns like '*/qat-s8/*', figures like latency or size_file_bytes",
                         options->db, options->word[0], options->metric);
        goto out;
    }
    text_add(&show.out, show.json ? "\n]\n" : "");
    st = cli_history_print(&show.out);
out:
    text_free(&show.out);
    history_close(history);
    return st;
}

/* ------------------------------------------------------------------ export */

/* Into a file beside the target, renamed over it once it is whole. */
static enum status export_into(struct history *history, enum history_format format, const char *path)
{
    char temporary[PATH_MAX];
    enum status st;
    FILE *file;

    if (snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid()) >= (int)sizeof temporary)
        return status_fail(ST_BADARG, "-o %s: path too long", path);
    file = fopen(temporary, "wbe");
    if (!file)
        return status_fail(ST_IO, "%s: cannot create: %s", temporary, strerror(errno));
    st = history_export(history, format, file);
    if (st == ST_OK && fsync(fileno(file)) != 0)
        st = status_fail(ST_IO, "%s: sync failed: %s", temporary, strerror(errno));
    if (fclose(file) != 0 && st == ST_OK)
        st = status_fail(ST_IO, "%s: close failed: %s", temporary, strerror(errno));
    if (st == ST_OK && rename(temporary, path) != 0)
        st = status_fail(ST_IO, "%s: cannot rename: %s", path, strerror(errno));
    if (st != ST_OK)
        (void)unlink(temporary);
    return st;
}

enum status cli_history_export(const struct history_options *options)
{
    enum history_format format = HISTORY_JSONL;
    struct history *history = NULL;
    enum status st;

    if (options->format && strcmp(options->format, "csv") == 0)
        format = HISTORY_CSV;
    else if (options->format && strcmp(options->format, "jsonl") != 0)
        return status_fail(ST_BADARG, "--format %s: expected jsonl or csv", options->format);
    TRY(history_open(options->db, HISTORY_READ, &history));
    st = options->out ? export_into(history, format, options->out) : history_export(history, format, stdout);
    history_close(history);
    return st;
}
