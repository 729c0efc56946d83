#include "rundir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/live.h"
#include "measure/build_info.h"
#include "measure/host.h"

enum status rundir_name(const char *out_dir, int resume, const char *link, char out_path[PATH_MAX])
{
    char host[64] = "host", date[32], commit[16];
    time_t now = time(NULL);
    struct tm local;

    if (out_dir)
        return snprintf(out_path, PATH_MAX, "%s", out_dir) < PATH_MAX
                   ? ST_OK
                   : status_fail(ST_BADARG, "-o %s: path too long", out_dir);
    if (resume) {
        if (!realpath(link, out_path))
            return status_fail(ST_BADARG, "--resume: %s: %s; name the run with -o DIR", link, strerror(errno));
        return ST_OK;
    }
    (void)gethostname(host, sizeof host - 1);
    localtime_r(&now, &local);
    strftime(date, sizeof date, "%Y-%m-%d-%H%M%S", &local);
    snprintf(commit, sizeof commit, "%.10s", build_info()->commit);
    snprintf(out_path, PATH_MAX, "results/%s-%s-%s", date, host, commit);
    return ST_OK;
}

static void print_warnings(const cJSON *warnings)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, warnings)
        if (cJSON_IsString(item))
            live_warning(NULL, "warning:", item->valuestring);
}

void rundir_warn_now(void)
{
    cJSON *facts = NULL, *warnings = NULL;

    if (host_facts(&facts) == ST_OK && host_warnings(facts, &warnings) == ST_OK)
        print_warnings(warnings);
    cJSON_Delete(warnings);
    cJSON_Delete(facts);
}

void rundir_repeat_warnings(const char *dir)
{
    char path[PATH_MAX], line[1024];
    struct json env;

    if (file_join(path, sizeof path, dir, "env.json") != ST_OK || json_load(path, &env) != ST_OK)
        return;
    if (*host_warnings_line(cJSON_GetObjectItemCaseSensitive(env.root, "warnings"), line, sizeof line))
        live_warning(NULL, "", line);
    json_free(&env);
}

/* Appends a word as a shell would need it: 'it'\''s'. */
static void add_word(char *out, size_t size, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=+@%";
    size_t used = strlen(out);

    if (*word && strspn(word, plain) == strlen(word)) {
        snprintf(out + used, size - used, " %s", word);
        return;
    }
    used += (size_t)snprintf(out + used, size - used, " '");
    for (; *word && used + 8 < size; word++)
        used += (size_t)snprintf(out + used, size - used, *word == '\'' ? "'\\''" : "%c", *word);
    if (used < size)
        snprintf(out + used, size - used, "'");
}

enum status rundir_interrupted(int argc, char **argv, const char *dir)
{
    char command[768] = "packlight";

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--resume") == 0)
            continue;
        if (strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0)
            i++;
        else
            add_word(command, sizeof command, argv[i]);
    }
    add_word(command, sizeof command, "--resume");
    add_word(command, sizeof command, "-o");
    add_word(command, sizeof command, dir);
    return status_fail(ST_INTERRUPTED, "interrupted; finished cells are kept, go on with: %s", command);
}

enum status rundir_write_env(const char *path, int argc, char **argv, cJSON *run)
{
    cJSON *facts = NULL, *warnings = NULL;
    char command[4096] = "", stamp[64], key[HASH_HEX], *text = NULL;
    time_t now = time(NULL);
    struct tm utc;
    enum status st;
    size_t used = 0;

    TRY_OUT(host_facts(&facts));
    TRY_OUT(host_warnings(facts, &warnings));
    for (int i = 0; i < argc && used < sizeof command - 1; i++)
        used += (size_t)snprintf(command + used, sizeof command - used, "%s%s", i ? " " : "packlight ", argv[i]);
    if (host_key(facts, "", "", 1, key) == ST_OK) /* machine and build, whatever kernels and threads */
        cJSON_AddStringToObject(run, "key", key);
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    print_warnings(warnings);
    cJSON_AddStringToObject(run, "command", command);
    cJSON_AddStringToObject(run, "started", stamp);
    cJSON_AddItemToObject(facts, "warnings", warnings);
    warnings = NULL;
    cJSON_AddItemToObject(facts, "run", run);
    run = NULL;
    text = cJSON_Print(facts);
    st = text ? file_write_atomic(path, text, strlen(text)) : status_fail(ST_NOMEM, "%s: no memory", path);
out:
    cJSON_free(text);
    cJSON_Delete(run);
    cJSON_Delete(warnings);
    cJSON_Delete(facts);
    return st;
}

enum status rundir_check_same(const char *path, const char *dir, const cJSON *now, const char *const *keys)
{
    struct json env;
    enum status st = ST_OK;

    TRY(json_load(path, &env));
    for (int i = 0; keys[i] && st == ST_OK; i++) {
        const cJSON *run = cJSON_GetObjectItemCaseSensitive(env.root, "run");
        const char *then = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(run, keys[i]));
        const char *here = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(now, keys[i]));
        if ((then || here) && (!then || !here || strcmp(then, here) != 0))
            st = status_fail(ST_BADARG, "--resume: %s: the run was started with another %s; start a new one", dir,
                             keys[i]);
    }
    json_free(&env);
    return st;
}

enum status rundir_append(const char *dir, const struct record *record)
{
    char path[PATH_MAX], *line = NULL;
    size_t len;
    enum status st;

    TRY(file_join(path, sizeof path, dir, "records.jsonl"));
    TRY(record_write(record, &line, &len));
    st = file_append_sync(path, line, len);
    free(line);
    return st;
}
