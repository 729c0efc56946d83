/* Making the whole history again from the folders of runs and comparisons, which are the truth. */
#ifndef HISTORY_HISTORY_REBUILD_H
#define HISTORY_HISTORY_REBUILD_H

#include <stddef.h>

#include "base/status.h"

struct history_rebuilt {
    size_t added, skipped, twice; /* folders; twice: copies of one that was there already */
};

/* Reads every run and comparison at and below the folders (links and names that begin with '.' are not followed),
 * writes a new file beside `path` and renames it into place once it is whole: on any failure the old one stays. What
 * cannot be read is told to `skipped` and left out. ST_IO when a named folder cannot be read, ST_BADARG when nothing
 * was found. */
enum status history_rebuild(const char *path, char *const *dirs, int n,
                            void (*skipped)(const char *message, void *user), void *user, struct history_rebuilt *out);

#endif
