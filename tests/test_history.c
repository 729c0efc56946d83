/* The history: what is stored, stored once, replaced, refused; what survives a kill, a full disk, a lock, damage. */
#define _GNU_SOURCE
#include "history_fake.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "history/history_rebuild.h"

/* ------------------------------------------------------------------ storing */

static void stores_a_run(void **state)
{
    (void)state;
    struct history_added added;

    make_run("run", 1, 5);
    added = add("run", NULL);
    assert_int_equal(added.outcome, HISTORY_NEW);
    assert_int_equal(added.rows, 5);
    assert_string_equal(added.kind, "bench");
    assert_string_equal(added.against, "");
    assert_int_equal(count("SELECT count(*) FROM cell"), 5);
    assert_int_equal(count("SELECT value FROM figure WHERE cell LIKE '%recipe-2%' AND metric = 'latency_ns_median'"),
                     3000);
    assert_int_equal(count("SELECT hi FROM figure WHERE cell LIKE '%recipe-2%' AND metric = 'latency_ns_median'"),
                     3030);
    assert_int_equal(count("SELECT n FROM figure WHERE cell LIKE '%recipe-2%' AND metric = 'latency_ns_median'"), 30);
    assert_int_equal(count("SELECT dirty FROM run WHERE commit_id LIKE '%1' AND cpu = 'Example CPU 3000'"), 0);
}

static void a_wrong_cell_has_sizes_and_no_time(void **state)
{
    (void)state;
    make_run("run", 1, 5);
    add("run", NULL);
    assert_int_equal(count("SELECT count(*) FROM figure WHERE status = 'mismatch' AND metric LIKE 'latency%'"), 0);
    assert_int_equal(count("SELECT value FROM figure WHERE status = 'mismatch' AND metric = 'size_file_bytes'"), 4003);
}

static void the_same_twice_is_nothing_new(void **state)
{
    (void)state;
    struct history_added first, second;
    int64_t figures;

    make_run("run", 1, 5);
    night_compare(at("anchor"), 2, "A", 10, 0);
    first = add("run", NULL);
    add("anchor", NULL);
    figures = count("SELECT count(*) FROM value");
    second = add("run", NULL);
    assert_int_equal(second.outcome, HISTORY_SAME);
    assert_int_equal(second.run, first.run);
    assert_int_equal(add("anchor", NULL).outcome, HISTORY_SAME);
    assert_int_equal(count("SELECT count(*) FROM run"), 2);
    assert_int_equal(count("SELECT count(*) FROM value"), figures);
}

static void a_copy_elsewhere_is_the_same_run(void **state)
{
    (void)state;
    make_run("run", 1, 5);
    make_run("copy", 1, 5); /* its env.json names another folder ... */
    FAKE_OK(file_write_atomic(at("copy/env.json"), "", 0));
    {
        unsigned char *bytes;
        size_t len;
        FAKE_OK(file_read(at("run/env.json"), 0, &bytes, &len)); /* ... so it gets the first one's */
        FAKE_OK(file_write_atomic(at("copy/env.json"), bytes, len));
        free(bytes);
    }
    add("run", NULL);
    assert_int_equal(add("copy", NULL).outcome, HISTORY_SAME);
}

static void a_run_that_went_on_replaces_itself(void **state)
{
    (void)state;
    struct history_added first, second;

    make_run("run", 1, 3);
    first = add("run", NULL);
    FAKE_OK(file_write_atomic(at("run/records.jsonl"), "", 0));
    make_run("run", 1, 6);
    second = add("run", NULL);
    assert_int_equal(second.outcome, HISTORY_REPLACED);
    assert_int_equal(second.run, first.run);
    assert_int_equal(count("SELECT count(*) FROM cell"), 6);
    assert_int_equal(count("SELECT count(*) FROM value WHERE cell NOT IN (SELECT id FROM cell)"), 0);
}

static void what_side_a_is(void **state)
{
    (void)state;
    night_compare(at("last-good"), 1, "A", 3, 0);
    night_compare(at("x"), 2, "A", 3, 0);
    assert_string_equal(add("last-good", NULL).against, "last-good");
    assert_string_equal(add("x", NULL).against, "other");
    assert_int_equal(add("x", "anchor").outcome, HISTORY_REPLACED);
    assert_int_equal(count("SELECT count(*) FROM comparison WHERE against = 'anchor'"), 1);
    {
        struct history *history = open_history(HISTORY_WRITE);
        struct history_added added;
        expect_message(history_add(history, at("x"), "yesterday", &added), ST_BADARG, "anchor, last-good or other");
        make_run("run", 3, 1);
        expect_message(history_add(history, at("run"), "anchor", &added), ST_BADARG, "no comparison");
        history_close(history);
    }
}

/* The columns of `verdict` are the fields of comparison.def; a new field needs a new version of the schema. */
static void columns_are_the_fields(void **state)
{
    (void)state;
    const struct record_field *fields;
    char sql[256];
    int64_t expected = 3; /* run, position, key */
    size_t n;

    history_close(open_history(HISTORY_WRITE));
    fields = comparison_fields(&n);
    for (size_t i = 0; i < n; i++) {
        int pair = fields[i].kind == RECORD_PAIR;
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pragma_table_info('verdict') WHERE name IN ('%s%s', '%s%s')",
                 fields[i].key, pair ? "_lo" : "", fields[i].key, pair ? "_hi" : "");
        if (count(sql) != (pair ? 2 : 1))
            fail_msg("schema.sql lacks the field %s of comparison.def", fields[i].key);
        expected += pair ? 2 : 1;
    }
    assert_int_equal(count("SELECT count(*) FROM pragma_table_info('verdict')"), expected);
}

static void rows_come_back_as_they_were(void **state)
{
    (void)state;
    struct comparison c;
    const struct comparison_row *row;
    struct history *history;
    sqlite3_stmt *get;
    int is_row;

    night_compare(at("anchor"), 1, "A", 10, 0);
    add("anchor", NULL);
    FAKE_OK(comparison_load(at("anchor"), &c));
    assert_int_equal(count("SELECT count(*) FROM verdict"), c.rows);
    row = &c.row[4];
    history = open_history(HISTORY_READ);
    FAKE_OK(sql_prepare(history,
                        "SELECT cell, ratio, ratio_ci95_lo, ratio_ci95_hi, mde, pairs_stage1, p_stage2, reproduce FROM "
                        "verdict WHERE position = 5",
                        &get));
    FAKE_OK(sql_step(history, get, &is_row));
    assert_true(is_row);
    assert_string_equal(sql_text(get, 0), row->cell);
    assert_true(sql_real(get, 1) == row->ratio);
    assert_true(sql_real(get, 2) == row->ratio_ci95[0]);
    assert_true(sql_real(get, 3) == row->ratio_ci95[1]);
    assert_true(sql_real(get, 4) == row->mde);
    assert_int_equal(sqlite3_column_int64(get, 5), row->pairs_stage1);
    assert_true(isnan(sql_real(get, 6)));
    assert_string_equal(sql_text(get, 7), row->reproduce);
    sqlite3_finalize(get);
    history_close(history);
    comparison_free(&c);
}

/* ------------------------------------------------------------------ refusing */

static void bad_folders_are_one_error_each(void **state)
{
    (void)state;
    struct history *history = open_history(HISTORY_WRITE);
    struct history_added added;

    expect_message(history_add(history, at("none"), NULL, &added), ST_IO, "no such folder");
    FAKE_OK(file_make_dirs(at("empty")));
    expect_message(history_add(history, at("empty"), NULL, &added), ST_FORMAT, "neither a run");
    make_run("bare", 1, 2);
    unlink(at("bare/env.json"));
    expect_message(history_add(history, at("bare"), NULL, &added), ST_IO, "env.json");
    make_run("undated", 1, 2);
    FAKE_OK(file_write_atomic(at("undated/env.json"), "{\"run\":{\"started\":\"yesterday\"}}",
                              strlen("{\"run\":{\"started\":\"yesterday\"}}")));
    expect_message(history_add(history, at("undated"), NULL, &added), ST_FORMAT, "run.started: 'yesterday'");
    FAKE_OK(file_write_atomic(at("undated/env.json"), "[1]", strlen("[1]")));
    expect_message(history_add(history, at("undated"), NULL, &added), ST_FORMAT, "env.json");
    FAKE_OK(file_write_atomic(at("undated/env.json"), "{\"run\":{\"star", strlen("{\"run\":{\"star")));
    expect_message(history_add(history, at("undated"), NULL, &added), ST_FORMAT, "env.json");
    make_run("garbled", 1, 2);
    FAKE_OK(file_write_atomic(at("garbled/records.jsonl"), "not json\n{}\n", strlen("not json\n{}\n")));
    expect_message(history_add(history, at("garbled"), NULL, &added), ST_FORMAT, "records.jsonl:1");
    night_compare(at("cut"), 1, "A", 5, 0);
    FAKE_OK(file_write_atomic(at("cut/verdicts.jsonl"), "", 0));
    expect_message(history_add(history, at("cut"), NULL, &added), ST_FORMAT, "verdict");
    history_close(history);
    assert_int_equal(count("SELECT count(*) FROM run"), 0);
}

static void files_that_are_no_history(void **state)
{
    (void)state;
    static const char text[] = "this is not a database, and long enough to have a header of one hundred bytes, so that "
                               "nobody takes it for a new and empty file";
    sqlite3 *other;

    expect_message(try_open(HISTORY_READ), ST_IO, "no history yet");
    write_file(base, "", 0);
    expect_message(try_open(HISTORY_READ), ST_IO, "no history yet");
    write_file(base, text, sizeof text);
    expect_message(try_open(HISTORY_READ), ST_FORMAT, "not an SQLite file");
    expect_message(try_open(HISTORY_WRITE), ST_FORMAT, "not an SQLite file");
    unlink(base);
    assert_int_equal(sqlite3_open(base, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "CREATE TABLE mine (x)", NULL, NULL, NULL), SQLITE_OK);
    expect_message(try_open(HISTORY_WRITE), ST_FORMAT, "not a history of packlight");
    assert_int_equal(sqlite3_exec(other, "INSERT INTO mine VALUES (1)", NULL, NULL, NULL),
                     SQLITE_OK); /* still theirs */
    sqlite3_close(other);
    unlink(base);
    FAKE_OK(file_make_dirs(base));
    expect_message(try_open(HISTORY_WRITE), ST_IO, base);
    rmdir(base);
    snprintf(base, sizeof base, "%s/no/such/h.db", dir);
    expect_message(try_open(HISTORY_WRITE), ST_IO, "cannot be opened");
}

static void a_newer_history_is_left_alone(void **state)
{
    (void)state;
    struct history *history = open_history(HISTORY_WRITE);

    FAKE_OK(sql_run(history, "PRAGMA user_version = 2"));
    history_close(history);
    expect_message(try_open(HISTORY_READ), ST_UNSUPPORTED, "newer packlight");
    expect_message(try_open(HISTORY_WRITE), ST_UNSUPPORTED, "newer packlight");
}

/* Where the damage is decides who meets it first. */
static void expect_damage(void)
{
    struct history *history = NULL;

    if (history_open(base, HISTORY_READ, &history) == ST_OK) {
        expect_message(history_check(history), ST_FORMAT, "history rebuild");
        history_close(history);
    } else {
        assert_non_null(strstr(status_message(), "history rebuild"));
    }
}

static void damage_is_named(void **state)
{
    (void)state;
    unsigned char *bytes;
    struct history *history;
    size_t len;

    night_compare(at("anchor"), 1, "A", 40, 0);
    add("anchor", NULL);
    history = open_history(HISTORY_READ);
    FAKE_OK(history_check(history));
    history_close(history);
    FAKE_OK(file_read(base, 0, &bytes, &len));
    for (size_t from = 4096; from < len; from += 4096) { /* page by page */
        unsigned char kept[4096];
        memcpy(kept, bytes + from, 4096);
        memset(bytes + from, 0xa5, 4096);
        write_file(base, bytes, len);
        expect_damage();
        memcpy(bytes + from, kept, 4096);
    }
    write_file(base, bytes, 5000); /* cut in the middle of a page */
    expect_damage();
    free(bytes);
}

/* ------------------------------------------------------------------ kill, lock, disk, rights */

/* Runs work() in a process of its own; returns what waitpid said. */
static int in_child(void (*work)(void))
{
    pid_t child = fork();
    int code = 0;

    if (child == 0) {
        work();
        _Exit(0);
    }
    while (waitpid(child, &code, 0) < 0)
        ;
    return code;
}

static void import_and_die(void)
{
    struct history *history = open_history(HISTORY_WRITE);
    struct history_folder *folder = NULL;
    struct history_added added;

    FAKE_OK(sql_run(history, "PRAGMA cache_size = 1")); /* pages reach the file before the commit */
    FAKE_OK(history_read(at("anchor"), NULL, &folder));
    FAKE_OK(history_begin(history));
    FAKE_OK(history_store(history, folder, &added));
    raise(SIGKILL);
}

static void a_kill_loses_only_the_import_in_flight(void **state)
{
    (void)state;
    struct history *history;

    make_run("run", 1, 5);
    add("run", NULL);
    night_compare(at("anchor"), 2, "A", 200, 0);
    assert_true(WIFSIGNALED(in_child(import_and_die)));
    assert_true(file_exists(at("h.db-journal"))); /* what it leaves behind is played back */
    history = open_history(HISTORY_WRITE);
    FAKE_OK(history_check(history));
    history_close(history);
    assert_int_equal(count("SELECT count(*) FROM cell"), 5);
    assert_int_equal(count("SELECT count(*) FROM verdict"), 0);
    assert_int_equal(add("anchor", NULL).outcome, HISTORY_NEW);
}

static void hold_the_lock(int ready, int go)
{
    struct history *history = open_history(HISTORY_WRITE);
    char byte = 0;

    FAKE_OK(history_begin(history));
    assert_int_equal(write(ready, "x", 1), 1);
    (void)!read(go, &byte, 1);
    history_rollback(history);
    history_close(history);
}

static void two_processes_wait_for_each_other(void **state)
{
    (void)state;
    int ready[2], go[2], code;
    struct history *history;
    pid_t child;
    char byte;

    make_run("run", 1, 2);
    history_close(open_history(HISTORY_WRITE));
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(go), 0);
    child = fork();
    if (child == 0) {
        close(go[1]);
        hold_the_lock(ready[1], go[0]);
        _Exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    history = open_history(HISTORY_WRITE);
    sqlite3_busy_timeout(history->db, 50);
    {
        struct history_added added;
        expect_message(history_add(history, at("run"), NULL, &added), ST_IO, "locked by another process");
        close(go[1]); /* it ends, and waiting helps */
        sqlite3_busy_timeout(history->db, 20000);
        FAKE_OK(history_add(history, at("run"), NULL, &added));
    }
    history_close(history);
    waitpid(child, &code, 0);
    close(ready[0]);
    close(ready[1]);
    close(go[0]);
}

static void add_on_a_full_disk(void)
{
    struct rlimit limit = {40960, 40960};
    struct history *history = open_history(HISTORY_WRITE);
    struct history_added added;
    enum status st;

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    st = history_add(history, at("anchor"), NULL, &added);
    _Exit(st == ST_IO && strstr(status_message(), "h.db") ? 42 : 1);
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct history *history;
    int code;

    night_compare(at("anchor"), 2, "A", 200, 0);
    history_close(open_history(HISTORY_WRITE));
    code = in_child(add_on_a_full_disk);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 42);
    history = open_history(HISTORY_WRITE);
    FAKE_OK(history_check(history));
    history_close(history);
    assert_int_equal(add("anchor", NULL).outcome, HISTORY_NEW);
}

/* Root may write everywhere, so somebody else tries. */
static void become_nobody(void)
{
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        _Exit(3);
}

static void read_only(void)
{
    struct history *history = NULL;
    struct history_added added;
    enum status st;
    int64_t n = 0;

    become_nobody();
    if (history_open(base, HISTORY_READ, &history) != ST_OK ||
        sql_number(history, "SELECT count(*) FROM cell", 0, &n) != ST_OK || n != 2)
        _Exit(1);
    history_close(history);
    st = history_open(base, HISTORY_WRITE, &history);
    if (st == ST_OK)
        st = history_add(history, at("second"), NULL, &added);
    _Exit(st == ST_IO && strstr(status_message(), "cannot be written") ? 42 : 2);
}

static void a_read_only_folder_can_be_read(void **state)
{
    (void)state;
    int code;

    make_run("run", 1, 2);
    make_run("second", 2, 2);
    add("run", NULL);
    assert_int_equal(chmod(base, 0444), 0);
    assert_int_equal(chmod(dir, 0555), 0);
    code = in_child(read_only);
    chmod(dir, 0755);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 42);
}

/* ------------------------------------------------------------------ rebuild */

static size_t skipped_n;

static void count_skipped(const char *message, void *user)
{
    (void)user;
    skipped_n += *message != 0;
}

static void rebuilding_gives_the_same(void **state)
{
    (void)state;
    struct history_rebuilt rebuilt;
    char root[256], *roots[] = {root};
    int64_t figures, verdicts;

    snprintf(root, sizeof root, "%s", dir);
    make_run("n/1/run", 1, 5);
    night_compare(at("n/1/anchor"), 1, "A", 10, 0);
    night_compare(at("n/2/last-good"), 2, "A", 10, 0);
    make_run("n/2/.hidden", 9, 2);
    FAKE_OK(file_make_dirs(at("n/bad")));
    FAKE_OK(file_write_atomic(at("n/bad/records.jsonl"), "?", strlen("?")));
    assert_int_equal(symlink(at("n/1"), at("n/latest")), 0);
    add("n/1/run", NULL);
    add("n/1/anchor", NULL);
    add("n/2/last-good", NULL);
    figures = count("SELECT count(*) FROM value");
    verdicts = count("SELECT sum(ratio) * 1e9 FROM verdict");
    write_file(base, "ruined", 6);
    skipped_n = 0;
    FAKE_OK(history_rebuild(base, roots, 1, count_skipped, NULL, &rebuilt));
    assert_int_equal(rebuilt.added, 3);
    assert_int_equal(rebuilt.skipped, 1);
    assert_int_equal(skipped_n, 1);
    assert_int_equal(count("SELECT count(*) FROM value"), figures);
    assert_int_equal(count("SELECT sum(ratio) * 1e9 FROM verdict"), verdicts);
    assert_int_equal(count("SELECT count(*) FROM comparison WHERE against IN ('anchor', 'last-good')"), 2);
}

static void a_failed_rebuild_leaves_the_old_one(void **state)
{
    (void)state;
    struct history_rebuilt rebuilt;
    char root[256], *roots[] = {root};

    make_run("run", 1, 5);
    add("run", NULL);
    FAKE_OK(file_make_dirs(at("void")));
    snprintf(root, sizeof root, "%s", at("void"));
    expect_message(history_rebuild(base, roots, 1, count_skipped, NULL, &rebuilt), ST_BADARG, "no run");
    snprintf(root, sizeof root, "%s", at("nowhere"));
    expect_message(history_rebuild(base, roots, 1, count_skipped, NULL, &rebuilt), ST_IO, "nowhere");
    assert_int_equal(count("SELECT count(*) FROM cell"), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stores_a_run),
        TEST(a_wrong_cell_has_sizes_and_no_time),
        TEST(the_same_twice_is_nothing_new),
        TEST(a_copy_elsewhere_is_the_same_run),
        TEST(a_run_that_went_on_replaces_itself),
        TEST(what_side_a_is),
        TEST(columns_are_the_fields),
        TEST(rows_come_back_as_they_were),
        TEST(bad_folders_are_one_error_each),
        TEST(files_that_are_no_history),
        TEST(a_newer_history_is_left_alone),
        TEST(damage_is_named),
        TEST(a_kill_loses_only_the_import_in_flight),
        TEST(two_processes_wait_for_each_other),
        TEST(a_full_disk_loses_nothing),
        TEST(a_read_only_folder_can_be_read),
        TEST(rebuilding_gives_the_same),
        TEST(a_failed_rebuild_leaves_the_old_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
