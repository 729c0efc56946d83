/* Files, written so that a kill at any instant leaves the old content or the new, never half of it. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>

#include "base/status.h"

/* Reads a whole regular file of at most max_bytes (0: 1 GiB). *out_data is owned (free), one extra NUL
 * byte follows the content. ST_IO names the file and the reason; ST_FORMAT when it is larger. */
enum status file_read(const char *path, size_t max_bytes, unsigned char **out_data, size_t *out_len);

/* Writes beside the target, syncs, renames over it. ST_IO. */
enum status file_write_atomic(const char *path, const void *data, size_t len);

/* Appends `len` bytes to path (created when missing) and syncs them to the disk. A final line that an
 * earlier kill left without a newline is closed first. ST_IO. */
enum status file_append_sync(const char *path, const void *data, size_t len);

/* Creates the folder and its parents. ST_IO. */
enum status file_make_dirs(const char *path);

/* 1 if something exists at path. */
int file_exists(const char *path);

/* Writes "dir/name" into out (size bytes); ST_BADARG when it does not fit. */
enum status file_join(char *out, size_t size, const char *dir, const char *name);

/* Points the symbolic link `link` at `target` (text as given), replacing an older link. ST_IO. */
enum status file_point_link(const char *target, const char *link);

#endif
