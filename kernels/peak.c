#include "kernels/peak_parts.h"

#include "kernels/kn_core.h"

#if defined(__x86_64__)
/* Multiply-accumulates per iteration: accumulators times lanes. */
static const struct kn_peak peaks[] = {
    {"f32_fma_avx2", "f32 FMA 256-bit", KN_PEAK_F32, KN_ISA_AVX2, 12 * 8, peak_f32_fma__avx2},
    {"int8_maddubs_avx2", "int8 maddubs + maddwd + paddd 256-bit (saturates)", KN_PEAK_INT8, KN_ISA_AVX2, 8 * 32,
     peak_maddubs__avx2},
    {"int8_maddwd_avx2", "int16 maddwd + paddd 256-bit", KN_PEAK_INT8, KN_ISA_AVX2, 8 * 16, peak_maddwd__avx2},
    {"read_avx2", "read 256-bit", KN_PEAK_READ, KN_ISA_AVX2, 0, peak_read__avx2},
    {"int8_dpbusd_avxvnni", "int8 vpdpbusd 256-bit (AVX-VNNI)", KN_PEAK_INT8, KN_ISA_AVX2 | KN_ISA_AVXVNNI, 12 * 32,
     peak_dpbusd__avxvnni},
    {"f32_fma_avx512", "f32 FMA 512-bit", KN_PEAK_F32, KN_ISA_AVX512VNNI, 12 * 16, peak_f32_fma__avx512},
    {"int8_dpbusd_avx512vl", "int8 vpdpbusd 256-bit (AVX-512)", KN_PEAK_INT8, KN_ISA_AVX512VNNI, 12 * 32,
     peak_dpbusd256__avx512vnni},
    {"int8_dpbusd_avx512", "int8 vpdpbusd 512-bit", KN_PEAK_INT8, KN_ISA_AVX512VNNI, 12 * 64,
     peak_dpbusd512__avx512vnni},
    {"read_avx512", "read 512-bit", KN_PEAK_READ, KN_ISA_AVX512VNNI, 0, peak_read__avx512},
};
#endif

const struct kn_peak *kn_peaks(int *out_count)
{
#if defined(__x86_64__)
    *out_count = (int)(sizeof peaks / sizeof *peaks);
    return peaks;
#else
    *out_count = 0;
    return NULL;
#endif
}
