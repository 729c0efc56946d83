#include "report/tables_more.h"

#include "report/tables_energy.h"

static double ms(const struct record *record, double ns)
{
    return report_ok(record) ? ns / 1e6 : NAN;
}

static void cold_row(const struct report_row *row, struct grid *out)
{
    const struct record *r = row->main;
    double load[2] = {ms(r, r->load_ns_ci95[0]), ms(r, r->load_ns_ci95[1])};
    double first[2] = {ms(r, r->first_ns_ci95[0]), ms(r, r->first_ns_ci95[1])};
    char a[32];

    if (!report_ok(r) || (!isfinite(r->load_ns_median) && !isfinite(r->process_ms_median)))
        return;
    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", row->config);
    grid_cell(out, GRID_PLAIN, "%s", format_sig(ms(r, r->load_ns_median), 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_range(load, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(ms(r, r->plan_ns_median), 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(ms(r, r->first_ns_median), 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_range(first, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(r->cold_ratio_vs_fp32, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_range(r->cold_ratio_ci95, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(r->process_ms_median, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(r->process_ratio_vs_fp32, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_range(r->process_ratio_ci95, 3, a));
}

static void tables_cold(const struct report *report, const struct report_model *model, struct grid *out)
{
    char title[REPORT_TEXT];

    (void)report;
    snprintf(title, sizeof title, "Cold start: %.80s", model->name);
    grid_begin(out, title);
    grid_column(out, "technique", GRID_LEFT, 0);
    grid_column(out, "load file|ms", GRID_RIGHT, 0);
    grid_column(out, "load 95 % CI|ms", GRID_RIGHT, 3);
    grid_column(out, "plan, pack|ms", GRID_RIGHT, 0);
    grid_column(out, "first inference|ms", GRID_RIGHT, 0);
    grid_column(out, "first 95 % CI|ms", GRID_RIGHT, 3);
    grid_column(out, "sum vs FP32|×", GRID_RIGHT, 0);
    grid_column(out, "sum 95 % CI|×", GRID_RIGHT, 1);
    grid_column(out, "whole process|ms", GRID_RIGHT, 0);
    grid_column(out, "process vs FP32|×", GRID_RIGHT, 0);
    grid_column(out, "process 95 % CI|×", GRID_RIGHT, 1);
    for (size_t i = 0; i < model->rows; i++)
        cold_row(&model->row[i], out);
    if (out->rows > 0)
        grid_note(out, "Medians of fresh processes in alternation with FP32 SIMD, the file in the page cache; 95 %% "
                       "intervals by sign-test order statistics. Not comparable with the warm latencies.");
}

int tables_more_at(const struct report *report, const struct report_model *model, int i, struct grid *out)
{
    static void (*const tables[])(const struct report *, const struct report_model *, struct grid *) = {
        tables_energy_models, tables_energy_measured, tables_energy_card, tables_cold};

    if (i < 0 || i >= (int)(sizeof tables / sizeof *tables))
        return 0;
    tables[i](report, model, out);
    return 1;
}
