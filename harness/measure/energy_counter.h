/* The package energy counter of this machine, if it has one that may be read: perf's power/energy-pkg/, else powercap,
 * else none.
 *
 *   struct energy_counter counter;
 *   if (energy_counter_open(NULL, &counter) == ST_OK) ...       // otherwise status_message() says why there is none
 *   TRY(energy_counter_begin(&counter));
 *   ... at least some seconds ...
 *   TRY(energy_counter_end(&counter, &joules));
 *   energy_counter_close(&counter); */
#ifndef MEASURE_ENERGY_COUNTER_H
#define MEASURE_ENERGY_COUNTER_H

#include "measure/energy_perf.h"
#include "measure/energy_rapl.h"

enum energy_source { ENERGY_SOURCE_NONE, ENERGY_SOURCE_PERF, ENERGY_SOURCE_POWERCAP };

struct energy_counter {
    enum energy_source source;
    struct energy_perf perf;
    struct energy_rapl rapl;
    const char *name; /* "power/energy-pkg/" or "powercap intel-rapl"; static */
    const char *kind; /* of the record: a virtual machine gets a share, which is itself a model; static */
};

/* Where to look; members NULL for the system's own. */
struct energy_places {
    const char *perf_device, *powercap, *cpuinfo;
    const struct energy_perf_system *perf_system;
};

/* ST_SKIP with both reasons when there is none; *out is then ENERGY_SOURCE_NONE and may be used (and closed) as such.
 */
enum status energy_counter_open(const struct energy_places *places, struct energy_counter *out);
void energy_counter_close(struct energy_counter *counter);

/* As energy_perf_begin and energy_perf_end, or those of energy_rapl. ST_SKIP without a counter. */
enum status energy_counter_begin(struct energy_counter *counter);
enum status energy_counter_end(const struct energy_counter *counter, double *out_joules);

#endif
