/* One tensor of a packed file: the smallest of its encodings. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bits.h"
#include "io/plk_parts.h"

enum layout { LAYOUT_DENSE, LAYOUT_BITMAP, LAYOUT_SPARSE, LAYOUT_COUNT };

/* The first byte of a tensor. */
enum { TYPE_MASK = 3, LAYOUT_SHIFT = 2, LAYOUT_MASK = 3, CODED = 16, SCALED = 32, SCALES_CODED = 64 };

static const char *const layout_names[LAYOUT_COUNT] = {"dense", "bitmap", "sparse"};

static uint32_t element(const struct weight *weight, size_t i)
{
    uint32_t bits;

    if (weight->type == DT_S8)
        return ((const uint8_t *)weight->data)[i];
    memcpy(&bits, (const unsigned char *)weight->data + 4 * i, 4);
    return bits;
}

static void set_element(struct weight *weight, size_t i, uint32_t bits)
{
    if (weight->type == DT_S8)
        ((uint8_t *)weight->data)[i] = (uint8_t)bits;
    else
        memcpy((unsigned char *)weight->data + 4 * i, &bits, 4);
}

/* Negative zero counts as zero; the smallest denormal and every NaN do not. */
static int is_zero(enum dtype type, uint32_t bits)
{
    return (type == DT_F32 ? bits & 0x7fffffffu : bits) == 0;
}

static void put_element(struct bytes *out, enum dtype type, uint32_t bits)
{
    if (type == DT_S8)
        bytes_u8(out, bits);
    else
        bytes_u32(out, bits);
}

static void put_values(struct bytes *out, const struct weight *weight, int zeros_too)
{
    for (size_t i = 0; i < weight->count; i++) {
        uint32_t bits = element(weight, i);
        if (zeros_too || !is_zero(weight->type, bits))
            put_element(out, weight->type, bits);
    }
}

static void put_bitmap(struct bytes *out, const struct weight *weight)
{
    unsigned byte = 0;

    for (size_t i = 0; i < weight->count; i++) {
        byte |= (unsigned)!is_zero(weight->type, element(weight, i)) << (i & 7);
        if ((i & 7) == 7 || i + 1 == weight->count) {
            bytes_u8(out, byte);
            byte = 0;
        }
    }
}

/* Zeros before each nonzero; owned. */
static enum status find_gaps(const struct weight *weight, size_t nonzeros, uint32_t **out)
{
    uint32_t *gap = malloc((nonzeros + 1) * sizeof *gap);
    size_t n = 0, last = 0;

    if (!gap)
        return status_fail(ST_NOMEM, "no memory for %zu gaps", nonzeros);
    for (size_t i = 0; i < weight->count; i++) {
        if (is_zero(weight->type, element(weight, i)))
            continue;
        gap[n++] = (uint32_t)(i - last);
        last = i + 1;
    }
    *out = gap;
    return ST_OK;
}

static enum status put_sparse(struct bytes *out, const struct weight *weight, size_t nonzeros)
{
    struct bit_writer bits = {.out = out};
    uint32_t *gap = NULL;
    int k;

    TRY(find_gaps(weight, nonzeros, &gap));
    bytes_varint(out, nonzeros);
    if (nonzeros > 0) {
        k = bits_rice_best(gap, nonzeros);
        bytes_u8(out, (unsigned)k);
        for (size_t i = 0; i < nonzeros; i++)
            bits_put_rice(&bits, gap[i], k);
        bits_flush(&bits);
        put_values(out, weight, 0);
    }
    free(gap);
    return ST_OK;
}

static enum status put_layout(struct bytes *out, const struct weight *weight, enum layout layout, size_t nonzeros)
{
    if (layout == LAYOUT_SPARSE)
        return put_sparse(out, weight, nonzeros);
    if (layout == LAYOUT_BITMAP)
        put_bitmap(out, weight);
    put_values(out, weight, layout == LAYOUT_DENSE);
    return ST_OK;
}

static size_t count_nonzeros(const struct weight *weight)
{
    size_t count = 0;

    for (size_t i = 0; i < weight->count; i++)
        count += !is_zero(weight->type, element(weight, i));
    return count;
}

/* Writes the data in every encoding that is allowed and keeps the shortest; of equals the first. */
static enum status put_data(struct bytes *out, const struct weight *weight, int flags, int gaps, size_t nonzeros,
                            unsigned *out_head)
{
    enum status st = ST_OK;
    struct bytes best = {0}, trial = {0};
    unsigned head = 0;

    for (int layout = LAYOUT_DENSE; layout < LAYOUT_COUNT; layout++) {
        if (layout != LAYOUT_DENSE && (flags & PLK_DENSE || (layout == LAYOUT_SPARSE && !gaps)))
            continue;
        trial.len = 0;
        TRY_OUT(put_layout(&trial, weight, (enum layout)layout, nonzeros));
        TRY_OUT(bytes_check(&trial));
        if (layout == LAYOUT_DENSE || trial.len < best.len) {
            struct bytes swap = best;
            best = trial;
            trial = swap;
            head = (unsigned)layout << LAYOUT_SHIFT;
        }
    }
    bytes_put(out, best.data, best.len);
    *out_head = head;
out:
    bytes_free(&best);
    bytes_free(&trial);
    return st;
}

enum status plk_put_tensor(struct bytes *out, const struct weight *weight, int flags, int gaps,
                           struct plk_tensor_info *info)
{
    enum status st;
    struct bytes data = {0};
    size_t start = out->len, nonzeros = count_nonzeros(weight);
    unsigned head;

    TRY_OUT(put_data(&data, weight, flags, gaps, nonzeros, &head));
    head |= (unsigned)weight->type | (weight->scale ? SCALED : 0);
    bytes_u8(out, head);
    bytes_put(out, data.data, data.len);
    for (int i = 0; weight->scale && i < weight->dim[0]; i++)
        bytes_f32(out, weight->scale[i]);
    TRY_OUT(bytes_check(out));
    snprintf(info->name, sizeof info->name, "%s", weight->name);
    snprintf(info->encoding, sizeof info->encoding, "%s%s", layout_names[head >> LAYOUT_SHIFT & LAYOUT_MASK],
             head & CODED ? "+ec" : "");
    info->bytes = out->len - start;
    info->count = weight->count;
    info->nonzeros = nonzeros;
out:
    bytes_free(&data);
    return st;
}

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
        set_element(weight, i, load(data + i * size, type));
    return ST_OK;
}

/* Stores the next nonzero of a list at place i. */
static enum status get_nonzero(const struct cursor *in, const unsigned char *at, struct weight *weight, size_t i)
{
    uint32_t bits = load(at, weight->type);

    if (is_zero(weight->type, bits))
        return cursor_fail(in, "%s: a zero among the nonzeros before this byte", weight->name);
    set_element(weight, i, bits);
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

static enum status get_scales(struct cursor *in, struct weight *weight)
{
    void *scale;
    const unsigned char *data;
    size_t count = (size_t)weight->dim[0];

    TRY(cursor_take(in, "weight scales", 4 * count, &data));
    scale = malloc(count * sizeof *weight->scale);
    if (!scale)
        return status_fail(ST_NOMEM, "%s: no memory for %zu scales", in->file, count);
    weight->scale = scale;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = load(data + 4 * i, DT_F32);
        memcpy(&weight->scale[i], &bits, 4);
        if (!(weight->scale[i] > 0) || !isfinite(weight->scale[i]))
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

    if (head >> 7 || layout >= LAYOUT_COUNT || !fits || !scales || (head & SCALES_CODED && !(head & SCALED)))
        return cursor_fail(in, "%s: head %02x, expected the type, encoding and scales of a %s", slot->name, head,
                           slot->is_bias ? "bias" : "weight");
    return ST_OK;
}

enum status plk_get_tensor(struct cursor *in, const struct plk_slot *slot, struct graph *graph,
                           struct plk_tensor_info *info)
{
    size_t start = in->at;
    struct weight *weight;
    enum dtype type;
    unsigned head, layout;

    TRY(cursor_u8(in, slot->name, &head));
    TRY(check_head(in, slot, head));
    type = (enum dtype)(head & TYPE_MASK);
    layout = head >> LAYOUT_SHIFT & LAYOUT_MASK;
    if (layout == LAYOUT_DENSE)
        TRY(get_dense(in, slot, type, graph));
    else if (layout == LAYOUT_BITMAP)
        TRY(get_bitmap(in, slot, type, graph));
    else
        TRY(get_sparse(in, slot, type, graph));
    weight = &graph->weight[graph->weights - 1];
    if (type == DT_S8 && memchr(weight->data, 0x80, weight->count))
        return cursor_fail(in, "%s: -128 among the values before this byte, expected -127 to 127", weight->name);
    if (head & SCALED)
        TRY(get_scales(in, weight));
    snprintf(info->name, sizeof info->name, "%s", weight->name);
    snprintf(info->encoding, sizeof info->encoding, "%s%s", layout_names[layout], head & CODED ? "+ec" : "");
    info->bytes = in->at - start;
    info->count = weight->count;
    info->nonzeros = count_nonzeros(weight);
    return ST_OK;
}
