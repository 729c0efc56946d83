/* Preconditions. assert() would write its line's number into the machine code: a comment above it would change the
 * code's identity (build_info.h). */
#ifndef KERNELS_REQUIRE_H
#define KERNELS_REQUIRE_H

#define KN_REQUIRE(condition) ((condition) ? (void)0 : __builtin_trap())

#endif
