/* Facts of the machine, the comparability key, warnings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "measure/build_info.h"
#include "measure/host.h"

/* A machine without fault. */
static const char good[] =
    "{\"schema\": \"packlight.env/1\","
    "\"cpu\": {\"vendor\": \"AuthenticAMD\", \"family\": 25, \"model\": 1, \"stepping\": 1, \"logical_cpus\": 8,"
    "          \"hypervisor\": \"none\", \"flush_denormals\": false},"
    "\"system\": {\"kernel\": \"6.1.0-18-amd64\", \"machine\": \"x86_64\", \"libc\": \"glibc 2.36\", \"hostname\": "
    "\"a\","
    "             \"governor\": \"performance\", \"clocksource\": \"tsc\", \"cgroup_cpu_max\": \"max 100000\", "
    "\"on_battery\": false},"
    "\"memory_bytes\": 16900000000,"
    "\"build\": {\"commit\": \"0123\", \"dirty\": false, \"compiler\": \"cc 12\", \"flags\": \"-std=c11 -O2 -g\", "
    "\"mode\": \"release\"},"
    "\"load\": {\"runnable_others\": 0, \"steal_ratio\": 0.0}, \"clock\": {\"wall_overhead_ns\": 30}}";

static cJSON *changed(const char *group, const char *key, const char *value)
{
    cJSON *facts = cJSON_Parse(good), *parent, *item = cJSON_Parse(value);

    assert_non_null(facts);
    assert_non_null(item);
    parent = group ? cJSON_GetObjectItem(facts, group) : facts;
    if (cJSON_GetObjectItem(parent, key))
        assert_true(cJSON_ReplaceItemInObject(parent, key, item));
    else
        assert_true(cJSON_AddItemToObject(parent, key, item));
    return facts;
}

static void key_of(const char *group, const char *key, const char *value, char hex[HASH_HEX])
{
    cJSON *facts = changed(group, key, value);
    assert_int_equal(host_key(facts, "avx2", "simd", 1, hex), ST_OK);
    cJSON_Delete(facts);
}

static void test_key_holds_what_matters(void **state)
{
    static const char *const different[][3] = {
        {"cpu", "vendor", "\"GenuineIntel\""},
        {"cpu", "family", "26"},
        {"cpu", "model", "2"},
        {"cpu", "stepping", "2"},
        {"cpu", "logical_cpus", "4"},
        {"cpu", "hypervisor", "\"KVM\""},
        {"cpu", "flush_denormals", "true"},
        {"system", "kernel", "\"6.2.0\""},
        {"system", "libc", "\"glibc 2.37\""},
        {NULL, "memory_bytes", "33000000000"},
        {"build", "compiler", "\"cc 13\""},
        {"build", "flags", "\"-O3\""},
        {"build", "mode", "\"sanitize\""},
        {"cpu", "family", "null"},
    };
    static const char *const same[][3] = {
        {"system", "kernel", "\"6.1.9-20-amd64\""},
        {"system", "hostname", "\"b\""},
        {"build", "commit", "\"4567\""},
        {"build", "dirty", "true"},
        {"load", "runnable_others", "3"},
        {"system", "governor", "\"powersave\""},
        {NULL, "memory_bytes", "17100000000"},
        {"clock", "wall_overhead_ns", "900"},
    };
    char base[HASH_HEX], other[HASH_HEX];
    cJSON *facts = cJSON_Parse(good);

    (void)state;
    assert_int_equal(host_key(facts, "avx2", "simd", 1, base), ST_OK);
    assert_int_equal(strlen(base), 64);
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        key_of(different[i][0], different[i][1], different[i][2], other);
        assert_string_not_equal(base, other);
    }
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        key_of(same[i][0], same[i][1], same[i][2], other);
        assert_string_equal(base, other);
    }
    assert_int_equal(host_key(facts, "ref", "simd", 1, other), ST_OK);
    assert_string_not_equal(base, other);
    assert_int_equal(host_key(facts, "avx2", "ref", 1, other), ST_OK);
    assert_string_not_equal(base, other);
    assert_int_equal(host_key(facts, "avx2", "simd", 2, other), ST_OK);
    assert_string_not_equal(base, other);
    assert_int_equal(host_key(NULL, "avx2", "simd", 2, other), ST_BADARG);
    cJSON_Delete(facts);
}

static void expect_warning(const char *group, const char *key, const char *value, const char *part)
{
    cJSON *facts = changed(group, key, value), *warnings = NULL;

    assert_int_equal(host_warnings(facts, &warnings), ST_OK);
    assert_int_equal(cJSON_GetArraySize(warnings), part ? 1 : 0);
    if (part)
        assert_non_null(strstr(cJSON_GetArrayItem(warnings, 0)->valuestring, part));
    cJSON_Delete(warnings);
    cJSON_Delete(facts);
}

static void test_warnings(void **state)
{
    (void)state;
    expect_warning("cpu", "logical_cpus", "8", NULL);
    expect_warning("build", "mode", "\"sanitize\"", "sanitize build");
    expect_warning("build", "mode", "null", "nameless");
    expect_warning("build", "flags", "\"-g -O0\"", "did not optimise");
    expect_warning("build", "flags", "\"-g\"", "did not optimise");
    expect_warning("build", "flags", "\"-O1 -fsanitize=address,undefined\"", "Sanitizers are built in");
    expect_warning("build", "flags", "\"-O2 --coverage\"", "coverage or profiling");
    expect_warning("build", "dirty", "true", "differ from the commit");
    expect_warning("build", "commit", "\"unknown\"", "outside a git checkout");
    expect_warning("load", "runnable_others", "1", "1 other process is ready to run on 8 CPUs");
    expect_warning("load", "runnable_others", "3", "3 other processes are ready");
    expect_warning("load", "runnable_others", "null", NULL);
    expect_warning("load", "steal_ratio", "0.25", "25 %");
    expect_warning("cpu", "logical_cpus", "1", "one CPU only");
    expect_warning("cpu", "flush_denormals", "true", "flushed to zero");
    expect_warning("system", "governor", "\"powersave\"", "governor is powersave");
    expect_warning("system", "governor", "\"schedutil\"", "clock rates follow the load");
    expect_warning("system", "governor", "null", NULL);
    expect_warning("system", "intel_no_turbo", "\"0\"", "Turbo is on");
    expect_warning("system", "intel_no_turbo", "\"1\"", NULL);
    expect_warning("system", "boost", "\"1\"", "Turbo is on");
    expect_warning("system", "boost", "\"0\"", NULL);
    expect_warning("system", "cgroup_cpu_max", "\"800000 100000\"", NULL); /* as much as there are CPUs */
    expect_warning("system", "cgroup_cpu_max", "\"799999 100000\"", "control group");
    expect_warning("system", "cgroup_cpu_max", "\"0 0\"", NULL);
    expect_warning("system", "cgroup_cpu_max", "\"junk\"", NULL);
    expect_warning("system", "cgroup_cpu_max", "null", NULL);
    expect_warning("system", "on_battery", "true", "battery");
    expect_warning("system", "cgroup_cpu_max", "\"50000 100000\"", "control group");
    expect_warning("system", "clocksource", "\"hpet\"", "hpet");
    expect_warning("clock", "wall_overhead_ns", "1500", "1500 ns");
}

static void test_warnings_in_one_line(void **state)
{
    cJSON *facts = changed("build", "mode", "\"sanitize\""), *warnings = NULL;
    char line[1024], tight[12];

    (void)state;
    cJSON_ReplaceItemInObject(cJSON_GetObjectItem(facts, "build"), "flags", cJSON_CreateString("-g"));
    cJSON_ReplaceItemInObject(cJSON_GetObjectItem(facts, "load"), "steal_ratio", cJSON_CreateNumber(0.25));
    assert_int_equal(host_warnings(facts, &warnings), ST_OK);
    assert_string_equal(host_warnings_line(warnings, line, sizeof line),
                        "3 warnings: this is a sanitize build; the compiler did not optimise; the hypervisor gave 25 % "
                        "of the processor time to others just now; figures may be spoiled");
    assert_string_equal(host_warnings_line(warnings, tight, sizeof tight), "3 warnings:");
    cJSON_DeleteItemFromArray(warnings, 2);
    cJSON_DeleteItemFromArray(warnings, 1);
    assert_string_equal(host_warnings_line(warnings, line, sizeof line),
                        "1 warning: this is a sanitize build; figures may be spoiled");
    cJSON_DeleteItemFromArray(warnings, 0);
    assert_string_equal(host_warnings_line(warnings, line, sizeof line), "");
    assert_string_equal(host_warnings_line(NULL, line, sizeof line), "");
    cJSON_Delete(warnings);
    cJSON_Delete(facts);
}

static void test_warnings_survive_any_facts(void **state)
{
    cJSON *facts = cJSON_Parse("{\"cpu\": [], \"build\": 5, \"load\": {\"runnable_others\": \"x\"}}"), *warnings = NULL;
    char hex[HASH_HEX];

    (void)state;
    assert_int_equal(host_warnings(facts, &warnings), ST_OK);
    cJSON_Delete(warnings);
    assert_int_equal(host_key(facts, "", "", 0, hex), ST_OK);
    assert_int_equal(host_warnings(NULL, &warnings), ST_OK);
    cJSON_Delete(warnings);
    cJSON_Delete(facts);
}

static void test_facts_of_this_machine(void **state)
{
    static const char *const groups[] = {"load", "cpu", "system", "build", "libraries", "tools", "clock"};
    cJSON *facts = NULL, *again = NULL;
    char key[HASH_HEX], key_again[HASH_HEX];

    (void)state;
    assert_int_equal(host_facts(&facts), ST_OK);
    assert_string_equal(cJSON_GetObjectItem(facts, "schema")->valuestring, HOST_SCHEMA);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        assert_true(cJSON_IsObject(cJSON_GetObjectItem(facts, groups[i])));
    assert_true(cJSON_GetObjectItem(facts, "memory_bytes")->valuedouble > 1e7);
    assert_true(cJSON_GetObjectItem(cJSON_GetObjectItem(facts, "cpu"), "logical_cpus")->valueint >= 1);
    assert_true(cJSON_IsString(cJSON_GetObjectItem(cJSON_GetObjectItem(facts, "system"), "kernel")));
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(facts, "build"), "mode")->valuestring,
                        build_info()->mode);

    assert_int_equal(host_facts(&again), ST_OK);
    assert_int_equal(host_key(facts, "ref", "ref", 1, key), ST_OK);
    assert_int_equal(host_key(again, "ref", "ref", 1, key_again), ST_OK);
    assert_string_equal(key, key_again);
    cJSON_Delete(facts);
    cJSON_Delete(again);
}

static void test_build_info(void **state)
{
    const struct build_info *info = build_info();

    (void)state;
    if (strcmp(info->commit, "unknown") != 0) {
        assert_true(strlen(info->commit) >= 40);
        assert_int_equal(strspn(info->commit, "0123456789abcdef"), strlen(info->commit));
    }
    assert_true(*info->compiler && *info->mode);
    assert_non_null(strstr(info->flags, "-O"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_holds_what_matters), cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_warnings_in_one_line),   cmocka_unit_test(test_warnings_survive_any_facts),
        cmocka_unit_test(test_facts_of_this_machine),  cmocka_unit_test(test_build_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
