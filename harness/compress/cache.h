/* Results of recipe steps on disk, so that a shared prefix is trained once and a second run trains nothing.
 *
 * One file per step, named by its key: a hash over everything that the result depends on (recipe_key.c). It holds a
 * float graph (scales of a simulated one included), its masks and the predictions on the validation split, under a
 * SHA-256 over the whole. Files are written atomically; a damaged, truncated or foreign file is never used. */
#ifndef COMPRESS_CACHE_H
#define COMPRESS_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "graph/graph.h"

enum cache_state {
    CACHE_MISS,
    CACHE_HIT,
    CACHE_DAMAGED /* there is a file, but it cannot be used; status_message() says why */
};

/* Stores a float graph and its n predictions under `key` (64 hexadecimal digits) in folder `dir`, which is made when
 * missing. ST_IO, ST_NOMEM. */
enum status cache_store(const char *dir, const char *key, const struct graph *graph, const uint8_t *predictions,
                        uint32_t n);

/* Looks `key` up. On CACHE_HIT *out_graph (must not hold anything) and predictions (n) are filled, else untouched. Only
 * ST_NOMEM and ST_BADARG (path too long) are failures. */
enum status cache_load(const char *dir, const char *key, uint32_t n, struct graph *out_graph, uint8_t *predictions,
                       enum cache_state *out_state);

#endif
