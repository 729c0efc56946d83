/* The graph: a network as operators, typed values and constant weights. It is built from
 * suites/models/<name>.json or read from a packed file; the same graph trains, is compressed, is planned.
 * Not an executor: train/ and engine/ are.
 *
 * Nodes stand in topological order; node i writes value `output`. Values and weights are addressed by index,
 * so a graph can be copied by copying arrays. Shapes carry no batch dimension: (C, H, W) or (F).
 *
 * Layouts here are canonical (those of ONNX): activations C,H,W; conv weights (O, I, kh, kw); fc weights
 * (O, I). The engine is free to choose others inside. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum op { OP_INPUT, OP_CONV, OP_FC, OP_POOL_MAX, OP_RELU, OP_FLATTEN, OP_COUNT };

enum dtype { DT_F32, DT_S8, DT_S32 };

enum {
    GRAPH_NAME = 64, /* longest name, with its NUL */
    GRAPH_MAX_NODES = 4096,
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
    int rank;   /* 1: (F), 3: (C, H, W) */
    int dim[3]; /* unused dims are 1 */
    enum quant_mode quant;
    float scale;
    int32_t zero_point; /* 0..255 */
};

/* A constant tensor; owned by its graph. */
struct weight {
    char name[GRAPH_NAME]; /* "<node>.weight", "<node>.bias" */
    enum dtype type;
    int rank;
    int dim[4]; /* conv (O, I, kh, kw), fc (O, I), bias (O); unused dims are 1 */
    size_t count;
    void *data;    /* (dim[0], ...) of `type`; owned */
    float *scale;  /* (dim[0]) per output channel for DT_S8, symmetric (zero point 0), in -127..127; else NULL; owned */
    uint8_t *mask; /* (count) 1 = kept, 0 = pruned and zero in data for ever; NULL = dense; owned */
};

struct node {
    enum op op;
    char name[GRAPH_NAME];                                    /* unique in the graph */
    int input;                                                /* value index; -1 for OP_INPUT */
    int output;                                               /* value index */
    int weight, bias;                                         /* weight index or -1 */
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w; /* conv and pooling; pad on both sides */
    int channels;                                             /* conv: output channels; fc: output features */
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
/* Multiply-accumulates of node i per sample, counting every weight (nominal). 0 for operators without. */
uint64_t graph_node_macs(const struct graph *graph, int i);
/* Number of zero elements of a weight tensor's data. */
size_t weight_zeros(const struct weight *weight);
/* Share of zeros over all conv and fc weights (biases not counted), 0..1. */
double graph_sparsity(const struct graph *graph);
/* Conv and fc weights plus biases. */
size_t graph_parameters(const struct graph *graph);

#endif
