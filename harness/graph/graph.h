/* The graph: a network as operators, typed values and constant weights. It is built from
 * suites/models/<name>.json or read from a packed file; the same graph trains, is compressed, is planned.
 * Not an executor: train/ and engine/ are.
 *
 * Nodes stand in topological order; node i writes value `output`. Values and weights are addressed by index,
 * so a graph can be copied by copying arrays. Shapes carry no batch dimension: (F), (L, F) for a sequence, (C, H, W)
 * for an image, up to four dimensions for attention.
 *
 * Layouts here are canonical (those of ONNX): images C,H,W; conv weights (O, I / groups, kh, kw); fc weights
 * (O, I). The engine is free to choose others inside. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum op {
    OP_INPUT,
    OP_CONV, /* any stride, padding, dilation, groups; depthwise: groups = input channels */
    OP_FC,   /* over the last dimension: (F) or (L, F) */
    OP_POOL_MAX,
    OP_RELU,
    OP_FLATTEN,   /* to (F) */
    OP_POOL_AVG,  /* the mean of the window's real elements; padding does not count */
    OP_RELU6,     /* min(max(x, 0), 6) */
    OP_HARDSWISH, /* x * relu6(x + 3) / 6, Howard et al. 2019 */
    OP_SIGMOID,
    OP_GELU,      /* x / 2 * (1 + erf(x / sqrt 2)), Hendrycks & Gimpel 2016 */
    OP_SOFTMAX,   /* over the last dimension */
    OP_LAYERNORM, /* over the last dimension: weight gamma, bias beta; Ba et al. 2016 */
    OP_BATCHNORM, /* per channel: weight gamma, bias beta, mean, variance; Ioffe & Szegedy 2015; training only: folded
                   * into the product before it (graph_fold.h) for everything else */
    OP_ADD,       /* two inputs of one shape */
    OP_MUL,       /* two inputs of one shape, or the second is (C, 1, 1) or (C): a factor per channel */
    OP_CONCAT,    /* 2 .. GRAPH_MAX_INPUTS inputs along `axis` */
    OP_MATMUL,  /* scale * a b, over all leading dimensions: (.., M, K) (.., K, N), or b (.., N, K) with transpose_b */
    OP_RESHAPE, /* to to_rank, to_dim; order of elements kept */
    OP_TRANSPOSE, /* output dimension d is input dimension perm[d] */
    OP_SLICE,     /* elements begin .. end - 1 of dimension `axis` */
    OP_COUNT
};

enum dtype { DT_F32, DT_S8, DT_S32 };

enum {
    GRAPH_NAME = 64, /* longest name, with its NUL */
    GRAPH_MAX_NODES = 4096,
    GRAPH_MAX_RANK = 4,       /* of a value */
    GRAPH_MAX_INPUTS = 8,     /* of a node */
    GRAPH_MAX_DIM = 1 << 20,  /* one dimension */
    GRAPH_MAX_COUNT = 1 << 28 /* elements of one tensor */
};

/* How an activation is quantized: real = scale * (q - zero_point), q in [0, 255]. */
enum quant_mode {
    QUANT_NONE,   /* float */
    QUANT_STATIC, /* scale and zero_point fixed beforehand */
    QUANT_DYNAMIC /* scale and zero_point from each sample's own minimum and maximum at run time */
};

struct value {
    char name[GRAPH_NAME];
    int rank;                /* 1: (F), 2: (L, F), 3: (C, H, W) of images, 4 */
    int dim[GRAPH_MAX_RANK]; /* unused dims are 1 */
    enum quant_mode quant;
    float scale;
    int32_t zero_point; /* 0..255 */
};

/* A constant tensor; owned by its graph. */
struct weight {
    char name[GRAPH_NAME]; /* "<node>.weight", "<node>.bias" */
    enum dtype type;
    int rank;
    int dim[4]; /* conv (O, I / groups, kh, kw), fc (O, I), bias and norms (O); unused dims are 1 */
    size_t count;
    void *data;    /* (dim[0], ...) of `type`; owned */
    float *scale;  /* (dim[0]) per output channel for DT_S8, symmetric (zero point 0), in -127..127; else NULL; owned */
    uint8_t *mask; /* (count) 1 = kept, 0 = pruned and zero in data for ever; NULL = dense; owned */
};

struct node {
    enum op op;
    char name[GRAPH_NAME];       /* unique in the graph */
    int inputs;                  /* how many of `input` count; 0 for OP_INPUT; graph_add_node puts the operator's usual
                                  * number when it is 0 */
    int input[GRAPH_MAX_INPUTS]; /* value indices */
    int output;                  /* value index */
    int weight, bias;            /* weight index or -1: conv, fc, layernorm, batchnorm */
    int mean, variance;          /* weight index, batchnorm only */
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w; /* conv and pooling; pad before the first line, column */
    int pad_end_h, pad_end_w;                                 /* and behind the last */
    int dilation_h, dilation_w;                               /* conv; 0 means 1 */
    int groups;                                               /* conv; 0 means 1 */
    int channels;                                             /* conv: output channels; fc: output features */
    float epsilon;                                            /* layernorm, batchnorm: added to the variance, > 0 */
    int axis, begin, end;                                     /* concat: axis; slice: all three */
    int transpose_b;                                          /* matmul */
    float scale;                                              /* matmul: factor of the product; 0 means 1 */
    int to_rank, to_dim[GRAPH_MAX_RANK];                      /* reshape */
    int perm[GRAPH_MAX_RANK];                                 /* transpose */
};

struct graph {
    char name[GRAPH_NAME]; /* the model's name */
    struct node *node;
    int nodes;
    struct value *value;
    int values;
    struct weight *weight;
    int weights;
};

/* An empty graph (zeroed struct is valid too); free releases everything inside and zeroes it. */
void graph_free(struct graph *graph);

/* Deep copy; *out is overwritten, must not hold anything. ST_NOMEM. */
enum status graph_clone(const struct graph *graph, struct graph *out);

/* Appends; return the new index through out. The name must be unique among its kind (ST_FORMAT). */
enum status graph_add_value(struct graph *graph, const char *name, int rank, const int *dim, int *out_index);
enum status graph_add_node(struct graph *graph, const struct node *node, int *out_index);
/* Zero-filled tensor of `type`; ST_FORMAT on a bad shape (a dim < 1, more than GRAPH_MAX_COUNT elements). */
enum status graph_add_weight(struct graph *graph, const char *name, enum dtype type, int rank, const int *dim,
                             int *out_index);

/* Computes every value's shape from the input's and checks attributes, weight shapes and connections:
 * each value written once and before it is read. ST_FORMAT naming the node. */
enum status graph_infer(struct graph *graph);

/* Initial weights: He-normal for weights (fan in), zero biases; deterministic per seed and tensor name. */
void graph_init_weights(struct graph *graph, uint64_t seed);

/* Bytes of one element: 4, 1, 4. */
size_t dtype_bytes(enum dtype type);
const char *dtype_name(enum dtype type);
const char *op_name(enum op op);

/* Elements of a value, per sample. */
size_t value_count(const struct value *value);
/* Index of the graph's input / output value (output: the last node's). */
int graph_input(const struct graph *graph);
int graph_output(const struct graph *graph);
/* Node that writes / the first node that reads value v; -1 if none. */
int graph_producer(const struct graph *graph, int v);
int graph_consumer(const struct graph *graph, int v);
/* 1 if the node reads value v. How many nodes read v. */
int node_reads(const struct node *node, int v);
int graph_readers(const struct graph *graph, int v);
/* 1 for conv and fc: what has a weight matrix that is pruned and quantized. */
int op_is_product(enum op op);
/* 1 for operators that need their one input only, elementwise: relu, relu6, hard-swish, sigmoid, gelu. */
int op_is_activation(enum op op);
/* Groups, dilation and matmul scale with their defaults put in. */
int node_groups(const struct node *node);
int node_dilation_h(const struct node *node);
int node_dilation_w(const struct node *node);
float node_scale(const struct node *node);
/* 1 for a conv whose every channel has a filter of its own (groups = input channels = output channels). */
int node_is_depthwise(const struct graph *graph, const struct node *node);
/* Multiply-accumulates of node i per sample, counting every weight (nominal). 0 for operators without. */
uint64_t graph_node_macs(const struct graph *graph, int i);
/* Number of zero elements of a weight tensor's data. */
size_t weight_zeros(const struct weight *weight);
/* Share of zeros over all conv and fc weights (biases not counted), 0..1. */
double graph_sparsity(const struct graph *graph);
/* Conv and fc weights plus biases. */
size_t graph_parameters(const struct graph *graph);

#endif
