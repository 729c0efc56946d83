#include "peers/peer_graph.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/kernels.h"

int peer_graph_step(const struct graph *graph, int i, struct peer_step *out)
{
    const struct node *node = &graph->node[i];
    int add, act;

    if (node->op == OP_INPUT || graph_chain_start(graph, i) != i)
        return 0;
    add = graph_fused_add(graph, i);
    act = graph_fused_act(graph, i);
    *out = (struct peer_step){node, node->input[0], graph->node[graph_chain_end(graph, i)].output,
                              -1,   -INFINITY,      INFINITY};
    if (add >= 0) {
        const struct node *sum = &graph->node[add];
        out->add = sum->input[0] == node->output ? sum->input[1] : sum->input[0];
    }
    if (act >= 0) {
        out->lo = 0;
        out->hi = graph->node[act].op == OP_RELU6 ? 6.0F : INFINITY;
    }
    return 1;
}

enum status peer_graph_conv_weights(const struct graph *graph, const struct node *node, int depthwise_last, void **out)
{
    const struct weight *w = &graph->weight[node->weight];
    size_t o = (size_t)w->dim[0], c = (size_t)w->dim[1], taps = (size_t)w->dim[2] * (size_t)w->dim[3];
    size_t size = dtype_bytes(w->type);
    const unsigned char *from = w->data;
    unsigned char *to;

    TRY(mem_alloc(w->count + KN_SLACK, size, &to));
    for (size_t i = 0; i < o; i++)
        for (size_t j = 0; j < c; j++)
            for (size_t t = 0; t < taps; t++) {
                size_t at = depthwise_last ? t * o + i : (i * taps + t) * c + j;
                memcpy(to + at * size, from + ((i * c + j) * taps + t) * size, size);
            }
    *out = to;
    return ST_OK;
}

enum status peer_graph_fc_weights(const struct graph *graph, const struct node *node, void **out)
{
    const struct weight *w = &graph->weight[node->weight];
    int producer = graph_producer(graph, node->input[0]);
    const struct node *flatten = producer >= 0 ? &graph->node[producer] : NULL;
    const struct value *image = NULL;
    size_t size = dtype_bytes(w->type), o = (size_t)w->dim[0], k = (size_t)w->dim[1];
    const unsigned char *from = w->data;
    unsigned char *to;

    /* Activations do not care about the order: the flatten may stand before them. */
    while (flatten && op_is_activation(flatten->op)) {
        producer = graph_producer(graph, flatten->input[0]);
        flatten = producer >= 0 ? &graph->node[producer] : NULL;
    }
    if (flatten && flatten->op == OP_FLATTEN && graph->value[flatten->input[0]].rank == 3)
        image = &graph->value[flatten->input[0]];
    TRY(mem_alloc(w->count + KN_SLACK, size, &to));
    if (!image) {
        memcpy(to, from, w->count * size);
    } else {
        size_t c = (size_t)image->dim[0], positions = k / c;
        for (size_t i = 0; i < o; i++)
            for (size_t j = 0; j < k; j++)
                memcpy(to + (i * k + j % positions * c + j / positions) * size, from + (i * k + j) * size, size);
    }
    *out = to;
    return ST_OK;
}

enum status peer_graph_input_hwc(const struct graph *graph, int batch, const float *input, float **out)
{
    const struct value *v = &graph->value[graph_input(graph)];
    size_t count = value_count(v), c = v->rank == 3 ? (size_t)v->dim[0] : 1, positions = count / c;

    TRY(mem_alloc((size_t)batch * count + KN_SLACK, sizeof **out, out));
    for (size_t b = 0; b < (size_t)batch; b++)
        for (size_t i = 0; i < count; i++)
            (*out)[b * count + i % positions * c + i / positions] = input[b * count + i];
    return ST_OK;
}
