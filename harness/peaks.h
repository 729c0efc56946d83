/* This machine's own limits, measured: multiply-accumulates per second of each instruction that matters and bytes read
 * per second from working sets of four sizes, on one thread and on all. What the roofline is drawn from.
 *
 *   TRY(peaks_measure(0.02, &clock, &peaks));        // about three seconds
 *   cJSON_AddItemToObject(env, "peaks", peaks);
 *
 * {"threads": 2, "compute": [{"key": "f32_fma_avx2", "name": ..., "kind": "f32", "gmac_s": 51.8, "gmac_s_all": 102}],
 *  "read": [{"key": "read_16k", "bytes": 16384, "level": "L1", "gb_s": 204, "gb_s_all": 282}]}
 *
 * Each figure is the best of several short runs: a limit, not what is typical. The levels of the caches are named by
 * working sets (16 KiB, 256 KiB, 8 MiB, 256 MiB) that fit them on common processors; what a hypervisor says about cache
 * sizes is not believed. */
#ifndef PEAKS_H
#define PEAKS_H

#include "base/json.h"
#include "base/status.h"
#include "measure/clock.h"

/* run_s: length of one run. Owned (cJSON_Delete). ST_NOMEM; ST_UNSUPPORTED where there is no probe for this processor.
 */
enum status peaks_measure(double run_s, const struct clock *clock, cJSON **out);

#endif
