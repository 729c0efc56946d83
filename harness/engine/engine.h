/* The engine: a graph bound to one kernel table becomes a plan with one static arena; then it runs without
 * allocating, without branching on types and without knowing graphs.
 *
 *   TRY(engine_new(&graph, &table, 1, 1, &engine));
 *   engine_run(engine, image, logits);           // image (batch, C, H, W) float, logits (batch, classes) float
 *   engine_free(engine);
 *
 * Input and output are float whatever is inside, so every recipe pays for its own conversions. For integer
 * graphs engine_raw gives the last layer's exact accumulators, the same bits with every table. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "graph/graph.h"
#include "kernels/kernels.h"

enum { ENGINE_REASON = 128, ENGINE_SHAPE = 48, ENGINE_THREADS_MAX = 64 };

struct engine;

/* What one step of the plan is and costs, per call of the whole batch. */
struct engine_step {
    char layer[GRAPH_NAME];     /* node it belongs to; helpers carry their node's name */
    char kernel[KN_NAME];       /* kernel that runs, "kn_gemm_f32__avx2_6x16" */
    char reason[ENGINE_REASON]; /* why this kernel: "dense: 90 % zeros, sparse pays from 93 %" */
    uint64_t macs_nominal;      /* all weights counted */
    uint64_t macs_executed;     /* multiplications that the kernel really makes (without register-tile padding) */
    uint64_t weight_bytes;      /* packed weights, indices, scales and biases streamed per call */
    uint64_t input_bytes, output_bytes; /* activations read and written, helper buffers included */
    int weight_bits;                    /* 32 or 8; 0 for steps without weights */
    char input[ENGINE_SHAPE];           /* "u8 64x28x28 hwc": type, channels, lines, columns, order of one sample */
    char output[ENGINE_SHAPE];
    size_t arena_offset; /* where the step writes, from the arena's start; SIZE_MAX: it writes no activation */
    int threads;         /* that share the step */
};

/* Plans `batch` >= 1 samples per run on `threads` >= 1 threads (the caller is one; the bits are the same with any
 * number). The graph is not needed afterwards, nor is the table. Nothing is allocated after this returns. Owned.
 *
 * Every operator but batchnorm (fold it first). Three kinds of conv and fc: float (F32 weights without scales); static
 * integer (S8 weights with scales, S32 bias at scale_in * scale_w[o], QUANT_STATIC input); dynamic integer (S8 weights
 * with scales, F32 bias, QUANT_DYNAMIC input: each sample's own range of what the layer reads). Other operators work on
 * 8 bits where inputs and output are QUANT_STATIC and there is an integer form (graph_quant.h), else in float: 8-bit
 * inputs are dequantized for them, so that every reader of a quantized value sees the rounded one, and results that are
 * QUANT_STATIC are quantized. QUANT_DYNAMIC values are stored as float; whoever is not an integer layer reads that.
 *
 * The output is float. A missing bias is zero. Nodes that do not lead to the output are not computed.
 *
 * ST_BADARG for a batch or a number of threads below 1, ST_FORMAT from graph_infer, ST_UNSUPPORTED naming the node:
 * batchnorm, simulated weights (convert them first), types and quantization that do not fit together, sums that could
 * leave 32 bits, activations of more than 2^31 - 1 bytes. ST_NOMEM. */
enum status engine_new(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                       struct engine **out);
/* The same, every step shared out to the threads however little it has to do: for tests. */
enum status engine_new_eager(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                             struct engine **out);
void engine_free(struct engine *engine);

void engine_run(struct engine *engine, const float *input, float *output);

/* The same in pieces, for timing by layer: set the input, run steps 0 .. steps-1 in order, read the output. */
void engine_begin(struct engine *engine, const float *input);
void engine_step_run(struct engine *engine, int step);
void engine_end(struct engine *engine, float *output);

int engine_steps(const struct engine *engine);
const struct engine_step *engine_step_info(const struct engine *engine, int step); /* borrowed */
int engine_batch(const struct engine *engine);
size_t engine_input_count(const struct engine *engine);  /* floats per sample */
size_t engine_output_count(const struct engine *engine); /* floats per sample */

/* Accumulators of the last conv or fc after a run, before dequantization: (batch, positions, outputs), which for a
 * final fc is (batch, outputs). A layer with a fixed input range has its bias and zero point inside, one with a dynamic
 * range has not. NULL when that layer is float. Borrowed. */
const int32_t *engine_raw(const struct engine *engine);

/* Peak activation memory: the whole arena with KN_SLACK per slot (guards excluded), known before running; packed
 * weights, scales and biases apart. */
size_t engine_arena_bytes(const struct engine *engine);
size_t engine_weight_bytes(const struct engine *engine);
/* 1 if the guard zones around the arena and between its buffers are intact. */
int engine_guards_intact(const struct engine *engine);

#endif
