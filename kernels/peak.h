/* Probes: what this processor can do at most, in loops that do nothing else. Not kernels: nothing is computed that
 * anyone needs. harness/peaks.h times them.
 *
 *   const struct kn_peak *probe = kn_peaks(&n);
 *   if ((probe[i].isa & ~kn_cpu_isa()) == 0)
 *       probe[i].run(buffer, 1000000);              // 1000000 * probe[i].work operations
 *
 * Arithmetic probes keep as many independent sums as hide the latency, with operands in registers; the memory
 * probe reads a block once per iteration, in order, with the widest loads of its level. */
#ifndef KERNELS_PEAK_H
#define KERNELS_PEAK_H

#include <stddef.h>
#include <stdint.h>

enum kn_peak_kind { KN_PEAK_F32, KN_PEAK_INT8, KN_PEAK_READ };
enum { KN_PEAK_BYTES = 256 }; /* a block that arithmetic probes may read: that many bytes, 64-byte aligned */

struct kn_peak {
    const char *key;  /* "f32_fma_avx2", for JSON */
    const char *name; /* "f32 FMA 256-bit" */
    enum kn_peak_kind kind;
    uint32_t isa; /* what it needs */
    double work;  /* multiply-accumulates per iteration; KN_PEAK_READ: 0, an iteration is the whole block */
    /* `bytes` counts for KN_PEAK_READ only: a multiple of 1024. */
    void (*run)(const void *block, size_t bytes, long iterations);
};

/* All probes of this architecture, each level's after those of lower ones; static. *out_count 0: none. */
const struct kn_peak *kn_peaks(int *out_count);

#endif
