#include "train/fakequant.h"

#include <math.h>

#include "kernels/requant.h"

/* Adding and subtracting 1.5 * 2^23 leaves the nearest integer, ties to even, for |x| < 2^22: what lrintf gives, in
 * two vector instructions. Everything is clamped to at most 255 before. */
static inline float nearest(float x)
{
    return (x + 12582912.0f) - 12582912.0f;
}

static inline float grid_steps(float x, float inverse, float lo, float hi)
{
    float y = x * inverse;
    y = y > lo ? y : lo;
    return y < hi ? y : hi;
}

void fakequant_round(const float *x, size_t count, struct fakequant_grid grid, float *y)
{
    float inverse = 1.0f / grid.scale, scale = grid.scale;
    float lo = (float)-grid.zero_point, hi = (float)(255 - grid.zero_point);

    for (size_t i = 0; i < count; i++)
        y[i] = scale * nearest(grid_steps(x[i], inverse, lo, hi));
}

void fakequant_observe(const float *x, size_t count, float *lo, float *hi)
{
    enum { LANES = 8 };
    float low[LANES], high[LANES];
    size_t i = 0;

    for (int j = 0; j < LANES; j++) {
        low[j] = *lo;
        high[j] = *hi;
    }
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            low[j] = x[i + (size_t)j] < low[j] ? x[i + (size_t)j] : low[j];
            high[j] = x[i + (size_t)j] > high[j] ? x[i + (size_t)j] : high[j];
        }
    for (; i < count; i++) {
        low[0] = x[i] < low[0] ? x[i] : low[0];
        high[0] = x[i] > high[0] ? x[i] : high[0];
    }
    for (int j = 0; j < LANES; j++) {
        *lo = low[j] < *lo ? low[j] : *lo;
        *hi = high[j] > *hi ? high[j] : *hi;
    }
}

void fakequant_mask(const float *x, size_t count, struct fakequant_grid grid, float *gradient)
{
    float lo = grid.scale * (float)-grid.zero_point, hi = grid.scale * (float)(255 - grid.zero_point);

    for (size_t i = 0; i < count; i++) {
        float g = x[i] >= lo ? gradient[i] : 0;
        gradient[i] = x[i] <= hi ? g : 0;
    }
}

double fakequant_mask_step(const float *x, size_t count, struct fakequant_grid grid, float *gradient)
{
    float inverse = 1.0f / grid.scale;
    float lo = (float)-grid.zero_point, hi = (float)(255 - grid.zero_point);
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        float steps = x[i] * inverse;
        float q = nearest(grid_steps(x[i], inverse, lo, hi));
        int inside = steps >= lo && steps <= hi;
        sum += (double)(gradient[i] * (inside ? q - steps : q));
        gradient[i] = inside ? gradient[i] : 0;
    }
    return sum;
}

static float row_max(const float *w, size_t count)
{
    float lo = 0, hi = 0;

    fakequant_observe(w, count, &lo, &hi);
    return -lo > hi ? -lo : hi;
}

void fakequant_weights_scaled(const float *w, int first, int last, size_t row_count, const float *scale, float *wq)
{
    for (int r = first; r < last; r++) {
        const float *row = w + (size_t)r * row_count;
        float *to = wq + (size_t)r * row_count;
        float step = scale[r];

        for (size_t i = 0; i < row_count; i++) {
            float y = row[i] / step;
            y = y > -127.0f ? y : -127.0f;
            y = y < 127.0f ? y : 127.0f;
            to[i] = step * nearest(y);
        }
    }
}

void fakequant_weights(const float *w, int first, int last, size_t row_count, int steps, float *scale, float *wq)
{
    for (int r = first; r < last; r++)
        scale[r] = kn_weight_scale_to(row_max(w + (size_t)r * row_count, row_count), steps);
    if (wq)
        fakequant_weights_scaled(w, first, last, row_count, scale, wq);
}

void fakequant_bias(const float *bias, int rows, float scale_in, const float *scale_w, float *bq)
{
    for (int r = 0; r < rows; r++) {
        float grid = scale_in * scale_w[r];
        bq[r] = grid > 0 ? grid * rintf(bias[r] / grid) : bias[r];
    }
}
