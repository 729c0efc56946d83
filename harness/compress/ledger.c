#include "compress/ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int ledger_flips(const uint8_t *a, const uint8_t *b, uint32_t n)
{
    int flips = 0;

    for (uint32_t i = 0; i < n; i++)
        flips += a[i] != b[i];
    return flips;
}

static double top1(const struct dataset *valid, const uint8_t *predictions)
{
    return valid->n > 0 ? 1.0 - (double)ledger_flips(predictions, valid->labels, valid->n) / (double)valid->n : 0;
}

enum status ledger_add(struct recipe_result *result, const char *name, const struct graph *graph,
                       const struct dataset *valid, const uint8_t *predictions)
{
    struct recipe_stage *stage;

    if (result->stages >= RECIPE_MAX_STEPS)
        return status_fail(ST_BADARG, "%s: the ledger holds at most %d stages", name, RECIPE_MAX_STEPS);
    stage = &result->stage[result->stages];
    memset(stage, 0, sizeof *stage);
    if (result->valid_predictions)
        stage->flips = ledger_flips(result->valid_predictions, predictions, valid->n);
    else
        TRY(mem_alloc(valid->n, 1, &result->valid_predictions));
    memcpy(result->valid_predictions, predictions, valid->n);
    snprintf(stage->name, sizeof stage->name, "%s", name);
    stage->valid_top1 = top1(valid, predictions);
    stage->sparsity = graph_sparsity(graph);
    stage->parameters = graph_parameters(graph);
    result->stages++;
    return ST_OK;
}
