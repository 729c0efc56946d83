/* Inside of the engine: what exists while a graph is being turned into a plan, and the functions that the
 * planner's files share. Nothing outside harness/engine/ includes this.
 *
 *   engine_plan.c    walks the graph: pooling, ReLU, flatten, input and output
 *   engine_layer.c   facts of one conv or fc: checks, integer constants, weights in the order a kernel reads them
 *   engine_choose.c  dense or sparse kernel for a layer, and why
 *   engine_bind.c    packs a layer's weights and makes its steps
 *   engine_move.c    helper steps: layouts, padding, widening, quantization
 *   engine_memory.c  buffers → one arena; constants
 *   engine_exec.c    executes steps */
#ifndef ENGINE_ENGINE_PLAN_H
#define ENGINE_ENGINE_PLAN_H

#include "engine/engine.h"
#include "engine/engine_exec.h"

enum {
    PLAN_STEPS_PER_NODE = 12, /* no operator needs more: see engine_bind.c and engine_move.c */
    PLAN_GUARD = 256,         /* bytes of each guard zone */
    PLAN_NO_BUFFER = -1
};

enum plan_type { PLAN_F32, PLAN_U8, PLAN_S16, PLAN_S32 };

/* How a sample's elements lie: graphs think in C,H,W; dense convolutions read H,W,C. */
enum plan_order { PLAN_CHW, PLAN_HWC };

/* An activation at one moment of the plan. */
struct plan_tensor {
    int buffer;
    enum plan_type type;
    enum plan_order order;
    int batch_minor; /* 0: (batch, sample); 1: (sample, batch), what sparse fc kernels work on */
    int c, h, w;     /* a flattened tensor keeps the shape it had, so that its order keeps its meaning */
};

/* A piece of the arena, alive from step `first` (which writes it) to step `last` (which reads it last). */
struct plan_buffer {
    size_t bytes;
    int first, last;
    int slot, next; /* its place in the arena; next buffer of the same slot, -1 at the end */
};

struct engine {
    int batch;
    int steps;
    struct exec_step *step;   /* (steps); owned */
    struct engine_step *info; /* (steps); owned */
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

struct plan {
    struct engine *engine; /* being filled */
    const struct graph *graph;
    const struct kn_table *table;
    int batch;
    struct plan_buffer *buffer; /* (buffers) */
    int buffers, buffer_room;
    int *step_in, *step_out; /* (steps) buffer indices */
    int step_room;
    struct plan_tensor *tensor; /* (graph->values) */
    unsigned char *live;        /* (graph->nodes) 1: leads to the output */
    unsigned char *relu_done;   /* (graph->nodes) 1: this ReLU is the clamp of the layer before it */
    int output_buffer;          /* buffer 0 is the input */
    int raw_buffer;             /* accumulators of the last conv or fc so far, or PLAN_NO_BUFFER */
};

/* ---- engine_plan.c */

/* Fills a zeroed engine. On failure the engine is partly filled and must be freed. */
enum status engine_plan_graph(struct engine *engine, const struct graph *graph, const struct kn_table *table,
                              int batch);

/* Appends a step of node `node` that reads buffer `in` and writes buffer `out` (PLAN_NO_BUFFER: none). Both
 * out-pointers stay valid: the arrays do not move. Buffers live at least from here to here. */
enum status engine_plan_step(struct plan *plan, int node, engine_exec_fn run, const char *kernel, int in, int out,
                             struct exec_step **out_step, struct engine_step **out_info);

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
