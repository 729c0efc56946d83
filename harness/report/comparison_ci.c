/* A comparison for machines that watch builds: github-action-benchmark's data and GitHub's annotations. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_tables.h"

/* What was not decided is left out, so that noise cannot raise an alert. */
static int is_decided(const struct comparison_row *row)
{
    return (comparison_says(row, "regressed") || comparison_says(row, "improved") ||
            comparison_says(row, "no-change")) &&
           isfinite(row->ratio);
}

void comparison_gab(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    char name[512], extra[1024], key[128], a[32], b[32];
    int any = 0;

    (void)options;
    env_value(&view->comparison->env, "run.key", "", key, sizeof key);
    text_add(out, "[");
    for (size_t i = 0; i < view->gated.n; i++) {
        const struct comparison_row *row = view->gated.row[i];
        const double *ci = row->ratio_ci95;
        if (!is_decided(row))
            continue;
        text_add(out, any++ ? ",\n  {\"name\": " : "\n  {\"name\": ");
        text_add_json(out, comparison_row_name(row, name, sizeof name));
        text_add(out, ", \"unit\": \"B / A\", \"value\": ");
        text_add_number(out, row->ratio);
        if (isfinite(ci[0]) && isfinite(ci[1]) && row->ratio > 0.0)
            text_addf(out, ", \"range\": \"± %s\"", format_percent((ci[1] - ci[0]) / 2.0 / row->ratio, a));
        snprintf(extra, sizeof extra, "%s, MDE %s, A %s, B %s%s%s", row->verdict, format_percent(row->mde, b),
                 view->comparison->head.a.label, view->comparison->head.b.label, *key ? ", key " : "", key);
        text_add(out, ", \"extra\": ");
        text_add_json(out, extra);
        text_add(out, "}");
    }
    text_add(out, any ? "\n]\n" : "]\n");
}

/* ------------------------------------------------------------------------------------------ annotations */

enum { ANNOTATIONS = 9 }; /* and one line about all of them: GitHub shows ten of a kind */

/* GitHub's escapes; in a property (the title) also colons and commas. */
static void add_escaped(struct text *out, const char *string, int property)
{
    for (; string && *string; string++) {
        if (*string == '%')
            text_add(out, "%25");
        else if (*string == '\r')
            text_add(out, "%0D");
        else if (*string == '\n')
            text_add(out, "%0A");
        else if (property && *string == ':')
            text_add(out, "%3A");
        else if (property && *string == ',')
            text_add(out, "%2C");
        else
            text_add_bytes(out, string, 1);
    }
}

static void annotate(const char *kind, const char *title, const char *message, struct text *out)
{
    text_addf(out, "::%s title=", kind);
    add_escaped(out, title, 1);
    text_add(out, "::");
    add_escaped(out, message, 0);
    text_add(out, "\n");
}

static void annotate_row(const char *kind, const struct comparison_row *row, struct text *out)
{
    char title[700], name[512], message[1600], a[32], b[32], c[32];

    snprintf(title, sizeof title, "%s: %s", row->verdict, comparison_row_name(row, name, sizeof name));
    if (isfinite(row->ratio))
        snprintf(message, sizeof message, "B / A %s [%s], MDE %s%s%s", comparison_ratio_text(row, a),
                 comparison_ci_text(row, b), format_percent(row->mde, c), row->reason ? ": " : "",
                 row->reason ? row->reason : "");
    else
        snprintf(message, sizeof message, "%s", row->reason ? row->reason : "no ratio");
    if (row->reproduce && strlen(message) + strlen(row->reproduce) + 12 < sizeof message) {
        strcat(message, "\nagain: ");
        strcat(message, row->reproduce);
    }
    annotate(kind, title, message, out);
}

/* The summary, and the worst rows of the list that have one of two verdicts. */
static void annotate_kind(const char *kind, const char *summary, const struct comparison_rows *rows,
                          const char *verdict, const char *or_verdict, struct text *out)
{
    size_t all = 0, shown = 0;
    char title[128];

    for (size_t i = 0; i < rows->n; i++)
        all += comparison_says(rows->row[i], verdict) || comparison_says(rows->row[i], or_verdict);
    if (all == 0 && !*summary)
        return;
    snprintf(title, sizeof title, "packlight: %zu %s", all, all == 1 ? "cell" : "cells");
    annotate(kind, *summary ? "packlight compare" : title,
             *summary                            ? summary
             : strcmp(verdict, "improved") == 0  ? "Faster cells; the largest changes follow."
             : strcmp(verdict, "incorrect") == 0 ? "Slower or wrong cells; the worst follow."
                                                 : "Cells without a verdict; the least certain follow.",
             out);
    for (size_t i = 0; i < rows->n && shown < ANNOTATIONS; i++)
        if (comparison_says(rows->row[i], verdict) || comparison_says(rows->row[i], or_verdict)) {
            annotate_row(kind, rows->row[i], out);
            shown++;
        }
}

/* The sentence about the whole goes to the kind that fits: exit code 0 a notice, inconclusive a warning, the rest an
 * error. */
void comparison_annotations(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    int code = view->comparison->head.exit_code;
    struct text words = {0};
    const char *summary;

    (void)options;
    comparison_sentence(view, &words);
    text_add(&words, " ");
    comparison_sides(view, &words);
    summary = words.bytes ? words.bytes : "";
    annotate_kind("error", code != 0 && code != 3 ? summary : "", &view->changed, "incorrect", "regressed", out);
    annotate_kind("warning", code == 3 ? summary : "", &view->open, "inconclusive", "not-comparable", out);
    annotate_kind("notice", code == 0 ? summary : "", &view->changed, "improved", "improved", out);
    out->failed |= words.failed;
    text_free(&words);
}
