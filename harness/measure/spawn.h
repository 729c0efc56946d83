/* Running another program without a shell, with a deadline. */
#ifndef MEASURE_SPAWN_H
#define MEASURE_SPAWN_H

#include <signal.h>
#include <stddef.h>

#include "base/status.h"

/* Runs argv (argv[0] found in PATH), standard input empty, standard output and error together into out (at most
 * size - 1 bytes and a NUL; the rest is read and discarded; size 0: out may be NULL). *exit_code is the exit status,
 * 128 + n for signal n. ST_SKIP when the program does not exist; ST_IO when it cannot run or timeout_s pass, then its
 * whole process group has been killed; ST_INTERRUPTED the same when *stop (may be NULL) becomes nonzero. */
enum status spawn_run(char *const *argv, double timeout_s, const volatile sig_atomic_t *stop, char *out, size_t size,
                      int *exit_code);

#endif
