/* A layer that sparse kernels are timed on, with its data in every layout, and the ways to compute it. Internal to
 * kncheck. */
#ifndef KNCHECK_KNLAYER_H
#define KNCHECK_KNLAYER_H

#include "kncheck/kntiming.h"

/* A convolution over an image (h, w, channels) that is padded already. A fully connected layer is a 1 x 1 convolution
 * over one line of `batch` positions. */
struct knlayer_shape {
    const char *text;
    int h, w, channels, kernel, stride, n;
};

struct knlayer {
    const struct knlayer_shape *shape;
    const struct kn_table *table;
    int integer, n, k;
    struct kn_rows rows; /* over H,W,C data; base: float or uint8 */
    struct kn_cols cols; /* over C,H,W data; with a stride, over planes of every stride-th column */
    int32_t *offset;     /* (k) of the columns */
    const void *wide;    /* integer: the same data as int16 */
    struct kn_tail_f32 tail;
    struct kn_requant rq;
    void *y;
};

/* One way: a contract and the pattern of zeros it is timed with. */
struct knlayer_way {
    const char *contract;
    int integer, rows, cols; /* blocks; 1 x 1: single weights */
    int vectors;             /* only where there is one position */
    int least;               /* positions */
    const struct kn_facts *(*facts)(const struct kn_table *table);
    size_t (*pack_bytes)(const struct knlayer *l, const struct knlayer_way *way, const void *w);
    void (*pack)(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out);
    void (*run)(const struct knlayer *l, const struct knlayer_way *way, const void *packed);
};

extern const struct knlayer_way knlayer_dense_f32, knlayer_dense_u8s8, knlayer_ways[];
extern const int knlayer_ways_count;

int knlayer_positions(const struct knlayer_shape *shape);
/* Geometry and data; buffers are the bench's. */
enum status knlayer_begin(struct knbench *b, const struct knlayer_shape *shape, int integer, struct knlayer *out);
/* Weights (n, k), float or int8, of which a share `sparsity` of the blocks is zero: exactly, to one block. */
enum status knlayer_weights(struct knbench *b, const struct knlayer *l, int rows, int cols, double sparsity,
                            const void **out);

#endif
