/* Comparisons: round trip through their files, what may be said, strict reading of hostile files. */
#include <sys/stat.h>
#include <unistd.h>

#include "comparison_fake.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void drop(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
}

static int drop_dir(void **state)
{
    (void)state;
    drop("verdict.json");
    drop("verdicts.jsonl");
    drop("env.json");
    return rmdir(dir);
}

static char *get(const char *name)
{
    char path[128];
    unsigned char *bytes = NULL;
    size_t len;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FAKE_OK(file_read(path, 0, &bytes, &len));
    return (char *)bytes;
}

static void put(const char *name, const char *bytes, size_t len)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FAKE_OK(file_write_atomic(path, bytes, len));
}

/* The text with the first `from` replaced by `to`; owned. */
static char *changed(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    size_t size = strlen(text) + strlen(to) + 1;
    char *out = malloc(size);

    if (!at || !out)
        fail_msg("'%s' is not in the text", from);
    snprintf(out, size, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static int same_double(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void assert_same_rows(const struct comparison *a, const struct comparison *b)
{
    size_t n;
    const struct record_field *fields = comparison_fields(&n);

    assert_int_equal(a->rows, b->rows);
    for (size_t i = 0; i < a->rows; i++)
        for (size_t f = 0; f < n; f++) {
            char x[1024], y[1024];
            assert_string_equal(field_value_text(&a->row[i], &fields[f], x, sizeof x),
                                field_value_text(&b->row[i], &fields[f], y, sizeof y));
        }
}

static void test_round_trip(void **state)
{
    struct comparison a, b;
    char *rows, *head, *again;
    (void)state;

    fake_comparison(&a, 60, FAKE_MIXED);
    snprintf(a.head.reason, sizeof a.head.reason, "a \"reason\"\nwith \xc3\xa9");
    FAKE_OK(comparison_save(&a, dir));
    assert_int_equal(comparison_is(dir), 1);
    rows = get("verdicts.jsonl");
    head = get("verdict.json");
    FAKE_OK(comparison_load(dir, &b));
    assert_string_equal(b.dir, dir);
    assert_null(b.env.root);
    assert_same_rows(&a, &b);
    assert_string_equal(a.head.reason, b.head.reason);
    assert_string_equal(a.head.b.code_id, b.head.b.code_id);
    assert_int_equal(a.head.regressed, b.head.regressed);
    assert_int_equal(b.head.seed, 7);
    assert_true(same_double(a.head.geomean_ratio, b.head.geomean_ratio));
    assert_true(same_double(a.head.geomean_ci95[1], b.head.geomean_ci95[1]));
    assert_true(isnan(b.head.shift_ratio));

    FAKE_OK(comparison_save(&b, dir)); /* the same bytes */
    again = get("verdicts.jsonl");
    assert_string_equal(rows, again);
    free(again);
    again = get("verdict.json");
    assert_string_equal(head, again);
    free(again);
    free(rows);
    free(head);
    comparison_free(&a);
    comparison_free(&b);
    comparison_free(NULL);
}

static void test_empty(void **state)
{
    struct comparison a, b;
    (void)state;

    fake_comparison(&a, 0, FAKE_MIXED);
    FAKE_OK(comparison_save(&a, dir));
    put("env.json", "{\"run\":{\"kind\":\"comparison\"}}", 29);
    FAKE_OK(comparison_load(dir, &b));
    assert_int_equal(b.rows, 0);
    assert_true(isnan(b.head.geomean_ratio) && isnan(b.head.geomean_ci95[0]) && isnan(b.head.alpha_stage));
    assert_non_null(b.env.root);
    comparison_free(&a);
    comparison_free(&b);
    drop("env.json");
}

static void test_rows(void **state)
{
    struct comparison c;
    struct comparison_row *row;
    const struct comparison_row *found;
    (void)state;

    comparison_init(&c);
    for (int i = 0; i < 500; i++) {
        FAKE_OK(comparison_add(&c, &row));
        assert_null(row->cell);
        assert_true(isnan(row->ratio) && isnan(row->ratio_ci95[0]) && row->threads == RECORD_NONE);
        FAKE_OK(record_setf(&row->cell, "c%d", i));
        FAKE_OK(record_set(&row->metric, "latency"));
        FAKE_OK(record_set(&row->role, i % 2 ? "gated" : "info"));
    }
    found = comparison_find(&c, "c7", "latency", "gated");
    assert_non_null(found);
    assert_string_equal(found->cell, "c7");
    assert_null(comparison_find(&c, "c7", "latency", "info"));
    assert_null(comparison_find(&c, NULL, "latency", "info"));
    c.rows = COMPARISON_MAX_ROWS; /* as if it were full */
    assert_int_equal(comparison_add(&c, &row), ST_BADARG);
    c.rows = 500;
    comparison_free(&c);
    assert_int_equal(c.rows, 0);
}

static void expect_refused(struct comparison *c, const char *words)
{
    assert_int_equal(comparison_save(c, dir), ST_BADARG);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void test_check(void **state)
{
    struct comparison c;
    struct comparison_row *row;
    (void)state;

    fake_comparison(&c, 8, FAKE_CALM);
    FAKE_OK(comparison_check(&c));
    c.head.exit_code = 1;
    expect_refused(&c, "exit_code");
    c.head.exit_code = 0;
    c.head.verdict[0] = 'x';
    expect_refused(&c, "\"xass\"");
    c.head.verdict[0] = 'p';
    c.head.kind[0] = 0;
    expect_refused(&c, "builds, models, recipes or runs");
    snprintf(c.head.kind, sizeof c.head.kind, "runs");
    c.head.rounds_kept = -1;
    expect_refused(&c, "rounds_kept");
    c.head.rounds_kept = 1;
    c.row[2].p_stage1 = 1.5;
    expect_refused(&c, "row 3: p_stage1");
    c.row[2].p_stage1 = NAN;
    c.row[2].ratio_ci95[0] = 2.0;
    expect_refused(&c, "ratio_ci95");
    c.row[2].ratio_ci95[0] = NAN;
    FAKE_OK(record_set(&c.row[2].verdict, "changed")); /* for info rows only */
    expect_refused(&c, "\"changed\"");
    FAKE_OK(record_set(&c.row[2].verdict, "improved"));
    FAKE_OK(record_set(&c.row[2].role, "sentinel"));
    expect_refused(&c, "sentinel-aa");
    FAKE_OK(record_set(&c.row[2].role, NULL));
    expect_refused(&c, "role: missing");
    FAKE_OK(record_set(&c.row[2].role, "gated"));
    FAKE_OK(record_set(&c.row[2].cell, c.row[0].cell));
    expect_refused(&c, "given twice");
    comparison_free(&c);

    comparison_init(&c);
    FAKE_OK(comparison_add(&c, &row));
    expect_refused(&c, "kind");
    comparison_free(&c);
    assert_int_equal(comparison_exit_code("environment-refused"), 4);
    assert_int_equal(comparison_exit_code("red"), -1);
}

static void expect_load_fails(enum status code, const char *words)
{
    struct comparison c;

    assert_int_equal(comparison_load(dir, &c), code);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void expect_bad_head(const char *good, const char *from, const char *to, const char *words)
{
    char *text = changed(good, from, to);

    put("verdict.json", text, strlen(text));
    expect_load_fails(ST_FORMAT, "verdict.json");
    expect_load_fails(ST_FORMAT, words);
    free(text);
}

static void expect_bad_rows(const char *good, const char *from, const char *to, const char *words)
{
    char *text = changed(good, from, to);

    put("verdicts.jsonl", text, strlen(text));
    expect_load_fails(ST_FORMAT, "verdicts.jsonl:");
    expect_load_fails(ST_FORMAT, words);
    free(text);
}

static void test_hostile(void **state)
{
    struct comparison a;
    char *head, *rows, longer[600];
    (void)state;

    fake_comparison(&a, 8, FAKE_CALM);
    FAKE_OK(comparison_save(&a, dir));
    head = get("verdict.json");
    rows = get("verdicts.jsonl");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;

    expect_bad_head(head, "comparison/1", "comparison/2", "schema");
    expect_bad_head(head, "\"pass\"", "\"fine\"", "verdict");
    expect_bad_head(head, "\"exit_code\": 0", "\"exit_code\": 1", "exit_code");
    expect_bad_head(head, "\"exit_code\": 0", "\"exit_code\": 0.5", "exit_code");
    expect_bad_head(head, "\"kind\": \"builds\",", "", "kind: missing");
    expect_bad_head(head, "\"kind\"", "\"title\": \"\", \"kind\"", "title: given twice");
    expect_bad_head(head, "ba0ad253af", longer, "599 bytes");
    expect_bad_head(head, "\"gate_ratio\": 0.02", "\"gate_ratio\": 1e999", "gate_ratio");
    expect_bad_head(head, "\"geomean_ci95\": [", "\"geomean_ci95\": [9, ", "geomean_ci95");
    expect_bad_head(head, "\"seed\": 7", "\"seed\": 1e17", "2^53");
    expect_bad_head(head, "\"seed\": 7", "\"seed\": -1", "seed");
    expect_bad_head(head, "\"a\": {", "\"a\": [], \"c\": {", "a");
    expect_bad_head(head, "\n}\n", "\n", "not valid JSON");
    expect_bad_head(head, head, "", "not valid JSON");
    expect_bad_head(head, head, "[]", "expected an object");
    expect_bad_head(head, "\"rows\": ", "\"rows\": 9", "rows");
    put("verdict.json", head, strlen(head));

    expect_bad_rows(rows, "\"ratio\":", "\"ratio\":\"1\",\"x\":", "ratio");
    expect_bad_rows(rows, "\"p_stage1\":", "\"p_stage1\":7,\"x\":", "p_stage1");
    expect_bad_rows(rows, "\"p_stage1\":", "\"p_stage1\":null,\"p_stage1\":", "twice");
    expect_bad_rows(rows, "verdict/1", "record/1", "schema");
    expect_bad_rows(rows, "\"role\":\"gated\"", "\"role\":\"gatd\"", "role");
    expect_bad_rows(rows, "\"cell\":", "\"sell\":", "cell: missing");
    expect_bad_rows(rows, "{\"schema", "\n{\"schema", "verdicts.jsonl:1");
    expect_bad_rows(rows, rows, "", "0 rows");
    expect_bad_rows(rows, "\n", "\n\n", "verdicts.jsonl:2");
    put("verdicts.jsonl", rows, strlen(rows) - 1);
    expect_load_fails(ST_FORMAT, "cut off");
    expect_bad_rows(rows, "{",
                    "{\"schema\":\"packlight.verdict/"
                    "1\",\"cell\":\"c\",\"metric\":\"m\",\"role\":\"info\",\"verdict\":\"same\"}\n{",
                    "too many");

    put("verdicts.jsonl", rows, strlen(rows));
    put("env.json", "[]", 2);
    expect_load_fails(ST_FORMAT, "env.json");
    drop("env.json");
    drop("verdicts.jsonl");
    expect_load_fails(ST_IO, "verdicts.jsonl");
    drop("verdict.json");
    expect_load_fails(ST_IO, "no verdict.json");
    assert_int_equal(comparison_is(dir), 0);
    free(head);
    free(rows);
    comparison_free(&a);
}

/* A newer writer's keys are no error, and keys that an older one did not know are null. */
static void test_versions(void **state)
{
    static const char row[] =
        "{\"schema\":\"packlight.verdict/1\",\"cell\":\"c\",\"metric\":\"latency\",\"role\":\"gated\","
        "\"verdict\":\"no-change\",\"novel\":{\"a\":[1]}}\n";
    static const char head[] = "{\"schema\":\"packlight.comparison/1\",\"kind\":\"runs\",\"verdict\":\"pass\","
                               "\"exit_code\":0,\"a\":{},\"b\":{\"novel\":1},\"novel\":[],\"rows\":1}";
    struct comparison c;
    (void)state;

    put("verdicts.jsonl", row, sizeof row - 1);
    put("verdict.json", head, sizeof head - 1);
    FAKE_OK(comparison_load(dir, &c));
    assert_true(isnan(c.row[0].ratio) && c.row[0].rounds_kept == RECORD_NONE && isnan(c.head.mde_median));
    comparison_free(&c);
}

/* Files cut anywhere are errors, never a crash, and never half a comparison. */
static void test_truncated(void **state)
{
    struct comparison a, b;
    char *head, *rows;
    size_t len;
    (void)state;

    fake_comparison(&a, 2, FAKE_MIXED);
    FAKE_OK(comparison_save(&a, dir));
    head = get("verdict.json");
    rows = get("verdicts.jsonl");
    len = strlen(rows);
    for (size_t i = 0; i < len; i += 7) {
        put("verdicts.jsonl", rows, i);
        assert_int_equal(comparison_load(dir, &b), ST_FORMAT);
    }
    put("verdicts.jsonl", rows, len);
    for (size_t i = 0; i + 2 < strlen(head); i += 7) {
        put("verdict.json", head, i);
        assert_int_equal(comparison_load(dir, &b), ST_FORMAT);
    }
    free(head);
    free(rows);
    comparison_free(&a);
}

static void test_no_folder(void **state)
{
    struct comparison a;
    (void)state;

    fake_comparison(&a, 2, FAKE_MIXED);
    assert_int_equal(comparison_save(&a, "/tmp/packlight-no-such-folder"), ST_IO);
    assert_int_equal(comparison_load("/tmp/packlight-no-such-folder", &a), ST_IO);
    comparison_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_empty),     cmocka_unit_test(test_rows),
        cmocka_unit_test(test_check),      cmocka_unit_test(test_hostile),   cmocka_unit_test(test_versions),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
