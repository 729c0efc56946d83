#include "peers/peer.h"

const struct peer_library peer_libraries[PEER_LIBRARIES + 1] = {
    {"simd", 1, 0, peer_ours_open},       {"simd-dense", 1, 1, peer_dense_open},  {"onednn", 0, 0, peer_onednn_open},
    {"xnnpack", 0, 0, peer_xnnpack_open}, {"openblas", 0, 0, peer_openblas_open}, {NULL, 0, 0, NULL}};
