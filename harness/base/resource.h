/* Files that belong to the program (suites, energy tables, plot templates): found beside the working folder in a
 * checkout, else where `make install` put them. */
#ifndef BASE_RESOURCE_H
#define BASE_RESOURCE_H

#include <stddef.h>

#include "base/status.h"

/* Looks for `name` ("suites/quick.json") under $PACKLIGHT_DATA, the working folder, the folders above the running
 * program, and PREFIX/share/packlight, in this order; writes the first that exists. ST_IO listing the places. */
enum status resource_find(const char *name, char *out, size_t size);

#endif
