#include "report/report.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/match.h"

const char report_ci_note[] =
    "95 % intervals: speed-up and latency by sign-test order statistics of paired rounds, accuracy by Wilson; "
    "Δ and p (McNemar, exact) are paired on the same test items.";

static int is_fp32(const struct record *record)
{
    return record->family ? strcmp(record->family, "fp32") == 0 : strcmp(record->config, "fp32") == 0;
}

static int is_own(const struct record *record)
{
    return strcmp(record->kernel, "simd") == 0 || strcmp(record->kernel, "ref") == 0;
}

static void count_status(struct report *report, const struct record *record)
{
    if (strcmp(record->status, "ok") == 0)
        report->ok++;
    else if (strcmp(record->status, "skip") == 0)
        report->skip++;
    else if (strcmp(record->status, "failed") == 0)
        report->failed++;
    else if (strcmp(record->status, "mismatch") == 0)
        report->mismatch++;
    else
        report->other++;
}

static int model_is_picked(const struct records *records, const unsigned char *match, const char *model)
{
    for (size_t i = 0; i < records->n; i++)
        if (match[i] && strcmp(records->all[i].model, model) == 0)
            return 1;
    return 0;
}

/* What matches, and the FP32 rows that it is compared with. */
static enum status pick_cells(const struct records *records, const char *filter, struct report *report)
{
    enum status st = ST_OK;
    size_t picked = 0;
    unsigned char *match = calloc(records->n + 1, 1);

    report->cell = malloc((records->n + 1) * sizeof *report->cell);
    if (!report->cell || !match) {
        st = status_fail(ST_NOMEM, "no memory for %zu cells", records->n);
        goto out;
    }
    for (size_t i = 0; i < records->n; i++) {
        match[i] = (unsigned char)match_any(filter, records->all[i].cell);
        picked += match[i];
    }
    if (picked == 0) {
        st = status_fail(ST_BADARG, "%s: none of its %zu cells matches '%s'; names look like %s", records->dir,
                         records->n, filter ? filter : "*", records->all[0].cell);
        goto out;
    }
    for (size_t i = 0; i < records->n; i++) {
        const struct record *record = &records->all[i];
        if (!match[i] && !(is_fp32(record) && model_is_picked(records, match, record->model)))
            continue;
        report->cell[report->cells++] = record;
        count_status(report, record);
    }
out:
    free(match);
    return st;
}

static struct report_model *find_model(struct report *report, const char *name)
{
    for (size_t i = 0; i < report->models; i++)
        if (strcmp(report->model[i].name, name) == 0)
            return &report->model[i];
    return NULL;
}

static enum status list_models(struct report *report)
{
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *record = report->cell[i];
        struct report_model *model = find_model(report, record->model);
        int64_t threads = record->threads == RECORD_NONE ? 1 : record->threads;
        int64_t batch = record->batch == RECORD_NONE ? 1 : record->batch;
        if (!is_own(record))
            continue;
        if (!model) {
            model = realloc(report->model, (report->models + 1) * sizeof *model);
            if (!model)
                return status_fail(ST_NOMEM, "no memory for %zu models", report->models + 1);
            report->model = model;
            model += report->models++;
            *model = (struct report_model){.name = record->model, .threads = threads, .batch = batch};
        } else if (threads < model->threads || (threads == model->threads && batch < model->batch)) {
            model->threads = threads;
            model->batch = batch;
        }
    }
    return ST_OK;
}

static int64_t or_one(int64_t value)
{
    return value == RECORD_NONE ? 1 : value;
}

static int is_simd(const struct record *record)
{
    return strcmp(record->kernel, "simd") == 0;
}

static int at_point(const struct record *record, const struct report_model *model)
{
    if (is_simd(record) && model->isa && record->isa && strcmp(record->isa, model->isa) != 0)
        return 0;
    return is_own(record) && strcmp(record->model, model->name) == 0 && or_one(record->threads) == model->threads &&
           or_one(record->batch) == model->batch;
}

/* Of several ISA levels the rows show the baseline's own; without that row, the last that ran: runs begin with the
 * lowest. */
static void choose_level(const struct report *report, struct report_model *model)
{
    const char *first = NULL, *last_ok = NULL, *baseline = NULL;
    int several = 0;

    for (size_t i = 0; i < report->cells; i++) {
        const struct record *record = report->cell[i];
        if (!at_point(record, model) || !is_simd(record) || !record->isa)
            continue;
        first = first ? first : record->isa;
        several |= strcmp(first, record->isa) != 0;
        last_ok = report_ok(record) ? record->isa : last_ok;
        if (is_fp32(record) && record->speedup_baseline && strcmp(record->speedup_baseline, record->cell) == 0)
            baseline = record->isa;
    }
    if (several)
        model->isa = baseline ? baseline : last_ok ? last_ok : first;
}

static enum status add_to_row(struct report_model *model, const struct record *record)
{
    struct report_row *row = NULL;

    for (size_t i = 0; i < model->rows && !row; i++)
        if (strcmp(model->row[i].config, record->config) == 0)
            row = &model->row[i];
    if (!row) {
        row = realloc(model->row, (model->rows + 1) * sizeof *row);
        if (!row)
            return status_fail(ST_NOMEM, "no memory for %zu rows", model->rows + 1);
        model->row = row;
        row += model->rows++;
        memset(row, 0, sizeof *row);
        row->config = record->config;
        row->family = record->family ? record->family : "";
    }
    if (strcmp(record->kernel, "simd") == 0 && !row->simd)
        row->simd = record;
    else if (strcmp(record->kernel, "ref") == 0 && !row->ref)
        row->ref = record;
    else
        model->repeats++;
    return ST_OK;
}

/* FP32 rows to the front, all others as they were. */
static void fp32_first(struct report_model *model)
{
    size_t front = 0;

    for (size_t i = 0; i < model->rows; i++) {
        const struct report_row *row = &model->row[i];
        if (is_fp32(row->simd ? row->simd : row->ref)) {
            struct report_row moved = *row;
            memmove(&model->row[front + 1], &model->row[front], (i - front) * sizeof moved);
            model->row[front++] = moved;
        }
    }
}

static enum status fill_model(struct report *report, struct report_model *model)
{
    const struct record *fp32_simd = NULL, *fp32_ref = NULL;

    choose_level(report, model);
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *record = report->cell[i];
        if (!at_point(record, model))
            continue;
        TRY(add_to_row(model, record));
        if (is_fp32(record) && strcmp(record->kernel, "simd") == 0 && !fp32_simd)
            fp32_simd = record;
        if (is_fp32(record) && strcmp(record->kernel, "ref") == 0 && !fp32_ref)
            fp32_ref = record;
    }
    fp32_first(model);
    for (size_t i = 0; i < model->rows; i++) {
        struct report_row *row = &model->row[i];
        row->fp32_simd = fp32_simd;
        row->fp32_ref = fp32_ref;
        row->main = row->simd && (report_ok(row->simd) || !report_ok(row->ref)) ? row->simd : row->ref;
        TRY(verdict_make(row->main, row->main == row->simd ? fp32_simd : fp32_ref, &row->verdict));
    }
    return ST_OK;
}

static void name_run(const struct records *records, struct report *report)
{
    char resolved[PATH_MAX];
    int64_t process_nm = 45; /* of records that do not say: all were H45 */
    const char *dir = realpath(records->dir, resolved) ? resolved : records->dir, *slash = strrchr(dir, '/');

    snprintf(report->run, sizeof report->run, "%.200s", slash && slash[1] ? slash + 1 : dir);
    for (size_t i = 0; i < report->cells && !*report->energy_model; i++) {
        const char *name = report->cell[i]->energy_model;
        if (!name)
            continue;
        snprintf(report->energy_model, sizeof report->energy_model, "%.*s", (int)strcspn(name, "-"), name);
        if (report->cell[i]->energy_process_nm != RECORD_NONE)
            process_nm = report->cell[i]->energy_process_nm;
    }
    snprintf(report->energy_note, sizeof report->energy_note,
             "Modelled from operation and byte counts with published %" PRId64
             " nm constants; not a measurement of this machine.",
             process_nm);
}

enum status report_make(const struct records *records, const char *filter, struct report *out)
{
    enum status st;
    struct report report;

    memset(&report, 0, sizeof report);
    report.records = records;
    snprintf(report.filter, sizeof report.filter, "%s", filter ? filter : "");
    TRY_OUT(pick_cells(records, filter, &report));
    TRY_OUT(list_models(&report));
    for (size_t i = 0; i < report.models; i++)
        TRY_OUT(fill_model(&report, &report.model[i]));
    TRY_OUT(meters_load(records->dir, &report.meters));
    name_run(records, &report);
    *out = report;
    memset(&report, 0, sizeof report);
out:
    report_free(&report);
    return st;
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->models; i++) {
        for (size_t r = 0; r < report->model[i].rows; r++)
            verdict_free(&report->model[i].row[r].verdict);
        free(report->model[i].row);
    }
    meters_free(&report->meters);
    free(report->model);
    free(report->cell);
    memset(report, 0, sizeof *report);
}

/* ------------------------------------------------------------------------------------------- facts */

const char *report_fact(const struct report *report, enum report_fact fact, char *buffer, size_t size)
{
    return env_fact(&report->records->env, fact, buffer, size);
}

const char *report_warning(const struct report *report, int i)
{
    const cJSON *warnings = cJSON_GetObjectItemCaseSensitive(report->records->env.root, "warnings");
    const cJSON *item = cJSON_IsArray(warnings) && i >= 0 ? cJSON_GetArrayItem(warnings, i) : NULL;

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

void report_energy_title(const struct report *report, char *buffer, size_t size)
{
    snprintf(buffer, size, "Energy proxy vs FP32 (%s model, ×)", *report->energy_model ? report->energy_model : "H45");
}
