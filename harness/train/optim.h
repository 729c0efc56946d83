/* Optimizers, the learning-rate schedule and the average of the weights. Elementwise: any cut into blocks gives the
 * same bits. Nothing here calls libm beyond the exact sqrtf, so results do not depend on its version. */
#ifndef TRAIN_OPTIM_H
#define TRAIN_OPTIM_H

#include <stddef.h>
#include <stdint.h>

#include "train/train.h"

/* One tensor under training; all arrays (count), borrowed. */
struct optim_tensor {
    float *weight;
    float *gradient;
    float *moment;       /* SGD: velocity; Adam: first moment */
    float *second;       /* Adam: second moment; NULL for SGD */
    float *average;      /* moving average of the weights, or NULL */
    const uint8_t *mask; /* or NULL; where 0, weight, moments and average are held at zero */
    size_t count;
    float weight_decay; /* 0 for biases */
};

/* The scalars of one step. */
struct optim_step {
    enum train_optimizer optimizer;
    float lr, momentum;
    float correct_first, correct_second; /* 1 / (1 - beta^t) of Adam */
    float average_keep;                  /* share of the old average; 0 copies the weights */
};

enum { OPTIM_BLOCK = 8192 }; /* elements per task */

/* Learning rate of step 0 .. steps-1: linear from lr / (warm + 1) over the first `warmup` share of the steps, then
 * half a cosine to lr_end, which the last step reaches (Loshchilov and Hutter 2017). */
float optim_lr(const struct train_options *options, long step, long steps);

/* Share of the old average kept at step t >= 0: min(decay, (1 + t) / (10 + t)), so that early steps are not
 * dominated by the initial weights. */
float optim_average_keep(float decay, long step);

/* Adam's bias corrections 1 / (1 - 0.9^t) and 1 / (1 - 0.999^t) for the step t = step + 1, by repeated products. */
struct optim_powers {
    double first, second; /* beta^t; begin with 1 and 1 */
};
void optim_step_begin(const struct train_options *options, long step, long steps, struct optim_powers *powers,
                      struct optim_step *out);

/* Updates elements first .. last-1. Adam (Kingma and Ba 2015, beta 0.9 and 0.999, eps 1e-8) with decoupled decay
 * (AdamW); SGD with Nesterov momentum and L2. Masked elements end as zero everywhere. */
void optim_update(const struct optim_tensor *tensor, const struct optim_step *step, size_t first, size_t last);

#endif
