#define _GNU_SOURCE /* DT_DIR */
#include "history/history_rebuild.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "history/history_add.h"

enum { DEPTH_MAX = 12 };

struct rebuild {
    struct history *history;
    void (*skipped)(const char *message, void *user);
    void *user;
    struct history_rebuilt counts;
};

/* A folder that cannot be read is left out; a history that cannot be written ends it all. */
static enum status add_one(struct rebuild *rebuild, const char *dir)
{
    struct history_folder *folder = NULL;
    struct history_added added;
    enum status st;

    if (history_read(dir, NULL, &folder) != ST_OK) {
        rebuild->counts.skipped++;
        rebuild->skipped(status_message(), rebuild->user);
        return ST_OK;
    }
    st = history_store(rebuild->history, folder, &added);
    history_folder_free(folder);
    if (st == ST_OK && added.outcome == HISTORY_NEW)
        rebuild->counts.added++;
    else if (st == ST_OK)
        rebuild->counts.twice++;
    return st;
}

static int keep_folders(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

static enum status walk(struct rebuild *rebuild, const char *dir, int depth)
{
    struct dirent **entry = NULL;
    char path[PATH_MAX];
    enum status st = ST_OK;
    int n;

    if (history_add_is(dir))
        st = add_one(rebuild, dir);
    if (st != ST_OK || depth == DEPTH_MAX)
        return st;
    n = scandir(dir, &entry, keep_folders, alphasort); /* sorted: the same folders give the same history */
    if (n < 0) {
        if (errno == ENOTDIR && depth > 0)
            return ST_OK;
        (void)status_fail(ST_IO, "%s: %s", dir, strerror(errno));
        if (depth == 0)
            return ST_IO;
        rebuild->counts.skipped++;
        rebuild->skipped(status_message(), rebuild->user);
        return ST_OK;
    }
    for (int i = 0; i < n; i++) {
        if (st == ST_OK)
            st = file_join(path, sizeof path, dir, entry[i]->d_name);
        if (st == ST_OK)
            st = walk(rebuild, path, depth + 1);
        free(entry[i]);
    }
    free(entry);
    return st;
}

/* The new file is on the disk once it and the name that it got are. */
static enum status put_in_place(const char *from, const char *path)
{
    char dir[PATH_MAX], *slash;
    int fd;

    if (rename(from, path) != 0)
        return status_fail(ST_IO, "%s: cannot rename: %s", path, strerror(errno));
    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash)
        *slash = 0;
    fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    return ST_OK;
}

enum status history_rebuild(const char *path, char *const *dirs, int n,
                            void (*skipped)(const char *message, void *user), void *user, struct history_rebuilt *out)
{
    struct rebuild rebuild = {NULL, skipped, user, {0, 0, 0}};
    char fresh[PATH_MAX], journal[PATH_MAX + 16];
    enum status st;

    if (snprintf(fresh, sizeof fresh, "%s.new.%ld", path, (long)getpid()) >= (int)sizeof fresh)
        return status_fail(ST_BADARG, "--db: path too long");
    (void)unlink(fresh);
    TRY_OUT(history_open(fresh, HISTORY_WRITE, &rebuild.history));
    TRY_OUT(history_begin(rebuild.history));
    for (int i = 0; i < n && st == ST_OK; i++)
        st = walk(&rebuild, dirs[i], 0);
    if (st == ST_OK && rebuild.counts.added == 0)
        st = status_fail(ST_BADARG, "%s: no run and no comparison that can be read (%zu left out)", dirs[0],
                         rebuild.counts.skipped);
    if (st == ST_OK)
        st = history_commit(rebuild.history);
    else
        history_rollback(rebuild.history);
    history_close(rebuild.history);
    rebuild.history = NULL;
    /* A journal that a kill left beside the old file must not be played back into the new one. */
    snprintf(journal, sizeof journal, "%s-journal", path);
    if (st == ST_OK && unlink(journal) != 0 && errno != ENOENT)
        st = status_fail(ST_IO, "%s: %s", journal, strerror(errno));
    if (st == ST_OK)
        st = put_in_place(fresh, path);
    if (st == ST_OK)
        *out = rebuild.counts;
out:
    history_close(rebuild.history);
    if (st != ST_OK)
        (void)unlink(fresh);
    return st;
}
