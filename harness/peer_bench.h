/* The comparison with other libraries: every cell of a suite, one record per library and cell, in a run folder like the
 * others (records.jsonl, env.json with the machine's measured limits, the libraries and what is expected). */
#ifndef PEER_BENCH_H
#define PEER_BENCH_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"

struct peer_bench_options {
    const char *suite_file;
    const char *out_dir; /* NULL: results/<date>-<host>-<commit>, with results/latest-peers pointing at it */
    const char *filter;  /* over model/config; NULL: all */
    uint32_t isa;        /* of our kernels */
    int capped;          /* 1: a level was asked for, libraries that can be capped keep to it */
    int resume, list;
    double budget_s; /* of timing per cell and library; 0: the suite's */
    int argc;        /* the command line, for env.json */
    char **argv;
    const volatile sig_atomic_t *stop;
};

/* *exit_code: 0, 2 when a cell failed, 5 when our own output or another library's floats were wrong. */
enum status peer_bench_run(const struct peer_bench_options *options, int *exit_code);

#endif
