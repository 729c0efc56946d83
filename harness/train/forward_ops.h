/* Operators of the float forward pass other than conv and fc, one sample at a time, in plain loops: they are rare or
 * cheap. Shapes are the graph's. */
#ifndef TRAIN_FORWARD_OPS_H
#define TRAIN_FORWARD_OPS_H

#include "graph/graph.h"

/* The output of `node` for one sample: x[k] is its input k. Not for input, conv and fc. */
void forward_op(const struct graph *graph, const struct node *node, const float *const *x, float *y);

#endif
