/* Folding of batch normalizations into the product before them: they are linear once their statistics are fixed, so a
 * network without them computes the same. Trained networks are folded before anything else is done with them.
 *
 *   w' = w gamma / sqrt(variance + epsilon),  b' = beta + (b - mean) gamma / sqrt(variance + epsilon)
 *
 * (Jacob et al. 2018, section 3.2). */
#ifndef GRAPH_GRAPH_FOLD_H
#define GRAPH_GRAPH_FOLD_H

#include "graph/graph.h"

/* ST_UNSUPPORTED, naming the node, if a batch normalization does not follow a conv or fc that it is the only reader
 * of, or if float weights of its own are missing there. ST_OK without any. */
enum status graph_fold_check(const struct graph *graph);

/* Removes every batch normalization with its weights and its value; a conv or fc without bias gets one. The graph is
 * unchanged where graph_fold_check fails. ST_NOMEM leaves a valid graph with some of them folded. */
enum status graph_fold_batchnorm(struct graph *graph);

#endif
