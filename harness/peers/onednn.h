/* oneDNN, loaded when asked for, and chains of its primitives. Internal to peers/.
 *
 * A chain owns its primitives and memories. Layouts are the library's own choice (format "any"); weights and the input
 * of single operators are rearranged once, beforehand. */
#ifndef PEERS_ONEDNN_H
#define PEERS_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#include "base/status.h"
#include "peers/peer.h"

/* Every function that is called, for the struct of pointers and for the loader. */
#define ONEDNN_CALLS(X)                                                                                                \
    X(dnnl_version)                                                                                                    \
    X(dnnl_set_max_cpu_isa)                                                                                            \
    X(dnnl_get_effective_cpu_isa)                                                                                      \
    X(dnnl_engine_create)                                                                                              \
    X(dnnl_engine_destroy)                                                                                             \
    X(dnnl_stream_create)                                                                                              \
    X(dnnl_stream_destroy)                                                                                             \
    X(dnnl_stream_wait)                                                                                                \
    X(dnnl_memory_desc_init_by_tag)                                                                                    \
    X(dnnl_memory_desc_equal)                                                                                          \
    X(dnnl_memory_create)                                                                                              \
    X(dnnl_memory_destroy)                                                                                             \
    X(dnnl_memory_get_memory_desc)                                                                                     \
    X(dnnl_convolution_forward_desc_init)                                                                              \
    X(dnnl_dilated_convolution_forward_desc_init)                                                                      \
    X(dnnl_inner_product_forward_desc_init)                                                                            \
    X(dnnl_pooling_forward_desc_init)                                                                                  \
    X(dnnl_eltwise_forward_desc_init)                                                                                  \
    X(dnnl_reorder_primitive_desc_create)                                                                              \
    X(dnnl_primitive_desc_create)                                                                                      \
    X(dnnl_primitive_desc_destroy)                                                                                     \
    X(dnnl_primitive_desc_query_md)                                                                                    \
    X(dnnl_primitive_create)                                                                                           \
    X(dnnl_primitive_destroy)                                                                                          \
    X(dnnl_primitive_execute)                                                                                          \
    X(dnnl_primitive_attr_create)                                                                                      \
    X(dnnl_primitive_attr_destroy)                                                                                     \
    X(dnnl_primitive_attr_set_output_scales)                                                                           \
    X(dnnl_primitive_attr_set_zero_points)                                                                             \
    X(dnnl_primitive_attr_set_post_ops)                                                                                \
    X(dnnl_post_ops_create)                                                                                            \
    X(dnnl_post_ops_destroy)                                                                                           \
    X(dnnl_post_ops_append_eltwise)                                                                                    \
    X(dnnl_post_ops_append_sum_v3)

struct onednn {
    void *library;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
#define X(name) __typeof__(name) *name;
    ONEDNN_CALLS(X)
#undef X
};

enum { ONEDNN_STEPS = 256, ONEDNN_MEMORIES = 1024, ONEDNN_ARGS = 5 };

struct onednn_chain {
    struct onednn *d; /* borrowed */
    struct {
        dnnl_primitive_t primitive;
        dnnl_exec_arg_t arg[ONEDNN_ARGS];
        int args;
    } step[ONEDNN_STEPS];
    int steps;
    dnnl_memory_t memory[ONEDNN_MEMORIES]; /* owned */
    int memories;
    dnnl_status_t status; /* of the last run */
};

/* ST_SKIP when the library is not there. Owned; onednn_unload accepts NULL. */
enum status onednn_load(struct onednn **out);
void onednn_unload(struct onednn *d);

enum status onednn_chain_new(struct onednn *d, struct onednn_chain **out);
void onednn_chain_free(struct onednn_chain *chain);
void onednn_chain_run(void *chain);

/* dims[ndims] of `type` in the layout `tag` (dnnl_format_tag_any: the library chooses). */
dnnl_memory_desc_t onednn_desc(const struct onednn *d, int ndims, const int *dims, dnnl_data_type_t type,
                               dnnl_format_tag_t tag);
/* A tensor of the chain; data NULL: the library's own buffer, else borrowed. ST_UNSUPPORTED, ST_NOMEM. */
enum status onednn_tensor(struct onednn_chain *chain, const dnnl_memory_desc_t *desc, const void *data,
                          dnnl_memory_t *out);
/* Copies `from` into `to`, which may have another layout or type: at once (now), or as a step of the chain. attr may be
 * NULL. */
enum status onednn_copy(struct onednn_chain *chain, dnnl_memory_t from, dnnl_memory_t to,
                        const_dnnl_primitive_attr_t attr, int now);
/* `from` in another layout of the same type; itself when nothing is to be done. */
enum status onednn_reorder(struct onednn_chain *chain, dnnl_memory_t from, const dnnl_memory_desc_t *to, int now,
                           dnnl_memory_t *out);
/* Appends the primitive; takes over and destroys `pd`. arg (args): DNNL_ARG_... with their memories. */
enum status onednn_append(struct onednn_chain *chain, dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *arg, int args);
/* ST_SKIP "oneDNN: <what>: <its status>" unless it succeeded. */
enum status onednn_try(dnnl_status_t status, const char *what);

extern const struct peer_model_calls onednn_model_calls;

#endif
