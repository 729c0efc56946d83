#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/match.h"

/* `level` NULL: the run has one level only. */
static void name_cell(const struct suite *suite, const struct plan_cell *cell, const struct plan_level *level,
                      char id[PLAN_ID])
{
    size_t used = 0;

    used += (size_t)snprintf(id, PLAN_ID, "%s/%s/%s/t%d/b%d", suite->model[cell->model].graph.name,
                             suite->recipe_name[cell->recipe], cell->simd ? "simd" : "ref", cell->threads, cell->batch);
    if (level && cell->simd && used < PLAN_ID)
        used += (size_t)snprintf(id + used, PLAN_ID - used, "/%s", level->name);
    if (suite->seeds > 1 && used < PLAN_ID)
        snprintf(id + used, PLAN_ID - used, "/s%llu", (unsigned long long)cell->seed);
}

/* The highest level that can run; NULL when there is no such axis. */
static const struct plan_level *best_level(const struct plan_options *options)
{
    const struct plan_level *best = NULL;

    for (int i = 0; options->levels > 1 && i < options->levels; i++)
        if (!options->level[i].absent)
            best = &options->level[i];
    return best;
}

/* Names the cell and the one that it is compared with. */
static void finish_cell(const struct suite *suite, const struct plan_options *options, int level,
                        struct plan_cell *cell)
{
    const struct plan_level *own = options->levels > 1 ? &options->level[level] : NULL;
    struct plan_cell base = *cell;

    if (own && cell->simd) {
        cell->isa = own->mask;
        cell->absent = own->absent;
    }
    name_cell(suite, cell, own, cell->id);
    base.recipe = 0;
    base.simd = 1;
    name_cell(suite, &base, best_level(options), cell->baseline);
}

static int levels_of(const struct suite_axis *axis, const struct plan_options *options)
{
    return axis->simd && options->levels > 1 ? options->levels : 1;
}

static size_t largest(const struct suite *suite, const struct plan_options *options)
{
    size_t per_recipe = 0;

    for (int a = 0; a < suite->axes; a++)
        per_recipe += (size_t)levels_of(&suite->axis[a], options) * (size_t)suite->axis[a].n_threads *
                      (size_t)suite->axis[a].n_batches;
    return per_recipe * (size_t)suite->seeds * (size_t)suite->models * (size_t)suite->n_recipes;
}

/* The cells of one recipe and kernel, appended where the filter lets them; returns how many there are now. */
static size_t expand_axis(const struct suite *suite, const struct plan_options *options, int axis_index,
                          const struct plan_cell *like, struct plan_cell *cell, size_t n)
{
    const struct suite_axis *axis = &suite->axis[axis_index];

    for (int l = 0; l < levels_of(axis, options); l++)
        for (int t = 0; t < axis->n_threads; t++)
            for (int b = 0; b < axis->n_batches; b++) {
                cell[n] = *like;
                cell[n].simd = axis->simd;
                cell[n].threads = axis->threads[t];
                cell[n].batch = axis->batches[b];
                finish_cell(suite, options, l, &cell[n]);
                n += match_any(options->filter, cell[n].id) ? 1 : 0;
            }
    return n;
}

/* The cells of one artifact that pass the filter, written to cell[]; their number. */
static size_t expand_group(const struct suite *suite, const struct plan_options *options, int seed, int model,
                           int recipe, struct plan_cell *cell)
{
    const struct plan_cell like = {.model = model, .recipe = recipe, .seed = suite->seed[seed]};
    size_t n = 0;

    for (int a = 0; a < suite->axes; a++)
        n = expand_axis(suite, options, a, &like, cell, n);
    return n;
}

enum status plan_expand(const struct suite *suite, const struct plan_options *options, struct plan *out)
{
    struct plan_cell *cell = calloc(largest(suite, options), sizeof *cell);
    size_t n = 0, groups = 0;

    if (!cell)
        return status_fail(ST_NOMEM, "no memory for %zu cells", largest(suite, options));
    for (int s = 0; s < suite->seeds; s++)
        for (int m = 0; m < suite->models; m++)
            for (int r = 0; r < suite->n_recipes; r++) {
                size_t more = expand_group(suite, options, s, m, r, &cell[n]);
                if (more == 0)
                    continue;
                if (options->shards <= 1 || (int)(groups % (size_t)options->shards) == options->shard - 1)
                    n += more;
                groups++;
            }
    if (groups == 0) {
        free(cell);
        return status_fail(ST_BADARG, "no cell is left: --filter '%s'", options->filter ? options->filter : "");
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
