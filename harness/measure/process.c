#include "measure/process.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "measure/spawn.h"

enum { PROCESS_MAX_COMMANDS = 64, PROCESS_OPTIONS = 16, PROCESS_MAX_RUNS = 100000 };

struct process_options process_defaults(void)
{
    struct process_options options = {5, 3, 1, 60, NULL, NULL};
    return options;
}

static enum status check(const struct process_options *options, const struct process_command *commands, int count)
{
    if (count < 1 || count > PROCESS_MAX_COMMANDS)
        return status_fail(ST_BADARG, "process times of %d commands, expected 1 to %d", count, PROCESS_MAX_COMMANDS);
    if (options->rounds < 1 || options->runs < 1 || options->rounds > PROCESS_MAX_RUNS ||
        options->runs > PROCESS_MAX_RUNS)
        return status_fail(ST_BADARG, "process times: %d rounds of %d runs, expected 1 to %d", options->rounds,
                           options->runs, PROCESS_MAX_RUNS);
    if (options->warmup < 0 || options->warmup > PROCESS_MAX_RUNS || !(options->timeout_s > 0))
        return status_fail(ST_BADARG, "process times: warm-up must not be negative, the time limit must be positive");
    for (int i = 0; i < count; i++)
        if (!commands[i].argv || !commands[i].argv[0] || !*commands[i].argv[0])
            return status_fail(ST_BADARG, "process times: command %d has no program", i);
    return ST_OK;
}

/* hyperfine -N splits its argument by the quoting rules of a POSIX shell: single quotes keep everything but themselves.
 */
static size_t quote(const char *word, char *out)
{
    size_t len = 0;

#define PUT(c)                                                                                                         \
    do {                                                                                                               \
        if (out)                                                                                                       \
            out[len] = (c);                                                                                            \
        len++;                                                                                                         \
    } while (0)
    PUT('\'');
    for (; *word; word++) {
        if (*word == '\'') {
            PUT('\'');
            PUT('\\');
            PUT('\'');
        }
        PUT(*word);
    }
    PUT('\'');
#undef PUT
    return len;
}

/* Owned. */
static enum status command_line(const struct process_command *command, char **out_line)
{
    size_t len = 1;
    char *line, *at;

    for (char *const *word = command->argv; *word; word++)
        len += quote(*word, NULL) + 1;
    line = malloc(len);
    if (!line)
        return status_fail(ST_NOMEM, "%s: no memory for a command of %zu bytes", command->name, len);
    at = line;
    for (char *const *word = command->argv; *word; word++) {
        if (at != line)
            *at++ = ' ';
        at += quote(*word, at);
    }
    *at = 0;
    *out_line = line;
    return ST_OK;
}

/* One hyperfine of all commands: in order, or in reverse in odd rounds. */
static enum status run_round(const struct process_options *options, char **lines, int count, int reverse,
                             const char *export)
{
    char warmup[16], runs[16], report[700] = "";
    char *argv[PROCESS_OPTIONS + PROCESS_MAX_COMMANDS];
    char program[256], path[256];
    int n = 0, exit_code = 0;
    enum status st;

    snprintf(program, sizeof program, "%s", options->hyperfine ? options->hyperfine : "hyperfine");
    snprintf(path, sizeof path, "%s", export);
    snprintf(warmup, sizeof warmup, "%d", options->warmup);
    snprintf(runs, sizeof runs, "%d", options->runs);
    argv[n++] = program;
    argv[n++] = (char[]){"-N"};
    argv[n++] = (char[]){"--style"};
    argv[n++] = (char[]){"none"};
    argv[n++] = (char[]){"--warmup"};
    argv[n++] = warmup;
    argv[n++] = (char[]){"--runs"};
    argv[n++] = runs;
    argv[n++] = (char[]){"--export-json"};
    argv[n++] = path;
    argv[n++] = (char[]){"--"};
    for (int i = 0; i < count; i++)
        argv[n++] = lines[reverse ? count - 1 - i : i];
    argv[n] = NULL;

    st = spawn_run(argv, options->timeout_s, options->stop, report, sizeof report, &exit_code);
    if (st == ST_SKIP)
        return status_fail(ST_SKIP, "no whole-process times: %s is not installed (package hyperfine)", program);
    if (st != ST_OK)
        return st;
    if (exit_code != 0)
        return status_fail(ST_IO, "%s ended with %d: %s", program, exit_code, report);
    return ST_OK;
}

static enum status read_times(const struct json *doc, const cJSON *result, int index, int runs, double *out_ms)
{
    char path[32];
    const cJSON *times = NULL, *time;
    int n = 0;

    snprintf(path, sizeof path, "results[%d]", index);
    TRY(json_array(doc, result, path, "times", &times));
    if (cJSON_GetArraySize(times) != runs)
        return json_error(doc, path, "times", "%d values, expected %d", cJSON_GetArraySize(times), runs);
    cJSON_ArrayForEach (time, times) {
        if (!cJSON_IsNumber(time) || !(time->valuedouble > 0) || !isfinite(time->valuedouble))
            return json_error(doc, path, "times", "expected positive seconds");
        out_ms[n++] = 1e3 * time->valuedouble;
    }
    return ST_OK;
}

static enum status read_export(const struct process_options *options, const char *export, int count, int round,
                               double *ms)
{
    enum status st;
    struct json doc;
    const cJSON *results = NULL;
    int columns = options->rounds * options->runs;

    TRY(json_load(export, &doc));
    TRY_OUT(json_array(&doc, doc.root, "", "results", &results));
    if (cJSON_GetArraySize(results) != count) {
        st = json_error(&doc, "", "results", "%d commands, expected %d", cJSON_GetArraySize(results), count);
        goto out;
    }
    for (int i = 0; i < count; i++) {
        int command = round % 2 ? count - 1 - i : i;
        double *row = ms + (size_t)command * (size_t)columns + (size_t)(round * options->runs);
        TRY_OUT(read_times(&doc, cJSON_GetArrayItem(results, i), i, options->runs, row));
    }
out:
    json_free(&doc);
    return st;
}

static enum status make_folder(char *out, size_t size)
{
    const char *base = getenv("TMPDIR");

    base = base && *base ? base : "/tmp";
    if (snprintf(out, size, "%s/packlight-XXXXXX", base) >= (int)size)
        return status_fail(ST_BADARG, "%s: path too long", base);
    if (!mkdtemp(out))
        return status_fail(ST_IO, "%s: cannot make a folder: %s", base, strerror(errno));
    return ST_OK;
}

enum status process_times(const struct process_options *options, const struct process_command *commands, int count,
                          double *out_ms)
{
    enum status st;
    char *lines[PROCESS_MAX_COMMANDS] = {NULL};
    char folder[200] = "", export[240] = "";
    double *ms = NULL;
    size_t values;

    TRY(check(options, commands, count));
    values = (size_t)count * (size_t)options->rounds * (size_t)options->runs;
    for (int i = 0; i < count; i++)
        TRY_OUT(command_line(&commands[i], &lines[i]));
    ms = calloc(values, sizeof *ms);
    if (!ms) {
        st = status_fail(ST_NOMEM, "process times: no memory for %zu values", values);
        goto out;
    }
    st = make_folder(folder, sizeof folder);
    if (st != ST_OK) {
        folder[0] = 0;
        goto out;
    }
    snprintf(export, sizeof export, "%s/times.json", folder);
    for (int round = 0; round < options->rounds; round++) {
        TRY_OUT(run_round(options, lines, count, round % 2, export));
        TRY_OUT(read_export(options, export, count, round, ms));
        unlink(export);
    }
    memcpy(out_ms, ms, values * sizeof *ms);
out:
    if (*folder) {
        unlink(export);
        rmdir(folder);
    }
    for (int i = 0; i < count; i++)
        free(lines[i]);
    free(ms);
    return st;
}
