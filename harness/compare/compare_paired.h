/* The measuring of a paired comparison: sentinels and cells in a first sweep, then whatever looked different once more
 * with fresh processes, another seed and relinked variants of both builds. Writes into the comparison's folder
 * (report/comparison.h) and judges nothing: compare_judge.h does, from the folder alone.
 *
 *   struct compare_options options = compare_defaults();
 *   ... a, b, cells ...
 *   TRY(compare_measure(&options));
 *   TRY(compare_judge(options.dir, &comparison)); */
#ifndef COMPARE_PAIRED_H
#define COMPARE_PAIRED_H

#include <signal.h>

#include "compare/compare_arms.h"
#include "compare/compare_cells.h"
#include "measure/gate.h"

struct compare_options {
    char dir[PATH_MAX];                      /* of the comparison */
    char kind[32];                           /* builds, models, recipes */
    char name_a[PATH_MAX], name_b[PATH_MAX]; /* as the user gave them */
    char label_a[64], label_b[64];           /* what reports call them; "": commit or file name */
    char again[PATH_MAX * 2];                /* command that measures this anew; a --filter is added per cell */
    struct compare_build a, b;
    struct compare_cells cells; /* borrowed content */
    int pairs, rounds;          /* of a stage; more pairs where the spread asks for it */
    uint64_t seed;
    double gate_ratio;    /* 0.02 */
    double budget_s;      /* of the first sweep: cells get more pairs only within it */
    double wait_s;        /* longest wait for a quiet machine before giving up; negative: none, and no early end */
    double inject_ratio;  /* 1; above: B is made slower by this, to try the ruler */
    int blind;            /* 1: identical code is judged as if it differed, to try the ruler */
    const char *data_dir; /* test images for accuracy; NULL: the Debian package's */
    int no_accuracy;      /* 1: different files are not run over test images */
    int process;          /* 1: whole-process times by hyperfine, too */
    int instructions;     /* 1: instruction counts by callgrind, too */
    int attempt;          /* 1: first try of this comparison */
    int resume;           /* go on in dir */
    int argc;             /* the command line, for env.json */
    char **argv;
    const volatile sig_atomic_t *stop;
};

struct compare_options compare_defaults(void);

/* ST_INTERRUPTED keeps what is finished. A machine that stays busy is no failure: measuring ends early and the folder
 * says so. ST_BADARG when --resume meets another comparison, ST_IO, ST_NOMEM. */
enum status compare_measure(const struct compare_options *options);

#endif
