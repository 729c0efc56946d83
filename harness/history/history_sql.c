#include "history/history_sql.h"

#include <math.h>
#include <stdio.h>

#include "report/record.h"

enum status sql_fail(struct history *history, int code)
{
    const char *path = history->path, *said = history->db ? sqlite3_errmsg(history->db) : sqlite3_errstr(code);

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return status_fail(ST_IO, "%s: locked by another process for %d s: try again when that has finished", path,
                           HISTORY_WAIT_S);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return status_fail(ST_IO, "%s: cannot be written: the file or its folder is read-only (%s)", path, said);
    case SQLITE_CANTOPEN:
        return status_fail(ST_IO, "%s: cannot be opened: check that its folder exists and may be written (%s)", path,
                           said);
    case SQLITE_FULL:
        return status_fail(ST_IO, "%s: the disk is full; nothing of this import was stored", path);
    case SQLITE_NOTADB:
        return status_fail(ST_FORMAT, "%s: not an SQLite file, so not a history", path);
    case SQLITE_CORRUPT:
        return status_fail(
            ST_FORMAT, "%s: damaged (%s): make it again from the folders of the runs: packlight history rebuild DIR...",
            path, said);
    case SQLITE_NOMEM:
        return status_fail(ST_NOMEM, "%s: no memory", path);
    default:
        return status_fail(ST_IO, "%s: %s (SQLite code %d)", path, said, code);
    }
}

enum status sql_run(struct history *history, const char *sql)
{
    int code = sqlite3_exec(history->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? ST_OK : sql_fail(history, sqlite3_extended_errcode(history->db));
}

enum status sql_prepare(struct history *history, const char *sql, sqlite3_stmt **out)
{
    int code = sqlite3_prepare_v2(history->db, sql, -1, out, NULL);

    return code == SQLITE_OK ? ST_OK : sql_fail(history, code);
}

enum status sql_step(struct history *history, sqlite3_stmt *statement, int *row)
{
    int code = sqlite3_step(statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sql_fail(history, code);
    *row = code == SQLITE_ROW;
    return ST_OK;
}

enum status sql_finish(struct history *history, sqlite3_stmt *statement)
{
    int row = 0;
    enum status st;

    do
        st = sql_step(history, statement, &row);
    while (st == ST_OK && row);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return st;
}

enum status sql_number(struct history *history, const char *sql, int64_t otherwise, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    enum status st;
    int row = 0;

    TRY(sql_prepare(history, sql, &statement));
    st = sql_step(history, statement, &row);
    if (st == ST_OK)
        *out = row ? sqlite3_column_int64(statement, 0) : otherwise;
    sqlite3_finalize(statement);
    return st;
}

void sql_set_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

void sql_set_count(sqlite3_stmt *statement, int at, int64_t value)
{
    if (value == RECORD_NONE)
        sqlite3_bind_null(statement, at);
    else
        sqlite3_bind_int64(statement, at, value);
}

void sql_set_real(sqlite3_stmt *statement, int at, double value)
{
    if (isfinite(value))
        sqlite3_bind_double(statement, at, value);
    else
        sqlite3_bind_null(statement, at);
}

const char *sql_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    return text ? (const char *)text : "";
}

double sql_real(sqlite3_stmt *statement, int column)
{
    return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN : sqlite3_column_double(statement, column);
}
