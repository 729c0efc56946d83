#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/match.h"

static void name_cell(const struct suite *suite, struct plan_cell *cell)
{
    int used = snprintf(cell->id, sizeof cell->id, "%s/%s/%s/t%d/b%d", suite->model[cell->model].graph.name,
                        suite->recipe_name[cell->recipe], cell->simd ? "simd" : "ref", cell->threads, cell->batch);
    if (suite->seeds > 1 && used > 0 && (size_t)used < sizeof cell->id)
        snprintf(cell->id + used, sizeof cell->id - (size_t)used, "/s%llu", (unsigned long long)cell->seed);
}

static size_t largest(const struct suite *suite)
{
    size_t per_recipe = 0;

    for (int a = 0; a < suite->axes; a++)
        per_recipe += (size_t)suite->axis[a].n_threads * (size_t)suite->axis[a].n_batches;
    return per_recipe * (size_t)suite->seeds * (size_t)suite->models * (size_t)suite->n_recipes;
}

enum status plan_expand(const struct suite *suite, const struct plan_options *options, struct plan *out)
{
    struct plan_cell *cell = calloc(largest(suite), sizeof *cell);
    size_t n = 0, group = 0;

    if (!cell)
        return status_fail(ST_NOMEM, "no memory for %zu cells", largest(suite));
    for (int s = 0; s < suite->seeds; s++)
        for (int m = 0; m < suite->models; m++)
            for (int r = 0; r < suite->n_recipes; r++, group++) {
                if (options->shards > 1 && (int)(group % (size_t)options->shards) != options->shard - 1)
                    continue;
                for (int a = 0; a < suite->axes; a++)
                    for (int t = 0; t < suite->axis[a].n_threads; t++)
                        for (int b = 0; b < suite->axis[a].n_batches; b++) {
                            cell[n] = (struct plan_cell){.model = m,
                                                         .recipe = r,
                                                         .simd = suite->axis[a].simd,
                                                         .threads = suite->axis[a].threads[t],
                                                         .batch = suite->axis[a].batches[b],
                                                         .seed = suite->seed[s]};
                            name_cell(suite, &cell[n]);
                            n += match_any(options->filter, cell[n].id) ? 1 : 0;
                        }
            }
    if (n == 0) {
        free(cell);
        return status_fail(ST_BADARG, "no cell is left: --filter '%s', --shard %d/%d",
                           options->filter ? options->filter : "", options->shard, options->shards);
    }
    out->cell = cell;
    out->cells = n;
    return ST_OK;
}

void plan_free(struct plan *plan)
{
    free(plan->cell);
    memset(plan, 0, sizeof *plan);
}
