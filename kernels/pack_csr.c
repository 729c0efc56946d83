/* Packing for the reference's sparse kernels; see csr.h. */
#include "kernels/csr.h"

#include <string.h>

#include "kernels/roster.h"

static int is_nonzero(const void *w, size_t size, size_t i)
{
    return size == sizeof(float) ? ((const float *)w)[i] != 0.0f : ((const int8_t *)w)[i] != 0;
}

static size_t csr_bytes(const void *w, size_t size, int n, int k)
{
    size_t nonzeros = 0, count = (size_t)n * (size_t)k;
    for (size_t i = 0; i < count; i++)
        nonzeros += (size_t)is_nonzero(w, size, i);
    return ((size_t)n + 1) * sizeof(uint32_t) + nonzeros * (sizeof(int32_t) + size);
}

static void csr_pack(const void *w, size_t size, int n, int k, const int32_t *offset, void *out)
{
    uint32_t *start = out;
    int32_t *column = (int32_t *)(start + n + 1);
    unsigned char *weight;
    uint32_t at = 0;
    for (int row = 0; row < n; row++) {
        start[row] = at;
        for (int i = 0; i < k; i++) {
            if (is_nonzero(w, size, (size_t)row * (size_t)k + (size_t)i))
                column[at++] = offset ? offset[i] : i;
        }
    }
    start[n] = at;
    weight = (unsigned char *)(column + at);
    for (size_t i = 0; i < (size_t)n * (size_t)k; i++) {
        if (is_nonzero(w, size, i)) {
            memcpy(weight, (const unsigned char *)w + i * size, size);
            weight += size;
        }
    }
}

size_t kn_spmv_f32_pack_bytes__ref(const float *w, int n, int k)
{
    return csr_bytes(w, sizeof *w, n, k);
}

void kn_spmv_f32_pack__ref(const float *w, int n, int k, void *out)
{
    csr_pack(w, sizeof *w, n, k, NULL, out);
}

size_t kn_spmv_u8s8_pack_bytes__ref(const int8_t *w, int n, int k)
{
    return csr_bytes(w, sizeof *w, n, k);
}

void kn_spmv_u8s8_pack__ref(const int8_t *w, int n, int k, void *out)
{
    csr_pack(w, sizeof *w, n, k, NULL, out);
}

size_t kn_spmm_f32_pack_bytes__ref(const float *w, int n, int k, const int32_t *offset)
{
    (void)offset;
    return csr_bytes(w, sizeof *w, n, k);
}

void kn_spmm_f32_pack__ref(const float *w, int n, int k, const int32_t *offset, void *out)
{
    csr_pack(w, sizeof *w, n, k, offset, out);
}

size_t kn_spmm_u8s8_pack_bytes__ref(const int8_t *w, int n, int k, const int32_t *offset)
{
    (void)offset;
    return csr_bytes(w, sizeof *w, n, k);
}

void kn_spmm_u8s8_pack__ref(const int8_t *w, int n, int k, const int32_t *offset, void *out)
{
    csr_pack(w, sizeof *w, n, k, offset, out);
}
