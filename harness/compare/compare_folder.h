/* The folder of a paired comparison, read: what was to be measured (env.json) and what came of it. */
#ifndef COMPARE_FOLDER_H
#define COMPARE_FOLDER_H

#include "compare/compare_cells.h"
#include "compare/compare_check.h"
#include "compare/compare_extra.h"
#include "compare/compare_raw.h"

struct compare_folder {
    char *dir;       /* owned */
    struct json env; /* owned */
    char mode[32];   /* builds, models, recipes */
    char name_a[PATH_MAX], name_b[PATH_MAX];
    char label_a[64], label_b[64]; /* "": none given */
    char again[PATH_MAX * 2];      /* command that measures this anew */
    double gate_ratio;
    int attempt, blind;
    double inject_ratio;
    int64_t seed;
    struct compare_cells cells;
    struct compare_raw raw;
    struct compare_checks checks;
    struct compare_extras extras;
    char refused[400]; /* why measuring did not begin or ended early; "" when it did not */
};

/* ST_IO, ST_FORMAT naming file and place. Free with compare_folder_free. */
enum status compare_folder_load(const char *dir, struct compare_folder *out);
void compare_folder_free(struct compare_folder *folder);
/* By id; NULL when there is none. Borrowed. */
const struct compare_cell *compare_folder_cell(const struct compare_folder *folder, const char *cell);

#endif
