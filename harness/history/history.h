/* The history of runs and comparisons: one SQLite file. The folders of the runs stay the truth; this file is made from
 * them and can be made again (history_rebuild). Tables and columns: schema.sql.
 *
 *   TRY(history_open("results/history.db", HISTORY_WRITE, &history));
 *   st = history_add(history, "results/latest", NULL, &added);
 *   history_close(history);
 *
 * Each import is one transaction with SQLite's rollback journal: a kill at any instant leaves the history as it was
 * before the import. Not the write-ahead log: that needs memory shared between the readers, which network file systems
 * do not have, and a history would be three files, which a cache of a CI could tear apart.
 *
 * Every failure is one message that names the file: locked (after HISTORY_WAIT_S), read-only, full, damaged, not an
 * SQLite file, an SQLite file of something else, written by a newer packlight. Nothing is lost in any of them. */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include <limits.h>
#include <sqlite3.h>

#include "base/status.h"

enum { HISTORY_VERSION = 1, HISTORY_APPLICATION = 0x504c4b48 /* "PLKH" */, HISTORY_WAIT_S = 10 };

enum history_mode {
    HISTORY_READ, /* ST_IO when there is none; needs no right to write */
    HISTORY_WRITE /* made when missing */
};

struct history {
    sqlite3 *db;
    char path[PATH_MAX];
};

/* *out is owned (history_close). */
enum status history_open(const char *path, enum history_mode mode, struct history **out);
void history_close(struct history *history);

/* One transaction at a time; an end without a commit rolls back. */
enum status history_begin(struct history *history);
enum status history_commit(struct history *history);
void history_rollback(struct history *history);

/* SQLite's own whole-file check and the foreign keys. ST_FORMAT with the first complaint. */
enum status history_check(struct history *history);

#endif
