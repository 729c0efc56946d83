/* Fully connected layer for training, over the whole batch, cut along its outputs (forward, weight gradient) or
 * inputs (input gradient): each block is a matrix product of its own, no sum crosses blocks. */
#ifndef TRAIN_OP_FC_TRAIN_H
#define TRAIN_OP_FC_TRAIN_H

#include "train/blas.h"

struct fc_shape {
    int n, in, out; /* rows (batch, times length of a sequence), inputs, outputs */
};

/* Columns first .. last-1 of y(n, out) = x(n, in) * w(out, in)^T + bias(out); bias may be NULL. */
void fc_forward(const struct fc_shape *shape, enum train_blas blas, int first, int last, const float *x, const float *w,
                const float *bias, float *y);

/* Rows first .. last-1 of dw(out, in) = dy(n, out)^T * x(n, in), and the same elements of db(out) unless NULL. */
void fc_backward_weight(const struct fc_shape *shape, enum train_blas blas, int first, int last, const float *x,
                        const float *dy, float *dw, float *db);

/* Columns first .. last-1 of dx(n, in) = dy(n, out) * w(out, in), or added to it when `add` is 1. */
void fc_backward_input(const struct fc_shape *shape, enum train_blas blas, int first, int last, const float *dy,
                       const float *w, int add, float *dx);

#endif
