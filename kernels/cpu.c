#include "kernels/kernels.h"

#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <libcpuid/libcpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* Levels from the lowest up, within each architecture; `own` is the bit that a level adds. */
static const struct {
    const char *name;
    uint32_t own, mask;
} levels[] = {
    {"ref", 0, 0},
    {"sse41", KN_ISA_SSE41, KN_ISA_SSE41},
    {"avx2", KN_ISA_AVX2, KN_ISA_SSE41 | KN_ISA_AVX2},
    {"avxvnni", KN_ISA_AVXVNNI, KN_ISA_SSE41 | KN_ISA_AVX2 | KN_ISA_AVXVNNI},
    {"avx512vnni", KN_ISA_AVX512VNNI, KN_ISA_SSE41 | KN_ISA_AVX2 | KN_ISA_AVX512VNNI},
    {"neon", KN_ISA_NEON, KN_ISA_NEON},
    {"neondot", KN_ISA_NEONDOT, KN_ISA_NEON | KN_ISA_NEONDOT},
};
enum { LEVELS = sizeof levels / sizeof *levels };

#if defined(__x86_64__)
/* What the operating system saves of a thread, as bits of XCR0 (Intel SDM volume 1, section 13.3). */
enum { SAVES_YMM = 1 << 1 | 1 << 2, SAVES_ZMM = SAVES_YMM | 1 << 5 | 1 << 6 | 1 << 7 };

/* 1 if all these registers are saved. Only valid when OSXSAVE is set. */
static int os_saves(uint32_t registers)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return (low & registers) == registers;
}

/* Leaf 7 itself: libcpuid 0.6 decodes its AVX-512 bits for Intel only. 256-bit AVX-512 code uses opmasks and registers
 * 16 to 31, so the whole state must be saved. */
static int has_avx512vnni(const struct cpu_raw_data_t *raw)
{
    const uint32_t ebx = 1U << 16 | 1U << 17 | 1U << 30 | 1U << 31, ecx = 1U << 11; /* F, DQ, BW, VL; VNNI */
    const uint32_t *leaf = raw->basic_cpuid[7];
    return raw->basic_cpuid[0][0] >= 7 && (leaf[1] & ebx) == ebx && (leaf[2] & ecx) == ecx && os_saves(SAVES_ZMM);
}

/* AVX-VNNI: leaf 7, subleaf 1, which libcpuid 0.6 does not keep. */
static int has_avxvnni(const struct cpu_raw_data_t *raw)
{
    uint32_t eax = 0, ebx, ecx, edx;
    return raw->basic_cpuid[0][0] >= 7 && raw->basic_cpuid[7][0] >= 1 &&
           __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & 1U << 4);
}
#endif

uint32_t kn_cpu_isa(void)
{
    uint32_t mask = 0;
#if defined(__x86_64__)
    struct cpu_raw_data_t raw;
    struct cpu_id_t id;
    if (!cpuid_present() || cpuid_get_raw_data(&raw) < 0 || cpu_identify(&raw, &id) < 0)
        return 0;
    if (id.flags[CPU_FEATURE_SSE4_1] && id.flags[CPU_FEATURE_SSSE3])
        mask |= KN_ISA_SSE41;
    if (!id.flags[CPU_FEATURE_OSXSAVE] || !os_saves(SAVES_YMM))
        return mask;
    if (id.flags[CPU_FEATURE_AVX2] && id.flags[CPU_FEATURE_FMA3])
        mask |= KN_ISA_AVX2;
    if ((mask & KN_ISA_AVX2) && has_avx512vnni(&raw))
        mask |= KN_ISA_AVX512VNNI;
    if ((mask & KN_ISA_AVX2) && has_avxvnni(&raw))
        mask |= KN_ISA_AVXVNNI;
#elif defined(__aarch64__)
    mask |= KN_ISA_NEON;                 /* part of every AArch64 processor that runs Linux */
    if (getauxval(AT_HWCAP) & 1UL << 20) /* HWCAP_ASIMDDP */
        mask |= KN_ISA_NEONDOT;
#endif
    return mask;
}

const char *kn_isa_name(uint32_t mask)
{
    const char *name = levels[0].name;
    for (int i = 0; i < LEVELS; i++) {
        if ((levels[i].own & mask) == levels[i].own)
            name = levels[i].name;
    }
    return name;
}

int kn_isa_parse(const char *name, uint32_t *out_mask)
{
    if (!name)
        return -1;
    if (strcmp(name, "native") == 0) {
        *out_mask = kn_cpu_isa();
        return 0;
    }
    for (int i = 0; i < LEVELS; i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *out_mask = levels[i].mask;
            return 0;
        }
    }
    return -1;
}
