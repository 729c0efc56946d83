#include "shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"

enum { PROGRAM_MAX_BYTES = 512 << 20 };

static enum status add_program(cJSON *run)
{
    unsigned char *bytes = NULL;
    char digest[HASH_HEX];
    size_t len;

    TRY(file_read("/proc/self/exe", PROGRAM_MAX_BYTES, &bytes, &len));
    hash_bytes(bytes, len, digest);
    free(bytes);
    return cJSON_AddStringToObject(run, "program_sha256", digest) ? ST_OK : status_fail(ST_NOMEM, "no memory");
}

/* Both plans are in the same order: the shard's is the other with gaps. */
static int add_cells(const struct plan *all, const struct plan *own, cJSON *run)
{
    cJSON *ids = cJSON_AddArrayToObject(run, "cells"), *mine = cJSON_AddArrayToObject(run, "shard_cells");
    char digest[HASH_HEX];
    struct hash hash;
    size_t next = 0;

    if (!ids || !mine)
        return 0;
    hash_begin(&hash);
    for (size_t i = 0; i < all->cells; i++) {
        hash_add_text(&hash, all->cell[i].id);
        if (!cJSON_AddItemToArray(ids, cJSON_CreateString(all->cell[i].id)))
            return 0;
        if (next == own->cells || strcmp(own->cell[next].id, all->cell[i].id) != 0)
            continue;
        if (!cJSON_AddItemToArray(mine, cJSON_CreateNumber((double)i)))
            return 0;
        next++;
    }
    hash_end(&hash, digest);
    return cJSON_AddStringToObject(run, "cells_sha256", digest) != NULL;
}

enum status shard_describe(const struct suite *suite, const struct plan_options *options, const struct plan *plan,
                           cJSON *run)
{
    struct plan_options whole = {.filter = options->filter};
    struct plan all;
    char name[32];
    int fine;

    if (options->shards < 1)
        return ST_OK;
    snprintf(name, sizeof name, "%d/%d", options->shard, options->shards);
    TRY(add_program(run));
    TRY(plan_expand(suite, &whole, &all));
    fine = cJSON_AddStringToObject(run, "shard", name) && add_cells(&all, plan, run);
    plan_free(&all);
    return fine ? ST_OK : status_fail(ST_NOMEM, "no memory for the shard's cells");
}
