#include "kernels/kernels.h"

#include <string.h>

#include "kernels/panel.h"

/* Elements of n outputs packed for `facts`. */
static size_t packed_count(const struct kn_facts *facts, int n, int segs, int seg_len)
{
    size_t outputs = 0;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(facts->nr, n - first);
        outputs += (size_t)width;
    }
    return outputs * kn_panel_depth(facts->kr, segs, seg_len);
}

/* Copies element by element of `size` bytes; one loop serves both types. */
static void pack(const struct kn_facts *facts, const unsigned char *w, size_t size, int n, int segs, int seg_len,
                 unsigned char *out)
{
    size_t k = (size_t)segs * (size_t)seg_len;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(facts->nr, n - first);
        for (int s = 0; s < segs; s++) {
            for (int i = 0; i < seg_len; i += facts->kr) {
                for (int j = 0; j < width * facts->kr; j++, out += size) {
                    int output = first + j / facts->kr, input = i + j % facts->kr;
                    size_t at = (size_t)output * k + (size_t)s * (size_t)seg_len + (size_t)input;
                    if (output < n && input < seg_len)
                        memcpy(out, w + at * size, size);
                    else
                        memset(out, 0, size);
                }
            }
        }
    }
}

size_t kn_gemm_f32_pack_bytes(const struct kn_gemm_f32 *slot, int n, int segs, int seg_len)
{
    return packed_count(&slot->facts, n, segs, seg_len) * sizeof(float);
}

void kn_gemm_f32_pack(const struct kn_gemm_f32 *slot, const float *w, int n, int segs, int seg_len, void *out)
{
    pack(&slot->facts, (const unsigned char *)w, sizeof *w, n, segs, seg_len, out);
}

size_t kn_gemm_u8s8_pack_bytes(const struct kn_gemm_u8s8 *slot, int n, int segs, int seg_len)
{
    return packed_count(&slot->facts, n, segs, seg_len);
}

void kn_gemm_u8s8_pack(const struct kn_gemm_u8s8 *slot, const int8_t *w, int n, int segs, int seg_len, void *out)
{
    pack(&slot->facts, (const unsigned char *)w, sizeof *w, n, segs, seg_len, out);
}
