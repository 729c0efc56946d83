/* The figures of a record in tidy form: a number with the interval and the count that belong to it.
 *
 *   for (size_t f = 0; f < fields_n; f++)
 *       if (record_figure_get(record, &fields[f], &figure)) ... figure.value ...
 *
 * Where a cell's output was not right, its times are no figures. */
#ifndef REPORT_RECORD_FIGURE_H
#define REPORT_RECORD_FIGURE_H

#include "report/record.h"

struct record_figure {
    double value;
    double interval[2]; /* NaN: none */
    int64_t n;          /* RECORD_NONE: unknown */
};

/* 0 when the field is no number, null, or a time that may not be shown. */
int record_figure_get(const struct record *record, const struct record_field *field, struct record_figure *out);

#endif
