#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum status file_read(const char *path, size_t max_bytes, unsigned char **out_data, size_t *out_len)
{
    enum status st = ST_OK;
    unsigned char *data = NULL;
    struct stat info;
    size_t len = 0, want;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (max_bytes == 0)
        max_bytes = (size_t)1 << 30;
    if (fd < 0)
        return status_fail(ST_IO, "%s: cannot open: %s", path, strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        st = status_fail(ST_IO, "%s: not a regular file", path);
        goto out;
    }
    if ((unsigned long long)info.st_size > max_bytes) {
        st = status_fail(ST_FORMAT, "%s: %lld bytes, at most %zu are accepted", path, (long long)info.st_size,
                         max_bytes);
        goto out;
    }
    want = (size_t)info.st_size;
    data = malloc(want + 1);
    if (!data) {
        st = status_fail(ST_NOMEM, "%s: no memory for %zu bytes", path, want);
        goto out;
    }
    while (len < want) {
        ssize_t got = read(fd, data + len, want - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            st = status_fail(ST_IO, "%s: read failed at byte %zu: %s", path, len, strerror(errno));
            goto out;
        }
        if (got == 0)
            break;
        len += (size_t)got;
    }
    data[len] = 0;
    *out_data = data;
    *out_len = len;
    data = NULL;
out:
    free(data);
    close(fd);
    return st;
}

static enum status write_all(int fd, const char *path, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return status_fail(ST_IO, "%s: write failed: %s", path, strerror(errno));
        at += put;
        len -= (size_t)put;
    }
    return ST_OK;
}

/* A rename or a new name is on the disk only once its folder is synced. */
static void sync_parent(const char *path)
{
    char dir[PATH_MAX];
    char *slash;
    int fd;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash)
        *slash = 0;
    fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

/* Machines that share a folder may have processes of the same number. */
static unsigned host_number(void)
{
    char name[256] = "";
    unsigned number = 2166136261u; /* FNV-1a */

    (void)gethostname(name, sizeof name - 1);
    for (const char *at = name; *at; at++)
        number = (number ^ (unsigned char)*at) * 16777619u;
    return number;
}

enum status file_write_atomic(const char *path, const void *data, size_t len)
{
    enum status st;
    char temporary[PATH_MAX];
    int fd;

    if (snprintf(temporary, sizeof temporary, "%s.tmp.%08x.%ld", path, host_number(), (long)getpid()) >=
        (int)sizeof temporary)
        return status_fail(ST_BADARG, "%s: path too long", path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return status_fail(ST_IO, "%s: cannot create: %s", temporary, strerror(errno));
    st = write_all(fd, temporary, data, len);
    if (st == ST_OK && fsync(fd) != 0)
        st = status_fail(ST_IO, "%s: sync failed: %s", temporary, strerror(errno));
    if (close(fd) != 0 && st == ST_OK)
        st = status_fail(ST_IO, "%s: close failed: %s", temporary, strerror(errno));
    if (st == ST_OK && rename(temporary, path) != 0)
        st = status_fail(ST_IO, "%s: cannot rename over %s: %s", temporary, path, strerror(errno));
    if (st != ST_OK)
        unlink(temporary);
    else
        sync_parent(path);
    return st;
}

enum status file_append_sync(const char *path, const void *data, size_t len)
{
    enum status st = ST_OK;
    struct stat info;
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        return status_fail(ST_IO, "%s: cannot open for appending: %s", path, strerror(errno));
    if (fstat(fd, &info) == 0 && info.st_size > 0) {
        char last = '\n';
        if (pread(fd, &last, 1, info.st_size - 1) == 1 && last != '\n')
            st = write_all(fd, path, "\n", 1);
    }
    if (st == ST_OK)
        st = write_all(fd, path, data, len);
    if (st == ST_OK && fsync(fd) != 0)
        st = status_fail(ST_IO, "%s: sync failed: %s", path, strerror(errno));
    close(fd);
    return st;
}

enum status file_make_dirs(const char *path)
{
    char part[PATH_MAX];
    struct stat info;

    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return status_fail(ST_BADARG, "%s: path too long", path);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return status_fail(ST_IO, "%s: cannot create the folder: %s", part, strerror(errno));
        *at = '/';
    }
    if (mkdir(part, 0755) != 0 && errno != EEXIST)
        return status_fail(ST_IO, "%s: cannot create the folder: %s", part, strerror(errno));
    if (stat(part, &info) != 0 || !S_ISDIR(info.st_mode))
        return status_fail(ST_IO, "%s: not a folder", part);
    return ST_OK;
}

int file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

enum status file_join(char *out, size_t size, const char *dir, const char *name)
{
    if (snprintf(out, size, "%s/%s", dir, name) >= (int)size)
        return status_fail(ST_BADARG, "%s/%s: path too long", dir, name);
    return ST_OK;
}

enum status file_point_link(const char *target, const char *link)
{
    char temporary[PATH_MAX];

    if (snprintf(temporary, sizeof temporary, "%s.tmp.%ld", link, (long)getpid()) >= (int)sizeof temporary)
        return status_fail(ST_BADARG, "%s: path too long", link);
    unlink(temporary);
    if (symlink(target, temporary) != 0)
        return status_fail(ST_IO, "%s: cannot create the link: %s", temporary, strerror(errno));
    if (rename(temporary, link) != 0) {
        enum status st = status_fail(ST_IO, "%s: cannot point it at %s: %s", link, target, strerror(errno));
        unlink(temporary);
        return st;
    }
    return ST_OK;
}
