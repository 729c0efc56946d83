#include "history/history_add.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "history/history_sql.h"
#include "history/history_store.h"

/* What was read of a folder before anything is stored. */
struct history_folder {
    char dir[PATH_MAX]; /* absolute */
    int is_comparison;
    struct records records;
    struct comparison comparison;
    const struct json *env; /* of one of them */
    char *env_text;         /* owned */
    char env_sha256[HASH_HEX], data_sha256[HASH_HEX];
    const char *against;
};

void history_folder_free(struct history_folder *folder)
{
    if (!folder)
        return;
    records_free(&folder->records);
    comparison_free(&folder->comparison);
    free(folder->env_text);
    free(folder);
}

static enum status read_file(const char *dir, const char *name, unsigned char **out, size_t *out_len)
{
    char path[PATH_MAX];

    TRY(file_join(path, sizeof path, dir, name));
    return file_read(path, 0, out, out_len);
}

static enum status hash_file(struct hash *hash, const char *dir, const char *name)
{
    unsigned char *bytes = NULL;
    size_t len;

    TRY(read_file(dir, name, &bytes, &len));
    hash_add(hash, bytes, len);
    free(bytes);
    return ST_OK;
}

/* Before the content is read: if the file grows in between, the next import sees another hash and stores the rest. */
static enum status hash_folder(struct history_folder *folder, const char *dir)
{
    unsigned char *bytes = NULL;
    struct hash hash;
    size_t len;

    TRY(read_file(dir, "env.json", &bytes, &len));
    hash_bytes(bytes, len, folder->env_sha256);
    folder->env_text = (char *)bytes;
    hash_begin(&hash);
    if (folder->is_comparison) {
        TRY(hash_file(&hash, dir, "verdict.json"));
        TRY(hash_file(&hash, dir, "verdicts.jsonl"));
    } else {
        TRY(hash_file(&hash, dir, "records.jsonl"));
    }
    hash_end(&hash, folder->data_sha256);
    return ST_OK;
}

static const char *env_text(const struct history_folder *folder, const char *path, char *buffer, size_t size)
{
    struct records view = {.env = *folder->env}; /* records_env reads nothing else */

    return records_env(&view, path, "", buffer, size);
}

static const char *choose_against(const struct history_folder *folder)
{
    static const char *const names[] = {"anchor", "last-good"};
    const char *last = strrchr(folder->dir, '/');

    for (size_t i = 0; i < 2; i++)
        if (strcmp(last ? last + 1 : folder->dir, names[i]) == 0)
            return names[i];
    for (size_t i = 0; i < 2; i++)
        if (strcmp(folder->comparison.head.a.label, names[i]) == 0)
            return names[i];
    return "other";
}

static enum status choose_words(struct history_folder *folder, const char *dir, const char *against)
{
    char started[64];
    int year, month, day, hour, minute, second, end = 0;

    if (against && !folder->is_comparison)
        return status_fail(ST_BADARG, "--against %s: %s is a run and no comparison", against, dir);
    if (against && strcmp(against, "anchor") != 0 && strcmp(against, "last-good") != 0 && strcmp(against, "other") != 0)
        return status_fail(ST_BADARG, "--against %s: expected anchor, last-good or other", against);
    folder->against = !folder->is_comparison ? "" : against ? against : choose_against(folder);
    env_text(folder, "run.started", started, sizeof started);
    if (sscanf(started, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &end) != 6 ||
        end != 20 || started[end])
        return status_fail(ST_FORMAT, "%s/env.json: run.started: '%s', expected a time such as 2026-11-27T02:00:13Z",
                           dir, started);
    return ST_OK;
}

static enum status folder_load(const char *dir, const char *against, struct history_folder *folder)
{
    if (!realpath(dir, folder->dir))
        return status_fail(ST_IO, "%s: no such folder", dir);
    folder->is_comparison = comparison_is(dir);
    if (!history_add_is(dir))
        return status_fail(ST_FORMAT, "%s: holds neither a run (records.jsonl) nor a comparison (verdict.json)", dir);
    TRY(hash_folder(folder, dir));
    if (folder->is_comparison)
        TRY(comparison_load(dir, &folder->comparison));
    else
        TRY(records_load(dir, &folder->records));
    folder->env = folder->is_comparison ? &folder->comparison.env : &folder->records.env;
    if (!cJSON_IsObject(folder->env->root))
        return status_fail(ST_FORMAT, "%s/env.json: expected an object", dir);
    return choose_words(folder, dir, against);
}

int history_add_is(const char *dir)
{
    char path[PATH_MAX];

    return comparison_is(dir) || (file_join(path, sizeof path, dir, "records.jsonl") == ST_OK && file_exists(path));
}

/* What the history has of this folder: its id, or 0. */
static enum status find_run(struct history *history, const struct history_folder *folder, int64_t *out_id,
                            int *out_same)
{
    sqlite3_stmt *get = NULL;
    enum status st;
    int row = 0;

    *out_id = 0;
    *out_same = 0;
    TRY(sql_prepare(
        history,
        "SELECT id, data_sha256 = ?2 AND coalesce(against, '') = ?3 FROM run LEFT JOIN comparison ON run = id "
        "WHERE env_sha256 = ?1",
        &get));
    sql_set_text(get, 1, folder->env_sha256);
    sql_set_text(get, 2, folder->data_sha256);
    sql_set_text(get, 3, folder->against);
    st = sql_step(history, get, &row);
    if (st == ST_OK && row) {
        *out_id = sqlite3_column_int64(get, 0);
        *out_same = sqlite3_column_int(get, 1);
    }
    sqlite3_finalize(get);
    return st;
}

static const char *kind_of(const struct history_folder *folder)
{
    char kind[64];

    if (folder->is_comparison)
        return "comparison";
    return strcmp(env_text(folder, "run.kind", kind, sizeof kind), "peers") == 0 ? "peers" : "bench";
}

static enum status store_run(struct history *history, const struct history_folder *folder, int64_t id)
{
    static const char *const paths[] = {"run.suite", "run.command",    "system.hostname",
                                        "cpu.brand", "build.compiler", "build.flags"};
    char buffer[8192], stamp[32];
    time_t now = time(NULL);
    sqlite3_stmt *put = NULL;
    enum status st;
    struct tm utc;
    int at = 1;

    TRY(sql_prepare(
        history,
        "INSERT INTO run (id, kind, started, imported, commit_id, dirty, suite, command, host, cpu, compiler, "
        "flags, folder, env_sha256, data_sha256, env) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        &put));
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    sql_set_count(put, at++, id ? id : RECORD_NONE);
    sql_set_text(put, at++, kind_of(folder));
    sql_set_text(put, at++, env_text(folder, "run.started", buffer, sizeof buffer));
    sql_set_text(put, at++, stamp);
    if (folder->is_comparison && *folder->comparison.head.b.commit)
        sql_set_text(put, at++, folder->comparison.head.b.commit);
    else
        sql_set_text(put, at++, env_text(folder, "build.commit", buffer, sizeof buffer));
    sql_set_count(put, at++, strcmp(env_text(folder, "build.dirty", buffer, sizeof buffer), "true") == 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        sql_set_text(put, at++, env_text(folder, paths[i], buffer, sizeof buffer));
    sql_set_text(put, at++, folder->dir);
    sql_set_text(put, at++, folder->env_sha256);
    sql_set_text(put, at++, folder->data_sha256);
    sql_set_text(put, at++, folder->env_text);
    st = sql_finish(history, put);
    sqlite3_finalize(put);
    return st;
}

static enum status drop_run(struct history *history, int64_t id)
{
    char words[64];

    snprintf(words, sizeof words, "DELETE FROM run WHERE id = %lld", (long long)id);
    return sql_run(history, words);
}

enum status history_store(struct history *history, const struct history_folder *folder, struct history_added *out)
{
    struct history_added added = {.outcome = HISTORY_NEW};
    int same;

    snprintf(added.kind, sizeof added.kind, "%s", kind_of(folder));
    snprintf(added.against, sizeof added.against, "%s", folder->against);
    added.rows = folder->is_comparison ? folder->comparison.rows : folder->records.n;
    TRY(find_run(history, folder, &added.run, &same));
    if (added.run)
        added.outcome = same ? HISTORY_SAME : HISTORY_REPLACED;
    if (added.outcome != HISTORY_SAME) {
        if (added.run)
            TRY(drop_run(history, added.run));
        TRY(store_run(history, folder, added.run));
        added.run = added.run ? added.run : sqlite3_last_insert_rowid(history->db);
        if (folder->is_comparison)
            TRY(store_comparison(history, added.run, &folder->comparison, folder->against));
        else
            TRY(store_records(history, added.run, &folder->records));
    }
    *out = added;
    return ST_OK;
}

enum status history_read(const char *dir, const char *against, struct history_folder **out)
{
    struct history_folder *folder = calloc(1, sizeof *folder);
    enum status st;

    if (!folder)
        return status_fail(ST_NOMEM, "%s: no memory", dir);
    st = folder_load(dir, against, folder);
    if (st == ST_OK) {
        *out = folder;
        return ST_OK;
    }
    history_folder_free(folder);
    return st;
}

enum status history_add(struct history *history, const char *dir, const char *against, struct history_added *out)
{
    struct history_folder *folder;
    enum status st;

    TRY(history_read(dir, against, &folder));
    TRY_OUT(history_begin(history));
    st = history_store(history, folder, out);
    if (st == ST_OK)
        st = history_commit(history);
    else
        history_rollback(history);
out:
    history_folder_free(folder);
    return st;
}
