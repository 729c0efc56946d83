/* The gate's view of one unit of a paired comparison: raw pairs in, gate_result out. Used while measuring (does this
 * cell need more pairs, a second stage?) and for the verdicts, so that both see the same. */
#ifndef COMPARE_GATE_H
#define COMPARE_GATE_H

#include "compare/compare_arms.h"
#include "compare/compare_raw.h"
#include "measure/gate.h"

struct compare_gate_facts {
    double floor_ratio; /* of layout, from the relinked sentinels; NaN: none yet */
    int code_same;      /* gate_cell */
    int wrong, not_comparable;
};

/* ST_NOMEM; a unit without measurements gives an inconclusive result. */
enum status compare_gate_unit(const struct gate_options *options, const struct compare_raw *raw, const char *cell,
                              const char *role, const struct compare_gate_facts *facts, struct gate_result *out);

/* Share of the pairs' rounds, summed over all parts of both stages. */
struct compare_gate_rounds {
    long kept, dropped, tied;
};
struct compare_gate_rounds compare_gate_rounds(const struct compare_raw *raw, const char *cell, const char *role);

#endif
