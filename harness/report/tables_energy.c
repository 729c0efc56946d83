#include "report/tables_energy.h"

#include <inttypes.h>
#include <string.h>

#include "base/rank.h"
#include "report/tables_more.h"

enum { ORDER_NAMES = 3 }; /* more are counted */

static const struct record_energy_model *find_model(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->energy_models_n; i++)
        if (record->energy_models[i].model && strcmp(record->energy_models[i].model, name) == 0)
            return &record->energy_models[i];
    return NULL;
}

/* -1, 0 or 1; equal but for rounding is equal. */
static int compare(double a, double b)
{
    double least = 1e-9 * fmax(fabs(a), fabs(b));

    return a > b + least ? 1 : a < b - least ? -1 : 0;
}

int tables_energy_swaps(const struct record *a, const struct record *b)
{
    int more = 0, less = 0;

    for (size_t i = 0; i < a->energy_models_n; i++) {
        const struct record_energy_model *x = &a->energy_models[i];
        const struct record_energy_model *y = x->model ? find_model(b, x->model) : NULL;
        if (!y || !isfinite(x->dp_ratio) || !isfinite(y->dp_ratio))
            continue;
        more |= compare(x->dp_ratio, y->dp_ratio) > 0;
        less |= compare(x->dp_ratio, y->dp_ratio) < 0;
    }
    return more && less;
}

/* The first row that has them says which tables the run used. */
static const struct record *with_models(const struct report_model *model)
{
    for (size_t i = 0; i < model->rows; i++)
        if (model->row[i].main->energy_models_n > 0)
            return model->row[i].main;
    return NULL;
}

/* "prune-u50, qat-s8 and 2 more" */
static void order_cell(const struct report_model *model, size_t row, struct grid *out)
{
    char names[512] = "";
    size_t used = 0, more = 0;
    int n = 0;

    for (size_t i = 0; i < model->rows; i++) {
        if (i == row || !tables_energy_swaps(model->row[row].main, model->row[i].main))
            continue;
        if (n == ORDER_NAMES) {
            more++;
            continue;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.120s", n++ ? ", " : "", model->row[i].config);
    }
    if (more > 0)
        snprintf(names + used, sizeof names - used, " and %zu more", more);
    grid_cell(out, n ? GRID_BAD : GRID_DIM, "%s", n ? names : "–");
}

static void models_row(const struct report_model *model, size_t row, const struct record *names, struct grid *out)
{
    const struct record *r = model->row[row].main;
    char a[32];

    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", model->row[row].config);
    for (size_t t = 0; t < names->energy_models_n; t++) {
        const struct record_energy_model *m =
            names->energy_models[t].model ? find_model(r, names->energy_models[t].model) : NULL;
        grid_cell(out, GRID_PLAIN, "%s%s", format_sig(m ? m->dp_ratio : NAN, 2, a), m && m->tags ? "*" : "");
    }
    grid_cell(out, GRID_PLAIN, "%s", format_range(r->energy_spread, 2, a));
    for (size_t t = 0; t < names->energy_models_n; t++) {
        const struct record_energy_model *m =
            names->energy_models[t].model ? find_model(r, names->energy_models[t].model) : NULL;
        if (isfinite(names->energy_models[t].cpu_ratio))
            grid_cell(out, GRID_PLAIN, "%s", format_sig(m ? m->cpu_ratio : NAN, 2, a));
    }
    grid_cell(out, GRID_PLAIN, "%s", format_count(r->instructions_per_inference, a));
    order_cell(model, row, out);
}

/* "45 nm, 7 nm and 40 nm" */
static void list_processes(const struct record *names, char *buffer, size_t size)
{
    size_t used = 0;

    buffer[0] = 0;
    for (size_t t = 0; t < names->energy_models_n && used < size; t++)
        used += (size_t)snprintf(buffer + used, size - used, "%s%" PRId64 " nm",
                                 t == 0                            ? ""
                                 : t + 1 == names->energy_models_n ? " and "
                                                                   : ", ",
                                 names->energy_models[t].process_nm);
}

void tables_energy_models(const struct report *report, const struct report_model *model, struct grid *out)
{
    const struct record *names = with_models(model);
    char title[REPORT_TEXT], processes[128];
    int starred = 0, counted = 0, cpu = 0;

    (void)report;
    snprintf(title, sizeof title, "Energy proxy vs FP32 under each table of constants (modelled): %.80s", model->name);
    grid_begin(out, title);
    if (!names)
        return;
    grid_column(out, "technique", GRID_LEFT, 0);
    for (size_t t = 0; t < names->energy_models_n; t++) {
        const struct record_energy_model *m = &names->energy_models[t];
        snprintf(title, sizeof title, "%.40s|%" PRId64 " nm, ×", m->model ? m->model : "?", m->process_nm);
        grid_column(out, title, GRID_RIGHT, 0);
    }
    grid_column(out, "spread|×", GRID_RIGHT, 1);
    for (size_t t = 0; t < names->energy_models_n; t++) {
        const struct record_energy_model *m = &names->energy_models[t];
        if (!isfinite(m->cpu_ratio))
            continue;
        snprintf(title, sizeof title, "%.40s with instructions|×", m->model ? m->model : "?");
        grid_column(out, title, GRID_RIGHT, 0);
        cpu = 1;
    }
    grid_column(out, "instructions counted", GRID_RIGHT, 3);
    grid_column(out, "order not robust against", GRID_LEFT, 0);
    for (size_t i = 0; i < model->rows; i++) {
        const struct record *r = model->row[i].main;
        if (r->energy_models_n == 0)
            continue;
        models_row(model, i, names, out);
        for (size_t t = 0; t < r->energy_models_n; t++)
            starred |= r->energy_models[t].tags != NULL;
        counted |= r->instruction_count_kind && strcmp(r->instruction_count_kind, "callgrind") == 0;
    }
    list_processes(names, processes, sizeof processes);
    grid_note(out,
              "Modelled from operation and byte counts with published %s constants; not a measurement of this machine.",
              processes);
    if (cpu)
        grid_note(out, "Instructions in the CPU view: %s.",
                  counted ? "counted by callgrind where a number stands, else analytic" : "analytic");
    if (starred)
        grid_note(out, "* A product width without a published figure was interpolated.");
}

/* ------------------------------------------------------------------------------------------- measured */

static void measured_row(const struct report_row *row, const char *kind, const char *source, double gross,
                         const double range[2], double net, int64_t windows, struct grid *out)
{
    char a[32];

    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", row->config);
    grid_cell(out, GRID_PLAIN, "%s", kind);
    grid_cell(out, GRID_PLAIN, "%s", source);
    grid_cell(out, GRID_PLAIN, "%s", format_sig(gross, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_range(range, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(net, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_count(windows, a));
}

void tables_energy_measured(const struct report *report, const struct report_model *model, struct grid *out)
{
    static const double none[2] = {NAN, NAN};
    char title[REPORT_TEXT];

    snprintf(title, sizeof title, "Energy measured, not modelled: %.80s", model->name);
    grid_begin(out, title);
    grid_column(out, "technique", GRID_LEFT, 0);
    grid_column(out, "kind", GRID_LEFT, 0);
    grid_column(out, "counter or meter", GRID_LEFT, 1);
    grid_column(out, "gross per inference|µJ", GRID_RIGHT, 0);
    grid_column(out, "range of windows|µJ", GRID_RIGHT, 2);
    grid_column(out, "above idle|µJ", GRID_RIGHT, 0);
    grid_column(out, "windows", GRID_RIGHT, 3);
    for (size_t i = 0; i < model->rows; i++) {
        const struct report_row *row = &model->row[i];
        const struct record *r = row->main;
        const struct meter *meter;
        if (report_ok(r) && isfinite(r->energy_measured_uj))
            measured_row(row, r->energy_measured_kind ? r->energy_measured_kind : "kind not recorded",
                         r->energy_measured_counter ? r->energy_measured_counter : "–", r->energy_measured_uj,
                         r->energy_measured_range_uj, r->energy_measured_net_uj, r->energy_measured_windows, out);
        for (int m = 0; report_ok(r) && (meter = meters_find(&report->meters, r->cell, m)); m++)
            measured_row(row, "imported", meter->name, meter_uj(meter), none, NAN, RECORD_NONE, out);
    }
    if (out->rows > 0)
        grid_note(out,
                  "measured-package: whole processor packages, other work on them included; apportioned: a virtual "
                  "machine's share of that, itself a model; imported: read from a file, not measured here.");
    if (out->rows > 0 && report->meters.torn > 0)
        grid_note(out, "%zu line%s of energy.jsonl, cut off by a kill while being written, left out.",
                  report->meters.torn, report->meters.torn == 1 ? "" : "s");
}

/* ------------------------------------------------------------------------------------------- report card */

/* Proxy and measured figure of each row, from one source: the counter, or the meter of that name. */
static int pairs(const struct report *report, const struct report_model *model, const char *meter_name,
                 const char *table, int cpu, double *proxy, double *measured)
{
    int n = 0;

    for (size_t i = 0; i < model->rows && n < RANK_MAX; i++) {
        const struct record *r = model->row[i].main;
        const struct record_energy_model *m = report_ok(r) ? find_model(r, table) : NULL;
        const struct meter *meter = NULL;
        if (!m)
            continue;
        for (int k = 0; meter_name && (meter = meters_find(&report->meters, r->cell, k)); k++)
            if (strcmp(meter->name, meter_name) == 0)
                break;
        /* Ratios are FP32 / this: turned round, they rank as energies do. */
        proxy[n] = 1 / (cpu ? m->cpu_ratio : m->dp_ratio);
        measured[n++] = !meter_name ? r->energy_measured_uj : meter ? meter_uj(meter) : NAN;
    }
    return n;
}

static void card_row(const char *source, const char *proxy, const struct rank *rank, struct grid *out)
{
    char a[32];

    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", source);
    grid_cell(out, GRID_PLAIN, "%s", proxy);
    grid_cell(out, GRID_PLAIN, "%d", rank->n);
    grid_cell(out, GRID_PLAIN, "%s", format_signed(rank->rho, 2, a));
    switch (rank->method) {
    case RANK_FISHER:
        if (isfinite(rank->lo))
            grid_cell(out, GRID_PLAIN, "%s to %+.2f (Fisher's z)", format_signed(rank->lo, 2, a), rank->hi);
        else
            grid_cell(out, GRID_PLAIN, "no interval: all ranks agree, or all oppose");
        break;
    case RANK_PERMUTATION:
        grid_cell(out, GRID_PLAIN, "p %s (exact permutation)", format_p(rank->p, a));
        break;
    case RANK_NONE:
        grid_cell(out, GRID_PLAIN, "cannot say: fewer than 4 rows, or all alike");
        break;
    }
}

static void card_rows(const struct report *report, const struct report_model *model, const struct record *names,
                      const char *kind, const char *meter_name, struct grid *out)
{
    double proxy[RANK_MAX], measured[RANK_MAX];
    char source[METER_TEXT + 32], view[128];

    snprintf(source, sizeof source, "%.20s%s%s", kind, meter_name ? ", " : "", meter_name ? meter_name : "");
    for (size_t t = 0; t < names->energy_models_n; t++) {
        const struct record_energy_model *m = &names->energy_models[t];
        int views = !m->model ? 0 : isfinite(m->cpu_ratio) ? 2 : 1;
        for (int cpu = 0; cpu < views; cpu++) {
            int n = pairs(report, model, meter_name, m->model, cpu, proxy, measured);
            struct rank rank = rank_spearman(proxy, measured, n);
            if (rank.n == 0)
                return;
            if (rank.n < 4) { /* once is enough */
                card_row(source, "any", &rank, out);
                return;
            }
            snprintf(view, sizeof view, "%.60s%s", m->model, cpu ? " with instructions" : "");
            card_row(source, view, &rank, out);
        }
    }
}

static const struct record *with_counter(const struct report_model *model)
{
    for (size_t i = 0; i < model->rows; i++)
        if (report_ok(model->row[i].main) && isfinite(model->row[i].main->energy_measured_uj))
            return model->row[i].main;
    return NULL;
}

/* 1 if an earlier reading of a row of the model has this meter. */
static int meter_is_listed(const struct report *report, const struct meter *meter)
{
    for (const struct meter *m = report->meters.all; m < meter; m++)
        if (strcmp(m->name, meter->name) == 0)
            return 1;
    return 0;
}

void tables_energy_card(const struct report *report, const struct report_model *model, struct grid *out)
{
    const struct record *names = with_models(model), *counter = with_counter(model);
    char title[REPORT_TEXT];

    snprintf(title, sizeof title, "How well the energy proxy ranks what was measured: %.80s", model->name);
    grid_begin(out, title);
    grid_column(out, "measured", GRID_LEFT, 0);
    grid_column(out, "proxy (modelled)", GRID_LEFT, 0);
    grid_column(out, "rows", GRID_RIGHT, 0);
    grid_column(out, "Spearman's ρ", GRID_RIGHT, 0);
    grid_column(out, "95 % interval, or p", GRID_LEFT, 0);
    if (!names)
        return;
    if (counter)
        card_rows(report, model, names, counter->energy_measured_kind ? counter->energy_measured_kind : "counter", NULL,
                  out);
    for (size_t i = 0; i < report->meters.n; i++)
        if (!meter_is_listed(report, &report->meters.all[i]))
            card_rows(report, model, names, "imported", report->meters.all[i].name, out);
    if (out->rows > 0)
        grid_note(out, "1: the proxy orders the recipes as the measurement does; 0: no relation. %s",
                  report->energy_note);
}
