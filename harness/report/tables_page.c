#include "report/tables_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/choose.h"
#include "report/tables.h"

void tables_optimal(const struct report *report, const struct report_model *model, struct grid *out,
                    const struct report_row ***out_row)
{
    char title[REPORT_TEXT], energy[96], a[32], b[32];
    const char *unit_name;
    double unit = tables_latency_unit(model, &unit_name);
    const struct report_row **rows = calloc(model->rows + 1, sizeof *rows);
    int interpolated = 0;

    snprintf(title, sizeof title, "Worth considering: %.80s", model->name);
    grid_begin(out, title);
    report_energy_title(report, energy, sizeof energy);
    grid_column(out, "technique", GRID_LEFT, 0);
    grid_column(out, "accuracy|%", GRID_RIGHT, 0);
    grid_column(out, "Δ|pp", GRID_RIGHT, 0);
    grid_column(out, "Δ 95 % CI|pp", GRID_RIGHT, 0);
    grid_column(out, "file size|kB", GRID_RIGHT, 0);
    grid_column(out, "size ratio|×", GRID_RIGHT, 0);
    snprintf(title, sizeof title, "latency|%s", unit_name);
    grid_column(out, title, GRID_RIGHT, 0);
    grid_column(out, "speed-up vs FP32 SIMD|×", GRID_RIGHT, 0);
    grid_column(out, "95 % CI|×", GRID_RIGHT, 0);
    grid_column(out, energy, GRID_RIGHT, 0);
    if (!rows)
        out->failed = 1;
    for (size_t i = 0; rows && i < model->rows; i++) {
        const struct report_row *row = &model->row[i];
        const struct record *r = row->main;
        const double *ci = r->accuracy_delta_ci95;
        if (!choose_is_optimal(model, row))
            continue;
        rows[out->rows] = row;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", row->config);
        grid_cell(out, GRID_PLAIN, "%s", format_fixed(100.0 * r->accuracy_top1, 2, a));
        if (row->verdict.kind == VERDICT_BASELINE) {
            grid_cell(out, GRID_DIM, "–");
            grid_cell(out, GRID_DIM, "–");
        } else {
            grid_cell(out, GRID_PLAIN, "%s", format_signed(r->accuracy_delta_pp, 2, a));
            if (isfinite(ci[0]) && isfinite(ci[1]))
                grid_cell(out, GRID_PLAIN, "%s … %s", format_signed(ci[0], 2, a), format_signed(ci[1], 2, b));
            else
                grid_cell(out, GRID_DIM, "–");
        }
        grid_cell(out, GRID_PLAIN, "%s",
                  format_sig(r->size_file_bytes == RECORD_NONE ? NAN : (double)r->size_file_bytes / 1e3, 4, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(r->size_ratio, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(r->latency_ns_median / unit, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(r->speedup_vs_fp32_simd, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_range(r->speedup_ci95, 3, a));
        grid_cell(out, GRID_PLAIN, "%s%s", format_sig(r->energy_proxy_ratio, 2, a), r->energy_tags ? "*" : "");
        interpolated |= r->energy_tags != NULL;
    }
    if (interpolated)
        grid_note(out, "* A product width without a published figure was interpolated.");
    if (out_row)
        *out_row = rows;
    else
        free(rows);
}

void tables_absolute(const struct report *report, const struct report_model *model, struct grid *out)
{
    char title[REPORT_TEXT], a[32];

    snprintf(title, sizeof title, "Absolute figures: %.80s", model->name);
    grid_begin(out, title);
    grid_column(out, "technique", GRID_LEFT, 0);
    grid_column(out, "kernel", GRID_LEFT, 0);
    grid_column(out, "batch", GRID_RIGHT, 0);
    grid_column(out, "seed", GRID_RIGHT, 0);
    grid_column(out, "packed file|B", GRID_RIGHT, 0);
    grid_column(out, "peak RAM|B", GRID_RIGHT, 0);
    grid_column(out, "packed weights in RAM|B", GRID_RIGHT, 0);
    grid_column(out, "MACs, all weights", GRID_RIGHT, 0);
    grid_column(out, "MACs executed", GRID_RIGHT, 0);
    grid_column(out, "latency median|ns", GRID_RIGHT, 0);
    grid_column(out, "rounds kept", GRID_RIGHT, 0);
    grid_column(out, "rounds dropped", GRID_RIGHT, 0);
    grid_column(out, "energy proxy (modelled)|nJ", GRID_RIGHT, 0);
    grid_column(out, "energy proxy, CPU view (modelled)|nJ", GRID_RIGHT, 0);
    grid_column(out, "SHA-256 of the file", GRID_LEFT, 0);
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        int ran = report_ok(r);
        if (strcmp(r->model, model->name) != 0)
            continue;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", r->config);
        grid_cell(out, GRID_PLAIN, "%s", r->kernel);
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->batch, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->seed, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->size_file_bytes, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->ram_peak_bytes, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->weights_packed_bytes, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->macs_nominal, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->macs_executed, a));
        grid_cell(out, GRID_PLAIN, "%s", format_fixed(ran ? r->latency_ns_median : NAN, 0, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->latency_samples_kept, a));
        grid_cell(out, GRID_PLAIN, "%s", format_count(r->latency_samples_dropped, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(r->energy_proxy_nj, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(r->energy_cpu_nj, 3, a));
        grid_cell(out, GRID_DIM, "%.16s", r->artifact_sha256 ? r->artifact_sha256 : "–");
    }
}

enum { PARTS = 12 };

static const struct record_energy *find_part(const struct record *record, const char *part)
{
    for (size_t i = 0; i < record->energy_n; i++)
        if (record->energy[i].part && strcmp(record->energy[i].part, part) == 0)
            return &record->energy[i];
    return NULL;
}

void tables_energy_parts(const struct report *report, const struct report_model *model, struct grid *out)
{
    const char *parts[PARTS];
    int n = 0;
    char title[REPORT_TEXT], a[32];

    snprintf(title, sizeof title, "Energy proxy by part (%s model, modelled): %.80s",
             *report->energy_model ? report->energy_model : "H45", model->name);
    grid_begin(out, title);
    grid_column(out, "technique", GRID_LEFT, 0);
    for (size_t i = 0; i < model->rows; i++)
        for (size_t e = 0; e < model->row[i].main->energy_n; e++) {
            const char *part = model->row[i].main->energy[e].part;
            int known = part == NULL || n == PARTS;
            for (int p = 0; p < n && !known; p++)
                known = strcmp(parts[p], part) == 0;
            if (known)
                continue;
            parts[n++] = part;
            snprintf(title, sizeof title, "%.100s|nJ", part);
            grid_column(out, title, GRID_RIGHT, 0);
        }
    for (size_t i = 0; i < model->rows; i++) {
        const struct record *r = model->row[i].main;
        if (r->energy_n == 0)
            continue;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", r->config);
        for (int p = 0; p < n; p++) {
            const struct record_energy *part = find_part(r, parts[p]);
            grid_cell(out, GRID_PLAIN, "%s", format_sig(part ? part->nj : NAN, 3, a));
        }
    }
    grid_note(out, "%s", report->energy_note);
}
