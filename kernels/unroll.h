/* How kernels keep arrays of sums in registers. */
#ifndef KERNELS_UNROLL_H
#define KERNELS_UNROLL_H

#define KN_INLINE static inline __attribute__((always_inline))

/* Code over arrays of registers. UndefinedBehaviorSanitizer would check every index of every unrolled step, all of them
 * constants; clang needs minutes for that. Memory is checked (AddressSanitizer). */
#if defined(__clang__)
#define KN_TILE KN_INLINE __attribute__((no_sanitize("undefined")))
#else
#define KN_TILE KN_INLINE
#endif

/* Before a loop over constants: unroll it completely, so that arrays of sums become registers. clang 14
 * does so too late where the loop has a single iteration: write it without the loop. */
#if defined(__clang__)
#define KN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KN_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
