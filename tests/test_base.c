/* status, memory, random numbers, files, JSON, hashing, pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/resource.h"
#include "base/rng.h"

static char folder[] = "/tmp/packlight-base-XXXXXX";

static const char *at(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[300];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void status_keeps_message(void **state)
{
    (void)state;
    assert_int_equal(status_fail(ST_FORMAT, "%s: byte %d", "a.bin", 7), ST_FORMAT);
    assert_string_equal(status_message(), "a.bin: byte 7");
    status_prefix(ST_FORMAT, "loading");
    assert_string_equal(status_message(), "loading: a.bin: byte 7");
    assert_string_equal(status_name(ST_MISMATCH), "mismatch");
    assert_string_equal(status_name((enum status)99), "unknown");
}

static void memory_is_aligned_zeroed_and_bounded(void **state)
{
    unsigned char *p;
    (void)state;
    for (size_t n = 0; n < 200; n += 33) {
        assert_int_equal(mem_alloc(n, 1, &p), ST_OK);
        assert_int_equal((uintptr_t)p % MEM_ALIGN, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        mem_free(p);
    }
    assert_int_equal(mem_alloc(SIZE_MAX / 2, 8, &p), ST_NOMEM);
    assert_int_equal(mem_alloc((size_t)1 << 60, 1, &p), ST_NOMEM);
    mem_free(NULL);
}

static void rng_repeats_and_differs(void **state)
{
    struct rng a, b;
    uint32_t items[100];
    double sum = 0, squares = 0;
    unsigned char seen[100] = {0};
    (void)state;
    rng_seed(&a, 5, 1);
    rng_seed(&b, 5, 1);
    for (int i = 0; i < 10; i++)
        assert_true(rng_u64(&a) == rng_u64(&b));
    rng_seed(&b, 5, 2);
    assert_true(rng_u64(&a) != rng_u64(&b));
    for (int i = 0; i < 1000; i++) {
        float u = rng_f32(&a);
        assert_true(u >= 0 && u < 1);
        assert_true(rng_below(&a, 7) < 7);
    }
    assert_int_equal(rng_below(&a, 0), 0);
    for (int i = 0; i < 20000; i++) {
        double x = (double)rng_normal(&a);
        sum += x;
        squares += x * x;
    }
    assert_true(sum / 20000 > -0.03 && sum / 20000 < 0.03);
    assert_true(squares / 20000 > 0.95 && squares / 20000 < 1.05);
    for (uint32_t i = 0; i < 100; i++)
        items[i] = i;
    rng_shuffle_u32(&a, items, 100);
    for (int i = 0; i < 100; i++)
        seen[items[i]]++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
}

static void files_write_read_append(void **state)
{
    unsigned char *data;
    size_t len;
    (void)state;
    assert_int_equal(file_write_atomic(at("a"), "hello", 5), ST_OK);
    assert_int_equal(file_read(at("a"), 0, &data, &len), ST_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(data, "hello", 6); /* with the NUL behind it */
    free(data);
    assert_int_equal(file_read(at("a"), 4, &data, &len), ST_FORMAT);
    assert_int_equal(file_read(at("none"), 0, &data, &len), ST_IO);
    assert_non_null(strstr(status_message(), "none"));
    assert_int_equal(file_read(folder, 0, &data, &len), ST_IO);
    /* what a kill left behind without a newline is closed before the next line */
    assert_int_equal(file_write_atomic(at("log"), "{\"torn\":", 8), ST_OK);
    assert_int_equal(file_append_sync(at("log"), "{}\n", 3), ST_OK);
    assert_int_equal(file_append_sync(at("log"), "{}\n", 3), ST_OK);
    assert_int_equal(file_read(at("log"), 0, &data, &len), ST_OK);
    assert_string_equal((char *)data, "{\"torn\":\n{}\n{}\n");
    free(data);
}

static void files_name_what_fails(void **state)
{
    (void)state;
    assert_int_equal(file_write_atomic("/nonexistent/dir/x", "a", 1), ST_IO);
    assert_non_null(strstr(status_message(), "/nonexistent/dir/x"));
    assert_int_equal(file_append_sync("/nonexistent/x", "a", 1), ST_IO);
    assert_int_equal(file_write_atomic("/dev/full/x", "a", 1), ST_IO);
    assert_int_equal(file_append_sync("/dev/full", "a", 1), ST_IO); /* a full disk */
    assert_int_equal(file_make_dirs(at("d/e/f")), ST_OK);
    assert_int_equal(file_make_dirs(at("d/e/f")), ST_OK);
    assert_true(file_exists(at("d/e/f")));
    assert_int_equal(file_write_atomic(at("plain"), "x", 1), ST_OK);
    assert_int_equal(file_make_dirs(at("plain/below")), ST_IO);
    assert_int_equal(file_make_dirs(at("plain")), ST_IO);
    assert_int_equal(file_point_link("a", at("link")), ST_OK);
    assert_int_equal(file_point_link("plain", at("link")), ST_OK);
    assert_true(file_exists(at("link")));
}

static void json_reads_and_refuses(void **state)
{
    static const char *const keys[] = {"n", "x", "s", "b", "a", NULL};
    static const char text[] = "{\"n\": 3, \"x\": 0.5, \"s\": \"w\", \"b\": true, \"a\": [1]}";
    struct json doc;
    long n = 0;
    double x = 0;
    const char *s;
    int b;
    const cJSON *a;
    (void)state;
    assert_int_equal(json_parse("t.json", text, strlen(text), &doc), ST_OK);
    assert_int_equal(json_keys(&doc, doc.root, "", keys), ST_OK);
    assert_int_equal(json_int(&doc, doc.root, "", "n", 0, 5, &n), ST_OK);
    assert_int_equal(n, 3);
    assert_int_equal(json_int(&doc, doc.root, "p", "n", 4, 5, &n), ST_FORMAT);
    assert_non_null(strstr(status_message(), "t.json: p.n: expected a whole number from 4 to 5"));
    assert_int_equal(json_int(&doc, doc.root, "", "x", 0, 5, &n), ST_FORMAT);
    assert_int_equal(json_real(&doc, doc.root, "", "x", 0, 1, &x), ST_OK);
    assert_int_equal(json_text(&doc, doc.root, "", "s", &s), ST_OK);
    assert_int_equal(json_text(&doc, doc.root, "", "n", &s), ST_FORMAT);
    assert_int_equal(json_bool(&doc, doc.root, "", "b", &b), ST_OK);
    assert_int_equal(json_array(&doc, doc.root, "", "a", &a), ST_OK);
    assert_int_equal(json_object(&doc, doc.root, "", "a", &a), ST_FORMAT);
    assert_int_equal(json_int(&doc, doc.root, "", "gone", 0, 1, &n), ST_FORMAT);
    assert_int_equal(json_opt_int(&doc, doc.root, "", "gone", 0, 1, &n), ST_OK);
    assert_int_equal(n, 3);
    json_free(&doc);
    assert_int_equal(json_parse("t.json", "{\n\"a\": 1,\n oops}", 16, &doc), ST_FORMAT);
    assert_non_null(strstr(status_message(), "t.json:3:"));
}

static void json_survives_depth(void **state)
{
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH);
    struct json doc;
    (void)state;
    memset(text, '[', DEPTH);
    assert_int_equal(json_parse("deep", text, DEPTH, &doc), ST_FORMAT);
    free(text);
}

static void sha256_matches_fips_example(void **state)
{
    char hex[HASH_HEX], other[HASH_HEX];
    struct hash hash;
    (void)state;
    hash_bytes("abc", 3, hex); /* FIPS 180-4's own example */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_begin(&hash);
    hash_add_text(&hash, "ab");
    hash_add_text(&hash, "c");
    hash_end(&hash, hex);
    hash_begin(&hash);
    hash_add_text(&hash, "a");
    hash_add_text(&hash, "bc");
    hash_end(&hash, other);
    assert_string_not_equal(hex, other);
}

struct tally {
    int seen[1000];
};

static void count_task(void *context, int task)
{
    ((struct tally *)context)->seen[task]++;
}

static void pool_runs_each_task_once(void **state)
{
    struct pool *pool;
    (void)state;
    for (int threads = 1; threads <= 5; threads++) {
        assert_int_equal(pool_new(threads, &pool), ST_OK);
        assert_int_equal(pool_threads(pool), threads);
        for (int repeat = 0; repeat < 200; repeat++) {
            struct tally tally = {{0}};
            int tasks = repeat * 5 % 1000;
            pool_run(pool, tasks, count_task, &tally);
            for (int i = 0; i < 1000; i++)
                assert_int_equal(tally.seen[i], i < tasks);
        }
        pool_free(pool);
    }
    assert_int_equal(pool_new(0, &pool), ST_BADARG);
    assert_int_equal(pool_new(100000, &pool), ST_BADARG);
    pool_free(NULL);
    assert_true(pool_cpus() >= 1);
}

static void durations_read_well(void **state)
{
    char buffer[32];
    (void)state;
    assert_string_equal(progress_duration(7.4, buffer, sizeof buffer), "7 s");
    assert_string_equal(progress_duration(192, buffer, sizeof buffer), "3 m 12 s");
    assert_string_equal(progress_duration(3725, buffer, sizeof buffer), "1 h 02 m");
    assert_string_equal(progress_duration(-1, buffer, sizeof buffer), "0 s");
}

static void resources_are_found_here(void **state)
{
    char path[512];
    (void)state;
    assert_int_equal(resource_find("suites/models/lenet5.json", path, sizeof path), ST_OK);
    assert_int_equal(resource_find("suites/none.json", path, sizeof path), ST_IO);
    assert_non_null(strstr(status_message(), "suites/none.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_keeps_message),     cmocka_unit_test(memory_is_aligned_zeroed_and_bounded),
        cmocka_unit_test(rng_repeats_and_differs),  cmocka_unit_test(files_write_read_append),
        cmocka_unit_test(files_name_what_fails),    cmocka_unit_test(json_reads_and_refuses),
        cmocka_unit_test(json_survives_depth),      cmocka_unit_test(sha256_matches_fips_example),
        cmocka_unit_test(pool_runs_each_task_once), cmocka_unit_test(durations_read_well),
        cmocka_unit_test(resources_are_found_here),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
