/* Inside plk_*.c: the parts of the packed file. The format is described in plk.c. */
#ifndef IO_PLK_PARTS_H
#define IO_PLK_PARTS_H

#include "codec/bytes.h"
#include "codec/entropy.h"
#include "graph/graph.h"
#include "io/plk.h"

enum {
    PLK_VERSION = 2,
    PLK_MAX_NODES = 1024,
    /* A file of n bytes may hold at most PLK_FREE_ELEMENTS + n * ENTROPY_MAX_EXPANSION weights, so that memory is
     * bounded by its size. Only zeros written as gaps could be more. */
    PLK_FREE_ELEMENTS = 1 << 20
};

/* What entropy coding has learned so far in this file, by type of data. */
struct plk_learned {
    struct entropy_models data[3]; /* by enum entropy_type */
    struct entropy_models scale;
};

/* A tensor that the structure announces: its place in the graph and its shape. */
struct plk_slot {
    char name[GRAPH_NAME];
    int node, is_bias;
    int rank, dim[4];
    size_t count;
};

struct plk_slots {
    struct plk_slot *slot; /* owned */
    int count;
};

/* ST_BADARG or ST_UNSUPPORTED unless the graph can be written and read back; called before the put functions. */
enum status plk_check_graph(const struct graph *graph);

/* The first byte of a node: its operator, and what follows. */
enum { NODE_OP_MASK = 31, NODE_NAMED = 32, NODE_WINDOW = 64, NODE_FLAGS = 128 };
/* The second byte, if NODE_FLAGS: what differs from the usual besides. */
enum {
    NODE_VALUE_NAMED = 1,
    NODE_WIRED = 2,
    NODE_TENSORS_NAMED = 4,
    NODE_LOPSIDED = 8,
    NODE_GROUPED = 16,
    NODE_ALL_FLAGS = 31
};

int plk_has_weights(enum op op);
int plk_has_window(enum op op);
/* Names that need no bytes: those that models in JSON get by themselves. */
void plk_usual_name(enum op op, int index, char out[GRAPH_NAME]);
int plk_usual_tensor_name(const char *node, int is_bias, char out[GRAPH_NAME]);

/* plk_structure.c and plk_structure_get.c: the nodes. get adds nodes and values; weight indices are those of the slots,
 * in order. */
void plk_put_structure(struct bytes *out, const struct graph *graph);
enum status plk_get_structure(struct cursor *in, struct graph *graph, struct plk_slots *out);

/* plk_quant.c: scales and zero points of activations. mode: enum quant_mode of all, or 3: each has its own. get needs
 * an inferred graph. */
unsigned plk_quant_mode(const struct graph *graph);
void plk_put_quant(struct bytes *out, unsigned mode, const struct graph *graph);
enum status plk_get_quant(struct cursor *in, unsigned mode, struct graph *graph);

/* plk_tensor_put.c, plk_tensor_get.c: one tensor. `gaps` 0 leaves the sparse encoding out. get adds it to the graph;
 * the caller has bounded the number of elements by the file's size. */
enum status plk_put_tensor(struct bytes *out, const struct weight *weight, int flags, int gaps,
                           struct plk_learned *learned, struct plk_tensor_info *info);
enum status plk_get_tensor(struct cursor *in, const struct plk_slot *slot, struct plk_learned *learned,
                           struct graph *graph, struct plk_tensor_info *info);
void plk_learned_init(struct plk_learned *learned);

#endif
