/* Before anything is timed: do both sides compute the right thing? Each side's outputs for its eight inputs are held
 * against its own reference kernels (where these do not take seconds), and for two builds of one packed file against
 * each other: integers to the bit, floats within the tolerance of infer.h. The workers also say what they are, which
 * tells identical code. One line of checks.jsonl per cell.
 *
 *   TRY(compare_check_cell(dir, &options, &a, &b, cell, &checks));
 *   check = compare_check_find(&checks, cell->cell);       // check->wrong, check->message */
#ifndef COMPARE_CHECK_H
#define COMPARE_CHECK_H

#include "compare/compare_arms.h"

/* Which build a side is. */
struct compare_origin {
    char commit[48], code_id[HASH_HEX];
};

struct compare_check {
    char cell[256];
    int wrong;         /* an output that must not be timed */
    int failed;        /* could not run */
    char message[512]; /* "" when all is well */
    int code_same; /* 1: both sides run the same machine code, flags, packed file and kernels; 0: not; -1: unknown */
    struct compare_origin origin[2];
};

struct compare_checks {
    struct compare_check *check; /* owned */
    size_t n;
};

/* Runs the check, appends and syncs its line, adds it to `checks`. A wrong or failing side is a result and no failure;
 * ST_INTERRUPTED, ST_IO, ST_NOMEM are. */
enum status compare_check_cell(const char *dir, const struct duet_options *options, const struct compare_build *a,
                               const struct compare_build *b, const struct compare_cell *cell,
                               struct compare_checks *checks);
/* A side that failed or gave something else later, while it was timed: a further line, which counts from then on. */
enum status compare_check_note(const char *dir, const char *cell, enum status what, const char *message,
                               struct compare_checks *checks);
/* No file: no checks. A torn last line is left out. ST_IO, ST_FORMAT. */
enum status compare_check_load(const char *dir, struct compare_checks *out);
void compare_check_free(struct compare_checks *checks);
/* The last word on a cell; NULL when it has not been checked. Borrowed. */
const struct compare_check *compare_check_find(const struct compare_checks *checks, const char *cell);

#endif
