/* XNNPACK, loaded when asked for. Internal to peers/. */
#ifndef PEERS_XNNPACK_H
#define PEERS_XNNPACK_H

#include <xnnpack.h>

#include "base/status.h"
#include "peers/peer.h"

/* Every function that is called, for the struct of pointers and for the loader. */
#define XNNPACK_CALLS(X)                                                                                               \
    X(xnn_initialize)                                                                                                  \
    X(xnn_run_operator)                                                                                                \
    X(xnn_delete_operator)                                                                                             \
    X(xnn_create_convolution2d_nhwc_f32)                                                                               \
    X(xnn_setup_convolution2d_nhwc_f32)                                                                                \
    X(xnn_create_convolution2d_nchw_f32)                                                                               \
    X(xnn_setup_convolution2d_nchw_f32)                                                                                \
    X(xnn_create_convolution2d_nhwc_qc8)                                                                               \
    X(xnn_setup_convolution2d_nhwc_qc8)                                                                                \
    X(xnn_create_fully_connected_nc_f32)                                                                               \
    X(xnn_setup_fully_connected_nc_f32)                                                                                \
    X(xnn_create_fully_connected_nc_qs8)                                                                               \
    X(xnn_setup_fully_connected_nc_qs8)

struct xnnpack {
    void *library;
#define X(name) __typeof__(name) *name;
    XNNPACK_CALLS(X)
#undef X
};

/* ST_SKIP when the library is not there. Owned (free); the library stays loaded. */
enum status xnnpack_load(struct xnnpack **out);
/* ST_SKIP "XNNPACK: <what>: <its status>" unless it succeeded. */
enum status xnnpack_try(enum xnn_status status, const char *what);

enum status xnnpack_create_model(void *context, const struct peer_model *model, void **out_instance);

#endif
