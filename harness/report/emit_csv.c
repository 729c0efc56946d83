/* Tidy long form: one line per figure, columns run, cell, metric, unit, value, lo, hi, n, verdict. Decimal point,
 * RFC 4180. lo and hi are the 95 % interval (of energy_proxy_ratio: the spread over sets of constants). verdict: of a
 * cell that ran and whose recipe is judged by it, "baseline", "reached", "not reached" or "open"; of another cell that
 * ran, "ok"; else its status. */
#include "report/emit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Which interval and which count go with a figure. */
static const struct {
    const char *key, *interval, *count;
} companions[] = {
    {"latency_ns_median", "latency_ns_ci95", "latency_n"},
    {"latency_ns_p10", NULL, "latency_n"},
    {"latency_ns_p90", NULL, "latency_n"},
    {"speedup_vs_fp32_simd", "speedup_ci95", "latency_n"},
    {"speedup_simd_vs_ref", "speedup_simd_vs_ref_ci95", NULL},
    {"energy_proxy_ratio", "energy_spread", NULL},
    {"accuracy_top1", "accuracy_ci95", "accuracy_n"},
    {"accuracy_delta_pp", "accuracy_delta_ci95", "accuracy_n"},
    {"accuracy_p_mcnemar", NULL, "accuracy_n"},
};

/* Figures of a cell's time are not shown unless its output was right. */
static int is_time(const char *key)
{
    return strncmp(key, "latency_", 8) == 0 || strncmp(key, "speedup_", 8) == 0 || strncmp(key, "process_", 8) == 0;
}

static const char *verdict_of(const struct report *report, const struct record *record)
{
    if (!report_ok(record))
        return record->status;
    for (size_t m = 0; m < report->models; m++)
        for (size_t i = 0; i < report->model[m].rows; i++)
            if (report->model[m].row[i].main == record)
                return verdict_word(report->model[m].row[i].verdict.kind);
    return "ok";
}

/* What is modelled says so wherever it stands. */
static int is_modelled(const char *key)
{
    return strncmp(key, "energy_", 7) == 0 && strstr(key, "measured") == NULL;
}

static void begin_line(const struct report *report, const struct record *record, const char *prefix, const char *metric,
                       const char *unit, struct text *out)
{
    char name[256];

    text_add_csv(out, report->run);
    text_add(out, ",");
    text_add_csv(out, record->cell);
    text_add(out, ",");
    snprintf(name, sizeof name, "%s%.200s", prefix, metric);
    text_add_csv(out, name);
    text_addf(out, ",%s%s,", unit, is_modelled(metric) ? " (modelled)" : "");
}

static void end_line(const char *verdict, double value, const double *interval, int64_t n, struct text *out)
{
    text_add_number(out, value);
    text_add(out, ",");
    if (interval && isfinite(interval[0]) && isfinite(interval[1])) {
        text_add_number(out, interval[0]);
        text_add(out, ",");
        text_add_number(out, interval[1]);
    } else {
        text_add(out, ",");
    }
    text_add(out, ",");
    if (n != RECORD_NONE)
        text_addf(out, "%" PRId64, n);
    text_add(out, ",");
    text_add_csv(out, verdict);
    text_add(out, "\r\n");
}

static const void *value_of(const struct record *record, const char *key)
{
    return (const char *)record + record_field_find(key)->offset;
}

static int figure(const struct report *report, const struct record *record, const struct record_field *field,
                  const char *verdict, struct text *out)
{
    const double *interval = NULL;
    int64_t n = RECORD_NONE;
    double value = NAN;

    if (field->kind == RECORD_REAL)
        value = *(const double *)((const char *)record + field->offset);
    else if (field->kind == RECORD_COUNT && *(const int64_t *)((const char *)record + field->offset) != RECORD_NONE)
        value = (double)*(const int64_t *)((const char *)record + field->offset);
    if (!isfinite(value) || (is_time(field->key) && !report_ok(record)))
        return 0;
    for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
        if (strcmp(companions[i].key, field->key) != 0)
            continue;
        if (companions[i].interval)
            interval = value_of(record, companions[i].interval);
        if (companions[i].count)
            n = *(const int64_t *)value_of(record, companions[i].count);
    }
    begin_line(report, record, "", field->key, field->unit, out);
    end_line(verdict, value, interval, n, out);
    return 1;
}

void emit_csv(const struct report *report, const struct emit_options *options, struct text *out)
{
    size_t fields_n;
    const struct record_field *fields = record_fields(&fields_n);

    (void)options;
    text_add(out, "run,cell,metric,unit,value,lo,hi,n,verdict\r\n");
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *record = report->cell[i];
        const char *verdict = verdict_of(report, record);
        int any = 0;
        for (size_t f = 0; f < fields_n; f++)
            any |= figure(report, record, &fields[f], verdict, out);
        for (size_t k = 0; report_ok(record) && k < record->kernels_n; k++) {
            if (!isfinite(record->kernels[k].ns) || !record->kernels[k].name)
                continue;
            begin_line(report, record, "layer_ns/", record->kernels[k].name, "ns", out);
            end_line(verdict, record->kernels[k].ns, NULL, RECORD_NONE, out);
        }
        if (!any) { /* a cell without a single figure is still a row */
            begin_line(report, record, "", "", "", out);
            text_add(out, ",,,,");
            text_add_csv(out, verdict);
            text_add(out, "\r\n");
        }
    }
}
