/* Elementwise work of training: activations, additions, and moves between the two layouts. */
#ifndef TRAIN_OP_ELEMENTWISE_TRAIN_H
#define TRAIN_OP_ELEMENTWISE_TRAIN_H

#include <stddef.h>

/* An activation is given by its ceiling: 0 none, INFINITY ReLU, 6 ReLU6. NaN becomes 0. In place. */
void act_forward(size_t count, float ceiling, float *y);
/* Zeroes the gradient where y, the activation's result, lies at one of its ends. */
void act_backward(const float *y, size_t count, float ceiling, float *gradient);

/* y = a + b, then the activation. */
void add_forward(const float *a, const float *b, size_t count, float ceiling, float *y);
/* dx = dy, or dx += dy when `add` is 1. */
void add_backward(const float *dy, size_t count, int add, float *dx);

/* Images of a shard channel by channel (c, n, p) → one after the other (n, c, p). */
void flatten_forward(const float *x, int c, int n, int p, float *y);
/* The other way; adds when `add` is 1. */
void flatten_backward(const float *dy, int c, int n, int p, int add, float *dx);

#endif
