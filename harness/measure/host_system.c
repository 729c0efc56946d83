#include "measure/host_parts.h"

#include <cblas.h>
#include <ctype.h>
#include <dirent.h>
#include <gnu/libc-version.h>
#include <libcpuid.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <zlib.h>

#include "measure/spawn.h"
#include "measure/stats.h"

enum { HOST_TEXT = 256, LOAD_SAMPLES = 11 };

int host_add_text(cJSON *object, const char *key, const char *text)
{
    return (text && *text ? cJSON_AddStringToObject(object, key, text) : cJSON_AddNullToObject(object, key)) != NULL;
}

/* First line of a small file, printable characters only; "" when it cannot be had. */
static const char *first_line(const char *path, char out[HOST_TEXT])
{
    FILE *file = fopen(path, "re");
    size_t len = 0;

    out[0] = 0;
    if (!file)
        return out;
    if (fgets(out, HOST_TEXT, file))
        while (out[len] && isprint((unsigned char)out[len]))
            len++;
    out[len] = 0;
    fclose(file);
    return out;
}

/* "always [madvise] never" -> "madvise"; "" when nothing is marked. */
static const char *chosen(char text[HOST_TEXT])
{
    char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

    if (!close)
        return "";
    *close = 0;
    return open + 1;
}

/* PRETTY_NAME of os-release. */
static const char *distribution(char out[HOST_TEXT])
{
    static const char key[] = "PRETTY_NAME=\"";
    char line[HOST_TEXT];
    FILE *file = fopen("/etc/os-release", "re");

    out[0] = 0;
    if (!file)
        return out;
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, sizeof key - 1) == 0)
            snprintf(out, HOST_TEXT, "%.*s", (int)strcspn(line + sizeof key - 1, "\"\n"), line + sizeof key - 1);
    fclose(file);
    return out;
}

/* 1 while a battery is being used up. */
static int on_battery(void)
{
    static const char root[] = "/sys/class/power_supply";
    char path[sizeof root + 300], text[HOST_TEXT];
    const struct dirent *entry;
    DIR *dir = opendir(root);
    int found = 0;

    while (dir && !found && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s/status", root, entry->d_name);
        found = strcmp(first_line(path, text), "Discharging") == 0;
    }
    if (dir)
        closedir(dir);
    return found;
}

static int add_file(cJSON *object, const char *key, const char *path)
{
    char text[HOST_TEXT];
    return host_add_text(object, key, first_line(path, text));
}

/* "quota period" of this process' tightest control group: version 2 has cpu.max in the group and in each one above it;
 * version 1 has its quota in the mounted tree. "" when nothing is known, "max 100000" when nothing limits. */
static const char *cgroup_cpu_max(char out[HOST_TEXT])
{
    static const char root[] = "/sys/fs/cgroup";
    char group[HOST_TEXT] = "", path[sizeof root + HOST_TEXT + 16], text[HOST_TEXT];
    double tightest = INFINITY, quota, period;
    FILE *file = fopen("/proc/self/cgroup", "re");

    while (file && fgets(text, sizeof text, file))
        if (strncmp(text, "0::", 3) == 0)
            snprintf(group, sizeof group, "%.*s", (int)strcspn(text + 3, "\n"), text + 3);
    if (file)
        fclose(file);
    out[0] = 0;
    for (;;) { /* the group itself, then those above it up to the root */
        char *slash;
        snprintf(path, sizeof path, "%s%s/cpu.max", root, group);
        first_line(path, text);
        if (!*out && *text)
            snprintf(out, HOST_TEXT, "%s", text);
        if (sscanf(text, "%lf %lf", &quota, &period) == 2 && period > 0 && quota / period < tightest) {
            tightest = quota / period;
            snprintf(out, HOST_TEXT, "%s", text);
        }
        slash = strrchr(group, '/');
        if (!slash)
            break;
        *slash = 0;
    }
    if (!*out && *first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text) && strtol(text, NULL, 10) > 0)
        snprintf(out, HOST_TEXT, "%.60s %.60s", text, first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", group));
    return out;
}

static int add_settings(cJSON *system)
{
    char text[HOST_TEXT];

    return add_file(system, "clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource") &&
           add_file(system, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") &&
           add_file(system, "intel_no_turbo", "/sys/devices/system/cpu/intel_pstate/no_turbo") &&
           add_file(system, "boost", "/sys/devices/system/cpu/cpufreq/boost") &&
           add_file(system, "smt", "/sys/devices/system/cpu/smt/control") &&
           add_file(system, "isolated_cpus", "/sys/devices/system/cpu/isolated") &&
           add_file(system, "aslr", "/proc/sys/kernel/randomize_va_space") &&
           host_add_text(system, "cgroup_cpu_max", cgroup_cpu_max(text)) &&
           add_file(system, "boot_id", "/proc/sys/kernel/random/boot_id") &&
           (first_line("/sys/kernel/mm/transparent_hugepage/enabled", text),
            host_add_text(system, "transparent_hugepages", chosen(text))) &&
           cJSON_AddBoolToObject(system, "on_battery", on_battery());
}

cJSON *host_system(void)
{
    cJSON *system = cJSON_CreateObject();
    struct utsname name;
    char text[HOST_TEXT];

    memset(&name, 0, sizeof name);
    (void)uname(&name);
    snprintf(text, sizeof text, "glibc %s", gnu_get_libc_version());
    if (system && host_add_text(system, "kernel", name.release) && host_add_text(system, "machine", name.machine) &&
        host_add_text(system, "hostname", name.nodename) && host_add_text(system, "libc", text) &&
        host_add_text(system, "distribution", distribution(text)) && add_settings(system))
        return system;
    cJSON_Delete(system);
    return NULL;
}

/* ------------------------------------------------------------------ load */

struct jiffies {
    double all, steal;
    int running; /* -1 when not known */
};

static struct jiffies read_stat(void)
{
    struct jiffies now = {0, 0, -1};
    char line[1024];
    FILE *file = fopen("/proc/stat", "re");

    while (file && fgets(line, sizeof line, file)) {
        /* user nice system idle iowait irq softirq steal; guest times are part of user's. */
        if (strncmp(line, "cpu ", 4) == 0) {
            const char *at = line + 4;
            for (int i = 0; i < 8; i++) {
                char *end = NULL;
                double value = (double)strtoull(at, &end, 10);
                now.all += value;
                now.steal = value;
                at = end;
            }
        }
        if (strncmp(line, "procs_running ", 14) == 0)
            now.running = (int)strtol(line + 14, NULL, 10);
    }
    if (file)
        fclose(file);
    return now;
}

/* Load averages look back minutes; what disturbs now is who is ready to run now, this thread not counted. */
cJSON *host_load(void)
{
    cJSON *load = cJSON_CreateObject();
    struct jiffies first = read_stat(), last = first;
    double others[LOAD_SAMPLES], average[3] = {0, 0, 0};
    int n = 0, ok = load != NULL;

    for (int i = 0; i < LOAD_SAMPLES; i++) {
        struct timespec pause = {0, 20000000};
        if (last.running > 0)
            others[n++] = last.running - 1;
        if (i + 1 < LOAD_SAMPLES) {
            nanosleep(&pause, NULL);
            last = read_stat();
        }
    }
    stats_sort(others, n);
    ok = ok && (n > 0 ? cJSON_AddNumberToObject(load, "runnable_others", stats_median(others, n))
                      : cJSON_AddNullToObject(load, "runnable_others"));
    ok = ok && cJSON_AddNumberToObject(load, "window_ms", 20 * (LOAD_SAMPLES - 1));
    ok = ok && cJSON_AddNumberToObject(load, "steal_ratio",
                                       last.all > first.all ? (last.steal - first.steal) / (last.all - first.all) : 0);
    ok = ok && cJSON_AddNumberToObject(load, "steal_ratio_since_boot", last.all > 0 ? last.steal / last.all : 0);
    if (getloadavg(average, 3) < 1)
        average[0] = 0;
    ok = ok && cJSON_AddNumberToObject(load, "load_average_1min", average[0]);
    if (ok)
        return load;
    cJSON_Delete(load);
    return NULL;
}

/* ------------------------------------------------------------------ versions */

cJSON *host_libraries(void)
{
    cJSON *libraries = cJSON_CreateObject();

    if (libraries && host_add_text(libraries, "zlib", zlibVersion()) &&
        host_add_text(libraries, "openblas", openblas_get_config()) &&
        host_add_text(libraries, "libcpuid", cpuid_lib_version()) && host_add_text(libraries, "cjson", cJSON_Version()))
        return libraries;
    cJSON_Delete(libraries);
    return NULL;
}

/* First line of `program --version`, null when it is missing, fails or takes more than five seconds. */
static int add_tool(cJSON *tools, const char *name)
{
    char program[32], text[HOST_TEXT] = "";
    char *argv[] = {program, (char[]){"--version"}, NULL};
    int exit_code = 0;

    snprintf(program, sizeof program, "%s", name);
    if (spawn_run(argv, 5, NULL, text, sizeof text, &exit_code) != ST_OK || exit_code != 0)
        text[0] = 0;
    text[strcspn(text, "\r\n")] = 0;
    return host_add_text(tools, name, text);
}

cJSON *host_tools(void)
{
    cJSON *tools = cJSON_CreateObject();

    if (tools && add_tool(tools, "hyperfine") && add_tool(tools, "gnuplot"))
        return tools;
    cJSON_Delete(tools);
    return NULL;
}
