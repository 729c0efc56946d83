#include "measure/callgrind.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "measure/spawn.h"

enum { CALLGRIND_WORDS = 32, CALLGRIND_MAX_BYTES = 64 << 20 };

/* The line "totals: <Ir>" (older: "summary:") of callgrind's file. */
static enum status read_totals(const char *path, uint64_t *out)
{
    unsigned char *text = NULL;
    const char *at;
    char *end = NULL;
    size_t len = 0;
    enum status st = ST_OK;

    TRY(file_read(path, CALLGRIND_MAX_BYTES, &text, &len));
    at = strstr((const char *)text, "\ntotals: ");
    at = at ? at + 9 : strstr((const char *)text, "\nsummary: ");
    if (at && strncmp(at, "\nsummary: ", 10) == 0)
        at += 10;
    errno = 0;
    if (at)
        *out = strtoull(at, &end, 10);
    if (!at || !isdigit((unsigned char)*at) || *end != '\n' || errno)
        st = status_fail(ST_FORMAT, "%s: callgrind wrote no total", path);
    free(text);
    return st;
}

static enum status run_program(const char *valgrind, const char *function, char *const *argv, double timeout_s,
                               const volatile sig_atomic_t *stop, const char *file)
{
    char program[256], toggle[128], output[300], report[800] = "";
    char *words[CALLGRIND_WORDS];
    int n = 0, exit_code = 0;
    enum status st;

    snprintf(program, sizeof program, "%s", valgrind ? valgrind : "valgrind");
    snprintf(toggle, sizeof toggle, "--toggle-collect=%s", function);
    snprintf(output, sizeof output, "--callgrind-out-file=%s", file);
    words[n++] = program;
    words[n++] = (char[]){"--tool=callgrind"};
    words[n++] = (char[]){"--quiet"};
    words[n++] = toggle;
    words[n++] = output;
    for (int i = 0; argv[i]; i++) {
        if (n == CALLGRIND_WORDS - 1)
            return status_fail(ST_BADARG, "callgrind: more than %d words in a command", CALLGRIND_WORDS - 6);
        words[n++] = argv[i];
    }
    words[n] = NULL;
    st = spawn_run(words, timeout_s, stop, report, sizeof report, &exit_code);
    if (st == ST_SKIP)
        return status_fail(ST_SKIP, "%s is not installed (package valgrind)", program);
    if (st != ST_OK)
        return st;
    if (exit_code != 0) {
        report[strcspn(report, "\n")] = 0;
        return status_fail(ST_IO, "under valgrind it ended with %d: %.300s", exit_code, report);
    }
    return ST_OK;
}

enum status callgrind_count(const char *valgrind, const char *function, char *const *argv, double timeout_s,
                            const volatile sig_atomic_t *stop, uint64_t *out)
{
    const char *base = getenv("TMPDIR");
    char folder[200], file[240];
    uint64_t count = 0;
    enum status st;

    if (snprintf(folder, sizeof folder, "%s/packlight-XXXXXX", base && *base ? base : "/tmp") >= (int)sizeof folder)
        return status_fail(ST_BADARG, "%s: path too long", base);
    if (!mkdtemp(folder))
        return status_fail(ST_IO, "%s: cannot make a folder: %s", folder, strerror(errno));
    snprintf(file, sizeof file, "%s/callgrind.out", folder);
    TRY_OUT(run_program(valgrind, function, argv, timeout_s, stop, file));
    TRY_OUT(read_totals(file, &count));
    if (count == 0) {
        st = status_fail(ST_IO, "callgrind: %s was never entered", function);
        goto out;
    }
    *out = count;
out:
    unlink(file);
    rmdir(folder);
    return st;
}
