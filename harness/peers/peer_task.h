/* What every library is given: one operator with its data, the exact result, and the test of a result.
 *
 * Layouts: x (batch, h, w, c); w (n, kernel, kernel, c), depthwise (n, kernel, kernel); y (batch, oh, ow, n). A fully
 * connected layer has h = w = oh = ow = kernel = 1, and c inputs; a matrix product is one with a large batch. Integer
 * tasks: y = requantize(sum + bias) with one scale for all outputs and zero points 0, so that no library has more to
 * do than another. */
#ifndef PEERS_PEER_TASK_H
#define PEERS_PEER_TASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "graph/graph.h"

enum peer_op { PEER_CONV, PEER_DEPTHWISE, PEER_FC };
enum peer_type { PEER_F32, PEER_INT8 };

struct peer_shape {
    char name[GRAPH_NAME];
    enum peer_op op;
    int batch;   /* more than 1 for PEER_FC only */
    int c, h, w; /* input */
    int n;       /* outputs; depthwise: c */
    int kernel, stride, pad;
};

enum peer_data {
    PEER_TYPICAL, /* weights as training leaves them, activations over the whole range */
    PEER_EXTREME  /* integers only: x = 255, w = 127 or -127 by row: where 16-bit steps saturate */
};

struct peer_task {
    struct peer_shape shape;
    enum peer_type type;
    double sparsity; /* share of zero weights; 0: dense, the dense kernels are wanted */
    int oh, ow;
    int k; /* products per output */
    /* PEER_F32 */
    float *x_f32, *w_f32, *bias_f32; /* owned */
    /* PEER_INT8 */
    uint8_t *x_u8;
    int8_t *w_s8;
    int32_t *bias_s32;
    float scale_x, scale_w, scale_y; /* real scales */
    float multiplier;                /* scale_x * scale_w / scale_y */
    /* exact results; owned */
    float *want_f32, *magnitude; /* sum of |x w| and |bias|, for the tolerance */
    int32_t *want_s32;
    uint8_t *want_u8;
};

/* A network for peer.model. */
struct peer_model {
    const struct graph *graph; /* borrowed; float, or converted to integers */
    int batch;
    const float *input; /* (batch, C, H, W); borrowed */
    float lo, hi;       /* of the reference's output: for libraries that cannot end in floats */
};

/* Output sizes; ST_BADARG naming what does not fit. */
enum status peer_shape_check(const struct peer_shape *shape, int *out_oh, int *out_ow);
/* Deterministic per seed. ST_BADARG, ST_NOMEM. Free with peer_task_free (accepts a zeroed struct). */
enum status peer_task_make(const struct peer_shape *shape, enum peer_type type, enum peer_data data, double sparsity,
                           uint64_t seed, struct peer_task *out);
void peer_task_free(struct peer_task *task);

size_t peer_task_inputs(const struct peer_task *task);  /* elements of x */
size_t peer_task_weights(const struct peer_task *task); /* elements of w */
size_t peer_task_outputs(const struct peer_task *task); /* elements of y */
uint64_t peer_task_macs(const struct peer_task *task);  /* all weights counted */
uint64_t peer_task_bytes(const struct peer_task *task); /* x, w, bias and y once each, dense */

/* Holds a result against the exact one. `slack` 8-bit steps are allowed to integers; floats have
 * kn_tolerance_f32(k) of their magnitude. *out_wrong: how many differ; `example` (size bytes) tells of the worst:
 * "expected 255, got 161 at output 7 of row 3". */
void peer_task_check(const struct peer_task *task, const void *y, int slack, size_t *out_wrong, char *example,
                     size_t size);
/* The same for raw sums, which must be equal; one rounding to float is forgiven (sums above 2^24), because
 * requantization by a float scale, ours too, begins with it. */
void peer_task_check_sums(const struct peer_task *task, const int32_t *sums, size_t *out_wrong, char *example,
                          size_t size);

#endif
