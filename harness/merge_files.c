#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/tree.h"
#include "merge_inside.h"

/* A file of the result, and whose it was. */
struct taken {
    char *path; /* relative; owned */
    const char *dir;
    char sha256[HASH_HEX];
};

struct takings {
    const struct merge *merge;
    struct taken *file; /* owned */
    size_t files;
};

static int ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* Made from the rest, or made anew for the result. */
static int is_left_out(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

    return strcmp(path, "env.json") == 0 || strcmp(path, "records.jsonl") == 0 || strncmp(path, "report.", 7) == 0 ||
           strncmp(path, "plots/", 6) == 0 || *name == '.' || strstr(name, ".tmp.");
}

static int is_lines(const char *path)
{
    return ends_with(path, ".jsonl");
}

static const struct taken *find(const struct takings *takings, const char *path)
{
    for (size_t i = 0; i < takings->files; i++)
        if (strcmp(takings->file[i].path, path) == 0)
            return &takings->file[i];
    return NULL;
}

/* `path` is handed over. */
static enum status note(struct takings *takings, char **path, const char *dir, const char *sha256)
{
    struct taken *file = realloc(takings->file, (takings->files + 1) * sizeof *file);

    if (!file)
        return status_fail(ST_NOMEM, "no memory for %zu files", takings->files + 1);
    takings->file = file;
    file += takings->files++;
    *file = (struct taken){.path = *path, .dir = dir};
    snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    *path = NULL;
    return ST_OK;
}

/* ------------------------------------------------------------------ files as they are */

/* What the shard's records say of the file, where they name it. */
static enum status check_artifact(const struct merge_shard *shard, const char *path, const char *sha256)
{
    for (size_t i = 0; i < shard->owned; i++) {
        const struct merge_line *line = &shard->line[i];
        if (line->at && line->artifact && strcmp(line->artifact, path) == 0 &&
            strcmp(line->artifact_sha256, sha256) != 0)
            return status_fail(ST_FORMAT, "%s/%s: SHA-256 %.12s..., but the record of %s says %.12s...", shard->dir,
                               path, sha256, shard->id[i], line->artifact_sha256);
    }
    return ST_OK;
}

static enum status take_file(struct takings *takings, const struct merge_shard *shard, char **path)
{
    const struct merge *merge = takings->merge;
    char from[PATH_MAX], to[PATH_MAX], sha256[HASH_HEX];
    unsigned char *bytes = NULL;
    const struct taken *before = find(takings, *path);
    size_t len = 0;
    enum status st = ST_OK;

    TRY(file_join(from, sizeof from, shard->dir, *path));
    TRY(file_join(to, sizeof to, merge->tmp, *path));
    TRY(file_read(from, 0, &bytes, &len));
    hash_bytes(bytes, len, sha256);
    TRY_OUT(check_artifact(shard, *path, sha256));
    if (before && strcmp(before->sha256, sha256) != 0) {
        st = status_fail(ST_FORMAT, "%s and %s: %s is not the same in both%s", before->dir, shard->dir, *path,
                         strncmp(*path, "artifacts/", 10) == 0
                             ? ": they were trained on unlike machines; let shards share a --cache folder"
                             : "");
    } else if (!before) {
        if (strncmp(*path, "artifacts/", 10) == 0) /* never written to again: another name will do */
            st = tree_link_file(from, bytes, len, to);
        else if ((st = tree_make_parent(to)) == ST_OK)
            st = file_write_atomic(to, bytes, len);
        TRY_OUT(st);
        st = note(takings, path, shard->dir, sha256);
    }
out:
    free(bytes);
    return st;
}

/* Every artifact that a record names must have come along. */
static enum status check_all_there(const struct takings *takings)
{
    const struct merge *merge = takings->merge;

    for (size_t i = 0; i < merge->cells; i++) {
        const struct merge_line *line = merge->cell[i].line;
        if (line && line->artifact && !find(takings, line->artifact))
            return status_fail(ST_FORMAT, "%s/%s: not there, but the record of %s names it", merge->cell[i].shard->dir,
                               line->artifact, merge_shard_id(&merge->shard[0], i));
    }
    return ST_OK;
}

/* ------------------------------------------------------------------ files of lines */

struct side_line {
    const char *at;
    size_t len, position, number; /* of its cell in the matrix; in order of reading */
};

struct side {
    char *text[MERGE_SHARDS]; /* owned */
    struct side_line *line;   /* owned */
    size_t lines, hint;
};

static int by_position(const void *a, const void *b)
{
    const struct side_line *x = a, *y = b;

    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* Lines that name no cell of the shard go to the end. A line that is not JSON was cut off by a kill. */
static enum status add_side_line(const struct merge *merge, const struct merge_shard *shard, const char *at, size_t len,
                                 struct side *side)
{
    const char *cell;
    struct side_line *line;
    struct json doc;
    size_t own;

    if (len == 0 || json_parse("line", at, len, &doc) != ST_OK)
        return ST_OK;
    line = realloc(side->line, (side->lines + 1) * sizeof *line);
    if (!line) {
        json_free(&doc);
        return status_fail(ST_NOMEM, "no memory for %zu lines", side->lines + 1);
    }
    side->line = line;
    line += side->lines;
    *line = (struct side_line){at, len, merge->cells, side->lines};
    side->lines++;
    cell = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(doc.root, "cell"));
    if (cell && merge_shard_find(shard, cell, &side->hint, &own))
        line->position = shard->own[own];
    json_free(&doc);
    return ST_OK;
}

static enum status read_side(const struct merge *merge, int shard, const char *path, struct side *side)
{
    char from[PATH_MAX];
    unsigned char *bytes = NULL;
    size_t len = 0;

    TRY(file_join(from, sizeof from, merge->shard[shard].dir, path));
    if (!file_exists(from))
        return ST_OK;
    TRY(file_read(from, 0, &bytes, &len));
    side->text[shard] = (char *)bytes;
    for (const char *at = side->text[shard], *end = at + len; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t line_len = (size_t)((stop ? stop : end) - at);
        TRY(add_side_line(merge, &merge->shard[shard], at, line_len, side));
        at += line_len + 1;
    }
    return ST_OK;
}

static enum status write_side(const struct merge *merge, const char *path, const struct side *side)
{
    char to[PATH_MAX], *text, *at;
    size_t len = 0;
    enum status st;

    TRY(file_join(to, sizeof to, merge->tmp, path));
    TRY(tree_make_parent(to));
    for (size_t i = 0; i < side->lines; i++)
        len += side->line[i].len + 1;
    text = at = malloc(len + 1);
    if (!text)
        return status_fail(ST_NOMEM, "%s: no memory for %zu bytes", to, len);
    for (size_t i = 0; i < side->lines; i++) {
        memcpy(at, side->line[i].at, side->line[i].len);
        at[side->line[i].len] = '\n';
        at += side->line[i].len + 1;
    }
    st = file_write_atomic(to, text, len);
    free(text);
    return st;
}

/* The lines of all shards' files of this name. */
static enum status take_lines(struct takings *takings, const struct merge_shard *shard, char **path)
{
    const struct merge *merge = takings->merge;
    struct side *side;
    enum status st;

    if (find(takings, *path))
        return ST_OK;
    side = calloc(1, sizeof *side);
    if (!side)
        return status_fail(ST_NOMEM, "%s: no memory", *path);
    for (int i = 0; i < merge->shards; i++)
        TRY_OUT(read_side(merge, i, *path, side));
    if (side->lines > 0)
        qsort(side->line, side->lines, sizeof *side->line, by_position);
    TRY_OUT(write_side(merge, *path, side));
    st = note(takings, path, shard->dir, "");
out:
    for (int i = 0; i < merge->shards; i++)
        free(side->text[i]);
    free(side->line);
    free(side);
    return st;
}

enum status merge_files(const struct merge *merge)
{
    struct takings takings = {.merge = merge};
    struct tree tree = {0};
    enum status st = ST_OK;

    for (int s = 0; s < merge->shards; s++) {
        TRY_OUT(tree_list(merge->shard[s].dir, &tree));
        for (size_t i = 0; i < tree.files; i++) {
            if (is_left_out(tree.file[i]))
                continue;
            TRY_OUT((is_lines(tree.file[i]) ? take_lines : take_file)(&takings, &merge->shard[s], &tree.file[i]));
        }
        tree_free(&tree);
    }
    st = check_all_there(&takings);
out:
    tree_free(&tree);
    for (size_t i = 0; i < takings.files; i++)
        free(takings.file[i].path);
    free(takings.file);
    return st;
}
