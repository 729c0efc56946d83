#include "kernels/kernels.h"

#include <string.h>

#include "kernels/panel.h"
#include "kernels/roster.h"

/* Elements of n outputs in panels of nr by kr. */
static size_t packed_count(int nr, int kr, int n, int segs, int seg_len)
{
    size_t outputs = 0;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(nr, n - first);
        outputs += (size_t)width;
    }
    return outputs * kn_panel_depth(kr, segs, seg_len);
}

/* Copies element by element of `size` bytes; one loop serves both types. */
static void pack(int nr, int kr, const unsigned char *w, size_t size, int n, int segs, int seg_len, unsigned char *out)
{
    size_t k = (size_t)segs * (size_t)seg_len;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(nr, n - first);
        for (int s = 0; s < segs; s++) {
            for (int i = 0; i < seg_len; i += kr) {
                for (int j = 0; j < width * kr; j++, out += size) {
                    int output = first + j / kr, input = i + j % kr;
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
    return packed_count(slot->facts.nr, slot->facts.kr, n, segs, seg_len) * sizeof(float);
}

void kn_gemm_f32_pack(const struct kn_gemm_f32 *slot, const float *w, int n, int segs, int seg_len, void *out)
{
    pack(slot->facts.nr, slot->facts.kr, (const unsigned char *)w, sizeof *w, n, segs, seg_len, out);
}

/* Kernels whose packing does not depend on the weights: bytes in panels of nr outputs by kr inputs. */
#define PACK_PLAIN(impl, nr_, kr_)                                                                                     \
    size_t kn_gemm_u8s8_pack_bytes__##impl(const int8_t *w, int n, int segs, int seg_len)                              \
    {                                                                                                                  \
        (void)w;                                                                                                       \
        return packed_count(nr_, kr_, n, segs, seg_len);                                                               \
    }                                                                                                                  \
    void kn_gemm_u8s8_pack__##impl(const int8_t *w, int n, int segs, int seg_len, void *out)                           \
    {                                                                                                                  \
        pack(nr_, kr_, (const unsigned char *)w, sizeof *w, n, segs, seg_len, out);                                    \
    }
PACK_PLAIN(ref, 1, 1)
#if defined(__x86_64__)
PACK_PLAIN(avx2_4x16, 16, 2)
#endif
