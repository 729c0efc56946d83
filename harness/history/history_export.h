/* Everything that the history holds, in tidy long form: one line per figure of a run and per row of a comparison.
 *
 *   run, started, commit, kind, against, cell, key, metric, unit, value, lo, hi, n, verdict
 *
 * A comparison's value is the ratio B / A (unit x) with its 95 % interval; n counts process pairs. */
#ifndef HISTORY_HISTORY_EXPORT_H
#define HISTORY_HISTORY_EXPORT_H

#include <stdio.h>

#include "history/history.h"

enum history_format { HISTORY_JSONL, HISTORY_CSV };

#define HISTORY_SCHEMA "packlight.history/1"

/* ST_IO when `out` takes no more. */
enum status history_export(struct history *history, enum history_format format, FILE *out);

#endif
