/* What a cell costs before it is warm: whole processes by hyperfine, and what a fresh process takes to load the file,
 * to plan it and to run its very first inference. Paired with the FP32 SIMD model, in alternating order. */
#ifndef RUN_COLD_H
#define RUN_COLD_H

#include <signal.h>
#include <stdint.h>

#include "report/record.h"

struct run_cold {
    const char *program, *sample; /* this program; one raw image */
    const char *cell;             /* for messages */
    const char *model, *fp32;     /* packed files */
    uint32_t mask, fp32_mask;     /* kernels of either */
    int threads;
    const volatile sig_atomic_t *stop; /* may be NULL */
};

/* Fills the process_ fields of the record. A failure costs these figures only and leaves a note; only ST_INTERRUPTED
 * and ST_NOMEM come back. */
enum status run_cold_process(const struct run_cold *cold, struct record *r);

/* Fills load_, plan_, first_ and cold_ in the same way. */
enum status run_cold_start(const struct run_cold *cold, struct record *r);

#endif
