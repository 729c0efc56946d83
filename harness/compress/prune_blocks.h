/* Block masks: inside of compress/, used by prune.c. */
#ifndef COMPRESS_PRUNE_BLOCKS_H
#define COMPRESS_PRUNE_BLOCKS_H

#include "compress/prune.h"

/* Blocks that a weight has, those at its edges included. */
size_t prune_blocks_count(const struct weight *weight, int rows, int cols);
/* Allocates the scratch for prune->rows x prune->cols. ST_NOMEM. */
enum status prune_blocks_begin(struct prune *prune, const struct graph *graph);
/* Masks whole blocks, smallest first, while they fit into `sparsity` of the weights (of each layer, or of all). */
void prune_blocks_apply(struct prune *prune, struct graph *graph, double sparsity);
/* 1 if every block is masked as a whole or not at all. */
int prune_blocks_whole(const struct weight *weight, int rows, int cols);

#endif
