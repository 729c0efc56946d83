/* Convolution for training: forward and backward of one image, as matrix products over an unfolded copy of the
 * image (im2col: Chellapilla et al. 2006). K = ic * kh * kw, P = oh * ow. */
#ifndef TRAIN_OP_CONV_TRAIN_H
#define TRAIN_OP_CONV_TRAIN_H

#include <stddef.h>

#include "train/blas.h"

struct conv_shape {
    int ic, ih, iw, oc, oh, ow;
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

/* Floats of scratch that one call needs (two unfolded images). */
size_t conv_scratch_floats(const struct conv_shape *shape);

/* y(oc, oh, ow) = w(oc, ic, kh, kw) * x(ic, ih, iw) + bias(oc); bias may be NULL. relu: y = max(y, 0). */
void conv_forward(const struct conv_shape *shape, enum train_blas blas, const float *x, const float *w,
                  const float *bias, int relu, float *scratch, float *y);

/* Adds this image's gradients to dw(oc, ic, kh, kw) and db(oc, or NULL); writes dx(ic, ih, iw) unless it is NULL. */
void conv_backward(const struct conv_shape *shape, enum train_blas blas, const float *x, const float *w,
                   const float *dy, float *scratch, float *dw, float *db, float *dx);

#endif
