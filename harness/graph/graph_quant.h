/* Where a graph is quantized: one rule, shared by training, calibration, conversion and the engine.
 *
 * Fused chains: a conv or fc, then an add of a value that was made earlier, then a ReLU or ReLU6, as long as each is
 * the only reader of what stands before it; also add, mul or batchnorm with a ReLU or ReLU6. The values inside of a
 * chain are never stored, so a conv that feeds a residual connection is not rounded before the addition (depthwise
 * convolutions do not take the addition). Of two convs that meet in an add, the later one takes it.
 *
 * Quantization points are the graph's input and what a chain, or an operator that makes new values, writes, if a conv
 * or fc reads it through operators that have an integer form, and if it is not the graph's output. Max-pooling,
 * unfused ReLU, flatten, reshape, transpose and slice keep scale and zero point of what they read. Softmax, layer
 * normalization and matmul work in float; a quantized value that they read is dequantized: every reader of a
 * quantized value sees the rounded one. */
#ifndef GRAPH_GRAPH_QUANT_H
#define GRAPH_GRAPH_QUANT_H

#include "graph/graph.h"

/* Index of the add / of the ReLU or ReLU6 fused into the chain that starts at node i, or -1. */
int graph_fused_add(const struct graph *graph, int i);
int graph_fused_act(const struct graph *graph, int i);
/* Last node of the chain that starts at i; first node of the chain that i belongs to (i itself outside of chains). */
int graph_chain_end(const struct graph *graph, int i);
int graph_chain_start(const struct graph *graph, int i);
/* 1 if value v is a quantization point. */
int graph_is_quant_point(const struct graph *graph, int v);
/* The quantization point whose parameters value v shares (v itself if it is one); -1 for values that are never
 * quantized (between an operator and its fused ReLU; the graph's output and what leads to it without a conv or fc). */
int graph_quant_source(const struct graph *graph, int v);
/* 1 if the sums of the last conv or fc are the same bits with every kernel: it and all before it compute in integers,
 * or do in float what rounds in one way only (activation ranges, additions, maxima). Operators whose float results
 * depend on the order of summation or on an approximation make what follows inexact, even when it is quantized again.
 */
int graph_is_exact(const struct graph *graph);

/* The largest magnitude, in steps of its scale, that the weights of the conv or fc at node i may have in a network of
 * 8-bit or 4-bit weights: 127, or 7 with `weight_bits` 4. Even then the first convolution, depthwise convolutions and
 * the last conv or fc keep 127: they hold few of the weights and lose the most. */
int graph_weight_steps(const struct graph *graph, int i, int weight_bits);

/* Copies mode, scale and zero point from each quantization point to the values that share them; values with
 * source -1 become QUANT_NONE. */
void graph_quant_spread(struct graph *graph);

#endif
