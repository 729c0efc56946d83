/* Packing of depthwise filters: blocks of channels, tap after tap, the channels side by side. */
#include <string.h>

#include "kernels/roster.h"

static size_t filled_f32(int c, int taps, int lanes)
{
    return (size_t)((c + lanes - 1) / lanes * lanes) * (size_t)taps * sizeof(float);
}

/* w (c, taps) → (blocks, taps, lanes); for one lane, the reference's, that is w itself. */
static void pack_f32(const float *w, int c, int taps, int lanes, float *out)
{
    memset(out, 0, filled_f32(c, taps, lanes));
    for (int i = 0; i < c; i++) {
        for (int t = 0; t < taps; t++)
            out[(i / lanes * taps + t) * lanes + i % lanes] = w[(size_t)i * (size_t)taps + (size_t)t];
    }
}

#define KERNEL(isa, impl, lanes)                                                                                       \
    size_t kn_depthwise_f32_pack_bytes__##impl(const float *w, int c, int kernel_h, int kernel_w)                      \
    {                                                                                                                  \
        (void)w;                                                                                                       \
        return filled_f32(c, kernel_h * kernel_w, lanes);                                                              \
    }                                                                                                                  \
    void kn_depthwise_f32_pack__##impl(const float *w, int c, int kernel_h, int kernel_w, void *out)                   \
    {                                                                                                                  \
        pack_f32(w, c, kernel_h *kernel_w, lanes, out);                                                                \
    }
#include "kernels/depthwise_f32.def"
#undef KERNEL

/* Pairs of taps: (0, 1), (2, 3), .. of the filter, for each block of 16 channels: words of channels 0-3 and 8-11, then
 * those of 4-7 and 12-15, which is the order that unpacking in halves gives. */
size_t kn_depthwise_u8s8_pack_bytes__avx2(const int8_t *w, int c, int kernel_h, int kernel_w)
{
    (void)w;
    return (size_t)((c + 15) / 16) * (size_t)((kernel_h * kernel_w + 1) / 2) * 32 * sizeof(int16_t);
}

void kn_depthwise_u8s8_pack__avx2(const int8_t *w, int c, int kernel_h, int kernel_w, void *out)
{
    int taps = kernel_h * kernel_w, pairs = (taps + 1) / 2;
    int16_t *words = out;
    memset(out, 0, kn_depthwise_u8s8_pack_bytes__avx2(w, c, kernel_h, kernel_w));
    for (int i = 0; i < c; i++) {
        int lane = i % 16, at = (lane & 4) * 2 + (lane & 8) / 2 + (lane & 3);
        for (int t = 0; t < taps; t++)
            words[((size_t)(i / 16) * (size_t)pairs + (size_t)(t / 2)) * 32 + (size_t)(2 * at + t % 2)] =
                w[(size_t)i * (size_t)taps + (size_t)t];
    }
}
