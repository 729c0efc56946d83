/* Benches of the sparse products, each beside the reference and beside the dense kernel of the same level. A fully
 * connected layer is a 1 x 1 convolution of a 1 x 1 image here: one batch-1 shape serves both. */
#include <math.h>
#include <stdio.h>

#include "kncheck/kntiming.h"

enum { SWEEP = 10 };

/* Stride-1 convolution over planes; for batch-1 fully connected layers height = width = kernel = 1. */
static const struct sparse_shape {
    const char *text;
    int channels, height, width, kernel, n;
} shapes[] = {
    {"fc 784x300", 784, 1, 1, 1, 300},
    {"fc 800x500", 800, 1, 1, 1, 500},
    {"fc 300x100", 300, 1, 1, 1, 100},
    {"conv 1->20 5x5 28x28", 1, 28, 28, 5, 20},
    {"conv 20->50 5x5 12x12", 20, 12, 12, 5, 50},
    {"conv 10->25 5x5 12x12", 10, 12, 12, 5, 25},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* What every subject of one shape and sparsity needs. */
struct context {
    const struct kn_table *table;
    struct kn_rows rows;
    struct kn_cols cols;
    const void *packed, *x;
    const float *bias;
    struct kn_requant rq;
    int n, k;
    void *y;
};

static void run_gemm_f32(void *p)
{
    const struct context *c = p;
    const struct kn_tail_f32 tail = {c->bias, 0, INFINITY, NULL};
    const struct kn_out out = {c->y, c->n, (ptrdiff_t)c->rows.row_w * c->n};
    c->table->gemm_f32.run(&c->rows, c->packed, &tail, c->n, &out);
}

static void run_gemm_u8s8(void *p)
{
    const struct context *c = p;
    const struct kn_out out = {c->y, c->n, (ptrdiff_t)c->rows.row_w * c->n};
    c->table->gemm_u8s8.run_u8(&c->rows, c->packed, &c->rq, NULL, c->n, &out);
}

static void run_spmv_f32(void *p)
{
    const struct context *c = p;
    c->table->spmv_f32.run(c->x, c->packed, c->bias, c->n, c->k, 0, INFINITY, c->y);
}

static void run_spmv_u8s8(void *p)
{
    const struct context *c = p;
    c->table->spmv_u8s8.run_u8(c->x, c->packed, &c->rq, c->n, c->k, c->y);
}

static void run_spmm_f32(void *p)
{
    const struct context *c = p;
    c->table->spmm_f32.run(&c->cols, c->packed, c->bias, c->n, 0, INFINITY, c->y);
}

static void run_spmm_u8s8(void *p)
{
    const struct context *c = p;
    c->table->spmm_u8s8.run_u8(&c->cols, c->packed, &c->rq, c->n, c->y);
}

static int depth(const struct sparse_shape *s)
{
    return s->channels * s->kernel * s->kernel;
}

static int positions(const struct sparse_shape *s)
{
    return (s->height - s->kernel + 1) * (s->width - s->kernel + 1);
}

/* Geometry, outputs and requantization: the same for all subjects. */
static enum status begin(struct knbench *b, const struct sparse_shape *s, struct context *c)
{
    int32_t *bias;
    float *scale;
    *c = (struct context){.n = s->n, .k = depth(s)};
    c->rows.row_w = c->cols.line_len = s->width - s->kernel + 1;
    c->cols.lines = s->height - s->kernel + 1;
    c->cols.line_step = s->width;
    c->rows.m = positions(s);
    c->rows.step_x = s->channels;
    c->rows.step_y = c->rows.seg_step_y = (ptrdiff_t)s->width * s->channels;
    c->rows.segs = s->kernel;
    c->rows.seg_w = 1;
    c->rows.seg_len = s->kernel * s->channels;
    TRY(knbench_buffer(b, (size_t)s->n * (size_t)positions(s) * sizeof(float), &c->y));
    TRY(knbench_buffer(b, (size_t)s->n * sizeof *bias, &bias));
    TRY(knbench_buffer(b, (size_t)s->n * sizeof *scale, &scale));
    for (int j = 0; j < s->n; j++)
        scale[j] = 1e-3f;
    c->bias = scale;
    c->rq = (struct kn_requant){.bias = bias, .scale = scale, .zero_point = 0, .lo = 0, .hi = 255};
    return ST_OK;
}

/* Offsets of the inputs of a convolution over planes. */
static enum status offsets(struct knbench *b, const struct sparse_shape *s, int32_t **out)
{
    int area = s->kernel * s->kernel;
    TRY(knbench_buffer(b, (size_t)depth(s) * sizeof **out, out));
    for (int i = 0; i < depth(s); i++)
        (*out)[i] = i / area * s->height * s->width + i / s->kernel % s->kernel * s->width + i % s->kernel;
    return ST_OK;
}

/* Three subjects: sparse reference, sparse kernel, dense kernel of the same level. */
static enum status time_f32(struct knbench *b, const struct sparse_shape *s, double sparsity, struct knsubject *subject)
{
    const struct kn_table *table[] = {b->ref, b->simd, b->simd};
    int vector = positions(s) == 1;
    struct context base, context[3];
    int32_t *offset;
    float *x, *w;
    TRY(begin(b, s, &base));
    TRY(knbench_f32(b, (size_t)s->channels * (size_t)s->height * (size_t)s->width, 0, &x));
    TRY(knbench_f32(b, (size_t)s->n * (size_t)depth(s), sparsity, &w));
    TRY(offsets(b, s, &offset));
    base.x = base.rows.base = base.cols.base = x;
    for (int i = 0; i < 3; i++) {
        const struct kn_table *t = table[i];
        void *packed;
        size_t bytes = i == 2   ? kn_gemm_f32_pack_bytes(&t->gemm_f32, s->n, base.rows.segs, base.rows.seg_len)
                       : vector ? t->spmv_f32.pack_bytes(w, s->n, base.k)
                                : t->spmm_f32.pack_bytes(w, s->n, base.k, offset);
        TRY(knbench_buffer(b, bytes, &packed));
        if (i == 2)
            kn_gemm_f32_pack(&t->gemm_f32, w, s->n, base.rows.segs, base.rows.seg_len, packed);
        else if (vector)
            t->spmv_f32.pack(w, s->n, base.k, packed);
        else
            t->spmm_f32.pack(w, s->n, base.k, offset, packed);
        context[i] = base;
        context[i].table = t;
        context[i].packed = packed;
        subject[i].facts = i == 2 ? &t->gemm_f32.facts : vector ? &t->spmv_f32.facts : &t->spmm_f32.facts;
        subject[i].run = i == 2 ? run_gemm_f32 : vector ? run_spmv_f32 : run_spmm_f32;
        subject[i].context = &context[i];
    }
    knbench_time(subject, 3);
    return ST_OK;
}

static enum status time_u8s8(struct knbench *b, const struct sparse_shape *s, double sparsity,
                             struct knsubject *subject)
{
    const struct kn_table *table[] = {b->ref, b->simd, b->simd};
    size_t elements = (size_t)s->channels * (size_t)s->height * (size_t)s->width;
    int vector = positions(s) == 1;
    struct context base, context[3];
    int32_t *offset;
    int8_t *x, *w;
    int16_t *wide;
    TRY(begin(b, s, &base));
    TRY(knbench_s8(b, elements, 0, &x));
    TRY(knbench_buffer(b, elements * sizeof *wide, &wide));
    b->ref->widen_u8_s16.run((const uint8_t *)x, elements, wide);
    TRY(knbench_trained_s8(b, (size_t)s->n * (size_t)depth(s), sparsity, &w));
    TRY(offsets(b, s, &offset));
    base.x = x;
    for (int i = 0; i < 3; i++) {
        const struct kn_table *t = table[i];
        const struct kn_facts *facts = i == 2   ? &t->gemm_u8s8.facts
                                       : vector ? &t->spmv_u8s8.facts
                                                : &t->spmm_u8s8.facts;
        void *packed;
        size_t bytes = i == 2   ? t->gemm_u8s8.pack_bytes(w, s->n, base.rows.segs, base.rows.seg_len)
                       : vector ? t->spmv_u8s8.pack_bytes(w, s->n, base.k)
                                : t->spmm_u8s8.pack_bytes(w, s->n, base.k, offset);
        TRY(knbench_buffer(b, bytes, &packed));
        if (i == 2)
            t->gemm_u8s8.pack(w, s->n, base.rows.segs, base.rows.seg_len, packed);
        else if (vector)
            t->spmv_u8s8.pack(w, s->n, base.k, packed);
        else
            t->spmm_u8s8.pack(w, s->n, base.k, offset, packed);
        context[i] = base;
        context[i].table = t;
        context[i].packed = packed;
        context[i].rows.base = context[i].cols.base = facts->a_bytes == 2 ? (const void *)wide : x;
        subject[i] = (struct knsubject){facts,
                                        i == 2   ? run_gemm_u8s8
                                        : vector ? run_spmv_u8s8
                                                 : run_spmm_u8s8,
                                        &context[i], 0};
    }
    knbench_time(subject, 3);
    return ST_OK;
}

typedef enum status (*time_fn)(struct knbench *b, const struct sparse_shape *s, double sparsity,
                               struct knsubject *subject);

/* Times one shape at 0, 10 ... 90 and 95 %; prints some of it and where the sparse kernel overtakes the dense one. */
static enum status bench_shape(struct knbench *b, const struct sparse_shape *s, time_fn time)
{
    double previous = 0, even = 1;
    const char *name = "";
    for (int i = 0; i <= SWEEP; i++) {
        double sparsity = i < SWEEP ? 0.1 * i : 0.95, ratio;
        struct knsubject subject[3] = {{0}};
        char shape[64];
        TRY(time(b, s, sparsity, subject));
        knbench_release(b);
        name = subject[1].facts->name;
        ratio = subject[2].ns / subject[1].ns; /* above 1: sparse wins */
        if (i == 0 && ratio >= 1)
            even = 0;
        else if (i > 0 && previous < 1 && ratio >= 1)
            even = sparsity - (sparsity - (i < SWEEP ? 0.1 * (i - 1) : 0.9)) * (ratio - 1) / (ratio - previous);
        previous = ratio;
        if (i == 5 || i >= 8) {
            snprintf(shape, sizeof shape, "%s %.0f %%", s->text, 100 * sparsity);
            knbench_print(b, subject, 2, shape, (double)s->n * depth(s) * positions(s) * (1 - sparsity), "GMAC/s");
            fprintf(b->out, "%-30s %-34s %11.0f    sparse is %.2f times as fast\n", subject[2].facts->name, shape,
                    subject[2].ns, ratio);
        }
    }
    fprintf(b->out, "%-30s %-34s overtakes dense at %.0f %%\n", name, s->text, 100 * even);
    return ST_OK;
}

enum status knbench_sparse(struct knbench *b)
{
    for (int i = 0; i < SHAPES; i++) {
        int vector = positions(&shapes[i]) == 1;
        const struct kn_table *t = b->simd;
        if (vector ? knbench_wants(b, "kn_spmv_f32", &t->spmv_f32.facts)
                   : knbench_wants(b, "kn_spmm_f32", &t->spmm_f32.facts))
            TRY(bench_shape(b, &shapes[i], time_f32));
        if (vector ? knbench_wants(b, "kn_spmv_u8s8", &t->spmv_u8s8.facts)
                   : knbench_wants(b, "kn_spmm_u8s8", &t->spmm_u8s8.facts))
            TRY(bench_shape(b, &shapes[i], time_u8s8));
    }
    return ST_OK;
}
