/* A batch of equal calls between two readings of the clock: the unit that every timer here is built from.
 *
 *   struct batch_source source = {&clock, "resnet8", runner_call, &runner, 1, NULL};
 *   struct batch_size size;
 *   TRY(batch_calibrate(&source, 1e6, 0.5, &size));      // how many calls last a millisecond, warm
 *   TRY(batch_run(&source, size.calls, &batch));
 *   if (!batch_contaminated(&batch, 0.02))
 *       use(batch_ns(&batch, clock.wall_overhead_ns) / size.calls);
 *
 * A batch is contaminated when its thread did not have the processor: wall and thread clock disagree, a page had to
 * come from the disk, or it was switched out more often than once per 10 ms. The time itself never decides. */
#ifndef MEASURE_BATCH_H
#define MEASURE_BATCH_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"
#include "measure/clock.h"

struct batch {
    uint64_t wall_ns, cpu_ns;  /* as read: the clock's own cost is inside */
    uint32_t switches, faults; /* involuntary context switches, major page faults */
};

struct batch_source {
    const struct clock *clock; /* borrowed */
    const char *name;          /* for messages; borrowed */
    void (*run)(void *context);
    void *context;                     /* borrowed */
    double inflate_ratio;              /* above 1: after its calls a batch waits, awake, until it has lasted so many
                                        * times longer; a known slowdown of anything. At most 1: nothing */
    const volatile sig_atomic_t *stop; /* nonzero: ST_INTERRUPTED; may be NULL */
};

struct batch_size {
    uint64_t calls;  /* per batch */
    double batch_ns; /* of the last one */
    double warmup_s; /* spent */
    int steady;      /* two neighbouring batches agreed within 5 % before the warm-up's end */
};

/* The thread's clock is read outside the wall clock's window: it costs twenty times as much. ST_INTERRUPTED. */
enum status batch_run(const struct batch_source *source, uint64_t calls, struct batch *out);

/* Without the clock's own cost; never negative. */
double batch_ns(const struct batch *batch, double clock_ns);
/* ratio: allowed share of the wall time without the processor; 0: nothing is ever contaminated (several threads). */
int batch_contaminated(const struct batch *batch, double ratio);

/* Doubles the calls until a batch lasts target_ns (0.71 to 1.42 of it; longer if one call does), then goes on until two
 * neighbours agree within 5 % or warmup_s is spent, and calibrates again if the subject got much faster.
 * ST_BADARG for a clock that does not move, ST_INTERRUPTED. */
enum status batch_calibrate(const struct batch_source *source, double target_ns, double warmup_s,
                            struct batch_size *out);
/* Warm-up alone, with a number of calls that somebody else has chosen: at least 3 batches and until two neighbours
 * agree, or warmup_s is spent. ST_INTERRUPTED. */
enum status batch_warm(const struct batch_source *source, uint64_t calls, double warmup_s, struct batch_size *out);

#endif
