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

/* Log of the sum of exponentials of z / T; p(classes) = softmax(z / T). */
static double softmax(const float *z, int classes, double temperature, double *p)
{
    double top = (double)z[0], sum = 0;

    for (int c = 1; c < classes; c++)
        top = (double)z[c] > top ? (double)z[c] : top;
    for (int c = 0; c < classes; c++) {
        p[c] = loss_exp(((double)z[c] - top) / temperature);
        sum += p[c];
    }
    for (int c = 0; c < classes; c++)
        p[c] /= sum;
    return top / temperature + log(sum);
}

enum { MOST_CLASSES = 256 }; /* labels are bytes */

static double cross_entropy(const float *z, int label, int classes, float smoothing, double share, double *gradient)
{
    double p[MOST_CLASSES], off = (double)smoothing / classes, on = 1 - (double)smoothing + off, loss = 0;
    double log_sum = softmax(z, classes, 1, p);

    for (int c = 0; c < classes; c++) {
        double target = c == label ? on : off;
        loss += target * (log_sum - (double)z[c]);
        gradient[c] += share * (p[c] - target);
    }
    return share * loss;
}

static double distill(const float *z, const float *teacher, int classes, double t, double share, double *gradient)
{
    double ps[MOST_CLASSES], pt[MOST_CLASSES], loss = 0;
    double log_s = softmax(z, classes, t, ps), log_t = softmax(teacher, classes, t, pt);

    for (int c = 0; c < classes; c++) {
        loss += pt[c] * (((double)teacher[c] / t - log_t) - ((double)z[c] / t - log_s));
        gradient[c] += share * t * (ps[c] - pt[c]);
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
