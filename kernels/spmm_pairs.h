/* How the AVX2 kernel of kn_spmm_u8s8 wants its weights: per output the nonzero weights two by two, because vpmaddwd
 * multiplies two inputs at once. uint32 start[n + 1] in pairs, then the pairs, output by output. A lone last weight
 * is paired with a zero at the same place. */
#ifndef KERNELS_SPMM_PAIRS_H
#define KERNELS_SPMM_PAIRS_H

#include <stddef.h>
#include <stdint.h>

struct kn_spmm_pair {
    int32_t offset[2];
    int16_t weight[2];
};

#endif
