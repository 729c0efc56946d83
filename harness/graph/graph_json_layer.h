/* Inside of graph/: one layer of a model file, its keys and attributes. Outsiders call graph_from_json. */
#ifndef GRAPH_GRAPH_JSON_LAYER_H
#define GRAPH_GRAPH_JSON_LAYER_H

#include "base/json.h"
#include "graph/graph.h"

/* The operator, and that the layer has no key which the operator does not take. */
enum status graph_json_op(const struct json *doc, const cJSON *layer, const char *path, enum op *out);
/* Everything but tensors. `in` is the (first) input: "same" padding and global pooling depend on its size. */
enum status graph_json_attributes(const struct json *doc, const cJSON *layer, const char *path, const struct value *in,
                                  struct node *node);
/* Adds the zeroed weights, biases and statistics of conv, fc, layernorm and batchnorm. */
enum status graph_json_tensors(const struct json *doc, const cJSON *layer, const char *path, const struct value *in,
                               struct graph *graph, struct node *node);

#endif
