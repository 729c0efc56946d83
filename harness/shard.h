/* One part of a matrix: what its env.json says about itself, so that merge can join the parts and prove that none is
 * missing. Under "run":
 *
 *   "shard"          "2/3"
 *   "program_sha256" of the binary
 *   "cells"          ids of the whole matrix, in running order
 *   "cells_sha256"   of these
 *   "shard_cells"    positions in "cells" that are this shard's, ascending */
#ifndef SHARD_H
#define SHARD_H

#include "base/json.h"
#include "plan.h"

/* Keys that a resumed shard must have unchanged, for rundir_check_same. */
#define SHARD_SAME_KEYS "shard", "cells_sha256"

/* Adds the keys to `run` when options ask for a shard (shards > 0), else nothing. `plan` is the shard's own. ST_NOMEM,
 * ST_IO. */
enum status shard_describe(const struct suite *suite, const struct plan_options *options, const struct plan *plan,
                           cJSON *run);

#endif
