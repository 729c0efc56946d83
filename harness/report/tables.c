#include "report/tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/choose.h"
#include "report/health.h"
#include "report/tables_axes.h"

double tables_latency_unit(const struct report_model *model, const char **out_name)
{
    double most = 0.0;

    for (size_t i = 0; i < model->rows; i++)
        if (model->row[i].simd && model->row[i].simd->latency_ns_median > most)
            most = model->row[i].simd->latency_ns_median;
    *out_name = most >= 1e7 ? "ms" : "µs";
    return most >= 1e7 ? 1e6 : 1e3;
}

void tables_banner(const struct report *report, char *buffer, size_t size)
{
    size_t reached = 0, missed = 0, open = 0;

    for (size_t m = 0; m < report->models; m++)
        for (size_t i = 0; i < report->model[m].rows; i++) {
            enum verdict_kind kind = report->model[m].row[i].verdict.kind;
            reached += kind == VERDICT_REACHED;
            missed += kind == VERDICT_MISSED;
            open += kind == VERDICT_OPEN;
        }
    snprintf(
        buffer, size,
        "%zu model%s, %zu compressed variant%s: %zu reached what is expected of the technique, %zu did not, %zu open. "
        "%zu cells: %zu ok, %zu skipped, %zu failed, %zu wrong.",
        report->models, report->models == 1 ? "" : "s", reached + missed + open,
        reached + missed + open == 1 ? "" : "s", reached, missed, open, report->cells, report->ok, report->skip,
        report->failed + report->other, report->mismatch);
}

static double kilobytes(int64_t bytes)
{
    return bytes == RECORD_NONE ? NAN : (double)bytes / 1000.0;
}

/* The latency of a record that ran, NaN otherwise: no time for a wrong output. */
static double latency(const struct record *record, double unit)
{
    return report_ok(record) ? record->latency_ns_median / unit : NAN;
}

static enum grid_tone verdict_tone(enum verdict_kind kind)
{
    switch (kind) {
    case VERDICT_REACHED:
        return GRID_GOOD;
    case VERDICT_MISSED:
        return GRID_BAD;
    case VERDICT_BASELINE:
    case VERDICT_OPEN:
        break;
    }
    return GRID_DIM;
}

static void percent_range(const double pair[2], char buffer[32])
{
    char a[32], b[32];

    if (!isfinite(pair[0]) || !isfinite(pair[1])) {
        snprintf(buffer, 32, "–");
        return;
    }
    snprintf(buffer, 32, "%.12s–%.12s", format_fixed(100.0 * pair[0], 2, a), format_fixed(100.0 * pair[1], 2, b));
}

static void headline_row(const struct report_row *row, double unit, struct grid *out)
{
    const struct record *r = row->main;
    int ran = report_ok(r), base = row->verdict.kind == VERDICT_BASELINE;
    char a[32];

    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", row->config);
    grid_cell(out, GRID_PLAIN, "%s", format_sig(kilobytes(r->size_file_bytes), 4, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(r->size_ratio, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(latency(row->ref, unit), 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(latency(row->simd, unit), 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(ran ? r->speedup_vs_fp32_simd : NAN, 3, a));
    if (ran)
        grid_cell(out, GRID_PLAIN, "%s", format_range(r->speedup_ci95, 3, a));
    else
        grid_cell(out, GRID_PLAIN, "–");
    grid_cell(out, GRID_PLAIN, "%s", format_sig(report_ok(row->simd) ? row->simd->speedup_simd_vs_ref : NAN, 3, a));
    grid_cell(out, GRID_PLAIN, "%s%s", format_sig(r->energy_proxy_ratio, 2, a), r->energy_tags ? "*" : "");
    grid_cell(out, GRID_PLAIN, "%s%s", format_sig(r->energy_cpu_ratio, 2, a), r->energy_tags ? "*" : "");
    grid_cell(out, GRID_PLAIN, "%s", format_fixed(ran ? 100.0 * r->accuracy_top1 : NAN, 2, a));
    percent_range(r->accuracy_ci95, a);
    grid_cell(out, GRID_PLAIN, "%s", ran ? a : "–");
    grid_cell(out, GRID_PLAIN, "%s", base ? "–" : format_signed(ran ? r->accuracy_delta_pp : NAN, 2, a));
    grid_cell(out, GRID_PLAIN, "%s", base ? "–" : format_p(ran ? r->accuracy_p_mcnemar : NAN, a));
    grid_cell(out, verdict_tone(row->verdict.kind), "%s", ran || base ? verdict_word(row->verdict.kind) : r->status);
}

void tables_headline(const struct report *report, const struct report_model *model, struct grid *out)
{
    char title[REPORT_TEXT], energy[96], cpu[128];
    int interpolated = 0;
    const char *unit_name;
    double unit = tables_latency_unit(model, &unit_name);

    snprintf(title, sizeof title, "%.80s, %s%s%" PRId64 " thread%s, batch %" PRId64, model->name,
             model->isa ? model->isa : "", model->isa ? ", " : "", model->threads, model->threads == 1 ? "" : "s",
             model->batch);
    grid_begin(out, title);
    report_energy_title(report, energy, sizeof energy);
    snprintf(cpu, sizeof cpu, "%s with instructions", energy);
    grid_column(out, "technique", GRID_LEFT, 0);
    grid_column(out, "file size|kB", GRID_RIGHT, 0);
    grid_column(out, "size ratio|×", GRID_RIGHT, 0);
    snprintf(title, sizeof title, "latency reference|%s", unit_name);
    grid_column(out, title, GRID_RIGHT, 4);
    snprintf(title, sizeof title, "latency SIMD|%s", unit_name);
    grid_column(out, title, GRID_RIGHT, 0);
    grid_column(out, "speed-up vs FP32 SIMD|×", GRID_RIGHT, 0);
    grid_column(out, "95 % CI|×", GRID_RIGHT, 3);
    grid_column(out, "SIMD vs reference|×", GRID_RIGHT, 5);
    grid_column(out, energy, GRID_RIGHT, 2);
    grid_column(out, cpu, GRID_RIGHT, 9);
    grid_column(out, "accuracy|%", GRID_RIGHT, 0);
    grid_column(out, "accuracy 95 % CI|%", GRID_RIGHT, 8);
    grid_column(out, "Δ|pp", GRID_RIGHT, 0);
    grid_column(out, "McNemar p", GRID_RIGHT, 6);
    grid_column(out, "expected figures", GRID_LEFT, 0);
    for (size_t i = 0; i < model->rows; i++)
        headline_row(&model->row[i], unit, out);
    for (size_t i = 0; i < model->rows; i++)
        interpolated |= model->row[i].main->energy_tags != NULL;
    if (model->repeats > 0)
        grid_note(
            out,
            "The run has further seeds of these cells (%zu); this table shows the first seed, the full matrix all.",
            model->repeats);
    if (*report->energy_model)
        grid_note(out, "%s: %s%s", energy, report->energy_note,
                  interpolated ? " * A product width without a published figure was interpolated." : "");
}

/* ------------------------------------------------------------------------------------------- choosing */

static void choice(const struct report_model *model, double budget, enum choose_by by, struct grid *out)
{
    const struct report_row *best = choose_best(model, budget, by);
    char a[32];

    if (best)
        grid_cell(out, GRID_PLAIN, "%s, %s×", best->config, format_sig(choose_gain(best, by), 3, a));
    else
        grid_cell(out, GRID_PLAIN, "–");
}

int tables_can_choose(const struct report_model *model)
{
    for (size_t i = 0; i < model->rows; i++)
        if (report_ok(model->row[i].main) && model->row[i].main->accuracy_top1 >= 0)
            return 1;
    return 0;
}

void tables_choose(const struct report *report, const struct report_model *model, struct grid *out)
{
    static const double budgets[] = {0.0, 0.5, 1.0, 2.0};
    char title[REPORT_TEXT];

    (void)report;
    snprintf(title, sizeof title, "Which to ship: %.80s", model->name);
    grid_begin(out, title);
    grid_column(out, "accuracy lost at most|pp", GRID_RIGHT, 0);
    grid_column(out, "smallest|file size ratio", GRID_LEFT, 0);
    grid_column(out, "fastest|speed-up vs FP32 SIMD", GRID_LEFT, 0);
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%.1f", budgets[i]);
        choice(model, budgets[i], CHOOSE_SMALLEST, out);
        choice(model, budgets[i], CHOOSE_FASTEST, out);
    }
}

/* ------------------------------------------------------------------------------------------- matrix */

void tables_matrix(const struct report *report, const struct report_model *model, struct grid *out)
{
    char title[REPORT_TEXT], a[32];
    const char *unit_name;
    double unit = tables_latency_unit(model, &unit_name);
    struct tables_axes vary = tables_axes(report, model);

    snprintf(title, sizeof title, "Full matrix: %.80s%.150s", model->name, vary.same);
    grid_begin(out, title);
    grid_column(out, "technique", GRID_LEFT, 0);
    if (vary.kernel)
        grid_column(out, "kernel", GRID_LEFT, 0);
    if (vary.isa)
        grid_column(out, "ISA", GRID_LEFT, 0);
    if (vary.threads)
        grid_column(out, "threads", GRID_RIGHT, 0);
    if (vary.batch)
        grid_column(out, "batch", GRID_RIGHT, 0);
    if (vary.seed)
        grid_column(out, "seed", GRID_RIGHT, 0);
    grid_column(out, "status", GRID_LEFT, 0);
    snprintf(title, sizeof title, "latency per inference|%s", unit_name);
    grid_column(out, title, GRID_RIGHT, 0);
    snprintf(title, sizeof title, "latency 95 %% CI|%s", unit_name);
    grid_column(out, title, GRID_RIGHT, 1);
    snprintf(title, sizeof title, "p90|%s", unit_name);
    grid_column(out, title, GRID_RIGHT, 1);
    grid_column(out, "speed-up vs FP32 SIMD|×", GRID_RIGHT, 0);
    grid_column(out, "speed-up 95 % CI|×", GRID_RIGHT, 1);
    grid_column(out, "whole process|ms", GRID_RIGHT, 3);
    grid_column(out, "accuracy|%", GRID_RIGHT, 0);
    grid_column(out, "peak RAM|kB", GRID_RIGHT, 3);
    grid_column(out, "MACs executed|million", GRID_RIGHT, 3);
    grid_column(out, "reason, notes", GRID_LEFT, 10); /* wide, and the reasons stand in a table of their own */
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        int ran = report_ok(r);
        double ci[2] = {r->latency_ns_ci95[0] / unit, r->latency_ns_ci95[1] / unit}, none[2] = {NAN, NAN};
        if (strcmp(r->model, model->name) != 0)
            continue;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", r->config);
        if (vary.kernel)
            grid_cell(out, GRID_PLAIN, "%s", r->kernel);
        if (vary.isa)
            grid_cell(out, GRID_PLAIN, "%s", r->isa ? r->isa : "–");
        if (vary.threads)
            grid_cell(out, GRID_PLAIN, "%s", format_count(r->threads, a));
        if (vary.batch)
            grid_cell(out, GRID_PLAIN, "%s", format_count(r->batch, a));
        if (vary.seed)
            grid_cell(out, GRID_PLAIN, "%s", format_count(r->seed, a));
        grid_cell(out, ran ? GRID_PLAIN : GRID_BAD, "%s", r->status);
        grid_cell(out, GRID_PLAIN, "%s", format_sig(latency(r, unit), 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_range(ran ? ci : none, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(ran ? r->latency_ns_p90 / unit : NAN, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(ran ? r->speedup_vs_fp32_simd : NAN, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_range(ran ? r->speedup_ci95 : none, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(ran ? r->process_ms_median : NAN, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_fixed(100.0 * r->accuracy_top1, 2, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(kilobytes(r->ram_peak_bytes), 3, a));
        grid_cell(out, GRID_PLAIN, "%s",
                  format_sig(r->macs_executed == RECORD_NONE ? NAN : (double)r->macs_executed / 1e6, 3, a));
        grid_cell(out, GRID_PLAIN, "%s%s%s", r->reason ? r->reason : "", r->reason && r->notes ? "; " : "",
                  r->notes ? r->notes : "");
    }
}

/* ------------------------------------------------------------------------------------------- layers */

static double step_ns(const struct record *record, const char *name)
{
    double ns = 0.0;
    int found = 0;

    for (size_t i = 0; record && name && i < record->kernels_n; i++)
        if (record->kernels[i].name && strcmp(record->kernels[i].name, name) == 0) {
            ns += record->kernels[i].ns;
            found = 1;
        }
    return found ? ns : NAN;
}

void tables_layers(const struct report_row *row, struct grid *out)
{
    const struct record *r = row->main, *fp32 = r == row->simd ? row->fp32_simd : row->fp32_ref;
    char title[REPORT_TEXT], a[32];
    double total = 0.0;

    for (size_t i = 0; i < r->kernels_n; i++)
        if (isfinite(r->kernels[i].ns))
            total += r->kernels[i].ns;
    snprintf(title, sizeof title, "Layers of %.60s / %.80s, %.20s", r->model, r->config, r->kernel);
    grid_begin(out, title);
    grid_column(out, "layer", GRID_LEFT, 0);
    grid_column(out, "kernel", GRID_LEFT, 0);
    grid_column(out, "time|µs", GRID_RIGHT, 0);
    grid_column(out, "share|%", GRID_RIGHT, 0);
    grid_column(out, "layer vs FP32|×", GRID_RIGHT, 1);
    grid_column(out, "MACs executed|thousand", GRID_RIGHT, 2);
    grid_column(out, "zero weights|%", GRID_RIGHT, 2);
    grid_column(out, "weights|kB", GRID_RIGHT, 2);
    grid_column(out, "in + out|kB", GRID_RIGHT, 2);
    grid_column(out, "why this kernel", GRID_LEFT, 0);
    for (size_t i = 0; i < r->kernels_n; i++) {
        const struct record_layer *k = &r->kernels[i];
        double base = step_ns(fp32, k->name), here = step_ns(r, k->name);
        int64_t moved = k->input_bytes == RECORD_NONE || k->output_bytes == RECORD_NONE
                            ? RECORD_NONE
                            : k->input_bytes + k->output_bytes;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", k->name ? k->name : "–");
        grid_cell(out, GRID_PLAIN, "%s", k->kernel ? k->kernel : "–");
        grid_cell(out, GRID_PLAIN, "%s", format_sig(k->ns / 1e3, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_fixed(total > 0.0 ? 100.0 * k->ns / total : NAN, 0, a));
        grid_cell(out, GRID_PLAIN, "%s", r == fp32 ? "–" : format_sig(here > 0.0 ? base / here : NAN, 2, a));
        grid_cell(out, GRID_PLAIN, "%s",
                  format_sig(k->macs_executed == RECORD_NONE ? NAN : (double)k->macs_executed / 1e3, 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_fixed(100.0 * k->sparsity, 0, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(kilobytes(k->weight_bytes), 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(kilobytes(moved), 3, a));
        grid_cell(out, GRID_PLAIN, "%s", k->reason ? k->reason : "");
    }
    grid_note(out, "Sum of the layers %s µs; the whole inference, timed apart, %s µs.",
              format_sig(total / 1e3, 3, title), format_sig(r->latency_ns_median / 1e3, 3, a));
}

/* ------------------------------------------------------------------------------------------- ledger */

enum { STAGES = 10 };

static int stage_index(const char *stages[], int n, const char *stage)
{
    for (int i = 0; i < n; i++)
        if (strcmp(stages[i], stage) == 0)
            return i;
    return -1;
}

/* All stages of a model's rows in running order: one that is new stands before the next of its row that is known. */
static int list_stages(const struct report_model *model, const char *stages[])
{
    int n = 0;

    for (size_t i = 0; i < model->rows; i++)
        for (size_t s = 0; s < model->row[i].main->ledger_n; s++) {
            const struct record *r = model->row[i].main;
            const char *stage = r->ledger[s].stage;
            int at = -1;
            if (!stage || n == STAGES || stage_index(stages, n, stage) >= 0)
                continue;
            for (size_t next = s + 1; next < r->ledger_n && at < 0; next++)
                at = r->ledger[next].stage ? stage_index(stages, n, r->ledger[next].stage) : -1;
            at = at < 0 ? n : at;
            memmove(&stages[at + 1], &stages[at], (size_t)(n - at) * sizeof *stages);
            stages[at] = stage;
            n++;
        }
    return n;
}

void tables_ledger(const struct report *report, const struct report_model *model, struct grid *out)
{
    const char *stages[STAGES];
    int n = list_stages(model, stages);
    char title[REPORT_TEXT], a[32];

    (void)report;
    snprintf(title, sizeof title, "Accuracy by stage: %.80s", model->name);
    grid_begin(out, title);
    grid_column(out, "technique", GRID_LEFT, 0);
    for (int c = 0; c < n; c++)
        grid_column(out, stages[c], GRID_LEFT, 0);
    for (size_t i = 0; i < model->rows; i++) {
        const struct record *r = model->row[i].main;
        if (r->ledger_n == 0)
            continue;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", r->config);
        for (int c = 0; c < n; c++) {
            const struct record_ledger *entry = NULL;
            for (size_t s = 0; s < r->ledger_n && !entry; s++)
                if (r->ledger[s].stage && strcmp(r->ledger[s].stage, stages[c]) == 0)
                    entry = &r->ledger[s];
            if (!entry)
                grid_cell(out, GRID_PLAIN, "–");
            else if (entry->flips == RECORD_NONE)
                grid_cell(out, GRID_PLAIN, "%s", format_fixed(100.0 * entry->accuracy, 2, a));
            else
                grid_cell(out, GRID_PLAIN, "%s (%" PRId64 ")", format_fixed(100.0 * entry->accuracy, 2, a),
                          entry->flips);
        }
    }
    grid_note(out, "Top-1 in %%; in brackets the predictions that changed against the stage before.");
}

/* ------------------------------------------------------------------------------------------- health */

void tables_problems(const struct report *report, struct grid *out)
{
    grid_begin(out, "Cells without figures");
    grid_column(out, "cell", GRID_LEFT, 0);
    grid_column(out, "status", GRID_LEFT, 0);
    grid_column(out, "reason", GRID_LEFT, 0);
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        if (report_ok(r))
            continue;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", r->cell);
        grid_cell(out, strcmp(r->status, "skip") == 0 ? GRID_DIM : GRID_BAD, "%s", r->status);
        grid_cell(out, GRID_PLAIN, "%s", r->reason ? r->reason : "not recorded");
    }
}

static void fact_row(struct grid *out, const char *name, const char *value)
{
    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", name);
    grid_cell(out, GRID_PLAIN, "%s", value);
}

void tables_health(const struct report *report, struct grid *out)
{
    struct health health;
    const char *warning;
    char line[REPORT_TEXT];

    health_find(report, &health);
    grid_begin(out, "Can this run be trusted?");
    grid_column(out, "what", GRID_LEFT, 0);
    grid_column(out, "found", GRID_LEFT, 0);
    snprintf(line, sizeof line,
             "%" PRId64 " kept, %" PRId64 " dropped (disturbed by other work, never for their value)", health.kept,
             health.dropped);
    fact_row(out, "timing rounds", line);
    snprintf(line, sizeof line, "%zu of %zu", health.noisy, report->cells);
    fact_row(out, "cells that lost over 40 % of rounds", line);
    snprintf(line, sizeof line, "%zu of %zu", report->mismatch, report->cells);
    fact_row(out, "cells with a wrong output", line);
    if (health.noted > 0) {
        snprintf(line, sizeof line, "%zu, see the full matrix", health.noted);
        fact_row(out, "cells with notes", line);
    }
    if (report->records->torn > 0) {
        snprintf(line, sizeof line, "%zu cut off while being written (the run was killed); left out",
                 report->records->torn);
        fact_row(out, "damaged lines", line);
    }
    if (!report->records->env.root)
        fact_row(out, "warning", "env.json is missing: machine, build and command are unknown");
    for (int i = 0; (warning = report_warning(report, i)); i++)
        fact_row(out, "warning", warning);
}

void tables_reproduce(const struct report *report, struct grid *out)
{
    static const struct {
        const char *name;
        enum report_fact fact;
    } facts[] = {
        {"command", REPORT_COMMAND},   {"suite", REPORT_SUITE}, {"data", REPORT_DATA},    {"seeds", REPORT_SEED},
        {"commit", REPORT_COMMIT},     {"CPU", REPORT_CPU},     {"ISA", REPORT_ISA},      {"system", REPORT_SYSTEM},
        {"compiler", REPORT_COMPILER}, {"flags", REPORT_FLAGS}, {"started", REPORT_DATE},
    };
    char value[1024];

    grid_begin(out, "How to repeat it");
    grid_column(out, "what", GRID_LEFT, 0);
    grid_column(out, "value", GRID_LEFT, 0);
    fact_row(out, "run", report->run);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        fact_row(out, facts[i].name, report_fact(report, facts[i].fact, value, sizeof value));
    if (*report->filter)
        fact_row(out, "filter", report->filter);
}
