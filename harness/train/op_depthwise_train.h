/* Depthwise convolution for training: one filter per channel, plane by plane, without matrix products. Planes are
 * copied into a frame of zeros, so that every tap of a stride of 1 is one long loop over the frame. */
#ifndef TRAIN_OP_DEPTHWISE_TRAIN_H
#define TRAIN_OP_DEPTHWISE_TRAIN_H

#include <stddef.h>

#include "train/op_conv_train.h"

size_t depthwise_scratch_floats(const struct conv_shape *shape);

/* y(c, n, oh, ow) = x(c, n, ih, iw) under w(c, 1, kh, kw). */
void depthwise_forward(const struct conv_shape *shape, int n, const float *x, const float *w, float *scratch, float *y);

/* Adds to dw(c, 1, kh, kw); unless dx is NULL writes dx(c, n, ih, iw), or adds to it when `add` is 1. */
void depthwise_backward(const struct conv_shape *shape, int n, const float *x, const float *w, const float *dy,
                        float *scratch, float *dw, int add, float *dx);

#endif
