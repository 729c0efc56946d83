#include "train/optim.h"

#include <math.h>
#include <string.h>

#define BETA1 0.9f
#define BETA2 0.999f
#define EPSILON 1e-8f

/* cos(pi * x) for 0 <= x <= 1: Taylor series about the nearer of 0 and 1/2, below 1e-15. */
static double cos_pi(double x)
{
    double sign = 1, y, square, term = 1, sum = 0;

    if (x > 0.5) {
        x = 1 - x;
        sign = -1;
    }
    y = 3.14159265358979323846 * x;
    square = y * y;
    for (int i = 0; i < 12; i++) {
        sum += term;
        term *= -square / ((2.0 * i + 1) * (2.0 * i + 2));
    }
    return sign * sum;
}

float optim_lr(const struct train_options *options, long step, long steps)
{
    long warm = (long)((double)options->warmup * (double)steps);
    double place;

    if (step < warm)
        return (float)((double)options->lr * (double)(step + 1) / (double)(warm + 1));
    place = steps - 1 > warm ? (double)(step - warm) / (double)(steps - 1 - warm) : 0;
    return (float)((double)options->lr_end +
                   ((double)options->lr - (double)options->lr_end) * 0.5 * (1 + cos_pi(place)));
}

float optim_average_keep(float decay, long step)
{
    float early = (float)(1 + step) / (float)(10 + step);
    return decay < early ? decay : early;
}

void optim_step_begin(const struct train_options *options, long step, long steps, struct optim_powers *powers,
                      struct optim_step *out)
{
    powers->first *= (double)BETA1;
    powers->second *= (double)BETA2;
    out->optimizer = options->optimizer;
    out->lr = optim_lr(options, step, steps);
    out->momentum = options->momentum;
    out->correct_first = (float)(1 / (1 - powers->first));
    out->correct_second = (float)(1 / (1 - powers->second));
    out->average_keep = optim_average_keep(options->ema, step);
}

static void adam(const struct optim_tensor *t, const struct optim_step *s, size_t first, size_t last)
{
    float *restrict w = t->weight, *restrict m = t->moment, *restrict v = t->second;
    const float *restrict g = t->gradient;
    float rate = s->lr * s->correct_first, correct = s->correct_second, keep = 1 - s->lr * t->weight_decay;

    for (size_t i = first; i < last; i++) {
        float m1 = BETA1 * m[i] + (1 - BETA1) * g[i];
        float v1 = BETA2 * v[i] + (1 - BETA2) * (g[i] * g[i]);
        m[i] = m1;
        v[i] = v1;
        w[i] = keep * w[i] - rate * m1 / (sqrtf(v1 * correct) + EPSILON);
    }
}

static void sgd(const struct optim_tensor *t, const struct optim_step *s, size_t first, size_t last)
{
    float *restrict w = t->weight, *restrict m = t->moment;
    const float *restrict g = t->gradient;
    float momentum = s->momentum, lr = s->lr, decay = t->weight_decay;

    for (size_t i = first; i < last; i++) {
        float slope = g[i] + decay * w[i];
        float velocity = momentum * m[i] + slope;
        m[i] = velocity;
        w[i] -= lr * (slope + momentum * velocity);
    }
}

static void average(const struct optim_tensor *t, float keep, size_t first, size_t last)
{
    float *restrict mean = t->average;
    const float *restrict w = t->weight;
    float take = 1 - keep;

    for (size_t i = first; i < last; i++)
        mean[i] = keep * mean[i] + take * w[i];
}

/* Clears all bits, the sign too, where the mask is 0; without a branch. */
static void clear_masked(float *x, const uint8_t *mask, size_t first, size_t last)
{
    for (size_t i = first; i < last; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0u - (uint32_t)(mask[i] != 0);
        memcpy(&x[i], &bits, sizeof bits);
    }
}

void optim_update(const struct optim_tensor *tensor, const struct optim_step *step, size_t first, size_t last)
{
    if (step->optimizer == TRAIN_ADAM)
        adam(tensor, step, first, last);
    else
        sgd(tensor, step, first, last);
    if (tensor->average)
        average(tensor, step->average_keep, first, last);
    if (!tensor->mask)
        return;
    clear_masked(tensor->weight, tensor->mask, first, last);
    clear_masked(tensor->moment, tensor->mask, first, last);
    if (tensor->second)
        clear_masked(tensor->second, tensor->mask, first, last);
    if (tensor->average)
        clear_masked(tensor->average, tensor->mask, first, last);
}
