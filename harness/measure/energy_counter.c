#include "measure/energy_counter.h"

#include <stdio.h>
#include <string.h>

#include "measure/energy.h"

/* The processor's own flag for "there is a hypervisor below". */
static int is_virtual(const char *cpuinfo)
{
    FILE *file = fopen(cpuinfo ? cpuinfo : "/proc/cpuinfo", "re");
    char line[8192];
    int found = 0;

    while (file && !found && fgets(line, sizeof line, file))
        found = strncmp(line, "flags", 5) == 0 && (strstr(line, " hypervisor ") || strstr(line, " hypervisor\n"));
    if (file)
        fclose(file);
    return found;
}

enum status energy_counter_open(const struct energy_places *places, struct energy_counter *out)
{
    static const struct energy_places own = {NULL, NULL, NULL, NULL};
    struct energy_counter counter;
    char why[400];
    enum status st;

    places = places ? places : &own;
    memset(&counter, 0, sizeof counter);
    counter.kind = is_virtual(places->cpuinfo) ? energy_kind_apportioned : energy_kind_measured_package;
    st = energy_perf_open(places->perf_device, places->perf_system, &counter.perf);
    if (st == ST_OK) {
        counter.source = ENERGY_SOURCE_PERF;
        counter.name = "power/energy-pkg/";
    } else {
        snprintf(why, sizeof why, "%s", status_message());
        st = energy_rapl_open(places->powercap, &counter.rapl);
        if (st == ST_OK) {
            counter.source = ENERGY_SOURCE_POWERCAP;
            counter.name = "powercap intel-rapl";
        } else {
            st = status_prefix(ST_SKIP, "%s", why);
        }
    }
    *out = counter;
    return st;
}

void energy_counter_close(struct energy_counter *counter)
{
    if (counter->source == ENERGY_SOURCE_PERF)
        energy_perf_close(&counter->perf);
    memset(counter, 0, sizeof *counter);
}

enum status energy_counter_begin(struct energy_counter *counter)
{
    switch (counter->source) {
    case ENERGY_SOURCE_PERF:
        return energy_perf_begin(&counter->perf);
    case ENERGY_SOURCE_POWERCAP:
        return energy_rapl_begin(&counter->rapl);
    case ENERGY_SOURCE_NONE:
        break;
    }
    return status_fail(ST_SKIP, "no package energy counter");
}

enum status energy_counter_end(const struct energy_counter *counter, double *out_joules)
{
    switch (counter->source) {
    case ENERGY_SOURCE_PERF:
        return energy_perf_end(&counter->perf, out_joules);
    case ENERGY_SOURCE_POWERCAP:
        return energy_rapl_end(&counter->rapl, out_joules);
    case ENERGY_SOURCE_NONE:
        break;
    }
    return status_fail(ST_SKIP, "no package energy counter");
}
