/* Small networks that are no chains, for the tests of training. */
#ifndef TESTS_DAG_NETS_H
#define TESTS_DAG_NETS_H

#include "tests/graph_build.h"

enum { DAG_SIDE = 8, DAG_CLASSES = 5 };

/* A batch normalization of what node i writes; the others likewise. All return the new node's index. */
static inline int norm_after(struct graph *g, int i)
{
    int channels = build_value(g, i)->dim[0];
    struct node node = {.op = OP_BATCHNORM, .input = {g->node[i].output}, .epsilon = 1e-3f};
    int *tensor[4] = {&node.weight, &node.bias, &node.mean, &node.variance};
    static const char *const suffix[4] = {"weight", "bias", "mean", "variance"};
    char name[GRAPH_NAME];

    for (int k = 0; k < 4; k++) {
        snprintf(name, sizeof name, "bn%d.%s", g->nodes, suffix[k]);
        assert_int_equal(graph_add_weight(g, name, DT_F32, 1, &channels, tensor[k]), ST_OK);
    }
    i = build_node(g, node);
    assert_int_equal(graph_infer(g), ST_OK);
    return i;
}

static inline int conv(struct graph *g, int i, int channels, int kernel, int stride, int pad, int groups, int bias)
{
    int in = build_value(g, i)->dim[0];

    i = build_conv(g, g->node[i].output, in / groups, channels, kernel, kernel, stride, pad, pad, DT_F32,
                   bias ? (int)DT_F32 : -1);
    g->node[i].groups = groups;
    assert_int_equal(graph_infer(g), ST_OK);
    return i;
}

static inline int simple(struct graph *g, enum op op, int i)
{
    i = build_simple(g, op, g->node[i].output);
    assert_int_equal(graph_infer(g), ST_OK);
    return i;
}

static inline int joined(struct graph *g, enum op op, int a, int b)
{
    a = build_node(
        g, (struct node){
               .op = op, .inputs = 2, .input = {g->node[a].output, g->node[b].output}, .weight = -1, .bias = -1});
    assert_int_equal(graph_infer(g), ST_OK);
    return a;
}

static inline int pooled(struct graph *g, enum op op, int i, int kernel, int stride, int pad)
{
    i = build_pool(g, g->node[i].output, kernel, stride, pad);
    g->node[i].op = op;
    assert_int_equal(graph_infer(g), ST_OK);
    return i;
}

static inline void classify(struct graph *g, int i, int classes)
{
    i = simple(g, OP_FLATTEN, i);
    build_fc(g, g->node[i].output, build_value(g, i)->dim[0], classes, DT_F32, DT_F32);
    assert_int_equal(graph_infer(g), ST_OK);
}

/* ResNet in small: an identity block, a block with a strided projection, the mean of all places. */
static inline void resnet(struct graph *g, int channels, int side, int classes)
{
    int x, a, b;

    memset(g, 0, sizeof *g);
    strcpy(g->name, "resnet");
    x = build_input(g, channels, side, side);
    x = simple(g, OP_RELU, norm_after(g, conv(g, x, 4, 3, 1, 1, 1, 0)));
    a = simple(g, OP_RELU, norm_after(g, conv(g, x, 4, 3, 1, 1, 1, 0)));
    a = norm_after(g, conv(g, a, 4, 3, 1, 1, 1, 0));
    x = simple(g, OP_RELU, joined(g, OP_ADD, x, a));
    b = norm_after(g, conv(g, x, 6, 1, 2, 0, 1, 0));
    a = simple(g, OP_RELU, norm_after(g, conv(g, x, 6, 3, 2, 1, 1, 1)));
    a = norm_after(g, conv(g, a, 6, 3, 1, 1, 1, 0));
    x = simple(g, OP_RELU, joined(g, OP_ADD, b, a));
    x = pooled(g, OP_POOL_AVG, x, side / 2, 1, 0);
    classify(g, x, classes);
    graph_init_weights(g, 3);
}

/* Depthwise and grouped convolutions with ReLU6, a value with three readers, a ReLU that is not alone, x + x. */
static inline void odd(struct graph *g)
{
    int x, a, b;

    memset(g, 0, sizeof *g);
    strcpy(g->name, "odd");
    x = build_input(g, 2, DAG_SIDE, DAG_SIDE);
    x = conv(g, x, 6, 3, 1, 1, 1, 1);
    a = simple(g, OP_RELU6, norm_after(g, conv(g, x, 6, 3, 1, 1, 6, 0)));
    b = simple(g, OP_RELU, x);
    a = joined(g, OP_ADD, a, b);
    a = joined(g, OP_ADD, a, x);
    a = pooled(g, OP_POOL_MAX, a, 3, 2, 1);
    b = joined(g, OP_ADD, a, a);
    b = conv(g, b, 6, 1, 1, 0, 3, 1);
    a = simple(g, OP_RELU6, joined(g, OP_ADD, a, b));
    a = pooled(g, OP_POOL_AVG, a, 3, 2, 1);
    classify(g, a, DAG_CLASSES);
    graph_init_weights(g, 5);
}

#endif
