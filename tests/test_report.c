/* Reports: golden texts of a small run in every form, verdicts, tables, hostile names, filters. The golden texts are in
 * tests/golden/report; PACKLIGHT_UPDATE_GOLDEN=1 writes them anew. */
#include "report_fake.h"

#include <unistd.h>

#include "report/emit.h"
#include "report/plots.h"
#include "report/tables.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    static const char *const names[] = {"records.jsonl", "env.json"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static struct records records;
static struct report report;

static void open_report(const char *filter)
{
    FAKE_OK(records_load(dir, &records));
    FAKE_OK(report_make(&records, filter, &report));
    snprintf(report.run, sizeof report.run, "small"); /* the folder's name is random */
}

static void close_report(void)
{
    report_free(&report);
    records_free(&records);
}

static char *rendered(const char *form, int width, int colour)
{
    struct text text = {0};
    struct plots plots = {NULL, 0};
    struct emit_options options = {.width = width, .colour = colour, .plots = &plots};
    char *bytes = NULL;
    size_t len;

    if (strcmp(form, "md") == 0) /* the only one that points at pictures */
        FAKE_OK(plots_make(&report, &plots));
    emit_find(form)->emit(&report, &options, &text);
    FAKE_OK(text_take(&text, &bytes, &len));
    plots_free(&plots);
    return bytes;
}

/* ------------------------------------------------------------------------------------------ a small run */

static void layer(struct record *r, size_t i, const char *name, const char *kernel, const char *reason, double ns)
{
    FAKE_OK(record_set(&r->kernels[i].name, name));
    FAKE_OK(record_set(&r->kernels[i].kernel, kernel));
    FAKE_OK(record_set(&r->kernels[i].reason, reason));
    r->kernels[i].ns = ns;
    r->kernels[i].macs_executed = r->kernels[i].macs_nominal = 235200;
    r->kernels[i].weight_bytes = 235200;
    r->kernels[i].input_bytes = 784;
    r->kernels[i].output_bytes = 300;
}

static void small_record(struct record *r, const char *config, const char *family, const char *kernel, double latency,
                         double speed)
{
    record_init(r);
    FAKE_OK(record_set(&r->model, "lenet"));
    FAKE_OK(record_set(&r->config, config));
    FAKE_OK(record_set(&r->family, family));
    FAKE_OK(record_set(&r->kernel, kernel));
    FAKE_OK(record_set(&r->isa, "avx2"));
    FAKE_OK(record_set(&r->status, "ok"));
    FAKE_OK(record_set(&r->energy_model, "H45-v1"));
    r->threads = r->batch = r->seed = 1;
    FAKE_OK(record_set_cell(r));
    r->size_fp32_bytes = 1000000;
    r->size_file_bytes = strcmp(family, "fp32") == 0 ? 1000000 : 256000;
    r->size_ratio = (double)r->size_fp32_bytes / (double)r->size_file_bytes;
    r->latency_ns_median = latency;
    r->latency_ns_ci95[0] = latency - 500;
    r->latency_ns_ci95[1] = latency + 500;
    r->latency_n = r->latency_samples_kept = 40;
    r->latency_samples_dropped = 2;
    r->speedup_vs_fp32_simd = speed;
    r->speedup_ci95[0] = speed - 0.125;
    r->speedup_ci95[1] = speed + 0.125;
    r->energy_proxy_ratio = r->energy_cpu_ratio = strcmp(family, "fp32") == 0 ? 1.0 : 7.94;
    r->accuracy_top1 = strcmp(family, "fp32") == 0 ? 0.9 : 0.8985;
    r->accuracy_n = 10000;
    r->accuracy_ci95[0] = r->accuracy_top1 - 0.006;
    r->accuracy_ci95[1] = r->accuracy_top1 + 0.006;
    r->accuracy_delta_pp = strcmp(family, "fp32") == 0 ? 0.0 : -0.15;
    r->accuracy_p_mcnemar = strcmp(family, "fp32") == 0 ? 1.0 : 0.0421;
    FAKE_OK(record_layers_alloc(r, 2));
}

/* FP32 and PTQ with both kernels, a pruned one that failed, one that was wrong. */
static void small_run(void)
{
    static const char *const configs[] = {"fp32", "ptq-s8"};
    struct record r;
    char path[128];

    for (int c = 0; c < 2; c++)
        for (int simd = 0; simd < 2; simd++) {
            double speed = (c ? 1.5 : 1.0) * (simd ? 1.0 : 0.125), latency = 24000.0 / speed;
            small_record(&r, configs[c], c ? "ptq" : "fp32", simd ? "simd" : "ref", latency, speed);
            layer(&r, 0, "fc1", simd ? "kn_gemm__avx2" : "kn_gemm__ref",
                  c ? "dense: 1 % zeros, sparse pays from 55 %" : "dense", (c ? 0.75 : 0.9) * latency);
            layer(&r, 1, "fc2", simd ? "kn_gemm__avx2" : "kn_gemm__ref", "dense", (c ? 0.25 : 0.1) * latency);
            r.speedup_simd_vs_ref = simd ? 8.0 : NAN;
            FAKE_OK(record_ledger_alloc(&r, 2));
            FAKE_OK(record_set(&r.ledger[0].stage, "fp32"));
            FAKE_OK(record_set(&r.ledger[1].stage, "integer"));
            r.ledger[0].accuracy = 0.9;
            r.ledger[1].accuracy = c ? 0.8985 : 0.9;
            r.ledger[1].flips = c ? 37 : 0;
            fake_append(dir, &r);
            record_free(&r);
        }
    small_record(&r, "prune-u90", "pruned", "simd", 1.0, 1.0);
    FAKE_OK(record_set(&r.status, "failed"));
    FAKE_OK(record_set(&r.reason, "training diverged at step 7"));
    fake_append(dir, &r);
    record_free(&r);
    small_record(&r, "qat-s8", "qat", "simd", 1.0, 99.0);
    FAKE_OK(record_set(&r.status, "mismatch"));
    FAKE_OK(record_set(&r.reason, "output differs from the reference"));
    fake_append(dir, &r);
    record_free(&r);
    snprintf(path, sizeof path, "%s/env.json", dir);
    FAKE_OK(file_write_atomic(path, fake_env, strlen(fake_env)));
}

static void compare_golden(const char *name, const char *text)
{
    char path[128];
    unsigned char *golden = NULL;
    size_t len;

    snprintf(path, sizeof path, "tests/golden/report/%s", name);
    if (getenv("PACKLIGHT_UPDATE_GOLDEN")) {
        FAKE_OK(file_make_dirs("tests/golden/report"));
        FAKE_OK(file_write_atomic(path, text, strlen(text)));
    }
    FAKE_OK(file_read(path, 0, &golden, &len));
    if (strcmp((const char *)golden, text) != 0) {
        size_t at = 0;
        while (golden[at] && (char)golden[at] == text[at])
            at++;
        fail_msg("%s differs from byte %zu: '%.60s' instead of '%.60s'", path, at, text + at,
                 (const char *)golden + at);
    }
    free(golden);
}

static void test_golden(void **state)
{
    static const struct {
        const char *form, *file;
        int width, colour;
    } forms[] = {
        {"terminal", "terminal-120.txt", 120, 0},
        {"terminal", "terminal-80.txt", 80, 0},
        {"terminal", "terminal-colour.txt", 120, 1},
        {"md", "report.md", 120, 0},
        {"csv", "report.csv", 120, 0},
        {"json", "report.json", 120, 0},
        {"jsonl", "report.jsonl", 120, 0},
        {"tex", "report.tex", 120, 0},
    };
    (void)state;

    small_run();
    open_report(NULL);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *once = rendered(forms[i].form, forms[i].width, forms[i].colour),
             *twice = rendered(forms[i].form, forms[i].width, forms[i].colour);
        assert_string_equal(once, twice);
        compare_golden(forms[i].file, once);
        free(once);
        free(twice);
    }
    close_report();
}

/* No time of a wrong or failed cell stands anywhere in the tables. */
static void test_no_time_for_wrong(void **state)
{
    struct grid grid;
    int simd, verdict, speed;
    (void)state;

    small_run();
    open_report(NULL);
    assert_int_equal(report.ok, 4);
    assert_int_equal(report.failed, 1);
    assert_int_equal(report.mismatch, 1);
    tables_headline(&report, &report.model[0], &grid);
    simd = grid_find(&grid, "latency SIMD");
    speed = grid_find(&grid, "speed-up vs FP32 SIMD");
    verdict = grid_find(&grid, "expected figures");
    assert_int_equal(grid.rows, 4);
    assert_string_equal(grid_at(&grid, 0, simd), "24.0");
    assert_string_equal(grid_at(&grid, 1, simd), "16.0");
    assert_string_equal(grid_at(&grid, 2, simd), "–");
    assert_string_equal(grid_at(&grid, 3, simd), "–");
    assert_string_equal(grid_at(&grid, 3, speed), "–");
    assert_string_equal(grid_at(&grid, 0, verdict), "baseline");
    assert_string_equal(grid_at(&grid, 1, verdict), "not reached");
    assert_string_equal(grid_at(&grid, 2, verdict), "failed");
    assert_string_equal(grid_at(&grid, 3, verdict), "mismatch");
    grid_free(&grid);
    tables_matrix(&report, &report.model[0], &grid);
    assert_int_equal(grid.rows, 6);
    assert_string_equal(grid_at(&grid, 5, grid_find(&grid, "latency per inference")), "–");
    assert_string_equal(grid_at(&grid, 4, grid_find(&grid, "reason, notes")), "training diverged at step 7");
    grid_free(&grid);
    close_report();
}

/* ------------------------------------------------------------------------------------------- verdicts */

static enum verdict_kind judged(const char *family, double size, double speed, double delta, const char *word)
{
    struct record r;
    struct verdict v;
    enum verdict_kind kind;

    small_record(&r, "x", family, "simd", 1000.0, speed);
    r.size_ratio = size;
    r.accuracy_delta_pp = delta;
    FAKE_OK(verdict_make(&r, NULL, &v));
    kind = v.kind;
    if (word && (!v.because || !strstr(v.because, word)))
        fail_msg("'%s' does not say '%s'", v.because ? v.because : "", word);
    if (!word)
        assert_null(v.because);
    verdict_free(&v);
    record_free(&r);
    return kind;
}

static void test_verdicts(void **state)
{
    (void)state;
    /* Each limit from both sides. */
    assert_int_equal(judged("ptq", 3.9, 2.0, -1.0, NULL), VERDICT_REACHED);
    assert_int_equal(judged("ptq", 3.899, 2.0, -1.0, "3.90× smaller where 4×"), VERDICT_MISSED);
    assert_int_equal(judged("ptq", 3.9, 1.99, -1.0, "1.99× as fast where 2×"), VERDICT_MISSED);
    assert_int_equal(judged("ptq", 3.9, 2.0, -1.01, "1.01 pp lost where at most 1"), VERDICT_MISSED);
    assert_int_equal(judged("qat", 4.0, 2.0, -0.49, NULL), VERDICT_REACHED);
    assert_int_equal(judged("qat", 4.0, 2.0, -0.50, "0.50 pp lost where less than 0.5"), VERDICT_MISSED);
    assert_int_equal(judged("pruned", 2.0, 1.0, -0.99, NULL), VERDICT_REACHED);
    assert_int_equal(judged("pruned", 1.99, 1.0, -0.99, "1.99× smaller"), VERDICT_MISSED);
    assert_int_equal(judged("pruned", 2.0, 1.0, -1.0, "less than 1"), VERDICT_MISSED);
    assert_int_equal(judged("combined", 20.0, 5.0, -1.99, NULL), VERDICT_REACHED);
    assert_int_equal(judged("combined", 19.9, 4.9, -2.0, "4.90× as fast"), VERDICT_MISSED);
    assert_int_equal(judged("ptq", 4.0, 1.9, 0.0, "the interval"), VERDICT_MISSED); /* 1.9 ± 0.125 includes 2 */
    /* What is not recorded is not judged, and never reached. */
    assert_int_equal(judged("ptq", 4.0, NAN, 0.0, "no speed-up recorded"), VERDICT_OPEN);
    assert_int_equal(judged("ptq", 4.0, 2.0, NAN, "no accuracy"), VERDICT_OPEN);
    assert_int_equal(judged("novel", 4.0, 2.0, 0.0, "no expectation"), VERDICT_OPEN);
    assert_int_equal(judged("fp32", 1.0, 1.0, 0.0, NULL), VERDICT_BASELINE);
}

/* By hand: fc1 goes from 21.6 to 12 µs (1.8×), fc2 from 2.4 to 4 µs (0.6×). For 2×, fc1 is 1.2 µs too slow and fc2 2.8:
 * fc2 is named, with a quarter of the time. */
static void test_because(void **state)
{
    const struct verdict *v;
    (void)state;

    small_run();
    open_report(NULL);
    v = &report.model[0].row[1].verdict;
    assert_int_equal(v->kind, VERDICT_MISSED);
    assert_int_equal(v->size, 1);
    assert_int_equal(v->speed, 0);
    assert_int_equal(v->accuracy, 1);
    assert_string_equal(
        v->because,
        "1.50× as fast where 2× is expected, because fc2 takes 25 % of the time and gains only 0.60× (dense)");
    close_report();
}

/* ------------------------------------------------------------------------------------------ hostile names */

static const char hostile[] = "a|b`touch /tmp/owned`\"c'\n<script>@x $(id) \\ END_OF_DATA \x1b[31m*_[l](u)";

static void test_hostile(void **state)
{
    struct record r;
    char *text;
    int columns = 0;
    (void)state;

    fake_record(&fake_models[0], &fake_few[0], 1, 1, &r);
    FAKE_OK(record_set(&r.model, hostile));
    FAKE_OK(record_set(&r.cell, hostile));
    fake_append(dir, &r);
    FAKE_OK(record_set(&r.cell, "other"));
    FAKE_OK(record_set(&r.config, hostile));
    FAKE_OK(record_set(&r.family, hostile));
    FAKE_OK(record_set(&r.kernels[0].name, hostile));
    FAKE_OK(record_set(&r.kernels[0].reason, hostile));
    FAKE_OK(record_set(&r.ledger[0].stage, hostile));
    fake_append(dir, &r);
    FAKE_OK(record_set(&r.cell, "third"));
    FAKE_OK(record_set(&r.status, hostile));
    FAKE_OK(record_set(&r.reason, hostile));
    fake_append(dir, &r);
    record_free(&r);
    open_report(NULL);

    text = rendered("md", 120, 0);
    assert_null(strstr(text, "<script>"));
    assert_null(strstr(text, "a|b"));
    for (const char *at = strchr(text, '`'); at; at = strchr(at + 1, '`'))
        assert_int_equal(at[-1], '\\');
    assert_null(strchr(text, '\x1b'));
    /* Every row of a table has as many unescaped bars as its header. */
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int bars = 0;
        for (char *at = line; *at; at++)
            bars += *at == '|' && (at == line || at[-1] != '\\');
        if (*line != '|')
            columns = 0;
        else if (columns == 0)
            columns = bars;
        else
            assert_int_equal(bars, columns);
    }
    free(text);

    text = rendered("csv", 120, 0);
    assert_non_null(strstr(text, "\"a|b`touch /tmp/owned`\"\"c' <script>@x $(id) \\ END_OF_DATA  [31m*_[l](u)\""));
    free(text);
    text = rendered("terminal", 80, 0);
    assert_null(strchr(text, '\x1b'));
    free(text);
    text = rendered("json", 120, 0);
    {
        struct json doc;
        FAKE_OK(json_parse("report.json", text, strlen(text), &doc));
        json_free(&doc);
    }
    free(text);
    close_report();
}

/* ------------------------------------------------------------------------------------------- the rest */

static void test_widths(void **state)
{
    char *text;
    (void)state;

    fake_run(dir, 1);
    open_report(NULL);
    for (int width = 60; width <= 160; width += 20) {
        text = rendered("terminal", width, 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
            /* Single words and the tables of facts may be longer than a very narrow terminal. */
            if (text_columns(line) > width)
                fail_msg("%d columns instead of %d: %s", text_columns(line), width, line);
        }
        free(text);
    }
    text = rendered("md", 120, 0);
    assert_true(strlen(text) < 65536);
    assert_non_null(strstr(text, "Energy proxy vs FP32 (H45 model, ×)"));
    assert_non_null(strstr(text, report.energy_note));
    free(text);
    close_report();
}

static void test_filter(void **state)
{
    struct report other;
    (void)state;

    fake_run(dir, 0);
    open_report("other/*,lenet5/*s8/simd/*");
    assert_int_equal(report.models, 1);
    assert_string_equal(report.model[0].name, "lenet5");
    assert_string_equal(report.model[0].row[0].config, "fp32"); /* the base stays */
    assert_int_equal(report.model[0].rows, 6);
    assert_ptr_equal(report.model[0].row[1].fp32_simd, report.model[0].row[0].simd);
    assert_int_equal(report_make(&records, "nothing*", &other), ST_BADARG);
    assert_non_null(strstr(status_message(), "nothing*"));
    close_report();
}

static void test_seeds(void **state)
{
    struct record r;
    (void)state;

    for (int seed = 1; seed <= 3; seed++) {
        fake_record(&fake_models[0], &fake_few[2], 1, 1, &r);
        r.seed = seed;
        r.accuracy_top1 = 0.8 + 0.01 * seed;
        FAKE_OK(record_setf(&r.cell, "cell/s%d", seed));
        fake_append(dir, &r);
        record_free(&r);
    }
    open_report(NULL);
    assert_int_equal(report.model[0].rows, 1);
    assert_int_equal(report.model[0].repeats, 2);
    assert_int_equal(report.model[0].row[0].main->seed, 1);
    assert_null(report.model[0].row[0].fp32_simd); /* no FP32 at all: nothing breaks */
    close_report();
}

static void test_numbers(void **state)
{
    char b[32];
    const double pair[2] = {1.0234, 11.96};
    (void)state;

    assert_string_equal(format_sig(0.012345, 3, b), "0.0123");
    assert_string_equal(format_sig(9.996, 3, b), "10.0");
    assert_string_equal(format_sig(1234.5, 3, b), "1230");
    assert_string_equal(format_sig(99.95, 2, b), "100");
    assert_string_equal(format_sig(7.94, 2, b), "7.9");
    assert_string_equal(format_sig(NAN, 3, b), "–");
    assert_string_equal(format_sig(1e300, 3, b), "–");
    assert_string_equal(format_signed(-0.004, 2, b), "0.00");
    assert_string_equal(format_signed(0.5, 2, b), "+0.50");
    assert_string_equal(format_p(0.00099, b), "<0.001");
    assert_string_equal(format_p(0.0421, b), "0.042");
    assert_string_equal(format_count(RECORD_NONE, b), "–");
    assert_string_equal(format_range(pair, 3, b), "1.02–12.0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_golden, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_no_time_for_wrong, make_dir, drop_dir),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test_setup_teardown(test_because, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_hostile, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_widths, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_filter, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_seeds, make_dir, drop_dir),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
