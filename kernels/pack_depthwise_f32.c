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

/* Where half of a vector of sixteen would stay empty, the kernel for eight does the work. */
static int lanes_for(int c, int lanes)
{
    return lanes == 16 && c <= 8 ? 8 : lanes;
}

#define KERNEL(isa, impl, lanes)                                                                                       \
    size_t kn_depthwise_f32_pack_bytes__##impl(const float *w, int c, int kernel_h, int kernel_w)                      \
    {                                                                                                                  \
        (void)w;                                                                                                       \
        return filled_f32(c, kernel_h * kernel_w, lanes_for(c, lanes));                                                \
    }                                                                                                                  \
    void kn_depthwise_f32_pack__##impl(const float *w, int c, int kernel_h, int kernel_w, void *out)                   \
    {                                                                                                                  \
        pack_f32(w, c, kernel_h *kernel_w, lanes_for(c, lanes), out);                                                  \
    }
#include "kernels/depthwise_f32.def"
#undef KERNEL
