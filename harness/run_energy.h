/* The energy fields of a record: the modelled proxy under every table of constants, and what a package counter measured
 * where there is one. The two never share a field. */
#ifndef RUN_ENERGY_H
#define RUN_ENERGY_H

#include <signal.h>
#include <stdint.h>

#include "engine/engine.h"
#include "measure/energy.h"
#include "measure/energy_counter.h"
#include "measure/energy_windows.h"
#include "report/record.h"
#include "run_cold.h"

/* What the model counts. */
struct run_energy_side {
    const struct engine *engine;
    uint32_t mask;       /* of its kernels */
    double instructions; /* counted for one call of the engine, or ENERGY_ANALYTIC */
};

/* Fills the modelled fields from the counts of both plans. ST_BADARG, ST_NOMEM. */
enum status run_energy_model(const struct energy_tables *tables, const struct run_energy_side *self,
                             const struct run_energy_side *fp32, int batch, struct record *r);

/* Instructions of one inference of either model under callgrind, into the sides and the record. What cannot be counted
 * leaves the sides analytic and a note; only ST_INTERRUPTED and ST_NOMEM come back. For batch 1 and one thread. */
enum status run_energy_count(const struct run_cold *what, struct run_energy_side *self, struct run_energy_side *fp32,
                             struct record *r);

/* Measures calls of the subject against the counter and fills the energy_measured_ fields. A failing counter leaves a
 * note; only ST_INTERRUPTED and ST_NOMEM come back. */
enum status run_energy_measure(struct energy_counter *counter, const struct energy_windows_options *options,
                               void (*call)(void *), void *subject, int batch, struct record *r);

#endif
