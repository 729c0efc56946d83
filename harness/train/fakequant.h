/* Fake quantization: floats rounded to the grids of the integer engine (kernels/requant.h), with the gradients that
 * training lets through (the straight-through estimator of Bengio et al. 2013; ranges as in Jacob et al. 2018).
 * The loops run on vectors and give the same bits as kn_quantize, kn_quantize_weight and kn_range_params. */
#ifndef TRAIN_FAKEQUANT_H
#define TRAIN_FAKEQUANT_H

#include <stddef.h>
#include <stdint.h>

/* The grid of an activation: scale * (q - zero_point), q in 0..255. */
struct fakequant_grid {
    float scale;
    int32_t zero_point;
};

/* y(count) = x(count) rounded to the grid and clamped to its ends; x and y may be the same. NaN takes the lower end. */
void fakequant_round(const float *x, size_t count, struct fakequant_grid grid, float *y);

/* Extends [*lo, *hi] by the values of x; NaN is ignored. */
void fakequant_observe(const float *x, size_t count, float *lo, float *hi);

/* Zeroes the gradient where x lies outside the ends of the grid. */
void fakequant_mask(const float *x, size_t count, struct fakequant_grid grid, float *gradient);

/* The same, and returns the gradient of the grid's scale: the sum of gradient * (q - x / scale) inside and of
 * gradient * (end) outside, q counted from the zero point (LSQ, Esser et al. 2020, eq. 3). */
double fakequant_mask_step(const float *x, size_t count, struct fakequant_grid grid, float *gradient);

/* Symmetric weights, per output channel: scale[r] = kn_weight_scale_to(max |w| of row r, steps), wq = scale *
 * round(w / scale). Rows first .. last-1 of w(rows, row_count). wq may be NULL (scales only). */
void fakequant_weights(const float *w, int first, int last, size_t row_count, int steps, float *scale, float *wq);

/* The same with given scales: wq(rows, row_count) = w on its grid. */
void fakequant_weights_scaled(const float *w, int first, int last, size_t row_count, const float *scale, float *wq);

/* bq(rows) = bias rounded to multiples of scale_in * scale_w(rows), as 32-bit accumulators start from it. */
void fakequant_bias(const float *bias, int rows, float scale_in, const float *scale_w, float *bq);

#endif
