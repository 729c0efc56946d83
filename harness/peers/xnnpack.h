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
    X(xnn_create_subgraph)                                                                                             \
    X(xnn_delete_subgraph)                                                                                             \
    X(xnn_create_runtime_v2)                                                                                           \
    X(xnn_setup_runtime)                                                                                               \
    X(xnn_invoke_runtime)                                                                                              \
    X(xnn_delete_runtime)                                                                                              \
    X(xnn_define_tensor_value)                                                                                         \
    X(xnn_define_quantized_tensor_value)                                                                               \
    X(xnn_define_channelwise_quantized_tensor_value)                                                                   \
    X(xnn_define_convert)                                                                                              \
    X(xnn_define_convolution_2d)                                                                                       \
    X(xnn_define_depthwise_convolution_2d)                                                                             \
    X(xnn_define_fully_connected)                                                                                      \
    X(xnn_define_add2)                                                                                                 \
    X(xnn_define_clamp)                                                                                                \
    X(xnn_define_hardswish)                                                                                            \
    X(xnn_define_sigmoid)                                                                                              \
    X(xnn_define_softmax)                                                                                              \
    X(xnn_define_max_pooling_2d)                                                                                       \
    X(xnn_define_average_pooling_2d)                                                                                   \
    X(xnn_define_global_average_pooling_2d)                                                                            \
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

extern const struct peer_model_calls xnnpack_model_calls;

#endif
