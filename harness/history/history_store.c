#include "history/history_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history/history_sql.h"
#include "measure/host.h"
#include "report/record_figure.h"
#include "report/text.h"

static enum status key_of(const struct json *env, const char *isa, const char *kernel, int64_t threads,
                          char out_key[HASH_HEX])
{
    return host_key(env->root, isa ? isa : "", kernel ? kernel : "", threads == RECORD_NONE ? 0 : (int)threads,
                    out_key);
}

/* ------------------------------------------------------------------ runs */

/* Ids of the metrics by their place among the fields of a record. */
static enum status metric_ids(struct history *history, int64_t *ids, const struct record_field *fields, size_t n)
{
    sqlite3_stmt *put = NULL, *get = NULL;
    enum status st;
    int row = 0;

    TRY_OUT(sql_prepare(history, "INSERT OR IGNORE INTO metric (name, unit) VALUES (?1, ?2)", &put));
    TRY_OUT(sql_prepare(history, "SELECT id FROM metric WHERE name = ?1", &get));
    for (size_t i = 0; i < n; i++) {
        if (fields[i].kind != RECORD_COUNT && fields[i].kind != RECORD_REAL)
            continue;
        sql_set_text(put, 1, fields[i].key);
        sql_set_text(put, 2, fields[i].unit);
        TRY_OUT(sql_finish(history, put));
        sql_set_text(get, 1, fields[i].key);
        TRY_OUT(sql_step(history, get, &row));
        ids[i] = sqlite3_column_int64(get, 0);
        TRY_OUT(sql_finish(history, get));
    }
out:
    sqlite3_finalize(put);
    sqlite3_finalize(get);
    return st;
}

static enum status store_cell(struct history *history, sqlite3_stmt *put, int64_t run, const struct record *record,
                              const char *key)
{
    sqlite3_bind_int64(put, 1, run);
    sql_set_text(put, 2, record->cell);
    sql_set_text(put, 3, record->model);
    sql_set_text(put, 4, record->config);
    sql_set_text(put, 5, record->kernel);
    sql_set_text(put, 6, record->isa);
    sql_set_count(put, 7, record->threads);
    sql_set_count(put, 8, record->batch);
    sql_set_text(put, 9, record->status);
    sql_set_text(put, 10, record->reason);
    sql_set_text(put, 11, key);
    return sql_finish(history, put);
}

static enum status store_figures(struct history *history, sqlite3_stmt *put, int64_t cell, const struct record *record,
                                 const struct record_field *fields, const int64_t *ids, size_t n)
{
    struct record_figure figure;

    for (size_t i = 0; i < n; i++) {
        if (!record_figure_get(record, &fields[i], &figure))
            continue;
        sqlite3_bind_int64(put, 1, cell);
        sqlite3_bind_int64(put, 2, ids[i]);
        sql_set_real(put, 3, figure.value);
        sql_set_real(put, 4, figure.interval[0]);
        sql_set_real(put, 5, figure.interval[1]);
        sql_set_count(put, 6, figure.n);
        TRY(sql_finish(history, put));
    }
    return ST_OK;
}

enum { FIELDS_MAX = 200 };

enum status store_records(struct history *history, int64_t run, const struct records *records)
{
    sqlite3_stmt *cell = NULL, *value = NULL;
    const struct record_field *fields;
    int64_t ids[FIELDS_MAX] = {0};
    char key[HASH_HEX];
    enum status st;
    size_t n;

    fields = record_fields(&n);
    if (n > FIELDS_MAX)
        return status_fail(ST_UNSUPPORTED, "a record has %zu fields, at most %d can be stored", n, FIELDS_MAX);
    TRY(metric_ids(history, ids, fields, n));
    TRY_OUT(sql_prepare(history,
                        "INSERT INTO cell (run, name, model, config, kernel, isa, threads, batch, status, reason, key) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        &cell));
    TRY_OUT(
        sql_prepare(history, "INSERT INTO value (cell, metric, value, lo, hi, n) VALUES (?, ?, ?, ?, ?, ?)", &value));
    for (size_t i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        TRY_OUT(key_of(&records->env, r->isa, r->kernel, r->threads, key));
        TRY_OUT(store_cell(history, cell, run, r, key));
        TRY_OUT(store_figures(history, value, sqlite3_last_insert_rowid(history->db), r, fields, ids, n));
    }
out:
    sqlite3_finalize(cell);
    sqlite3_finalize(value);
    return st;
}

/* ------------------------------------------------------------------ comparisons */

static enum status store_head(struct history *history, int64_t run, const struct comparison_head *head,
                              const char *against)
{
    sqlite3_stmt *put = NULL;
    enum status st;
    int at = 1;

    TRY(sql_prepare(
        history,
        "INSERT INTO comparison (run, against, kind, title, a_name, a_label, a_commit, a_code_id, b_name, "
        "b_label, b_commit, b_code_id, verdict, exit_code, reason, cells_expected, cells_gated, "
        "cells_conclusive, regressed, improved, gate_ratio, geomean_ratio, shift_ratio, mde_median, attempt) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &put));
    sqlite3_bind_int64(put, at++, run);
    sql_set_text(put, at++, against);
    sql_set_text(put, at++, head->kind);
    sql_set_text(put, at++, head->title);
    for (const struct comparison_side *side = &head->a;; side = &head->b) {
        sql_set_text(put, at++, side->name);
        sql_set_text(put, at++, side->label);
        sql_set_text(put, at++, side->commit);
        sql_set_text(put, at++, side->code_id);
        if (side == &head->b)
            break;
    }
    sql_set_text(put, at++, head->verdict);
    sql_set_count(put, at++, head->exit_code);
    sql_set_text(put, at++, head->reason);
    sql_set_count(put, at++, head->cells_expected);
    sql_set_count(put, at++, head->cells_gated);
    sql_set_count(put, at++, head->cells_conclusive);
    sql_set_count(put, at++, head->regressed);
    sql_set_count(put, at++, head->improved);
    sql_set_real(put, at++, head->gate_ratio);
    sql_set_real(put, at++, head->geomean_ratio);
    sql_set_real(put, at++, head->shift_ratio);
    sql_set_real(put, at++, head->mde_median);
    sql_set_count(put, at++, head->attempt);
    st = sql_finish(history, put);
    sqlite3_finalize(put);
    return st;
}

/* The statement has the columns of comparison.def by name, so that schema.sql and that list can't silently part. */
static enum status prepare_rows(struct history *history, sqlite3_stmt **out)
{
    struct text names = {0}, marks = {0}, sql = {0};
    const struct record_field *fields;
    char *bytes = NULL;
    enum status st;
    size_t n, len;

    fields = comparison_fields(&n);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].kind == RECORD_PAIR)
            text_addf(&names, ", %s_lo, %s_hi", fields[i].key, fields[i].key);
        else
            text_addf(&names, ", %s", fields[i].key);
        text_add(&marks, fields[i].kind == RECORD_PAIR ? ", ?, ?" : ", ?");
    }
    text_addf(&sql, "INSERT INTO verdict (run, position, key%s) VALUES (?, ?, ?%s)", names.bytes, marks.bytes);
    sql.failed |= names.failed | marks.failed;
    st = text_take(&sql, &bytes, &len);
    if (st == ST_OK)
        st = sql_prepare(history, bytes, out);
    free(bytes);
    text_free(&names);
    text_free(&marks);
    return st;
}

static void set_field(sqlite3_stmt *put, int *at, const struct comparison_row *row, const struct record_field *field)
{
    const char *member = (const char *)row + field->offset;

    switch (field->kind) {
    case RECORD_TEXT:
        sql_set_text(put, (*at)++, *(char *const *)(const void *)member);
        break;
    case RECORD_COUNT:
        sql_set_count(put, (*at)++, *(const int64_t *)(const void *)member);
        break;
    case RECORD_REAL:
        sql_set_real(put, (*at)++, *(const double *)(const void *)member);
        break;
    case RECORD_PAIR:
        sql_set_real(put, (*at)++, ((const double *)(const void *)member)[0]);
        sql_set_real(put, (*at)++, ((const double *)(const void *)member)[1]);
        break;
    }
}

enum status store_comparison(struct history *history, int64_t run, const struct comparison *comparison,
                             const char *against)
{
    const struct record_field *fields;
    sqlite3_stmt *put = NULL;
    char key[HASH_HEX];
    enum status st;
    size_t n;

    fields = comparison_fields(&n);
    TRY(store_head(history, run, &comparison->head, against));
    TRY_OUT(prepare_rows(history, &put));
    for (size_t i = 0; i < comparison->rows; i++) {
        const struct comparison_row *row = &comparison->row[i];
        int at = 4;
        TRY_OUT(key_of(&comparison->env, row->isa, row->kernel, row->threads, key));
        sqlite3_bind_int64(put, 1, run);
        sqlite3_bind_int64(put, 2, (sqlite3_int64)i + 1);
        sql_set_text(put, 3, key);
        for (size_t f = 0; f < n; f++)
            set_field(put, &at, row, &fields[f]);
        TRY_OUT(sql_finish(history, put));
    }
out:
    sqlite3_finalize(put);
    return st;
}
