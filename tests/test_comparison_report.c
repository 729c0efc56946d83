/* The forms and plots of a comparison: what stands first, what fits, what machines read, plotted values equal to the
 * tables, golden files. With a folder as argument: writes invented comparisons there, to look at. */
#include <sys/stat.h>
#include <unistd.h>

#include "pairs_fake.h"

#include "report/comparison_emit.h"
#include "report/comparison_plots.h"
#include "report/comparison_tables.h"
#include "report/pairs.h"
#include "script_block.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
    static const char *const names[] = {"verdict.json", "verdicts.jsonl", "env.json", "pairs.jsonl", "x.xml"};
    char path[128];
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static struct comparison comparison;
static struct comparison_view view;

static void open_view(int n, enum fake_mood mood)
{
    char path[128];

    fake_comparison(&comparison, n, mood);
    FAKE_OK(comparison_save(&comparison, dir));
    snprintf(path, sizeof path, "%s/env.json", dir);
    FAKE_OK(file_write_atomic(path, fake_env, strlen(fake_env)));
    comparison_free(&comparison);
    FAKE_OK(comparison_load(dir, &comparison));
    FAKE_OK(comparison_view_make(&comparison, NULL, &view));
    snprintf(view.run, sizeof view.run, "fake");
}

static void close_view(void)
{
    comparison_view_free(&view);
    comparison_free(&comparison);
}

static char *rendered(const char *form)
{
    struct emit_options options = {100, 0, NULL};
    struct text text = {0};
    char *bytes;
    size_t len;

    emit_find(form)->emit_comparison(&view, &options, &text);
    FAKE_OK(text_take(&text, &bytes, &len));
    return bytes;
}

static int begins(const char *text, const char *words)
{
    return strncmp(text, words, strlen(words)) == 0;
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

/* ------------------------------------------------------------------------------------------ people */

static void test_order(void **state)
{
    (void)state;

    open_view(200, FAKE_MIXED);
    assert_int_equal(view.gated.n, 200);
    assert_true(view.changed.n > 8 && view.open.n > 8);
    for (size_t i = 1; i < view.changed.n; i++) {
        const struct comparison_row *a = view.changed.row[i - 1], *b = view.changed.row[i];
        if (strcmp(a->verdict, b->verdict) == 0 && isfinite(a->ratio))
            assert_true(fabs(log(a->ratio)) >= fabs(log(b->ratio)));
        assert_false(comparison_says(a, "improved") && comparison_says(b, "regressed"));
        assert_false(comparison_says(b, "incorrect") && !comparison_says(a, "incorrect"));
    }
    close_view();
}

static void test_terminal(void **state)
{
    char *text;
    (void)state;

    open_view(60, FAKE_MIXED); /* a wrong output outweighs what is slower */
    text = rendered("terminal");
    assert_true(begins(text, "Incorrect: 1 of 60 gated cells gives wrong outputs: 1 incorrect, 3 slower"));
    assert_non_null(strstr(text, "Exit code 5."));
    assert_true(strstr(text, "What changed") < strstr(text, "Not decided"));
    assert_null(strstr(text, "All gated cells"));
    assert_null(strchr(text, '\x1b'));
    for (const char *at = text; *at;) { /* commands to copy are not broken, and no other line is too wide */
        char line[1024];
        size_t len = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)len, at);
        assert_true(text_columns(line) <= 100 || strstr(line, "packlight compare"));
        at += len + (at[len] == '\n');
    }
    free(text);
    view.all = view.forest = 1;
    text = rendered("terminal");
    assert_non_null(strstr(text, "All gated cells"));
    assert_non_null(strstr(text, "▲"));
    free(text);
    close_view();

    open_view(60, FAKE_CALM);
    text = rendered("terminal");
    assert_true(begins(text, "Pass: none of 60 gated cells is slower"));
    assert_null(strstr(text, "What changed"));
    free(text);
    close_view();
}

static void test_health(void **state)
{
    (void)state;

    open_view(60, FAKE_CALM);
    assert_int_equal(comparison_health(&view), HEALTH_GOOD);
    comparison.head.attempt = 3;
    assert_int_equal(comparison_health(&view), HEALTH_DOUBTFUL);
    comparison.head.attempt = 1;
    comparison.head.rounds_dropped = comparison.head.rounds_kept;
    assert_int_equal(comparison_health(&view), HEALTH_DOUBTFUL);
    for (size_t i = 0; i < comparison.rows; i++) /* an alarm where nothing changed */
        if (strcmp(comparison.row[i].role, "sentinel-aa") == 0)
            FAKE_OK(record_set(&comparison.row[i].verdict, "regressed"));
    assert_int_equal(comparison_health(&view), HEALTH_BAD);
    close_view();
}

static void test_markdown(void **state)
{
    static const enum fake_mood moods[] = {FAKE_MIXED, FAKE_BAD, FAKE_HOLES};
    (void)state;

    for (size_t i = 0; i < sizeof moods / sizeof *moods; i++) {
        char *text;
        open_view(320, moods[i]);
        text = rendered("md");
        assert_true(strlen(text) < 65536);
        assert_true(strstr(text, "What changed") < strstr(text, "<details>"));
        assert_int_equal(count(text, "<details>"), count(text, "</details>"));
        assert_null(strstr(text, "<svg"));
        free(text);
        close_view();
    }
}

/* ------------------------------------------------------------------------------------------ machines */

static void test_csv(void **state)
{
    char *text, *again;
    size_t line = 0;
    (void)state;

    open_view(60, FAKE_MIXED);
    text = rendered("csv");
    assert_true(begins(text, "run,cell,metric,unit,value,lo,hi,n,verdict\r\n"));
    for (const char *at = text; *at; line++) {
        size_t len = strcspn(at, "\r"), commas = 0;
        for (size_t i = 0; i < len; i++)
            commas += at[i] == ',';
        assert_int_equal(commas, 8);
        at += len + 2;
    }
    assert_true(line > 600);
    assert_non_null(strstr(text, "fake,lenet5/fp32/simd/t1/b1,latency/ratio,x,"));
    assert_non_null(strstr(text, ",sentinel-aa/latency/ratio,x,"));
    again = rendered("csv");
    assert_string_equal(text, again);
    free(again);
    free(text);
    close_view();
}

static void test_junit(void **state)
{
    char *text, path[128], command[256];
    (void)state;

    open_view(200, FAKE_MIXED);
    FAKE_OK(record_set(&comparison.row[0].reason, "<&\"']]>\x01\xff\xef\xbf\xbf"));
    text = rendered("junit");
    assert_int_equal(count(text, "<testcase "), 200);
    assert_int_equal(count(text, "<failure "), (size_t)comparison.head.regressed);
    assert_int_equal(count(text, "<error "), (size_t)comparison.head.incorrect);
    assert_int_equal(count(text, "<skipped "), (size_t)(comparison.head.inconclusive + comparison.head.not_comparable));
    assert_int_equal(count(text, "<testsuite "), 5);
    assert_non_null(strstr(text, "MDE "));
    assert_null(strstr(text, "\xef\xbf\xbf"));
    if (access("/usr/bin/xmllint", X_OK) == 0) {
        snprintf(path, sizeof path, "%s/x.xml", dir);
        FAKE_OK(file_write_atomic(path, text, strlen(text)));
        snprintf(command, sizeof command, "xmllint --noout %s", path);
        assert_int_equal(system(command), 0);
    }
    free(text);
    close_view();
}

static void test_gab(void **state)
{
    struct json doc;
    const cJSON *item;
    char *text;
    int n = 0;
    (void)state;

    open_view(200, FAKE_MIXED);
    text = rendered("gab");
    FAKE_OK(json_parse("gab", text, strlen(text), &doc));
    cJSON_ArrayForEach (item, doc.root) {
        const char *name = cJSON_GetObjectItem(item, "name")->valuestring;
        const struct comparison_row *row = comparison_find(&comparison, name, "latency", "gated");
        assert_non_null(row);
        assert_true(cJSON_GetObjectItem(item, "value")->valuedouble == row->ratio);
        assert_false(comparison_says(row, "inconclusive") || comparison_says(row, "not-comparable"));
        assert_true(begins(cJSON_GetObjectItem(item, "range")->valuestring, "± "));
        n++;
    }
    assert_int_equal(n, comparison.head.regressed + comparison.head.improved + comparison.head.no_change);
    json_free(&doc);
    free(text);
    close_view();
    open_view(0, FAKE_MIXED);
    text = rendered("gab");
    assert_string_equal(text, "[]\n");
    free(text);
    close_view();
}

static void test_annotations(void **state)
{
    char *text;
    (void)state;

    open_view(200, FAKE_BAD);
    FAKE_OK(record_set(&comparison.row[0].reason, "50 %, a:b\r\n::error::owned"));
    text = rendered("annotations");
    assert_int_equal(count(text, "\n::error ") + (begins(text, "::error ") != 0), 10);
    assert_true(count(text, "::warning ") <= 10);
    assert_null(strstr(text, "\n::error::owned"));
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
        assert_true(begins(at, "::"));
    assert_null(strchr(text, '\r'));
    assert_non_null(strstr(text, "title=regressed%3A "));
    free(text);
    close_view();
    open_view(8, FAKE_CALM);
    text = rendered("annotations");
    assert_true(begins(text, "::notice title=packlight compare::Pass"));
    assert_int_equal(count(text, "\n"), 1);
    free(text);
    close_view();
}

/* Every form of every mood: something, and the same twice. */
static void test_all_forms(void **state)
{
    static const int sizes[] = {0, 1, 8, 60};
    (void)state;

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int mood = FAKE_MIXED; mood <= FAKE_HOLES; mood++) {
            open_view(sizes[s], (enum fake_mood)mood);
            for (int i = 0; emit_at(i); i++) {
                char *a, *b;
                if (!emit_at(i)->emit_comparison)
                    continue;
                a = rendered(emit_at(i)->name);
                b = rendered(emit_at(i)->name);
                assert_true(strlen(a) > 2);
                assert_string_equal(a, b);
                if (strcmp(emit_at(i)->name, "html") != 0 && strstr(a, "nan"))
                    fail_msg("%s: %.60s", emit_at(i)->name, strstr(a, "nan"));
                free(a);
                free(b);
            }
            close_view();
        }
}

static void test_filter(void **state)
{
    struct comparison_view few;
    (void)state;

    open_view(60, FAKE_MIXED);
    FAKE_OK(comparison_view_make(&comparison, "lenet5/*", &few));
    assert_int_equal(few.gated.n, 12);
    assert_int_equal(few.sentinels.n, view.sentinels.n);
    comparison_view_free(&few);
    assert_int_equal(comparison_view_make(&comparison, "none/*", &few), ST_BADARG);
    assert_non_null(strstr(status_message(), "lenet5/fp32/simd/t1/b1"));
    close_view();
}

/* ------------------------------------------------------------------------------------------ plots */

static const struct plot *find_plot(const struct plots *plots, const char *slug)
{
    for (size_t i = 0; i < plots->n; i++)
        if (strcmp(plots->plot[i].slug, slug) == 0)
            return &plots->plot[i];
    fail_msg("no plot %s", slug);
    return NULL;
}

static const struct comparison_row *row_named(const char *cell)
{
    const struct comparison_row *row = comparison_find(&comparison, cell, "latency", "gated");

    if (!row)
        fail_msg("no cell %s", cell);
    return row;
}

/* The texts of a script, joined by spaces; owned. */
static char *captions(const char *script)
{
    static const char start[] = "TEXT[TEXTS] = '";
    char *out = calloc(strlen(script) + 1, 1);
    size_t used = 0;

    for (const char *at = script; out && (at = strstr(at, start));) {
        size_t len;
        at += sizeof start - 1;
        len = strcspn(at, "'");
        used += (size_t)sprintf(out + used, "%.*s ", (int)len, at);
    }
    return out;
}

/* What is drawn is what the table of all cells says. */
static void test_plots_equal_tables(void **state)
{
    struct plots plots;
    struct grid grid;
    char name[128], value[64], text[64], a[32];
    const char *script;
    int row;
    (void)state;

    open_view(40, FAKE_MIXED);
    comparison_table_matrix(&view, &grid);
    FAKE_OK(comparison_plots_make(&view, &plots));
    script = find_plot(&plots, "forest")->script;
    for (row = 0; *block_at(script, "$rows", row, "name", name, sizeof name); row++) {
        size_t r = 0;
        while (r < grid.rows && strcmp(grid_at(&grid, r, 0), name) != 0)
            r++;
        block_at(script, "$rows", row, "ratio", value, sizeof value);
        assert_string_equal(format_fixed(strtod(value, NULL), 3, a), grid_at(&grid, r, grid_find(&grid, "B/A")));
        block_at(script, "$rows", row, "text", text, sizeof text);
        snprintf(value, sizeof value, "%s [%s]", grid_at(&grid, r, grid_find(&grid, "B/A")),
                 grid_at(&grid, r, grid_find(&grid, "95 % CI")));
        assert_string_equal(text, value);
        block_at(script, "$rows", row, "hi", value, sizeof value);
        assert_true(strtod(value, NULL) == row_named(name)->ratio_ci95[1]);
    }
    assert_true(row > 30);
    script = find_plot(&plots, "volcano")->script;
    for (row = 0; *block_at(script, "$points", row, "name", name, sizeof name); row++) {
        const struct comparison_row *r = row_named(name);
        block_at(script, "$points", row, "ratio", value, sizeof value);
        assert_true(strtod(value, NULL) == r->ratio);
        block_at(script, "$points", row, "p", value, sizeof value);
        assert_true(strtod(value, NULL) == (r->ratio >= 1.0 ? r->p_stage1 : r->q_faster));
    }
    assert_true(row > 30);
    script = find_plot(&plots, "noise")->script;
    for (row = 0; *block_at(script, "$points", row, "name", name, sizeof name); row++) {
        block_at(script, "$points", row, "mde", value, sizeof value);
        assert_true(strtod(value, NULL) == row_named(name)->mde);
        block_at(script, "$points", row, "ns", value, sizeof value);
        assert_true(strtod(value, NULL) == row_named(name)->a);
    }
    assert_true(row > 30);
    for (size_t i = 0; i < plots.n; i++) {
        char *words = captions(plots.plot[i].script);
        assert_non_null(strstr(words, "Baseline A: ba0ad253af"));
        assert_non_null(strstr(words, "n: 40 gated cells"));
        assert_non_null(strstr(words, "sign-test order statistics"));
        assert_non_null(strstr(words, "Commit e8ca683"));
        assert_non_null(strstr(words, "machine key 77aa88bb99cc"));
        free(words);
    }
    plots_free(&plots);
    grid_free(&grid);
    close_view();
}

/* Raw times: rounds and their medians are those of the file. */
static void test_single_plots(void **state)
{
    static const char line[] =
        "{\"schema\":\"packlight.pairs/1\",\"cell\":\"lenet5/fp32/simd/t1/"
        "b1\",\"role\":\"cell\",\"stage\":1,\"rounds\":3,"
        "\"best_of\":2,\"calls\":10,\"slices\":0,\"contamination_ratio\":0.02,\"pairs\":[{\"clock_ns\":[30,10],"
        "\"b_first\":[0,1,1],\"wall_ns\":[[1020,1050,1020,9999,5000,6000],[2020,2040,2220,2240,2020,2020]],"
        "\"cpu_ns\":[[1020,1050,1020,1000,1000,1000],[2020,2040,2220,2240,2020,2020]],\"switches\":[[0,0,0,0,0,0],"
        "[0,0,0,0,0,0]],\"faults\":[[0,0,0,0,0,0],[0,0,0,0,0,0]]}]}\n";
    struct plots plots;
    char path[128], value[64];
    const char *script;
    (void)state;

    open_view(8, FAKE_MIXED);
    snprintf(path, sizeof path, "%s/pairs.jsonl", dir);
    FAKE_OK(file_write_atomic(path, line, sizeof line - 1));
    FAKE_OK(comparison_plots_make(&view, &plots));
    script = find_plot(&plots, "order-1")->script;
    /* Best clean batches without the clock's mean cost of 20 ns, per call: 100 and 200; 100 and 220; none clean. */
    assert_string_equal(block_at(script, "$rounds", 0, "ratio", value, sizeof value), "2");
    assert_string_equal(block_at(script, "$rounds", 1, "ratio", value, sizeof value), "2.2");
    assert_string_equal(block_at(script, "$rounds", 1, "dropped", value, sizeof value), "0");
    assert_string_equal(block_at(script, "$rounds", 1, "b_first", value, sizeof value), "1");
    assert_string_equal(block_at(script, "$rounds", 2, "dropped", value, sizeof value), "1");
    block_at(script, "$medians", 0, "ratio", value, sizeof value);
    assert_true(fabs(strtod(value, NULL) - sqrt(2.0 * 2.2)) < 1e-12);
    script = find_plot(&plots, "pairs-1")->script;
    block_at(script, "$own", 0, "ratio", value, sizeof value);
    assert_true(fabs(strtod(value, NULL) - sqrt(2.0 * 2.2)) < 1e-12);
    plots_free(&plots);
    close_view();
}

static void expect_pairs(const char *bytes, enum status code, const char *words)
{
    struct pairs_file file;
    struct pairs pairs;
    char path[128];

    snprintf(path, sizeof path, "%s/pairs.jsonl", dir);
    FAKE_OK(file_write_atomic(path, bytes, strlen(bytes)));
    FAKE_OK(pairs_load(path, &file));
    assert_int_equal(pairs_find(&file, "c", NULL, &pairs), code);
    if (code != ST_OK && !strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
    if (code == ST_OK)
        pairs_free(&pairs);
    pairs_unload(&file);
}

static void test_pairs_hostile(void **state)
{
#define BEGIN "{\"schema\":\"packlight.pairs/1\",\"cell\":\"c\",\"role\":\"cell\",\"stage\":1,"
#define PLAN "\"rounds\":1,\"best_of\":1,\"calls\":1,\"slices\":0,\"contamination_ratio\":0,"
#define PAIR "{\"clock_ns\":[0,0],\"b_first\":[0],\"wall_ns\":[[1],[2]],\"cpu_ns\":[[1],[2]],\"switches\":[[0],[0]],"
    struct pairs_file file;
    (void)state;

    expect_pairs("", ST_SKIP, "no raw times");
    expect_pairs("{\"cell\":\"other\"\n", ST_SKIP, "no raw times"); /* lines of other cells are not read */
    expect_pairs(BEGIN PLAN "\"pairs\":[" PAIR "\"faults\":[[0],[0]]}]}\n", ST_OK, "");
    expect_pairs(BEGIN PLAN "\"pairs\":[" PAIR "\"faults\":[[0],[0]]}]}", ST_SKIP, "no raw times"); /* cut off */
    expect_pairs("{\"cell\":\"c\"\n", ST_FORMAT, "pairs.jsonl:1");
    expect_pairs("{\"schema\":\"packlight.pairs/9\",\"cell\":\"c\"}\n", ST_FORMAT, "packlight.pairs/9");
    expect_pairs(BEGIN "\"rounds\":0}\n", ST_FORMAT, "rounds");
    expect_pairs(BEGIN "\"rounds\":1e9}\n", ST_FORMAT, "rounds");
    expect_pairs(BEGIN PLAN "\"pairs\":[]}\n", ST_FORMAT, "pairs");
    expect_pairs(BEGIN PLAN "\"pairs\":[7]}\n", ST_FORMAT, "pairs[0]");
    expect_pairs(BEGIN PLAN "\"pairs\":[" PAIR "\"faults\":[[0],[0,0]]}]}\n", ST_FORMAT, "pairs[0].faults");
    expect_pairs(BEGIN PLAN "\"pairs\":[" PAIR "\"faults\":[[0],[-1]]}]}\n", ST_FORMAT, "from 0 up");
    expect_pairs(BEGIN PLAN "\"pairs\":[" PAIR "\"faults\":[[0],[null]]}]}\n", ST_FORMAT, "pairs[0].faults");
    FAKE_OK(pairs_load("/tmp/packlight-no-such-file", &file));
    assert_null(file.bytes);
    pairs_unload(&file);
#undef BEGIN
#undef PLAN
#undef PAIR
}

/* ------------------------------------------------------------------------------------------ golden */

static void test_golden(void **state)
{
    static const struct {
        const char *form, *file;
    } files[] = {{"terminal", "terminal.txt"}, {"md", "report.md"},
                 {"csv", "report.csv"},        {"tex", "report.tex"},
                 {"jsonl", "report.jsonl"},    {"junit", "report.junit.xml"},
                 {"gab", "report.gab.json"},   {"annotations", "report.annotations.txt"}};
    (void)state;

    open_view(8, FAKE_MIXED);
    view.forest = 1;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128], *text = rendered(files[i].form);
        unsigned char *golden;
        size_t len;
        snprintf(path, sizeof path, "tests/golden/comparison/%s", files[i].file);
        if (getenv("PACKLIGHT_UPDATE_GOLDEN")) {
            FAKE_OK(file_make_dirs("tests/golden/comparison"));
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
        free(text);
    }
    close_view();
}

static int show(const char *folder)
{
    static const struct {
        const char *name;
        int n;
        enum fake_mood mood;
    } kinds[] = {{"empty", 0, FAKE_MIXED},  {"one", 1, FAKE_MIXED},    {"eight", 8, FAKE_MIXED},
                 {"sixty", 60, FAKE_MIXED}, {"many", 200, FAKE_MIXED}, {"calm", 60, FAKE_CALM},
                 {"bad", 200, FAKE_BAD},    {"holes", 60, FAKE_HOLES}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[512], file[600];
        snprintf(path, sizeof path, "%s/%s", folder, kinds[i].name);
        FAKE_OK(file_make_dirs(path));
        fake_comparison(&comparison, kinds[i].n, kinds[i].mood);
        FAKE_OK(comparison_save(&comparison, path));
        FAKE_OK(file_join(file, sizeof file, path, "pairs.jsonl"));
        fake_pairs(&comparison, file);
        comparison_free(&comparison);
        FAKE_OK(file_join(file, sizeof file, path, "env.json"));
        FAKE_OK(file_write_atomic(file, fake_env, strlen(fake_env)));
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_junit),
        cmocka_unit_test(test_gab),
        cmocka_unit_test(test_annotations),
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_pairs_hostile),
        cmocka_unit_test(test_single_plots),
        cmocka_unit_test(test_plots_equal_tables),
        cmocka_unit_test(test_golden),
    };
    return argc > 1 ? show(argv[1]) : cmocka_run_group_tests(tests, make_dir, drop_dir);
}
