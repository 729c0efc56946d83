/* Energy in reports: no modelled figure without its label in any form, measured ones apart from them, orders that hang
 * on the table of constants, imported readings, rank correlations. */
#include "report_fake.h"

#include <unistd.h>

#include "base/rank.h"
#include "report/emit.h"
#include "report/plots.h"
#include "report/tables.h"
#include "report/tables_more.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static char dir[64];
static struct records records;
static struct report report;

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/packlight-energy-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void open_report(void)
{
    FAKE_OK(records_load(dir, &records));
    FAKE_OK(report_make(&records, NULL, &report));
}

static void close_report(void)
{
    report_free(&report);
    records_free(&records);
}

/* Figures that occur nowhere else in the report. */
enum { PROCESS_NM = 7 };
static const char *const marks[] = {"61.7", "35.9", "71.3"}; /* the proxy's ratio, CPU view, the second table */

static void set_model(struct record *r, int i, const char *name, int nm, double dp, double cpu, const char *tags)
{
    struct record_energy_model *m = &r->energy_models[i];
    FAKE_OK(record_set(&m->model, name));
    FAKE_OK(record_set(&m->sha256, "00ff"));
    FAKE_OK(record_set(&m->tags, tags));
    m->process_nm = nm;
    m->dp_ratio = dp;
    m->cpu_ratio = cpu;
}

/* Eight recipes whose order two tables agree on, but for one pair; measured energies that follow the first table. */
static void write_run(int measured)
{
    for (size_t i = 0; i < sizeof fake_few / sizeof *fake_few; i++) {
        struct record r;
        double dp = fake_few[i].energy, other = dp, cpu = sqrt(dp);
        fake_record(&fake_models[0], &fake_few[i], 1, 1, &r);
        if (i == 4) /* prune-u90: 3.6 under the first, the least under the second */
            other = 2.0;
        if (i == 7) {
            dp = 61.7;
            cpu = 35.9;
            other = 71.3;
        }
        FAKE_OK(record_energy_models_alloc(&r, 2));
        set_model(&r, 0, "J7-v1", PROCESS_NM, dp, cpu, NULL);
        set_model(&r, 1, "A40-v1", 40, other, NAN, i == 3 ? "interpolated" : NULL);
        r.energy_proxy_ratio = dp;
        r.energy_cpu_ratio = cpu;
        r.energy_spread[0] = fmin(dp, other);
        r.energy_spread[1] = fmax(dp, other);
        r.energy_process_nm = PROCESS_NM;
        FAKE_OK(record_set(&r.energy_model, "J7-v1"));
        FAKE_OK(record_set(&r.energy_model_sha256, "00ff"));
        if (measured) {
            FAKE_OK(record_set(&r.energy_measured_kind, "apportioned"));
            FAKE_OK(record_set(&r.energy_measured_counter, "power/energy-pkg/"));
            r.energy_measured_uj = 8123 / dp;
            r.energy_measured_net_uj = 4000 / dp;
            r.energy_measured_range_uj[0] = 8000 / dp;
            r.energy_measured_range_uj[1] = 8500 / dp;
            r.energy_measured_windows = 5;
        }
        r.load_ns_median = 1.5e6;
        r.load_ns_ci95[0] = 1.4e6;
        r.load_ns_ci95[1] = 1.7e6;
        r.plan_ns_median = 0.5e6;
        r.first_ns_median = 0.25e6;
        r.cold_ratio_vs_fp32 = 1.25;
        r.cold_n = 9;
        fake_append(dir, &r);
        record_free(&r);
    }
    char path[128];
    snprintf(path, sizeof path, "%s/env.json", dir);
    FAKE_OK(file_write_atomic(path, fake_env, strlen(fake_env)));
}

/* The whole text with every run of blanks, line breaks, non-breaking spaces of LaTeX and tags as one space: where lines
 * are broken does not matter. Owned. */
static char *squeezed(const char *text)
{
    char *out = malloc(strlen(text) + 1), *to = out;
    int blank = 0;

    assert_non_null(out);
    for (; *text; text++) {
        if (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t' || *text == '~') {
            blank = 1;
            continue;
        }
        if (blank)
            *to++ = ' ';
        blank = 0;
        *to++ = *text;
    }
    *to = 0;
    return out;
}

static char *rendered(const struct emitter *form)
{
    struct text text = {0};
    struct plots plots = {NULL, 0};
    struct emit_options options = {.width = 120, .plots = &plots};
    char *bytes = NULL;
    size_t len;

    form->emit(&report, &options, &text);
    FAKE_OK(text_take(&text, &bytes, &len));
    return bytes;
}

static const char sentence[] =
    "Modelled from operation and byte counts with published 7 nm constants; not a measurement of this machine.";

/* Every line that has the mark, within CSV. */
static void check_csv(const char *text)
{
    int found = 0;

    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        char one[1024];
        snprintf(one, sizeof one, "%.*s", (int)len, line);
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            if (!strstr(one, marks[i]))
                continue;
            found++;
            assert_non_null(strstr(one, "energy_"));
            assert_non_null(strstr(one, ",modelled"));
        }
        if (strstr(one, "energy_measured_"))
            assert_non_null(strstr(one, ",apportioned"));
        if (strstr(one, "energy_imported_"))
            assert_non_null(strstr(one, ",imported"));
        line += len + (line[len] == '\n');
    }
    assert_true(found >= 3);
}

static void no_figure_of_the_proxy_without_its_label(void **state)
{
    int forms_with_it = 0;

    (void)state;
    write_run(1);
    open_report();
    for (int f = 0; emit_at(f); f++) {
        const struct emitter *form = emit_at(f);
        if (!form->emit) /* of comparisons only */
            continue;
        char *raw = rendered(form), *text = squeezed(raw);
        int shown = 0;
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
            shown |= strstr(text, marks[i]) != NULL;
        /* "62": two digits, as tables show them */
        shown |= strstr(text, " 62 ") != NULL;
        if (strcmp(form->name, "csv") == 0) {
            check_csv(raw);
        } else if (shown) {
            if (!strstr(text, sentence))
                fail_msg("%s: the energy proxy without its sentence", form->name);
            if (!strstr(text, "nergy proxy"))
                fail_msg("%s: the energy proxy without its name", form->name);
            if (strstr(text, "published 45 nm constants"))
                fail_msg("%s: the sentence names another table's process", form->name);
        }
        forms_with_it += shown;
        free(text);
        free(raw);
    }
    assert_true(forms_with_it >= 4); /* terminal, Markdown, CSV, JSON */
    close_report();
}

static void interpolated_figures_are_marked(void **state)
{
    struct grid table;
    struct record r;
    char *text;

    (void)state;
    for (int i = 0; i < 2; i++) {
        fake_record(&fake_models[0], &fake_few[i], 1, 1, &r);
        FAKE_OK(record_energy_models_alloc(&r, 1));
        set_model(&r, 0, "H45-v1", 45, 9.9, 3.3, i ? "interpolated" : NULL);
        r.energy_proxy_ratio = 9.9;
        FAKE_OK(record_set(&r.energy_tags, i ? "interpolated" : NULL));
        fake_append(dir, &r);
        record_free(&r);
    }
    open_report();
    tables_headline(&report, &report.model[0], &table);
    assert_string_equal(grid_at(&table, 0, grid_find(&table, "Energy proxy vs FP32 (H45 model, ×)")), "9.9");
    assert_string_equal(grid_at(&table, 1, grid_find(&table, "Energy proxy vs FP32 (H45 model, ×)")), "9.9*");
    assert_non_null(strstr(table.notes, "* A product width without a published figure was interpolated."));
    grid_free(&table);
    text = rendered(emit_find("csv"));
    assert_non_null(strstr(text, "fp32/simd/t1/b1,energy_proxy_ratio,x,9.9,,,,baseline,modelled\r"));
    assert_non_null(strstr(text, "ptq-dyn-s8/simd/t1/b1,energy_proxy_ratio,x,9.9,,,,reached,modelled interpolated\r"));
    assert_non_null(strstr(text, "energy_proxy_ratio/H45-v1,x,9.9,,,,reached,modelled interpolated\r"));
    free(text);
    close_report();
}

static void kinds_survive_in_json(void **state)
{
    char *text;
    size_t modelled = 0, apportioned = 0;

    (void)state;
    write_run(1);
    open_report();
    text = rendered(emit_find("json"));
    for (const char *at = text; (at = strstr(at, "\"energy_kind\":\"modelled\"")); at++)
        modelled++;
    for (const char *at = text; (at = strstr(at, "\"energy_measured_kind\":\"apportioned\"")); at++)
        apportioned++;
    assert_int_equal(modelled, 8);
    assert_int_equal(apportioned, 8);
    assert_non_null(strstr(text, "\"energy_model_sha256\":\"00ff\""));
    free(text);
    close_report();
}

/* The table whose title begins so. */
static void find_table(const char *begin, struct grid *out)
{
    for (int i = 0; tables_more_at(&report, &report.model[0], i, out); i++) {
        if (strncmp(out->title, begin, strlen(begin)) == 0)
            return;
        grid_free(out);
    }
    fail_msg("no table '%s'", begin);
}

static void orders_that_hang_on_the_table_are_marked(void **state)
{
    struct grid table;
    int order;

    (void)state;
    write_run(0);
    open_report();
    find_table("Energy proxy vs FP32 under", &table);
    assert_int_equal(table.rows, 8);
    order = grid_find(&table, "order not robust against");
    /* prune-u90 has 3.6 and 2.0: prune-c50 with 2.7 under both lies between. Nothing else. */
    assert_string_equal(grid_at(&table, 4, 0), "prune-u90");
    assert_string_equal(grid_at(&table, 4, order), "prune-c50");
    assert_string_equal(grid_at(&table, 5, 0), "prune-c50");
    assert_string_equal(grid_at(&table, 5, order), "prune-u90");
    for (size_t r = 0; r < 8; r++)
        if (r != 4 && r != 5)
            assert_string_equal(grid_at(&table, r, order), "–");
    assert_string_equal(grid_at(&table, 3, grid_find(&table, "A40-v1")), "7.9*");
    assert_string_equal(grid_at(&table, 7, grid_find(&table, "J7-v1")), "62");
    assert_string_equal(grid_at(&table, 7, grid_find(&table, "J7-v1 with instructions")), "36");
    assert_int_equal(grid_find(&table, "A40-v1 with instructions"), -1); /* it has no CPU view */
    assert_non_null(strstr(table.notes, "published 7 nm and 40 nm constants"));
    assert_non_null(strstr(table.notes, "* A product width"));
    grid_free(&table);
    find_table("Energy measured", &table);
    assert_int_equal(table.rows, 0);
    grid_free(&table);
    find_table("How well", &table);
    assert_int_equal(table.rows, 0);
    grid_free(&table);
    find_table("Cold start", &table);
    assert_int_equal(table.rows, 8);
    assert_string_equal(grid_at(&table, 0, grid_find(&table, "load file")), "1.50");
    assert_string_equal(grid_at(&table, 0, grid_find(&table, "sum vs FP32")), "1.25");
    assert_string_equal(grid_at(&table, 0, grid_find(&table, "whole process")), "–");
    grid_free(&table);
    close_report();
}

static void measured_energy_has_a_table_and_a_card(void **state)
{
    struct grid table;

    (void)state;
    write_run(1);
    open_report();
    find_table("Energy measured", &table);
    assert_int_equal(table.rows, 8);
    assert_string_equal(grid_at(&table, 0, grid_find(&table, "kind")), "apportioned");
    assert_string_equal(grid_at(&table, 0, grid_find(&table, "gross per inference")), "8120");
    grid_free(&table);
    find_table("How well", &table);
    assert_int_equal(table.rows, 3); /* two views of the first table, one of the second */
    assert_string_equal(grid_at(&table, 0, 1), "J7-v1");
    assert_string_equal(grid_at(&table, 0, 2), "8");
    assert_string_equal(grid_at(&table, 0, 3), "+1.00"); /* measured follows it exactly */
    assert_non_null(strstr(grid_at(&table, 0, 4), "exact permutation"));
    assert_non_null(strstr(table.notes, sentence));
    grid_free(&table);
    close_report();
}

/* Records of before these fields were there. */
static void older_runs_show_none_of_these_tables(void **state)
{
    struct grid table;

    (void)state;
    fake_run(dir, 0);
    open_report();
    for (int i = 0; tables_more_at(&report, &report.model[0], i, &table); i++) {
        assert_int_equal(table.rows, 0);
        grid_free(&table);
    }
    assert_non_null(strstr(report.energy_note, "published 45 nm constants"));
    close_report();
}

/* ------------------------------------------------------------------ imported */

static const char *write_csv(const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/my meter.csv", dir);
    FAKE_OK(file_write_atomic(path, text, strlen(text)));
    return path;
}

#define A "lenet-300-100/fp32/simd/t1/b1"
#define B "lenet-300-100/qat-s8/simd/t1/b1"

static void imported_readings_join_by_cell(void **state)
{
    struct meters meters;
    struct grid table;
    char path[128], *text;
    FILE *file;

    (void)state;
    write_run(0);
    FAKE_OK(records_load(dir, &records));
    FAKE_OK(
        meters_read_csv(write_csv("\xef\xbb\xbfinferences, joules ,cell\r\n1000,0.5," A "\r\n\r\n2000,0.25,\"" B "\""),
                        &records, &meters));
    assert_int_equal(meters.n, 2);
    assert_string_equal(meters.all[0].name, "my meter.csv");
    NEAR(meter_uj(&meters.all[0]), 500, 1e-9);
    NEAR(meter_uj(&meters.all[1]), 125, 1e-9);
    FAKE_OK(meters_append(dir, &meters));
    meters_free(&meters);
    FAKE_OK(meters_read_csv(
        write_csv("cell,joules,inferences,meter\n" A ",1,1000,\"the \"\"other\"\", one\"\n" B ",2,1000,my meter.csv\n"),
        &records, &meters));
    assert_string_equal(meters.all[0].name, "the \"other\", one");
    FAKE_OK(meters_append(dir, &meters)); /* replaces one, adds one */
    meters_free(&meters);
    records_free(&records);
    snprintf(path, sizeof path, "%s/energy.jsonl", dir);
    file = fopen(path, "ab"); /* killed while appending */
    assert_non_null(file);
    fputs("{\"schema\":\"packlight.energy-import/1\",\"cel", file);
    fclose(file);

    open_report();
    assert_int_equal(report.meters.n, 3);
    assert_int_equal(report.meters.torn, 1);
    find_table("Energy measured", &table);
    assert_int_equal(table.rows, 3);
    assert_string_equal(grid_at(&table, 0, 1), "imported");
    assert_string_equal(grid_at(&table, 0, 2), "my meter.csv");
    assert_string_equal(grid_at(&table, 0, 3), "500");
    assert_string_equal(grid_at(&table, 1, 2), "the \"other\", one");
    assert_string_equal(grid_at(&table, 2, 3), "2000");
    grid_free(&table);
    find_table("How well", &table);
    assert_int_equal(table.rows, 2); /* one line for each meter: too few rows */
    assert_non_null(strstr(grid_at(&table, 0, 4), "fewer than 4"));
    grid_free(&table);
    text = rendered(emit_find("csv"));
    check_csv(text);
    assert_non_null(strstr(text, "energy_imported_uj/my meter.csv,uJ,500,,,,baseline,imported"));
    free(text);
    text = rendered(emit_find("json"));
    assert_non_null(strstr(text, "\"energy_kind\":\"imported\",\"meter\":\"my meter.csv\",\"energy_uj\":500}"));
    free(text);
    close_report();
}

static void bad_readings_name_their_line(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "no line with a reading"},
        {"cell,joules,inferences\n", "no line with a reading"},
        {"cell,joules\n" A ",1\n", ":1: column 'inferences' is missing"},
        {"cell,joules,inferences,watts\n", ":1: column 'watts'"},
        {"cell,joules,joules,inferences\n", ":1: column 'joules' is there twice"},
        {"cell,joules,inferences\n" A ",1,10\nnobody,1,10\n", ":3: cell 'nobody'"},
        {"cell,joules,inferences\n" A ",1\n", ":2: 2 columns, the header has 3"},
        {"cell,joules,inferences\n" A ",1,10,9\n", ":2: 4 columns"},
        {"cell,joules,inferences\n" A ",0,10\n", ":2: joules"},
        {"cell,joules,inferences\n" A ",-1,10\n", ":2: joules"},
        {"cell,joules,inferences\n" A ",nan,10\n", ":2: joules"},
        {"cell,joules,inferences\n" A ",1e999,10\n", ":2: joules"},
        {"cell,joules,inferences\n" A ",1 J,10\n", ":2: joules"},
        {"cell,joules,inferences\n" A ",\"1,5\",10\n", ":2: joules"},
        {"cell,joules,inferences\n" A ",1,0\n", ":2: inferences"},
        {"cell,joules,inferences\n" A ",1,2.5\n", ":2: inferences"},
        {"cell,joules,inferences\n" A ",1,\n", ":2: inferences"},
        {"cell,joules,inferences\n" A ",1,10\n" A ",2,10\n", ":3: cell '" A "' is there twice"},
        {"cell,joules,inferences,meter\n" A ",1,10,\n", ":2: meter"},
        {"cell,joules,inferences,meter\n" A ",1,10,0123456789012345678901234567890123456789012345678901234567890123\n",
         ":2: meter"},
        {"cell,joules,inferences\n\"" A ",1,10\n", ":2: a quote is not closed"},
        {"cell,joules,inferences\n\"" A "\"x,1,10\n", ":2: characters after"},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n", ":1: more than 16 columns"},
    };
    struct meters meters;
    char path[128];

    (void)state;
    write_run(0);
    FAKE_OK(records_load(dir, &records));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (meters_read_csv(write_csv(cases[i].text), &records, &meters) != ST_FORMAT ||
            !strstr(status_message(), cases[i].message))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, status_message(), cases[i].message);
    }
    assert_int_equal(meters_read_csv("/nonexistent.csv", &records, &meters), ST_IO);
    records_free(&records);
    snprintf(path, sizeof path, "%s/energy.jsonl", dir);
    FAKE_OK(file_write_atomic(path, "{\"schema\":\"packlight.energy-import/1\",\"cell\":\"x\"}\n", 50));
    assert_int_equal(meters_load(dir, &meters), ST_FORMAT);
    assert_non_null(strstr(status_message(), "energy.jsonl:1"));
    FAKE_OK(file_write_atomic(path, "hello\n", 6));
    assert_int_equal(meters_load(dir, &meters), ST_FORMAT);
}

/* ------------------------------------------------------------------ ranks */

static void rank_correlations(void **state)
{
    const double x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const double up[5] = {10, 20, 30, 40, 50}, down[5] = {5, 4, 3, 2, 1}, flat[5] = {7, 7, 7, 7, 7};
    const double mixed[5] = {2, 1, 4, 3, 5}, tied[5] = {1, 1, 2, 3, 4};
    const double many[12] = {2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11};
    double holes[12];
    struct rank r;

    (void)state;
    r = rank_spearman(x, up, 5);
    NEAR(r.rho, 1, 1e-12);
    assert_int_equal(r.method, RANK_PERMUTATION);
    NEAR(r.p, 2.0 / 120, 1e-12); /* itself and its mirror */
    assert_true(isnan(r.lo));
    NEAR(rank_spearman(x, down, 5).rho, -1, 1e-12);
    r = rank_spearman(x, mixed, 5); /* 1 - 6 * 4 / (5 * 24) */
    NEAR(r.rho, 0.8, 1e-12);
    NEAR(r.p, 16.0 / 120, 1e-12);   /* two-sided, as in published tables: 0.133 */
    r = rank_spearman(tied, up, 5); /* ranks 1.5 1.5 3 4 5 against 1..5: 9.5 / sqrt(9.5 * 10) */
    NEAR(r.rho, 9.5 / sqrt(95), 1e-12);
    assert_int_equal(rank_spearman(x, flat, 5).method, RANK_NONE);
    assert_int_equal(rank_spearman(x, up, 3).method, RANK_NONE);
    assert_true(isnan(rank_spearman(x, up, 3).rho));
    assert_int_equal(rank_spearman(x, up, 0).n, 0);
    r = rank_spearman(x, many, 12); /* 1 - 6 * 12 / (12 * 143) */
    NEAR(r.rho, 1 - 72.0 / 1716, 1e-12);
    assert_int_equal(r.method, RANK_FISHER);
    NEAR(r.lo, tanh(atanh(r.rho) - 1.959964 * sqrt((1 + r.rho * r.rho / 2) / 9)), 1e-6);
    assert_true(r.lo < r.rho && r.rho < r.hi && r.hi < 1);
    r = rank_spearman(x, x, 12);
    NEAR(r.rho, 1, 1e-12);
    assert_true(isnan(r.lo) && isnan(r.hi));
    memcpy(holes, many, sizeof holes);
    holes[3] = NAN;
    holes[7] = INFINITY;
    assert_int_equal(rank_spearman(x, holes, 12).n, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_figure_of_the_proxy_without_its_label, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(interpolated_figures_are_marked, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(kinds_survive_in_json, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(orders_that_hang_on_the_table_are_marked, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(measured_energy_has_a_table_and_a_card, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(older_runs_show_none_of_these_tables, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(imported_readings_join_by_cell, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(bad_readings_name_their_line, make_dir, drop_dir),
        cmocka_unit_test(rank_correlations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
