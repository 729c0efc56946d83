/* What timing.c and timing_slices.c share; not for others. */
#ifndef MEASURE_TIMING_INSIDE_H
#define MEASURE_TIMING_INSIDE_H

#include "measure/timing.h"

/* ST_BADARG for options that make no sense. */
enum status timing_check(const struct timing_options *options);
/* ST_INTERRUPTED once the stop flag is up. */
enum status timing_stopped(const struct timing_options *options);

#endif
