#include "kernels/kernels.h"

#include <libcpuid/libcpuid.h>
#include <string.h>

/* Levels from the lowest up; each includes those before it. */
static const struct {
    const char *name;
    uint32_t mask;
} levels[] = {{"ref", 0}, {"avx2", KN_ISA_AVX2}, {"avx512vnni", KN_ISA_AVX2 | KN_ISA_AVX512VNNI}};
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
    const uint32_t ebx = 1U << 16 | 1U << 30 | 1U << 31, ecx = 1U << 11; /* F, BW, VL; VNNI */
    const uint32_t *leaf = raw->basic_cpuid[7];
    return raw->basic_cpuid[0][0] >= 7 && (leaf[1] & ebx) == ebx && (leaf[2] & ecx) == ecx && os_saves(SAVES_ZMM);
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
    if (!id.flags[CPU_FEATURE_OSXSAVE] || !os_saves(SAVES_YMM))
        return 0;
    if (id.flags[CPU_FEATURE_AVX2] && id.flags[CPU_FEATURE_FMA3])
        mask |= KN_ISA_AVX2;
    if ((mask & KN_ISA_AVX2) && has_avx512vnni(&raw))
        mask |= KN_ISA_AVX512VNNI;
#endif
    return mask;
}

const char *kn_isa_name(uint32_t mask)
{
    const char *name = levels[0].name;
    for (int i = 0; i < LEVELS; i++) {
        if ((levels[i].mask & mask) == levels[i].mask)
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
