/* Augmentation: each sample of each epoch draws from a random stream of its own, so the result depends neither on
 * threads nor on the order in which samples are prepared. */
#ifndef TRAIN_AUGMENT_H
#define TRAIN_AUGMENT_H

#include <stdint.h>

#include "io/dataset.h"

struct augment {
    uint64_t seed;
    int flip;  /* 1: mirror horizontally with probability 1/2 */
    int shift; /* pixels, 0..h-1: uniform in -shift..shift on both axes, zero filled */
};

/* Writes image `index` of the data set as it looks in `epoch`: out (c, h, w). */
void augment_image(const struct augment *augment, const struct dataset *data, uint32_t index, uint32_t epoch,
                   uint8_t *out);

/* One plane: out(y, x) = in(y - dy, mirrored x - dx), zero outside. */
void augment_plane(const uint8_t *in, int h, int w, int flip, int dx, int dy, uint8_t *out);

#endif
