/* The grammar of recipe names, taken apart: internal to compress/ (recipe.h has what others need). */
#ifndef COMPRESS_RECIPE_NAME_H
#define COMPRESS_RECIPE_NAME_H

#include <stddef.h>

#include "compress/recipe.h"

enum recipe_part_kind {
    RECIPE_PART_FP32,
    RECIPE_PART_UNSTRUCTURED,
    RECIPE_PART_CHANNELS,
    RECIPE_PART_BLOCKS,
    RECIPE_PART_PTQ_DYNAMIC,
    RECIPE_PART_PTQ_STATIC,
    RECIPE_PART_PTQ_W4, /* static, weights of 4 bits */
    RECIPE_PART_QAT,
    RECIPE_PART_QAT_W4
};

struct recipe_part {
    enum recipe_part_kind kind;
    int percent;    /* of pruning, 1..99 */
    int rows, cols; /* of blocks, 1..PRUNE_MAX_BLOCK; else 0 */
};

enum { RECIPE_MAX_PARTS = 8 };

/* "prune-c50+qat-s8" → its parts (at most RECIPE_MAX_PARTS). ST_BADARG with words about the grammar. */
enum status recipe_name_parse(const char *name, struct recipe_part *out_part, int *out_parts);

/* The part's name in the grammar; at most 20 characters with the NUL. */
void recipe_part_name(const struct recipe_part *part, char *out, size_t size);

#endif
