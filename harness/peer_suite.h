/* A suite of the comparison with other libraries: operators by shape, whole models, and what is expected. Checked
 * completely before anything runs.
 *
 * { "name": "peers", "peers": ["onednn", "xnnpack", "openblas"], "seed": 1, "budget_s": 0.5,
 *   "shapes": [ {"name": "conv3x3-64-64-56", "op": "conv", "c": 64, "size": [56, 56], "n": 64, "kernel": 3,
 *                "stride": 1, "pad": 1, "types": ["fp32", "int8"], "sparsity": [0.8]}, ...
 *               {"name": "fc-784-300", "op": "fc", "c": 784, "n": 300, "batch": 1, "types": ["fp32"]} ],
 *   "models": [ {"file": "models/lenet5.json", "batch": 1, "types": ["fp32", "int8"]} ],
 *   "expect": [ {"names": "conv*,fc*", "config": "int8", "against": "exact", "floor": 1.3, "target": 1.6} ] }
 *
 * op is conv, depthwise (no n) or fc (no size, kernel, stride, pad). Each sparsity adds a float cell named
 * prune-u<percent>. seed and budget_s (seconds of timing per cell and library), kernel, stride, pad, batch, sparsity,
 * models and expect may be left out. names are shell patterns. against: "best" (every library), "exact" (those whose
 * integers are exact), "dense" (our own dense kernel, for sparse cells). */
#ifndef PEER_SUITE_H
#define PEER_SUITE_H

#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"
#include "peers/peer.h"

enum { PEER_SHAPES = 64, PEER_MODELS = 32, PEER_SPARSITIES = 8, PEER_CELLS = 512 };

/* One thing that every library does once. */
struct peer_cell {
    char id[128];     /* model/config, what --filter matches: "fc-784-300/prune-u80" */
    int shape, model; /* index into the suite, -1 for none: one of the two is set */
    enum peer_type type;
    double sparsity;
    const char *config; /* in `id` */
};

struct peer_suite {
    struct json doc; /* owned */
    char name[GRAPH_NAME];
    char sha256[HASH_HEX];      /* of the suite and its models' definitions */
    int wanted[PEER_LIBRARIES]; /* 1: peer_libraries[i] takes part; own kernels always do */
    uint64_t seed;
    double budget_s;
    struct peer_shape shape[PEER_SHAPES];
    int shapes;
    struct {
        struct graph graph; /* with random weights; owned */
        int batch;
    } model[PEER_MODELS];
    int models;
    struct peer_cell cell[PEER_CELLS]; /* in running order */
    int cells;
    const cJSON *expect; /* array in doc, checked; NULL for none */
};

/* ST_IO or ST_FORMAT with file and key path. Free with peer_suite_free (accepts a zeroed struct). */
enum status peer_suite_load(const char *file, struct peer_suite *out);
/* The same from memory, `name` for the file in messages and as the place that models are relative to. */
enum status peer_suite_parse(const char *name, const char *text, size_t len, struct peer_suite *out);
void peer_suite_free(struct peer_suite *suite);

/* Keeps the cells whose id matches one of the comma-separated patterns (NULL: all). ST_BADARG when none is left. */
enum status peer_suite_filter(struct peer_suite *suite, const char *filter);

#endif
