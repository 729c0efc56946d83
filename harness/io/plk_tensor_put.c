/* Writing one tensor: the smallest of its encodings. */
#include <stdlib.h>

#include "codec/bits.h"
#include "io/plk_tensor.h"

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
        uint32_t bits = plk_element(weight, i);
        if (zeros_too || !plk_is_zero(weight->type, bits))
            put_element(out, weight->type, bits);
    }
}

static void put_bitmap(struct bytes *out, const struct weight *weight)
{
    unsigned byte = 0;

    for (size_t i = 0; i < weight->count; i++) {
        byte |= (unsigned)!plk_is_zero(weight->type, plk_element(weight, i)) << (i & 7);
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
        if (plk_is_zero(weight->type, plk_element(weight, i)))
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

static enum status put_layout(struct bytes *out, const struct weight *weight, enum plk_layout layout, size_t nonzeros)
{
    if (layout == LAYOUT_SPARSE)
        return put_sparse(out, weight, nonzeros);
    if (layout == LAYOUT_BITMAP)
        put_bitmap(out, weight);
    put_values(out, weight, layout == LAYOUT_DENSE);
    return ST_OK;
}

/* Length of the code, then the code. */
static enum status put_code(struct bytes *out, struct entropy_models *models, enum entropy_type type,
                            enum entropy_layout layout, size_t rows, size_t cols, const void *data)
{
    enum status st;
    struct bytes code = {0};

    TRY_OUT(entropy_encode(models, type, layout, rows, cols, data, &code));
    bytes_varint(out, code.len);
    bytes_put(out, code.data, code.len);
out:
    bytes_free(&code);
    return st;
}

/* The shortest encoding so far. */
struct choice {
    struct bytes best, trial;
    unsigned head;
    struct entropy_models learned; /* by the best, if coded */
};

static enum status keep_shorter(struct choice *choice, unsigned head, const struct entropy_models *learned)
{
    struct bytes swap = choice->best;

    TRY(bytes_check(&choice->trial));
    if (!choice->best.data || choice->trial.len < choice->best.len) {
        choice->best = choice->trial;
        choice->trial = swap;
        choice->head = head;
        if (learned)
            choice->learned = *learned;
    }
    choice->trial.len = 0;
    return ST_OK;
}

static enum status try_plain(struct choice *choice, const struct weight *weight, unsigned layout, size_t nonzeros)
{
    TRY(put_layout(&choice->trial, weight, (enum plk_layout)layout, nonzeros));
    return keep_shorter(choice, layout << LAYOUT_SHIFT, NULL);
}

/* From scratch, and with what earlier tensors taught. */
static enum status try_coded(struct choice *choice, const struct weight *weight, unsigned layout,
                             const struct entropy_models *carried)
{
    struct entropy_models models;
    size_t rows, cols;

    plk_plane(weight->rank, weight->dim, &rows, &cols);
    for (unsigned carry = 0; carry < 2; carry++) {
        if (carry)
            models = *carried;
        else
            entropy_models_init(&models);
        TRY(put_code(&choice->trial, &models, plk_coded_type(weight->type), (enum entropy_layout)layout, rows, cols,
                     weight->data));
        TRY(keep_shorter(choice, layout << LAYOUT_SHIFT | CODED | (carry ? CARRIED : 0), &models));
    }
    return ST_OK;
}

/* Writes the data in every encoding that is allowed and keeps the shortest; of equals the first. */
static enum status put_data(struct bytes *out, const struct weight *weight, int flags, int gaps,
                            struct plk_learned *learned, size_t nonzeros, unsigned *out_head)
{
    enum status st = ST_OK;
    struct choice choice = {0};
    struct entropy_models *carried = &learned->data[plk_coded_type(weight->type)];

    for (unsigned layout = 0; layout < (flags & PLK_DENSE ? 1 : LAYOUT_COUNT); layout++)
        if (layout != LAYOUT_SPARSE || gaps)
            TRY_OUT(try_plain(&choice, weight, layout, nonzeros));
    for (unsigned layout = 0; layout < (flags & PLK_ENTROPY ? LAYOUT_COUNT : 0); layout++)
        if (layout != LAYOUT_SPARSE || gaps)
            TRY_OUT(try_coded(&choice, weight, layout, carried));
    if (choice.head & CODED) {
        *carried = choice.learned;
        entropy_models_carry(carried);
    }
    bytes_put(out, choice.best.data, choice.best.len);
    *out_head = choice.head;
out:
    bytes_free(&choice.best);
    bytes_free(&choice.trial);
    return st;
}

static enum status put_scales(struct bytes *out, const struct weight *weight, int flags, struct plk_learned *learned,
                              unsigned *head)
{
    enum status st = ST_OK;
    struct bytes code = {0};
    struct entropy_models models = learned->scale;
    size_t count = (size_t)weight->dim[0];

    *head |= SCALED;
    if (flags & PLK_ENTROPY) {
        TRY_OUT(put_code(&code, &models, ENTROPY_F32, ENTROPY_DENSE, 1, count, weight->scale));
        if (code.len < 4 * count) {
            *head |= SCALES_CODED;
            bytes_put(out, code.data, code.len);
            entropy_models_carry(&models);
            learned->scale = models;
            goto out;
        }
    }
    for (size_t i = 0; i < count; i++)
        bytes_f32(out, weight->scale[i]);
out:
    bytes_free(&code);
    return st;
}

enum status plk_put_tensor(struct bytes *out, const struct weight *weight, int flags, int gaps,
                           struct plk_learned *learned, struct plk_tensor_info *info)
{
    enum status st;
    struct bytes body = {0};
    size_t start = out->len;
    unsigned head;

    TRY_OUT(put_data(&body, weight, flags, gaps, learned, plk_count_nonzeros(weight), &head));
    if (weight->scale)
        TRY_OUT(put_scales(&body, weight, flags, learned, &head));
    TRY_OUT(bytes_check(&body));
    bytes_u8(out, head | (unsigned)weight->type);
    bytes_put(out, body.data, body.len);
    TRY_OUT(bytes_check(out));
    plk_describe(weight, head, out->len - start, info);
out:
    bytes_free(&body);
    return st;
}
