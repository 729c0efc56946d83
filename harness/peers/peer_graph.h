/* What every library needs to know of a network before it can build its own form of it. */
#ifndef PEERS_PEER_GRAPH_H
#define PEERS_PEER_GRAPH_H

#include "graph/graph.h"
#include "graph/graph_quant.h"

/* One fused chain (graph_quant.h) as libraries see it: an operator, perhaps an addition, perhaps a clamp. */
struct peer_step {
    const struct node *node; /* the operator */
    int in, out;             /* values: the operator's input, the chain's result */
    int add;                 /* the value that is added; -1: none */
    float lo, hi;            /* clamp of the result; ±INFINITY: none */
};

/* 1 and the chain that starts at node i; 0 for the input and for nodes inside of chains. */
int peer_graph_step(const struct graph *graph, int i, struct peer_step *out);

/* Weights in another order, owned (mem_free); element_bytes 4 or 1.
 * conv: (O, I, kh, kw) → (O, kh, kw, I); depthwise → (kh, kw, O). */
enum status peer_graph_conv_weights(const struct graph *graph, const struct node *node, int depthwise_last, void **out);
/* fc whose input is a flattened (C, H, W): its columns in the order H, W, C, for libraries that keep images that way;
 * otherwise as they are. */
enum status peer_graph_fc_weights(const struct graph *graph, const struct node *node, void **out);

/* Batch of C,H,W samples → H,W,C. Owned (mem_free). */
enum status peer_graph_input_hwc(const struct graph *graph, int batch, const float *input, float **out);

#endif
