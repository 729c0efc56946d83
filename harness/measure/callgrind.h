/* Instructions that a program executes inside one function, counted exactly by valgrind's callgrind (Ir only; not
 * simulated cycles). The count says what was executed, not how long it took.
 *
 *   char *const argv[] = {"./packlight", "run", "a.plk", "--input", "x.u8", NULL};
 *   TRY(callgrind_count(NULL, "engine_run", argv, 300, NULL, &instructions)); */
#ifndef MEASURE_CALLGRIND_H
#define MEASURE_CALLGRIND_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"

/* Runs argv under callgrind, collecting only between entry and exit of `function` (all calls of it together, with what
 * it calls). valgrind: program, NULL for the one in PATH. ST_SKIP when it is not installed (the message names the
 * package), ST_IO when the program fails, time runs out or the function was never entered, ST_FORMAT for an unexpected
 * output, ST_INTERRUPTED. */
enum status callgrind_count(const char *valgrind, const char *function, char *const *argv, double timeout_s,
                            const volatile sig_atomic_t *stop, uint64_t *out);

#endif
