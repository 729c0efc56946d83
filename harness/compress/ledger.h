/* The accuracy ledger: what each stage of a recipe did to the predictions on the validation split. */
#ifndef COMPRESS_LEDGER_H
#define COMPRESS_LEDGER_H

#include "compress/recipe.h"

/* Appends stage `name` with its predictions (valid.n) to the result; flips are counted against the stage before.
 * Copies the predictions into result->valid_predictions. ST_BADARG when the ledger is full, ST_NOMEM. */
enum status ledger_add(struct recipe_result *result, const char *name, const struct graph *graph,
                       const struct dataset *valid, const uint8_t *predictions);

/* Number of places where two prediction lists differ. */
int ledger_flips(const uint8_t *a, const uint8_t *b, uint32_t n);

#endif
