#include "base/resource.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#ifndef PACKLIGHT_SHARE
#define PACKLIGHT_SHARE "/usr/local/share/packlight"
#endif

static int try_place(const char *folder, const char *name, char *out, size_t size)
{
    return snprintf(out, size, "%s/%s", folder, name) < (int)size && file_exists(out);
}

enum status resource_find(const char *name, char *out, size_t size)
{
    const char *chosen = getenv("PACKLIGHT_DATA");
    char program[PATH_MAX];
    ssize_t len;

    if (name[0] == '/') {
        if (snprintf(out, size, "%s", name) < (int)size && file_exists(out))
            return ST_OK;
        return status_fail(ST_IO, "%s: no such file", name);
    }
    if (chosen && try_place(chosen, name, out, size))
        return ST_OK;
    if (snprintf(out, size, "%s", name) < (int)size && file_exists(out))
        return ST_OK;
    len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len > 0) {
        program[len] = 0;
        for (int up = 0; up < 4; up++) { /* build/<mode>/packlight stands two folders below the checkout */
            char *slash = strrchr(program, '/');
            if (!slash || slash == program)
                break;
            *slash = 0;
            if (try_place(program, name, out, size))
                return ST_OK;
        }
    }
    if (try_place(PACKLIGHT_SHARE, name, out, size))
        return ST_OK;
    return status_fail(
        ST_IO, "%s: not found here, beside the program or in %s (set PACKLIGHT_DATA to the folder that holds it)", name,
        PACKLIGHT_SHARE);
}
