/* Sparse weights as runs of delta-coded places. A group is what is computed together: one output, or the outputs of a
 * row of blocks. The nonzero entries of a group (single weights, or blocks in which any weight is not zero) stand in
 * the order of their places in memory; an entry's place is that of the entry before it plus its delta. A gap that 16
 * bits do not hold begins a new run, which has a place of its own: no entry ever stands for a place without weight,
 * so nothing is multiplied that the dense product does not multiply.
 *
 *   uint32 runs, entries, 0, 0
 *   uint32 first[groups + 1]               runs of each group
 *   struct kn_run run[runs]
 *   uint16 delta[entries]                  0 at the beginning of a run; padded to 64 bytes from the start
 *   weights[entries]                       of entry_bytes each
 *
 * A packer can ask for runs of a multiple of some number of entries: they end in weights of zero, with a delta of 0. */
#ifndef KERNELS_RUNS_H
#define KERNELS_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"

struct kn_run {
    int32_t offset; /* of the first entry, in elements */
    uint32_t entries;
};

struct kn_runs {
    const uint32_t *first; /* (groups + 1) */
    const struct kn_run *run;
    const uint16_t *delta;
    const void *weight;
};

/* Where the parts lie, in bytes. */
struct kn_runs_layout {
    size_t run, delta, weight, bytes;
};

static inline struct kn_runs_layout kn_runs_layout(size_t groups, size_t runs, size_t entries, size_t entry_bytes)
{
    struct kn_runs_layout l;
    l.run = (4 + groups + 1) * sizeof(uint32_t);
    l.delta = l.run + runs * sizeof(struct kn_run);
    l.weight = (l.delta + entries * sizeof(uint16_t) + 63) / 64 * 64;
    l.bytes = l.weight + entries * entry_bytes;
    return l;
}

static inline struct kn_runs kn_runs_view(const void *packed, int groups)
{
    const uint32_t *head = packed;
    const unsigned char *bytes = packed;
    struct kn_runs_layout l = kn_runs_layout((size_t)groups, head[0], head[1], 0);
    struct kn_runs r = {head + 4, (const struct kn_run *)(const void *)(bytes + l.run),
                        (const uint16_t *)(const void *)(bytes + l.delta), bytes + l.weight};
    return r;
}

/* What the packer reads: w (n, k) row-major, cut into blocks of rows x cols. */
struct kn_runs_source {
    const void *w;
    int element_bytes; /* 4: float, 1: int8 */
    int n, k;
    int rows, cols;
    int multiple;             /* entries of a run */
    const int32_t *offset;    /* (k) place of each input, in elements, or NULL: ... */
    const struct kn_rows *at; /* ... it follows from these rows (n, k as theirs); blocks do not cross their segments */
};

/* Blocks in which any weight is not zero. */
size_t kn_runs_entries(const struct kn_runs_source *s);

size_t kn_runs_pack_bytes(const struct kn_runs_source *s);
/* Writes every byte. */
void kn_runs_pack(const struct kn_runs_source *s, void *out);

#endif
