#include "history/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "history/history_sql.h"

/* schema.sql, turned into an array of lines by the Makefile. */
static const char *const schema[] = {
#include "history/schema.sql.inc"
    NULL};

static enum status make_schema(struct history *history)
{
    size_t len = 0, used = 0;
    char *sql, words[128];
    enum status st;

    for (int i = 0; schema[i]; i++)
        len += strlen(schema[i]);
    sql = malloc(len + 1);
    if (!sql)
        return status_fail(ST_NOMEM, "%s: no memory", history->path);
    for (int i = 0; schema[i]; i++) {
        memcpy(sql + used, schema[i], strlen(schema[i]));
        used += strlen(schema[i]);
    }
    sql[used] = 0;
    st = sql_run(history, sql);
    free(sql);
    snprintf(words, sizeof words, "PRAGMA application_id=%d; PRAGMA user_version=%d", HISTORY_APPLICATION,
             HISTORY_VERSION);
    return st == ST_OK ? sql_run(history, words) : st;
}

/* What kind of file this is; *out_empty: 1 for one without a single table. */
static enum status identify(struct history *history, int *out_empty)
{
    int64_t application = 0, version = 0, tables = 0;

    TRY(sql_number(history, "SELECT count(*) FROM sqlite_master", 0, &tables));
    TRY(sql_number(history, "PRAGMA application_id", 0, &application));
    TRY(sql_number(history, "PRAGMA user_version", 0, &version));
    *out_empty = tables == 0 && application == 0 && version == 0;
    if (*out_empty)
        return ST_OK;
    if (application != HISTORY_APPLICATION)
        return status_fail(ST_FORMAT, "%s: an SQLite file, but not a history of packlight", history->path);
    if (version > HISTORY_VERSION)
        return status_fail(
            ST_UNSUPPORTED,
            "%s: written by a newer packlight (history version %lld, this one knows up to %d): use that, or "
            "another --db",
            history->path, (long long)version, HISTORY_VERSION);
    if (version < HISTORY_VERSION) /* there was no version before 1 */
        return status_fail(ST_FORMAT, "%s: history version %lld is unknown: packlight history rebuild DIR...",
                           history->path, (long long)version);
    return ST_OK;
}

/* Two processes may both find an empty file: the second to get the lock finds the tables made. */
static enum status make_tables(struct history *history)
{
    enum status st;
    int empty = 0;

    TRY(history_begin(history));
    st = identify(history, &empty);
    if (st == ST_OK && empty)
        st = make_schema(history);
    if (st == ST_OK)
        return history_commit(history);
    history_rollback(history);
    return st;
}

enum status history_open(const char *path, enum history_mode mode, struct history **out)
{
    struct history *history = calloc(1, sizeof *history);
    int flags = mode == HISTORY_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, code, empty;
    enum status st = ST_OK;

    if (!history)
        return status_fail(ST_NOMEM, "%s: no memory", path);
    if (snprintf(history->path, sizeof history->path, "%s", path) >= (int)sizeof history->path) {
        st = status_fail(ST_BADARG, "--db: path too long");
        goto out;
    }
    if (mode == HISTORY_READ && !file_exists(path)) {
        st = status_fail(ST_IO, "%s: there is no history yet: packlight history add DIR begins one", path);
        goto out;
    }
    code = sqlite3_open_v2(path, &history->db, flags, NULL);
    if (code != SQLITE_OK) {
        st = sql_fail(history, code);
        goto out;
    }
    sqlite3_extended_result_codes(history->db, 1);
    sqlite3_busy_timeout(history->db, HISTORY_WAIT_S * 1000);
    TRY_OUT(sql_run(history, "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF"));
    TRY_OUT(identify(history, &empty));
    if (empty && mode == HISTORY_READ) {
        st = status_fail(ST_IO, "%s: an empty file, there is no history yet: packlight history add DIR begins one",
                         path);
        goto out;
    }
    if (empty)
        TRY_OUT(make_tables(history));
    *out = history;
    history = NULL;
out:
    history_close(history);
    return st;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    sqlite3_close_v2(history->db);
    free(history);
}

enum status history_begin(struct history *history)
{
    return sql_run(history, "BEGIN IMMEDIATE");
}

enum status history_commit(struct history *history)
{
    enum status st = sql_run(history, "COMMIT");

    if (st != ST_OK)
        history_rollback(history);
    return st;
}

/* Keeps the message of what made it necessary. */
void history_rollback(struct history *history)
{
    if (!sqlite3_get_autocommit(history->db))
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
}

enum status history_check(struct history *history)
{
    sqlite3_stmt *statement = NULL;
    int row = 0;
    enum status st = ST_OK;

    TRY(sql_prepare(history, "PRAGMA integrity_check(1)", &statement));
    TRY_OUT(sql_step(history, statement, &row));
    if (!row || strcmp(sql_text(statement, 0), "ok") != 0) {
        st = status_fail(
            ST_FORMAT,
            "%s: damaged (%.300s): make it again from the folders of the runs: packlight history rebuild DIR...",
            history->path, row ? sql_text(statement, 0) : "no answer");
        goto out;
    }
    sqlite3_finalize(statement);
    statement = NULL;
    TRY_OUT(sql_prepare(history, "PRAGMA foreign_key_check", &statement));
    TRY_OUT(sql_step(history, statement, &row));
    if (row)
        st = status_fail(ST_FORMAT, "%s: damaged: a row of table %s belongs to nothing", history->path,
                         sql_text(statement, 0));
out:
    sqlite3_finalize(statement);
    return st;
}
