/* Results of recipe steps on disk, so that a shared prefix is trained once and a second run trains nothing.
 *
 * One file per step, named by its key: a hash over everything that the result depends on (recipe_key.c). It holds a
 * float graph (scales of a simulated one included), its masks and the predictions on the validation split, under a
 * SHA-256 over the whole. Files are written atomically; a damaged, truncated or foreign file is never used. Any number
 * of processes may share a folder, on several machines too: cache_lock keeps them from computing the same step at the
 * same time. Without it they would do so, and the last one's file, the same bytes, would stay. */
#ifndef COMPRESS_CACHE_H
#define COMPRESS_CACHE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/lock.h"
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

/* Before a step that is not in the cache is computed: waits while another process computes it (saying so on stderr,
 * with `label`), so that it can be loaded afterwards. Where the folder cannot have locks *out_lock is not held, which
 * is fine. Release with lock_release. ST_INTERRUPTED when *stop (NULL: none) was set while waiting, ST_BADARG (path).
 */
enum status cache_lock(const char *dir, const char *key, const char *label, const volatile sig_atomic_t *stop,
                       struct lock *out_lock);

#endif
