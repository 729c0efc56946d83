/* The line that a finished cell leaves on stderr, fitted to the terminal: the shorter it is, the less is said. */
#ifndef BENCH_LINE_H
#define BENCH_LINE_H

#include <stddef.h>

#include "report/record.h"

enum { BENCH_LINE = 512 };

/* done, all: cells; left: the time left in words; id_width: columns of the run's longest cell id, so that figures stand
 * under each other. columns 0: no limit. On a narrow line the size goes first, then the time left, then the accuracy,
 * and the id is cut in its middle. Returns the buffer. */
const char *bench_line(const struct record *record, size_t done, size_t all, const char *left, int id_width,
                       int columns, char *buffer, size_t size);

#endif
