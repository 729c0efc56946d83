/* What the nights said of each cell, in order: ratios to the frozen anchor.
 *
 *   TRY(series_load(history, "*qat-s8*", "latency", &list));
 *   for (size_t i = 0; i < list.n; i++) ... list.all[i].point[k].ratio ...
 *   series_free(&list);
 *
 * A series never mixes what cannot be compared: another comparability key (machine, compiler, flags, ISA level),
 * another anchor or another packed file of the anchor begins a new one. */
#ifndef HISTORY_HISTORY_SERIES_H
#define HISTORY_HISTORY_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "history/history.h"

enum { SERIES_TEXT = 256 };

struct series_point {
    int64_t run;
    char started[24];   /* UTC, "2026-11-27T02:00:13Z" */
    char commit[48];    /* of the build compared with the anchor; "" when unknown */
    double ratio;       /* B / A, more than 1: slower or larger than the anchor */
    double ci95[2];     /* NaN: none */
    double mde;         /* NaN: none */
    char verdict[24];   /* regressed improved no-change inconclusive */
    int dirty, trusted; /* trusted: 0 where the environment was refused, so that it shows but is not counted */
};

struct series {
    char cell[SERIES_TEXT], model[SERIES_TEXT], metric[48], unit[16];
    char key[72];               /* comparability key */
    char anchor[SERIES_TEXT];   /* commit or label of the anchor */
    char machine[SERIES_TEXT];  /* CPU and compiler of its first night */
    int number, numbers;        /* the how-manieth series of this cell and metric, from 1, of how many */
    struct series_point *point; /* owned; by time */
    size_t n;
};

struct series_list {
    struct series *all; /* owned; by cell, then by time */
    size_t n;
};

/* filter: patterns as of --filter, NULL for all. metric: as in verdicts.jsonl ("latency"). An empty list is no error.
 */
enum status series_load(struct history *history, const char *filter, const char *metric, struct series_list *out);
void series_free(struct series_list *list);

#endif
