#include "kernels/kernels.h"

#include <libcpuid/libcpuid.h>
#include <string.h>

/* Levels from the lowest up; each includes those before it. */
static const struct {
    const char *name;
    uint32_t mask;
} levels[] = {{"ref", 0}, {"avx2", KN_ISA_AVX2}};
enum { LEVELS = sizeof levels / sizeof *levels };

#if defined(__x86_64__)
/* 1 if the operating system saves the XMM and YMM registers (XCR0 bits 1 and 2). Only valid when OSXSAVE is set. */
static int os_saves_ymm(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    (void)high;
    return (low & 6U) == 6U;
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
    if (!id.flags[CPU_FEATURE_OSXSAVE] || !os_saves_ymm())
        return 0;
    if (id.flags[CPU_FEATURE_AVX2] && id.flags[CPU_FEATURE_FMA3])
        mask |= KN_ISA_AVX2;
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
