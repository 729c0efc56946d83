/* What timing.c and timing_slices.c share; not for others. */
#ifndef MEASURE_TIMING_INSIDE_H
#define MEASURE_TIMING_INSIDE_H

#include <stdint.h>

#include "measure/timing.h"

/* ST_BADARG for options that make no sense. */
enum status timing_check(const struct timing_options *options);
/* ST_INTERRUPTED once the stop flag is up. */
enum status timing_stopped(const struct timing_options *options);
/* 1 if the thread was without the processor for more than the ratio allows, or was switched out more often than
 * once per 10 ms. */
int timing_contaminated(const struct timing_options *options, uint64_t wall_ns, uint64_t cpu_ns, uint64_t disturbances);

#endif
