/* A suite: which models, recipes and kernels to run, read from suites/<name>.json and checked completely before
 * anything runs.
 *
 * { "name": "quick",
 *   "models": ["models/lenet-300-100.json", "models/lenet5.json"],      relative to the suite's folder
 *   "recipes": [ {"name": "fp32", "steps": [...]}, ... ],               compress/recipe.h
 *   "cells": [ {"kernel": "ref",  "threads": [1], "batches": [1]},
 *              {"kernel": "simd", "threads": [1], "batches": [1, 32]} ],
 *   "seeds": [1],                                                       optional
 *   "blas": "open",                                                     optional: "plain" repeats on any CPU
 *   "data": "noise",                                                    optional: random images, random weights
 *   "limits": {"train": 0, "valid": 0, "test": 0},                      optional: images used, 0 = all
 *   "energy": "energy/mine.json",                                       optional: constants of the energy proxy
 *   "budget_s": 1.5 }                                                   optional: seconds of timing per cell
 *
 * The first recipe must be fp32: every other row is measured against it. With "data": "noise" recipes begin with init
 * instead of train, models may take inputs of any shape, and rows say nothing of accuracy: for time and size only. */
#ifndef SUITE_H
#define SUITE_H

#include <limits.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"
#include "graph/graph.h"
#include "train/train.h"

enum { SUITE_MODELS = 16, SUITE_RECIPES = 256, SUITE_AXES = 8, SUITE_LIST = 64, SUITE_SEEDS = 64 };
enum { SUITE_BATCH_MAX = 4096 };

struct suite_model {
    struct graph graph;    /* untrained; owned */
    char sha256[HASH_HEX]; /* of the definition's bytes */
};

struct suite_axis {
    int simd; /* 0: reference kernels */
    int threads[SUITE_LIST], n_threads;
    int batches[SUITE_LIST], n_batches;
};

struct suite {
    struct json doc; /* owned */
    char name[GRAPH_NAME];
    char sha256[HASH_HEX]; /* of the suite and all its models */
    struct suite_model model[SUITE_MODELS];
    int models;
    const cJSON *recipes;                   /* in doc */
    const char *recipe_name[SUITE_RECIPES]; /* in doc */
    int n_recipes;
    struct suite_axis axis[SUITE_AXES];
    int axes;
    uint64_t seed[SUITE_SEEDS];
    int seeds;
    uint32_t limit_train, limit_valid, limit_test;
    enum train_blas blas;
    double budget_s;
    char energy_file[PATH_MAX]; /* "" where the suite names none */
    int noise;                  /* no labelled data: every model gets random inputs of its shape */
};

/* ST_IO or ST_FORMAT with file and key path. Free with suite_free (accepts a zeroed struct). */
enum status suite_load(const char *file, struct suite *out);
void suite_free(struct suite *suite);

/* Replaces the seeds: "3", "1-3", "1,4,7" (base/list.h). ST_BADARG. */
enum status suite_set_seeds(struct suite *suite, const char *text);

/* The command line's own threads and batches; a list of 0 entries leaves the suite's. */
struct suite_axes {
    int threads[SUITE_LIST], n_threads;
    int batches[SUITE_LIST], n_batches;
};

/* Replaces the lists of the SIMD cells; the reference cells, which are slow and there for comparison, get the smallest
 * entry of each list given, so that they stand beside the SIMD cells that tables show first. */
void suite_set_axes(struct suite *suite, const struct suite_axes *axes);

#endif
