/* Magnitude pruning of single weights or of blocks: masks over conv and fc weights. Biases and depthwise filters, which
 * are few and carry much, are never pruned; sparsities are shares of the weights that can be.
 *
 * A block is `rows` neighbouring outputs by `cols` neighbouring inputs (of a convolution: input channels under one
 * place of the window), the unit that block-sparse kernels skip; at the edge of a tensor it is smaller. Blocks are
 * ranked by the mean of their squared weights, as many go as fit into the share (Elsen et al. 2020).
 *
 * The share of zeros is exact: round(sparsity * weights) of each layer (layerwise) or of all layers together
 * (global), and ties in magnitude keep the lower index. Every layer keeps at least one weight, and globally at least
 * PRUNE_MIN_KEPT of its weights, so that no layer is cut through.
 *
 *   struct prune prune;
 *   TRY(prune_begin(&graph, PRUNE_GLOBAL, 0.9, 0.6, &prune));
 *   options.hook = prune_hook; options.hook_context = &prune;       // gradual; or prune_apply alone: one shot
 *   TRY_OUT(train_graph(&graph, ..., &options, &result));
 *   prune_end(&prune); */
#ifndef COMPRESS_PRUNE_H
#define COMPRESS_PRUNE_H

#include <stdint.h>

#include "graph/graph.h"

enum prune_scope {
    PRUNE_LAYERWISE,
    PRUNE_GLOBAL /* one threshold on |w| for all layers: layers with few, large weights stay denser */
};

#define PRUNE_MIN_KEPT 0.01 /* share of a layer's weights that a global threshold leaves */

enum {
    PRUNE_REFRESH = 50,  /* training steps between two masks */
    PRUNE_MAX_BLOCK = 16 /* rows and cols of a block */
};

struct prune_block;

struct prune {
    enum prune_scope scope;
    double sparsity;           /* final share of pruned weights */
    double start;              /* share that was pruned before */
    double share;              /* of the training over which sparsity grows */
    int rows, cols;            /* of a block; 1, 1: single weights */
    uint32_t *counters;        /* scratch of the selection; owned */
    struct prune_block *block; /* scratch, blocks only; owned */
    int done;                  /* the final mask stands */
};

/* Gives every conv and fc weight a mask (all kept where it had none) and allocates the scratch. Weights that are
 * masked already stay so. ST_BADARG, naming the layer, when fewer weights are asked to go than are gone or more than
 * may go; ST_NOMEM. */
enum status prune_begin(struct graph *graph, enum prune_scope scope, double sparsity, double share,
                        struct prune *out_prune);
/* The same for blocks of rows x cols, each 1..PRUNE_MAX_BLOCK (ST_BADARG). */
enum status prune_begin_blocks(struct graph *graph, enum prune_scope scope, double sparsity, double share, int rows,
                               int cols, struct prune *out_prune);
void prune_end(struct prune *prune);

/* Sets masks for `sparsity` now and zeroes what they prune. */
void prune_apply(struct prune *prune, struct graph *graph, double sparsity);

/* The train hook (context: struct prune): masks by prune_schedule every PRUNE_REFRESH steps, then the final one. */
void prune_hook(void *context, struct graph *graph, long step, long steps);

/* Cubic growth from `start` to `final` over `ramp` steps (Zhu & Gupta 2017, eq. 1):
 * s = final + (start - final) * (1 - step / ramp)^3. */
double prune_schedule(double start, double final, long step, long ramp);

/* 1 if node i is a conv or fc whose weights may be pruned. */
int prune_possible(const struct graph *graph, int i);

/* Weights that `sparsity` prunes in layer (node) i, for layerwise; of all layers for i = -1: rounded to nearest. */
size_t prune_target(const struct graph *graph, double sparsity, int i);

/* Number of masked weights of a tensor; 0 without a mask. */
size_t prune_masked(const struct weight *weight);

#endif
