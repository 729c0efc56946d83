/* Packing for the integer products by quads whose weights stay as they are; see quads_pack.h. */
#include "kernels/quads_pack.h"
#include "kernels/require.h"
#include "kernels/roster.h"

static size_t packed_bytes(const struct kn_quads_shape *shape, int n, int segs, int seg_len)
{
    size_t outputs = 0;
    for (int first = 0, width; first < n; first += width) {
        width = kn_quads_panel(shape, n - first) * shape->lanes;
        outputs += (size_t)width;
    }
    return outputs * kn_quads_depth(segs, seg_len);
}

/* No weight is larger than `limit`. */
static void pack(const struct kn_quads_shape *shape, int limit, const int8_t *w, int n, int segs, int seg_len,
                 int8_t *out)
{
    size_t k = (size_t)segs * (size_t)seg_len;
    for (int first = 0, width; first < n; first += width) {
        width = kn_quads_panel(shape, n - first) * shape->lanes;
        for (int at = 0; at < segs * seg_len; at += seg_len) {
            for (int i = 0; i < seg_len; i += KN_QUADS_KR) {
                for (int j = 0; j < width * KN_QUADS_KR; j++) {
                    int output = first + j / KN_QUADS_KR, input = i + j % KN_QUADS_KR;
                    int real = output < n && input < seg_len;
                    *out = real ? w[(size_t)output * k + (size_t)at + (size_t)input] : 0;
                    KN_REQUIRE(*out >= -limit && *out <= limit);
                    out++;
                }
            }
        }
    }
    (void)limit;
}

#define PACK(contract, impl, limit, ...)                                                                               \
    size_t kn_##contract##_pack_bytes__##impl(const int8_t *w, int n, int segs, int seg_len)                           \
    {                                                                                                                  \
        (void)w;                                                                                                       \
        return packed_bytes(&(const struct kn_quads_shape){__VA_ARGS__}, n, segs, seg_len);                            \
    }                                                                                                                  \
    void kn_##contract##_pack__##impl(const int8_t *w, int n, int segs, int seg_len, void *out)                        \
    {                                                                                                                  \
        pack(&(const struct kn_quads_shape){__VA_ARGS__}, limit, w, n, segs, seg_len, out);                            \
    }
/* Lanes of a vector, vectors of the widest panel. A limit of 128 is none. */
#if defined(__x86_64__)
PACK(gemm_u8s8, sse41_4x8, 128, 4, 2)
PACK(gemm_u8s8, avxvnni_6x16, 128, 8, 2)
PACK(gemm_u8s8, avx512vnni_12x32, 128, 16, 2)
PACK(gemm_u7s8, avx2_4x24, 128, 8, 3)
PACK(gemm_u8s4, sse41_4x8, 7, 4, 2)
PACK(gemm_u8s4, avx2_4x24, 7, 8, 3)
PACK(gemm_u8s4, avxvnni_6x16, 7, 8, 2)
PACK(gemm_u8s4, avx512vnni_12x32, 7, 16, 2)
#elif defined(__aarch64__)
PACK(gemm_u8s8, neon_4x8, 128, 4, 2)
PACK(gemm_u8s8, neondot_8x8, 128, 4, 2)
#endif

size_t kn_gemm_u8s4_pack_bytes__ref(const int8_t *w, int n, int segs, int seg_len)
{
    return kn_gemm_u8s8_pack_bytes__ref(w, n, segs, seg_len);
}

void kn_gemm_u8s4_pack__ref(const int8_t *w, int n, int segs, int seg_len, void *out)
{
    for (size_t i = 0; i < (size_t)n * (size_t)segs * (size_t)seg_len; i++)
        KN_REQUIRE(w[i] >= -7 && w[i] <= 7);
    kn_gemm_u8s8_pack__ref(w, n, segs, seg_len, out);
}
