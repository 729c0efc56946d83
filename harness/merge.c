#include "merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/tree.h"
#include "merge_inside.h"

static const char marker[] = ".packlight-merge"; /* in a folder that is a merge's own */

/* ------------------------------------------------------------------ the shards */

static int by_index(const void *a, const void *b)
{
    const struct merge_shard *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static enum status open_shards(struct merge *merge)
{
    const struct merge_options *options = merge->options;

    for (int i = 0; i < options->dirs; i++) {
        struct merge_shard *shard = &merge->shard[merge->shards];
        if (options->partial && tree_is_empty(options->dir[i])) {
            fprintf(stderr, "note: %s: nothing there: left out\n", options->dir[i]);
            continue;
        }
        TRY(merge_shard_open(options->dir[i], shard));
        merge->shards++;
        if (merge->shards > 1)
            TRY(merge_shard_check_same(&merge->shard[0], shard));
        if (shard->torn > 0)
            fprintf(stderr, "note: %s: %zu line%s cut off by a kill left out\n", shard->dir, shard->torn,
                    shard->torn == 1 ? "" : "s");
    }
    if (merge->shards == 0)
        return status_fail(ST_BADARG, "no shard is there");
    merge->count = merge->shard[0].count;
    merge->cells = merge->shard[0].cells;
    return ST_OK;
}

static enum status check_shards(struct merge *merge)
{
    qsort(merge->shard, (size_t)merge->shards, sizeof *merge->shard, by_index);
    for (int i = 1; i < merge->shards; i++)
        if (merge->shard[i].index == merge->shard[i - 1].index)
            return status_fail(ST_BADARG, "%s and %s: both are shard %d/%d", merge->shard[i - 1].dir,
                               merge->shard[i].dir, merge->shard[i].index, merge->count);
    for (int i = 0; i < merge->count && !merge->options->partial; i++)
        if (i == merge->shards || merge->shard[i].index != i + 1)
            return status_fail(
                ST_BADARG, "shard %d/%d is not among the %d folders (%s ... %s); --partial joins what is there", i + 1,
                merge->count, merge->shards, merge->shard[0].dir, merge->shard[merge->shards - 1].dir);
    return ST_OK;
}

static enum status place_cells(struct merge *merge)
{
    TRY(mem_alloc(merge->cells, sizeof *merge->cell, &merge->cell));
    for (int s = 0; s < merge->shards; s++) {
        const struct merge_shard *shard = &merge->shard[s];
        for (size_t i = 0; i < shard->owned; i++) {
            struct merge_cell *cell = &merge->cell[shard->own[i]];
            if (cell->shard)
                return status_fail(ST_FORMAT, "%s and %s: both have cell %s", cell->shard->dir, shard->dir,
                                   merge_shard_id(shard, shard->own[i]));
            cell->shard = shard;
            cell->line = shard->line[i].at ? &shard->line[i] : NULL;
        }
    }
    return ST_OK;
}

static enum status not_finished(const struct merge *merge, const struct merge_shard *shard, size_t first)
{
    size_t open = 0;

    for (size_t i = 0; i < shard->owned; i++)
        open += !shard->line[i].at;
    return status_fail(ST_BADARG,
                       "%s: shard %d/%d is not finished: %zu cell%s missing, the first is %s; go on with packlight "
                       "bench ... --shard %d/%d --resume -o %s, or join what is there with --partial",
                       shard->dir, shard->index, merge->count, open, open == 1 ? " is" : "s are",
                       merge_shard_id(shard, first), shard->index, merge->count, shard->dir);
}

static enum status count_missing(struct merge *merge)
{
    size_t first = 0;

    for (size_t i = 0; i < merge->cells; i++)
        if (!merge->cell[i].line && merge->missing++ == 0)
            first = i;
    if (merge->missing == merge->cells)
        return status_fail(ST_BADARG, "none of the %zu cells has a record yet", merge->cells);
    if (merge->missing == 0 || merge->options->partial)
        return ST_OK;
    if (merge->cell[first].shard)
        return not_finished(merge, merge->cell[first].shard, first);
    return status_fail(ST_FORMAT, "%s ... %s: cell %s belongs to no shard", merge->shard[0].dir,
                       merge->shard[merge->shards - 1].dir, merge_shard_id(&merge->shard[0], first));
}

/* ------------------------------------------------------------------ the result */

static enum status write_records(const struct merge *merge)
{
    char path[PATH_MAX], *text, *at;
    size_t len = 0;
    enum status st;

    TRY(file_join(path, sizeof path, merge->tmp, "records.jsonl"));
    for (size_t i = 0; i < merge->cells; i++)
        len += merge->cell[i].line ? merge->cell[i].line->len + 1 : 0;
    text = at = malloc(len + 1);
    if (!text)
        return status_fail(ST_NOMEM, "%s: no memory for %zu bytes", path, len);
    for (size_t i = 0; i < merge->cells; i++) {
        const struct merge_line *line = merge->cell[i].line;
        if (!line)
            continue;
        memcpy(at, line->at, line->len);
        at[line->len] = '\n';
        at += line->len + 1;
    }
    st = file_write_atomic(path, text, len);
    free(text);
    return st;
}

static enum status write_env(const struct merge *merge)
{
    char path[PATH_MAX], *text = NULL;
    cJSON *env = NULL;
    enum status st;

    TRY(file_join(path, sizeof path, merge->tmp, "env.json"));
    TRY(merge_env(merge, &env));
    text = cJSON_Print(env);
    st = text ? file_write_atomic(path, text, strlen(text)) : status_fail(ST_NOMEM, "%s: no memory", path);
    cJSON_free(text);
    cJSON_Delete(env);
    return st;
}

/* The folder that a killed merge left goes; anything else of that name is not ours to remove. */
static enum status begin_folder(const struct merge *merge)
{
    char path[PATH_MAX];
    int fd;

    TRY(file_join(path, sizeof path, merge->tmp, marker));
    if (!tree_is_empty(merge->tmp) && !file_exists(path))
        return status_fail(ST_BADARG, "%s is in the way: it must not exist", merge->tmp);
    TRY(tree_remove(merge->tmp, marker));
    TRY(file_make_dirs(merge->tmp));
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644); /* at once there: nothing but it may be first */
    if (fd < 0)
        return status_fail(ST_IO, "%s: cannot create: %s", path, strerror(errno));
    close(fd);
    return ST_OK;
}

/* A result inside a shard would be taken for the shard's files. */
static enum status check_apart(const struct merge *merge)
{
    char here[PATH_MAX], shard[PATH_MAX];

    if (!realpath(merge->tmp, here))
        return status_fail(ST_IO, "%s: %s", merge->tmp, strerror(errno));
    for (int i = 0; i < merge->shards; i++) {
        size_t len;
        if (!realpath(merge->shard[i].dir, shard))
            return status_fail(ST_IO, "%s: %s", merge->shard[i].dir, strerror(errno));
        len = strlen(shard);
        if (strncmp(here, shard, len) == 0 && here[len] == '/')
            return status_fail(ST_BADARG, "%s and %s: the result cannot lie inside a shard", merge->options->out_dir,
                               merge->shard[i].dir);
    }
    return ST_OK;
}

static enum status finish_folder(const struct merge *merge, const char *out_dir)
{
    char parent[PATH_MAX], path[PATH_MAX], *slash;

    TRY(file_join(path, sizeof path, merge->tmp, "artifacts"));
    if (file_exists(path))
        TRY(tree_sync(path));
    TRY(tree_sync(merge->tmp));
    if (rename(merge->tmp, out_dir) != 0)
        return status_fail(ST_IO, "%s: cannot rename to %s: %s", merge->tmp, out_dir, strerror(errno));
    TRY(file_join(path, sizeof path, out_dir, marker));
    unlink(path);
    snprintf(parent, sizeof parent, "%s", out_dir);
    slash = strrchr(parent, '/');
    if (slash == parent)
        slash[1] = 0;
    else if (slash)
        *slash = 0;
    return tree_sync(slash ? parent : ".");
}

static enum status build(struct merge *merge, const char *out_dir)
{
    enum status st;

    TRY(begin_folder(merge));
    TRY_OUT(check_apart(merge));
    TRY_OUT(write_records(merge));
    TRY_OUT(merge_files(merge));
    TRY_OUT(write_env(merge));
    TRY_OUT(finish_folder(merge, out_dir));
out:
    if (st != ST_OK) {
        char message[1024];
        snprintf(message, sizeof message, "%s", status_message());
        (void)tree_remove(merge->tmp, marker);
        return status_fail(st, "%s", message);
    }
    return ST_OK;
}

static enum status join(struct merge *merge)
{
    char out_dir[PATH_MAX], path[PATH_MAX];
    size_t len = strlen(merge->options->out_dir);
    enum lock_state state;
    struct lock lock;
    enum status st;

    while (len > 1 && merge->options->out_dir[len - 1] == '/')
        len--;
    if (len == 0 || len + 8 > sizeof out_dir)
        return status_fail(ST_BADARG, "'%s': not a usable folder name", merge->options->out_dir);
    snprintf(out_dir, sizeof out_dir, "%.*s", (int)len, merge->options->out_dir);
    if (!tree_is_empty(out_dir))
        return status_fail(ST_BADARG, "%s already exists; the result needs a new or empty folder", out_dir);
    TRY(open_shards(merge));
    TRY(check_shards(merge));
    TRY(place_cells(merge));
    TRY(count_missing(merge));
    if (snprintf(merge->tmp, sizeof merge->tmp, "%s.tmp", out_dir) >= (int)sizeof merge->tmp ||
        snprintf(path, sizeof path, "%s.lock", out_dir) >= (int)sizeof path)
        return status_fail(ST_BADARG, "%s: path too long", out_dir);
    TRY(lock_try(path, &lock, &state));
    if (state == LOCK_BUSY)
        return status_fail(ST_BADARG, "%s: another merge is writing it", out_dir);
    st = build(merge, out_dir); /* without a lock, too: a folder that cannot have one says why it cannot be written */
    lock_release(&lock);
    TRY(st);
    fprintf(stderr, "%zu of %zu cells from %d of %d shards: %s\n", merge->cells - merge->missing, merge->cells,
            merge->shards, merge->count, out_dir);
    return ST_OK;
}

enum status merge_run(const struct merge_options *options)
{
    struct merge merge = {.options = options};
    enum status st;

    if (options->dirs < 1 || options->dirs > MERGE_SHARDS)
        return status_fail(ST_BADARG, "%d shards: expected 1 to %d folders", options->dirs, MERGE_SHARDS);
    TRY(mem_alloc((size_t)options->dirs, sizeof *merge.shard, &merge.shard));
    st = join(&merge);
    for (int i = 0; i < options->dirs; i++)
        merge_shard_free(&merge.shard[i]);
    mem_free(merge.shard);
    mem_free(merge.cell);
    return st;
}
