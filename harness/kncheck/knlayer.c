#include "kncheck/knlayer.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ the ways */

static const struct kn_facts *gemm_f32_facts(const struct kn_table *t)
{
    return &t->gemm_f32.facts;
}

static size_t gemm_f32_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    (void)w;
    return kn_gemm_f32_pack_bytes(&l->table->gemm_f32, l->n, l->rows.segs, l->rows.seg_len);
}

static void gemm_f32_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    kn_gemm_f32_pack(&l->table->gemm_f32, w, l->n, l->rows.segs, l->rows.seg_len, out);
}

/* Outputs of the products over rows: dense. */
static struct kn_out rows_out(const struct knlayer *l)
{
    return (struct kn_out){l->y, l->n, (ptrdiff_t)l->rows.row_w * l->n};
}

static void gemm_f32_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    const struct kn_out out = rows_out(l);
    (void)way;
    l->table->gemm_f32.run(&l->rows, packed, &l->tail, l->n, &out);
}

static const struct kn_facts *gemm_u8s8_facts(const struct kn_table *t)
{
    return &t->gemm_u8s8.facts;
}

static size_t gemm_u8s8_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    return l->table->gemm_u8s8.pack_bytes(w, l->n, l->rows.segs, l->rows.seg_len);
}

static void gemm_u8s8_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    l->table->gemm_u8s8.pack(w, l->n, l->rows.segs, l->rows.seg_len, out);
}

static void gemm_u8s8_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    const struct kn_out out = rows_out(l);
    struct kn_rows rows = l->rows;
    (void)way;
    if (l->table->gemm_u8s8.facts.a_bytes == 2)
        rows.base = l->wide;
    l->table->gemm_u8s8.run_u8(&rows, packed, &l->rq, NULL, l->n, &out);
}

static const struct kn_facts *spmv_f32_facts(const struct kn_table *t)
{
    return &t->spmv_f32.facts;
}

static size_t spmv_f32_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    return l->table->spmv_f32.pack_bytes(w, l->n, l->k);
}

static void spmv_f32_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    l->table->spmv_f32.pack(w, l->n, l->k, out);
}

static void spmv_f32_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    (void)way;
    l->table->spmv_f32.run(l->rows.base, packed, l->tail.bias, l->n, l->k, l->tail.lo, l->tail.hi, l->y);
}

static const struct kn_facts *spmv_u8s8_facts(const struct kn_table *t)
{
    return &t->spmv_u8s8.facts;
}

static size_t spmv_u8s8_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    return l->table->spmv_u8s8.pack_bytes(w, l->n, l->k);
}

static void spmv_u8s8_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    l->table->spmv_u8s8.pack(w, l->n, l->k, out);
}

static void spmv_u8s8_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    (void)way;
    l->table->spmv_u8s8.run_u8(l->rows.base, packed, &l->rq, l->n, l->k, l->y);
}

static const struct kn_facts *spmm_f32_facts(const struct kn_table *t)
{
    return &t->spmm_f32.facts;
}

static size_t spmm_f32_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    return l->table->spmm_f32.pack_bytes(w, l->n, l->k, l->offset);
}

static void spmm_f32_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    l->table->spmm_f32.pack(w, l->n, l->k, l->offset, out);
}

static void spmm_f32_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    (void)way;
    l->table->spmm_f32.run(&l->cols, packed, l->tail.bias, l->n, l->tail.lo, l->tail.hi, l->y);
}

static const struct kn_facts *spmm_u8s8_facts(const struct kn_table *t)
{
    return &t->spmm_u8s8.facts;
}

static size_t spmm_u8s8_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    return l->table->spmm_u8s8.pack_bytes(w, l->n, l->k, l->offset);
}

static void spmm_u8s8_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    l->table->spmm_u8s8.pack(w, l->n, l->k, l->offset, out);
}

static void spmm_u8s8_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    struct kn_cols cols = l->cols;
    (void)way;
    if (l->table->spmm_u8s8.facts.a_bytes == 2)
        cols.base = l->wide;
    l->table->spmm_u8s8.run_u8(&cols, packed, &l->rq, l->n, l->y);
}

static const struct kn_bsr_f32 *bsr_f32(const struct kn_table *t, const struct knlayer_way *way)
{
    return way->rows == 16  ? &t->bsr_f32_16x1
           : way->rows == 8 ? &t->bsr_f32_8x1
           : way->rows == 4 ? &t->bsr_f32_4x1
                            : &t->bsr_f32_1x4;
}

static const struct kn_facts *bsr_f32_16x1_facts(const struct kn_table *t)
{
    return &t->bsr_f32_16x1.facts;
}

static const struct kn_facts *bsr_f32_8x1_facts(const struct kn_table *t)
{
    return &t->bsr_f32_8x1.facts;
}

static const struct kn_facts *bsr_f32_4x1_facts(const struct kn_table *t)
{
    return &t->bsr_f32_4x1.facts;
}

static const struct kn_facts *bsr_f32_1x4_facts(const struct kn_table *t)
{
    return &t->bsr_f32_1x4.facts;
}

static size_t bsr_f32_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    return kn_bsr_f32_pack_bytes(bsr_f32(l->table, way), w, l->n, &l->rows);
}

static void bsr_f32_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    kn_bsr_f32_pack(bsr_f32(l->table, way), w, l->n, &l->rows, out);
}

static void bsr_f32_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    const struct kn_out out = rows_out(l);
    bsr_f32(l->table, way)->run(&l->rows, packed, &l->tail, l->n, &out);
}

static const struct kn_facts *sprows_u8s8_facts(const struct kn_table *t)
{
    return &t->sprows_u8s8.facts;
}

static size_t sprows_u8s8_bytes(const struct knlayer *l, const struct knlayer_way *way, const void *w)
{
    (void)way;
    return l->table->sprows_u8s8.pack_bytes(w, l->n, &l->rows);
}

static void sprows_u8s8_pack(const struct knlayer *l, const struct knlayer_way *way, const void *w, void *out)
{
    (void)way;
    l->table->sprows_u8s8.pack(w, l->n, &l->rows, out);
}

static void sprows_u8s8_run(const struct knlayer *l, const struct knlayer_way *way, const void *packed)
{
    const struct kn_out out = rows_out(l);
    (void)way;
    l->table->sprows_u8s8.run_u8(&l->rows, packed, &l->rq, NULL, l->n, &out);
}

#define WAY(name) name##_facts, name##_bytes, name##_pack, name##_run
#define BSR(blocks) bsr_f32_##blocks##_facts, bsr_f32_bytes, bsr_f32_pack, bsr_f32_run
const struct knlayer_way knlayer_dense_f32 = {"kn_gemm_f32", 0, 1, 1, 0, 1, WAY(gemm_f32)};
const struct knlayer_way knlayer_dense_u8s8 = {"kn_gemm_u8s8", 1, 1, 1, 0, 1, WAY(gemm_u8s8)};
const struct knlayer_way knlayer_ways[] = {
    {"kn_spmv_f32", 0, 1, 1, 1, 1, WAY(spmv_f32)},       {"kn_spmm_f32", 0, 1, 1, 0, 8, WAY(spmm_f32)},
    {"kn_bsr_f32_1x4", 0, 1, 4, 0, 1, BSR(1x4)},         {"kn_bsr_f32_4x1", 0, 4, 1, 0, 1, BSR(4x1)},
    {"kn_bsr_f32_8x1", 0, 8, 1, 0, 1, BSR(8x1)},         {"kn_bsr_f32_16x1", 0, 16, 1, 0, 1, BSR(16x1)},
    {"kn_spmv_u8s8", 1, 1, 1, 1, 1, WAY(spmv_u8s8)},     {"kn_spmm_u8s8", 1, 1, 1, 0, 8, WAY(spmm_u8s8)},
    {"kn_sprows_u8s8", 1, 1, 1, 0, 1, WAY(sprows_u8s8)}, {"kn_sprows_u8s8", 1, 1, 4, 0, 1, WAY(sprows_u8s8)},
    {"kn_sprows_u8s8", 1, 4, 1, 0, 1, WAY(sprows_u8s8)}, {"kn_sprows_u8s8", 1, 8, 1, 0, 1, WAY(sprows_u8s8)},
};
const int knlayer_ways_count = sizeof knlayer_ways / sizeof *knlayer_ways;

/* ------------------------------------------------------------------ the layer */

static int out_w(const struct knlayer_shape *s)
{
    return (s->w - s->kernel) / s->stride + 1;
}

static int out_h(const struct knlayer_shape *s)
{
    return (s->h - s->kernel) / s->stride + 1;
}

int knlayer_positions(const struct knlayer_shape *shape)
{
    return out_h(shape) * out_w(shape);
}

static void geometry(const struct knlayer_shape *s, struct knlayer *l)
{
    ptrdiff_t line = (ptrdiff_t)s->w * s->channels;
    l->n = s->n;
    l->k = s->channels * s->kernel * s->kernel;
    l->rows = (struct kn_rows){.m = knlayer_positions(s),
                               .row_w = out_w(s),
                               .step_x = (ptrdiff_t)s->stride * s->channels,
                               .step_y = s->stride * line,
                               .segs = s->kernel,
                               .seg_len = s->kernel * s->channels,
                               .seg_w = 1,
                               .seg_step_y = line};
    l->cols.lines = out_h(s);
    l->cols.line_len = out_w(s);
    l->cols.line_step = (ptrdiff_t)s->stride * ((s->w + s->stride - 1) / s->stride);
}

/* Planes of a channel: one per column of a stride, so that neighbouring outputs read neighbouring inputs. */
static void fill_offsets(const struct knlayer_shape *s, int32_t *offset)
{
    int width = (s->w + s->stride - 1) / s->stride;
    for (int c = 0; c < s->channels; c++)
        for (int y = 0; y < s->kernel; y++)
            for (int x = 0; x < s->kernel; x++)
                *offset++ = ((c * s->stride + x % s->stride) * s->h + y) * width + x / s->stride;
}

enum status knlayer_begin(struct knbench *b, const struct knlayer_shape *shape, int integer, struct knlayer *out)
{
    size_t elements = (size_t)shape->h * (size_t)(shape->w + shape->stride) * (size_t)shape->channels;
    size_t channels = (size_t)shape->n;
    struct knlayer l = {.shape = shape, .table = b->simd, .integer = integer};
    float *x, *floats;
    int8_t *bytes;
    int16_t *wide;
    int32_t *bias;
    geometry(shape, &l);
    TRY(knbench_buffer(b, (size_t)l.k * sizeof *l.offset, &l.offset));
    fill_offsets(shape, l.offset);
    if (integer) {
        TRY(knbench_s8(b, elements, 0, &bytes));
        TRY(knbench_buffer(b, elements * sizeof *wide, &wide));
        b->ref->widen_u8_s16.run((const uint8_t *)bytes, elements, wide);
        l.rows.base = l.cols.base = bytes;
        l.wide = wide;
    } else {
        TRY(knbench_f32(b, elements, 0, &x));
        l.rows.base = l.cols.base = x;
    }
    TRY(knbench_buffer(b, channels * sizeof *floats, &floats));
    TRY(knbench_buffer(b, channels * sizeof *bias, &bias));
    for (size_t j = 0; j < channels; j++)
        floats[j] = 1e-3f;
    l.tail = (struct kn_tail_f32){floats, 0, INFINITY, NULL};
    l.rq = (struct kn_requant){.bias = bias, .scale = floats, .zero_point = 0, .lo = 0, .hi = 255};
    TRY(knbench_buffer(b, channels * (size_t)l.rows.m * sizeof(float), &l.y));
    *out = l;
    return ST_OK;
}

static void clear_block(const struct knlayer *l, int row, int input, int rows, int cols, size_t size, void *w)
{
    int len = l->rows.seg_len, end = input % len + cols < len ? input + cols : input / len * len + len;
    for (int j = row; j < row + rows && j < l->n; j++)
        memset((char *)w + ((size_t)j * (size_t)l->k + (size_t)input) * size, 0, (size_t)(end - input) * size);
}

enum status knlayer_weights(struct knbench *b, const struct knlayer *l, int rows, int cols, double sparsity,
                            const void **out)
{
    int columns = (l->rows.seg_len + cols - 1) / cols;
    uint32_t across = (uint32_t)(l->rows.segs * columns), blocks = (uint32_t)((l->n + rows - 1) / rows) * across;
    uint32_t clear = (uint32_t)lrint(sparsity * blocks), left = blocks;
    size_t count = (size_t)l->n * (size_t)l->k;
    float *floats;
    int8_t *bytes;
    if (l->integer) {
        int single = rows * cols == 1; /* the smallest ones go, as pruning does it */
        TRY(knbench_trained_s8(b, count, single ? sparsity : 0, &bytes));
        *out = bytes;
        if (single)
            return ST_OK;
    } else {
        TRY(knbench_f32(b, count, 0, &floats));
        *out = floats;
    }
    for (uint32_t i = 0; i < blocks; i++, left--) { /* selection sampling: exactly `clear` of them */
        int column = (int)(i % across), input = column / columns * l->rows.seg_len + column % columns * cols;
        if (rng_below(&b->rng, left) >= clear)
            continue;
        clear_block(l, (int)(i / across) * rows, input, rows, cols, l->integer ? 1 : 4, (void *)(uintptr_t)*out);
        clear--;
    }
    return ST_OK;
}
