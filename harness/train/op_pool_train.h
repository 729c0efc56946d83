/* Pooling for training, over planes that lie one after the other. Padding never wins a maximum and does not count in
 * a mean; the first of equal maxima (in row order) takes the gradient. */
#ifndef TRAIN_OP_POOL_TRAIN_H
#define TRAIN_OP_POOL_TRAIN_H

#include "graph/graph.h"

struct pool_shape {
    int planes, ih, iw, oh, ow;
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w; /* pad before the first line and column */
};

/* The shape of a pooling node over one image; `planes` are its channels. */
struct pool_shape pool_shape_of(const struct graph *graph, const struct node *node);

/* y(planes, oh, ow) = maxima of the windows of x(planes, ih, iw). */
void pool_forward(const struct pool_shape *shape, const float *x, float *y);

/* dx(planes, ih, iw) from dy(planes, oh, ow), or added to it when `add` is 1; x as in the forward pass. */
void pool_backward(const struct pool_shape *shape, const float *x, const float *dy, int add, float *dx);

/* The same with means. */
void pool_avg_forward(const struct pool_shape *shape, const float *x, float *y);
void pool_avg_backward(const struct pool_shape *shape, const float *dy, int add, float *dx);

#endif
