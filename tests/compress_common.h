/* What the tests of harness/compress share: small models from text, weights by hand, synthetic images. */
#ifndef TESTS_COMPRESS_COMMON_H
#define TESTS_COMPRESS_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "graph/graph_json.h"
#include "io/dataset.h"

static inline void check_ok(enum status st)
{
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), status_message());
}

/* The call must fail with `code` and words that contain `says`. */
static inline void check_fails(enum status st, enum status code, const char *says)
{
    if (st != code || !strstr(status_message(), says))
        fail_msg("got %s: \"%s\"\nexpected %s with \"%s\"", status_name(st), status_message(), status_name(code), says);
}

static inline void graph_from_text(const char *text, struct graph *graph)
{
    char path[] = "/tmp/packlight-compress-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    check_ok(file_write_atomic(path, text, strlen(text)));
    check_ok(graph_from_json(path, graph));
    unlink(path);
}

static inline struct weight *weight_named(struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->weights; i++)
        if (strcmp(graph->weight[i].name, name) == 0)
            return &graph->weight[i];
    fail_msg("no weight %s", name);
    return NULL;
}

static inline struct value *value_at(struct graph *graph, const char *node)
{
    for (int i = 0; i < graph->nodes; i++)
        if (strcmp(graph->node[i].name, node) == 0)
            return &graph->value[graph->node[i].output];
    fail_msg("no node %s", node);
    return NULL;
}

static inline void set_weight(struct graph *graph, const char *name, const float *data)
{
    struct weight *weight = weight_named(graph, name);
    memcpy(weight->data, data, weight->count * sizeof *data);
}

static inline void set_scales(struct graph *graph, const char *name, float scale)
{
    struct weight *weight = weight_named(graph, name);

    if (!weight->scale)
        check_ok(mem_alloc((size_t)weight->dim[0], sizeof *weight->scale, &weight->scale));
    for (int o = 0; o < weight->dim[0]; o++)
        weight->scale[o] = scale;
}

static inline void set_value(struct graph *graph, const char *node, float scale, int zero_point)
{
    struct value *value = value_at(graph, node);

    value->quant = QUANT_STATIC;
    value->scale = scale;
    value->zero_point = zero_point;
}

enum { BLOB_SIDE = 6, BLOB_CLASSES = 3 };

/* Images of BLOB_SIDE x BLOB_SIDE in which class k is a bright row 2k over noise: easy to learn, not trivial. */
static inline void blobs_new(struct dataset_splits *out, uint32_t n_train, uint32_t n_valid)
{
    uint32_t n = n_train + n_valid;
    size_t pixels = BLOB_SIDE * BLOB_SIDE;
    uint8_t *block;
    struct rng rng;

    memset(out, 0, sizeof *out);
    check_ok(mem_alloc(n, pixels + 1, &block));
    rng_seed(&rng, 7, 1);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t label = rng_below(&rng, BLOB_CLASSES);
        block[n * pixels + i] = (uint8_t)label;
        for (uint32_t p = 0; p < pixels; p++)
            block[i * pixels + p] = (uint8_t)(rng_below(&rng, 140) + (p / BLOB_SIDE == 2 * label ? 80 : 0));
    }
    out->train = (struct dataset){block, block + n * pixels, n_train, 1, BLOB_SIDE, BLOB_SIDE, BLOB_CLASSES};
    out->valid = out->train;
    out->valid.pixels += n_train * pixels;
    out->valid.labels += n_train;
    out->valid.n = n_valid;
    out->test = out->valid;
    snprintf(out->name, sizeof out->name, "blobs");
    hash_bytes(block, n * (pixels + 1), out->sha256);
    out->owned = block;
}

static inline void blobs_free(struct dataset_splits *splits)
{
    mem_free(splits->owned);
    memset(splits, 0, sizeof *splits);
}

#define BLOB_CONV_MODEL                                                                                                \
    "{\"name\":\"blobs\",\"input\":[1,6,6],\"layers\":["                                                               \
    "{\"op\":\"conv\",\"name\":\"c1\",\"channels\":4,\"kernel\":3},"                                                   \
    "{\"op\":\"pool_max\",\"name\":\"p1\",\"kernel\":2,\"stride\":2},{\"op\":\"flatten\",\"name\":\"flat\"},"          \
    "{\"op\":\"fc\",\"name\":\"f1\",\"features\":12},{\"op\":\"relu\",\"name\":\"r1\"},"                               \
    "{\"op\":\"fc\",\"name\":\"f2\",\"features\":3}]}"

#endif
