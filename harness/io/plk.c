/* The packed file, version 2. Little-endian; bits are numbered from the lowest.
 *
 *   varint   LEB128: 7 bits per byte, lowest first, bit 7 = more follow; in its shortest form
 *   text     varint length (1..63), then UTF-8 without control characters or blanks
 *
 * file       "PLK", u8 version = 2, u8 flags, varint length of the whole file,
 *            text model name (or one byte 0: none), varint number of nodes (2..1024), the nodes,
 *            the tensors (of each conv, fc and layernorm in node order: weight, then bias if any), activation
 * quantization, u32 CRC-32 (zlib's) of all bytes before it flags    bits 0-1: quantization of all activations (0 none,
 * 1 static, 2 dynamic, 3 each its own); others 0
 *
 * node       u8 head: bits 0-4 operator (enum op of graph.h; node 0 and no other is an input, 0), then one bit for
 *            each thing that is not as usual:
 *   bit 5    the node's name; usual: "input", else the operator and the node's number ("conv1")
 *   bit 6    six numbers for the window; usual: one, a square kernel with stride 1 (conv) or the kernel's size (pools),
 *            without padding
 *   bit 7    u8 flags follow at once: 1 text name of the value it writes (usual: the node's), 2 distances back to the
 *            nodes whose outputs it reads (usual: one, 1), 4 names of the tensors (usual: node name + ".weight",
 *            ".bias"), 8 padding behind that differs from that before, 16 groups or dilation
 *            then, in this order, what there is of: text name; text value name; concat: u8 number of inputs; varint
 *            distances; attributes; window; tensor shapes; texts, the names of weight and bias.
 *   attributes  lists are a u8 count and varints: input and reshape the dimensions, transpose the permutation, slice
 *            axis, begin, end; concat: u8 axis; layernorm: f32 epsilon; matmul: u8 second operand transposed, f32 scale
 *   window   varints: kernel height, width, stride down, across, padding down, across (see bit 6); with flag 8 padding
 *            behind down, across; with flag 16 groups, dilation down, across
 *   tensors  conv and fc: varint 2 * output channels + (has a bias), varint input channels (per group; fc: features);
 *            layernorm: varint features. Tensors have the shapes (O, I, kh, kw), (O, I) and (O) that follow; shapes of
 *            values are inferred. Batch normalizations do not occur: they are folded.
 *
 * tensor     u8 head: bits 0-1 type (0 f32, 1 s8, 2 s32), bits 2-3 layout (0 dense, 1 bitmap, 2 sparse), bit 4 data
 *            entropy-coded, bit 5 has scales, bit 6 scales entropy-coded, bit 7 the code continues what was learned;
 *            then the data, then the scales. A weight is f32 or s8, a bias f32 or s32. Scales, f32 and positive, one
 *            per output channel: always for s8, never for s32; with f32 they mean simulated quantization.
 *   dense    all elements in order
 *   bitmap   a bit per element, 1 = not zero, padded with 0 to a byte; then the nonzeros in order
 *   sparse   varint number of nonzeros n; if n > 0: u8 Rice parameter k (0..24), for each nonzero the number of zeros
 *            since the one before as a Rice code (codec/bits.h), padded with 0 to a byte; then the nonzeros
 *            Negative zero counts as zero. int8 values are -127..127.
 *   coded    varint length, then the code of codec/entropy.c over (output channels, rest) or (1, O) for a bias. Models
 *            start even, or with bit 7 as the last coded tensor of this type left them (entropy_models_carry applied).
 *            Scales coded as dense f32, (1, O), with models of their own that always continue.
 *
 * quantization, for each node whose output is a quantization point (graph_quant.h) that leads to a conv or fc:
 *            if flags are 3: u8 mode; if its mode is static: f32 scale (positive), u8 zero point. The other
 *            values share these parameters.
 *
 * Fields that an operator does not use read back as 0 (tensors: -1). Values and weights are numbered by node.
 * The number of weights is limited by the file's size (plk_parts.h): a small file cannot ask for much memory. */
#include "io/plk.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "io/plk_parts.h"

enum { PREFIX_BYTES = 5, CRC_BYTES = 4 };
enum { MODE_MASK = 3 };

static const char magic[] = "PLK";

static uint32_t crc_of(const unsigned char *bytes, size_t len)
{
    uLong crc = crc32(0, NULL, 0);

    while (len > 0) {
        uInt part = len > 1u << 30 ? 1u << 30 : (uInt)len;
        crc = crc32(crc, bytes, part);
        bytes += part;
        len -= part;
    }
    return (uint32_t)crc;
}

/* The file's tensors, in its order. */
static enum status put_tensors(struct bytes *out, const struct graph *graph, int flags, int gaps, struct plk_info *info)
{
    struct plk_learned learned;

    plk_learned_init(&learned);
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        const int index[2] = {node->weight, node->bias};
        if (!plk_has_weights(node->op))
            continue;
        for (int j = 0; j < 2; j++) {
            if (index[j] < 0)
                continue;
            TRY(plk_put_tensor(out, &graph->weight[index[j]], flags, gaps, &learned, &info->tensor[info->tensors]));
            info->tensors++;
        }
    }
    return ST_OK;
}

/* The length that a file with this body has; the varint that holds it counts, too. */
static size_t file_len(size_t body_len)
{
    size_t len_bytes = 1;

    while (bytes_varint_len(PREFIX_BYTES + len_bytes + body_len + CRC_BYTES) > len_bytes)
        len_bytes++;
    return PREFIX_BYTES + len_bytes + body_len + CRC_BYTES;
}

static enum status put_file(struct bytes *out, const struct graph *graph, int flags, int gaps, struct plk_info *info)
{
    enum status st;
    struct bytes body = {0};
    unsigned mode = plk_quant_mode(graph);

    info->tensors = 0;
    plk_put_structure(&body, graph);
    TRY_OUT(put_tensors(&body, graph, flags, gaps, info));
    plk_put_quant(&body, mode, graph);
    TRY_OUT(bytes_check(&body));
    bytes_put(out, magic, 3);
    bytes_u8(out, PLK_VERSION);
    bytes_u8(out, mode);
    bytes_varint(out, file_len(body.len));
    bytes_put(out, body.data, body.len);
    bytes_u32(out, crc_of(out->data, out->failed ? 0 : out->len));
    TRY_OUT(bytes_check(out));
out:
    bytes_free(&body);
    return st;
}

static int expands_too_far(size_t elements, size_t file_bytes)
{
    return elements > PLK_FREE_ELEMENTS && (elements - PLK_FREE_ELEMENTS) / ENTROPY_MAX_EXPANSION > file_bytes;
}

static void finish_info(struct plk_info *info, const unsigned char *bytes, size_t len)
{
    info->file_bytes = len;
    info->header_bytes = len;
    for (int i = 0; i < info->tensors; i++)
        info->header_bytes -= info->tensor[i].bytes;
    hash_bytes(bytes, len, info->sha256);
}

enum status plk_encode(const struct graph *graph, int flags, unsigned char **out_bytes, size_t *out_len,
                       struct plk_info *info)
{
    enum status st;
    struct bytes out = {0};
    struct plk_info local = {0};

    if (flags & ~(PLK_ENTROPY | PLK_DENSE) || flags == (PLK_ENTROPY | PLK_DENSE))
        return status_fail(ST_BADARG, "plk_encode: flags %d, expected one of plk_flags", flags);
    TRY(plk_check_graph(graph));
    local.tensor = calloc((size_t)graph->weights + 1, sizeof *local.tensor);
    if (!local.tensor)
        return status_fail(ST_NOMEM, "no memory to pack graph '%s'", graph->name);
    TRY_OUT(put_file(&out, graph, flags, 1, &local));
    if (expands_too_far(graph_parameters(graph), out.len)) { /* a large graph of little but zeros */
        bytes_free(&out);
        TRY_OUT(put_file(&out, graph, flags, 0, &local));
    }
    *out_bytes = out.data;
    *out_len = out.len;
    if (!info) {
        plk_info_free(&local);
        return ST_OK;
    }
    finish_info(&local, out.data, out.len);
    *info = local;
    return ST_OK;
out:
    bytes_free(&out);
    plk_info_free(&local);
    return st;
}

static enum status check_crc(const char *name, const unsigned char *bytes, size_t len)
{
    struct cursor in = {.file = name, .data = bytes, .at = len - CRC_BYTES, .end = len};
    uint32_t stored, found = crc_of(bytes, len - CRC_BYTES);

    TRY(cursor_u32(&in, "checksum", &stored));
    in.at -= CRC_BYTES;
    if (stored != found)
        return cursor_fail(&in, "checksum %08x, expected %08x: the file is damaged", stored, found);
    return ST_OK;
}

/* Magic, version, length, checksum; leaves the cursor at the model's name, ending before the checksum. */
static enum status open_file(const char *name, const unsigned char *bytes, size_t len, unsigned *out_mode,
                             struct cursor *out)
{
    struct cursor in = {.file = name, .data = bytes, .end = len};
    const unsigned char *at;
    unsigned version, flags;
    uint64_t stated;

    TRY(cursor_take(&in, "magic", 3, &at));
    if (memcmp(at, magic, 3) != 0) {
        in.at = 0;
        return cursor_fail(&in, "not a packed model: expected the letters PLK");
    }
    TRY(cursor_u8(&in, "version", &version));
    if (version != PLK_VERSION) {
        if (len >= PREFIX_BYTES + CRC_BYTES)
            TRY(check_crc(name, bytes, len));
        return status_fail(ST_UNSUPPORTED, "%s: byte 3: version %u of the packed format, expected %d", name, version,
                           PLK_VERSION);
    }
    TRY(cursor_u8(&in, "flags", &flags));
    TRY(cursor_varint(&in, "file length", 0, (uint64_t)1 << 33, &stated));
    if (stated != len)
        return cursor_fail(&in, "the file has %zu bytes, its header says %llu", len, (unsigned long long)stated);
    if (len - in.at < CRC_BYTES)
        return cursor_fail(&in, "no room for a checksum");
    TRY(check_crc(name, bytes, len));
    if (flags & ~(unsigned)MODE_MASK) {
        in.at = 4;
        return cursor_fail(&in, "flags %02x, expected 00 to 03", flags);
    }
    in.end -= CRC_BYTES;
    *out_mode = flags & MODE_MASK;
    *out = in;
    return ST_OK;
}

static enum status get_tensors(struct cursor *in, const struct plk_slots *slots, struct graph *graph,
                               struct plk_info *info)
{
    struct plk_learned learned;
    size_t elements = 0;

    plk_learned_init(&learned);
    for (int i = 0; i < slots->count; i++)
        elements += slots->slot[i].count;
    if (expands_too_far(elements, in->end + CRC_BYTES))
        return cursor_fail(in, "%zu weights in a file of %zu bytes", elements, in->end + CRC_BYTES);
    info->tensor = calloc((size_t)slots->count + 1, sizeof *info->tensor);
    if (!info->tensor)
        return status_fail(ST_NOMEM, "%s: no memory for %d tensors", in->file, slots->count);
    for (int i = 0; i < slots->count; i++) {
        TRY(plk_get_tensor(in, &slots->slot[i], &learned, graph, &info->tensor[i]));
        info->tensors++;
    }
    return ST_OK;
}

enum status plk_decode(const char *name, const unsigned char *bytes, size_t len, struct graph *out,
                       struct plk_info *info)
{
    enum status st;
    struct cursor in;
    struct graph graph = {0};
    struct plk_slots slots = {0};
    struct plk_info local = {0};
    unsigned mode = QUANT_NONE;

    TRY(open_file(name, bytes, len, &mode, &in));
    TRY_OUT(plk_get_structure(&in, &graph, &slots));
    TRY_OUT(get_tensors(&in, &slots, &graph, &local));
    st = graph_infer(&graph);
    if (st != ST_OK) {
        status_prefix(st, "%s", name);
        goto out;
    }
    TRY_OUT(plk_get_quant(&in, mode, &graph));
    if (in.at != in.end) {
        st = cursor_fail(&in, "%zu bytes too many", in.end - in.at);
        goto out;
    }
    *out = graph;
    graph = (struct graph){0};
    if (info) {
        finish_info(&local, bytes, len);
        *info = local;
        local = (struct plk_info){0};
    }
out:
    free(slots.slot);
    plk_info_free(&local);
    graph_free(&graph);
    return st;
}

enum status plk_write(const struct graph *graph, const char *path, int flags, struct plk_info *info)
{
    enum status st;
    struct plk_info local = {0};
    unsigned char *bytes;
    size_t len;

    st = plk_encode(graph, flags, &bytes, &len, &local);
    if (st != ST_OK)
        return status_prefix(st, "%s", path);
    st = file_write_atomic(path, bytes, len);
    free(bytes);
    if (st == ST_OK && info)
        *info = local;
    else
        plk_info_free(&local);
    return st;
}

enum status plk_read(const char *path, struct graph *out, struct plk_info *info)
{
    enum status st;
    unsigned char *bytes;
    size_t len;

    TRY(file_read(path, 0, &bytes, &len));
    st = plk_decode(path, bytes, len, out, info);
    free(bytes);
    return st;
}

void plk_info_free(struct plk_info *info)
{
    free(info->tensor);
    memset(info, 0, sizeof *info);
}

enum status plk_fp32_bytes(const struct graph *graph, size_t *out_bytes)
{
    enum status st;
    struct bytes body = {0};
    size_t len;

    TRY(plk_check_graph(graph));
    plk_put_structure(&body, graph);
    TRY_OUT(bytes_check(&body));
    len = body.len;
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (!plk_has_weights(node->op))
            continue;
        len += 1 + 4 * graph->weight[node->weight].count;
        len += node->bias >= 0 ? 1 + 4 * graph->weight[node->bias].count : 0;
    }
    *out_bytes = file_len(len);
out:
    bytes_free(&body);
    return st;
}
