/* The trainer's view of a graph: a chain of conv, fc and pooling layers with everything elementwise folded into the
 * layer before it, buffers for one batch, and forward and backward over them. Flatten is nothing (the layout is
 * C,H,W already) and a ReLU is the end of its layer.
 *
 * With quantization, a layer's output is rounded where the next conv or fc reads it. Max-pooling, ReLU and rounding
 * are monotone and keep zero, so rounding after the pooling equals the engine's rounding before it, at a quarter
 * of the work, and the range is that of the values that survive.
 *
 * Work is cut into NET_SLOTS shards of the batch (conv, pooling) or into blocks of outputs (fc), never by the number
 * of threads. Not public: train.h and forward.h are. */
#ifndef TRAIN_NET_H
#define TRAIN_NET_H

#include "base/pool.h"
#include "graph/graph.h"
#include "train/blas.h"
#include "train/fakequant.h"
#include "train/op_conv_train.h"
#include "train/op_fc_train.h"
#include "train/op_pool_train.h"
#include "train/optim.h"
#include "train/train.h"

enum { NET_SLOTS = 16 };

/* A quantization point under training. */
struct net_point {
    int value;                                    /* graph value whose parameters these are */
    struct fakequant_grid grid;                   /* in use */
    float lo, hi;                                 /* the moving average of the range */
    float seen_lo[NET_SLOTS], seen_hi[NET_SLOTS]; /* of the last batch, by task */
    double step_gradient[NET_SLOTS];              /* LSQ, by task */
    double moment, second;                        /* LSQ: Adam on the logarithm of the scale */
};

struct net_layer {
    enum op op; /* OP_CONV, OP_FC, OP_POOL_MAX */
    struct conv_shape conv;
    struct pool_shape pool;
    struct fc_shape fc;
    size_t in_count, out_count;     /* floats per sample */
    int relu;                       /* 1: the output passes a ReLU */
    int weight, bias;               /* graph weight indices or -1 */
    int point;                      /* index into net.point whose grid rounds the output, or -1 */
    int input_point;                /* the grid that its input lies on, or -1: the graph's input or none */
    int has_gradient;               /* 1: the gradient of the output is needed */
    float *raw;                     /* (batch, out_count) before rounding; same as out without a point */
    float *out;                     /* (batch, out_count) */
    float *gradient;                /* (batch, out_count) of what the ReLU reads */
    float *weight_used, *bias_used; /* on their grids (quantization) or NULL: the graph's own */
    float *weight_scale;            /* (rows) or NULL */
    float *weight_gradient, *bias_gradient;
    float *partial; /* conv: (NET_SLOTS, weights + biases) or NULL */
};

struct net {
    struct graph *graph; /* borrowed */
    struct pool *pool;   /* borrowed, may be NULL */
    enum train_blas blas;
    int qat, batch;
    enum train_ranges ranges;
    int rounding;        /* 0: ranges are observed but nothing is rounded (the first batch) */
    int layers, spatial; /* the first `spatial` layers work image by image */
    struct net_layer *layer;
    int points;
    struct net_point *point;
    size_t input_count;
    float *input;   /* (batch, input_count) */
    float *scratch; /* (NET_SLOTS, scratch_floats) */
    size_t scratch_floats;
};

/* Plans the graph, a chain, for `batch` images. ST_UNSUPPORTED names the node; ST_NOMEM. */
enum status net_new(struct graph *graph, int batch, const struct train_options *options, struct net **out);
void net_free(struct net *net);

/* With qat: weights and biases onto their grids, for the current weights and activation grids. */
void net_quantize_weights(struct net *net);

/* pixels (batch, input_count); the logits are in net_logits(net), (batch, classes). */
void net_forward(struct net *net, const uint8_t *pixels);
const float *net_logits(const struct net *net);
int net_classes(const struct net *net);
/* The gradient of the logits goes here before net_backward. */
float *net_logit_gradient(struct net *net);
/* All weight_gradient and bias_gradient; conv layers keep theirs in parts until net_gradient_sum. */
void net_backward(struct net *net);
/* Sums the parts of elements first .. last-1 of a weight (or bias) gradient in order. */
void net_gradient_sum(struct net *net, int layer, int bias, size_t first, size_t last);

/* Takes the ranges of the last batch, made with rounding off, as the first grids, and turns rounding on. */
void net_points_begin(struct net *net);
/* After net_backward: moves the ranges by the last batch and, with LSQ, the scales by their gradients at learning
 * rate `lr` (Adam on the logarithm of the scale, so a step is relative). */
void net_points_update(struct net *net, const struct optim_step *step);
/* Re-estimates the ranges as the mean over batches of the range seen, with the graph's present weights: n images of
 * pixels (n, input_count), n >= batch. Learned scales (LSQ) stay. */
void net_points_measure(struct net *net, const uint8_t *pixels, uint32_t n);
/* Puts scales of the graph's present weights and the points' grids into `graph`, net's own or a clone with the same
 * indices (QUANT_STATIC, spread by graph_quant_spread). ST_NOMEM. */
enum status net_points_store(const struct net *net, struct graph *graph);

#endif
