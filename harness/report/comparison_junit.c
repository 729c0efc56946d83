/* A comparison as JUnit XML: a suite per model, a test per gated cell. Figures are properties of the suite, named
 * "<cell>: ratio", which every schema of this format allows (properties of a test are not in all of them), and stand
 * again in the message, since GitLab shows messages only. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_tables.h"
#include "report/html.h"

/* XML 1.0 has no U+FFFE and U+FFFF; the rest as in HTML. */
static void add_xml(struct text *out, const char *string)
{
    while (string && *string) {
        size_t len = text_utf8_len(string);
        char one[8] = "";
        if (len == 3 && memcmp(string, "\xef\xbf", 2) == 0 && (unsigned char)string[2] >= 0xbe)
            snprintf(one, sizeof one, "\xef\xbf\xbd");
        else
            memcpy(one, string, len ? len : 1);
        text_add_html(out, one);
        string += len ? len : 1;
    }
}

static const char *model_of(const struct comparison_row *row)
{
    return row->model && *row->model ? row->model : "cells";
}

static int is_first(const struct comparison_rows *rows, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(model_of(rows->row[i]), model_of(rows->row[at])) == 0)
            return 0;
    return 1;
}

static void message(const struct comparison_row *row, struct text *out)
{
    char a[32], b[48], c[48];

    if (isfinite(row->ratio))
        text_addf(out, "B / A %s [%s], %s", comparison_ratio_text(row, a), comparison_ci_text(row, b),
                  format_change(row->ratio, c));
    if (isfinite(row->ratio) && isfinite(row->a) && isfinite(row->b))
        text_addf(out, ", %s to %s", format_figure(row->a, row->unit, b), format_figure(row->b, row->unit, c));
    if (isfinite(row->mde))
        text_addf(out, "%sMDE %s", out->len ? ", " : "", format_percent(row->mde, a));
    if (row->reason)
        text_addf(out, "%s%s", out->len ? ": " : "", row->reason);
}

static void property(struct text *out, const char *name, const char *what, const char *value)
{
    text_add(out, "      <property name=\"");
    add_xml(out, name);
    add_xml(out, what);
    text_add(out, "\" value=\"");
    add_xml(out, value);
    text_add(out, "\"/>\n");
}

static void number(struct text *out, const char *name, const char *what, double value)
{
    char digits[32];

    if (isfinite(value))
        property(out, name, what, text_number(value, digits));
}

static void outcome(const struct comparison_row *row, const char *kind, const char *type, struct text *out)
{
    struct text words = {0};

    message(row, &words);
    text_addf(out, "      <%s message=\"", kind);
    add_xml(out, words.bytes);
    text_add(out, "\"");
    if (type) { /* failures and errors; what is skipped has no type */
        text_addf(out, " type=\"%s\">", type);
        add_xml(out, row->reproduce);
        text_addf(out, "</%s>\n", kind);
    } else {
        text_add(out, "/>\n");
    }
    out->failed |= words.failed;
    text_free(&words);
}

static void add_test(const struct comparison_row *row, struct text *out)
{
    char name[512];

    text_add(out, "    <testcase classname=\"packlight.");
    add_xml(out, model_of(row));
    text_add(out, "\" name=\"");
    add_xml(out, comparison_row_name(row, name, sizeof name));
    text_add(out, "\" time=\"0\">\n");
    if (comparison_says(row, "regressed"))
        outcome(row, "failure", "regressed", out);
    else if (comparison_says(row, "incorrect"))
        outcome(row, "error", "incorrect", out);
    else if (comparison_says(row, "inconclusive") || comparison_says(row, "not-comparable"))
        outcome(row, "skipped", NULL, out);
    text_add(out, "    </testcase>\n");
}

static void begin_suite(const struct comparison_view *view, const struct comparison_rows *rows, const char *model,
                        int id, struct text *out)
{
    int counts[7] = {0}, tests = 0;
    char started[64];

    for (size_t i = 0; i < rows->n; i++)
        if (strcmp(model_of(rows->row[i]), model) == 0) {
            tests++;
            counts[comparison_verdict_index(rows->row[i])]++;
        }
    text_add(out, "  <testsuite name=\"");
    add_xml(out, model);
    text_addf(out,
              "\" package=\"packlight\" id=\"%d\" tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" time=\"0\"",
              id, tests, counts[1], counts[5], counts[3] + counts[4]);
    env_fact(&view->comparison->env, REPORT_DATE, started, sizeof started);
    if (strlen(started) >= 19 && started[4] == '-' && started[10] == 'T') {
        started[19] = 0;
        text_add(out, " timestamp=\"");
        add_xml(out, started);
        text_add(out, "\"");
    }
    env_value(&view->comparison->env, "system.hostname", "localhost", started, sizeof started);
    text_add(out, " hostname=\"");
    add_xml(out, started);
    text_add(out, "\">\n    <properties>\n");
}

static void add_suite(const struct comparison_view *view, size_t first, int id, struct text *out)
{
    const struct comparison_head *head = &view->comparison->head;
    const char *model = model_of(view->gated.row[first]);
    char name[512];

    begin_suite(view, &view->gated, model, id, out);
    property(out, "A", "", head->a.label);
    property(out, "B", "", head->b.label);
    property(out, "verdict", "", head->verdict);
    number(out, "gate", "", head->gate_ratio);
    for (size_t i = first; i < view->gated.n; i++) {
        const struct comparison_row *row = view->gated.row[i];
        if (strcmp(model_of(row), model) != 0)
            continue;
        comparison_row_name(row, name, sizeof name);
        number(out, name, ": ratio", row->ratio);
        number(out, name, ": mde", row->mde);
    }
    text_add(out, "    </properties>\n");
    for (size_t i = first; i < view->gated.n; i++)
        if (strcmp(model_of(view->gated.row[i]), model) == 0)
            add_test(view->gated.row[i], out);
    text_add(out, "    <system-out/>\n    <system-err/>\n  </testsuite>\n");
}

void comparison_junit(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    int id = 0;

    (void)options;
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (size_t i = 0; i < view->gated.n; i++)
        if (is_first(&view->gated, i))
            add_suite(view, i, id++, out);
    text_add(out, "</testsuites>\n");
}
