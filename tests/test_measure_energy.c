/* The energy proxy in closed form on toy layers, its monotonicity, hostile tables, and the package counter on a made-up
 * powercap tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "measure/energy.h"
#include "measure/energy_rapl.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
#define TABLE "suites/energy/h45.json"

static struct energy_table table;

static int load(void **state)
{
    (void)state;
    return energy_table_load(TABLE, &table) == ST_OK ? 0 : -1;
}

static struct energy_layer toy(enum energy_arithmetic arithmetic, int bits, uint64_t macs, uint64_t w, uint64_t in,
                               uint64_t out)
{
    struct energy_layer layer;
    memset(&layer, 0, sizeof layer);
    layer.macs_executed = macs;
    layer.arithmetic = arithmetic;
    layer.weight_bits = bits;
    layer.weight_bytes = w;
    layer.input_bytes = in;
    layer.output_bytes = out;
    layer.lanes = 1;
    return layer;
}

static double dp(struct energy_layer layer)
{
    struct energy_cost cost;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &cost), ST_OK);
    return cost.dp_pj;
}

static void test_table(void **state)
{
    (void)state;
    assert_string_equal(table.name, "H45-v1");
    assert_int_equal(strlen(table.sha256), 64);
    assert_int_equal(table.levels, 4);
    NEAR(energy_mac_pj(&table, ENERGY_F32, 32, NULL), 4.6, 1e-12);
    NEAR(energy_mac_pj(&table, ENERGY_S32, 8, NULL), 0.3, 1e-12);
    NEAR(table.level[0].pj_per_byte, 1.25, 1e-12);
    NEAR(table.level[3].pj_per_byte, 162.5, 1e-12);
    assert_int_equal(energy_level_for(&table, 0), 0);
    assert_int_equal(energy_level_for(&table, 8192), 0);
    assert_int_equal(energy_level_for(&table, 8193), 1);
    assert_int_equal(energy_level_for(&table, 1048576), 2);
    assert_int_equal(energy_level_for(&table, 1048577), 3);
    assert_int_equal(energy_level_for(&table, UINT64_MAX), 3);
}

static void test_closed_form(void **state)
{
    struct energy_layer layers[3];
    struct energy_cost cost;

    (void)state;
    layers[0] = toy(ENERGY_F32, 32, 1000, 4000, 400, 40);      /* 4440 bytes: 8 KB level */
    layers[1] = toy(ENERGY_S32, 8, 500000, 500000, 1000, 500); /* 501500 bytes: 1 MB level */
    layers[2] = toy(ENERGY_F32, 0, 0, 0, 1500000, 500000);     /* no products; 2 MB: DRAM */
    layers[2].other_ops = 100;
    layers[1].lanes = 16;
    assert_int_equal(energy_estimate(&table, layers, 3, ENERGY_ANALYTIC, &cost), ST_OK);
    NEAR(cost.mac_pj, 1000 * 4.6 + 500000 * 0.3 + 100 * 0.9, 1e-6);
    NEAR(cost.sram_pj, 4440 * 1.25 + 501500 * 12.5, 1e-6);
    NEAR(cost.dram_pj, 2000000 * 162.5, 1e-4);
    NEAR(cost.instructions, 3 * (1000 + 500000.0 / 16 + 100), 1e-6);
    NEAR(cost.instruction_pj, 70 * cost.instructions, 1e-6);
    NEAR(cost.dp_pj, cost.mac_pj + cost.sram_pj + cost.dram_pj, 1e-6);
    NEAR(cost.cpu_pj, cost.dp_pj + cost.instruction_pj, 1e-6);
    assert_false(cost.interpolated);
}

/* 2.7 M MACs, 24.5 k weights, 50 k activations; one layer, 512-byte-level details left out: instructions alone are
 * 2.7e6 * 3 * 70 pJ = 567 uJ scalar and 35 uJ with 16 lanes. */
static void test_instruction_overhead(void **state)
{
    struct energy_layer layer = toy(ENERGY_S32, 8, 2700000, 24500, 50000, 50000);
    struct energy_cost scalar, simd;

    (void)state;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &scalar), ST_OK);
    layer.lanes = energy_lanes(256, ENERGY_S32);
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &simd), ST_OK);
    NEAR(scalar.instruction_pj, 567e6, 1);
    NEAR(simd.instruction_pj, 567e6 / 16, 1);
    NEAR(scalar.dp_pj, simd.dp_pj, 0); /* the kernel variant does not change what is moved and multiplied */
    assert_true(simd.cpu_pj < scalar.cpu_pj);
    NEAR(energy_lanes(256, ENERGY_F32), 8, 0);
    NEAR(energy_lanes(0, ENERGY_F32), 1, 0);
}

static void test_monotone(void **state)
{
    struct energy_layer base = toy(ENERGY_S32, 8, 1000, 3000, 3000, 2000);
    double last = 0;

    (void)state;
    for (int bits = 1; bits <= 32; bits++) {
        double now = dp(toy(ENERGY_S32, bits, 1000, 100, 100, 100));
        assert_true(now >= last);
        last = now;
    }
    assert_true(dp(toy(ENERGY_F32, 32, 1000, 100, 100, 100)) >= last);
    last = 0;
    for (uint64_t bytes = 1; bytes < 1u << 30; bytes = bytes * 3 / 2 + 1) {
        double now;
        struct energy_layer layer = base;
        layer.weight_bytes = bytes;
        now = dp(layer);
        assert_true(now > last);
        last = now;
    }
    last = 0;
    for (uint64_t macs = 1; macs < 1u << 30; macs *= 3) {
        double now;
        struct energy_layer layer = base;
        layer.macs_executed = macs;
        now = dp(layer);
        assert_true(now > last);
        last = now;
    }
}

static void test_working_set_decides_the_level(void **state)
{
    struct energy_layer layer = toy(ENERGY_S32, 8, 0, 4000, 0, 0);

    (void)state;
    NEAR(dp(layer), 4000 * 1.25, 1e-9);
    layer.working_set_bytes = 2000000;
    NEAR(dp(layer), 4000 * 162.5, 1e-9);
    layer.working_set_bytes = 0;
    layer.weight_bytes = UINT64_MAX;
    layer.input_bytes = 2; /* saturates instead of wrapping into a cheap level */
    assert_true(dp(layer) > 1e19 * 162);
}

static void test_interpolated_widths_are_marked(void **state)
{
    struct energy_layer layer = toy(ENERGY_S32, 4, 1000, 10, 10, 10);
    struct energy_cost cost;

    (void)state;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &cost), ST_OK);
    assert_true(cost.interpolated);
    NEAR(cost.mac_pj, 1000 * (0.1 + 0.1), 1e-9);
}

static void test_bad_layers(void **state)
{
    struct energy_layer layer = toy(ENERGY_S32, 0, 1, 1, 1, 1);
    struct energy_cost cost;

    (void)state;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &cost), ST_BADARG);
    layer.weight_bits = 33;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &cost), ST_BADARG);
    layer.weight_bits = 8;
    layer.lanes = 0.5;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &cost), ST_BADARG);
    layer.lanes = NAN;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &cost), ST_BADARG);
    assert_int_equal(energy_estimate(&table, &layer, 0, ENERGY_ANALYTIC, &cost), ST_OK);
    NEAR(cost.cpu_pj, 0, 0);
}

static void test_ratios(void **state)
{
    struct energy_cost cost, base, none;
    struct energy_layer small = toy(ENERGY_S32, 8, 1000, 10, 10, 10), big = toy(ENERGY_F32, 32, 1000, 40, 40, 40);
    char text[200];

    (void)state;
    assert_int_equal(energy_estimate(&table, &small, 1, ENERGY_ANALYTIC, &cost), ST_OK);
    assert_int_equal(energy_estimate(&table, &big, 1, ENERGY_ANALYTIC, &base), ST_OK);
    NEAR(energy_ratio_dp(&base, &cost), (4600 + 120 * 1.25) / (300 + 30 * 1.25), 1e-9);
    NEAR(energy_ratio_cpu(&base, &cost), (4600 + 120 * 1.25 + 210000) / (300 + 30 * 1.25 + 210000), 1e-9);
    memset(&none, 0, sizeof none);
    assert_true(isnan(energy_ratio_dp(&base, &none)) && isnan(energy_ratio_cpu(&base, &none)));
    assert_string_equal(energy_disclaimer(&table, text, sizeof text),
                        "Modelled from operation and byte counts with published 45 nm constants; not a measurement of "
                        "this machine.");
}

static void test_counted_instructions_replace_the_analytic_ones(void **state)
{
    struct energy_layer layer = toy(ENERGY_S32, 8, 1000, 10, 10, 10);
    struct energy_cost analytic, counted;

    (void)state;
    assert_int_equal(energy_estimate(&table, &layer, 1, ENERGY_ANALYTIC, &analytic), ST_OK);
    assert_int_equal(energy_estimate(&table, &layer, 1, 1234, &counted), ST_OK);
    NEAR(counted.instructions, 1234, 0);
    NEAR(counted.instruction_pj, 70 * 1234, 1e-9);
    NEAR(counted.dp_pj, analytic.dp_pj, 0);
    NEAR(counted.cpu_pj - counted.dp_pj, 70 * 1234, 1e-6);
}

/* ------------------------------------------------------------------ the other tables */

static const char *const builtin[] = {TABLE, "suites/energy/j7.json", "suites/energy/a40.json"};

static void test_all_tables(void **state)
{
    struct energy_layer layers[2] = {toy(ENERGY_S32, 8, 1000, 3000, 400, 40), toy(ENERGY_S32, 8, 50, 40000, 0, 0)};
    struct energy_tables tables;
    struct energy_cost cost;
    char text[200];

    (void)state;
    assert_int_equal(energy_tables_load(NULL, builtin, 3, &tables), ST_OK);
    assert_int_equal(tables.count, 3);
    assert_string_equal(tables.table[0].name, "H45-v1");
    assert_string_equal(tables.table[1].name, "J7-v1");
    assert_string_equal(tables.table[2].name, "A40-v1");
    NEAR(energy_mac_pj(&tables.table[1], ENERGY_F32, 32, NULL), 1.69, 1e-12);
    NEAR(energy_mac_pj(&tables.table[1], ENERGY_S32, 8, NULL), 0.10, 1e-12);
    NEAR(energy_mac_pj(&tables.table[2], ENERGY_F32, 32, NULL), 52.0, 1e-12);
    NEAR(energy_mac_pj(&tables.table[2], ENERGY_S32, 8, NULL), 12.68 / 16 + 0.21, 1e-12);
    /* In closed form: 3440 bytes in 8 KB, 40000 in 1 MB. */
    assert_int_equal(energy_estimate(&tables.table[1], layers, 2, ENERGY_ANALYTIC, &cost), ST_OK);
    NEAR(cost.dp_pj, 1050 * 0.10 + 3440 * 7.5 / 8 + 40000 * 14.0 / 8, 1e-6);
    assert_false(cost.interpolated);
    assert_true(isnan(cost.cpu_pj)); /* no figure per instruction: no CPU view, not a cheap one */
    assert_true(isnan(energy_ratio_cpu(&cost, &cost)));
    assert_string_equal(energy_disclaimer(&tables.table[1], text, sizeof text),
                        "Modelled from operation and byte counts with published 7 nm constants; not a measurement of "
                        "this machine.");
    /* The 8-bit product of this table is derived: marked at every width. */
    assert_int_equal(energy_estimate(&tables.table[2], layers, 1, ENERGY_ANALYTIC, &cost), ST_OK);
    assert_true(cost.interpolated);
    layers[0].arithmetic = ENERGY_F32;
    layers[0].weight_bits = 32;
    assert_int_equal(energy_estimate(&tables.table[2], layers, 1, ENERGY_ANALYTIC, &cost), ST_OK);
    assert_false(cost.interpolated);
}

/* Fewer bits, bytes or products never cost more, whatever the table. */
static void test_every_table_is_monotone(void **state)
{
    struct energy_tables tables;

    (void)state;
    assert_int_equal(energy_tables_load(NULL, builtin, 3, &tables), ST_OK);
    for (int t = 0; t < tables.count; t++) {
        double last = 0;
        for (int bits = 1; bits <= 8; bits++) {
            double now = energy_mac_pj(&tables.table[t], ENERGY_S32, bits, NULL);
            assert_true(now > last);
            last = now;
        }
        assert_true(energy_mac_pj(&tables.table[t], ENERGY_F32, 32, NULL) > last);
        last = 0;
        for (uint64_t size = 1; size < 1u << 28; size = size * 3 / 2 + 1) {
            struct energy_layer layer = toy(ENERGY_S32, 8, size / 2, size, 10, 10);
            struct energy_cost cost;
            assert_int_equal(energy_estimate(&tables.table[t], &layer, 1, ENERGY_ANALYTIC, &cost), ST_OK);
            assert_true(cost.dp_pj > last);
            last = cost.dp_pj;
        }
    }
}

/* ------------------------------------------------------------------ hostile tables */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/packlight-energy-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static void write_text(const char *name, const char *text)
{
    char path[256];
    assert_int_equal(file_join(path, sizeof path, folder, name), ST_OK);
    assert_int_equal(file_write_atomic(path, text, strlen(text)), ST_OK);
}

/* The shipped table with one piece of text replaced. */
static enum status load_changed(const char *from, const char *to)
{
    unsigned char *text = NULL;
    size_t len = 0;
    char changed[8192], path[256];
    const char *at;
    struct energy_table out;

    assert_int_equal(file_read(TABLE, 0, &text, &len), ST_OK);
    at = strstr((char *)text, from);
    assert_non_null(at);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - (char *)text), (char *)text, to, at + strlen(from));
    free(text);
    write_text("table.json", changed);
    file_join(path, sizeof path, folder, "table.json");
    return energy_table_load(path, &out);
}

static void test_hostile_tables(void **state)
{
    static const char *const changes[][2] = {
        {"packlight.energy/1", "packlight.energy/9"},
        {"\"H45-v1\"", "\"\""},
        {"\"f32_add\": 0.9", "\"f32_add\": -0.9"},
        {"\"f32_add\": 0.9", "\"f32_add\": \"0.9\""},
        {"\"f32_add\": 0.9", "\"f32_add\": 1e999"},
        {"\"f32_add\": 0.9,", ""},
        {"\"s8_mul\": 0.2", "\"s8_mul\": 5"},
        {"\"s8_mul\": 0.2", "\"s8_mul\": 0"},
        {"\"s32_add\": 0.1", "\"s32_add\": 1"},
        {"\"process_nm\": 45,", ""},
        {"\"process_nm\": 45", "\"process_nm\": 4.5"},
        {"\"memories\"", "\"interpolated\": [\"f32_mul\"], \"memories\""},
        {"\"memories\"", "\"interpolated\": 1, \"memories\""},
        {"\"capacity_bytes\": 32768", "\"capacity_bytes\": 4096"},
        {"\"capacity_bytes\": 32768", "\"capacity_bytes\": 32768.5"},
        {"\"capacity_bytes\": 32768,", ""},
        {"\"pj_per_64_bits\": 100,", "\"pj_per_64_bits\": 1,"},
        {"\"name\": \"dram\",", "\"name\": \"dram\", \"capacity_bytes\": 9999999,"},
        {"\"name\": \"sram-8k\", \"capacity_bytes\": 8192, \"pj_per_64_bits\": 10, \"off_chip\": false",
         "\"name\": \"sram-8k\", \"capacity_bytes\": 8192, \"pj_per_64_bits\": 10, \"off_chip\": true"},
        {"\"per_step\": 3", "\"per_step\": 0"},
        {"\"instructions\"", "\"extra\": 1, \"instructions\""},
        {"{ \"name\": \"sram-8k\"",
         "{ \"name\": \"0123456789012345678901234567890123456789012345678901234567890123456789\""},
        {"\"technology\"", "\"technology"},
    };

    (void)state;
    assert_int_equal(load_changed("H45-v1", "H45-v2"), ST_OK);
    assert_int_equal(load_changed(",\n  \"instructions\": { \"pj_each\": 70, \"per_step\": 3 }", ""), ST_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        enum status st = load_changed(changes[i][0], changes[i][1]);
        if (st != ST_FORMAT)
            print_message("change %zu was not refused\n", i);
        assert_int_equal(st, ST_FORMAT);
    }
    assert_int_equal(energy_table_load("/nonexistent/h45.json", &(struct energy_table){.levels = 0}), ST_IO);
}

static void test_a_table_of_ones_own_comes_first(void **state)
{
    struct energy_tables tables;
    char path[256];

    (void)state;
    file_join(path, sizeof path, folder, "table.json");
    assert_int_equal(load_changed("H45-v1", "mine"), ST_OK);
    assert_int_equal(energy_tables_load(path, builtin, 3, &tables), ST_OK);
    assert_int_equal(tables.count, 4);
    assert_string_equal(tables.table[0].name, "mine");
    assert_string_equal(tables.table[1].name, "H45-v1");
    /* One of the built-in ones named: not twice. */
    assert_int_equal(energy_tables_load(builtin[1], builtin, 3, &tables), ST_OK);
    assert_int_equal(tables.count, 3);
    assert_string_equal(tables.table[0].name, "J7-v1");
    /* A changed table under the old name could not be told from it. */
    assert_int_equal(load_changed("\"f32_add\": 0.9", "\"f32_add\": 0.8"), ST_OK);
    assert_int_equal(energy_tables_load(path, builtin, 3, &tables), ST_FORMAT);
    assert_non_null(strstr(status_message(), "needs a new name"));
    assert_int_equal(energy_tables_load(NULL, builtin, 0, &tables), ST_BADARG);
}

/* ------------------------------------------------------------------ powercap */

static void write_domain(const char *domain, const char *name, const char *range, const char *now)
{
    char path[256];

    snprintf(path, sizeof path, "%s/rapl/%s", folder, domain);
    assert_int_equal(file_make_dirs(path), ST_OK);
    snprintf(path, sizeof path, "rapl/%s/name", domain);
    write_text(path, name);
    snprintf(path, sizeof path, "rapl/%s/max_energy_range_uj", domain);
    write_text(path, range);
    snprintf(path, sizeof path, "rapl/%s/energy_uj", domain);
    write_text(path, now);
}

static void test_package_counter(void **state)
{
    struct energy_rapl rapl;
    char root[128];
    double joules = -1;

    (void)state;
    snprintf(root, sizeof root, "%s/rapl", folder);
    assert_int_equal(energy_rapl_open(root, &rapl), ST_SKIP); /* no such folder */
    assert_int_equal(file_make_dirs(root), ST_OK);
    assert_int_equal(energy_rapl_open(root, &rapl), ST_SKIP); /* empty */

    write_domain("intel-rapl:0", "package-0\n", "262143328850\n", "1000000\n");
    write_domain("intel-rapl:0:0", "core\n", "262143328850\n", "500000\n");
    write_domain("intel-rapl:0:1", "package-0-part\n", "262143328850\n", "500000\n");
    write_domain("intel-rapl:1", "package-1\n", "1000000\n", "900000\n");
    write_domain("intel-rapl:2", "psys\n", "262143328850\n", "77\n");
    assert_int_equal(energy_rapl_open(root, &rapl), ST_OK);
    assert_int_equal(rapl.packages, 2);
    assert_int_equal(energy_rapl_begin(&rapl), ST_OK);
    write_domain("intel-rapl:0", "package-0\n", "262143328850\n", "3500000\n");
    write_domain("intel-rapl:1", "package-1\n", "1000000\n", "100000\n"); /* wrapped */
    assert_int_equal(energy_rapl_end(&rapl, &joules), ST_OK);
    NEAR(joules, 2.5 + 0.1 + 0.1, 1e-9);

    assert_int_equal(energy_rapl_begin(&rapl), ST_OK);
    joules = -1;
    assert_int_equal(energy_rapl_end(&rapl, &joules), ST_IO); /* a dead counter is not 0 J */
    NEAR(joules, -1, 0);

    write_domain("intel-rapl:0", "package-0\n", "262143328850\n", "garbage\n");
    assert_int_equal(energy_rapl_begin(&rapl), ST_IO);
    write_domain("intel-rapl:0", "package-0\n", "262143328850\n", "");
    assert_int_equal(energy_rapl_begin(&rapl), ST_IO);
    write_domain("intel-rapl:0", "package-0\n", "262143328850\n", "99999999999999999999999999\n");
    assert_int_equal(energy_rapl_open(root, &rapl), ST_IO);
}

static void test_unreadable_counter_is_a_skip(void **state)
{
    int root_user = geteuid() == 0;
    enum status st;
    struct energy_rapl rapl;
    char root[128], path[256];

    (void)state;
    snprintf(root, sizeof root, "%s/rapl", folder);
    write_domain("intel-rapl:0", "package-0\n", "262143328850\n", "1\n");
    snprintf(path, sizeof path, "%s/intel-rapl:0/energy_uj", root);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(folder, 0755), 0);
    if (root_user) /* root may read everything: step down for a moment */
        assert_int_equal(seteuid(65534), 0);
    st = energy_rapl_open(root, &rapl);
    if (root_user)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(st, ST_SKIP);
    assert_non_null(strstr(status_message(), "energy_uj"));
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_closed_form),
        cmocka_unit_test(test_instruction_overhead),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_working_set_decides_the_level),
        cmocka_unit_test(test_interpolated_widths_are_marked),
        cmocka_unit_test(test_bad_layers),
        cmocka_unit_test(test_ratios),
        cmocka_unit_test(test_counted_instructions_replace_the_analytic_ones),
        cmocka_unit_test(test_all_tables),
        cmocka_unit_test(test_every_table_is_monotone),
        cmocka_unit_test_setup_teardown(test_a_table_of_ones_own_comes_first, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_hostile_tables, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_package_counter, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_unreadable_counter_is_a_skip, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
