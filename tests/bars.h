/* A small synthetic problem and a network for it, shared by the tests of training. */
#ifndef TESTS_BARS_H
#define TESTS_BARS_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/progress.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "train/train.h"

enum { SIDE = 12, IMAGE = SIDE * SIDE, N_TRAIN = 600, N_VALID = 200, CLASSES = 4 };

static uint8_t train_pixels[N_TRAIN * IMAGE], valid_pixels[N_VALID * IMAGE], train_labels[N_TRAIN],
    valid_labels[N_VALID];
static struct dataset train_set = {train_pixels, train_labels, N_TRAIN, 1, SIDE, SIDE, CLASSES};
static struct dataset valid_set = {valid_pixels, valid_labels, N_VALID, 1, SIDE, SIDE, CLASSES};

/* A bright bar of noisy strength: horizontal or vertical (classes 0, 1), or both crossing or not touching (2, 3). */
static inline void draw(struct rng *rng, uint8_t *image, uint8_t *label)
{
    int kind = (int)rng_below(rng, CLASSES), at = 2 + (int)rng_below(rng, 4), to = 6 + (int)rng_below(rng, 4);

    for (int i = 0; i < IMAGE; i++)
        image[i] = (uint8_t)rng_below(rng, 90);
    for (int i = 1; i < SIDE - 1; i++) {
        uint8_t bright = (uint8_t)(130 + rng_below(rng, 120));
        if (kind == 0 || kind == 2)
            image[at * SIDE + i] = bright;
        if (kind == 1 || kind == 2)
            image[i * SIDE + to] = bright;
        if (kind == 3 && i < 8)
            image[i * SIDE + i] = bright;
    }
    *label = (uint8_t)kind;
}

static inline int make_data(void **state)
{
    struct rng rng;
    (void)state;

    rng_seed(&rng, 7, 0);
    for (int i = 0; i < N_TRAIN; i++)
        draw(&rng, train_pixels + i * IMAGE, &train_labels[i]);
    for (int i = 0; i < N_VALID; i++)
        draw(&rng, valid_pixels + i * IMAGE, &valid_labels[i]);
    progress_silence(1);
    return 0;
}

static inline void add(struct graph *g, enum op op, int channels, int kernel, int stride)
{
    struct node node = {.op = op, .weight = -1, .bias = -1, .channels = channels};
    int dim[4] = {1, SIDE, SIDE, 1}, one = 1, unused;
    char name[32];

    snprintf(node.name, sizeof node.name, "%s%d", op_name(op), g->nodes);
    node.kernel_h = node.kernel_w = kernel;
    node.stride_h = node.stride_w = stride;
    if (op != OP_INPUT)
        node.input[0] = g->node[g->nodes - 1].output;
    if (op == OP_CONV || op == OP_FC) {
        int w[4] = {channels, g->value[node.input[0]].dim[0], kernel, kernel};
        snprintf(name, sizeof name, "%.20s.weight", node.name);
        assert_int_equal(graph_add_weight(g, name, DT_F32, op == OP_CONV ? 4 : 2, w, &node.weight), ST_OK);
        snprintf(name, sizeof name, "%.20s.bias", node.name);
        assert_int_equal(graph_add_weight(g, name, DT_F32, 1, w, &node.bias), ST_OK);
    }
    snprintf(name, sizeof name, "%.20s.out", node.name);
    assert_int_equal(graph_add_value(g, name, op == OP_INPUT ? 3 : 1, op == OP_INPUT ? dim : &one, &node.output),
                     ST_OK);
    assert_int_equal(graph_add_node(g, &node, &unused), ST_OK);
    if (op != OP_INPUT)
        assert_int_equal(graph_infer(g), ST_OK);
}

static inline void make_net(struct graph *g, uint64_t seed)
{
    memset(g, 0, sizeof *g);
    strcpy(g->name, "bars");
    add(g, OP_INPUT, 0, 0, 0);
    add(g, OP_CONV, 6, 3, 1);
    add(g, OP_POOL_MAX, 0, 2, 2);
    add(g, OP_CONV, 8, 3, 1);
    add(g, OP_RELU, 0, 0, 0);
    add(g, OP_FLATTEN, 0, 0, 0);
    add(g, OP_FC, 20, 1, 1);
    add(g, OP_RELU, 0, 0, 0);
    add(g, OP_FC, CLASSES, 1, 1);
    graph_init_weights(g, seed);
}

static inline void defaults(struct train_options *o)
{
    train_defaults(o);
    o->epochs = 6;
    o->batch = 50;
    o->lr = 5e-3f;
    o->flip = 0;
    o->ema = 0.95f;
    o->label_smoothing = 0.02f;
    o->label = "bars";
}

#endif
