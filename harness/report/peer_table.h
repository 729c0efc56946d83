/* What a comparison with other libraries says: one row per operator or model and type, ours beside each library. A pure
 * function of the records and of what env.json says was expected.
 *
 *   TRY(peer_table_make(&report, &table));           // borrows the report's records
 *   peer_table_grid(&table, &grid);
 *   peer_table_free(&table); */
#ifndef REPORT_PEER_TABLE_H
#define REPORT_PEER_TABLE_H

#include "report/grid.h"
#include "report/report.h"

enum { PEER_COLUMNS = 6 };

struct peer_judgement {
    const char *against; /* "best", "exact" or "dense"; borrowed */
    double ratio, floor, target;
};

struct peer_row {
    const struct record *ours;               /* NULL if missing */
    const struct record *dense;              /* our own dense kernel, sparse rows only */
    const struct record *peer[PEER_COLUMNS]; /* by column; NULL if missing */
    const char *model, *config;
    double best, exact;                 /* smallest ratio over all libraries, and over the exact ones; NaN: none */
    struct peer_judgement judgement[3]; /* what is expected of this row and can be judged */
    int judgements;
};

struct peer_table {
    const struct report *report;
    const char *column[PEER_COLUMNS]; /* "peer:onednn-2.6.3" */
    int columns;
    struct peer_row *row; /* owned */
    size_t rows;
};

/* 1 if the run is a comparison with other libraries (run.kind in env.json). */
int peer_table_is(const struct report *report);
/* ST_NOMEM. */
enum status peer_table_make(const struct report *report, struct peer_table *out);
void peer_table_free(struct peer_table *table);

/* One row each: ours, every library's time and ratio, what was expected. */
void peer_table_grid(const struct peer_table *table, struct grid *out);
/* Every library with what it may use, or why it did not take part. */
void peer_table_libraries(const struct peer_table *table, struct grid *out);
/* The wrong integers, one example each. No rows when there are none. */
void peer_table_inexact(const struct peer_table *table, struct grid *out);
/* "38 of 52 floors and 20 of 52 targets hold." */
void peer_table_banner(const struct peer_table *table, char *buffer, size_t size);
/* How to read the ratios. */
extern const char peer_table_note[];

#endif
