/* Packing for the SIMD kernels of spmm_f32 and spmm_u8s8: runs (runs.h), or pairs (spmm_pairs.h). */
#include "kernels/spmm_pairs.h"

#include <string.h>

#include "kernels/roster.h"
#include "kernels/runs.h"

static struct kn_runs_source floats(const float *w, int n, int k, const int32_t *offset)
{
    return (struct kn_runs_source){w, 4, n, k, 1, 1, 1, offset, NULL};
}

size_t kn_spmm_f32_pack_bytes__avx2_1x64(const float *w, int n, int k, const int32_t *offset)
{
    struct kn_runs_source s = floats(w, n, k, offset);
    return kn_runs_pack_bytes(&s);
}

void kn_spmm_f32_pack__avx2_1x64(const float *w, int n, int k, const int32_t *offset, void *out)
{
    struct kn_runs_source s = floats(w, n, k, offset);
    kn_runs_pack(&s, out);
}

size_t kn_spmm_f32_pack_bytes__avx512vnni_1x128(const float *w, int n, int k, const int32_t *offset)
{
    return kn_spmm_f32_pack_bytes__avx2_1x64(w, n, k, offset);
}

void kn_spmm_f32_pack__avx512vnni_1x128(const float *w, int n, int k, const int32_t *offset, void *out)
{
    kn_spmm_f32_pack__avx2_1x64(w, n, k, offset, out);
}

/* Four weights at a time. */
static struct kn_runs_source quads(const int8_t *w, int n, int k, const int32_t *offset)
{
    return (struct kn_runs_source){w, 1, n, k, 1, 1, 4, offset, NULL};
}

size_t kn_spmm_u8s8_pack_bytes__avx512vnni_1x128(const int8_t *w, int n, int k, const int32_t *offset)
{
    struct kn_runs_source s = quads(w, n, k, offset);
    return kn_runs_pack_bytes(&s);
}

void kn_spmm_u8s8_pack__avx512vnni_1x128(const int8_t *w, int n, int k, const int32_t *offset, void *out)
{
    struct kn_runs_source s = quads(w, n, k, offset);
    kn_runs_pack(&s, out);
}

static size_t count_pairs(const int8_t *row, int k)
{
    size_t nonzeros = 0;
    for (int i = 0; i < k; i++)
        nonzeros += row[i] != 0;
    return (nonzeros + 1) / 2;
}

size_t kn_spmm_u8s8_pack_bytes__avx2_1x64(const int8_t *w, int n, int k, const int32_t *offset)
{
    size_t pairs = 0;
    (void)offset;
    for (int row = 0; row < n; row++)
        pairs += count_pairs(w + (size_t)row * (size_t)k, k);
    return ((size_t)n + 1) * sizeof(uint32_t) + pairs * sizeof(struct kn_spmm_pair);
}

void kn_spmm_u8s8_pack__avx2_1x64(const int8_t *w, int n, int k, const int32_t *offset, void *out)
{
    uint32_t *start = out;
    struct kn_spmm_pair *pair = (struct kn_spmm_pair *)(void *)(start + n + 1);
    start[0] = 0;
    for (int row = 0; row < n; row++, w += k) {
        int half = 0;
        start[row + 1] = start[row];
        for (int i = 0; i < k; i++) {
            if (w[i] == 0)
                continue;
            struct kn_spmm_pair *p = pair + start[row + 1] - half;
            p->offset[half] = offset[i];
            p->weight[half] = w[i];
            if (!half) {
                p->offset[1] = offset[i];
                p->weight[1] = 0;
                start[row + 1]++;
            }
            half = !half;
        }
    }
}
