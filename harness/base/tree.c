#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static int is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static enum status add_file(struct tree *tree, const char *path)
{
    char **file;

    if (tree->files >= TREE_FILES)
        return status_fail(ST_FORMAT, "%s: more than %d files", path, TREE_FILES);
    if ((tree->files & (tree->files + 1)) == 0) { /* doubled whenever it is full: 1, 3, 7, ... entries fit */
        file = realloc(tree->file, (2 * tree->files + 2) * sizeof *file);
        if (!file)
            return status_fail(ST_NOMEM, "no memory for %zu file names", 2 * tree->files + 2);
        tree->file = file;
    }
    TRY(mem_strdup(path, &tree->file[tree->files]));
    tree->files++;
    return ST_OK;
}

/* Everything below dir/inside; `inside` is "" at the top. */
static enum status list(const char *dir, const char *inside, int depth, struct tree *tree)
{
    char path[PATH_MAX], name[PATH_MAX];
    const struct dirent *entry;
    enum status st = ST_OK;
    struct stat info;
    DIR *stream;

    if (depth > TREE_DEPTH)
        return status_fail(ST_FORMAT, "%s/%s: folders are nested too deeply", dir, inside);
    TRY(file_join(path, sizeof path, dir, inside));
    stream = opendir(path);
    if (!stream)
        return status_fail(ST_IO, "%s: cannot open the folder: %s", path, strerror(errno));
    while (st == ST_OK && (entry = readdir(stream))) {
        if (is_dot(entry->d_name))
            continue;
        if (snprintf(name, sizeof name, "%s%s%s", inside, *inside ? "/" : "", entry->d_name) >= (int)sizeof name)
            st = status_fail(ST_BADARG, "%s/%s: path too long", path, entry->d_name);
        else if ((st = file_join(path, sizeof path, dir, name)) != ST_OK)
            break;
        else if (lstat(path, &info) != 0)
            st = status_fail(ST_IO, "%s: %s", path, strerror(errno));
        else if (S_ISDIR(info.st_mode))
            st = list(dir, name, depth + 1, tree);
        else if (S_ISREG(info.st_mode))
            st = add_file(tree, name);
        else
            st = status_fail(ST_FORMAT, "%s: neither a plain file nor a folder", path);
    }
    closedir(stream);
    return st;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum status tree_list(const char *dir, struct tree *out)
{
    struct tree tree = {0};
    enum status st = list(dir, "", 0, &tree);

    if (st != ST_OK) {
        tree_free(&tree);
        return st;
    }
    if (tree.files > 0)
        qsort(tree.file, tree.files, sizeof *tree.file, by_bytes);
    *out = tree;
    return ST_OK;
}

void tree_free(struct tree *tree)
{
    for (size_t i = 0; i < tree->files; i++)
        free(tree->file[i]);
    free(tree->file);
    memset(tree, 0, sizeof *tree);
}

int tree_is_empty(const char *dir)
{
    const struct dirent *entry;
    struct stat info;
    int empty = 1;
    DIR *stream;

    if (lstat(dir, &info) != 0)
        return errno == ENOENT;
    if (!S_ISDIR(info.st_mode))
        return 0;
    stream = opendir(dir);
    if (!stream)
        return 0;
    while ((entry = readdir(stream)))
        empty &= is_dot(entry->d_name);
    closedir(stream);
    return empty;
}

static enum status empty_folder(int parent, const char *name, const char *shown, const char *last, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    enum status st = ST_OK;

    if (!stream) {
        st = status_fail(ST_IO, "%s: cannot open the folder: %s", shown, strerror(errno));
        if (fd >= 0)
            close(fd);
        return st;
    }
    while (st == ST_OK && (entry = readdir(stream))) {
        struct stat info;
        if (is_dot(entry->d_name) || (last && strcmp(entry->d_name, last) == 0))
            continue;
        if (fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode)) {
            if (depth >= TREE_DEPTH)
                st = status_fail(ST_FORMAT, "%s: folders are nested too deeply", shown);
            else
                st = empty_folder(fd, entry->d_name, shown, NULL, depth + 1);
            if (st == ST_OK && unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0)
                st = status_fail(ST_IO, "%s: cannot remove %s: %s", shown, entry->d_name, strerror(errno));
        } else if (unlinkat(fd, entry->d_name, 0) != 0) {
            st = status_fail(ST_IO, "%s: cannot remove %s: %s", shown, entry->d_name, strerror(errno));
        }
    }
    if (st == ST_OK && last && unlinkat(fd, last, 0) != 0 && errno != ENOENT)
        st = status_fail(ST_IO, "%s: cannot remove %s: %s", shown, last, strerror(errno));
    closedir(stream);
    return st;
}

enum status tree_remove(const char *dir, const char *last)
{
    struct stat info;

    if (lstat(dir, &info) != 0 && errno == ENOENT)
        return ST_OK;
    TRY(empty_folder(AT_FDCWD, dir, dir, last, 0));
    return rmdir(dir) == 0 ? ST_OK : status_fail(ST_IO, "%s: cannot remove the folder: %s", dir, strerror(errno));
}

enum status tree_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status st = ST_OK;

    if (fd < 0 || fsync(fd) != 0)
        st = status_fail(ST_IO, "%s: sync failed: %s", dir, strerror(errno));
    if (fd >= 0)
        close(fd);
    return st;
}

enum status tree_make_parent(const char *path)
{
    char folder[PATH_MAX];
    char *slash;

    if (snprintf(folder, sizeof folder, "%s", path) >= (int)sizeof folder)
        return status_fail(ST_BADARG, "%s: path too long", path);
    slash = strrchr(folder, '/');
    if (!slash || slash == folder)
        return ST_OK;
    *slash = 0;
    return file_make_dirs(folder);
}

enum status tree_link_file(const char *from, const void *bytes, size_t len, const char *to)
{
    TRY(tree_make_parent(to));
    return link(from, to) == 0 ? ST_OK : file_write_atomic(to, bytes, len);
}
