/* Inside of the engine: the facts of one conv or fc chain, checked, and the constants its kernels need. */
#ifndef ENGINE_ENGINE_LAYER_H
#define ENGINE_ENGINE_LAYER_H

#include "engine/engine_plan.h"

struct layer {
    int index; /* of the node */
    const struct node *node;
    const struct weight *weight;
    const struct weight *bias; /* NULL: none */
    int in_value, out_value;   /* out: what is stored, the last of the chain */
    int residual;              /* value that is added before the clamp, or -1 */
    const struct value *in, *out;
    int integer;  /* 8-bit weights */
    int dynamic;  /* input quantized with each sample's own range */
    float lo, hi; /* the output is clamped: ReLU, ReLU6; infinite for none */
    int n, k;     /* outputs (channels) and inputs of each */
    int vectors;  /* a fully connected layer over whole samples; else a window slides over positions */
    int depthwise;
    int groups, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w; /* 1 for fc */
    struct plan_border pad;
    int oh, ow;   /* output positions; 1, 1 for fc of (F); 1, L for fc of (L, F) */
    size_t zeros; /* weights that are 0 */
};

/* Gathers and checks the chain that starts at `node`. ST_UNSUPPORTED names the node and what does not fit together:
 * simulated weights, an integer layer with a float input, a bias of the wrong type, scales that are not positive,
 * weights whose sums could leave 32 bits. */
enum status engine_layer_init(const struct plan *plan, int node, struct layer *layer);

/* Weights (n, k) in the order a kernel reads: each row (c, s) becomes (s, c). c * s = k. Borrowed from the graph when
 * the order does not change, else *out_owned (mem_free) holds the copy. */
enum status engine_layer_weights(const struct layer *layer, int c, int s, const void **out_weights, void **out_owned);

/* Rows of the layer over H,W,C data of `c` channels whose lines are `line` elements apart, see kn_rows; without base. A
 * layer over whole samples has `batch` rows. */
struct kn_rows engine_layer_rows(const struct layer *layer, int c, ptrdiff_t line, int batch);

/* Copies the bias of a float layer; NULL when it has none. Constants belong to the engine. */
enum status engine_layer_bias(struct engine *engine, const struct layer *layer, const float **out_bias);
/* bias[o] - zero_point_in * sum(w[o]) of a static integer layer. */
enum status engine_layer_bias_s32(struct engine *engine, const struct layer *layer, const int32_t **out_bias);
/* Requantization of a static integer layer to its 8-bit output. scale[o] = (scale_in * scale_w[o]) / scale_out, in
 * float, rounded after each operation, in this order; ReLU6's upper bound is kn_quantize(6). */
enum status engine_layer_requant(struct engine *engine, const struct layer *layer, struct kn_requant *out_requant);
/* The constants of accumulators → float, clamped to [lo, hi]: per-channel arrays repeated up to `chunk` elements (a
 * multiple of n; set). positions: rows of n accumulators in one of the step's rows. A static layer's range (scale of
 * its input, zero point 0: it is in the bias already) is a constant; a dynamic one's is set by the caller. */
enum status engine_layer_dequant(struct engine *engine, const struct layer *layer, size_t positions, float lo, float hi,
                                 struct exec_dequant *out);

/* Bytes of the scales and biases read per call. */
uint64_t engine_layer_tail_bytes(const struct layer *layer);

/* Bounds of a clamp on values of this scale and zero point: those of ReLU and ReLU6 exactly where rounding puts 0
 * and 6. A lower bound of -infinity gives 0, an upper one of infinity 255. */
void engine_layer_bounds(float lo, float hi, float scale, int32_t zero_point, int32_t *out_lo, int32_t *out_hi);
/* The clamp of a ReLU or ReLU6 node; infinite for -1. */
void engine_layer_clamp(const struct graph *graph, int node, float *out_lo, float *out_hi);

#endif
