/* Pages: escaping, what columns sort by, pictures, the page of a run in full (golden, hostile names, no models' worth
 * of rows, many), nothing that reaches outside. */
#include "report_fake.h"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "report/choose.h"
#include "report/emit.h"
#include "report/health.h"
#include "report/html.h"
#include "report/plots.h"
#include "report/tables_page.h"
#include "report/tex.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void drop_files(const char *folder)
{
    DIR *open = opendir(folder);
    struct dirent *entry;

    while (open && (entry = readdir(open))) {
        char path[512];
        snprintf(path, sizeof path, "%s/%.200s", folder, entry->d_name);
        unlink(path);
    }
    if (open)
        closedir(open);
    rmdir(folder);
}

static int drop_dir(void **state)
{
    char plots[96];
    (void)state;
    snprintf(plots, sizeof plots, "%s/plots", dir);
    drop_files(plots);
    drop_files(dir);
    return 0;
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

static char *taken(struct text *text)
{
    char *bytes = text->bytes;

    assert_non_null(bytes);
    assert_int_equal(text->failed, 0);
    *text = (struct text){0};
    return bytes;
}

static char *rendered(const char *form, const struct plots *plots)
{
    struct text text = {0};
    struct emit_options options = {.width = 120, .plots = plots};

    emit_find(form)->emit(&report, &options, &text);
    return taken(&text);
}

static size_t times(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        n++;
    return n;
}

/* ------------------------------------------------------------------------------------------- pieces */

static void expect_html(const char *raw, const char *escaped)
{
    struct text text = {0};
    char *bytes;

    text_add(&text, "");
    text_add_html(&text, raw);
    bytes = taken(&text);
    assert_string_equal(bytes, escaped);
    free(bytes);
}

static void test_escape(void **state)
{
    (void)state;
    expect_html(NULL, "");
    expect_html("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;");
    expect_html("\" onload=\"x&y", "&quot; onload=&quot;x&amp;y");
    expect_html("größe, 语", "größe, 语");
    expect_html("a\x01"
                "b\xff\xc2\x85",
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd\xef\xbf\xbd");
    expect_html("95 % CI", "95\xc2\xa0% CI");
}

/* RFC 4648, section 10. */
static void test_base64(void **state)
{
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct text text = {0};
        char *bytes;
        text_add_base64(&text, vectors[i][0], strlen(vectors[i][0]));
        bytes = taken(&text);
        assert_string_equal(bytes, vectors[i][1]);
        free(bytes);
    }
}

static void sorts_by(const char *text, double value)
{
    double found = NAN;

    if (!html_sort_value(text, &found) || !(fabs(found - value) <= 2e-6 * fabs(value)))
        fail_msg("'%s' sorts by %g, expected %g", text, found, value);
}

static void test_sort_values(void **state)
{
    static const char *const words[] = {"",      "–",   "prune-u90", "ok", "4x4",           "0x10",
                                        "12 ab", "nan", "inf",       "-",  "1 % zeros, no", "dense: 3"};
    double value;
    (void)state;
    sorts_by("24.0", 24.0);
    sorts_by("+0.50", 0.5);
    sorts_by("-0.08", -0.08);
    sorts_by("−0.08", -0.08);
    sorts_by("1.02–1.08", 1.02);
    sorts_by("-0.50 … +0.16", -0.5);
    sorts_by("90.84 (37)", 90.84);
    sorts_by("<0.001", 0.001);
    sorts_by("99 ns", 99e-9);
    sorts_by("1.5 ms", 1.5e-3);
    sorts_by("230 µs", 230e-6);
    sorts_by("1066.5 kB", 1066500);
    sorts_by("3.96×", 3.96);
    sorts_by("89.9 %", 89.9);
    sorts_by("1.5–2.0 ms", 1.5e-3);
    sorts_by("9.5*", 9.5);
    /* Just below its bound, above everything smaller. */
    assert_true(html_sort_value("<0.001", &value) && value < 0.001 && value > 0.000998);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (html_sort_value(words[i], &value))
            fail_msg("'%s' is no number, but sorts by %g", words[i], value);
}

static void test_grid(void **state)
{
    struct html page;
    struct grid grid;
    struct text text = {0};
    char *bytes;
    (void)state;

    grid_begin(&grid, "A & B");
    grid_column(&grid, "name", GRID_LEFT, 0);
    grid_column(&grid, "time|µs", GRID_RIGHT, 0);
    grid_column(&grid, "flips", GRID_LEFT, 0);
    grid_column(&grid, "word", GRID_LEFT, 0);
    grid_row(&grid);
    grid_cell(&grid, GRID_PLAIN, "<b>");
    grid_cell(&grid, GRID_BAD, "1.5–2.0 ms");
    grid_cell(&grid, GRID_PLAIN, "90 (3)");
    grid_cell(&grid, GRID_GOOD, "3 of 4");
    grid_note(&grid, "a <note>");
    html_begin(&page, "t<i>tle");
    html_section(&page, "one", "One");
    html_grid(&page, &grid, 0);
    html_footnote(&page, "said once");
    html_footnote(&page, "said & twice");
    html_footnote(&page, "said once");
    html_end(&page, &text);
    grid_free(&grid);
    bytes = taken(&text);
    assert_non_null(strstr(bytes, "<title>t&lt;i&gt;tle</title>"));
    assert_non_null(strstr(bytes, "<h3>A &amp; B</h3>"));
    assert_non_null(strstr(bytes, "<th scope=\"col\" class=\"n\">time <span class=\"unit\">µs</span></th>"));
    assert_non_null(strstr(bytes,
                           "<th scope=\"row\">&lt;b&gt;</th><td class=\"n bad\" data-sort=\"0.0015\">1.5–2.0 ms</td>"
                           "<td class=\"n\">90 (3)</td><td class=\"good\">3 of 4</td>"));
    assert_non_null(strstr(bytes, "a &lt;note&gt;"));
    assert_int_equal(times(bytes, "<li id=\"note-"), 2);
    assert_int_equal(times(bytes, "href=\"#note-1\""), 2);
    free(bytes);
}

/* Pictures past the page's limit are left out, with a word. */
static void test_pictures(void **state)
{
    struct html page;
    struct text text = {0};
    size_t len = HTML_PICTURE_BYTES / 2;
    char *svg = calloc(1, len), *bytes;
    (void)state;

    assert_non_null(svg);
    html_begin(&page, "pictures");
    html_section(&page, "one", "One");
    assert_int_equal(html_svg(&page, svg, len, "plots/a", "what \"it\" shows", "first"), 1);
    assert_int_equal(html_svg(&page, svg, len, "plots/b", "alt", "second"), 0);
    assert_int_equal(html_svg(&page, svg, 9, "plots/c", "alt", "third"), 1);
    assert_int_equal(html_svg(&page, NULL, 0, NULL, "alt", "fourth"), 0);
    html_end(&page, &text);
    free(svg);
    bytes = taken(&text);
    assert_int_equal(times(bytes, "<img "), 2);
    assert_non_null(strstr(bytes, "alt=\"what &quot;it&quot; shows\""));
    assert_non_null(strstr(bytes, "second (Not in this page, to keep it small.)"));
    assert_non_null(strstr(bytes, "fourth (No picture: it was not drawn.)"));
    free(bytes);
}

/* ------------------------------------------------------------------------------------------- choosing */

static void test_choose(void **state)
{
    const struct report_model *model;
    const struct report_row **row = NULL;
    struct grid grid;
    (void)state;

    fake_run(dir, 0);
    open_report("lenet5/*");
    model = &report.model[0];
    /* The fastest and smallest recipe loses 1.05 pp and a bit. */
    assert_string_equal(choose_best(model, 5.0, CHOOSE_FASTEST)->config, "prune-c50+prune-u80+qat-s8");
    assert_string_equal(choose_best(model, 1.0, CHOOSE_FASTEST)->config, "prune-u90+qat-s8");
    assert_string_equal(choose_best(model, 1.0, CHOOSE_CHEAPEST)->config, "prune-u90+qat-s8");
    assert_string_equal(choose_best(model, -0.01, CHOOSE_SMALLEST)->config, "qat-s8"); /* the only one that gains */
    assert_null(choose_best(model, -3.0, CHOOSE_FASTEST));
    /* qat-s8 is better than ptq-s8 and ptq-dyn-s8 in everything. */
    tables_optimal(&report, model, &grid, &row);
    assert_int_equal(grid.rows, 3);
    assert_string_equal(row[0]->config, "qat-s8");
    assert_string_equal(row[1]->config, "prune-u90+qat-s8");
    assert_string_equal(grid_at(&grid, 2, 0), "prune-c50+prune-u80+qat-s8");
    free(row);
    grid_free(&grid);
    close_report();
}

static void test_health(void **state)
{
    struct health health;
    struct text text = {0};
    struct record r;
    char *words;
    (void)state;

    fake_run(dir, 0);
    open_report(NULL);
    health_find(&report, &health);
    assert_int_equal(health.level, HEALTH_DOUBTFUL); /* env.json has a warning */
    assert_int_equal(health.warnings, 1);
    health_say(&report, &health, &text);
    words = taken(&text);
    assert_non_null(strstr(words, "48 of 48 cells ran right; 1 warning about the machine or the build."));
    free(words);
    close_report();
    fake_record(&fake_models[0], &fake_few[1], 1, 1, &r);
    FAKE_OK(record_set(&r.status, "mismatch"));
    fake_append(dir, &r);
    record_free(&r);
    open_report(NULL);
    health_find(&report, &health);
    assert_int_equal(health.level, HEALTH_BAD);
    assert_string_equal(health_word(health.level), "do not trust");
    close_report();
}

/* ------------------------------------------------------------------------------------------- whole pages */

/* From the body to the script: style and script are files of their own, the policy is made from them. */
static void compare_golden(char *page)
{
    static const char path[] = "tests/golden/report/report-body.html";
    char *body = strstr(page, "<body>"), *end = strstr(page, "<script>");
    unsigned char *golden = NULL;
    size_t len, at = 0;

    assert_true(body && end && body < end);
    *end = 0;
    if (getenv("PACKLIGHT_UPDATE_GOLDEN"))
        FAKE_OK(file_write_atomic(path, body, strlen(body)));
    FAKE_OK(file_read(path, 0, &golden, &len));
    while (golden[at] && (char)golden[at] == body[at])
        at++;
    if ((char)golden[at] != body[at])
        fail_msg("%s differs from byte %zu: '%.60s' instead of '%.60s'", path, at, body + at, (char *)golden + at);
    free(golden);
}

static void test_golden(void **state)
{
    char *once, *twice;
    (void)state;

    fake_run(dir, 0);
    open_report("lenet5/*/simd/t1/b1,lenet5/fp32/*,lenet5/ptq-s8/*");
    once = rendered("html", NULL);
    twice = rendered("html", NULL);
    assert_string_equal(once, twice);
    compare_golden(once);
    free(once);
    free(twice);
    close_report();
}

static const char hostile[] =
    "a|b`id`\"c'\n<script>alert(1)</script>\\end{table}$x_{1}$ %x #~^ --- 语 \x1b[31m\x80 </style>";

/* Names from files never become markup; nothing in the page refers to a network. */
static void test_hostile(void **state)
{
    struct record r;
    char *text;
    (void)state;

    fake_record(&fake_models[0], &fake_few[0], 1, 1, &r);
    FAKE_OK(record_set(&r.model, hostile));
    FAKE_OK(record_set(&r.cell, hostile));
    FAKE_OK(record_set(&r.kernels[0].name, hostile));
    FAKE_OK(record_set(&r.ledger[0].stage, hostile));
    FAKE_OK(record_set(&r.notes, hostile));
    fake_append(dir, &r);
    FAKE_OK(record_set(&r.cell, "second"));
    FAKE_OK(record_set(&r.config, hostile));
    FAKE_OK(record_set(&r.family, hostile));
    fake_append(dir, &r);
    FAKE_OK(record_set(&r.cell, "third"));
    FAKE_OK(record_set(&r.status, hostile));
    FAKE_OK(record_set(&r.reason, hostile));
    fake_append(dir, &r);
    record_free(&r);
    open_report(NULL);
    text = rendered("html", NULL);
    assert_int_equal(times(text, "<script"), 1);
    assert_int_equal(times(text, "</script"), 1);
    assert_int_equal(times(text, "</style"), 1);
    assert_null(strchr(text, '\x1b'));
    assert_null(strstr(text, "http:"));
    assert_null(strstr(text, "https:"));
    assert_null(strstr(text, "url("));
    assert_null(strstr(text, "@import"));
    assert_int_equal(times(text, "<tr"), times(text, "</tr>"));
    assert_int_equal(times(text, "<td"), times(text, "</td>"));
    assert_int_equal(times(text, "<section"), times(text, "</section>"));
    assert_int_equal(times(text, "<details"), times(text, "</details>"));
    free(text);
    text = rendered("tex", NULL);
    assert_null(strstr(text, "\\end{table}$"));
    assert_int_equal(times(text, "\\begin{table}"), 1);
    assert_int_equal(times(text, "\\end{table}"), 1);
    assert_non_null(strstr(text, "\\textbackslash{}end\\{table\\}\\$x\\_\\{1\\}\\$"));
    assert_non_null(strstr(text, "[U+8BED]"));
    for (const char *at = text; *at; at++)
        assert_true((unsigned char)*at >= 0x20 || *at == '\n');
    free(text);
    close_report();
}

/* A run in which nothing ran, and one without accuracies or FP32. */
static void test_bare(void **state)
{
    struct record r;
    char *text;
    (void)state;

    fake_record(&fake_models[0], &fake_few[1], 1, 1, &r);
    FAKE_OK(record_set(&r.status, "failed"));
    fake_append(dir, &r);
    open_report(NULL);
    text = rendered("html", NULL);
    assert_non_null(strstr(text, "do not trust"));
    assert_non_null(strstr(text, "no cell ran"));
    assert_non_null(strstr(text, "env.json is missing"));
    free(text);
    free(rendered("tex", NULL));
    close_report();
    FAKE_OK(record_set(&r.status, "ok"));
    r.accuracy_top1 = r.accuracy_delta_pp = r.energy_proxy_ratio = r.speedup_vs_fp32_simd = NAN;
    fake_append(dir, &r);
    record_free(&r);
    open_report(NULL);
    text = rendered("html", NULL);
    assert_non_null(strstr(text, "No accuracy was measured"));
    assert_null(strstr(text, "nan"));
    free(text);
    close_report();
}

/* Wherever a form shows the energy proxy it says what that is. */
static void test_energy_label(void **state)
{
    (void)state;

    fake_run(dir, 0);
    open_report(NULL);
    for (int i = 0; emit_at(i); i++) {
        char *text;
        if (!emit_at(i)->emit) /* a form of comparisons alone */
            continue;
        text = rendered(emit_at(i)->name, NULL);
        if (strcmp(emit_at(i)->name, "csv") == 0) {
            assert_true(times(text, ",energy_") > 0);
            assert_int_equal(times(text, ",energy_"), times(text, ",modelled\r\n"));
        } else if (strcmp(emit_at(i)->name, "golden") != 0) {
            /* A terminal wraps the sentence. */
            for (char *at = text; *at; at++)
                if (*at == '\n')
                    *at = ' ';
            for (char *two = strstr(text, "  "); two; two = strstr(two, "  "))
                memmove(two, two + 1, strlen(two));
            if (!strstr(text, "not a measurement of this"))
                fail_msg("%s shows an energy proxy without saying that it is modelled", emit_at(i)->name);
        }
        free(text);
    }
    close_report();
}

/* 200 cells with their pictures: the page stays below 3 MB. The time is printed, and decides nothing. */
static void test_many(void **state)
{
    static const int batches[] = {1, 1, 8, 16, 32};
    size_t few = sizeof fake_few / sizeof *fake_few, more = sizeof fake_more / sizeof *fake_more;
    struct plots plots = {NULL, 0};
    struct timespec from, to;
    char folder[96], *text;
    enum status st;
    (void)state;

    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < few + more; i++)
            for (int variant = 0; variant < 5; variant++) {
                struct record r;
                fake_record(&fake_models[m], i < few ? &fake_few[i] : &fake_more[i - few], variant > 0,
                            batches[variant], &r);
                fake_append(dir, &r);
                record_free(&r);
            }
    clock_gettime(CLOCK_MONOTONIC, &from);
    open_report(NULL);
    assert_int_equal(report.cells, 200);
    FAKE_OK(plots_make(&report, &plots));
    snprintf(folder, sizeof folder, "%s/plots", dir);
    FAKE_OK(plots_write(&plots, folder));
    st = plots_render(&plots, folder);
    if (st == ST_OK)
        FAKE_OK(plots_load(&plots, folder));
    else
        assert_int_equal(st, ST_SKIP);
    text = rendered("html", &plots);
    clock_gettime(CLOCK_MONOTONIC, &to);
    print_message("200 cells: %zu bytes, %zu pictures, %.2f s\n", strlen(text), times(text, "<img "),
                  (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec));
    assert_true(strlen(text) < 3000000);
    assert_int_equal(times(text, "<img "), st == ST_OK ? plots.n : 0);
    free(text);
    plots_free(&plots);
    close_report();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_sort_values),
        cmocka_unit_test(test_grid),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test_setup_teardown(test_choose, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_health, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_golden, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_hostile, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_bare, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_energy_label, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_many, make_dir, drop_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
