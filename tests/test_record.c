/* Records: round trip through a line of JSON, strict reading, run directories with torn lines. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/record.h"
#include "report/record_figure.h"
#include "report/text.h"

#define OK(expr)                                                                                                       \
    do {                                                                                                               \
        if ((expr) != ST_OK)                                                                                           \
            fail_msg("%s: %s", #expr, status_message());                                                               \
    } while (0)

static const char begin[] = "{\"schema\":\"packlight.record/1\"";
static const char base[] =
    "{\"schema\":\"packlight.record/1\",\"cell\":\"m/fp32/ref/t1/b1\",\"model\":\"m\",\"config\":\"fp32\","
    "\"kernel\":\"ref\",\"status\":\"ok\"";

/* Gives every field of an item a value of its own. */
static void fill(void *item, const struct record_field *fields, size_t n, int salt)
{
    for (size_t i = 0; i < n; i++) {
        char *at = (char *)item + fields[i].offset;
        double value = (double)(i + 1) * 1.1 + (double)salt / 3.0;
        switch (fields[i].kind) {
        case RECORD_TEXT:
            OK(record_setf((char **)at, "%s \"%zu\"\n\t\\ | ` \xc3\xa9 %d", fields[i].key, i, salt));
            break;
        case RECORD_COUNT:
            *(int64_t *)at = (int64_t)i * 1000003 + salt - 7;
            break;
        case RECORD_REAL:
            *(double *)at = i % 3 ? value : value * 1e-300;
            break;
        case RECORD_PAIR:
            ((double *)at)[0] = -value;
            ((double *)at)[1] = value / 7.0;
            break;
        }
    }
}

static void assert_same(const void *a, const void *b, const struct record_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *x = (const char *)a + fields[i].offset, *y = (const char *)b + fields[i].offset;
        switch (fields[i].kind) {
        case RECORD_TEXT:
            assert_string_equal(*(char *const *)x, *(char *const *)y);
            break;
        case RECORD_COUNT:
            assert_true(*(const int64_t *)x == *(const int64_t *)y);
            break;
        case RECORD_REAL:
            assert_true(*(const double *)x == *(const double *)y);
            break;
        case RECORD_PAIR:
            assert_true(((const double *)x)[0] == ((const double *)y)[0] &&
                        ((const double *)x)[1] == ((const double *)y)[1]);
            break;
        }
    }
}

static void test_round_trip(void **state)
{
    struct record a, b;
    char *line, *again;
    size_t len, again_len, n, ln, gn, tn, en;
    const struct record_field *fields = record_fields(&n), *layer = record_layer_fields(&ln),
                              *ledger = record_ledger_fields(&gn), *tensor = record_tensor_fields(&tn),
                              *energy = record_energy_fields(&en);
    (void)state;

    record_init(&a);
    fill(&a, fields, n, 1);
    OK(record_layers_alloc(&a, 3));
    OK(record_ledger_alloc(&a, 2));
    OK(record_tensors_alloc(&a, 1));
    OK(record_energy_alloc(&a, 4));
    for (int i = 0; i < 3; i++)
        fill(&a.kernels[i], layer, ln, i);
    for (int i = 0; i < 2; i++)
        fill(&a.ledger[i], ledger, gn, i);
    fill(&a.tensors[0], tensor, tn, 5);
    for (int i = 0; i < 4; i++)
        fill(&a.energy[i], energy, en, i);

    OK(record_write(&a, &line, &len));
    assert_int_equal(strlen(line), len);
    assert_int_equal(line[len - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + len - 1); /* one line */
    OK(record_parse("x:1", line, len, &b));
    assert_same(&a, &b, fields, n);
    assert_int_equal(b.kernels_n, 3);
    assert_int_equal(b.ledger_n, 2);
    assert_int_equal(b.tensors_n, 1);
    assert_int_equal(b.energy_n, 4);
    for (int i = 0; i < 3; i++)
        assert_same(&a.kernels[i], &b.kernels[i], layer, ln);
    for (int i = 0; i < 2; i++)
        assert_same(&a.ledger[i], &b.ledger[i], ledger, gn);
    assert_same(&a.tensors[0], &b.tensors[0], tensor, tn);
    for (int i = 0; i < 4; i++)
        assert_same(&a.energy[i], &b.energy[i], energy, en);
    OK(record_write(&b, &again, &again_len));
    assert_string_equal(line, again);
    free(line);
    free(again);
    record_free(&a);
    record_free(&b);
    record_free(NULL);
}

static void test_nulls(void **state)
{
    struct record a, b;
    char *line;
    size_t len;
    (void)state;

    record_init(&a);
    assert_int_equal(record_write(&a, &line, &len), ST_BADARG);
    assert_int_equal(record_set_cell(&a), ST_BADARG);
    OK(record_set(&a.model, "lenet5"));
    OK(record_set(&a.config, "prune-u90+qat-s8"));
    OK(record_set(&a.kernel, "simd"));
    OK(record_set(&a.status, "skip"));
    a.threads = 2;
    a.batch = 32;
    OK(record_set_cell(&a));
    assert_string_equal(a.cell, "lenet5/prune-u90+qat-s8/simd/t2/b32");
    a.latency_ns_median = INFINITY;
    a.accuracy_ci95[0] = 0.5; /* half an interval is none */
    OK(record_write(&a, &line, &len));
    assert_non_null(strstr(line, "\"latency_ns_median\":null"));
    assert_non_null(strstr(line, "\"accuracy_ci95\":null"));
    assert_non_null(strstr(line, "\"size_file_bytes\":null"));
    assert_non_null(strstr(line, "\"kernels\":[]"));
    OK(record_parse("x:1", line, len, &b));
    assert_true(isnan(b.latency_ns_median) && isnan(b.accuracy_ci95[0]) && isnan(b.accuracy_ci95[1]));
    assert_true(b.size_file_bytes == RECORD_NONE);
    assert_null(b.reason);
    assert_int_equal(record_layers_alloc(&b, RECORD_MAX_ITEMS + 1), ST_BADARG);
    free(line);
    record_free(&a);
    record_free(&b);
}

static void expect_bad(const char *tail, const char *words)
{
    char line[1024];
    struct record r;

    snprintf(line, sizeof line, "%s%s", base, tail);
    assert_int_equal(record_parse("f.jsonl:3", line, strlen(line), &r), ST_FORMAT);
    if (!strstr(status_message(), words) || !strstr(status_message(), "f.jsonl:3"))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void test_strict(void **state)
{
    struct record r;
    char line[1024];
    (void)state;

    expect_bad("", "not valid JSON");
    expect_bad("} x", "not valid JSON");
    expect_bad(",\"threads\":1.5}", "threads");
    expect_bad(",\"threads\":1e17}", "2^53");
    expect_bad(",\"threads\":\"1\"}", "threads");
    expect_bad(",\"latency_ns_median\":1e999}", "finite");
    expect_bad(",\"accuracy_ci95\":[1]}", "[lower, upper]");
    expect_bad(",\"accuracy_ci95\":[1,\"2\"]}", "accuracy_ci95");
    expect_bad(",\"reason\":7}", "reason");
    expect_bad(",\"batch\":1,\"batch\":2}", "twice");
    expect_bad(",\"kernels\":[],\"kernels\":[]}", "twice");
    expect_bad(",\"kernels\":{}}", "kernels");
    expect_bad(",\"kernels\":[1]}", "kernels[0]");
    expect_bad(",\"kernels\":[{},{\"ns\":\"x\"}]}", "kernels[1].ns");
    snprintf(line, sizeof line, "%s,\"cell\":\"c\"}", begin);
    assert_int_equal(record_parse("f:1", line, strlen(line), &r), ST_FORMAT);
    assert_non_null(strstr(status_message(), "missing"));
    assert_int_equal(record_parse("f:1", "{\"schema\":\"packlight.record/9\"}", 31, &r), ST_FORMAT);
    assert_non_null(strstr(status_message(), "packlight.record/9"));
    assert_int_equal(record_parse("f:1", "[]", 2, &r), ST_FORMAT);

    /* A newer writer's keys are no error. */
    snprintf(line, sizeof line, "%s,\"novel\":{\"a\":[1]},\"batch\":4,\"kernels\":[{\"name\":\"fc1\",\"novel\":1}]}",
             base);
    OK(record_parse("f:1", line, strlen(line), &r));
    assert_int_equal(r.batch, 4);
    assert_string_equal(r.kernels[0].name, "fc1");
    record_free(&r);
}

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

static void put(const char *name, const char *content)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    OK(file_write_atomic(path, content, strlen(content)));
}

static void line_of(char *out, size_t size, const char *config, int batch)
{
    snprintf(out, size,
             "%s,\"cell\":\"m/%s/"
             "simd\",\"model\":\"m\",\"config\":\"%s\",\"kernel\":\"simd\",\"status\":\"ok\",\"batch\":%d}\n",
             begin, config, config, batch);
}

static void test_load(void **state)
{
    char a[512], b[512], c[512], again[512], all[4096];
    struct records rs;
    (void)state;

    line_of(a, sizeof a, "a", 1);
    line_of(b, sizeof b, "b", 2);
    line_of(c, sizeof c, "c", 3);
    line_of(again, sizeof again, "a", 9);

    /* The last line was cut off by a kill. */
    snprintf(all, sizeof all, "%s%s%.60s", a, b, c);
    put("records.jsonl", all);
    OK(records_load(dir, &rs));
    assert_int_equal(rs.n, 2);
    assert_int_equal(rs.torn, 1);
    assert_null(rs.env.root);
    records_free(&rs);

    /* The run went on: the torn line was closed, the cell repeated, and another one run again. */
    snprintf(all, sizeof all, "%s%s%.9s\n\n%s%s", a, b, c, c, again);
    put("records.jsonl", all);
    put("env.json", "{\"commit\":\"abc\",\"cpu\":{\"brand\":\"X\",\"cores\":2,\"avx2\":true}}");
    OK(records_load(dir, &rs));
    assert_int_equal(rs.n, 3);
    assert_int_equal(rs.torn, 1);
    assert_int_equal(rs.replaced, 1);
    assert_string_equal(rs.all[0].config, "a"); /* first place, latest content */
    assert_int_equal(rs.all[0].batch, 9);
    assert_string_equal(rs.all[2].config, "c");
    assert_ptr_equal(records_find(&rs, "m/b/simd"), &rs.all[1]);
    assert_null(records_find(&rs, "m/x/simd"));
    assert_string_equal(records_env(&rs, "cpu.brand", "?", all, sizeof all), "X");
    assert_string_equal(records_env(&rs, "cpu.cores", "?", all, sizeof all), "2");
    assert_string_equal(records_env(&rs, "cpu.avx2", "?", all, sizeof all), "true");
    assert_string_equal(records_env(&rs, "cpu", "?", all, sizeof all), "?");
    assert_string_equal(records_env(&rs, "commit.x", "?", all, sizeof all), "?");
    records_free(&rs);
}

static void expect_load_fails(enum status code, const char *words)
{
    struct records rs;

    assert_int_equal(records_load(dir, &rs), code);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void test_load_bad(void **state)
{
    char a[512], all[2048], path[128];
    struct records rs;
    (void)state;

    line_of(a, sizeof a, "a", 1);
    snprintf(path, sizeof path, "%s/none", dir);
    assert_int_equal(records_load(path, &rs), ST_IO);
    snprintf(path, sizeof path, "%s/records.jsonl", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/env.json", dir);
    unlink(path);
    expect_load_fails(ST_IO, "no records.jsonl");
    put("records.jsonl", "");
    expect_load_fails(ST_FORMAT, "no complete record");
    put("records.jsonl", "{\"sch");
    expect_load_fails(ST_FORMAT, "no complete record");
    snprintf(all, sizeof all, "%sgarbage\n%s", a, a);
    put("records.jsonl", all);
    expect_load_fails(ST_FORMAT, "records.jsonl:2");
    snprintf(all, sizeof all, "%s%s,\"batch\":\"x\"}\n", a, base);
    put("records.jsonl", all);
    expect_load_fails(ST_FORMAT, "batch");
    put("records.jsonl", a);
    put("env.json", "[1");
    expect_load_fails(ST_FORMAT, "env.json");
    put("env.json", "[1]");
    expect_load_fails(ST_FORMAT, "env.json");
}

/* Any byte of a good line changed to anything: an error or a record, never a crash or a leak. */
static void test_mutations(void **state)
{
    char line[512], copy[512];
    size_t len;
    struct record r;
    (void)state;

    snprintf(line, sizeof line,
             "%s,\"accuracy_ci95\":[0.1,2e-3],\"kernels\":[{\"name\":\"a\",\"ns\":1}],\"batch\":null}", base);
    len = strlen(line);
    for (size_t i = 0; i < len; i++) {
        static const char with[] = {0, '"', '{', ']', ',', '9', '\\', (char)0xff};
        for (size_t w = 0; w < sizeof with; w++) {
            memcpy(copy, line, len + 1);
            copy[i] = with[w];
            if (record_parse("m", copy, len, &r) == ST_OK)
                record_free(&r);
        }
        if (record_parse("m", line, i, &r) == ST_OK)
            fail_msg("a line cut at byte %zu was read", i);
    }
}

static const char *spelled(void (*add)(struct text *, const char *), const char *in, char *out, size_t size)
{
    struct text t = {0};
    char *bytes;
    size_t len;

    add(&t, in);
    OK(text_take(&t, &bytes, &len));
    snprintf(out, size, "%s", bytes);
    free(bytes);
    return out;
}

static void test_spelling(void **state)
{
    char out[256];
    (void)state;

    assert_string_equal(spelled(text_add_json, "a\"\\\n\x01\xff\xc3\xa9", out, sizeof out),
                        "\"a\\\"\\\\\\n\\u0001\\ufffd\xc3\xa9\"");
    assert_string_equal(spelled(text_add_json, NULL, out, sizeof out), "null");
    assert_string_equal(spelled(text_add_csv, "a,\"b\"\nc", out, sizeof out), "\"a,\"\"b\"\" c\"");
    assert_string_equal(spelled(text_add_csv, "=1+1", out, sizeof out), "'=1+1");
    assert_string_equal(spelled(text_add_csv, "-1.5", out, sizeof out), "-1.5");
    assert_string_equal(spelled(text_add_csv, "-x", out, sizeof out), "'-x");
    assert_string_equal(spelled(text_add_md, "a|b`c\n<i>@me", out, sizeof out), "a\\|b\\`c &lt;i&gt;&#64;me");
    assert_string_equal(spelled(text_add_plain, "a\x1b[31m\xc2\x9b\xffz\xc3\xa9", out, sizeof out),
                        "a?[31m??z\xc3\xa9");
    assert_int_equal(text_columns("\xc3\x97\xce\x94"
                                  "a\xcc\x81"),
                     3);
    assert_int_equal(text_utf8_len("\xed\xa0\x80"), 0); /* a surrogate */
    assert_int_equal(text_utf8_len("\xc0\x80"), 0);     /* overlong */
    assert_string_equal(text_number(0.1, out), "0.1");
    assert_string_equal(text_number(1.0 / 3.0, out), "0.3333333333333333");
    assert_string_equal(text_number(1e21, out), "1e+21");
}

/* A new interval in record.def that no figure carries would be lost in the CSV form and in the history. */
static void test_every_interval_has_its_figure(void **state)
{
    (void)state;
    const struct record_field *fields;
    size_t n;

    fields = record_fields(&n);
    for (size_t i = 0; i < n; i++) {
        struct record r;
        int carried = 0;
        if (fields[i].kind != RECORD_PAIR)
            continue;
        record_init(&r);
        assert_int_equal(record_set(&r.status, "ok"), ST_OK);
        for (size_t f = 0; f < n; f++) {
            double one = 1.0, pair[2] = {2.0, 3.0};
            if (fields[f].kind == RECORD_REAL)
                memcpy((char *)&r + fields[f].offset, &one, sizeof one);
            if (f == i)
                memcpy((char *)&r + fields[f].offset, pair, sizeof pair);
        }
        for (size_t f = 0; f < n; f++) {
            struct record_figure figure;
            carried |=
                record_figure_get(&r, &fields[f], &figure) && figure.interval[0] > 1.5 && figure.interval[1] > 2.5;
        }
        if (!carried)
            fail_msg("no figure has the interval %s", fields[i].key);
        record_free(&r);
    }
}

static void test_a_wrong_cell_has_no_times(void **state)
{
    (void)state;
    struct record_figure figure;
    struct record r;

    record_init(&r);
    assert_int_equal(record_set(&r.status, "mismatch"), ST_OK);
    r.latency_ns_median = r.size_ratio = 2.0;
    assert_false(record_figure_get(&r, record_field_find("latency_ns_median"), &figure));
    assert_true(record_figure_get(&r, record_field_find("size_ratio"), &figure));
    assert_false(record_figure_get(&r, record_field_find("sparsity"), &figure)); /* null */
    assert_false(record_figure_get(&r, record_field_find("status"), &figure));   /* no number */
    record_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_every_interval_has_its_figure),
        cmocka_unit_test(test_a_wrong_cell_has_no_times),
        cmocka_unit_test_setup_teardown(test_load, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_load_bad, make_dir, drop_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
