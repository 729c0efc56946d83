/* What the parts of merge share. */
#ifndef MERGE_INSIDE_H
#define MERGE_INSIDE_H

#include <limits.h>

#include "merge.h"
#include "merge_shard.h"

struct merge_cell {
    const struct merge_shard *shard; /* NULL: of a shard that is not there */
    const struct merge_line *line;   /* NULL: no record */
};

struct merge {
    const struct merge_options *options;
    struct merge_shard *shard; /* owned; ascending by index */
    int shards, count;         /* that are there; that there should be */
    struct merge_cell *cell;   /* owned; the whole matrix in order */
    size_t cells, missing;     /* all; those without record */
    char tmp[PATH_MAX];        /* where the result grows */
};

/* Copies every file of the shards but env.json, records.jsonl, reports and plots into `tmp`. Lines of other .jsonl
 * files are put in the order of the matrix; any other file must have the same content wherever it is, and an artifact
 * the one that its records name. ST_FORMAT, ST_IO. */
enum status merge_files(const struct merge *merge);

/* The env.json of the result: facts that all shards share, `run` with the settings, every shard's own env.json under
 * "shards", warnings. Owned. ST_NOMEM. */
enum status merge_env(const struct merge *merge, cJSON **out);

#endif
