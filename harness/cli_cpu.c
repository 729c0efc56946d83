/* packlight cpu: what this processor can do, what this binary is, what would spoil measurements here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli.h"
#include "kernels/kernels.h"
#include "measure/host.h"
#include "peaks.h"

static const char help[] =
    "usage: packlight cpu [--peak] [--json]\n"
    "\n"
    "Prints the processor, the kernel levels that it can run, the build, and what would spoil\n"
    "measurements on this machine.\n"
    "\n"
    "  --peak   measures this machine's limits instead: multiply-accumulates per second of each\n"
    "           level's instructions, bytes read per second; one thread and all (3 seconds)\n"
    "  --json   everything that env.json records, as one JSON object; with --peak the limits\n"
    "\n"
    "example: packlight cpu --json | grep brand\n";

/* Levels from the slowest up, each once. */
static cJSON *isa_levels(uint32_t mask)
{
    cJSON *levels = cJSON_CreateArray();
    uint32_t upto = 0;
    int ok = levels && cJSON_AddItemToArray(levels, cJSON_CreateString(kn_isa_name(0)));

    for (int bit = 0; ok && bit < 32; bit++) {
        if (!(mask & (uint32_t)1 << bit))
            continue;
        upto |= (uint32_t)1 << bit;
        ok = cJSON_AddItemToArray(levels, cJSON_CreateString(kn_isa_name(upto)));
    }
    if (ok)
        return levels;
    cJSON_Delete(levels);
    return NULL;
}

/* Facts with "isa_levels" and "warnings" beside them. Owned. */
static enum status collect(cJSON **out)
{
    cJSON *facts = NULL, *warnings = NULL, *levels;
    enum status st;

    TRY(host_facts(&facts));
    TRY_OUT(host_warnings(facts, &warnings));
    levels = isa_levels(kn_cpu_isa());
    if (!levels || !cJSON_AddItemToObject(facts, "isa_levels", levels)) {
        cJSON_Delete(levels);
        st = status_fail(ST_NOMEM, "no memory for the kernel levels");
        goto out;
    }
    if (!cJSON_AddItemToObject(facts, "warnings", warnings)) {
        st = status_fail(ST_NOMEM, "no memory for the warnings");
        goto out;
    }
    warnings = NULL;
    *out = facts;
    facts = NULL;
out:
    cJSON_Delete(warnings);
    cJSON_Delete(facts);
    return st;
}

static enum status print_json(const cJSON *facts)
{
    char *text = cJSON_Print(facts);

    if (!text)
        return status_fail(ST_NOMEM, "no memory for the printed facts");
    puts(text);
    free(text);
    return ST_OK;
}

static const cJSON *get(const cJSON *facts, const char *group, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(facts, group), key);
}

static const char *text(const cJSON *facts, const char *group, const char *key)
{
    const char *value = cJSON_GetStringValue(get(facts, group, key));
    return value ? value : "unknown";
}

static int whole(const cJSON *facts, const char *group, const char *key)
{
    const cJSON *item = get(facts, group, key);
    return cJSON_IsNumber(item) ? item->valueint : -1;
}

static void print_caches(const cJSON *facts)
{
    static const char *const names[] = {"l1d", "l1i", "l2", "l3"};
    const cJSON *caches = get(facts, "cpu", "cache_kib");
    const char *between = "";

    fputs("caches      ", stdout);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const cJSON *size = cJSON_GetObjectItemCaseSensitive(caches, names[i]);
        if (!cJSON_IsNumber(size))
            continue;
        printf("%s%s %d KiB", between, names[i], size->valueint);
        between = ", ";
    }
    puts(*between ? " (as the processor reports them)" : "unknown");
}

static void print_text(const cJSON *facts)
{
    const cJSON *item, *memory = cJSON_GetObjectItemCaseSensitive(facts, "memory_bytes");

    printf("processor   %s (%s)\n", text(facts, "cpu", "brand"), text(facts, "cpu", "codename"));
    printf("identity    %s family %d model %d stepping %d, hypervisor %s\n", text(facts, "cpu", "vendor"),
           whole(facts, "cpu", "family"), whole(facts, "cpu", "model"), whole(facts, "cpu", "stepping"),
           text(facts, "cpu", "hypervisor"));
    printf("CPUs        %d\n", whole(facts, "cpu", "logical_cpus"));
    print_caches(facts);
    printf("memory      %.1f GiB\n", memory ? memory->valuedouble / 1073741824.0 : 0);
    fputs("kernels    ", stdout);
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(facts, "isa_levels"))
        printf(" %s", item->valuestring);
    printf("\nsystem      %s, Linux %s, %s\n", text(facts, "system", "distribution"), text(facts, "system", "kernel"),
           text(facts, "system", "libc"));
    printf("settings    clock source %s, governor %s, ASLR %s, huge pages %s\n", text(facts, "system", "clocksource"),
           text(facts, "system", "governor"), text(facts, "system", "aslr"),
           text(facts, "system", "transparent_hugepages"));
    printf("build       %s%s, %s\n", text(facts, "build", "commit"),
           cJSON_IsTrue(get(facts, "build", "dirty")) ? " (changed)" : "", text(facts, "build", "mode"));
    printf("compiler    %s: %s\n", text(facts, "build", "compiler"), text(facts, "build", "flags"));
    printf("tools       %s; %s\n", text(facts, "tools", "hyperfine"), text(facts, "tools", "gnuplot"));
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(facts, "warnings"))
        printf("warning     %s\n", item->valuestring);
}

static double number(const cJSON *entry, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(entry, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *word(const cJSON *entry, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, key));
}

static void print_peaks(const cJSON *peaks)
{
    int threads = (int)number(peaks, "threads");
    const cJSON *entry;

    printf("%-52s %9s %7s %d\n", "GMAC/s, best of several runs; threads:", "1", "all", threads);
    cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(peaks, "compute"))
        printf("%-52s %9.1f %9.1f\n", word(entry, "name"), number(entry, "gmac_s"), number(entry, "gmac_s_all"));
    puts("GB/s read");
    cJSON_ArrayForEach (entry, cJSON_GetObjectItemCaseSensitive(peaks, "read")) {
        char name[64];
        snprintf(name, sizeof name, "%.0f KiB per thread (%.16s on most processors)", number(entry, "bytes") / 1024,
                 word(entry, "level"));
        printf("%-52s %9.1f %9.1f\n", name, number(entry, "gb_s"), number(entry, "gb_s_all"));
    }
}

enum status cli_cpu(int argc, char **argv, int *exit_code)
{
    cJSON *facts = NULL;
    int json = 0, peak = 0;
    enum status st = ST_OK;
    struct clock clock;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            *exit_code = 0;
            return ST_OK;
        }
        if (strcmp(argv[i], "--json") == 0)
            json = 1;
        else if (strcmp(argv[i], "--peak") == 0)
            peak = 1;
        else
            return status_fail(ST_BADARG, "unknown option '%s'; see packlight cpu --help", argv[i]);
    }
    if (peak) {
        clock_system(&clock);
        TRY(peaks_measure(0.02, &clock, &facts));
    } else {
        TRY(collect(&facts));
    }
    if (json)
        st = print_json(facts);
    else if (peak)
        print_peaks(facts);
    else
        print_text(facts);
    cJSON_Delete(facts);
    *exit_code = 0;
    return st;
}
