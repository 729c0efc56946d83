#include "measure/host.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "measure/build_info.h"
#include "measure/clock.h"
#include "measure/host_parts.h"

/* ------------------------------------------------------------------ reading facts back */

static const cJSON *fact(const cJSON *facts, const char *group, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(facts, group), key);
}

/* "" when it is null or missing. */
static const char *text_fact(const cJSON *facts, const char *group, const char *key)
{
    const char *text = cJSON_GetStringValue(fact(facts, group, key));
    return text ? text : "";
}

/* NaN when it is null or missing. */
static double number_fact(const cJSON *facts, const char *group, const char *key)
{
    const cJSON *item = fact(facts, group, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static int true_fact(const cJSON *facts, const char *group, const char *key)
{
    return cJSON_IsTrue(fact(facts, group, key));
}

struct sentences {
    cJSON *list;
    int failed;
};

__attribute__((format(printf, 2, 3))) static void add_sentence(struct sentences *sentences, const char *format, ...)
{
    char text[512];
    cJSON *item;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    item = cJSON_CreateString(text);
    if (!item || !cJSON_AddItemToArray(sentences->list, item)) {
        cJSON_Delete(item);
        sentences->failed = 1;
    }
}

/* ------------------------------------------------------------------ facts */

static double memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (double)pages * (double)size : 0;
}

static cJSON *build_facts(void)
{
    const struct build_info *info = build_info();
    cJSON *build = cJSON_CreateObject();

    if (build && host_add_text(build, "commit", info->commit) && cJSON_AddBoolToObject(build, "dirty", info->dirty) &&
        host_add_text(build, "compiler", info->compiler) && host_add_text(build, "flags", info->flags) &&
        host_add_text(build, "mode", info->mode) && host_add_text(build, "code_id", info->code_id))
        return build;
    cJSON_Delete(build);
    return NULL;
}

static cJSON *clock_facts(void)
{
    cJSON *facts = cJSON_CreateObject();
    struct clock clock;

    clock_system(&clock);
    if (facts && cJSON_AddNumberToObject(facts, "wall_overhead_ns", clock.wall_overhead_ns) &&
        cJSON_AddNumberToObject(facts, "wall_resolution_ns", clock.wall_resolution_ns) &&
        cJSON_AddNumberToObject(facts, "cpu_overhead_ns", clock.cpu_overhead_ns))
        return facts;
    cJSON_Delete(facts);
    return NULL;
}

/* Takes over `part`. */
static int attach(cJSON *facts, const char *key, cJSON *part)
{
    if (part && cJSON_AddItemToObject(facts, key, part))
        return 1;
    cJSON_Delete(part);
    return 0;
}

/* How alone this process is on its processor; remarks and not warnings, as users can rarely change them. */
static cJSON *isolation_remarks(const cJSON *facts)
{
    const char *hypervisor = text_fact(facts, "cpu", "hypervisor"), *smt = text_fact(facts, "system", "smt");
    const char *isolated = text_fact(facts, "system", "isolated_cpus");
    struct sentences remarks = {cJSON_CreateArray(), 0};

    if (!remarks.list)
        return NULL;
    if (*hypervisor && strcmp(hypervisor, "none") != 0)
        add_sentence(&remarks, "Virtual machine (%s): neighbours share caches, memory and perhaps cores.", hypervisor);
    if (strcmp(smt, "on") == 0)
        add_sentence(&remarks, "Two threads share a core (SMT is on).");
    if (*isolated)
        add_sentence(&remarks, "CPUs %.100s are kept free of other processes.", isolated);
    else
        add_sentence(&remarks, "No CPU is kept free of other processes.");
    if (remarks.failed) {
        cJSON_Delete(remarks.list);
        return NULL;
    }
    return remarks.list;
}

enum status host_facts(cJSON **out_facts)
{
    cJSON *facts = cJSON_CreateObject();

    /* The load first, before the facts make some themselves. */
    if (facts && host_add_text(facts, "schema", HOST_SCHEMA) && attach(facts, "load", host_load()) &&
        attach(facts, "cpu", host_cpu()) && attach(facts, "system", host_system()) &&
        cJSON_AddNumberToObject(facts, "memory_bytes", memory_bytes()) && attach(facts, "build", build_facts()) &&
        attach(facts, "libraries", host_libraries()) && attach(facts, "tools", host_tools()) &&
        attach(facts, "clock", clock_facts()) && attach(facts, "isolation", isolation_remarks(facts))) {
        *out_facts = facts;
        return ST_OK;
    }
    cJSON_Delete(facts);
    return status_fail(ST_NOMEM, "no memory for the facts of this machine");
}

/* ------------------------------------------------------------------ the key */

static void key_text(struct hash *hash, const char *name, const char *text)
{
    hash_add_text(hash, name);
    hash_add_text(hash, text);
}

static void key_number(struct hash *hash, const char *name, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.0f", value);
    key_text(hash, name, isnan(value) ? "" : text);
}

enum status host_key(const cJSON *facts, const char *isa, const char *kernel, int threads, char out_hex[HASH_HEX])
{
    static const char *const numbers[] = {"family", "model", "stepping", "logical_cpus"};
    const cJSON *memory = cJSON_GetObjectItemCaseSensitive(facts, "memory_bytes");
    char release[64];
    struct hash hash;
    int major = 0, minor = 0;

    if (!cJSON_IsObject(facts) || !isa || !kernel)
        return status_fail(ST_BADARG, "comparability key: facts, ISA level and kernel variant are needed");
    hash_begin(&hash);
    key_text(&hash, "schema", HOST_SCHEMA);
    key_text(&hash, "vendor", text_fact(facts, "cpu", "vendor"));
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        key_number(&hash, numbers[i], number_fact(facts, "cpu", numbers[i]));
    key_text(&hash, "hypervisor", text_fact(facts, "cpu", "hypervisor"));
    key_number(&hash, "flush_denormals", true_fact(facts, "cpu", "flush_denormals"));
    key_number(&hash, "memory_gib", cJSON_IsNumber(memory) ? round(memory->valuedouble / 1073741824.0) : NAN);
    if (sscanf(text_fact(facts, "system", "kernel"), "%9d.%9d", &major, &minor) != 2)
        major = minor = 0;
    snprintf(release, sizeof release, "%d.%d", major, minor);
    key_text(&hash, "kernel_release", release);
    key_text(&hash, "machine", text_fact(facts, "system", "machine"));
    key_text(&hash, "libc", text_fact(facts, "system", "libc"));
    key_text(&hash, "compiler", text_fact(facts, "build", "compiler"));
    key_text(&hash, "flags", text_fact(facts, "build", "flags"));
    key_text(&hash, "mode", text_fact(facts, "build", "mode"));
    key_text(&hash, "isa", isa);
    key_text(&hash, "kernel", kernel);
    key_number(&hash, "threads", threads);
    hash_end(&hash, out_hex);
    return ST_OK;
}

/* ------------------------------------------------------------------ warnings */

static void warn_build(struct sentences *warnings, const cJSON *facts)
{
    const char *mode = text_fact(facts, "build", "mode"), *flags = text_fact(facts, "build", "flags");

    if (strcmp(mode, "release") != 0)
        add_sentence(warnings, "This is a %s build: its times mean nothing. Build with MODE=release.",
                     *mode ? mode : "nameless");
    else if (strstr(flags, "-fsanitize"))
        add_sentence(warnings, "Sanitizers are built in: its times mean nothing. Build without -fsanitize.");
    else if (strstr(flags, "--coverage") || strstr(flags, "-fprofile-arcs") || strstr(flags, "-pg"))
        add_sentence(warnings, "The build counts what it executes (coverage or profiling): its times mean nothing.");
    if (strstr(flags, "-O0") || !strstr(flags, "-O"))
        add_sentence(warnings, "The compiler did not optimise (flags: %.300s).", flags);
    if (strcmp(text_fact(facts, "build", "commit"), "unknown") == 0)
        add_sentence(warnings, "Built outside a git checkout: figures cannot be traced to a commit.");
    else if (true_fact(facts, "build", "dirty"))
        add_sentence(warnings, "Built from files that differ from the commit: figures cannot be traced to it.");
}

static void warn_load(struct sentences *warnings, const cJSON *facts)
{
    double others = number_fact(facts, "load", "runnable_others"), cpus = number_fact(facts, "cpu", "logical_cpus");
    double steal = number_fact(facts, "load", "steal_ratio");

    if (others >= 1)
        add_sentence(warnings, "%.0f other process%s ready to run on %.0f CPUs: stop them, or expect dropped rounds.",
                     others, others < 2 ? " is" : "es are", cpus);
    if (steal > 0.05)
        add_sentence(warnings, "The hypervisor gave %.0f %% of the processor time to others just now.", 100 * steal);
    if (cpus < 2)
        add_sentence(warnings, "There is one CPU only: everything else that runs interrupts what is measured.");
}

/* "50000 100000" allows half a processor; "max ..." and what is not a quota allow all. */
static double quota_cpus(const char *cpu_max)
{
    double quota, period;

    return sscanf(cpu_max, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : INFINITY;
}

static void warn_frequency(struct sentences *warnings, const cJSON *facts)
{
    const char *governor = text_fact(facts, "system", "governor");

    if (strcmp(governor, "powersave") == 0 || strcmp(governor, "conservative") == 0)
        add_sentence(warnings, "The frequency governor is %s: choose performance, or expect slow starts.", governor);
    if (strcmp(governor, "ondemand") == 0 || strcmp(governor, "schedutil") == 0)
        add_sentence(warnings, "The frequency governor is %s: clock rates follow the load; choose performance.",
                     governor);
    if (strcmp(text_fact(facts, "system", "intel_no_turbo"), "0") == 0 ||
        strcmp(text_fact(facts, "system", "boost"), "1") == 0)
        add_sentence(warnings, "Turbo is on: clock rates change with heat and with what other cores do.");
}

static void warn_settings(struct sentences *warnings, const cJSON *facts)
{
    const char *source = text_fact(facts, "system", "clocksource");
    const char *quota = text_fact(facts, "system", "cgroup_cpu_max");
    double overhead_ns = number_fact(facts, "clock", "wall_overhead_ns");
    double cpus = number_fact(facts, "cpu", "logical_cpus");

    warn_frequency(warnings, facts);
    if (true_fact(facts, "system", "on_battery"))
        add_sentence(warnings, "The machine runs on its battery: frequencies are likely capped.");
    if (quota_cpus(quota) < (isnan(cpus) ? INFINITY : cpus))
        add_sentence(warnings, "A control group limits the processor time (cpu.max %.60s): threads will be paused.",
                     quota);
    if (strcmp(source, "hpet") == 0 || strcmp(source, "acpi_pm") == 0 || strcmp(source, "jiffies") == 0)
        add_sentence(warnings, "The clock source is %s: slow and coarse to read.", source);
    if (overhead_ns > 1000)
        add_sentence(warnings, "Reading the clock takes %.0f ns: times of single layers are blurred.", overhead_ns);
    if (true_fact(facts, "cpu", "flush_denormals"))
        add_sentence(warnings,
                     "Denormal numbers are flushed to zero: float results and times differ from the default mode's.");
}

enum status host_warnings(const cJSON *facts, cJSON **out_warnings)
{
    struct sentences warnings = {cJSON_CreateArray(), 0};

    if (warnings.list) {
        warn_build(&warnings, facts);
        warn_load(&warnings, facts);
        warn_settings(&warnings, facts);
    }
    if (!warnings.list || warnings.failed) {
        cJSON_Delete(warnings.list);
        return status_fail(ST_NOMEM, "no memory for warnings about this machine");
    }
    *out_warnings = warnings.list;
    return ST_OK;
}

/* Bytes of a sentence's first clause. */
static int clause_length(const char *sentence)
{
    int len = 0;

    while (sentence[len] && sentence[len] != ':' && strncmp(sentence + len, " (", 2) != 0 &&
           !(sentence[len] == '.' && (sentence[len + 1] == ' ' || sentence[len + 1] == 0)))
        len++;
    return len;
}

const char *host_warnings_line(const cJSON *warnings, char *buffer, size_t size)
{
    int n = cJSON_IsArray(warnings) ? cJSON_GetArraySize(warnings) : 0;
    size_t used;
    const cJSON *item;

    buffer[0] = 0;
    if (n == 0)
        return buffer;
    used = (size_t)snprintf(buffer, size, "%d warning%s:", n, n == 1 ? "" : "s");
    cJSON_ArrayForEach (item, warnings) {
        const char *text = cJSON_GetStringValue(item);
        if (text && *text && used < size)
            used += (size_t)snprintf(buffer + used, size - used, " %c%.*s;", tolower((unsigned char)text[0]),
                                     clause_length(text) > 0 ? clause_length(text) - 1 : 0, text + 1);
    }
    if (used < size)
        snprintf(buffer + used, size - used, " figures may be spoiled");
    return buffer;
}
