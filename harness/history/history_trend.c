#include "history/history_trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/changepoint.h"
#include "measure/stats.h"

/* ln ratio of the newest nights, a gap where a night is not counted. */
struct line {
    double *x, *sorted; /* owned */
    int n;
    size_t offset; /* of x[0] among the points of the series */
};

static enum status line_make(const struct series *series, struct line *out)
{
    size_t n = series->n < CHANGEPOINT_MAX ? series->n : CHANGEPOINT_MAX;
    struct line line = {calloc(n + 1, sizeof *line.x), calloc(n + 1, sizeof *line.sorted), (int)n, series->n - n};

    if (!line.x || !line.sorted) {
        free(line.x);
        free(line.sorted);
        return status_fail(ST_NOMEM, "no memory for the trend of %zu nights", series->n);
    }
    for (size_t i = 0; i < n; i++) {
        const struct series_point *point = &series->point[line.offset + i];
        line.x[i] = point->trusted ? log(point->ratio) : NAN;
    }
    *out = line;
    return ST_OK;
}

/* Places of the first and the last counted night from `from` to before `end`, and their median; 0 when there is none.
 */
static int level_make(struct line *line, int from, int end, struct history_level *out)
{
    int n = 0;

    for (int i = from; i < end; i++) {
        if (!isfinite(line->x[i]))
            continue;
        if (n == 0)
            out->first = line->offset + (size_t)i;
        out->last = line->offset + (size_t)i;
        line->sorted[n++] = line->x[i];
    }
    if (n == 0)
        return 0;
    stats_sort(line->sorted, n);
    out->ratio = exp(stats_median(line->sorted, n));
    return 1;
}

static enum status grow(struct history_trend *trend, size_t more)
{
    void *levels = realloc(trend->level, (trend->levels + more + 1) * sizeof *trend->level), *changes;

    if (levels)
        trend->level = levels;
    changes = realloc(trend->change, (trend->changes + more + 1) * sizeof *trend->change);
    if (changes)
        trend->change = changes;
    return levels && changes ? ST_OK : status_fail(ST_NOMEM, "no memory for the trend");
}

static void add_series(struct history_trend *trend, size_t index, struct line *line, const struct changepoint *found,
                       int n)
{
    struct history_level before = {.first = 0};

    for (int i = 0; i <= n; i++) {
        struct history_level level = {.series = index};
        if (!level_make(line, i > 0 ? found[i - 1].index : 0, i < n ? found[i].index : line->n, &level))
            continue;
        if (i > 0 && before.ratio > 0)
            trend->change[trend->changes++] =
                (struct history_change){index, before.last, level.first, level.ratio / before.ratio, found[i - 1].p};
        trend->level[trend->levels++] = level;
        before = level;
    }
}

static enum status find_changes(struct history_trend *trend, size_t index)
{
    struct changepoint_options options = changepoint_defaults();
    struct changepoint *found = NULL;
    struct line line = {NULL, NULL, 0, 0};
    enum status st;
    int n = 0;

    TRY(line_make(&trend->list.all[index], &line));
    found = calloc((size_t)CHANGEPOINT_MAX_FOUND(line.n), sizeof *found);
    if (!found) {
        st = status_fail(ST_NOMEM, "no memory for the trend of %d nights", line.n);
        goto out;
    }
    TRY_OUT(changepoint_find(&options, line.x, line.n, found, &n));
    TRY_OUT(grow(trend, (size_t)n + 1));
    add_series(trend, index, &line, found, n);
out:
    free(found);
    free(line.x);
    free(line.sorted);
    return st;
}

enum status history_trend_make(struct series_list *list, struct history_trend *out)
{
    struct history_trend trend = {.list = *list};
    enum status st = ST_OK;

    for (size_t i = 0; i < list->n && st == ST_OK; i++)
        st = find_changes(&trend, i);
    if (st != ST_OK) {
        free(trend.level);
        free(trend.change);
        return st;
    }
    memset(list, 0, sizeof *list);
    *out = trend;
    return ST_OK;
}

void history_trend_free(struct history_trend *trend)
{
    series_free(&trend->list);
    free(trend->level);
    free(trend->change);
    memset(trend, 0, sizeof *trend);
}

double history_trend_now(const struct history_trend *trend, size_t series)
{
    double now = NAN;

    for (size_t i = 0; i < trend->levels; i++)
        if (trend->level[i].series == series)
            now = trend->level[i].ratio;
    return now;
}
