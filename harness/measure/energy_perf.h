/* Measured package energy from the processor's power counters as the kernel's perf events show them (power/energy-pkg/,
 * Intel and AMD). Gross energy of whole packages, other tenants included. Type and event number are read from sysfs,
 * since they differ between machines; one counter per package, on the processors of the device's cpumask. The values
 * have 64 bits and do not wrap. Usually root-only (kernel.perf_event_paranoid). */
#ifndef MEASURE_ENERGY_PERF_H
#define MEASURE_ENERGY_PERF_H

#include <stdint.h>

#include "base/status.h"

enum { ENERGY_PERF_PACKAGES = 16 };

/* How counters are opened and read; tests hand out their own. */
struct energy_perf_system {
    int (*open)(void *context, uint32_t type, uint64_t event, int cpu); /* a handle, or -errno */
    int (*read)(void *context, int handle, uint64_t *out);              /* 0, or -errno */
    void (*close)(void *context, int handle);
    void *context; /* borrowed */
};

struct energy_perf {
    struct energy_perf_system system;
    int handle[ENERGY_PERF_PACKAGES];
    uint64_t start[ENERGY_PERF_PACKAGES];
    int packages;
    double joules_per_count;
};

/* device: NULL for /sys/bus/event_source/devices/power; system: NULL for the kernel's. ST_SKIP with the reason when
 * there is no such event or it may not be opened. Close with energy_perf_close (accepts a zeroed struct). */
enum status energy_perf_open(const char *device, const struct energy_perf_system *system, struct energy_perf *out);
void energy_perf_close(struct energy_perf *perf);

/* Starts a window. ST_IO. */
enum status energy_perf_begin(struct energy_perf *perf);

/* Joules since begin over all packages. A counter that did not move, or went back, is ST_IO, not 0 J. */
enum status energy_perf_end(const struct energy_perf *perf, double *out_joules);

#endif
