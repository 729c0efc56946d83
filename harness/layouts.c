#include "layouts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum status layout_self(char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size);

    if (len < 0 || (size_t)len >= size)
        return status_fail(ST_IO, "cannot find this program's file: %s",
                           len < 0 ? strerror(errno) : "its path is too long");
    out[len] = 0;
    return ST_OK;
}

enum status layout_find(const char *binary, int layout, char *out, size_t size)
{
    static const char *const places[] = {"", "../libexec/packlight/"};
    char real[PATH_MAX];
    const char *slash;
    int folder;

    if (layout < 0 || layout > LAYOUTS)
        return status_fail(ST_BADARG, "layout %d: expected 0 to %d", layout, LAYOUTS);
    if (!realpath(binary, real))
        return status_fail(ST_IO, "%s: %s", binary, strerror(errno));
    slash = strrchr(real, '/');
    folder = (int)(slash - real);
    if (layout == 0) {
        if ((size_t)snprintf(out, size, "%s", real) >= size)
            return status_fail(ST_BADARG, "%s: the path is too long", real);
        return ST_OK;
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int len = snprintf(out, size, "%.*s/%spacklight-layout%d", folder, real, places[i], layout);
        if ((size_t)len < size && access(out, X_OK) == 0)
            return ST_OK;
    }
    return status_fail(ST_SKIP, "no packlight-layout%d in %.*s or %.*s/../libexec/packlight", layout, folder, real,
                       folder, real);
}
