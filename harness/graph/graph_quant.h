/* Where a graph is quantized: one rule, shared by training, calibration, conversion and the engine.
 *
 * A ReLU that is the only reader of a conv or fc output is fused with it: the value between them is never
 * stored. Quantization points are the graph's input and every fused conv/fc output that is not the graph's
 * output. Max-pooling, flatten and unfused ReLU keep scale and zero point of what they read. */
#ifndef GRAPH_GRAPH_QUANT_H
#define GRAPH_GRAPH_QUANT_H

#include "graph/graph.h"

/* Index of the ReLU node fused into conv/fc node i, or -1. */
int graph_fused_relu(const struct graph *graph, int i);
/* 1 if value v is a quantization point. */
int graph_is_quant_point(const struct graph *graph, int v);
/* The quantization point whose parameters value v shares (v itself if it is one); -1 for values that are never
 * quantized (between an operator and its fused ReLU; the graph's output and what leads to it without a conv or fc). */
int graph_quant_source(const struct graph *graph, int v);
/* Copies mode, scale and zero point from each quantization point to the values that share them; values with
 * source -1 become QUANT_NONE. */
void graph_quant_spread(struct graph *graph);

#endif
