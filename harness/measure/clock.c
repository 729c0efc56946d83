#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "measure/clock.h"

#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "measure/stats.h"

enum { CLOCK_PROBES = 1001, CLOCK_CPU_GROUPS = 10, CLOCK_CPU_READS = 10 };

static uint64_t read_ns(clockid_t id)
{
    struct timespec now = {0, 0};
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t system_wall_ns(void *context)
{
    (void)context;
    return read_ns(CLOCK_MONOTONIC_RAW);
}

static uint64_t system_cpu_ns(void *context)
{
    (void)context;
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void system_disturbances(void *context, struct clock_disturbances *out)
{
    struct rusage usage;
    (void)context;
    memset(out, 0, sizeof *out);
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return;
    out->switches = (uint64_t)usage.ru_nivcsw;
    out->faults = (uint64_t)usage.ru_majflt;
}

void clock_measure(struct clock *clock)
{
    double difference[CLOCK_PROBES];
    uint64_t before = clock->wall_ns(clock->context);

    clock->wall_resolution_ns = 0;
    for (int i = 0; i < CLOCK_PROBES; i++) {
        uint64_t now = clock->wall_ns(clock->context);
        difference[i] = (double)(now - before);
        if (now != before && (clock->wall_resolution_ns <= 0 || difference[i] < clock->wall_resolution_ns))
            clock->wall_resolution_ns = difference[i];
        before = now;
    }
    stats_sort(difference, CLOCK_PROBES);
    clock->wall_overhead_ns = stats_median(difference, CLOCK_PROBES);

    /* The least of several: whoever is interrupted here would look a thousand times slower. */
    clock->cpu_overhead_ns = INFINITY;
    for (int i = 0; i < CLOCK_CPU_GROUPS; i++) {
        uint64_t start = clock->wall_ns(clock->context);
        for (int k = 0; k < CLOCK_CPU_READS; k++)
            (void)clock->cpu_ns(clock->context);
        clock->cpu_overhead_ns =
            fmin(clock->cpu_overhead_ns, (double)(clock->wall_ns(clock->context) - start) / CLOCK_CPU_READS);
    }
}

void clock_system(struct clock *out)
{
    memset(out, 0, sizeof *out);
    out->wall_ns = system_wall_ns;
    out->cpu_ns = system_cpu_ns;
    out->disturbances = system_disturbances;
    clock_measure(out);
}
