#include "train/loss.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* 2^k * e^r with |r| <= ln(2) / 2; the Taylor series to degree 13 is below 2^-53 there. */
double loss_exp(double x)
{
    double k, r, sum = 1;
    uint64_t bits;

    if (!(x > -700))
        return x < 0 ? 0 : x; /* NaN stays NaN */
    if (x > 700)
        return INFINITY;
    k = rint(x * 1.44269504088896340736);
    r = (x - k * 0x1.62e42fefa38p-1) - k * 0x1.ef35793c7673p-45; /* ln 2 in two parts, the first short */
    for (int i = 13; i > 0; i--)
        sum = 1 + sum * r / i;
    bits = (uint64_t)(1023 + (int64_t)k) << 52;
    memcpy(&k, &bits, sizeof k);
    return sum * k;
}

enum { MOST_CLASSES = 256 }; /* labels are bytes */

/* p(classes) = softmax(z / T) and its logarithm, counted from the largest logit so that nothing overflows. */
struct softmax {
    double p[MOST_CLASSES], log_p[MOST_CLASSES];
};

static void softmax(const float *z, int classes, double temperature, struct softmax *s)
{
    double top = (double)z[0], sum = 0, log_sum;

    for (int c = 1; c < classes; c++)
        top = (double)z[c] > top ? (double)z[c] : top;
    for (int c = 0; c < classes; c++) {
        s->log_p[c] = ((double)z[c] - top) / temperature;
        s->p[c] = loss_exp(s->log_p[c]);
        sum += s->p[c];
    }
    log_sum = log(sum);
    for (int c = 0; c < classes; c++) {
        s->p[c] /= sum;
        s->log_p[c] -= log_sum;
    }
}

static double cross_entropy(const float *z, int label, int classes, float smoothing, double share, double *gradient)
{
    double off = (double)smoothing / classes, on = 1 - (double)smoothing + off, loss = 0;
    struct softmax s;

    softmax(z, classes, 1, &s);
    for (int c = 0; c < classes; c++) {
        double target = c == label ? on : off;
        loss -= target * s.log_p[c];
        gradient[c] += share * (s.p[c] - target);
    }
    return share * loss;
}

static double distill(const float *z, const float *teacher, int classes, double t, double share, double *gradient)
{
    struct softmax s, goal;
    double loss = 0;

    softmax(z, classes, t, &s);
    softmax(teacher, classes, t, &goal);
    for (int c = 0; c < classes; c++) {
        loss += goal.p[c] * (goal.log_p[c] - s.log_p[c]);
        gradient[c] += share * t * (s.p[c] - goal.p[c]);
    }
    return share * t * t * loss;
}

double loss_softmax(const float *logits, const float *teacher, const uint8_t *labels, int n, int classes,
                    const struct loss_options *options, float *gradient)
{
    double total = 0, a = teacher ? (double)options->distill_weight : 0;

    for (int i = 0; i < n; i++) {
        const float *z = logits + (ptrdiff_t)i * classes;
        double slope[MOST_CLASSES] = {0};

        if (a < 1)
            total += cross_entropy(z, labels[i], classes, options->smoothing, 1 - a, slope);
        if (a > 0)
            total += distill(z, teacher + (ptrdiff_t)i * classes, classes, (double)options->temperature, a, slope);
        for (int c = 0; c < classes; c++)
            gradient[(ptrdiff_t)i * classes + c] = (float)(slope[c] / n);
    }
    return total / n;
}
