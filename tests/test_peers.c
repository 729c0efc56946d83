/* The comparison with other libraries without them: exact results, made-up libraries that are right, wrong or absent,
 * suites as users write them and as nobody should, and the table that comes out. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "peer_model.h"
#include "peer_run.h"
#include "report/peer_table.h"
#include "rundir.h"

#define OK(expr)                                                                                                       \
    do {                                                                                                               \
        if ((expr) != ST_OK)                                                                                           \
            fail_msg("%s: %s", #expr, status_message());                                                               \
    } while (0)

static const char tiny_suite[] =
    "{\"name\": \"t\", \"peers\": [\"onednn\", \"xnnpack\"], \"budget_s\": 0.002, \"shapes\": ["
    "{\"name\": \"conv\", \"op\": \"conv\", \"c\": 3, \"size\": [5, 4], \"n\": 6, \"kernel\": 3, \"stride\": 2, "
    "\"pad\": 1, \"types\": [\"fp32\", \"int8\"]},"
    "{\"name\": \"dw\", \"op\": \"depthwise\", \"c\": 5, \"size\": [6, 7], \"kernel\": 3, \"types\": [\"int8\"]},"
    "{\"name\": \"fc\", \"op\": \"fc\", \"c\": 40, \"n\": 9, \"batch\": 2, \"types\": [\"fp32\"], \"sparsity\": "
    "[0.8]}],"
    "\"expect\": [{\"names\": \"c*\", \"config\": \"int8\", \"against\": \"exact\", \"floor\": 1, \"target\": 2}]}";

/* ------------------------------------------------------------------ exact results */

/* 2x2 image, one channel, 3x3 window with padding: every output sums what is inside. */
static void test_exact_by_hand(void **state)
{
    struct peer_shape shape = {"hand", PEER_CONV, 1, 1, 2, 2, 1, 3, 1, 1};
    struct peer_task task;
    char example[160];
    uint8_t y[4];
    size_t wrong;

    (void)state;
    OK(peer_task_make(&shape, PEER_INT8, PEER_EXTREME, 0, 1, &task));
    assert_int_equal(task.oh, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(task.want_s32[i], 4 * 255 * 127 + task.bias_s32[0]);
    assert_int_equal(peer_task_macs(&task), 36);
    assert_int_equal(peer_task_bytes(&task), 4 + 9 + 4 + 4);
    memcpy(y, task.want_u8, sizeof y);
    y[2]--;
    peer_task_check(&task, y, 1, &wrong, example, sizeof example);
    assert_int_equal(wrong, 0);
    peer_task_check(&task, y, 0, &wrong, example, sizeof example);
    assert_int_equal(wrong, 1);
    assert_non_null(strstr(example, "position 2"));
    peer_task_free(&task);
}

/* The classic: 64 products of 255 * 127 through 16-bit pairs. */
static void test_saturated_sums(void **state)
{
    struct peer_shape shape = {"fc", PEER_FC, 1, 64, 1, 1, 2, 1, 1, 0};
    struct peer_task task;
    char example[160];
    int32_t sums[2];
    size_t wrong;

    (void)state;
    OK(peer_task_make(&shape, PEER_INT8, PEER_EXTREME, 0, 1, &task));
    assert_int_equal(task.want_s32[0] - task.bias_s32[0], 2072640);
    sums[0] = 32 * 32767 + task.bias_s32[0];
    sums[1] = task.want_s32[1];
    peer_task_check_sums(&task, sums, &wrong, example, sizeof example);
    assert_int_equal(wrong, 1);
    assert_non_null(strstr(example, "output 0 of position 0"));
    peer_task_free(&task);
}

static void test_float_tolerance(void **state)
{
    struct peer_shape shape = {"fc", PEER_FC, 3, 100, 1, 1, 4, 1, 1, 0};
    struct peer_task task;
    char example[160];
    float y[12];
    size_t wrong;

    (void)state;
    OK(peer_task_make(&shape, PEER_F32, PEER_TYPICAL, 0.5, 1, &task));
    for (int i = 0; i < 12; i++)
        y[i] = task.want_f32[i] + 0.5F * kn_tolerance_f32(100) * task.magnitude[i];
    peer_task_check(&task, y, 0, &wrong, example, sizeof example);
    assert_int_equal(wrong, 0);
    y[5] += 4 * kn_tolerance_f32(100) * task.magnitude[5];
    y[7] = NAN;
    peer_task_check(&task, y, 0, &wrong, example, sizeof example);
    assert_int_equal(wrong, 2);
    peer_task_free(&task);
}

/* ------------------------------------------------------------------ made-up libraries */

enum behaviour { RIGHT, SATURATES, WRONG_SUMS, ABSENT_OP };

static const struct peer_task *current; /* of the made-up libraries' one instance at a time */

static void fake_run(void *instance)
{
    volatile int *calls = instance;
    ++*calls;
}

static enum status fake_create(void *context, const struct peer_task *task, void **out)
{
    static int calls;
    if (*(enum behaviour *)context == ABSENT_OP)
        return status_fail(ST_SKIP, "the made-up library has no such operator");
    current = task;
    *out = &calls;
    return ST_OK;
}

static enum status copy_right(void *instance, void *y)
{
    size_t n = peer_task_outputs(current);
    (void)instance;
    if (current->type == PEER_F32)
        memcpy(y, current->want_f32, n * sizeof(float));
    else
        memcpy(y, current->want_u8, n);
    return ST_OK;
}

/* Halves what is large: what 16-bit saturation looks like from outside. */
static enum status copy_saturated(void *instance, void *y)
{
    size_t n = peer_task_outputs(current);
    (void)instance;
    for (size_t i = 0; i < n; i++)
        if (current->type == PEER_F32)
            ((float *)y)[i] = current->want_f32[i] * 0.5F;
        else
            ((uint8_t *)y)[i] = current->want_u8[i] > 200 ? 120 : current->want_u8[i];
    return ST_OK;
}

static enum status wrong_sums(void *context, const struct peer_task *task, int32_t *out)
{
    (void)context;
    memcpy(out, task->want_s32, peer_task_outputs(task) * sizeof *out);
    out[1] -= 1;
    return ST_OK;
}

static void fake_destroy(void *instance)
{
    (void)instance;
}

static struct peer make_fake(enum behaviour *behaviour)
{
    struct peer peer = {.name = "fake", .version = "1.0", .level = "native", .context = behaviour};
    peer.create = fake_create;
    peer.run = fake_run;
    peer.output = *behaviour == SATURATES ? copy_saturated : copy_right;
    peer.sums = *behaviour == WRONG_SUMS ? wrong_sums : NULL;
    peer.destroy = fake_destroy;
    return peer;
}

struct stage {
    struct peer_suite suite;
    struct kn_table table;
    struct peer_run_context context;
    enum behaviour first, second;
};

/* Ours for real (the reference), two made-up libraries in the places of oneDNN and XNNPACK. */
static struct stage *set_up(enum behaviour first, enum behaviour second)
{
    struct stage *s = calloc(1, sizeof *s);
    struct peer_settings settings;

    assert_non_null(s);
    OK(peer_suite_parse("tiny.json", tiny_suite, strlen(tiny_suite), &s->suite));
    kn_table_init(&s->table, 0);
    settings = (struct peer_settings){0, 0, &s->table};
    s->first = first;
    s->second = second;
    s->context.suite = &s->suite;
    s->context.table = &s->table;
    s->context.budget_s = 0.002;
    clock_system(&s->context.clock);
    for (int i = 0; i < PEER_LIBRARIES; i++) {
        if (peer_libraries[i].own) {
            OK(peer_libraries[i].open(&settings, &s->context.peer[i]));
            s->context.usable[i] = 1;
        }
        if (strcmp(peer_libraries[i].name, "onednn") == 0) {
            s->context.peer[i] = make_fake(&s->first);
            s->context.usable[i] = 1;
        }
        if (strcmp(peer_libraries[i].name, "xnnpack") == 0) {
            s->context.peer[i] = make_fake(&s->second);
            s->context.usable[i] = 1;
        }
    }
    return s;
}

static void tear_down(struct stage *s)
{
    peer_suite_free(&s->suite);
    free(s);
}

static const struct peer_cell *find_cell(const struct stage *s, const char *id)
{
    for (int i = 0; i < s->suite.cells; i++)
        if (strcmp(s->suite.cell[i].id, id) == 0)
            return &s->suite.cell[i];
    fail_msg("no cell %s", id);
    return NULL;
}

static void test_inexact_is_found(void **state)
{
    struct stage *s = set_up(SATURATES, WRONG_SUMS);
    struct record r[PEER_LIBRARIES];
    int n;

    (void)state;
    OK(peer_run_cell(&s->context, find_cell(s, "conv/int8"), r, &n));
    assert_int_equal(n, 3);
    assert_string_equal(r[0].kernel, "peer:fake-1.0");
    assert_string_equal(r[0].status, "ok");
    assert_non_null(r[0].inexact);
    assert_non_null(strstr(r[0].inexact, "full-range values: expected 240, got 120"));
    assert_non_null(strstr(r[1].inexact, "full-range sums: expected"));
    assert_true(r[0].latency_ns_median > 0 && r[0].peer_ratio > 0);
    assert_string_equal(r[2].cell, "conv/int8/simd/t1/b1");
    assert_string_equal(r[2].status, "ok");
    assert_null(r[2].inexact);
    assert_string_equal(r[2].kernels[0].kernel, s->table.gemm_u8s8.facts.name);
    assert_int_equal(r[2].macs_nominal, 3 * 2 * 6 * 27);
    while (n > 0)
        record_free(&r[--n]);
    tear_down(s);
}

static void test_wrong_floats_get_no_time(void **state)
{
    struct stage *s = set_up(SATURATES, RIGHT);
    struct record r[PEER_LIBRARIES];
    int n;

    (void)state;
    OK(peer_run_cell(&s->context, find_cell(s, "conv/fp32"), r, &n));
    assert_int_equal(n, 3);
    assert_string_equal(r[0].status, "mismatch");
    assert_true(isnan(r[0].latency_ns_median) && isnan(r[0].peer_ratio));
    assert_non_null(strstr(r[0].reason, "expected"));
    assert_string_equal(r[1].status, "ok");
    assert_true(r[1].peer_ratio > 0 && isfinite(r[1].peer_ratio));
    assert_true(r[1].peer_ratio_best > 0);
    while (n > 0)
        record_free(&r[--n]);
    tear_down(s);
}

static void test_absent_is_a_row(void **state)
{
    struct stage *s = set_up(ABSENT_OP, RIGHT);
    struct record r[PEER_LIBRARIES];
    int n;

    (void)state;
    for (int i = 0; i < PEER_LIBRARIES; i++)
        if (strcmp(peer_libraries[i].name, "xnnpack") == 0) {
            s->context.usable[i] = 0;
            snprintf(s->context.why_not[i], sizeof s->context.why_not[i], "not on this machine");
        }
    OK(peer_run_cell(&s->context, find_cell(s, "fc/prune-u80"), r, &n));
    assert_int_equal(n, 4); /* our own dense kernel too */
    assert_string_equal(r[0].kernel, "simd-dense");
    assert_string_equal(r[0].status, "ok");
    assert_true(r[0].peer_ratio > 0);
    assert_string_equal(r[1].status, "skip");
    assert_string_equal(r[1].reason, "the made-up library has no such operator");
    assert_string_equal(r[2].kernel, "peer:xnnpack");
    assert_string_equal(r[2].status, "skip");
    assert_string_equal(r[2].reason, "not on this machine");
    assert_string_equal(r[3].status, "ok");
    assert_string_equal(r[3].family, "pruned");
    while (n > 0)
        record_free(&r[--n]);
    tear_down(s);
}

/* Every operator that suites know, with every level of this processor. */
static void test_ours_is_exact(void **state)
{
    static const char *const ids[] = {"conv/fp32", "conv/int8", "dw/int8", "fc/fp32", "fc/prune-u80"};
    uint32_t mask;

    (void)state;
    for (int bit = -1; bit < 6; bit++) {
        struct stage *s;
        mask = bit < 0 ? 0 : (((uint32_t)2 << bit) - 1) & kn_cpu_isa();
        s = set_up(ABSENT_OP, ABSENT_OP);
        kn_table_init(&s->table, mask);
        for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
            struct record r[PEER_LIBRARIES];
            int n;
            OK(peer_run_cell(&s->context, find_cell(s, ids[i]), r, &n));
            if (strcmp(r[n - 1].status, "ok") != 0)
                fail_msg("%s at %s: %s", ids[i], kn_isa_name(mask), r[n - 1].reason);
            while (n > 0)
                record_free(&r[--n]);
        }
        tear_down(s);
    }
}

static void test_model(void **state)
{
    static const char text[] = "{\"name\": \"m\", \"peers\": [\"openblas\"], \"models\": [{\"file\": "
                               "\"models/tiny.json\", \"batch\": 3, \"types\": [\"fp32\", \"int8\"]}]}";
    struct stage *s = set_up(RIGHT, RIGHT);

    (void)state;
    peer_suite_free(&s->suite);
    OK(peer_suite_parse("suites/m.json", text, strlen(text), &s->suite));
    assert_int_equal(s->suite.cells, 2);
    for (int i = 0; i < 2; i++) {
        struct record r[PEER_LIBRARIES];
        struct peer_model_data data;
        char note[160];
        int n;
        OK(peer_run_cell(&s->context, &s->suite.cell[i], r, &n));
        assert_int_equal(n, 2);
        assert_string_equal(r[0].status, "skip");
        assert_string_equal(r[1].status, "ok");
        assert_string_equal(r[1].cell, i ? "tiny-b3/int8/simd/t1/b3" : "tiny-b3/fp32/simd/t1/b3");
        while (n > 0)
            record_free(&r[--n]);
        OK(peer_model_make(&s->suite.model[0].graph, 3, i ? PEER_INT8 : PEER_F32, 1, &data));
        OK(peer_model_check(&data, data.want, 1, note, sizeof note));
        assert_non_null(strstr(note, "3 of 3 labels agree"));
        peer_model_free(&data);
    }
    tear_down(s);
}

/* A score that is off is found: in floats for everybody, in integers for ours. */
static void test_wrong_scores(void **state)
{
    struct peer_model_data data = {.outputs = 4, .model = {.batch = 2}};
    float want[4] = {1, 2, 4, 3}, got[4] = {1, 2, 4, 3.2F};
    char note[160];

    (void)state;
    data.want = want;
    data.type = PEER_F32;
    assert_int_equal(peer_model_check(&data, got, 0, note, sizeof note), ST_MISMATCH);
    data.type = PEER_INT8;
    OK(peer_model_check(&data, got, 0, note, sizeof note));
    assert_string_equal(note, "largest difference 5 % of the largest score, 2 of 2 labels agree");
    got[3] = NAN;
    data.type = PEER_F32;
    assert_int_equal(peer_model_check(&data, got, 0, note, sizeof note), ST_MISMATCH);
}

/* ------------------------------------------------------------------ suites */

static void test_suite_cells(void **state)
{
    struct peer_suite suite;

    (void)state;
    OK(peer_suite_parse("tiny.json", tiny_suite, strlen(tiny_suite), &suite));
    assert_int_equal(suite.cells, 5);
    assert_string_equal(suite.cell[4].id, "fc/prune-u80");
    assert_string_equal(suite.cell[4].config, "prune-u80");
    assert_int_equal(suite.shape[2].batch, 2);
    assert_int_equal(suite.shape[1].n, 5);
    OK(peer_suite_filter(&suite, "*/int8,nothing"));
    assert_int_equal(suite.cells, 2);
    assert_string_equal(suite.cell[1].config, "int8");
    assert_int_equal(peer_suite_filter(&suite, "fc/*"), ST_BADARG);
    peer_suite_free(&suite);
    OK(peer_suite_load("suites/peers.json", &suite));
    assert_true(suite.cells > 30);
    peer_suite_free(&suite);
}

/* Each replaces one piece of the tiny suite; the error must name the place. */
static void test_hostile_suites(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } cases[] = {
        {"\"c\": 3", "\"c\": 0", "shapes[0].c"},
        {"\"c\": 3", "\"c\": 1e300", "shapes[0].c"},
        {"\"c\": 3", "\"c\": \"3\"", "shapes[0].c"},
        {"\"size\": [5, 4]", "\"size\": [5]", "shapes[0].size"},
        {"\"size\": [5, 4]", "\"size\": [5, -4]", "shapes[0].size"},
        {"\"size\": [5, 4]", "\"size\": [1, 8000], \"kernel\": 64", "shapes[0]"},
        {"\"size\": [5, 4], \"n\": 6", "\"size\": [8192, 8192], \"n\": 8192", "shapes[0]"},
        {"\"op\": \"conv\"", "\"op\": \"pool\"", "shapes[0].op"},
        {"\"op\": \"depthwise\"", "\"op\": \"depthwise\", \"n\": 5", "shapes[1]"},
        {"\"types\": [\"int8\"]", "\"types\": [\"int8\", \"int8\"]", "shapes[1].types"},
        {"\"types\": [\"int8\"]", "\"types\": []", "shapes[1].types"},
        {"\"types\": [\"int8\"]", "\"types\": [7]", "shapes[1].types"},
        {"\"name\": \"dw\"", "\"name\": \"a/b\"", "shapes[1].name"},
        {"\"name\": \"dw\"", "\"name\": \"conv\"", "stands twice"},
        {"[0.8]", "[1.0]", "shapes[2].sparsity"},
        {"[0.8]", "[null]", "shapes[2].sparsity"},
        {"[0.8]", "[0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9]", "shapes[2].sparsity"},
        {"\"xnnpack\"]", "\"onednn\"]", "peers"},
        {"\"xnnpack\"]", "\"simd\"]", "peers"},
        {"\"against\": \"exact\"", "\"against\": \"all\"", "expect[0].against"},
        {"\"floor\": 1", "\"floor\": 3", "expect[0].target"},
        {"\"budget_s\": 0.002", "\"budget_s\": -1", "budget_s"},
        {"\"budget_s\": 0.002", "\"budgets\": 1", "budgets"},
        {"\"name\": \"t\"", "\"name\": \"\"", "name"},
        {"\"expect\"", "\"models\": [{\"file\": \"nowhere.json\", \"types\": [\"fp32\"]}], \"expect\"", "nowhere.json"},
        {"\"expect\"", "\"models\": [7], \"expect\"", "models[0]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *at = strstr(tiny_suite, cases[i].from);
        struct peer_suite suite;
        char text[2048];
        int len;
        assert_non_null(at);
        len = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - tiny_suite), tiny_suite, cases[i].to,
                       at + strlen(cases[i].from));
        assert_true(len > 0 && len < (int)sizeof text);
        if (peer_suite_parse("bad.json", text, (size_t)len, &suite) == ST_OK)
            fail_msg("accepted: %s", cases[i].to);
        if (!strstr(status_message(), cases[i].says))
            fail_msg("%s: '%s' does not name %s", cases[i].to, status_message(), cases[i].says);
    }
    for (size_t cut = 0; cut < strlen(tiny_suite); cut += 7) {
        struct peer_suite suite;
        assert_int_not_equal(peer_suite_parse("cut.json", tiny_suite, cut, &suite), ST_OK);
    }
}

/* ------------------------------------------------------------------ the table */

static void add_record(const char *dir, const char *kernel, const char *config, double ratio, const char *inexact,
                       const char *status)
{
    struct record r;

    record_init(&r);
    OK(record_set(&r.model, "conv"));
    OK(record_set(&r.config, config));
    OK(record_set(&r.kernel, kernel));
    OK(record_set(&r.status, status));
    OK(record_set(&r.inexact, inexact));
    r.threads = r.batch = 1;
    r.macs_nominal = 4000;
    r.latency_ns_median = 1000 * (isnan(ratio) ? 1 : ratio);
    r.peer_ratio = r.peer_ratio_best = ratio;
    r.peer_ratio_ci95[0] = ratio * 0.9;
    r.peer_ratio_ci95[1] = ratio * 1.1;
    OK(record_set_cell(&r));
    OK(rundir_append(dir, &r));
    record_free(&r);
}

static void check_judgement(const struct peer_row *row, const char *against, double ratio)
{
    for (int i = 0; i < row->judgements; i++)
        if (strcmp(row->judgement[i].against, against) == 0) {
            assert_true(fabs(row->judgement[i].ratio - ratio) < 1e-9);
            return;
        }
    fail_msg("%s is not judged", against);
}

static void test_table(void **state)
{
    static const char env[] =
        "{\"run\": {\"kind\": \"peers\", \"libraries\": {\"peer:b\": \"is not there\"}, \"expect\": ["
        "{\"names\": \"x*,c*\", \"config\": \"int8\", \"against\": \"best\", \"floor\": 1.0, \"target\": 1.3},"
        "{\"names\": \"*\", \"config\": \"int8\", \"against\": \"exact\", \"floor\": 1.3, \"target\": 1.6},"
        "{\"names\": \"d*\", \"config\": \"int8\", \"against\": \"exact\", \"floor\": 9, \"target\": 9}]}}";
    char dir[] = "/tmp/packlight-peers-XXXXXX", path[64], banner[512];
    struct records records;
    struct report report;
    struct peer_table table;
    struct grid grid;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/env.json", dir);
    OK(file_write_atomic(path, env, strlen(env)));
    add_record(dir, "peer:a-1", "int8", 0.9, "expected 240, got 121", "ok");
    add_record(dir, "peer:b", "int8", NAN, NULL, "skip");
    add_record(dir, "peer:c-2", "int8", 1.5, NULL, "ok");
    add_record(dir, "peer:d-2", "int8", 0.1, NULL, "mismatch");
    add_record(dir, "simd", "int8", NAN, NULL, "ok");
    add_record(dir, "simd", "fp32", NAN, NULL, "ok");
    OK(records_load(dir, &records));
    OK(report_make(&records, NULL, &report));
    assert_true(peer_table_is(&report));
    OK(peer_table_make(&report, &table));
    assert_int_equal(table.columns, 4);
    assert_int_equal(table.rows, 2);
    assert_true(fabs(table.row[0].best - 0.9) < 1e-9);  /* the wrong one's time does not count */
    assert_true(fabs(table.row[0].exact - 1.5) < 1e-9); /* nor the inexact one's, here */
    assert_int_equal(table.row[0].judgements, 2);
    check_judgement(&table.row[0], "best", 0.9);
    check_judgement(&table.row[0], "exact", 1.5);
    assert_int_equal(table.row[1].judgements, 0);
    assert_true(isnan(table.row[1].best));
    peer_table_banner(&table, banner, sizeof banner);
    assert_non_null(strstr(banner, "1 of 2 floors and 0 of 2 targets"));
    peer_table_grid(&table, &grid);
    assert_string_equal(grid_at(&grid, 0, grid_find(&grid, "operator or model")), "conv");
    assert_string_equal(grid_at(&grid, 0, grid_find(&grid, "a-1")), "inexact 0.900 (0.810–0.990)");
    assert_string_equal(grid_at(&grid, 0, grid_find(&grid, "b")), "skip");
    assert_string_equal(grid_at(&grid, 0, grid_find(&grid, "d-2")), "mismatch");
    assert_non_null(strstr(grid_at(&grid, 0, grid_find(&grid, "expected")), "best 0.900 < floor 1"));
    grid_free(&grid);
    peer_table_inexact(&table, &grid);
    assert_int_equal(grid.rows, 1);
    grid_free(&grid);
    peer_table_libraries(&table, &grid);
    assert_string_equal(grid_at(&grid, 0, 1), "is not there");
    grid_free(&grid);
    peer_table_free(&table);
    report_free(&report);
    records_free(&records);
    remove(path);
    snprintf(path, sizeof path, "%s/records.jsonl", dir);
    remove(path);
    remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_by_hand),
        cmocka_unit_test(test_saturated_sums),
        cmocka_unit_test(test_float_tolerance),
        cmocka_unit_test(test_inexact_is_found),
        cmocka_unit_test(test_wrong_floats_get_no_time),
        cmocka_unit_test(test_absent_is_a_row),
        cmocka_unit_test(test_ours_is_exact),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_wrong_scores),
        cmocka_unit_test(test_suite_cells),
        cmocka_unit_test(test_hostile_suites),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
