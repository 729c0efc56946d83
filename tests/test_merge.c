/* Joining shards: exact bytes and order, every violation refused with both directories named, kills leave no half. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/progress.h"
#include "base/tree.h"
#include "merge.h"
#include "report/record.h"

/* Cells a b c d e f; three recipes of two cells each, dealt to two shards: a b e f and c d. */
static char root[64];

static const char *at(const char *name)
{
    static char path[8][256];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", root, name);
    return path[next];
}

static void check_ok(enum status st)
{
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), status_message());
}

static void put(const char *name, const char *text)
{
    check_ok(tree_make_parent(at(name)));
    check_ok(file_write_atomic(at(name), text, strlen(text)));
}

static char *get(const char *name)
{
    unsigned char *bytes = NULL;
    size_t len;
    check_ok(file_read(at(name), 0, &bytes, &len));
    return (char *)bytes;
}

/* Replaces the first `old` in a file. */
static void edit(const char *name, const char *old, const char *new)
{
    unsigned char *bytes = NULL;
    char *changed = NULL;
    const char *found;
    size_t len;
    check_ok(file_read(at(name), 0, &bytes, &len));
    found = strstr((const char *)bytes, old);
    changed = malloc(len + strlen(new) + 1);
    if (!found || !changed)
        fail_msg("%s has no %s", name, old);
    sprintf(changed, "%.*s%s%s", (int)(found - (const char *)bytes), (const char *)bytes, new, found + strlen(old));
    put(name, changed);
    free(changed);
    free(bytes);
}

static void put_env(const char *name, const char *shard, const char *own)
{
    char text[2048];
    snprintf(
        text, sizeof text,
        "{\"cpu\": {\"vendor\": \"x\", \"brand\": \"Some CPU\", \"logical_cpus\": 2}, \"memory_bytes\": 4e9,\n"
        "\"build\": {\"commit\": \"c0ffee\", \"dirty\": false, \"compiler\": \"cc\", \"flags\": \"-O2\"},\n"
        "\"warnings\": [\"common\", \"only %s\"],\n"
        "\"run\": {\"suite\": \"s\", \"suite_sha256\": \"5u17e\", \"data\": \"d\", \"data_sha256\": \"da7a\", \"isa\": "
        "\"avx2\", \"seeds\": [1], \"program_sha256\": \"b1\", \"started\": \"2026-01-0%sT\",\n"
        "\"shard\": \"%s\", \"cells\": [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"], \"cells_sha256\": \"ce11\",\n"
        "\"shard_cells\": %s}}",
        shard, strcmp(shard, "1/2") == 0 ? "2" : "1", shard, own);
    put(name, text);
}

/* A line with odd blanks, to see that it is copied and not written anew. */
static void put_records(const char *name, const char *cells, const char *artifact, const char *sha256)
{
    char text[4096] = "";
    for (const char *cell = cells; *cell; cell++)
        sprintf(text + strlen(text),
                "{\"schema\":\"" RECORD_SCHEMA
                "\",  \"cell\":\"%c\",\"model\":\"m\",\"config\":\"fp32\",\"kernel\":\"ref\","
                "\"status\":\"ok\",\"artifact\":\"%s\",\"artifact_sha256\":\"%s\", \"more\":%d}\n",
                *cell, artifact, sha256, *cell - 'a');
    put(name, text);
}

static int make_shards(void **state)
{
    char one[HASH_HEX], two[HASH_HEX];
    (void)state;
    snprintf(root, sizeof root, "/tmp/packlight-merge-XXXXXX");
    if (!mkdtemp(root))
        return -1;
    hash_bytes("one", 3, one);
    hash_bytes("two", 3, two);
    put_env("s1/env.json", "1/2", "[0, 1, 4, 5]");
    put_env("s2/env.json", "2/2", "[2, 3]");
    put_records("s1/records.jsonl", "abef", "artifacts/1.plk", one);
    put_records("s2/records.jsonl", "cd", "artifacts/2.plk", two);
    put("s1/artifacts/1.plk", "one");
    put("s2/artifacts/2.plk", "two");
    put("s1/artifacts/base.plk", "base"); /* a baseline that both shards made */
    put("s2/artifacts/base.plk", "base");
    put("s1/sample.u8", "pixels");
    put("s2/sample.u8", "pixels");
    put("s1/energy.jsonl", "{\"cell\":\"f\"}\n{\"cell\":\"a\",  \"x\":1}\n{\"cell\":\"a\",\"x\":2}\n{\"all\":1}\n");
    put("s2/energy.jsonl", "{\"cell\":\"d\"}\n{\"cell\":\"c\"}\n{\"cell\":\"c");
    put("s1/report.md", "made from the rest");
    put("s2/report.md", "another");
    put("s2/plots/x.svg", "made, too");
    put("s1/artifacts/1.plk.tmp.77", "left by a kill");
    return 0;
}

static int remove_shards(void **state)
{
    (void)state;
    return tree_remove(root, NULL) == ST_OK ? 0 : -1;
}

static enum status merge_with(int partial, const char *one, const char *two)
{
    char out[256], dir[2][256];
    const char *dirs[2] = {dir[0], dir[1]};
    static char *argv[] = {"merge", "OUT", "A", "B"};
    struct merge_options options = {.out_dir = out, .dir = dirs, .dirs = two ? 2 : 1, .partial = partial, .argc = 4};

    options.argv = argv;
    snprintf(out, sizeof out, "%s", at("out"));
    snprintf(dir[0], sizeof dir[0], "%s", at(one));
    snprintf(dir[1], sizeof dir[1], "%s", at(two ? two : one));
    return merge_run(&options);
}

/* Refused with a message that has all of these words; nothing is left behind. */
static void refused(enum status st, const char *const *words)
{
    if (st == ST_OK)
        fail_msg("it was joined");
    for (; *words; words++)
        if (!strstr(status_message(), *words))
            fail_msg("\"%s\"\nlacks \"%s\"", status_message(), *words);
    assert_false(file_exists(at("out.tmp")));
    assert_false(file_exists(at("out.lock")));
}
#define REFUSED(st, ...) refused(st, (const char *const[]){__VA_ARGS__, NULL})

static void check_exact(void)
{
    char *merged = get("out/records.jsonl"), *one = get("s1/records.jsonl"), *two = get("s2/records.jsonl");
    char *energy = get("out/energy.jsonl"), expected[8192];
    size_t half = strlen(one) / 2; /* all lines are equally long */

    snprintf(expected, sizeof expected, "%.*s%s%s", (int)half, one, two, one + half);
    assert_string_equal(merged, expected);
    assert_string_equal(energy,
                        "{\"cell\":\"a\",  \"x\":1}\n{\"cell\":\"a\",\"x\":2}\n{\"cell\":\"c\"}\n{\"cell\":\"d\"}\n{"
                        "\"cell\":\"f\"}\n{\"all\":1}\n");
    free(merged);
    free(one);
    free(two);
    free(energy);
}

static void two_shards_are_one_run(void **state)
{
    char *env, *found;
    (void)state;
    check_ok(merge_with(0, "s2", "s1")); /* in any order */
    check_exact();
    assert_true(file_exists(at("out/artifacts/1.plk")) && file_exists(at("out/artifacts/2.plk")));
    assert_true(file_exists(at("out/artifacts/base.plk")) && file_exists(at("out/sample.u8")));
    assert_false(file_exists(at("out/report.md")) || file_exists(at("out/plots")) ||
                 file_exists(at("out/artifacts/1.plk.tmp.77")) || file_exists(at("out/.packlight-merge")));
    env = get("out/env.json");
    assert_non_null(strstr(env, "\"brand\":\t\"Some CPU\""));
    assert_non_null(strstr(env, "\"common\""));
    assert_non_null(strstr(env, "\"Shard 1: only 1/2\""));
    assert_non_null(strstr(env, "packlight merge OUT A B"));
    found = strstr(env, "\"started\"");
    assert_non_null(found);
    assert_non_null(strstr(found, "2026-01-01T")); /* the earlier one */
    assert_null(strstr(env, "missing_cells"));
    assert_null(strstr(env, "kinds of machines"));
    found = strstr(env, "\"shards\":\t[");
    assert_non_null(found);
    assert_non_null(strstr(found, "\"shard\":\t\"1/2\"")); /* each shard's own facts are kept */
    assert_non_null(strstr(found, "\"shard\":\t\"2/2\""));
    free(env);
}

static void parts_of_different_runs_are_refused(void **state)
{
    static const char *const change[][3] = {
        {"5u17e", "0ther", "suite_sha256"},
        {"da7a", "0ther", "data_sha256"},
        {"avx2", "sse41", "ISA level"},
        {"[1]", "[1, 2]", "seeds"},
        {"\"f\"]", "\"g\"]", "matrix"},
        {"2/2", "2/3", "divisions"},
        {"\"seeds\": [1]", "\"seed\": 1", "seeds"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        const char *old = strcmp(change[i][0], "2/2") == 0 ? "\"shard\": \"2/2\"" : change[i][0];
        const char *new = strcmp(change[i][0], "2/2") == 0 ? "\"shard\": \"2/3\"" : change[i][1];
        edit("s2/env.json", old, new);
        REFUSED(merge_with(0, "s1", "s2"), "/s1 and ", "/s2: ", change[i][2]);
        REFUSED(merge_with(1, "s1", "s2"), change[i][2]); /* --partial is about what is missing only */
        edit("s2/env.json", new, old);
    }
    check_ok(merge_with(0, "s1", "s2"));
}

static void another_program_must_be_the_same_clean_commit(void **state)
{
    (void)state;
    edit("s2/env.json", "\"b1\"", "\"b2\""); /* built on the other machine */
    edit("s2/env.json", "c0ffee", "deadbeef");
    REFUSED(merge_with(0, "s1", "s2"), "/s1 and ", "commit", "c0ffee", "deadbeef");
    edit("s2/env.json", "deadbeef", "c0ffee");
    edit("s2/env.json", "false", "true");
    REFUSED(merge_with(0, "s1", "s2"), "/s1 and ", "not a clean commit");
    edit("s2/env.json", "true", "false");
    check_ok(merge_with(0, "s1", "s2"));
}

static void shards_are_there_once(void **state)
{
    (void)state;
    REFUSED(merge_with(0, "s1", "s1"), "/s1 and ", "both are shard 1/2");
    REFUSED(merge_with(0, "s1", NULL), "shard 2/2 is not among", "--partial");
    REFUSED(merge_with(0, "s1", "nowhere"), "nowhere", "env.json");
    edit("s2/env.json", "[2, 3]", "[1, 3]");
    put("s2/records.jsonl", "");
    REFUSED(merge_with(0, "s1", "s2"), "/s1 and ", "both have cell b");
}

static void what_is_missing_is_refused_or_said(void **state)
{
    char *env, *lines;
    (void)state;
    edit("s2/records.jsonl", "\"more\":3}\n", "\"mo"); /* killed while writing d */
    REFUSED(merge_with(0, "s1", "s2"), "shard 2/2 is not finished", "1 cell is missing", "first is d", "--resume");
    check_ok(merge_with(1, "s1", "s2"));
    env = get("out/env.json");
    assert_non_null(strstr(env, "1 of 6 cells are missing (shards not there: none; not finished: 2)"));
    assert_non_null(strstr(env, "\"missing_cells\":\t[\"d\"]"));
    free(env);
    check_ok(tree_remove(at("out"), NULL));
    check_ok(merge_with(1, "nowhere", "s1")); /* a whole shard */
    env = get("out/env.json");
    lines = get("out/records.jsonl");
    assert_non_null(strstr(env, "2 of 6 cells are missing (shards not there: 2; not finished: none)"));
    assert_non_null(strstr(env, "\"missing_shards\":\t[2]"));
    assert_null(strstr(lines, "\"cell\":\"c\""));
    free(env);
    free(lines);
    check_ok(tree_remove(at("out"), NULL));
    check_ok(tree_remove(at("s2"), NULL));
    check_ok(tree_remove(at("s1"), NULL));
    REFUSED(merge_with(1, "s1", "s2"), "no shard is there");
}

static void the_last_line_of_a_cell_counts(void **state)
{
    char *lines;
    (void)state;
    edit("s2/records.jsonl", "\"status\":\"ok\"", "\"status\":\"failed\"");
    lines = get("s2/records.jsonl");
    lines = realloc(lines, strlen(lines) + 512);
    assert_non_null(lines);
    strcat(lines,
           "{\"schema\":\"" RECORD_SCHEMA "\",\"cell\":\"c\",\"model\":\"m\",\"config\":\"fp32\",\"kernel\":\"ref\","
           "\"status\":\"ok\",\"again\":1}\n");
    put("s2/records.jsonl", lines);
    free(lines);
    check_ok(merge_with(0, "s1", "s2"));
    lines = get("out/records.jsonl");
    assert_null(strstr(lines, "failed"));
    assert_true(strstr(lines, "\"again\":1") < strstr(lines, "\"cell\":\"d\"")); /* in its place */
    free(lines);
}

static void files_must_be_what_they_were(void **state)
{
    (void)state;
    put("s2/artifacts/2.plk", "twO");
    REFUSED(merge_with(0, "s1", "s2"), "s2/artifacts/2.plk", "SHA-256", "record of c");
    unlink(at("s2/artifacts/2.plk"));
    REFUSED(merge_with(0, "s1", "s2"), "s2/artifacts/2.plk", "not there");
    put("s2/artifacts/2.plk", "two");
    put("s2/artifacts/base.plk", "bass");
    REFUSED(merge_with(0, "s1", "s2"), "/s1 and ", "artifacts/base.plk is not the same", "--cache");
    put("s2/artifacts/base.plk", "base");
    put("s2/sample.u8", "pixelz");
    REFUSED(merge_with(0, "s1", "s2"), "/s1 and ", "sample.u8 is not the same in both");
    put("s2/sample.u8", "pixels");
    assert_int_equal(symlink("/etc/hostname", at("s2/link")), 0);
    REFUSED(merge_with(0, "s1", "s2"), "s2/link", "neither a plain file nor a folder");
    unlink(at("s2/link"));
    check_ok(merge_with(0, "s1", "s2"));
}

static void damage_names_its_place(void **state)
{
    static const char *const change[][3] = {{"\"1/2\"", "\"one\"", "expected I/N"},
                                            {"\"1/2\"", "\"3/2\"", "expected I/N"},
                                            {"[0, 1, 4, 5]", "[0, 1, 4, 6]", "ascending positions below 6"},
                                            {"[0, 1, 4, 5]", "[0, 1, 1, 5]", "ascending"},
                                            {"[0, 1, 4, 5]", "[0, 1, 0.5]", "ascending"},
                                            {"[0, 1, 4, 5]", "{}", "shard_cells"},
                                            {"\"a\", \"b\"", "\"a\", 7", "texts only"},
                                            {"\"shard\":", "\"shred\":", "not a shard"},
                                            {"{\"cpu\"", "[\"cpu\"", "env.json"}};
    (void)state;
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        const char *where = strcmp(change[i][0], "\"1/2\"") == 0 ? "\"shard\": \"1/2\"" : change[i][0];
        char new[64];
        snprintf(new, sizeof new, "%s%s", where == change[i][0] ? "" : "\"shard\": ", change[i][1]);
        edit("s1/env.json", where, new);
        REFUSED(merge_with(0, "s1", "s2"), "/s1", change[i][2]);
        edit("s1/env.json", new, where);
    }
    edit("s1/records.jsonl", "\"cell\":\"b\"", "\"cell\":\"c\"");
    REFUSED(merge_with(0, "s1", "s2"), "s1/records.jsonl:2", "cell c is not one of shard 1/2");
    edit("s1/records.jsonl", "\"cell\":\"c\"", "\"cell\":7");
    REFUSED(merge_with(0, "s1", "s2"), "s1/records.jsonl:2");
}

static void unlike_machines_are_said(void **state)
{
    char *env;
    (void)state;
    edit("s2/env.json", "Some CPU", "Big CPU");
    edit("s2/env.json", "\"logical_cpus\": 2", "\"logical_cpus\": 64");
    check_ok(merge_with(0, "s1", "s2"));
    env = get("out/env.json");
    assert_non_null(strstr(env, "2 kinds of machines or systems: shard 1 on Some CPU; shard 2 on Big CPU"));
    assert_non_null(strstr(env, "\"brand\":\t\"differs by shard\""));
    free(env);
}

static void the_result_needs_a_free_place(void **state)
{
    (void)state;
    put("out/mine", "text");
    REFUSED(merge_with(0, "s1", "s2"), "out already exists");
    unlink(at("out/mine"));
    check_ok(merge_with(0, "s1", "s2")); /* an empty folder will do */
    check_ok(tree_remove(at("out"), NULL));
    put("out", "a file");
    REFUSED(merge_with(0, "s1", "s2"), "out already exists");
    unlink(at("out"));
    put("out.tmp/mine", "text");
    assert_int_equal(merge_with(0, "s1", "s2"), ST_BADARG);
    assert_non_null(strstr(status_message(), "out.tmp is in the way"));
    assert_true(file_exists(at("out.tmp/mine")));
}

/* Killed at many instants: OUT is not there or whole, and the next merge works whatever was left. */
static void a_kill_leaves_no_half(void **state)
{
    double span_s, start_s = progress_now_s();
    int whole = 0;
    (void)state;
    check_ok(merge_with(0, "s1", "s2"));
    span_s = progress_now_s() - start_s;
    check_ok(tree_remove(at("out"), NULL));
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fclose(stderr);
            _exit(merge_with(0, "s1", "s2") == ST_OK ? 0 : 1);
        }
        usleep((unsigned)(1e6 * (span_s + 0.02) * i / 20));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        if (file_exists(at("out"))) {
            check_exact();
            assert_true(file_exists(at("out/env.json")));
            whole++;
            check_ok(tree_remove(at("out"), NULL));
        }
    }
    print_message("  %d of 60 were whole\n", whole);
    check_ok(merge_with(0, "s1", "s2"));
    check_exact();
    assert_false(file_exists(at("out.tmp")) || file_exists(at("out.lock")));
}

int main(void)
{
#define MERGE_TEST(name) cmocka_unit_test_setup_teardown(name, make_shards, remove_shards)
    const struct CMUnitTest tests[] = {
        MERGE_TEST(two_shards_are_one_run),
        MERGE_TEST(parts_of_different_runs_are_refused),
        MERGE_TEST(another_program_must_be_the_same_clean_commit),
        MERGE_TEST(shards_are_there_once),
        MERGE_TEST(what_is_missing_is_refused_or_said),
        MERGE_TEST(the_last_line_of_a_cell_counts),
        MERGE_TEST(files_must_be_what_they_were),
        MERGE_TEST(damage_names_its_place),
        MERGE_TEST(unlike_machines_are_said),
        MERGE_TEST(the_result_needs_a_free_place),
        MERGE_TEST(a_kill_leaves_no_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
