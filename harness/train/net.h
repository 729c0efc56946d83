/* The trainer's view of a graph: a list of layers, each reading earlier ones, with ReLU and ReLU6 folded into the layer
 * before them where nobody else reads that, buffers for one batch, and forward and backward over them. A value with
 * several readers gets the sum of their gradients.
 *
 * Work is cut into NET_SLOTS shards of the batch or, for fc, into blocks of outputs, never by the number of threads.
 * Within a shard images (C, H, W) lie channel by channel, (C, n, H, W), and everything else sample by sample (n, F).
 * Layers are run in segments: those that work shard by shard together, so that a shard's data stays in a cache; a
 * batch normalization begins a segment because it needs the whole batch before it.
 *
 * With quantization, a layer's output is rounded at the graph's quantization points (graph_quant.h): a convolution
 * with a residual addition and a ReLU is rounded once, at its end. Max-pooling, ReLU and rounding are monotone and keep
 * zero, so where only a max-pooling reads a point, rounding after it equals the engine's rounding before it, at a
 * quarter of the work, and the range is that of the values that survive.
 *
 * Not public: train.h and forward.h are. */
#ifndef TRAIN_NET_H
#define TRAIN_NET_H

#include "base/pool.h"
#include "graph/graph.h"
#include "train/blas.h"
#include "train/fakequant.h"
#include "train/op_conv_train.h"
#include "train/op_fc_train.h"
#include "train/op_norm_train.h"
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

/* A batch normalization's part of its layer; arrays (channels), owned. */
struct net_norm {
    struct norm_sums *sums;      /* (NET_SLOTS, channels) */
    double *gradient_sums;       /* (NET_SLOTS, channels, 2) */
    float *mean, *factor;        /* of the batch; factor = gamma / sqrt(variance + epsilon) */
    float *shift, *slope;        /* of the gradient, see op_norm_train.h */
    double *total_mean, *square; /* net_norm_measure: sums over batches of the mean, of variance + mean^2 */
    double epsilon;
};

struct net_layer {
    enum op op; /* OP_INPUT (the first), conv, fc, batchnorm, add, pool_max, pool_avg, relu and relu6 on their own,
                 * flatten of images */
    const char *name;
    int input[2]; /* layers */
    int inputs;
    int add[2]; /* 1: a later reader's share is in the input's gradient already, this one is added */
    struct conv_shape conv;
    struct pool_shape pool; /* of one image */
    struct fc_shape fc;
    struct net_norm norm;
    int normed;                     /* the batch normalization that reads the output, or -1 */
    int channels, plane;            /* of an image: C, H * W; of others: 1, all */
    size_t out_count;               /* floats per sample */
    float ceiling;                  /* of the activation at the end: op_elementwise_train.h */
    int weight, bias;               /* graph weight indices or -1 */
    int point;                      /* index into net.point whose grid rounds the output, or -1 */
    int input_point;                /* conv, fc: the grid that the input lies on, or -1: the pixels' or none */
    int has_gradient;               /* 1: the gradient of the output is needed */
    int shares_gradient;            /* 1: `gradient` is another layer's buffer */
    float *raw;                     /* (batch, out_count) before rounding; same as out without a point */
    float *out;                     /* (batch, out_count) */
    float *gradient;                /* (batch, out_count) of out, then of what the activation reads */
    float *weight_used, *bias_used; /* on their grids (quantization) or NULL: the graph's own */
    float *weight_scale;            /* (rows) or NULL */
    int weight_steps;               /* quantization: the largest weight in steps of its scale */
    float *weight_gradient, *bias_gradient;
    float *partial; /* conv: (NET_SLOTS, weights + biases) or NULL */
};

/* Layers first .. last-1: one fc, cut into blocks, or layers that work shard by shard. */
struct net_segment {
    int first, last, is_fc;
};

struct net {
    struct graph *graph; /* borrowed */
    struct pool *pool;   /* borrowed, may be NULL */
    enum train_blas blas;
    int qat, batch, weight_bits;
    enum train_ranges ranges;
    int rounding; /* 0: ranges are observed but nothing is rounded (the first batch) */
    int layers, segments;
    struct net_layer *layer;
    struct net_segment *segment;
    int points;
    struct net_point *point;
    int norms;          /* batch normalizations */
    size_t input_count; /* floats per sample */
    float *scratch;     /* (NET_SLOTS, scratch_floats) */
    size_t scratch_floats;
};

/* Plans the graph for `batch` images. ST_UNSUPPORTED names the node; ST_NOMEM. */
enum status net_new(struct graph *graph, int batch, const struct train_options *options, struct net **out);
void net_free(struct net *net);

/* Buffers for a planned net (net_buffers.c). */
enum status net_allocate(struct net *net);

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

/* Sets mean and variance of every batch normalization in net->graph to those over n images of pixels
 * (n, input_count), n >= batch, with the graph's present weights: they fit averaged weights, and no running average
 * has to be kept (Izmailov et al. 2018, section 3.2). */
void net_norm_measure(struct net *net, const uint8_t *pixels, uint32_t n);

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

/* Shared by net_forward.c and net_backward.c: images of a shard, the first one's place; blocks of an fc. */
int net_shard(const struct net *net, int shard, int *out_first);
int net_blocks(const struct fc_shape *fc);
void net_block(int count, int blocks, int block, int *out_first, int *out_last);
/* The weights and bias (or NULL) in use. */
const float *net_weight(const struct net *net, const struct net_layer *layer);
const float *net_bias(const struct net *net, const struct net_layer *layer);
/* The graph's own gamma (or beta, with `bias`) and the like. */
float *net_tensor(const struct net *net, int weight);

#endif
