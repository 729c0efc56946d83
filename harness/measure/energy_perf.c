#define _GNU_SOURCE /* syscall */
#include "measure/energy_perf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PERF_TEXT = 256 };

static int system_open(void *context, uint32_t type, uint64_t event, int cpu)
{
    struct perf_event_attr attr;
    long handle;

    (void)context;
    memset(&attr, 0, sizeof attr);
    attr.size = sizeof attr;
    attr.type = type;
    attr.config = event;
    handle = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, (unsigned long)PERF_FLAG_FD_CLOEXEC);
    return handle < 0 ? -errno : (int)handle;
}

static int system_read(void *context, int handle, uint64_t *out)
{
    ssize_t got = read(handle, out, sizeof *out);

    (void)context;
    return got == (ssize_t)sizeof *out ? 0 : got < 0 ? -errno : -EIO;
}

static void system_close(void *context, int handle)
{
    (void)context;
    close(handle);
}

static enum status read_fact(const char *device, const char *name, char out[PERF_TEXT])
{
    char path[512];
    FILE *file;
    size_t len;

    if (snprintf(path, sizeof path, "%s/%s", device, name) >= (int)sizeof path)
        return status_fail(ST_BADARG, "%s/%s: path too long", device, name);
    file = fopen(path, "re");
    if (!file)
        return status_fail(ST_SKIP, "%s: %s", path, strerror(errno));
    len = fread(out, 1, PERF_TEXT - 1, file);
    fclose(file);
    while (len > 0 && isspace((unsigned char)out[len - 1]))
        len--;
    out[len] = 0;
    return ST_OK;
}

static enum status parse_number(const char *device, const char *name, const char *text, int base, uint64_t *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtoull(text, &end, base);
    if (!isdigit((unsigned char)text[0]) || *end || errno)
        return status_fail(ST_SKIP, "%s/%s: \"%.40s\", expected a number", device, name, text);
    return ST_OK;
}

static enum status add_package(struct energy_perf *perf, const char *device, uint32_t type, uint64_t event, long cpu)
{
    int handle;

    if (perf->packages == ENERGY_PERF_PACKAGES)
        return status_fail(ST_UNSUPPORTED, "%s: more than %d packages", device, ENERGY_PERF_PACKAGES);
    handle = perf->system.open(perf->system.context, type, event, (int)cpu);
    if (handle < 0)
        return status_fail(ST_SKIP, "%s: cannot open energy-pkg on processor %ld: %s%s", device, cpu, strerror(-handle),
                           handle == -EACCES || handle == -EPERM ? " (root, or kernel.perf_event_paranoid = -1)" : "");
    perf->handle[perf->packages++] = handle;
    return ST_OK;
}

/* "0,18" or "0-1": a processor of each package. */
static enum status add_packages(struct energy_perf *perf, const char *device, uint32_t type, uint64_t event,
                                const char *mask)
{
    const char *at = mask;

    for (;;) {
        char *end = NULL;
        long first = strtol(at, &end, 10), last = first;
        if (!isdigit((unsigned char)*at))
            break;
        if (*end == '-' && isdigit((unsigned char)end[1]))
            last = strtol(end + 1, &end, 10);
        if (first < 0 || last < first || last > 1 << 20)
            break;
        for (long cpu = first; cpu <= last; cpu++)
            TRY(add_package(perf, device, type, event, cpu));
        if (*end == 0)
            return ST_OK;
        if (*end != ',')
            break;
        at = end + 1;
    }
    return status_fail(ST_SKIP, "%s/cpumask: \"%.40s\", expected processors such as 0 or 0,18", device, mask);
}

enum status energy_perf_open(const char *device, const struct energy_perf_system *system, struct energy_perf *out)
{
    static const char event_name[] = "events/energy-pkg", scale_name[] = "events/energy-pkg.scale";
    struct energy_perf perf;
    char type[PERF_TEXT], event[PERF_TEXT], scale[PERF_TEXT], unit[PERF_TEXT], mask[PERF_TEXT], *end = NULL;
    uint64_t type_number = 0, event_number = 0;
    enum status st;

    memset(&perf, 0, sizeof perf);
    perf.system = system ? *system : (struct energy_perf_system){system_open, system_read, system_close, NULL};
    device = device ? device : "/sys/bus/event_source/devices/power";
    TRY(read_fact(device, "type", type));
    TRY(read_fact(device, event_name, event));
    TRY(read_fact(device, scale_name, scale));
    TRY(read_fact(device, "events/energy-pkg.unit", unit));
    TRY(read_fact(device, "cpumask", mask));
    TRY(parse_number(device, "type", type, 10, &type_number));
    if (strncmp(event, "event=", 6) != 0)
        return status_fail(ST_SKIP, "%s/%s: \"%.40s\", expected event=<number>", device, event_name, event);
    TRY(parse_number(device, event_name, event + 6, 0, &event_number));
    perf.joules_per_count = strtod(scale, &end);
    if (end == scale || *end || !(perf.joules_per_count > 0) || !isfinite(perf.joules_per_count))
        return status_fail(ST_SKIP, "%s/%s: \"%.40s\", expected a positive number", device, scale_name, scale);
    if (strcmp(unit, "Joules") != 0)
        return status_fail(ST_SKIP, "%s/events/energy-pkg.unit: \"%.40s\", expected Joules", device, unit);
    st = add_packages(&perf, device, (uint32_t)type_number, event_number, mask);
    if (st != ST_OK) {
        energy_perf_close(&perf);
        return st;
    }
    *out = perf;
    return ST_OK;
}

void energy_perf_close(struct energy_perf *perf)
{
    for (int i = 0; i < perf->packages; i++)
        perf->system.close(perf->system.context, perf->handle[i]);
    memset(perf, 0, sizeof *perf);
}

static enum status read_count(const struct energy_perf *perf, int i, uint64_t *out)
{
    int failed = perf->system.read(perf->system.context, perf->handle[i], out);

    return failed ? status_fail(ST_IO, "power/energy-pkg/ of package %d: cannot read: %s", i, strerror(-failed))
                  : ST_OK;
}

enum status energy_perf_begin(struct energy_perf *perf)
{
    uint64_t now[ENERGY_PERF_PACKAGES];

    for (int i = 0; i < perf->packages; i++)
        TRY(read_count(perf, i, &now[i]));
    memcpy(perf->start, now, sizeof now[0] * (size_t)perf->packages);
    return ST_OK;
}

enum status energy_perf_end(const struct energy_perf *perf, double *out_joules)
{
    double counts = 0;

    for (int i = 0; i < perf->packages; i++) {
        uint64_t now = 0;
        TRY(read_count(perf, i, &now));
        if (now <= perf->start[i])
            return status_fail(ST_IO,
                               "power/energy-pkg/ of package %d: went from %" PRIu64 " to %" PRIu64
                               "; window too short or counter dead",
                               i, perf->start[i], now);
        counts += (double)(now - perf->start[i]);
    }
    *out_joules = counts * perf->joules_per_count;
    return ST_OK;
}
