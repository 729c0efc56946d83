/* Other libraries behind one small interface, so that they run in the same process, on the same data and between the
 * same clock readings as our own kernels. Ours are a peer like the others (peer_ours.c).
 *
 *   struct peer_settings settings = {isa, capped, &table};
 *   if (peer_libraries[i].open(&settings, &peer) == ST_OK) {        // ST_SKIP: not here, the message says why
 *       TRY(peer.create(peer.context, &task, &instance));           // packs weights, chooses code
 *       peer.run(instance);                                         // what is timed
 *       TRY(peer.output(instance, y));
 *       peer.destroy(instance);
 *       peer.close(peer.context);
 *   }
 *
 * Each library gets its weights beforehand and keeps activations in the layout it likes best; what `output` has to
 * rearrange is not timed. One thread. oneDNN and XNNPACK are found when packlight is built (their headers) and loaded
 * when they are asked for: nothing else of packlight depends on them. */
#ifndef PEERS_PEER_H
#define PEERS_PEER_H

#include <stdint.h>

#include "base/status.h"
#include "kernels/kernels.h"
#include "peers/peer_task.h"

enum { PEER_NAME = 32, PEER_LEVEL = 64 };

struct peer_settings {
    uint32_t isa;                 /* level of our kernels */
    int capped;                   /* 1: libraries that can be capped run at this level, too */
    const struct kn_table *table; /* ours; borrowed */
};

/* Whole networks. Output: (batch, outputs) floats. */
struct peer_model_calls {
    enum status (*create)(void *context, const struct peer_model *model, void **out_instance); /* NULL: it runs none */
    void (*run)(void *instance);
    enum status (*output)(void *instance, void *y);
    void (*destroy)(void *instance);
};

struct peer {
    char name[PEER_NAME];    /* "onednn" */
    char version[PEER_NAME]; /* "2.6.3"; "" for ours */
    char level[PEER_LEVEL];  /* what it may use: "avx2 (capped)", "native (cannot be capped)" */
    void *context;           /* of the open library; owned */
    /* An operator with its weights packed. ST_SKIP with the reason when the library has no such operator. The task is
     * borrowed until destroy. */
    enum status (*create)(void *context, const struct peer_task *task, void **out_instance);
    void (*run)(void *instance);
    /* The result of the last run in the task's own layout: (batch, oh, ow, n) float or uint8. ST_MISMATCH when the
     * library reported a failure while running. */
    enum status (*output)(void *instance, void *y);
    void (*destroy)(void *instance);
    /* Name of the kernel that an instance runs; NULL when the library does not tell. Static. */
    const char *(*kernel)(const void *instance);
    /* Integer tasks: the library's own 32-bit sums with bias, (batch, oh, ow, n). NULL when it never shows them. */
    enum status (*sums)(void *context, const struct peer_task *task, int32_t *sums);
    struct peer_model_calls model;
    void (*close)(void *context);
};

struct peer_library {
    const char *name; /* as suites have it */
    int own;          /* 1: our own kernels, which must be exact to the bit */
    int sparse_only;  /* 1: takes part where weights are sparse */
    enum status (*open)(const struct peer_settings *settings, struct peer *out);
};

/* Ours first; ends with a NULL name. */
extern const struct peer_library peer_libraries[];
enum { PEER_LIBRARIES = 5 };

enum status peer_ours_open(const struct peer_settings *settings, struct peer *out);
/* Our dense kernels on the same zeros: what a sparse kernel has to beat first. */
enum status peer_dense_open(const struct peer_settings *settings, struct peer *out);
enum status peer_onednn_open(const struct peer_settings *settings, struct peer *out);
enum status peer_xnnpack_open(const struct peer_settings *settings, struct peer *out);
enum status peer_openblas_open(const struct peer_settings *settings, struct peer *out);

#endif
