/* Tidy long form: one line per figure, columns run, cell, metric, unit, value, lo, hi, n, verdict, kind. Decimal point,
 * RFC 4180. lo and hi are the 95 % interval (of energy_proxy_ratio: the spread over sets of constants). verdict: of a
 * cell that ran and whose recipe is judged by it, "baseline", "reached", "not reached" or "open"; of another cell that
 * ran, "ok"; else its status. kind: of energy figures, "modelled", "modelled interpolated", "measured-package",
 * "apportioned" or "imported". */
#include "report/emit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/record_figure.h"

/* A modelled figure is never taken for a measured one, also where an older record does not say what it is. */
static const char *modelled(const struct record *record, const char *tags)
{
    return record->energy_kind && strcmp(record->energy_kind, "modelled") != 0 ? record->energy_kind
           : tags && strcmp(tags, "interpolated") == 0                         ? "modelled interpolated"
                                                                               : "modelled";
}

/* Energy figures say of which kind they are; "" for everything else. */
static const char *kind_of(const struct record *record, const char *key)
{
    if (strncmp(key, "energy_", 7) != 0)
        return "";
    if (strncmp(key, "energy_measured_", 16) == 0)
        return record->energy_measured_kind ? record->energy_measured_kind : "measured-package";
    return modelled(record, record->energy_tags);
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
    text_addf(out, ",%s,", unit);
}

static void end_line(const char *verdict, double value, const double *interval, int64_t n, const char *kind,
                     struct text *out)
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
    text_add(out, ",");
    text_add_csv(out, kind);
    text_add(out, "\r\n");
}

static int figure(const struct report *report, const struct record *record, const struct record_field *field,
                  const char *verdict, struct text *out)
{
    struct record_figure figure;

    if (!record_figure_get(record, field, &figure))
        return 0;
    begin_line(report, record, "", field->key, field->unit, out);
    end_line(verdict, figure.value, figure.interval, figure.n, kind_of(record, field->key), out);
    return 1;
}

/* The proxy under every table of constants, and what external meters measured. */
static void energy_lines(const struct report *report, const struct record *record, const char *verdict,
                         struct text *out)
{
    const struct meter *meter;

    for (size_t i = 0; i < record->energy_models_n; i++) {
        const struct record_energy_model *model = &record->energy_models[i];
        const char *kind = modelled(record, model->tags);
        if (!model->model)
            continue;
        if (isfinite(model->dp_ratio)) {
            begin_line(report, record, "energy_proxy_ratio/", model->model, "x", out);
            end_line(verdict, model->dp_ratio, NULL, RECORD_NONE, kind, out);
        }
        if (isfinite(model->cpu_ratio)) {
            begin_line(report, record, "energy_cpu_ratio/", model->model, "x", out);
            end_line(verdict, model->cpu_ratio, NULL, RECORD_NONE, kind, out);
        }
    }
    for (int i = 0; (meter = meters_find(&report->meters, record->cell, i)); i++) {
        begin_line(report, record, "energy_imported_uj/", meter->name, "uJ", out);
        end_line(verdict, meter_uj(meter), NULL, RECORD_NONE, "imported", out);
    }
}

void emit_csv(const struct report *report, const struct emit_options *options, struct text *out)
{
    size_t fields_n;
    const struct record_field *fields = record_fields(&fields_n);

    (void)options;
    text_add(out, "run,cell,metric,unit,value,lo,hi,n,verdict,kind\r\n");
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *record = report->cell[i];
        const char *verdict = verdict_of(report, record);
        int any = 0;
        for (size_t f = 0; f < fields_n; f++)
            any |= figure(report, record, &fields[f], verdict, out);
        energy_lines(report, record, verdict, out);
        for (size_t k = 0; report_ok(record) && k < record->kernels_n; k++) {
            if (!isfinite(record->kernels[k].ns) || !record->kernels[k].name)
                continue;
            begin_line(report, record, "layer_ns/", record->kernels[k].name, "ns", out);
            end_line(verdict, record->kernels[k].ns, NULL, RECORD_NONE, "", out);
        }
        if (!any) { /* a cell without a single figure is still a row */
            begin_line(report, record, "", "", "", out);
            text_add(out, ",,,,");
            text_add_csv(out, verdict);
            text_add(out, ",\r\n");
        }
    }
}
