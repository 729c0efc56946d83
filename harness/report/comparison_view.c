#include "report/comparison_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/match.h"

static const char *const verdict_words[] = {"no-change",    "regressed",      "improved",
                                            "inconclusive", "not-comparable", "incorrect"};

int comparison_says(const struct comparison_row *row, const char *verdict)
{
    return row->verdict && strcmp(row->verdict, verdict) == 0;
}

int comparison_verdict_index(const struct comparison_row *row)
{
    int i = 0;

    while (i < 6 && !comparison_says(row, verdict_words[i]))
        i++;
    return i;
}

int comparison_is_changed(const struct comparison_row *row)
{
    return comparison_says(row, "regressed") || comparison_says(row, "improved") || comparison_says(row, "incorrect");
}

const char *comparison_row_name(const struct comparison_row *row, char *buffer, size_t size)
{
    int latency = strcmp(row->metric, "latency") == 0;

    snprintf(buffer, size, "%s%s%s", row->cell, latency ? "" : " ", latency ? "" : row->metric);
    return buffer;
}

/* ------------------------------------------------------------------------------------------ order */

/* Wrong outputs first, then what got slower, then what got faster, each with the largest change first. */
static int by_change(const void *a, const void *b)
{
    static const int places[] = {3, 1, 2, 3, 3, 0, 3};
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;
    int place_x = places[comparison_verdict_index(x)], place_y = places[comparison_verdict_index(y)];
    double size_x = isfinite(x->ratio) && x->ratio > 0.0 ? fabs(log(x->ratio)) : -1.0;
    double size_y = isfinite(y->ratio) && y->ratio > 0.0 ? fabs(log(y->ratio)) : -1.0;

    if (place_x != place_y)
        return place_x - place_y;
    if (size_x < size_y || size_x > size_y)
        return size_x < size_y ? 1 : -1;
    return (x > y) - (x < y); /* rows lie in one array: its order */
}

/* What could not be compared at all, then the least certain first. */
static int by_doubt(const void *a, const void *b)
{
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;
    int none_x = comparison_says(x, "not-comparable"), none_y = comparison_says(y, "not-comparable");
    double mde_x = isfinite(x->mde) ? x->mde : INFINITY, mde_y = isfinite(y->mde) ? y->mde : INFINITY;

    if (none_x != none_y)
        return none_y - none_x;
    if (mde_x < mde_y || mde_x > mde_y)
        return mde_x < mde_y ? 1 : -1;
    return (x > y) - (x < y);
}

static void add(struct comparison_rows *rows, const struct comparison_row *row)
{
    rows->row[rows->n++] = row;
}

enum status comparison_view_make(const struct comparison *comparison, const char *filter, struct comparison_view *out)
{
    enum status st = ST_OK;
    struct comparison_view view;
    struct comparison_rows *const lists[] = {&view.gated, &view.changed, &view.open, &view.info, &view.sentinels};
    const char *folder = comparison->dir ? comparison->dir : "comparison";
    size_t picked = 0, len = strlen(folder);

    memset(&view, 0, sizeof view);
    view.comparison = comparison;
    snprintf(view.filter, sizeof view.filter, "%s", filter ? filter : "");
    while (len > 1 && folder[len - 1] == '/')
        len--;
    while (len > 1 && memchr(folder, '/', len - 1))
        folder++, len--;
    snprintf(view.run, sizeof view.run, "%.*s", (int)(len < sizeof view.run ? len : sizeof view.run - 1), folder);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        lists[i]->row = malloc((comparison->rows + 1) * sizeof *lists[i]->row);
        if (!lists[i]->row)
            TRY_OUT(status_fail(ST_NOMEM, "comparison: no memory for %zu rows", comparison->rows));
    }
    for (size_t i = 0; i < comparison->rows; i++) {
        const struct comparison_row *row = &comparison->row[i];
        if (strncmp(row->role, "sentinel", 8) == 0) {
            add(&view.sentinels, row);
            continue;
        }
        if (!match_any(filter, row->cell))
            continue;
        picked++;
        if (strcmp(row->role, "info") == 0) {
            add(&view.info, row);
            continue;
        }
        add(&view.gated, row);
        if (comparison_is_changed(row))
            add(&view.changed, row);
        else if (!comparison_says(row, "no-change"))
            add(&view.open, row);
    }
    if (picked == 0 && comparison->rows > view.sentinels.n)
        TRY_OUT(status_fail(ST_BADARG, "%s: none of its cells matches '%s'; names look like %s", view.run,
                            filter ? filter : "*", comparison->row[0].cell));
    qsort(view.changed.row, view.changed.n, sizeof *view.changed.row, by_change);
    qsort(view.open.row, view.open.n, sizeof *view.open.row, by_doubt);
    *out = view;
    memset(&view, 0, sizeof view);
out:
    comparison_view_free(&view);
    return st;
}

void comparison_view_free(struct comparison_view *view)
{
    struct comparison_rows *const lists[] = {&view->gated, &view->changed, &view->open, &view->info, &view->sentinels};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]->row);
    memset(view, 0, sizeof *view);
}
