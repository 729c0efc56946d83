#include "compare/compare_attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "report/text.h"

enum { ATTEMPTS_REGRESSED = 2, ATTEMPTS_MAX_BYTES = 64 << 20 };

static enum status attempts_path(const struct compare_options *options, char out[PATH_MAX])
{
    char parent[PATH_MAX], *slash;
    size_t len;

    snprintf(parent, sizeof parent, "%s", options->dir);
    for (len = strlen(parent); len > 1 && parent[len - 1] == '/'; len--)
        parent[len - 1] = 0;
    slash = strrchr(parent, '/');
    if (slash == parent)
        slash[1] = 0;
    else if (slash)
        *slash = 0;
    return file_join(out, PATH_MAX, slash ? parent : ".", "attempts.jsonl");
}

static enum status hash_program(struct hash *hash, const char *path)
{
    unsigned char *bytes;
    size_t len;

    TRY(file_read(path, 0, &bytes, &len));
    hash_add(hash, bytes, len);
    free(bytes);
    return ST_OK;
}

/* What makes two tries the same comparison. */
static enum status key_of(const struct compare_options *o, char out[HASH_HEX])
{
    struct hash hash;
    char gate[32];

    hash_begin(&hash);
    hash_add_text(&hash, o->kind);
    TRY(hash_program(&hash, o->a.program));
    TRY(hash_program(&hash, o->b.program));
    snprintf(gate, sizeof gate, "%.6f", o->gate_ratio);
    hash_add_text(&hash, gate);
    for (size_t i = 0; i < o->cells.n; i++) {
        hash_add_text(&hash, o->cells.cell[i].cell);
        hash_add_text(&hash, o->cells.cell[i].a.sha256);
        hash_add_text(&hash, o->cells.cell[i].b.sha256);
    }
    hash_end(&hash, out);
    return ST_OK;
}

enum status compare_attempts_count(const struct compare_options *options, int again, int *out)
{
    char path[PATH_MAX], key[HASH_HEX];
    unsigned char *bytes = NULL;
    size_t len;
    int regressed = 0;

    TRY(attempts_path(options, path));
    TRY(key_of(options, key));
    if (file_exists(path)) {
        TRY(file_read(path, ATTEMPTS_MAX_BYTES, &bytes, &len));
        for (char *at = (char *)bytes; *at;) {
            size_t line = strcspn(at, "\n");
            char *key_at = strstr(at, key), *verdict = strstr(at, "\"verdict\":\"regressed\"");
            regressed += key_at && key_at < at + line && verdict && verdict < at + line;
            at += line + (at[line] != 0);
        }
        free(bytes);
    }
    if (regressed >= ATTEMPTS_REGRESSED && !again)
        return status_fail(ST_BADARG,
                           "this comparison was made %d times before and found a regression each time (%s); repeating "
                           "until it is green proves nothing; --again does it all the same and says so",
                           regressed, path);
    *out = 1 + regressed;
    return ST_OK;
}

enum status compare_attempts_note(const struct compare_options *options, const char *verdict)
{
    char path[PATH_MAX], key[HASH_HEX], stamp[32], *line;
    struct text text = {0};
    time_t now = time(NULL);
    struct tm utc;
    size_t len;
    enum status st;

    TRY(attempts_path(options, path));
    TRY(key_of(options, key));
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
    text_addf(&text, "{\"key\":\"%s\",\"at\":\"%s\",\"attempt\":%d,\"verdict\":", key, stamp, options->attempt);
    text_add_json(&text, verdict);
    text_add(&text, ",\"dir\":");
    text_add_json(&text, options->dir);
    text_add(&text, "}\n");
    TRY(text_take(&text, &line, &len));
    st = file_append_sync(path, line, len);
    free(line);
    return st;
}
