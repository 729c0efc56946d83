/* Accuracy from predictions and labels. Sees arrays only. */
#ifndef MEASURE_ACCURACY_H
#define MEASURE_ACCURACY_H

#include <stdint.h>

/* Class of the largest logit per row; the first of equals; NaN never wins (a row of NaN gives 0).
 * logits (n, classes), out (n). */
void accuracy_argmax(const float *logits, uint32_t n, int classes, int32_t *out);

struct accuracy {
    uint32_t n, correct;
    double top1;   /* share in 0..1; NaN for n = 0 */
    double lo, hi; /* Wilson, 95 % */
};

/* predicted (n), labels (n). */
struct accuracy accuracy_top1(const int32_t *predicted, const uint8_t *labels, uint32_t n);

/* One model against a baseline on the same items, item by item. */
struct accuracy_delta {
    double delta_pp; /* this minus baseline, percentage points; NaN for n = 0 */
    double delta_lo_pp,
        delta_hi_pp;  /* 95 %, Agresti and Min 2005: paired Wald after half an item is added to each cell */
    double p_mcnemar; /* exact, two-sided */
    uint32_t only_baseline, only_this; /* right in one of the two only */
    uint32_t flips;                    /* predictions that differ, right or wrong */
};

/* baseline, predicted, labels: (n) each. */
struct accuracy_delta accuracy_compare(const int32_t *baseline, const int32_t *predicted, const uint8_t *labels,
                                       uint32_t n);

#endif
