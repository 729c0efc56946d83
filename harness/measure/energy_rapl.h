/* Measured package energy from Linux powercap (intel-rapl:*, which also serves AMD). Gross energy of whole
 * packages, other tenants included; read at the edges of long windows (>= 10 s) only: the counter moves about
 * once a millisecond. Absent in nearly all virtual machines, root-only on most others. */
#ifndef MEASURE_ENERGY_RAPL_H
#define MEASURE_ENERGY_RAPL_H

#include <stdint.h>

#include "base/status.h"

enum { ENERGY_RAPL_PACKAGES = 16 };

struct energy_rapl {
    char path[ENERGY_RAPL_PACKAGES][192]; /* of the energy_uj files */
    uint64_t range_uj[ENERGY_RAPL_PACKAGES];
    uint64_t start_uj[ENERGY_RAPL_PACKAGES];
    int packages;
};

/* Finds the package domains under root (NULL: /sys/class/powercap). ST_SKIP with the reason when there is none or
 * it may not be read. Holds no resource. */
enum status energy_rapl_open(const char *root, struct energy_rapl *out);

/* Starts a window. ST_IO. */
enum status energy_rapl_begin(struct energy_rapl *rapl);

/* Joules since begin over all packages; one wrap of each counter is undone (a window must be shorter than two:
 * typically a minute at full load). A counter that did not move is ST_IO, not 0 J. */
enum status energy_rapl_end(const struct energy_rapl *rapl, double *out_joules);

#endif
