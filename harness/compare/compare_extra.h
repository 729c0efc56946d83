/* What a paired comparison adds beside the timing: accuracy of different files on the same test images; on request
 * whole-process times by hyperfine (rounds alternate and pair up) and instruction counts by callgrind. One line of
 * extra.jsonl per cell and metric:
 *
 *   process       milliseconds, the best of each round
 *   instructions  of one inference
 *   accuracy      share that is right, number of items, items that only this side has right, McNemar's p */
#ifndef COMPARE_EXTRA_H
#define COMPARE_EXTRA_H

#include "compare/compare_paired.h"

enum { COMPARE_EXTRA_VALUES = 64 };

struct compare_extra {
    char cell[256];
    char metric[32];                                         /* see above */
    char reason[256];                                        /* why there are no values; "" otherwise */
    double a[COMPARE_EXTRA_VALUES], b[COMPARE_EXTRA_VALUES]; /* value i of both sides is a pair */
    int n;
};

struct compare_extras {
    struct compare_extra *extra; /* owned */
    size_t n;
};

/* Measures what the options ask for and what the folder does not have yet. A cell that cannot be measured is a line
 * with the reason. ST_INTERRUPTED, ST_IO, ST_NOMEM. */
enum status compare_extra_measure(const struct compare_options *options);
/* No file: none. ST_IO, ST_FORMAT. */
enum status compare_extra_load(const char *dir, struct compare_extras *out);
void compare_extra_free(struct compare_extras *extras);
/* NULL when there is none. Borrowed. */
const struct compare_extra *compare_extra_find(const struct compare_extras *extras, const char *cell,
                                               const char *metric);

#endif
