/* Joins the run directories of a matrix's shards (bench --shard I/N) into one that holds the same records in the same
 * order as one run would. Record lines are copied byte for byte; nothing is measured, made or rewritten.
 *
 *   struct merge_options o = {.out_dir = "results/all", .dir = dirs, .dirs = 3};
 *   TRY(merge_run(&o));
 *
 * Refused, naming both directories: shards of another suite, data, ISA, seeds, matrix or program; a shard twice or
 * not there; a cell without record; files of one name with different contents; an artifact that is not what its records
 * say. OUT is built beside as OUT.tmp, synced and renamed, so that a kill at any instant leaves no OUT or a whole
 * one. */
#ifndef MERGE_H
#define MERGE_H

#include "base/status.h"

struct merge_options {
    const char *out_dir;    /* must not exist, or be empty */
    const char *const *dir; /* dirs of them */
    int dirs;
    int partial; /* shards and cells may be missing: what is there is joined, and env.json and the report say so */
    int argc;    /* the command line, for env.json */
    char **argv;
};

enum status merge_run(const struct merge_options *options);

#endif
