/* One shard's run directory, read for joining: its env.json, and of its records.jsonl the line that counts for each of
 * its cells. */
#ifndef MERGE_SHARD_H
#define MERGE_SHARD_H

#include <stddef.h>

#include "base/hash.h"
#include "base/json.h"

enum { MERGE_CELLS = 20000, MERGE_SHARDS = 4096 };

/* A cell's record as it stands in the file. */
struct merge_line {
    const char *at; /* in the shard's text, without newline; NULL: no record */
    size_t len;
    char *artifact; /* owned; NULL: none */
    char artifact_sha256[HASH_HEX];
};

struct merge_shard {
    const char *dir; /* borrowed */
    struct json env; /* owned */
    const cJSON *run;
    const cJSON *ids; /* of the whole matrix, in order; in env */
    size_t cells;     /* of the whole matrix */
    int index, count; /* I of N, from 1 */
    size_t *own;      /* owned; positions of its cells, ascending */
    const char **id;  /* owned; their names, in env */
    size_t owned;
    struct merge_line *line; /* owned; one per own cell */
    char *text;              /* owned; records.jsonl */
    size_t torn;             /* lines that a kill cut off */
};

/* ST_IO or ST_FORMAT naming file and place: no run, not a shard, damaged. Free with merge_shard_free (accepts a zeroed
 * struct). */
enum status merge_shard_open(const char *dir, struct merge_shard *out);
void merge_shard_free(struct merge_shard *shard);

/* ST_BADARG, naming both directories, unless these are parts of one matrix made by one program. */
enum status merge_shard_check_same(const struct merge_shard *a, const struct merge_shard *b);

/* Which of the shard's own cells has this name: 1 and its index, or 0. Where cells come in the order of the matrix,
 * *hint (0 at first) makes it quick. */
int merge_shard_find(const struct merge_shard *shard, const char *cell, size_t *hint, size_t *out);

/* Id of any cell of the matrix, for messages; borrowed. */
const char *merge_shard_id(const struct merge_shard *shard, size_t position);

#endif
