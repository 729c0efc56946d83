/* The layout variants of this program: the same objects linked in other orders, so that code alignment can be told from
 * code (Mytkowicz et al. 2009, "Producing wrong data without doing anything obviously wrong!"). */
#ifndef LAYOUTS_H
#define LAYOUTS_H

#include <stddef.h>

#include "base/status.h"

enum { LAYOUTS = 19 }; /* with the program itself one for each of twenty process pairs */

/* This program's own file. ST_IO. */
enum status layout_self(char *out, size_t size);
/* Variant 1 .. LAYOUTS of the packlight at `binary`: packlight-layoutN beside the file itself (symbolic links followed)
 * or in ../libexec/packlight. Variant 0 is the file itself. ST_SKIP naming both places when there is none; ST_IO when
 * `binary` does not exist. */
enum status layout_find(const char *binary, int layout, char *out, size_t size);

#endif
