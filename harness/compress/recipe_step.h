/* One step of a recipe from JSON to struct recipe_step, and its canonical text: internal to compress/. */
#ifndef COMPRESS_RECIPE_STEP_H
#define COMPRESS_RECIPE_STEP_H

#include "compress/recipe.h"

/* "train", "prune", ...; static. */
const char *recipe_op_name(enum recipe_op op);

/* Parses `step`, whose place in the document is `path`, with the overrides for `model` in its "models" (NULL: the step
 * as it stands). Everything about the step alone is checked; ST_FORMAT with file and key path. */
enum status recipe_step_parse(const struct json *doc, const cJSON *step, const char *path, const char *model,
                              struct recipe_step *out);

/* Every parameter that the step's result depends on as one line of text, the same for the same step however it was
 * written in JSON. Returns the length as snprintf. */
int recipe_step_text(const struct recipe_step *step, char *out, size_t size);

enum { RECIPE_STEP_TEXT = 640 }; /* bytes that are always enough */

#endif
