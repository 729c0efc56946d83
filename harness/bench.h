/* The matrix: every cell of a plan once, each finished record appended to DIR/records.jsonl and synced before the next
 * begins, so that a kill at any instant loses at most the cell in flight and --resume goes on behind it. */
#ifndef BENCH_H
#define BENCH_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"
#include "plan.h"

struct bench_options {
    const char *suite_file;
    const char *out_dir;      /* NULL: results/<date>-<host>-<commit>, with results/latest pointing at it */
    const char *data_dir;     /* NULL: the Debian package's */
    const char *cache_dir;    /* "" = no cache */
    const char *seeds;        /* NULL: the suite's */
    struct plan_options plan; /* with the ISA levels of the SIMD cells */
    struct suite_axes axes;   /* threads and batches in place of the suite's */
    uint32_t isa;             /* mask of the highest level: what FP32 SIMD baselines use */
    int jobs;                 /* threads for training and accuracy; they change no figure */
    int resume;               /* go on in out_dir (or results/latest) */
    int list;                 /* print the cells and do nothing */
    int train_only;           /* fill the cache and stop: no cells, no folder */
    int no_process;           /* leave out whole-process times and cold starts */
    const char *energy_file;  /* table of energy constants; NULL: the suite's, or H45 */
    int energy_windows;       /* per cell, where the machine has a counter; 0: do not measure */
    int instructions;         /* count them under callgrind */
    int argc;                 /* the command line, for env.json */
    char **argv;
    const volatile sig_atomic_t *stop;
};

/* *exit_code: 0, 2 when a cell failed, 5 when one was wrong. */
enum status bench_run(const struct bench_options *options, int *exit_code);

#endif
