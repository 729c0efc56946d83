/* Convolution for training without unfolding: images are copied into frames of zeros, all channels alike, and each tap
 * of the kernel is one matrix product over the frames, moved by the tap's offset, whose results add up:
 *
 *   Y = sum over taps t of W_t X_t,   dW_t = dY X_t',   dX_t += W_t' dY
 *
 * For stride 1 and few channels, where the unfolded copy would cost more than the products. */
#ifndef TRAIN_OP_CONV_TAPS_TRAIN_H
#define TRAIN_OP_CONV_TAPS_TRAIN_H

#include <stddef.h>

#include "train/op_conv_train.h"

/* 1 if the shape is done faster this way. */
int conv_taps_fits(const struct conv_shape *shape);

size_t conv_taps_scratch_floats(const struct conv_shape *shape, int n);

/* As conv_forward without a bias, and conv_backward without db. */
void conv_taps_forward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                       float *scratch, float *y);
void conv_taps_backward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                        const float *dy, float *scratch, float *dw, int add, float *dx);

#endif
