#include "kernels/kernels.h"
#include "kernels/panel.h"
#include "kernels/require.h"

enum { EIGHT = 8 };

/* A panel's row: `have` outputs from b, the rest zero. */
static void pack_row(const float *restrict b, int have, int width, float scale, float *restrict out)
{
    int j = 0;

    for (; j + EIGHT <= have; j += EIGHT)
        for (int i = 0; i < EIGHT; i++)
            out[j + i] = scale * b[j + i];
    for (; j < have; j++)
        out[j] = scale * b[j];
    for (; j < width; j++)
        out[j] = 0;
}

void kn_gemm_f32_pack_rows(const struct kn_gemm_f32 *slot, const float *b, ptrdiff_t pitch, int n, int k, float scale,
                           void *out)
{
    float *to = out;

    KN_REQUIRE(slot->facts.kr == 1);
    for (int first = 0, width; first < n; first += width) {
        int have;
        width = kn_panel_width(slot->facts.nr, n - first);
        have = n - first < width ? n - first : width;
        for (int i = 0; i < k; i++, to += width)
            pack_row(b + i * pitch + first, have, width, scale, to);
    }
}
