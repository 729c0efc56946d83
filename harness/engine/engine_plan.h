/* Inside of the engine: what exists while a graph is being turned into a plan, and the functions that the
 * planner's files share. Nothing outside harness/engine/ includes this.
 *
 *   engine_plan.c    walks the graph: which nodes are computed, chains, input and output
 *   engine_want.c    which borders readers will want around a value
 *   engine_steps.c   appends steps; which values are still needed
 *   engine_tensor.c  where an activation's elements lie
 *   engine_layer.c   facts of one conv or fc: checks, integer constants, weights in the order a kernel reads them
 *   engine_choose.c  dense or sparse kernel for a layer, and why
 *   engine_bind.c    a layer's steps; with engine_bind_dense.c, engine_bind_sparse.c, engine_bind_depthwise.c
 *   engine_map.c     activations, sums and products of two values, softmax, layer normalization
 *   engine_pool.c    pooling
 *   engine_join.c    concatenation, matmul
 *   engine_view.c    reshape, transpose, slice
 *   engine_move.c    helper steps: layouts, borders, quantization
 *   engine_memory.c  buffers → one arena; constants
 *   engine_exec*.c   execute steps */
#ifndef ENGINE_ENGINE_PLAN_H
#define ENGINE_ENGINE_PLAN_H

#include "engine/engine.h"
#include "engine/engine_exec.h"
#include "engine/engine_threads.h"

enum {
    PLAN_STEPS_PER_NODE = 16, /* and as many for each input: no operator needs more */
    PLAN_GUARD = 256,         /* bytes of each guard zone */
    PLAN_NO_BUFFER = -1
};

enum plan_type { PLAN_F32, PLAN_U8, PLAN_S16, PLAN_S32 };

/* How a sample's elements lie: graphs think in C,H,W; dense convolutions read H,W,C. */
enum plan_order { PLAN_CHW, PLAN_HWC };

/* Lines above and below, columns at the left and right that belong to the buffer. Filled with what padding counts as:
 * 0, or the zero point. */
struct plan_border {
    int top, left, bottom, right;
};

/* An activation at one moment of the plan. A value (F) has c = F, or the shape that it had before it was flattened, so
 * that its order keeps its meaning; a value (L, F) has c = F, w = L in H,W,C order; of rank 4, the middle dimensions
 * are one. The canonical order, the graph's own, is H,W,C for rank 2 and C,H,W for all others. */
struct plan_tensor {
    int buffer;
    size_t offset; /* elements from the buffer's start to the first sample's border */
    enum plan_type type;
    enum plan_order order;
    int batch_minor; /* 0: (batch, sample); 1: (sample, batch), what sparse fc kernels work on */
    int c, h, w;
    struct plan_border border;
    float scale; /* of PLAN_U8 and PLAN_S16: real = scale * (q - zero_point) */
    int32_t zero_point;
    int32_t top;              /* no q is larger */
    struct exec_range *range; /* set: each sample has its own instead */
};

/* A value of the graph while it is planned. Buffers are PLAN_NO_BUFFER where there is nothing yet. */
struct plan_value {
    struct plan_tensor t;       /* as stored */
    struct plan_tensor floats;  /* dequantized copy */
    struct plan_tensor dynamic; /* copy quantized with each sample's own range */
    struct plan_border want;    /* what its readers would like to find around it */
    enum plan_order order;      /* expected by engine_want.c */
    int reads;                  /* chains that will still read it */
};

/* A piece of the arena, alive from step `first` (which writes it) to step `last` (which reads it last). */
struct plan_buffer {
    size_t bytes;
    int first, last;
    int slot, next; /* its place in the arena; next buffer of the same slot, -1 at the end */
};

/* Where a step reads or writes. */
struct plan_place {
    int buffer;
    size_t bytes; /* from the buffer's start */
};
enum plan_role { PLAN_X, PLAN_B, PLAN_Y, PLAN_ROLES };

struct engine {
    int batch;
    int steps;
    struct exec_step *step;   /* (steps); owned */
    struct engine_step *info; /* (steps); owned */
    struct threads *threads;  /* NULL: the caller alone; owned */
    unsigned char *arena;     /* guard, slot, guard, slot, ..., guard; owned */
    size_t *guard;            /* (guards) offsets into the arena; owned */
    int guards;
    size_t arena_bytes; /* slots without guards */
    void **constant;    /* (constants) blocks: packed weights, scales, biases, ranges; owned */
    int constants;
    size_t weight_bytes;
    float *input, *output;            /* in the arena */
    const int32_t *raw;               /* in the arena, or NULL */
    size_t input_count, output_count; /* floats per sample */
};

struct plan_options {
    int batch, threads;
    int eager; /* threads share every step */
};

struct plan {
    struct engine *engine; /* being filled */
    const struct graph *graph;
    const struct kn_table *table;
    int batch, threads, eager;
    struct plan_buffer *buffer; /* (buffers) */
    int buffers, buffer_room;
    struct plan_place (*place)[PLAN_ROLES]; /* (steps) */
    int step_room;
    struct plan_value *value; /* (graph->values) */
    unsigned char *live;      /* (graph->nodes) 1: leads to the output */
    unsigned char *act_done;  /* (graph->nodes) 1: this ReLU is the clamp of the layer before it */
    int output_buffer;        /* buffer 0 is the input */
    size_t output_bytes;      /* from the output buffer's start */
    int raw_buffer;           /* accumulators of the last conv or fc so far, or PLAN_NO_BUFFER */
};

/* ---- engine_plan.c */

/* Fills a zeroed engine. On failure the engine is partly filled and must be freed. */
enum status engine_plan_graph(struct engine *engine, const struct graph *graph, const struct kn_table *table,
                              const struct plan_options *options);
/* The one live node that reads value v; -1 if there is none or several. */
int engine_plan_reader(const struct plan *plan, int v);
/* The ReLU that can be the clamp of conv or fc node i: the next one, with nothing but max-pooling and flatten in
 * between, which a clamp may be exchanged with. -1 if there is none. */
int engine_plan_clamp_of(const struct plan *plan, int i);
/* Operators that hand on what they read: fixed grids must agree on both sides. ST_UNSUPPORTED. */
enum status engine_plan_check_grid(const struct plan *plan, const struct node *node);
/* Index of the value that the chain starting at node i stores. */
int engine_plan_stored(const struct plan *plan, int i);
/* The inputs of the chain that starts at node i, without those made inside; returns how many. */
int engine_plan_inputs(const struct plan *plan, int i, int out_values[GRAPH_MAX_INPUTS + 1]);

/* ---- engine_want.c */
/* Finds what each live value's readers will want around it. ST_UNSUPPORTED as engine_layer_init. */
enum status engine_want(struct plan *plan);
/* The border that a tensor of `type`, made for value v, should have: none if it is to be quantized yet. */
struct plan_border engine_want_of(const struct plan *plan, int v, enum plan_type type);
/* Padding of a conv as a border; none for other operators. */
struct plan_border engine_want_padding(const struct node *node);

/* ---- engine_steps.c */

/* What a step reads and writes. `whole`: it starts at the border, not at the first element. */
struct plan_spec {
    int node;
    engine_exec_fn run;
    const char *kernel, *reason;
    const struct plan_tensor *x, *b, *y; /* b, y may be NULL */
    int whole;
};
/* Appends a step: addresses, one repetition per sample, bytes read and written. Both out-pointers stay valid: the
 * arrays do not move. Buffers live at least from here to here. */
enum status engine_steps_add(struct plan *plan, const struct plan_spec *spec, struct exec_step **out_step,
                             struct engine_step **out_info);
/* Shares the step out to threads if its work is worth it: `macs` multiplications, or the bytes that it moves. */
void engine_steps_share(struct plan *plan, struct exec_step *step, const struct engine_step *info);
/* The chain that is being planned has been given its inputs: one read less of each. */
void engine_steps_take(struct plan *plan, const int *values, int count);
/* 1 if nothing that is planned later reads the buffer of tensor t, so that it may be overwritten. */
int engine_steps_dying(const struct plan *plan, const struct plan_tensor *t);

/* ---- engine_tensor.c */
size_t engine_tensor_bytes(enum plan_type type);          /* of one element */
size_t engine_tensor_count(const struct plan_tensor *t);  /* elements of a sample, border left out */
size_t engine_tensor_line(const struct plan_tensor *t);   /* elements from a line to the next */
size_t engine_tensor_plane(const struct plan_tensor *t);  /* from a plane to the next; H,W,C: one plane */
size_t engine_tensor_sample(const struct plan_tensor *t); /* from a sample to the next */
size_t engine_tensor_origin(const struct plan_tensor *t); /* from the buffer's start to the first element */
int engine_tensor_has_border(const struct plan_tensor *t);
int engine_tensor_same(const struct plan_tensor *a, const struct plan_tensor *b); /* order, shape and border */
int engine_tensor_order_matters(const struct plan_tensor *t);                     /* C,H,W and H,W,C differ */
/* An unwritten tensor for a value's shape in its canonical order. */
struct plan_tensor engine_tensor_of(const struct value *value, enum plan_type type);
enum plan_order engine_tensor_canonical(const struct value *value);
/* Scale and zero point of a value; any q may occur. */
void engine_tensor_quant(struct plan_tensor *t, const struct value *value);
/* A buffer for t as described; sets buffer and offset. ST_UNSUPPORTED when too large, names the node. */
enum status engine_tensor_new(struct plan *plan, int node, struct plan_tensor *t);
/* "64x28x28", H,W,C with an asterisk. */
void engine_tensor_text(const struct plan_tensor *t, char *buffer, size_t size);

/* ---- engine_memory.c */

/* A buffer of count elements of `size` bytes, of node `node` (for messages). ST_UNSUPPORTED when larger than
 * 2^31 - 1 bytes: kernels count in int. */
enum status engine_memory_buffer(struct plan *plan, int node, size_t count, size_t size, int *out_buffer);
/* Zeroed constants that live as long as the engine; KN_SLACK more bytes are readable. */
enum status engine_memory_constant(struct engine *engine, size_t count, size_t size, void *out_pointer);
/* Gives every buffer its place and every step its addresses. */
enum status engine_memory_assign(struct plan *plan);
int engine_memory_intact(const struct engine *engine);
/* a * b * c without overflow, else ST_UNSUPPORTED. */
enum status engine_memory_product(const char *node, size_t a, size_t b, size_t c, size_t *out);

#endif
