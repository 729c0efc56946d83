/* Models as data: suites/models/<name>.json → graph.
 *
 * { "name": "lenet5",
 *   "input": [1, 28, 28],
 *   "layers": [
 *     {"op": "conv", "name": "conv1", "channels": 20, "kernel": 5},              stride 1, pad 0 by default
 *     {"op": "pool_max", "name": "pool1", "kernel": 2, "stride": 2},
 *     {"op": "flatten"}, {"op": "fc", "name": "ip1", "features": 500}, {"op": "relu"} ] }
 *
 * Operators and their keys (op_keys in graph_json_layer.c has the list): conv (channels, kernel, stride, pad,
 * dilation, groups, bias), fc (features, bias), pool_max and pool_avg (kernel, stride, pad; pool_avg: "global": true),
 * relu, relu6, hardswish, sigmoid, gelu, softmax, layernorm and batchnorm (epsilon), add, mul, concat (axis),
 * matmul (transpose_b, scale), reshape (shape), transpose (perm), slice (axis, begin, end), flatten.
 * "kernel", "stride" and "dilation" take one number or [height, width]; "pad" also [top, left, bottom, right] or "same"
 * (as many windows as ceil(size / stride), the odd element of padding behind). A layer reads the one before it, or
 * those named in "from". A name may be left out (op + number). Unknown keys, wrong types, bad shapes and names given
 * twice are ST_FORMAT with the file and the line (syntax) or the key path ("layers[3].kernel"). */
#ifndef GRAPH_GRAPH_JSON_H
#define GRAPH_GRAPH_JSON_H

#include "graph/graph.h"

/* Weights are allocated and zero: call graph_init_weights. *out must not hold anything. */
enum status graph_from_json(const char *file, struct graph *out);

#endif
