/* Packing for the kernels of kn_depthwise_u8s8 that take four taps at a time: see depthwise_quads.h. */
#include <stdint.h>
#include <string.h>

#include "kernels/depthwise_quads.h"
#include "kernels/roster.h"

/* Tap `at` of the four of channel c (counted from the block's first) goes into the vectors that begin at `out`, where
 * the block's vector v stands at place v * pitch. */
static void put(const struct kn_dw_layout *l, int vectors, int pitch, int c, int at, int8_t w, char *out)
{
    int half = vectors * l->lanes / 2, upper = l->lanes == 8 && c >= half, in_half = c - (upper ? half : 0);
    int v = in_half / 4, lane = in_half % 4 + (upper ? 4 : 0);
    ptrdiff_t vector = (ptrdiff_t)l->lanes * 4;
    if (l->words) {
        int16_t word = w;
        memcpy(out + ((ptrdiff_t)v * pitch * 2 + at / 2) * vector + 4 * lane + 2 * (at % 2), &word, sizeof word);
    } else {
        out[(ptrdiff_t)v * pitch * vector + 4 * lane + at] = (char)w;
    }
}

/* Filter w of channel c of a block. */
static void put_filter(const struct kn_dw_layout *l, int vectors, int c, const int8_t *w, int kernel_h, int kernel_w,
                       char *out)
{
    int taps = kernel_h * kernel_w;
    ptrdiff_t vector = (ptrdiff_t)l->lanes * 4 * (1 + l->words);
    for (int t = 0; t < taps; t++)
        put(l, vectors, 1, c, t % 4, w[t], out + t / 4 * vectors * vector);
    if (kernel_h != 3 || kernel_w != 3)
        return;
    out += kn_dw_fours_bytes(l, vectors, taps);
    for (int t = 0; t < 9; t++) {
        put(l, vectors, 6, c, t / 3, w[t], out + t % 3 * 2 * vector);
        put(l, vectors, 6, c, t / 3 + 1, w[t], out + (t % 3 * 2 + 1) * vector);
    }
}

static size_t bytes_of(const struct kn_dw_layout *l, int c, int kernel_h, int kernel_w)
{
    ptrdiff_t bytes = 0;
    for (int first = 0, vectors; first < c; first += vectors * l->lanes) {
        vectors = kn_dw_vectors(l, c - first);
        bytes += kn_dw_block_bytes(l, vectors, kernel_h, kernel_w);
    }
    return (size_t)bytes;
}

static void pack(const struct kn_dw_layout *l, const int8_t *w, int c, int kernel_h, int kernel_w, char *out)
{
    memset(out, 0, bytes_of(l, c, kernel_h, kernel_w));
    for (int first = 0, vectors; first < c; first += vectors * l->lanes) {
        vectors = kn_dw_vectors(l, c - first);
        for (int i = 0; i < vectors * l->lanes && first + i < c; i++)
            put_filter(l, vectors, i, w + (ptrdiff_t)(first + i) * kernel_h * kernel_w, kernel_h, kernel_w, out);
        out += kn_dw_block_bytes(l, vectors, kernel_h, kernel_w);
    }
}

#define PACK(impl, c_small, ...)                                                                                       \
    size_t kn_depthwise_u8s8_pack_bytes__##impl(const int8_t *w, int c, int kernel_h, int kernel_w)                    \
    {                                                                                                                  \
        (void)w;                                                                                                       \
        return bytes_of(c <= (c_small) ? &small : &(struct kn_dw_layout){__VA_ARGS__}, c, kernel_h, kernel_w);         \
    }                                                                                                                  \
    void kn_depthwise_u8s8_pack__##impl(const int8_t *w, int c, int kernel_h, int kernel_w, void *out)                 \
    {                                                                                                                  \
        pack(c <= (c_small) ? &small : &(struct kn_dw_layout){__VA_ARGS__}, w, c, kernel_h, kernel_w, out);            \
    }
/* As the kernels' `layout`; up to c_small channels as the SSE4.1 kernel wants them, which then does the work. */
static const struct kn_dw_layout small = {4, 2, 1};
PACK(sse41, 0, 4, 2, 1)
PACK(avx2, 8, 8, 2, 1)
PACK(avxvnni, 0, 8, 4, 0)
PACK(avx512vnni, 0, 8, 4, 0)
