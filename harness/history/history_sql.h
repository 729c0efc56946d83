/* A few words over SQLite's interface: statements whose failures become one message that names the file. */
#ifndef HISTORY_SQL_H
#define HISTORY_SQL_H

#include <stdint.h>

#include "history/history.h"

/* The status and message for SQLite's last error on this file; `code` is its (extended) result code. */
enum status sql_fail(struct history *history, int code);
/* Statements without results; several, separated by ';'. */
enum status sql_run(struct history *history, const char *sql);
/* *out is owned (sqlite3_finalize). */
enum status sql_prepare(struct history *history, const char *sql, sqlite3_stmt **out);
/* *row: 1 while there is a row. */
enum status sql_step(struct history *history, sqlite3_stmt *statement, int *row);
/* Runs a prepared statement to its end and makes it ready for the next one. */
enum status sql_finish(struct history *history, sqlite3_stmt *statement);
/* The first column of the first row of a query; `otherwise` when there is none. */
enum status sql_number(struct history *history, const char *sql, int64_t otherwise, int64_t *out);

/* Values from place `at` (1 is the first); NULL, RECORD_NONE and NaN become null. Failures show at sql_step. */
void sql_set_text(sqlite3_stmt *statement, int at, const char *text);
void sql_set_count(sqlite3_stmt *statement, int at, int64_t value);
void sql_set_real(sqlite3_stmt *statement, int at, double value);

/* Columns (0 is the first): "" for a null text, NaN for a null number. Texts are valid until the next step. */
const char *sql_text(sqlite3_stmt *statement, int column);
double sql_real(sqlite3_stmt *statement, int column);

#endif
