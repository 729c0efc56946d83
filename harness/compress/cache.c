/* File, little-endian:
 *   16  "packlight-step/1"
 *   64  key (hexadecimal text)
 *   64  SHA-256 of all that follows (hexadecimal text)
 *    4  number of predictions n, then n bytes
 *    4  length of the masks, then for each tensor 1 byte (1: has a mask) and its mask (a bit per element, the first
 *       element lowest)
 *    .  the graph as a dense packed file (io/plk.h) up to the end */
#include "compress/cache.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/progress.h"
#include "io/plk.h"

enum { MAGIC_BYTES = 16, KEY_BYTES = HASH_HEX - 1, HEAD_BYTES = MAGIC_BYTES + 2 * KEY_BYTES };

static const char magic[MAGIC_BYTES + 1] = "packlight-step/1";

static void put_u32(unsigned char *at, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(x >> 8 * i);
}

static uint32_t get_u32(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static size_t mask_bytes(const struct weight *weight)
{
    return (weight->count + 7) / 8;
}

static size_t masks_bytes(const struct graph *graph)
{
    size_t bytes = 0;

    for (int i = 0; i < graph->weights; i++)
        bytes += 1 + (graph->weight[i].mask ? mask_bytes(&graph->weight[i]) : 0);
    return bytes;
}

static unsigned char *put_mask(unsigned char *at, const struct weight *weight)
{
    *at++ = weight->mask != NULL;
    if (!weight->mask)
        return at;
    memset(at, 0, mask_bytes(weight));
    for (size_t j = 0; j < weight->count; j++)
        at[j / 8] |= (unsigned char)((weight->mask[j] != 0) << j % 8);
    return at + mask_bytes(weight);
}

static enum status cache_path(char *out, size_t size, const char *dir, const char *key, const char suffix[6])
{
    char name[KEY_BYTES + 8];

    if (strlen(key) != KEY_BYTES)
        return status_fail(ST_BADARG, "cache key '%s': expected %d digits", key, KEY_BYTES);
    memcpy(name, key, KEY_BYTES);
    memcpy(name + KEY_BYTES, suffix, 6);
    return file_join(out, size, dir, name);
}

enum status cache_store(const char *dir, const char *key, const struct graph *graph, const uint8_t *predictions,
                        uint32_t n)
{
    char path[PATH_MAX], digest[HASH_HEX];
    unsigned char *packed = NULL, *file = NULL, *at;
    size_t packed_len = 0, len;
    enum status st;

    TRY_OUT(cache_path(path, sizeof path, dir, key, ".step"));
    TRY_OUT(file_make_dirs(dir));
    TRY_OUT(plk_encode(graph, PLK_DENSE, &packed, &packed_len, NULL));
    len = HEAD_BYTES + 4 + (size_t)n + 4 + masks_bytes(graph) + packed_len;
    TRY_OUT(mem_alloc(len, 1, &file));
    at = file + HEAD_BYTES;
    put_u32(at, n);
    memcpy(at + 4, predictions, n);
    at += 4 + (size_t)n;
    put_u32(at, (uint32_t)masks_bytes(graph));
    at += 4;
    for (int i = 0; i < graph->weights; i++)
        at = put_mask(at, &graph->weight[i]);
    memcpy(at, packed, packed_len);
    hash_bytes(file + HEAD_BYTES, len - HEAD_BYTES, digest);
    memcpy(file, magic, MAGIC_BYTES);
    memcpy(file + MAGIC_BYTES, key, KEY_BYTES);
    memcpy(file + MAGIC_BYTES + KEY_BYTES, digest, KEY_BYTES);
    st = file_write_atomic(path, file, len);
out:
    free(packed);
    mem_free(file);
    return st;
}

/* What is left of a file while it is read. */
struct reader {
    const char *path;
    const unsigned char *at, *end;
};

static enum status take(struct reader *reader, size_t bytes, const unsigned char **out)
{
    if ((size_t)(reader->end - reader->at) < bytes)
        return status_fail(ST_FORMAT, "%s: ends %zu bytes early", reader->path,
                           bytes - (size_t)(reader->end - reader->at));
    *out = reader->at;
    reader->at += bytes;
    return ST_OK;
}

static enum status read_head(struct reader *reader, const char *key)
{
    const unsigned char *head = NULL;
    char digest[HASH_HEX];

    TRY(take(reader, HEAD_BYTES, &head));
    if (memcmp(head, magic, MAGIC_BYTES) != 0 || memcmp(head + MAGIC_BYTES, key, KEY_BYTES) != 0)
        return status_fail(ST_FORMAT, "%s: not the cached step that its name says", reader->path);
    hash_bytes(reader->at, (size_t)(reader->end - reader->at), digest);
    if (memcmp(head + MAGIC_BYTES + KEY_BYTES, digest, KEY_BYTES) != 0)
        return status_fail(ST_FORMAT, "%s: the checksum does not match the content", reader->path);
    return ST_OK;
}

static enum status read_mask(struct reader *reader, struct weight *weight)
{
    const unsigned char *flag = NULL, *at = NULL;

    TRY(take(reader, 1, &flag));
    if (*flag == 0)
        return ST_OK;
    TRY(take(reader, mask_bytes(weight), &at));
    TRY(mem_alloc(weight->count, 1, &weight->mask));
    for (size_t j = 0; j < weight->count; j++)
        weight->mask[j] = at[j / 8] >> j % 8 & 1;
    return ST_OK;
}

/* The masks come before the graph but are read after it: its shapes say how long they must be. */
static enum status read_body(struct reader *reader, uint32_t n, struct graph *out_graph, uint8_t *predictions)
{
    const unsigned char *at = NULL, *classes = NULL;
    struct reader masks;
    struct graph graph = {0};
    uint32_t masks_len;
    enum status st = ST_OK;

    TRY(take(reader, 4, &at));
    if (get_u32(at) != n)
        return status_fail(ST_FORMAT, "%s: %u predictions, expected %u", reader->path, get_u32(at), n);
    TRY(take(reader, n, &classes));
    TRY(take(reader, 4, &at));
    masks_len = get_u32(at);
    TRY(take(reader, masks_len, &at));
    masks = (struct reader){reader->path, at, at + masks_len};
    TRY(plk_decode(reader->path, reader->at, (size_t)(reader->end - reader->at), &graph, NULL));
    for (int i = 0; i < graph.weights; i++)
        TRY_OUT(read_mask(&masks, &graph.weight[i]));
    if (masks.at != masks.end) {
        st = status_fail(ST_FORMAT, "%s: more masks than tensors", reader->path);
        goto out;
    }
    memcpy(predictions, classes, n);
    *out_graph = graph;
    return ST_OK;
out:
    graph_free(&graph);
    return st;
}

enum status cache_load(const char *dir, const char *key, uint32_t n, struct graph *out_graph, uint8_t *predictions,
                       enum cache_state *out_state)
{
    char path[PATH_MAX];
    unsigned char *bytes = NULL;
    struct reader reader = {path, NULL, NULL};
    size_t len = 0;
    enum status st;

    TRY(cache_path(path, sizeof path, dir, key, ".step"));
    if (!file_exists(path)) {
        *out_state = CACHE_MISS;
        return ST_OK;
    }
    st = file_read(path, 0, &bytes, &len);
    if (st == ST_OK) {
        reader.at = bytes;
        reader.end = bytes + len;
        st = read_head(&reader, key);
    }
    if (st == ST_OK)
        st = read_body(&reader, n, out_graph, predictions);
    free(bytes);
    if (st == ST_NOMEM)
        return st;
    *out_state = st == ST_OK ? CACHE_HIT : CACHE_DAMAGED;
    return ST_OK;
}

enum status cache_lock(const char *dir, const char *key, const char *label, const volatile sig_atomic_t *stop,
                       struct lock *out_lock)
{
    static const struct timespec pause = {0, 200 * 1000 * 1000};
    char path[PATH_MAX];
    enum lock_state state;
    struct progress bar;

    out_lock->fd = -1;
    TRY(cache_path(path, sizeof path, dir, key, ".lock"));
    if (file_make_dirs(dir) != ST_OK)
        return ST_OK;
    TRY(lock_try(path, out_lock, &state));
    if (state != LOCK_BUSY)
        return ST_OK;
    progress_begin(&bar, label, 1);
    progress_end(&bar, "another process computes this step: waiting for it");
    while (state == LOCK_BUSY) {
        if (stop && *stop)
            return status_fail(ST_INTERRUPTED, "%s: stopped while another process computed it", label);
        nanosleep(&pause, NULL);
        TRY(lock_try(path, out_lock, &state));
    }
    return ST_OK;
}
