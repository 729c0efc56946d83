#include "measure/accuracy.h"

#include <math.h>
#include <string.h>

#include "measure/stats.h"

#define Z95 1.959963984540054

void accuracy_argmax(const float *logits, uint32_t n, int classes, int32_t *out)
{
    for (uint32_t i = 0; i < n; i++) {
        const float *row = logits + (size_t)i * (size_t)classes;
        int best = -1;
        for (int k = 0; k < classes; k++)
            if (!isnan(row[k]) && (best < 0 || row[k] > row[best]))
                best = k;
        out[i] = best < 0 ? 0 : best;
    }
}

struct accuracy accuracy_top1(const int32_t *predicted, const uint8_t *labels, uint32_t n)
{
    struct accuracy out = {n, 0, NAN, NAN, NAN};
    struct stats_interval interval;

    for (uint32_t i = 0; i < n; i++)
        out.correct += predicted[i] == labels[i];
    interval = stats_wilson(out.correct, n);
    out.top1 = n > 0 ? (double)out.correct / n : NAN;
    out.lo = interval.lo;
    out.hi = interval.hi;
    return out;
}

struct accuracy_delta accuracy_compare(const int32_t *baseline, const int32_t *predicted, const uint8_t *labels,
                                       uint32_t n)
{
    struct accuracy_delta out;
    double difference, total, centre, half;

    memset(&out, 0, sizeof out);
    for (uint32_t i = 0; i < n; i++) {
        int base_right = baseline[i] == labels[i], this_right = predicted[i] == labels[i];
        out.only_baseline += base_right && !this_right;
        out.only_this += this_right && !base_right;
        out.flips += baseline[i] != predicted[i];
    }
    out.p_mcnemar = stats_mcnemar(out.only_baseline, out.only_this);
    out.delta_pp = out.delta_lo_pp = out.delta_hi_pp = NAN;
    if (n == 0)
        return out;
    difference = (double)out.only_this - (double)out.only_baseline;
    out.delta_pp = 100 * difference / n;
    /* Half an item in each of the four cells: n + 2 items, discordant pairs b + c + 1, difference unchanged. */
    total = (double)n + 2;
    centre = difference / total;
    half = Z95 * sqrt((double)out.only_this + (double)out.only_baseline + 1 - difference * difference / total) / total;
    out.delta_lo_pp = 100 * fmax(-1, centre - half);
    out.delta_hi_pp = 100 * fmin(1, centre + half);
    return out;
}
