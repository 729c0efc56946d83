/* What a report shows: the records of one run, picked by a filter and put side by side by model and recipe. Nothing
 * is measured or estimated here; verdicts compare recorded figures with fixed expectations.
 *
 *   TRY(records_load("results/latest", &records));
 *   TRY(report_make(&records, NULL, &report));       // borrows the records
 *   emit(&report, &text);
 *   report_free(&report); */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <string.h>

#include "report/env.h"
#include "report/meter.h"
#include "report/record.h"
#include "report/verdict.h"

enum { REPORT_TEXT = 256 };

/* One recipe of a model at the report's thread count and batch. */
struct report_row {
    const char *config, *family;
    const struct record *simd, *ref;           /* either may be NULL, not both */
    const struct record *fp32_simd, *fp32_ref; /* the rows they are compared with; NULL when absent */
    const struct record *main;                 /* simd, or ref where there is no simd row that ran */
    struct verdict verdict;
};

struct report_model {
    const char *name;
    int64_t threads, batch; /* of the rows: the smallest that the run has */
    const char *isa; /* level of the SIMD rows: the one that others are compared with; NULL: the run has one only */
    struct report_row *row; /* owned; FP32 first, then in the order of the records */
    size_t rows;
    size_t repeats; /* cells left out of the rows: the same cell with further seeds */
};

struct report {
    const struct records *records; /* borrowed */
    const struct record **cell;    /* owned; the records that pass the filter, in their order */
    size_t cells;
    struct report_model *model; /* owned; in order of first appearance */
    size_t models;
    size_t ok, skip, failed, mismatch, other; /* cells by status */
    char run[REPORT_TEXT];                    /* name of the run's folder */
    char energy_model[32];                    /* "H45" of "H45-v1"; "" when no cell has energy */
    char energy_note[160];                    /* the sentence that stands under every modelled energy figure */
    struct meters meters;                     /* owned; energy that external meters measured */
    char filter[REPORT_TEXT];                 /* "" for none */
    int all_columns; /* tables of cells show what is the same everywhere, too; 0, set by who asks */
};

/* filter: shell pattern that a cell's name must match, alternatives separated by commas, NULL for all; FP32 rows always
 * stay as the base of comparisons. ST_BADARG when nothing passes. */
enum status report_make(const struct records *records, const char *filter, struct report *out);
void report_free(struct report *report);

/* A fact of env.json, "unknown" where missing. */
const char *report_fact(const struct report *report, enum report_fact fact, char *buffer, size_t size);
/* The i-th warning of env.json, or NULL. Borrowed. */
const char *report_warning(const struct report *report, int i);

/* 1 if the record ran and its figures may be shown. */
static inline int report_ok(const struct record *record)
{
    return record && strcmp(record->status, "ok") == 0;
}

/* "Energy proxy vs FP32 (H45 model, ×)"; report->energy_note must stand under every such figure. */
void report_energy_title(const struct report *report, char *buffer, size_t size);
/* How the intervals were made; for captions. */
extern const char report_ci_note[];

/* Numbers for tables; "–" when not finite or null. Buffers of at least 32 bytes; return the buffer. */
const char *format_fixed(double value, int decimals, char *buffer);
/* Three significant digits, no exponent: 0.0123, 1.23, 12.3, 1230. */
const char *format_sig(double value, int digits, char *buffer);
const char *format_signed(double value, int decimals, char *buffer);
const char *format_count(int64_t value, char *buffer);
/* p-values: three decimals, "<0.001". */
const char *format_p(double value, char *buffer);
/* "1.02–1.08" with `digits` significant digits. */
const char *format_range(const double pair[2], int digits, char *buffer);

#endif
