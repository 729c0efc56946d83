/* packlight inspect --plan: what the engine will do for each layer, and why. */
#ifndef CLI_INSPECT_PLAN_H
#define CLI_INSPECT_PLAN_H

#include <stdint.h>

#include "base/status.h"

struct inspect_plan {
    uint32_t isa;
    int batch, threads;
};

/* Plans a packed model, or a model definition (its name ends in .json) with random weights and folded batch
 * normalizations, and prints the steps. Errors of the reader and of the engine. */
enum status cli_inspect_plan(const char *path, const struct inspect_plan *options);

#endif
