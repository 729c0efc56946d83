#include "train/augment.h"

#include <stddef.h>
#include <string.h>

#include "base/rng.h"

void augment_plane(const uint8_t *in, int h, int w, int flip, int dx, int dy, uint8_t *out)
{
    int first = dx > 0 ? dx : 0, last = dx < 0 ? w + dx : w;

    for (int y = 0; y < h; y++, out += w) {
        const uint8_t *row = in + (ptrdiff_t)(y - dy) * w;
        if (y - dy < 0 || y - dy >= h || first >= last) {
            memset(out, 0, (size_t)w);
            continue;
        }
        memset(out, 0, (size_t)first);
        memset(out + last, 0, (size_t)(w - last));
        if (flip)
            for (int x = first; x < last; x++)
                out[x] = row[w - 1 - (x - dx)];
        else
            memcpy(out + first, row + first - dx, (size_t)(last - first));
    }
}

void augment_image(const struct augment *augment, const struct dataset *data, uint32_t index, uint32_t epoch,
                   uint8_t *out)
{
    size_t plane = (size_t)data->h * (size_t)data->w;
    const uint8_t *in = data->pixels + (size_t)index * (size_t)data->c * plane;
    int flip = 0, dx = 0, dy = 0;
    struct rng rng;

    if (!augment->flip && !augment->shift) {
        memcpy(out, in, (size_t)data->c * plane);
        return;
    }
    rng_seed(&rng, augment->seed, ((uint64_t)epoch + 1) << 32 | index);
    if (augment->flip)
        flip = (int)rng_below(&rng, 2);
    if (augment->shift) {
        uint32_t choices = 2 * (uint32_t)augment->shift + 1;
        dx = (int)rng_below(&rng, choices) - augment->shift;
        dy = (int)rng_below(&rng, choices) - augment->shift;
    }
    for (int c = 0; c < data->c; c++)
        augment_plane(in + (size_t)c * plane, data->h, data->w, flip, dx, dy, out + (size_t)c * plane);
}
