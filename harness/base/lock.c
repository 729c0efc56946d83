#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A holder removes the file before it gives the lock back: what was opened may be a file without a name by now. */
static int still_named(int fd, const char *path)
{
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

enum status lock_try(const char *path, struct lock *out_lock, enum lock_state *out_state)
{
    int fd;

    out_lock->fd = -1;
    if (snprintf(out_lock->path, sizeof out_lock->path, "%s", path) >= (int)sizeof out_lock->path)
        return status_fail(ST_BADARG, "%s: path too long", path);
    *out_state = LOCK_NONE;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        status_fail(ST_IO, "%s: cannot create the lock: %s", path, strerror(errno));
        return ST_OK;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *out_state = still_named(fd, path) ? LOCK_HELD : LOCK_BUSY;
        if (*out_state == LOCK_HELD) {
            out_lock->fd = fd;
            return ST_OK;
        }
    } else if (errno == EWOULDBLOCK || errno == EINTR) {
        *out_state = LOCK_BUSY;
    } else {
        status_fail(ST_IO, "%s: no locks here: %s", path, strerror(errno));
    }
    close(fd);
    return ST_OK;
}

void lock_release(struct lock *lock)
{
    if (lock->fd < 0)
        return;
    unlink(lock->path);
    close(lock->fd);
    lock->fd = -1;
}
