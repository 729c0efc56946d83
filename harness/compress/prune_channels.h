/* Structured pruning: whole convolution channels and hidden neurons are removed, so that what is left is a smaller
 * dense model of the same kind.
 *
 * Channels that must stay equal form one group (Fang et al. 2023): those of a layer's output, through pooling, ReLU,
 * flatten (a channel is then height * width neighbouring columns) and depthwise convolutions, and those of all layers
 * that meet in a residual addition. A group's channels are ranked by the L2 norm of the weight rows that write them
 * (Li et al. 2017 with L2 for L1, summed over the group's dense layers); the weakest go from those rows and biases,
 * from the depthwise filters and from the inputs of every conv and fc that reads them. A group that something else
 * needs as it is, such as the graph's output, a grouped convolution or a reshape, keeps its channels. */
#ifndef COMPRESS_PRUNE_CHANNELS_H
#define COMPRESS_PRUNE_CHANNELS_H

#include "graph/graph.h"

/* Channels that stay of `channels` when a share goes: at least 1, and a multiple of round_to (>= 1) where that leaves
 * at least one and takes at least as many as there are. Rounds to the nearest multiple. */
int prune_channels_kept(int channels, double share, int round_to);

/* 1 if node i is a conv or fc whose output channels can be removed. */
int prune_channels_possible(const struct graph *graph, int i);

/* Removes them from every layer where that is possible; masks are cut along. Float weights without scales only.
 * ST_BADARG on integer or simulated graphs and when no layer can be pruned, ST_NOMEM. On failure the graph is
 * unusable but can be freed. */
enum status prune_channels(struct graph *graph, double share, int round_to);

#endif
