/* Clocks as parameters: whoever measures is handed one, so that tests can hand out a fake that never waits.
 *
 *   struct clock clock;
 *   clock_system(&clock);                                  // the real one, its own cost measured
 *   uint64_t t = clock.wall_ns(clock.context);
 *
 * All functions must be callable at any time, allocate nothing and never go backwards. */
#ifndef MEASURE_CLOCK_H
#define MEASURE_CLOCK_H

#include <stdint.h>

typedef uint64_t (*clock_read_fn)(void *context);

/* Of this thread, so far. */
struct clock_disturbances {
    uint64_t switches; /* involuntary context switches */
    uint64_t faults;   /* major page faults */
};

struct clock {
    clock_read_fn wall_ns; /* time that passes */
    clock_read_fn cpu_ns;  /* processor time that this thread has had */
    void (*disturbances)(void *context, struct clock_disturbances *out);
    void *context;             /* borrowed; handed to the three above */
    double wall_overhead_ns;   /* one wall_ns call, as seen between two of them */
    double wall_resolution_ns; /* smallest step that wall_ns was seen to make */
    double cpu_overhead_ns;    /* one cpu_ns call */
};

/* CLOCK_MONOTONIC_RAW (not slewed by time synchronisation), CLOCK_THREAD_CPUTIME_ID and
 * getrusage(RUSAGE_THREAD); then clock_measure. Takes about a millisecond. */
void clock_system(struct clock *out);

/* Fills overheads and resolution by calling the clock's own functions: the overhead is the median of 1001 differences
 * of neighbouring calls, the resolution the smallest nonzero one (0 if the clock never moved). */
void clock_measure(struct clock *clock);

#endif
