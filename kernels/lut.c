#include "kernels/lut.h"

#include <math.h>

static double hardswish(double x)
{
    return x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6;
}

/* 1 + erf(z) = erfc(-z), which loses no digits where erf is near -1. */
static double gelu(double x)
{
    return x == -HUGE_VAL ? 0 : 0.5 * x * erfc(-x * sqrt(0.5));
}

double kn_unary(enum kn_unary function, double x)
{
    switch (function) {
    case KN_UNARY_HARDSWISH:
        return hardswish(x);
    case KN_UNARY_SIGMOID:
        return 1 / (1 + exp(-x));
    case KN_UNARY_GELU:
        return gelu(x);
    case KN_UNARY_IDENTITY:
        break;
    }
    return x;
}

void kn_lut_fill(enum kn_unary function, float scale_x, int32_t zero_x, float scale_y, int32_t zero_y, int32_t lo,
                 int32_t hi, uint8_t lut[256])
{
    for (int q = 0; q < 256; q++) {
        double y = kn_unary(function, (double)scale_x * (q - zero_x)) / (double)scale_y;
        y = y > lo - zero_y ? y : lo - zero_y;
        y = y < hi - zero_y ? y : hi - zero_y;
        lut[q] = (uint8_t)(lrint(y) + zero_y);
    }
}
