/* Graphs for the tests of the packed file; include after cmocka.h. */
#ifndef TESTS_PLK_GRAPHS_H
#define TESTS_PLK_GRAPHS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "graph/graph_quant.h"
#include "io/plk.h"

enum graphs_kind { GRAPHS_F32, GRAPHS_SIMULATED, GRAPHS_S8_STATIC, GRAPHS_S8_DYNAMIC, GRAPHS_KINDS };

static inline void assert_ok(enum status st)
{
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), status_message());
}

struct layer {
    enum op op;
    int channels, kernel; /* conv and fc; conv and pooling */
};

/* A chain: input dims (0 for a flat one of c features), then layers. Float, all weights zero. */
static inline void graphs_chain(struct graph *out, const char *name, int c, int h, int w, const struct layer *layer,
                                int layers)
{
    struct node node = {.op = OP_INPUT, .name = "input", .weight = -1, .bias = -1};
    int dim[3] = {c, h, w}, index;
    char tensor[2 * GRAPH_NAME];

    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "%s", name);
    assert_ok(graph_add_value(out, "input", h > 0 ? 3 : 1, dim, &node.output));
    assert_ok(graph_add_node(out, &node, &index));
    for (int i = 0; i < layers; i++) {
        const struct value in = out->value[i];
        node = (struct node){.op = layer[i].op, .input = {i}, .weight = -1, .bias = -1, .channels = layer[i].channels};
        snprintf(node.name, sizeof node.name, "%s%d", op_name(node.op), i + 1);
        if (node.op == OP_CONV || node.op == OP_POOL_MAX) {
            node.kernel_h = node.kernel_w = layer[i].kernel;
            node.stride_h = node.stride_w = node.op == OP_CONV ? 1 : layer[i].kernel;
        }
        if (node.op == OP_CONV || node.op == OP_FC) {
            int shape[4] = {node.channels, in.dim[0], node.kernel_h, node.kernel_w};
            snprintf(tensor, sizeof tensor, "%s.weight", node.name);
            assert_ok(graph_add_weight(out, tensor, DT_F32, node.op == OP_CONV ? 4 : 2, shape, &node.weight));
            snprintf(tensor, sizeof tensor, "%s.bias", node.name);
            assert_ok(graph_add_weight(out, tensor, DT_F32, 1, shape, &node.bias));
        }
        assert_ok(graph_add_value(out, node.name, in.rank, in.dim, &node.output));
        assert_ok(graph_add_node(out, &node, &index));
        assert_ok(graph_infer(out));
    }
}

/* Per-channel scales max|w| / 127; to_s8 also rounds. */
static inline void graphs_scale(struct weight *weight, int to_s8)
{
    size_t row = weight->count / (size_t)weight->dim[0];
    float *data = weight->data;
    int8_t *rounded = NULL;

    assert_ok(mem_alloc((size_t)weight->dim[0], sizeof *weight->scale, &weight->scale));
    assert_ok(mem_alloc(weight->count, 1, &rounded));
    for (int o = 0; o < weight->dim[0]; o++) {
        float most = 0;
        for (size_t i = 0; i < row; i++) {
            float size = data[(size_t)o * row + i] < 0 ? -data[(size_t)o * row + i] : data[(size_t)o * row + i];
            most = size > most ? size : most;
        }
        weight->scale[o] = most > 0 ? most / 127 : 1;
        for (size_t i = 0; i < row; i++) {
            float q = data[(size_t)o * row + i] / weight->scale[o];
            rounded[(size_t)o * row + i] = (int8_t)(q < 0 ? q - 0.5f : q + 0.5f);
        }
    }
    if (to_s8) {
        mem_free(weight->data);
        weight->data = rounded;
        weight->type = DT_S8;
    } else {
        mem_free(rounded);
    }
}

/* Normal weights without the given share of smallest ones, as pruning by magnitude leaves them; then the kind. */
static inline void graphs_fill(struct graph *graph, enum graphs_kind kind, double zeros, uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed, 0);
    for (int i = 0; i < graph->weights; i++) {
        struct weight *weight = &graph->weight[i];
        float *data = weight->data;
        float least = 0;
        if (weight->rank > 1) /* |x| of a normal is below this with probability `zeros`, by bisection of erf */
            for (float step = 4; step > 1e-4f; step /= 2)
                least += erf((double)(least + step) / 1.4142135623730951) < zeros ? step : 0;
        for (size_t j = 0; j < weight->count; j++) {
            float x = rng_normal(&rng);
            data[j] = x < least && x > -least ? 0 : 0.05f * x;
        }
        if (kind == GRAPHS_F32)
            continue;
        if (weight->rank > 1) {
            graphs_scale(weight, kind != GRAPHS_SIMULATED);
        } else if (kind == GRAPHS_S8_STATIC) {
            int32_t *bias = weight->data;
            for (size_t j = 0; j < weight->count; j++)
                bias[j] = (int32_t)(data[j] * 100000);
            weight->type = DT_S32;
        }
    }
    for (int v = 0; v < graph->values && kind != GRAPHS_F32; v++) {
        if (graph_quant_source(graph, v) != v)
            continue;
        graph->value[v].quant = kind == GRAPHS_S8_DYNAMIC ? QUANT_DYNAMIC : QUANT_STATIC;
        if (kind != GRAPHS_S8_DYNAMIC) {
            graph->value[v].scale = 0.001f + 0.01f * rng_f32(&rng);
            graph->value[v].zero_point = (int32_t)rng_below(&rng, 256);
        }
    }
    graph_quant_spread(graph);
}

static inline void graphs_lenet5(struct graph *out, enum graphs_kind kind, double zeros)
{
    static const struct layer layers[] = {{OP_CONV, 20, 5},    {OP_POOL_MAX, 0, 2}, {OP_CONV, 50, 5},
                                          {OP_POOL_MAX, 0, 2}, {OP_FLATTEN, 0, 0},  {OP_FC, 500, 0},
                                          {OP_RELU, 0, 0},     {OP_FC, 10, 0}};
    graphs_chain(out, "lenet5", 1, 28, 28, layers, 8);
    graphs_fill(out, kind, zeros, 5);
}

static inline void graphs_lenet300(struct graph *out, enum graphs_kind kind, double zeros)
{
    static const struct layer layers[] = {{OP_FLATTEN, 0, 0}, {OP_FC, 300, 0}, {OP_RELU, 0, 0},
                                          {OP_FC, 100, 0},    {OP_RELU, 0, 0}, {OP_FC, 10, 0}};
    graphs_chain(out, "lenet300", 1, 28, 28, layers, 6);
    graphs_fill(out, kind, zeros, 300);
}

/* All operators, few weights. */
static inline void graphs_small(struct graph *out, enum graphs_kind kind, double zeros)
{
    static const struct layer layers[] = {{OP_CONV, 4, 3}, {OP_RELU, 0, 0}, {OP_POOL_MAX, 0, 2}, {OP_FLATTEN, 0, 0},
                                          {OP_FC, 20, 0},  {OP_RELU, 0, 0}, {OP_FC, 3, 0}};
    graphs_chain(out, "small", 2, 10, 10, layers, 7);
    graphs_fill(out, kind, zeros, 4);
}

/* Three inputs, one output; all zero. */
static inline void graphs_tiny(struct graph *out)
{
    static const struct layer layers[] = {{OP_FC, 1, 0}};
    graphs_chain(out, "t", 3, 0, 0, layers, 1);
}

static inline void assert_tensors_equal(const struct weight *a, const struct weight *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->dim, b->dim, sizeof a->dim);
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->data, b->data, a->count * dtype_bytes(a->type));
    assert_int_equal(a->scale != NULL, b->scale != NULL);
    if (a->scale)
        assert_memory_equal(a->scale, b->scale, (size_t)a->dim[0] * sizeof *a->scale);
}

/* All but masks, which are not stored. */
static inline void assert_graphs_equal(const struct graph *a, const struct graph *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->nodes, b->nodes);
    assert_int_equal(a->values, b->values);
    assert_int_equal(a->weights, b->weights);
    for (int i = 0; i < a->nodes; i++) {
        struct node x = a->node[i], y = b->node[i];
        assert_string_equal(x.name, y.name);
        memset(x.name, 0, sizeof x.name);
        memset(y.name, 0, sizeof y.name);
        assert_memory_equal(&x, &y, sizeof x);
    }
    for (int i = 0; i < a->values; i++) {
        const struct value *x = &a->value[i], *y = &b->value[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->rank, y->rank);
        assert_memory_equal(x->dim, y->dim, sizeof x->dim);
        assert_int_equal(x->quant, y->quant);
        assert_memory_equal(&x->scale, &y->scale, sizeof x->scale);
        assert_int_equal(x->zero_point, y->zero_point);
    }
    for (int i = 0; i < a->weights; i++)
        assert_tensors_equal(&a->weight[i], &b->weight[i]);
}

#endif
