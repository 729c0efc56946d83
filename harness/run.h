/* One cell → one record: the only file where all the layers meet. The shipped file is run over the whole test set with
 * the cell's own kernels and batch, compared with the reference (a wrong output never gets a time), then timed against
 * the FP32 SIMD baseline in interleaved rounds, layer by layer, and as a whole process. */
#ifndef RUN_H
#define RUN_H

#include "artifact.h"
#include "measure/clock.h"
#include "measure/energy.h"
#include "measure/energy_counter.h"
#include "measure/energy_windows.h"
#include "plan.h"
#include "report/record.h"

struct run_context {
    struct artifact_context artifacts;
    struct clock clock;
    struct energy_tables energy;           /* the first one's figures are shown */
    struct energy_counter counter;         /* of the packages; ENERGY_SOURCE_NONE: none to read */
    struct energy_windows_options windows; /* windows 0: do not measure energy */
    int instructions;                      /* count them under callgrind: slow */
    char program[PATH_MAX];                /* this program, for fresh processes; "" = do not start any */
    char sample[PATH_MAX];                 /* one raw image for it */
    double budget_s;
};

/* `fp32` is the baseline of the same model and seed (the artifact itself on fp32 rows). Fills *out whatever happens to
 * the cell: status ok, skip, failed or mismatch with the reason. Fails only with ST_INTERRUPTED or ST_NOMEM. The record
 * is to be freed in any case. */
enum status run_cell(const struct run_context *context, const struct plan_cell *cell, const struct artifact *artifact,
                     const struct artifact *fp32, struct record *out);

#endif
