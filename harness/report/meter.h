/* Energy that an external meter measured, for cells of a run: read from a CSV file, kept in DIR/energy.jsonl beside the
 * records, joined to them by the report with the kind "imported".
 *
 *   cell,joules,inferences,meter                        header; meter is optional
 *   lenet5/ptq-s8/simd/t1/b1,12.5,100000,Joulescope     an inference is one input, whatever the batch
 *
 *   TRY(meters_read_csv("meter.csv", &records, &meters));
 *   TRY(meters_append(dir, &meters));
 *   meters_free(&meters); */
#ifndef REPORT_METER_H
#define REPORT_METER_H

#include <stddef.h>

#include "report/record.h"

enum { METER_TEXT = 64, METERS_MAX = 20000 };

struct meter {
    char *cell; /* owned */
    char name[METER_TEXT];
    double joules, inferences;
};

struct meters {
    struct meter *all; /* owned, n */
    size_t n;
    size_t torn; /* lines cut off by a kill, left out */
};

/* Strict: every line needs all columns, positive finite joules, whole positive inferences, a cell of the run, no cell
 * twice with one meter. Without a meter column the file's name stands for it. ST_FORMAT naming file:line, ST_IO. */
enum status meters_read_csv(const char *file, const struct records *records, struct meters *out);

/* Appends all of them at once to DIR/energy.jsonl and syncs. ST_IO. */
enum status meters_append(const char *dir, const struct meters *meters);

/* Reads DIR/energy.jsonl; none when the file is not there. A later line of a cell and meter replaces an earlier one.
 * ST_FORMAT naming file:line. */
enum status meters_load(const char *dir, struct meters *out);
void meters_free(struct meters *meters);

/* The i-th meter's figure of the cell, NULL past the last. Borrowed. */
const struct meter *meters_find(const struct meters *meters, const char *cell, int i);
/* Microjoules per inference. */
double meter_uj(const struct meter *meter);

#endif
