/* Max-pooling for training, one image. Padding never wins; the first of equal maxima (in row order) takes the
 * gradient. */
#ifndef TRAIN_OP_POOL_TRAIN_H
#define TRAIN_OP_POOL_TRAIN_H

struct pool_shape {
    int c, ih, iw, oh, ow;
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

/* y(c, oh, ow) = maxima of the windows of x(c, ih, iw). */
void pool_forward(const struct pool_shape *shape, const float *x, float *y);

/* dx(c, ih, iw) from dy(c, oh, ow); x as in the forward pass. */
void pool_backward(const struct pool_shape *shape, const float *x, const float *dy, float *dx);

#endif
