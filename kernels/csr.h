/* Compressed sparse rows, the reference's format:
 * uint32 start[n + 1], int32 column[nonzeros], then the nonzero weights (float or int8), row by row. A column is
 * the input's number, or its offset in memory where one was given. */
#ifndef KERNELS_CSR_H
#define KERNELS_CSR_H

#include <stddef.h>
#include <stdint.h>

struct kn_csr {
    const uint32_t *start; /* (n + 1) */
    const int32_t *column; /* (start[n]) */
    const void *weight;    /* (start[n]) */
};

static inline struct kn_csr kn_csr_view(const void *packed, int n)
{
    struct kn_csr csr;
    csr.start = (const uint32_t *)packed;
    csr.column = (const int32_t *)(csr.start + n + 1);
    csr.weight = csr.column + csr.start[n];
    return csr;
}

#endif
