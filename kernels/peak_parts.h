/* The probes of all levels, for peak.c's list. Internal to kernels/. */
#ifndef KERNELS_PEAK_PARTS_H
#define KERNELS_PEAK_PARTS_H

#include "kernels/peak.h"

void peak_f32_fma__avx2(const void *block, size_t bytes, long iterations);
void peak_maddubs__avx2(const void *block, size_t bytes, long iterations);
void peak_maddwd__avx2(const void *block, size_t bytes, long iterations);
void peak_read__avx2(const void *block, size_t bytes, long iterations);
void peak_dpbusd__avxvnni(const void *block, size_t bytes, long iterations);
void peak_f32_fma__avx512(const void *block, size_t bytes, long iterations);
void peak_dpbusd256__avx512vnni(const void *block, size_t bytes, long iterations);
void peak_dpbusd512__avx512vnni(const void *block, size_t bytes, long iterations);
void peak_read__avx512(const void *block, size_t bytes, long iterations);

#endif
