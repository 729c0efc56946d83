/* Convolution for training: forward and backward over the images of a shard, as matrix products over unfolded copies
 * of the images (im2col: Chellapilla et al. 2006). K = ic / groups * kh * kw, P = oh * ow.
 *
 * Images of a shard lie channel by channel, (C, n, H, W): a product then covers several small images at once, and its
 * result needs no rearranging. One image, n = 1, is the usual C,H,W. */
#ifndef TRAIN_OP_CONV_TRAIN_H
#define TRAIN_OP_CONV_TRAIN_H

#include <stddef.h>

#include "graph/graph.h"
#include "train/blas.h"

struct conv_shape {
    int ic, ih, iw, oc, oh, ow;
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w; /* pad before the first line and column */
    int dilation_h, dilation_w, groups;                       /* 1 or more */
};

/* The shape of a conv node. */
struct conv_shape conv_shape_of(const struct graph *graph, const struct node *node);

/* 1 if every channel has one filter of its own: op_depthwise_train.h does it without products. */
int conv_is_depthwise(const struct conv_shape *shape);

/* Floats of scratch that a call with up to n images needs. */
size_t conv_scratch_floats(const struct conv_shape *shape, int n);

/* y(oc, n, oh, ow) = w(oc, ic / groups, kh, kw) * x(ic, n, ih, iw) + bias(oc); bias may be NULL. */
void conv_forward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                  const float *bias, float *scratch, float *y);

/* Adds the images' gradients to dw(oc, ic / groups, kh, kw) and db(oc, or NULL). Unless dx is NULL, writes
 * dx(ic, n, ih, iw), or adds to it when `add` is 1. */
void conv_backward(const struct conv_shape *shape, enum train_blas blas, int n, const float *x, const float *w,
                   const float *dy, float *scratch, float *dw, float *db, int add, float *dx);

#endif
