/* One thing that a paired comparison measures: a cell, or a sentinel that tries the ruler on it. And the command lines
 * of its two arms. */
#ifndef COMPARE_ARMS_H
#define COMPARE_ARMS_H

#include <limits.h>

#include "compare/compare_cells.h"
#include "layouts.h"
#include "measure/duet.h"

enum { COMPARE_LAYOUTS = LAYOUTS };

/* A build of packlight with its relinked variants: the same objects in other orders. */
struct compare_build {
    char program[PATH_MAX]; /* absolute, links resolved */
    char layout[COMPARE_LAYOUTS][PATH_MAX];
    int layouts; /* found beside it; 0: none */
};

/* ST_BADARG unless it can be run. */
enum status compare_build_open(const char *program, struct compare_build *out);

enum compare_role {
    COMPARE_CELL,              /* A against B: decides */
    COMPARE_SENTINEL_AA,       /* A against itself: must not alarm */
    COMPARE_SENTINEL_RELINKED, /* A against its relinked variants: what code layout alone does */
    COMPARE_SENTINEL_INJECTED  /* A against A made 3 % slower: must be found */
};
#define COMPARE_INJECTED_RATIO 1.03

/* "gated", "sentinel-aa", "sentinel-relinked", "sentinel-injected"; static. */
const char *compare_role_word(enum compare_role role);

/* Both arms, with everything that they borrow. */
struct compare_arms {
    struct duet_arm a, b;
    char text[2][4][32];
    char *argv[2][16];
    const char *program[2][1 + COMPARE_LAYOUTS];
};

/* Fills the arms of a cell or sentinel. stage 1 runs the builds as they are; stage 2 lets each process pair have one of
 * the builds' relinked variants. Everything given must outlive the arms; they must not be moved. */
void compare_arms_fill(const struct compare_build *a, const struct compare_build *b, const struct compare_cell *cell,
                       enum compare_role role, int stage, struct compare_arms *out);

#endif
