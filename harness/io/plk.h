/* The packed model file (.plk): what ships. Its bytes are the size that tables quote, and every accuracy and
 * latency is produced by loading it.
 *
 * Little-endian, versioned, checksummed (CRC-32 of the whole). Graph structure, value quantization, and each
 * tensor in the smallest of its encodings: dense, bitmap (one bit per element, then the nonzeros) or sparse
 * index (gaps in a few bits, then the nonzeros), each optionally entropy-coded by codec/. Lossless: what is
 * read equals what was written, bit for bit, but for negative zero, which becomes zero where zeros are skipped.
 * Values and weights are numbered anew in node order; fields that an operator does not use become 0 (weight and
 * bias -1). The format is described in plk.c.
 *
 *   TRY(plk_write(&graph, "m.plk", PLK_ENTROPY, &info));
 *   TRY(plk_read("m.plk", &graph)); */
#ifndef IO_PLK_H
#define IO_PLK_H

#include <stddef.h>

#include "base/hash.h"
#include "base/status.h"
#include "graph/graph.h"

enum plk_flags {
    PLK_PLAIN = 0,
    PLK_ENTROPY = 1, /* entropy-code a tensor where that makes the file smaller */
    PLK_DENSE = 2    /* dense encoding only, no entropy coding: the classic uncompressed file */
};

struct plk_tensor_info {
    char name[GRAPH_NAME];
    char encoding[16]; /* "dense", "bitmap", "sparse", with "+ec" when entropy-coded */
    size_t bytes;      /* in the file, with its header and scales */
    size_t count, nonzeros;
};

struct plk_info {
    size_t file_bytes;
    size_t header_bytes; /* all that is not a tensor */
    char sha256[HASH_HEX];
    int tensors;
    struct plk_tensor_info *tensor; /* owned; plk_info_free */
};

/* Encodes into memory; *out_bytes owned (free). info may be NULL. Weight masks are not stored: zeros are. The same
 * graph and flags give the same bytes. ST_BADARG for a graph that is not consistent (int8 without scales, -128, scales
 * that are not positive, values not as graph_quant_spread leaves them, names with blanks), ST_FORMAT from graph_infer,
 * ST_UNSUPPORTED for one beyond the format (more than 1024 nodes, a tensor used twice). */
enum status plk_encode(const struct graph *graph, int flags, unsigned char **out_bytes, size_t *out_len,
                       struct plk_info *info);
/* `name` stands for the file in messages. Any damage is ST_FORMAT with the byte offset; memory is bounded by
 * what the sections really hold, checked before allocation. *out must not hold anything. info may be NULL. */
enum status plk_decode(const char *name, const unsigned char *bytes, size_t len, struct graph *out,
                       struct plk_info *info);
/* The same with a file; written atomically. */
enum status plk_write(const struct graph *graph, const char *path, int flags, struct plk_info *info);
enum status plk_read(const char *path, struct graph *out, struct plk_info *info);
void plk_info_free(struct plk_info *info);

/* Bytes that the graph's architecture takes with FP32 weights as a PLK_DENSE file: what size ratios refer to, also for
 * a graph whose weights are already something else. Errors as plk_encode. */
enum status plk_fp32_bytes(const struct graph *graph, size_t *out_bytes);

#endif
