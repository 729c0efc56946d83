/* Folders as a whole: which files are in one, taking one away, getting one onto the disk. Symbolic links are never
 * followed. */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stddef.h>

#include "base/status.h"

enum { TREE_FILES = 100000, TREE_DEPTH = 8 };

struct tree {
    char **file; /* owned; paths relative to the folder, sorted by bytes */
    size_t files;
};

/* The plain files in `dir` and its folders. ST_IO; ST_FORMAT when something is neither file nor folder, or more or
 * deeper than the limits. */
enum status tree_list(const char *dir, struct tree *out);
void tree_free(struct tree *tree);

/* 1 if there is no such folder or nothing is in it, 0 otherwise. */
int tree_is_empty(const char *dir);

/* Removes the folder with all that is in it; fine when it is not there. The file `last` (NULL: none) directly in it
 * goes when all else is gone, so that a kill in between leaves it. ST_IO. */
enum status tree_remove(const char *dir, const char *last);

/* Syncs the folder itself, so that the names in it are on the disk. ST_IO. */
enum status tree_sync(const char *dir);

/* Makes the folder that `path` lies in, with its parents. ST_IO. */
enum status tree_make_parent(const char *path);

/* `to` becomes another name of the file, or a copy of `bytes` where the file system allows no second name. Its folder
 * is made when missing. ST_IO. */
enum status tree_link_file(const char *from, const void *bytes, size_t len, const char *to);

#endif
