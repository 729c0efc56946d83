#include "train/op_norm_train.h"

#include "train/op_elementwise_train.h"

enum { LANES = 16 }; /* sums of their own, in a fixed order, that vectors can follow */

static double lanes_sum(const float *lane)
{
    double sum = 0;

    for (int j = 0; j < LANES; j++)
        sum += (double)lane[j];
    return sum;
}

static double row_sum(const float *restrict x, size_t count)
{
    float lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += x[i + (size_t)j];
    for (; i < count; i++)
        lane[0] += x[i];
    return lanes_sum(lane);
}

static double row_squares(const float *restrict x, size_t count, float mean)
{
    float lane[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float d = x[i + (size_t)j] - mean;
            lane[j] += d * d;
        }
    for (; i < count; i++)
        lane[0] += (x[i] - mean) * (x[i] - mean);
    return lanes_sum(lane);
}

void norm_measure(const float *x, int channels, size_t count, struct norm_sums *out)
{
    for (int c = 0; c < channels; c++, x += count) {
        double mean = count > 0 ? row_sum(x, count) / (double)count : 0;
        float about = (float)mean; /* off the mean by a rounding, which is taken out again */
        double off = mean - (double)about;
        out[c] = (struct norm_sums){(double)count, mean, row_squares(x, count, about) - (double)count * off * off};
    }
}

void norm_join(struct norm_sums *whole, const struct norm_sums *part)
{
    double count = whole->count + part->count, apart = part->mean - whole->mean;

    if (part->count == 0)
        return;
    whole->squares += part->squares + apart * apart * whole->count * part->count / count;
    whole->mean += apart * part->count / count;
    whole->count = count;
}

static void forward_row(const float *restrict x, size_t count, float mean, float factor, float beta, float *restrict y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = (x[i] - mean) * factor + beta;
}

/* The usual case in one pass. */
static void forward_row_relu(const float *restrict x, size_t count, float mean, float factor, float beta, float ceiling,
                             float *restrict y)
{
    for (size_t i = 0; i < count; i++) {
        float z = (x[i] - mean) * factor + beta;
        z = z > 0 ? z : 0;
        y[i] = z < ceiling ? z : ceiling;
    }
}

void norm_forward(const float *x, int channels, size_t count, const float *mean, const float *factor, const float *beta,
                  float ceiling, float *y)
{
    for (int c = 0; c < channels; c++, x += count, y += count) {
        if (ceiling > 0)
            forward_row_relu(x, count, mean[c], factor[c], beta[c], ceiling, y);
        else
            forward_row(x, count, mean[c], factor[c], beta[c], y);
    }
}

static void sums_row(const float *restrict x, const float *restrict dy, size_t count, float mean, double *sums)
{
    float plain[LANES] = {0}, weighted[LANES] = {0};
    size_t i = 0;

    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            plain[j] += dy[i + (size_t)j];
            weighted[j] += dy[i + (size_t)j] * (x[i + (size_t)j] - mean);
        }
    for (; i < count; i++) {
        plain[0] += dy[i];
        weighted[0] += dy[i] * (x[i] - mean);
    }
    sums[0] = lanes_sum(plain);
    sums[1] = lanes_sum(weighted);
}

void norm_backward_sums(const float *x, const float *y, int channels, size_t count, const float *mean, float ceiling,
                        float *dy, double *sums)
{
    for (int c = 0; c < channels; c++, x += count, y += count, dy += count) {
        act_backward(y, count, ceiling, dy); /* the row stays in the first cache */
        sums_row(x, dy, count, mean[c], sums + (ptrdiff_t)2 * c);
    }
}

void norm_backward(const float *x, const float *dy, int channels, size_t count, const float *mean, const float *factor,
                   const float *shift, const float *slope, float *dx)
{
    for (int c = 0; c < channels; c++, x += count, dy += count, dx += count) {
        float m = mean[c], f = factor[c], a = shift[c], b = slope[c];
        for (size_t i = 0; i < count; i++)
            dx[i] = f * (dy[i] - a - (x[i] - m) * b);
    }
}
