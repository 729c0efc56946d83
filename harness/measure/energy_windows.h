/* Energy per call from a counter that is read only at the edges of long windows: gross, and above what the machine
 * takes while idle. Nothing is loaded or planned inside a window. What is called is a function pointer; clock and
 * counter are parameters, so tests need neither time nor a counter.
 *
 *   struct energy_windows_options options = energy_windows_defaults();
 *   TRY(energy_windows(&options, &meter, runner_call, &runner, &result));
 *   microjoules = 1e6 * result.gross_j / batch; */
#ifndef MEASURE_ENERGY_WINDOWS_H
#define MEASURE_ENERGY_WINDOWS_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"

enum { ENERGY_WINDOWS_MAX = 25 };

struct energy_windows_options {
    double window_s;                   /* shortest window */
    uint64_t calls;                    /* fewest calls in one */
    int windows;                       /* 1 to ENERGY_WINDOWS_MAX; the result is their median */
    const volatile sig_atomic_t *stop; /* nonzero: give up; may be NULL */
};

/* 10 s and 10 calls at least, 5 windows (and one idle window of 10 s). */
struct energy_windows_options energy_windows_defaults(void);

/* The counter and the clock. */
struct energy_meter {
    enum status (*begin)(void *context);
    enum status (*end)(void *context, double *out_joules);
    double (*now_s)(void *context);
    void (*wait)(void *context, double seconds); /* does nothing for so long */
    void *context;                               /* borrowed */
};

struct energy_windows_result {
    double gross_j, gross_lo_j, gross_hi_j; /* per call: median, least and greatest of the windows */
    double net_j; /* per call, the idle power taken off; may be negative: then it says nothing */
    double idle_w;
    uint64_t calls; /* in all windows */
    int windows;
};

/* ST_IO when the counter fails or does not move, ST_INTERRUPTED, ST_BADARG. */
enum status energy_windows(const struct energy_windows_options *options, const struct energy_meter *meter,
                           void (*call)(void *), void *subject, struct energy_windows_result *out);

#endif
