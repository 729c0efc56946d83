/* Where the level of a cell's ratio to the anchor changed, and by how much: E-divisive on ln ratio
 * (measure/changepoint.h), each series for itself. It attributes and finds creep that no single night shows; it does
 * not gate.
 *
 *   TRY(series_load(history, NULL, "latency", &list));
 *   TRY(history_trend_make(&list, &trend));            // takes the list over
 *   history_trend_free(&trend); */
#ifndef HISTORY_HISTORY_TREND_H
#define HISTORY_HISTORY_TREND_H

#include "history/history_series.h"

/* Points of one series between two changes. */
struct history_level {
    size_t series, first, last; /* indices of the list and of its points, the outermost counted ones */
    double ratio;               /* median of the trusted points */
};

struct history_change {
    size_t series, last, first; /* the last point before and the first after it */
    double ratio;               /* level after / level before; 1.03: 3 % slower since */
    double p;
};

struct history_trend {
    struct series_list list;
    struct history_level *level; /* owned; by series, then by time; none for a series without a trusted point */
    size_t levels;
    struct history_change *change; /* owned; by series, then by time */
    size_t changes;
};

/* On success the list belongs to the trend. ST_NOMEM. */
enum status history_trend_make(struct series_list *list, struct history_trend *out);
void history_trend_free(struct history_trend *trend);

/* The level in force at the end of a series, NaN when it has none. */
double history_trend_now(const struct history_trend *trend, size_t series);

#endif
