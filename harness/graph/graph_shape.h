/* Inside of graph/: shapes of operators that join or move values. Outsiders call graph_infer. */
#ifndef GRAPH_GRAPH_SHAPE_H
#define GRAPH_GRAPH_SHAPE_H

#include "graph/graph.h"

/* Rank and dimensions. */
void graph_shape_copy(const struct value *from, struct value *to);
/* The number of inputs that the operator takes. ST_FORMAT. */
enum status graph_shape_inputs(const struct node *node);
/* add, mul, concat, matmul; ST_FORMAT when the shapes do not fit. */
enum status graph_shape_join(const struct node *node, const struct value *const *in, struct value *out);
/* reshape, transpose, slice. ST_FORMAT. */
enum status graph_shape_move(const struct node *node, const struct value *in, struct value *out);

#endif
