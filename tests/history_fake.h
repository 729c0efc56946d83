/* Nights as they could be, for tests and for looking at: a comparison with the anchor per night, some cells with a
 * step, one with slow creep. Invented figures, not measurements. */
#ifndef TESTS_HISTORY_FAKE_H
#define TESTS_HISTORY_FAKE_H

#include "comparison_fake.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "history/history_add.h"
#include "history/history_sql.h"

enum { NIGHT_CELLS = 40 };

/* What night `k` of cell `i` is: cell 2 is 6 % slower from night 20, cell 5 improves by 10 % at night 10 and loses half
 * of it at night 30, cell 7 creeps by 0.25 % a night; the others only wobble. */
static double night_truth(int i, int k)
{
    return i == 2 && k >= 20   ? 1.06
           : i == 5 && k >= 30 ? 0.95
           : i == 5 && k >= 10 ? 0.90
           : i == 7            ? 1 + 0.0025 * k
                               : 1.0;
}

static void night_env(const char *dir, int night, const char *cpu)
{
    time_t when = 1790000000 + (time_t)night * 86400;
    char path[512], text[1024], started[32];
    struct tm utc;
    int len;

    gmtime_r(&when, &utc);
    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    len = snprintf(text, sizeof text,
                   "{\"schema\":\"packlight.env/1\",\"cpu\":{\"vendor\":\"Example\",\"brand\":\"%s\"},\"system\":{"
                   "\"hostname\":\"bench-1\"},\"build\":{\"commit\":\"%040d\",\"dirty\":false,\"compiler\":\"gcc "
                   "12.2.0\",\"flags\":\"-O2\"},\"run\":{\"kind\":\"comparison\",\"command\":\"packlight compare "
                   "%s\",\"started\":\"%s\"}}\n",
                   cpu, night, dir, started);
    snprintf(path, sizeof path, "%s/env.json", dir);
    FAKE_OK(file_write_atomic(path, text, (size_t)len));
}

/* A comparison into DIR (made). `mood` is of the whole night: FAKE_CALM, or FAKE_HOLES for one that was refused. */
static void night_compare(const char *dir, int night, const char *cpu, int cells, int refused)
{
    uint64_t dice = (uint64_t)(night + 1) * 7919u;
    struct comparison c;

    FAKE_OK(file_make_dirs(dir));
    fake_comparison(&c, cells, FAKE_CALM);
    snprintf(c.head.b.commit, sizeof c.head.b.commit, "%040d", night);
    if (refused) {
        snprintf(c.head.verdict, sizeof c.head.verdict, "environment-refused");
        c.head.exit_code = 4;
    }
    for (size_t i = 0; i < c.rows; i++) {
        struct comparison_row *row = &c.row[i];
        if (strcmp(row->role, "gated") != 0)
            continue;
        fake_figures(row, night_truth((int)i, night) * (refused ? 1.3 : 1.0), refused ? 0.04 : 0.004, 20000, &dice);
        if (row->ratio_ci95[0] > 1.02 && row->ratio > 1.03 && !refused)
            FAKE_OK(record_set(&row->verdict, "regressed"));
    }
    FAKE_OK(comparison_save(&c, dir));
    night_env(dir, night, cpu);
    comparison_free(&c);
}

/* ------------------------------------------------------------------ a folder for the test, its history in it */

static char dir[64], base[128];

static const char *at(const char *name)
{
    static char path[6][256];
    static int turn;

    turn = (turn + 1) % 6;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-test-XXXXXX");
    if (!mkdtemp(dir) || chmod(dir, 0755) != 0)
        return -1;
    snprintf(base, sizeof base, "%s/h.db", dir);
    return 0;
}

static void drop_all(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char inner[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            drop_all(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static int drop_dir(void **state)
{
    (void)state;
    drop_all(dir);
    return 0;
}

/* A bench run of `cells` cells whose latencies are 1000, 2000 ... ns. */
static void make_run(const char *name, int night, int cells)
{
    char path[512];

    FAKE_OK(file_make_dirs(at(name)));
    for (int i = 0; i < cells; i++) {
        struct record r;
        char *line;
        size_t len;
        record_init(&r);
        FAKE_OK(record_set(&r.model, "lenet5"));
        FAKE_OK(record_setf(&r.config, "recipe-%d", i));
        FAKE_OK(record_set(&r.kernel, "simd"));
        FAKE_OK(record_set(&r.isa, "avx2"));
        r.threads = r.batch = 1;
        FAKE_OK(record_set_cell(&r));
        FAKE_OK(record_set(&r.status, i == 3 ? "mismatch" : "ok"));
        r.latency_ns_median = 1000.0 * (i + 1);
        r.latency_ns_ci95[0] = 990.0 * (i + 1);
        r.latency_ns_ci95[1] = 1010.0 * (i + 1);
        r.latency_n = 30;
        r.size_file_bytes = 4000 + i;
        FAKE_OK(record_write(&r, &line, &len));
        snprintf(path, sizeof path, "%s/records.jsonl", at(name));
        FAKE_OK(file_append_sync(path, line, len));
        free(line);
        record_free(&r);
    }
    night_env(at(name), night, "Example CPU 3000");
}

static struct history *open_history(enum history_mode mode)
{
    struct history *history = NULL;
    FAKE_OK(history_open(base, mode, &history));
    return history;
}

static int64_t count(const char *sql)
{
    struct history *history = open_history(HISTORY_READ);
    int64_t n = -1;

    FAKE_OK(sql_number(history, sql, -1, &n));
    history_close(history);
    return n;
}

static struct history_added add(const char *name, const char *against)
{
    struct history *history = open_history(HISTORY_WRITE);
    struct history_added added;

    FAKE_OK(history_add(history, at(name), against, &added));
    history_close(history);
    return added;
}

__attribute__((unused)) static void expect_message(enum status st, enum status want, const char *words)
{
    if (st != want || !strstr(status_message(), words))
        fail_msg("status %d (%s), expected %d with '%s'", st, status_message(), want, words);
}

__attribute__((unused)) static enum status try_open(enum history_mode mode)
{
    struct history *history = NULL;
    enum status st = history_open(base, mode, &history);

    if (st == ST_OK)
        history_close(history);
    return st;
}

__attribute__((unused)) static void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
        fail_msg("%s: cannot be written", path);
}

#endif
