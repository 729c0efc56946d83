#include "history/history_export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "history/history_sql.h"
#include "report/text.h"

static const char query[] =
    "SELECT run.id, started, commit_id, run.kind, '', cell.name, key, metric.name, unit, value, lo, hi, n, cell.status "
    "FROM value JOIN cell ON cell.id = value.cell JOIN run ON run.id = cell.run JOIN metric ON metric.id = "
    "value.metric "
    "UNION ALL "
    "SELECT run.id, started, commit_id, run.kind, against, cell, key, metric, 'x', ratio, ratio_ci95_lo, "
    "ratio_ci95_hi, "
    "       coalesce(pairs_stage1, 0) + coalesce(pairs_stage2, 0), verdict.verdict "
    "FROM verdict JOIN comparison ON comparison.run = verdict.run JOIN run ON run.id = verdict.run "
    "WHERE role IN ('gated', 'info') "
    "ORDER BY 2, 1, 6, 8";

enum { COLUMNS = 14 };

static const char *const names[COLUMNS] = {"run",    "started", "commit", "kind", "against", "cell", "key",
                                           "metric", "unit",    "value",  "lo",   "hi",      "n",    "verdict"};

static void add_json(sqlite3_stmt *row, struct text *out)
{
    text_add(out, "{\"schema\":\"" HISTORY_SCHEMA "\"");
    for (int i = 0; i < COLUMNS; i++) {
        text_addf(out, ",\"%s\":", names[i]);
        switch (sqlite3_column_type(row, i)) {
        case SQLITE_INTEGER:
            text_addf(out, "%lld", (long long)sqlite3_column_int64(row, i));
            break;
        case SQLITE_FLOAT:
            text_add_number(out, sqlite3_column_double(row, i));
            break;
        case SQLITE_NULL:
            text_add(out, "null");
            break;
        default:
            text_add_json(out, sql_text(row, i));
        }
    }
    text_add(out, "}\n");
}

static void add_csv(sqlite3_stmt *row, struct text *out)
{
    for (int i = 0; i < COLUMNS; i++) {
        text_add(out, i ? "," : "");
        switch (sqlite3_column_type(row, i)) {
        case SQLITE_INTEGER:
            text_addf(out, "%lld", (long long)sqlite3_column_int64(row, i));
            break;
        case SQLITE_FLOAT:
            text_add_number(out, sqlite3_column_double(row, i));
            break;
        case SQLITE_NULL:
            break;
        default:
            text_add_csv(out, sql_text(row, i));
        }
    }
    text_add(out, "\r\n");
}

static enum status put(struct text *line, FILE *out)
{
    char *bytes = NULL;
    size_t len, wrote;

    TRY(text_take(line, &bytes, &len));
    wrote = fwrite(bytes, 1, len, out);
    free(bytes);
    return wrote == len ? ST_OK : status_fail(ST_IO, "cannot write the export: %s", strerror(errno));
}

enum status history_export(struct history *history, enum history_format format, FILE *out)
{
    struct text line = {0};
    sqlite3_stmt *get = NULL;
    enum status st = ST_OK;
    int row = 0;

    if (format == HISTORY_CSV) {
        for (int i = 0; i < COLUMNS; i++)
            text_addf(&line, "%s%s", names[i], i + 1 < COLUMNS ? "," : "\r\n");
        TRY(put(&line, out));
    }
    TRY(sql_prepare(history, query, &get));
    for (;;) {
        TRY_OUT(sql_step(history, get, &row));
        if (!row)
            break;
        if (format == HISTORY_CSV)
            add_csv(get, &line);
        else
            add_json(get, &line);
        TRY_OUT(put(&line, out));
    }
    if (fflush(out) != 0)
        st = status_fail(ST_IO, "cannot write the export: %s", strerror(errno));
out:
    text_free(&line);
    sqlite3_finalize(get);
    return st;
}
