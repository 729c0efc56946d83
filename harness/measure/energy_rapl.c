#include "measure/energy_rapl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAPL_TEXT = 64 };

static enum status read_text(const char *path, char out[RAPL_TEXT])
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (!file)
        return status_fail(errno == EACCES || errno == EPERM || errno == ENOENT ? ST_SKIP : ST_IO,
                           "%s: cannot open: %s", path, strerror(errno));
    errno = 0;
    len = fread(out, 1, RAPL_TEXT - 1, file);
    if (ferror(file)) {
        int code = errno;
        fclose(file);
        return status_fail(code == EACCES || code == EPERM ? ST_SKIP : ST_IO, "%s: cannot read: %s", path,
                           strerror(code));
    }
    fclose(file);
    while (len > 0 && isspace((unsigned char)out[len - 1]))
        len--;
    out[len] = 0;
    return ST_OK;
}

static enum status read_counter(const char *path, uint64_t *out)
{
    char text[RAPL_TEXT], *end = NULL;
    unsigned long long value;

    TRY(read_text(path, text));
    errno = 0;
    value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end || errno)
        return status_fail(ST_IO, "%s: \"%s\", expected microjoules", path, text);
    *out = value;
    return ST_OK;
}

/* "intel-rapl:0" and not "intel-rapl:0:0", which is a part of it. */
static int is_top_domain(const char *name)
{
    static const char prefix[] = "intel-rapl:";
    return strncmp(name, prefix, sizeof prefix - 1) == 0 && !strchr(name + sizeof prefix - 1, ':');
}

static enum status add_domain(const char *root, const char *domain, struct energy_rapl *rapl)
{
    char path[512], text[RAPL_TEXT];
    uint64_t now = 0;
    int i = rapl->packages;

    snprintf(path, sizeof path, "%s/%s/name", root, domain);
    TRY(read_text(path, text));
    if (strncmp(text, "package", 7) != 0)
        return ST_OK; /* psys counts the packages once more */
    if (i == ENERGY_RAPL_PACKAGES)
        return status_fail(ST_UNSUPPORTED, "%s: more than %d packages", root, ENERGY_RAPL_PACKAGES);
    if (snprintf(path, sizeof path, "%s/%s/max_energy_range_uj", root, domain) >= (int)sizeof path ||
        snprintf(rapl->path[i], sizeof rapl->path[i], "%s/%s/energy_uj", root, domain) >= (int)sizeof rapl->path[i])
        return status_fail(ST_BADARG, "%s/%s: path too long", root, domain);
    TRY(read_counter(path, &rapl->range_uj[i]));
    TRY(read_counter(rapl->path[i], &now));
    rapl->packages++;
    return ST_OK;
}

enum status energy_rapl_open(const char *root, struct energy_rapl *out)
{
    enum status st = ST_OK;
    struct energy_rapl rapl;
    const struct dirent *entry;
    DIR *dir;

    memset(&rapl, 0, sizeof rapl);
    root = root ? root : "/sys/class/powercap";
    dir = opendir(root);
    if (!dir)
        return status_fail(ST_SKIP, "no package energy counter here: %s: %s", root, strerror(errno));
    while ((entry = readdir(dir)) != NULL)
        if (is_top_domain(entry->d_name))
            TRY_OUT(add_domain(root, entry->d_name, &rapl));
    if (rapl.packages == 0) {
        st = status_fail(ST_SKIP, "no package energy counter here: %s has no intel-rapl package", root);
        goto out;
    }
    *out = rapl;
out:
    closedir(dir);
    return st;
}

enum status energy_rapl_begin(struct energy_rapl *rapl)
{
    uint64_t now[ENERGY_RAPL_PACKAGES];

    for (int i = 0; i < rapl->packages; i++)
        TRY(read_counter(rapl->path[i], &now[i]));
    memcpy(rapl->start_uj, now, sizeof now[0] * (size_t)rapl->packages);
    return ST_OK;
}

enum status energy_rapl_end(const struct energy_rapl *rapl, double *out_joules)
{
    double total_uj = 0;

    for (int i = 0; i < rapl->packages; i++) {
        uint64_t now = 0, start = rapl->start_uj[i], range = rapl->range_uj[i];
        TRY(read_counter(rapl->path[i], &now));
        if (now == start)
            return status_fail(ST_IO, "%s: did not move from %" PRIu64 " uJ; window too short or counter dead",
                               rapl->path[i], now);
        if (now < start && start > range)
            return status_fail(ST_IO, "%s: went from %" PRIu64 " to %" PRIu64 " uJ with a range of %" PRIu64,
                               rapl->path[i], start, now, range);
        /* The counter goes from its range to 0. */
        total_uj += now > start ? (double)(now - start) : (double)(range - start) + (double)now;
    }
    *out_joules = 1e-6 * total_uj;
    return ST_OK;
}
