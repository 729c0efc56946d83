#include "measure/host_parts.h"

#include <libcpuid.h>
#include <string.h>
#include <unistd.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static const char *hypervisor_name(hypervisor_vendor_t vendor)
{
    switch (vendor) {
    case HYPERVISOR_NONE:
        return "none";
    case HYPERVISOR_BHYVE:
        return "bhyve";
    case HYPERVISOR_HYPERV:
        return "Hyper-V";
    case HYPERVISOR_KVM:
        return "KVM";
    case HYPERVISOR_PARALLELS:
        return "Parallels";
    case HYPERVISOR_QEMU:
        return "QEMU";
    case HYPERVISOR_VIRTUALBOX:
        return "VirtualBox";
    case HYPERVISOR_VMWARE:
        return "VMware";
    case HYPERVISOR_XEN:
        return "Xen";
    case NUM_HYPERVISOR_VENDORS:
    case HYPERVISOR_UNKNOWN:
    default:
        return "unknown";
    }
}

/* Sizes as the processor reports them; in virtual machines they are often not those of the real caches. */
static int add_caches(cJSON *cpu, const struct cpu_id_t *id)
{
    cJSON *caches = cJSON_AddObjectToObject(cpu, "cache_kib");
    const struct {
        const char *key;
        int32_t kib;
    } cache[] = {
        {"l1d", id->l1_data_cache}, {"l1i", id->l1_instruction_cache}, {"l2", id->l2_cache}, {"l3", id->l3_cache}};
    int ok = caches != NULL;

    for (size_t i = 0; ok && i < sizeof cache / sizeof cache[0]; i++)
        ok = (cache[i].kib > 0 ? cJSON_AddNumberToObject(caches, cache[i].key, cache[i].kib)
                               : cJSON_AddNullToObject(caches, cache[i].key)) != NULL;
    return ok;
}

static int add_features(cJSON *cpu, const struct cpu_id_t *id)
{
    cJSON *features = cJSON_AddArrayToObject(cpu, "features");
    int ok = features != NULL;

    for (int i = 0; ok && i < NUM_CPU_FEATURES; i++)
        if (id->flags[i])
            ok = cJSON_AddItemToArray(features, cJSON_CreateString(cpu_feature_str((cpu_feature_t)i)));
    return ok;
}

/* The text up to trailing blanks, which brand strings are padded with. */
static int add_trimmed(cJSON *object, const char *key, const char *text)
{
    char copy[128];
    size_t len = strlen(text);

    len = len < sizeof copy - 1 ? len : sizeof copy - 1;
    memcpy(copy, text, len);
    while (len > 0 && copy[len - 1] == ' ')
        len--;
    copy[len] = 0;
    return host_add_text(object, key, copy);
}

static int add_identity(cJSON *cpu)
{
    struct cpu_raw_data_t raw;
    struct cpu_id_t id;

    if (!cpuid_present() || cpuid_get_raw_data(&raw) < 0 || cpu_identify(&raw, &id) < 0)
        return host_add_text(cpu, "unidentified", cpuid_error());
    return add_trimmed(cpu, "vendor", id.vendor_str) && add_trimmed(cpu, "brand", id.brand_str) &&
           add_trimmed(cpu, "codename", id.cpu_codename) && cJSON_AddNumberToObject(cpu, "family", id.ext_family) &&
           cJSON_AddNumberToObject(cpu, "model", id.ext_model) &&
           cJSON_AddNumberToObject(cpu, "stepping", id.stepping) &&
           cJSON_AddNumberToObject(cpu, "cores", id.num_cores) &&
           host_add_text(cpu, "hypervisor", hypervisor_name(cpuid_get_hypervisor(&raw, &id))) && add_caches(cpu, &id) &&
           add_features(cpu, &id);
}

/* 1 if results or operands too small for full precision are replaced by 0, which changes speed and results. */
static int flushes_denormals(void)
{
#if defined(__SSE__)
    return (_mm_getcsr() & 0x8040u) != 0;
#else
    return 0;
#endif
}

cJSON *host_cpu(void)
{
    cJSON *cpu = cJSON_CreateObject();

    if (cpu && add_identity(cpu) &&
        cJSON_AddNumberToObject(cpu, "logical_cpus", (double)sysconf(_SC_NPROCESSORS_ONLN)) &&
        cJSON_AddBoolToObject(cpu, "flush_denormals", flushes_denormals()))
        return cpu;
    cJSON_Delete(cpu);
    return NULL;
}
