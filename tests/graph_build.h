/* Short words for building graphs in tests: every call must succeed. */
#ifndef TESTS_GRAPH_BUILD_H
#define TESTS_GRAPH_BUILD_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/graph_quant.h"

/* Appends `node` (op, attributes, input set) with a new output value; returns the node's index. Shapes are set by
 * graph_infer, except the input's. */
static inline int build_node(struct graph *graph, struct node node)
{
    static const int one[3] = {1, 1, 1};
    char name[GRAPH_NAME];
    int index;

    snprintf(name, sizeof name, "v%d", graph->nodes);
    assert_int_equal(graph_add_value(graph, name, 3, one, &node.output), ST_OK);
    snprintf(node.name, sizeof node.name, "%s%d", op_name(node.op), graph->nodes);
    assert_int_equal(graph_add_node(graph, &node, &index), ST_OK);
    return index;
}

static inline int build_input(struct graph *graph, int c, int h, int w)
{
    int index = build_node(graph, (struct node){.op = OP_INPUT, .weight = -1, .bias = -1});
    struct value *value = &graph->value[graph->node[index].output];

    value->dim[0] = c;
    value->dim[1] = h;
    value->dim[2] = w;
    value->rank = h * w > 1 ? 3 : 1;
    return index;
}

/* ReLU or flatten of value v. */
static inline int build_simple(struct graph *graph, enum op op, int v)
{
    return build_node(graph, (struct node){.op = op, .input = {v}, .weight = -1, .bias = -1});
}

static inline int build_pool(struct graph *graph, int v, int kernel, int stride, int pad)
{
    return build_node(graph, (struct node){.op = OP_POOL_MAX,
                                           .input = {v},
                                           .weight = -1,
                                           .bias = -1,
                                           .kernel_h = kernel,
                                           .kernel_w = kernel,
                                           .stride_h = stride,
                                           .stride_w = stride,
                                           .pad_h = pad,
                                           .pad_w = pad,
                                           .pad_end_h = pad,
                                           .pad_end_w = pad});
}

/* Weight and, unless bias_type is negative, bias tensors of a node that is about to be added. */
static inline void build_tensors(struct graph *graph, struct node *node, enum dtype type, int bias_type, int rank,
                                 const int *dim)
{
    char name[GRAPH_NAME];

    snprintf(name, sizeof name, "w%d", graph->nodes);
    assert_int_equal(graph_add_weight(graph, name, type, rank, dim, &node->weight), ST_OK);
    if (type == DT_S8) {
        struct weight *weight = &graph->weight[node->weight];
        assert_int_equal(mem_alloc((size_t)dim[0], sizeof(float), &weight->scale), ST_OK);
        for (int i = 0; i < dim[0]; i++)
            weight->scale[i] = 1;
    }
    node->bias = -1;
    snprintf(name, sizeof name, "b%d", graph->nodes);
    if (bias_type >= 0)
        assert_int_equal(graph_add_weight(graph, name, (enum dtype)bias_type, 1, dim, &node->bias), ST_OK);
}

static inline int build_conv(struct graph *graph, int v, int in_channels, int channels, int kernel_h, int kernel_w,
                             int stride, int pad_h, int pad_w, enum dtype type, int bias_type)
{
    int dim[4] = {channels, in_channels, kernel_h, kernel_w};
    struct node node = {.op = OP_CONV,
                        .input = {v},
                        .kernel_h = kernel_h,
                        .kernel_w = kernel_w,
                        .stride_h = stride,
                        .stride_w = stride,
                        .pad_h = pad_h,
                        .pad_w = pad_w,
                        .pad_end_h = pad_h,
                        .pad_end_w = pad_w,
                        .channels = channels};

    build_tensors(graph, &node, type, bias_type, 4, dim);
    return build_node(graph, node);
}

static inline int build_fc(struct graph *graph, int v, int in, int out, enum dtype type, int bias_type)
{
    int dim[2] = {out, in};
    struct node node = {.op = OP_FC, .input = {v}, .channels = out};

    build_tensors(graph, &node, type, bias_type, 2, dim);
    return build_node(graph, node);
}

static inline struct value *build_value(struct graph *graph, int node)
{
    return &graph->value[graph->node[node].output];
}

static inline void build_static(struct value *value, float scale, int zero_point)
{
    value->quant = QUANT_STATIC;
    value->scale = scale;
    value->zero_point = zero_point;
}

#endif
