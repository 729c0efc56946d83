/* Batch normalization for training (Ioffe & Szegedy 2015): per channel, with the batch's own mean and variance.
 *
 *   x^ = (x - mean) / sqrt(variance + epsilon),  y = gamma x^ + beta
 *   dx = gamma / sqrt(variance + epsilon) * (dy - sum(dy) / N - x^ sum(dy x^) / N)
 *
 * Shards of the batch, each (C, count) with count elements per channel, are measured one by one and joined in their
 * order, so that sums do not depend on threads. */
#ifndef TRAIN_OP_NORM_TRAIN_H
#define TRAIN_OP_NORM_TRAIN_H

#include <stddef.h>

/* What is known of the elements of one channel. */
struct norm_sums {
    double count, mean, squares; /* squares: the sum of (x - mean)^2 */
};

/* The sums of each channel of a shard x(channels, count): out(channels). */
void norm_measure(const float *x, int channels, size_t count, struct norm_sums *out);

/* Adds what `part` knows to `whole` (Chan, Golub, LeVeque 1979). */
void norm_join(struct norm_sums *whole, const struct norm_sums *part);

/* y = (x - mean) * factor + beta per channel, with ceiling as in op_elementwise_train.h. */
void norm_forward(const float *x, int channels, size_t count, const float *mean, const float *factor, const float *beta,
                  float ceiling, float *y);

/* Takes dy back through the activation, in place, and gives the sums that the gradients need:
 * sums(channels, 2) = sum(dy), sum(dy (x - mean)). */
void norm_backward_sums(const float *x, const float *y, int channels, size_t count, const float *mean, float ceiling,
                        float *dy, double *sums);

/* dx = factor * (dy - shift - (x - mean) * slope) per channel; dx may be dy. */
void norm_backward(const float *x, const float *dy, int channels, size_t count, const float *mean, const float *factor,
                   const float *shift, const float *slope, float *dx);

#endif
