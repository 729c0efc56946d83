/* What env.json of a run or a comparison says about machine, build and command. */
#ifndef REPORT_ENV_H
#define REPORT_ENV_H

#include <stddef.h>

#include "base/json.h"

/* Facts of env.json by what they say, "unknown" where missing. */
enum report_fact {
    REPORT_CPU,
    REPORT_ISA,
    REPORT_COMMIT, /* with "+dirty" when the tree had changes */
    REPORT_COMPILER,
    REPORT_FLAGS,
    REPORT_COMMAND,
    REPORT_SEED,
    REPORT_SUITE,
    REPORT_DATA,
    REPORT_SYSTEM,
    REPORT_DATE
};
/* Returns buffer. env may hold no document. */
const char *env_fact(const struct json *env, enum report_fact fact, char *buffer, size_t size);

/* Value at a dotted path ("cpu.brand"): texts as they are, numbers and true/false printed, lists of these joined;
 * `otherwise` when it is missing or something else. Returns buffer. */
const char *env_value(const struct json *env, const char *path, const char *otherwise, char *buffer, size_t size);

#endif
