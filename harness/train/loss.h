/* Softmax cross-entropy with label smoothing (Szegedy et al. 2016) and distillation (Hinton et al. 2015). */
#ifndef TRAIN_LOSS_H
#define TRAIN_LOSS_H

#include <stdint.h>

struct loss_options {
    float smoothing;      /* target = (1 - s) * one_hot + s / classes */
    float distill_weight; /* a; 0 without a teacher */
    float temperature;    /* T > 0 */
};

/* Mean over n samples of (1 - a) * CE + a * T^2 * KL(teacher || student), both softened by T, and its gradient with
 * respect to the logits, gradient(n, classes). teacher (n, classes) are logits or NULL (a is then taken as 0).
 * Non-finite when a logit is. */
double loss_softmax(const float *logits, const float *teacher, const uint8_t *labels, int n, int classes,
                    const struct loss_options *options, float *gradient);

/* e^x in double, 0 below -700; the same bits on every machine, which libm does not promise. */
double loss_exp(double x);

#endif
