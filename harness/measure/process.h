/* Whole-process times through hyperfine: start-up, loading and work as a user of the command line feels them. For
 * runs of about 50 ms and more; shorter ones drown in the cost of starting a process.
 *
 *   char *const fp32[] = {"./packlight", "run", "a.plk", NULL}, *const s8[] = {"./packlight", "run", "b.plk", NULL};
 *   struct process_command commands[] = {{"fp32", fp32}, {"qat-s8", s8}};
 *   struct process_options options = process_defaults();
 *   double ms[2 * 15];                                        // (commands, rounds * runs)
 *   TRY(process_times(&options, commands, 2, ms)); */
#ifndef MEASURE_PROCESS_H
#define MEASURE_PROCESS_H

#include <signal.h>

#include "base/status.h"

struct process_command {
    const char *name;  /* for messages; borrowed */
    char *const *argv; /* NULL-terminated; argv[0] is a path or found in PATH; no shell sees it; borrowed */
};

struct process_options {
    int rounds;                        /* calls of hyperfine; the order of commands alternates between them */
    int runs;                          /* timed runs per command and round */
    int warmup;                        /* untimed runs before */
    double timeout_s;                  /* for one round; then all its processes are killed */
    const char *hyperfine;             /* program; NULL: "hyperfine" */
    const volatile sig_atomic_t *stop; /* nonzero: kill and give up; may be NULL */
};

/* 5 rounds of 3 runs, 1 warm-up, 60 s. */
struct process_options process_defaults(void);

/* out_ms (count, rounds * runs): milliseconds, by command then in order of running: column i of two commands is a pair
 * from the same round. Standard output of the commands is discarded. ST_SKIP when hyperfine is not installed (the
 * message names the package), ST_IO when a command fails or time runs out, ST_FORMAT for an unexpected export,
 * ST_BADARG, ST_INTERRUPTED. */
enum status process_times(const struct process_options *options, const struct process_command *commands, int count,
                          double *out_ms);

#endif
