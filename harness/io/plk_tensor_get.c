/* Reading one tensor. Nothing is allocated before the bytes behind it are known to be there. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "codec/bits.h"
#include "io/plk_tensor.h"

static uint32_t load(const unsigned char *at, enum dtype type)
{
    if (type == DT_S8)
        return *at;
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Adds the tensor, zero-filled, once the bytes behind it are known to be there. */
static enum status add_weight(struct cursor *in, const struct plk_slot *slot, enum dtype type, struct graph *graph,
                              struct weight **out)
{
    int index;

    if (graph_add_weight(graph, slot->name, type, slot->rank, slot->dim, &index) != ST_OK)
        return status_prefix(ST_FORMAT, "%s: byte %zu", in->file, in->at);
    *out = &graph->weight[index];
    return ST_OK;
}

static enum status get_dense(struct cursor *in, const struct plk_slot *slot, enum dtype type, struct graph *graph)
{
    const unsigned char *data;
    struct weight *weight;
    size_t size = dtype_bytes(type);

    TRY(cursor_take(in, slot->name, slot->count * size, &data));
    TRY(add_weight(in, slot, type, graph, &weight));
    for (size_t i = 0; i < slot->count; i++)
        plk_set_element(weight, i, load(data + i * size, type));
    return ST_OK;
}

/* Stores the next nonzero of a list at place i. */
static enum status get_nonzero(const struct cursor *in, const unsigned char *at, struct weight *weight, size_t i)
{
    uint32_t bits = load(at, weight->type);

    if (plk_is_zero(weight->type, bits))
        return cursor_fail(in, "%s: a zero among the nonzeros before this byte", weight->name);
    plk_set_element(weight, i, bits);
    return ST_OK;
}

static enum status get_bitmap(struct cursor *in, const struct plk_slot *slot, enum dtype type, struct graph *graph)
{
    const unsigned char *map, *data;
    struct weight *weight;
    size_t size = dtype_bytes(type), map_bytes = (slot->count + 7) / 8, nonzeros = 0;

    TRY(cursor_take(in, slot->name, map_bytes, &map));
    for (size_t i = 0; i < map_bytes; i++)
        for (unsigned byte = map[i]; byte; byte &= byte - 1)
            nonzeros++;
    if (slot->count & 7 && map[map_bytes - 1] >> (slot->count & 7))
        return cursor_fail(in, "%s: the bitmap goes on beyond %zu elements", slot->name, slot->count);
    TRY(cursor_take(in, slot->name, nonzeros * size, &data));
    TRY(add_weight(in, slot, type, graph, &weight));
    for (size_t i = 0; i < slot->count; i++) {
        if (!(map[i >> 3] >> (i & 7) & 1))
            continue;
        TRY(get_nonzero(in, data, weight, i));
        data += size;
    }
    return ST_OK;
}

static enum status get_sparse(struct cursor *in, const struct plk_slot *slot, enum dtype type, struct graph *graph)
{
    size_t size = dtype_bytes(type), place = 0;
    const unsigned char *data;
    struct bit_reader first, second;
    struct weight *weight;
    uint64_t nonzeros;
    uint32_t gap;
    unsigned k = 0;

    TRY(cursor_varint(in, "number of nonzeros", 0, slot->count, &nonzeros));
    if (nonzeros > 0) {
        TRY(cursor_u8(in, "Rice parameter", &k));
        if (k > BITS_RICE_MAX)
            return cursor_fail(in, "%s: Rice parameter %u, expected 0 to %d", slot->name, k, BITS_RICE_MAX);
    }
    /* The gaps are read twice: to find where the values begin, then together with them. */
    first = (struct bit_reader){.data = in->data + in->at, .end = 8 * (in->end - in->at)};
    second = first;
    for (uint64_t i = 0; i < nonzeros; i++, place++) {
        if (!bits_get_rice(&first, (int)k, (uint32_t)(slot->count - 1), &gap) || gap >= slot->count - place)
            return cursor_fail(in, "%s: gap %llu leads beyond its %zu elements or the file", slot->name,
                               (unsigned long long)i, slot->count);
        place += gap;
    }
    in->at += (first.at + 7) / 8;
    TRY(cursor_take(in, slot->name, (size_t)nonzeros * size, &data));
    TRY(add_weight(in, slot, type, graph, &weight));
    place = 0;
    for (uint64_t i = 0; i < nonzeros; i++, place++, data += size) {
        bits_get_rice(&second, (int)k, (uint32_t)(slot->count - 1), &gap);
        place += gap;
        TRY(get_nonzero(in, data, weight, place));
    }
    return ST_OK;
}

/* Length, then a code that fills it. */
static enum status get_code(struct cursor *in, const char *what, struct entropy_models *models, enum entropy_type type,
                            enum entropy_layout layout, size_t rows, size_t cols, void *data)
{
    const unsigned char *code = NULL;
    uint64_t len;
    size_t start;
    enum status st;

    TRY(cursor_varint(in, "length of an entropy code", 0, in->end - in->at, &len));
    start = in->at;
    TRY(cursor_take(in, what, (size_t)len, &code));
    st = entropy_decode(models, type, layout, rows, cols, code, (size_t)len, data);
    return st == ST_OK ? ST_OK : status_prefix(st, "%s: byte %zu: %s", in->file, start, what);
}

static enum status get_coded(struct cursor *in, const struct plk_slot *slot, enum dtype type, unsigned head,
                             struct plk_learned *learned, struct graph *graph)
{
    struct entropy_models *models = &learned->data[plk_coded_type(type)];
    unsigned layout = head >> LAYOUT_SHIFT & LAYOUT_MASK;
    struct weight *weight = NULL;
    size_t rows, cols;

    if (layout != LAYOUT_SPARSE && slot->count / ENTROPY_MAX_EXPANSION > in->end - in->at + 8)
        return cursor_fail(in, "%s: %zu elements in at most %zu bytes", slot->name, slot->count, in->end - in->at);
    if (!(head & CARRIED))
        entropy_models_init(models);
    plk_plane(slot->rank, slot->dim, &rows, &cols);
    TRY(add_weight(in, slot, type, graph, &weight));
    TRY(get_code(in, slot->name, models, plk_coded_type(type), (enum entropy_layout)layout, rows, cols, weight->data));
    entropy_models_carry(models);
    return ST_OK;
}

static enum status get_scales(struct cursor *in, unsigned head, struct plk_learned *learned, struct weight *weight)
{
    size_t count = (size_t)weight->dim[0], start = in->at;
    const unsigned char *data = NULL;

    if (head & SCALES_CODED) {
        if (count / ENTROPY_MAX_EXPANSION > in->end - in->at + 8)
            return cursor_fail(in, "%s: %zu scales in at most %zu bytes", weight->name, count, in->end - in->at);
        TRY(mem_alloc(count, sizeof *weight->scale, &weight->scale));
        TRY(get_code(in, "weight scales", &learned->scale, ENTROPY_F32, ENTROPY_DENSE, 1, count, weight->scale));
        entropy_models_carry(&learned->scale);
    } else {
        TRY(cursor_take(in, "weight scales", 4 * count, &data));
        TRY(mem_alloc(count, sizeof *weight->scale, &weight->scale));
        for (size_t i = 0; i < count; i++) {
            uint32_t bits = load(data + 4 * i, DT_F32);
            memcpy(&weight->scale[i], &bits, 4);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (weight->scale[i] > 0 && isfinite(weight->scale[i]))
            continue;
        in->at = start;
        return cursor_fail(in, "%s: scale %zu is %g, expected a positive number", weight->name, i,
                           (double)weight->scale[i]);
    }
    return ST_OK;
}

static enum status check_head(const struct cursor *in, const struct plk_slot *slot, unsigned head)
{
    unsigned type = head & TYPE_MASK, layout = head >> LAYOUT_SHIFT & LAYOUT_MASK;
    int fits = type == DT_F32 || (slot->is_bias ? type == DT_S32 : type == DT_S8);
    int scales = type == DT_F32 || (type == DT_S8) == ((head & SCALED) != 0);

    if (layout >= LAYOUT_COUNT || !fits || !scales || (head & SCALES_CODED && !(head & SCALED)) ||
        (head & CARRIED && !(head & CODED)))
        return cursor_fail(in, "%s: head %02x, expected the type, encoding and scales of a %s", slot->name, head,
                           slot->is_bias ? "bias" : "weight");
    return ST_OK;
}

enum status plk_get_tensor(struct cursor *in, const struct plk_slot *slot, struct plk_learned *learned,
                           struct graph *graph, struct plk_tensor_info *info)
{
    size_t start = in->at;
    struct weight *weight;
    enum dtype type;
    unsigned head = 0, layout;

    TRY(cursor_u8(in, slot->name, &head));
    in->at--;
    TRY(check_head(in, slot, head));
    in->at++;
    type = (enum dtype)(head & TYPE_MASK);
    layout = head >> LAYOUT_SHIFT & LAYOUT_MASK;
    if (head & CODED)
        TRY(get_coded(in, slot, type, head, learned, graph));
    else if (layout == LAYOUT_DENSE)
        TRY(get_dense(in, slot, type, graph));
    else if (layout == LAYOUT_BITMAP)
        TRY(get_bitmap(in, slot, type, graph));
    else
        TRY(get_sparse(in, slot, type, graph));
    weight = &graph->weight[graph->weights - 1];
    if (type == DT_S8 && memchr(weight->data, 0x80, weight->count))
        return cursor_fail(in, "%s: -128 among the values before this byte, expected -127 to 127", weight->name);
    if (head & SCALED)
        TRY(get_scales(in, head, learned, weight));
    plk_describe(weight, head, in->at - start, info);
    return ST_OK;
}
