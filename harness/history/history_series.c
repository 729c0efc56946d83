#include "history/history_series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/match.h"
#include "history/history_sql.h"

/* A refused environment measured something, but nobody knows what: such nights are shown and not counted. */
static const char query[] =
    "SELECT v.cell, v.model, v.metric, v.unit, v.key, "
    "       CASE c.a_commit WHEN '' THEN c.a_label ELSE c.a_commit END AS anchor, "
    "       c.a_code_id || coalesce(v.a_sha256, '') AS anchor_id, "
    "       run.id, run.started, run.commit_id, run.dirty, v.ratio, v.ratio_ci95_lo, v.ratio_ci95_hi, v.mde, "
    "v.verdict, "
    "       c.verdict NOT IN ('environment-refused', 'incorrect') AS trusted, "
    "       min(run.started) OVER (PARTITION BY v.cell, v.key, c.a_code_id, c.a_commit, v.a_sha256) AS first, "
    "       run.cpu || ', ' || run.compiler "
    "FROM verdict AS v JOIN comparison AS c ON c.run = v.run JOIN run ON run.id = v.run "
    "WHERE c.against = 'anchor' AND v.role IN ('gated', 'info') AND v.metric = ?1 AND v.ratio > 0 "
    "      AND v.verdict NOT IN ('incorrect', 'not-comparable') "
    "ORDER BY v.cell, first, v.key, anchor_id, anchor, run.started, run.id";

enum {
    CELL,
    MODEL,
    METRIC,
    UNIT,
    KEY,
    ANCHOR,
    ANCHOR_ID,
    RUN,
    STARTED,
    COMMIT,
    DIRTY,
    RATIO,
    LO,
    HI,
    MDE,
    VERDICT,
    TRUSTED,
    FIRST,
    MACHINE
};

struct building {
    struct series_list list;
    char anchor_id[160];
    size_t series_room, point_room;
};

static void copy(char *to, size_t size, sqlite3_stmt *row, int column)
{
    snprintf(to, size, "%s", sql_text(row, column));
}

/* Room for one more element of `size` bytes behind *array. */
static enum status grow(void *array_pointer, size_t n, size_t *room, size_t size)
{
    void *array, *larger;

    if (n < *room)
        return ST_OK;
    memcpy(&array, array_pointer, sizeof array);
    larger = realloc(array, (*room ? 2 * *room : 16) * size);
    if (!larger)
        return status_fail(ST_NOMEM, "no memory for the series of the history");
    *room = *room ? 2 * *room : 16;
    memcpy(array_pointer, &larger, sizeof larger);
    return ST_OK;
}

static int begins_another(const struct building *b, sqlite3_stmt *row)
{
    const struct series *last = b->list.n ? &b->list.all[b->list.n - 1] : NULL;

    return !last || strcmp(last->cell, sql_text(row, CELL)) != 0 || strcmp(last->key, sql_text(row, KEY)) != 0 ||
           strcmp(b->anchor_id, sql_text(row, ANCHOR_ID)) != 0 || strcmp(last->anchor, sql_text(row, ANCHOR)) != 0;
}

static enum status begin_series(struct building *b, sqlite3_stmt *row)
{
    struct series *series;
    int number = 1;

    TRY(grow(&b->list.all, b->list.n, &b->series_room, sizeof *b->list.all));
    series = &b->list.all[b->list.n];
    memset(series, 0, sizeof *series);
    copy(series->cell, sizeof series->cell, row, CELL);
    copy(series->model, sizeof series->model, row, MODEL);
    copy(series->metric, sizeof series->metric, row, METRIC);
    copy(series->unit, sizeof series->unit, row, UNIT);
    copy(series->key, sizeof series->key, row, KEY);
    copy(series->anchor, sizeof series->anchor, row, ANCHOR);
    copy(series->machine, sizeof series->machine, row, MACHINE);
    copy(b->anchor_id, sizeof b->anchor_id, row, ANCHOR_ID);
    for (size_t i = b->list.n; i > 0 && strcmp(b->list.all[i - 1].cell, series->cell) == 0; i--)
        number++;
    series->number = number;
    for (int i = 0; i < number; i++)
        series[-i].numbers = number;
    b->list.n++;
    b->point_room = 0;
    return ST_OK;
}

static enum status add_point(struct building *b, sqlite3_stmt *row)
{
    struct series *series = &b->list.all[b->list.n - 1];
    struct series_point *point;

    TRY(grow(&series->point, series->n, &b->point_room, sizeof *series->point));
    point = &series->point[series->n++];
    memset(point, 0, sizeof *point);
    point->run = sqlite3_column_int64(row, RUN);
    copy(point->started, sizeof point->started, row, STARTED);
    copy(point->commit, sizeof point->commit, row, COMMIT);
    copy(point->verdict, sizeof point->verdict, row, VERDICT);
    point->dirty = sqlite3_column_int(row, DIRTY);
    point->ratio = sql_real(row, RATIO);
    point->ci95[0] = sql_real(row, LO);
    point->ci95[1] = sql_real(row, HI);
    point->mde = sql_real(row, MDE);
    point->trusted = sqlite3_column_int(row, TRUSTED);
    return ST_OK;
}

enum status series_load(struct history *history, const char *filter, const char *metric, struct series_list *out)
{
    struct building b = {.list = {NULL, 0}};
    sqlite3_stmt *get = NULL;
    enum status st;
    int row = 0;

    TRY(sql_prepare(history, query, &get));
    sql_set_text(get, 1, metric);
    for (;;) {
        TRY_OUT(sql_step(history, get, &row));
        if (!row)
            break;
        if (!match_any(filter, sql_text(get, CELL)))
            continue;
        if (begins_another(&b, get))
            TRY_OUT(begin_series(&b, get));
        TRY_OUT(add_point(&b, get));
    }
    *out = b.list;
    memset(&b.list, 0, sizeof b.list);
out:
    sqlite3_finalize(get);
    series_free(&b.list);
    return st;
}

void series_free(struct series_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->all[i].point);
    free(list->all);
    memset(list, 0, sizeof *list);
}
