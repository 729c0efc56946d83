/* Benches of the depthwise convolutions and of pooling as image networks have it. */
#include <math.h>
#include <stdio.h>

#include "kncheck/kntiming.h"

/* Square filters, padded by half of their size. */
static const struct layer {
    int c, h, w, kernel, stride;
} layers[] = {
    {96, 112, 112, 3, 1}, {96, 112, 112, 3, 2}, {32, 112, 112, 3, 1}, {64, 25, 5, 3, 1},   {8, 48, 48, 3, 1},
    {16, 48, 48, 3, 2},   {32, 24, 24, 3, 1},   {144, 56, 56, 3, 2},  {128, 28, 28, 3, 1}, {256, 7, 7, 3, 1},
    {128, 6, 6, 3, 1},    {128, 3, 3, 3, 1},    {576, 14, 14, 3, 1},  {100, 14, 14, 3, 1}, {96, 28, 28, 5, 1},
};
enum { LAYERS = sizeof layers / sizeof *layers };

static struct kn_depthwise_shape shape_of(const struct layer *l)
{
    struct kn_depthwise_shape s = {.c = l->c,
                                   .h = l->h,
                                   .w = l->w,
                                   .oh = (l->h - 1) / l->stride + 1,
                                   .ow = (l->w - 1) / l->stride + 1,
                                   .kernel_h = l->kernel,
                                   .kernel_w = l->kernel,
                                   .stride_h = l->stride,
                                   .stride_w = l->stride,
                                   .dilation_h = 1,
                                   .dilation_w = 1,
                                   .pad_h = l->kernel / 2,
                                   .pad_w = l->kernel / 2,
                                   .x_step_x = l->c,
                                   .x_step_y = (ptrdiff_t)l->w * l->c};
    s.y_step_x = l->c;
    s.y_step_y = (ptrdiff_t)s.ow * l->c;
    s.lines = s.oh;
    return s;
}

static double products(const struct kn_depthwise_shape *s)
{
    return (double)s->oh * s->ow * s->c * s->kernel_h * s->kernel_w;
}

struct f32_context {
    const struct kn_depthwise_f32 *slot;
    const struct kn_depthwise_shape *s;
    const float *x, *bias;
    const void *packed;
    float *y;
};

static void run_f32(void *context)
{
    const struct f32_context *f = context;
    f->slot->run(f->s, f->x, f->packed, f->bias, 0, 6, f->y);
}

static enum status bench_f32(struct knbench *b, const struct kn_depthwise_shape *s, const char *text)
{
    const struct kn_depthwise_f32 *slot[] = {&b->ref->depthwise_f32, &b->simd->depthwise_f32};
    struct f32_context context[2];
    struct knsubject subject[2];
    float *x, *w, *bias, *y;
    TRY(knbench_f32(b, (size_t)s->h * (size_t)s->x_step_y, 0, &x));
    TRY(knbench_f32(b, (size_t)s->c * (size_t)(s->kernel_h * s->kernel_w), 0, &w));
    TRY(knbench_f32(b, (size_t)s->c, 0, &bias));
    TRY(knbench_buffer(b, (size_t)s->oh * (size_t)s->y_step_y * sizeof *y, &y));
    for (int i = 0; i < 2; i++) {
        void *packed;
        TRY(knbench_buffer(b, slot[i]->pack_bytes(w, s->c, s->kernel_h, s->kernel_w), &packed));
        slot[i]->pack(w, s->c, s->kernel_h, s->kernel_w, packed);
        context[i] = (struct f32_context){slot[i], s, x, bias, packed, y};
        subject[i] = (struct knsubject){&slot[i]->facts, run_f32, &context[i], 0};
    }
    knbench_time(subject, 2);
    knbench_print(b, subject, 2, text, products(s), "GMAC/s");
    return ST_OK;
}

struct u8s8_context {
    const struct kn_depthwise_u8s8 *slot;
    const struct kn_depthwise_shape *s;
    const uint8_t *x;
    const void *packed;
    const struct kn_requant *rq;
    uint8_t *y;
};

static void run_u8s8(void *context)
{
    const struct u8s8_context *f = context;
    f->slot->run_u8(f->s, f->x, 3, f->packed, f->rq, f->y);
}

static enum status bench_u8s8(struct knbench *b, const struct kn_depthwise_shape *s, const char *text)
{
    const struct kn_depthwise_u8s8 *slot[] = {&b->ref->depthwise_u8s8, &b->simd->depthwise_u8s8};
    struct kn_requant rq = {.zero_point = 10, .lo = 10, .hi = 255};
    struct u8s8_context context[2];
    struct knsubject subject[2];
    int32_t *bias;
    float *scale;
    int8_t *x, *w;
    uint8_t *y;
    TRY(knbench_s8(b, (size_t)s->h * (size_t)s->x_step_y, 0, &x));
    TRY(knbench_trained_s8(b, (size_t)s->c * (size_t)(s->kernel_h * s->kernel_w), 0, &w));
    TRY(knbench_buffer(b, (size_t)s->c * sizeof *bias, &bias));
    TRY(knbench_f32(b, (size_t)s->c, 0, &scale));
    TRY(knbench_buffer(b, (size_t)s->oh * (size_t)s->y_step_y, &y));
    rq.bias = bias;
    rq.scale = scale;
    for (int i = 0; i < 2; i++) {
        void *packed;
        TRY(knbench_buffer(b, slot[i]->pack_bytes(w, s->c, s->kernel_h, s->kernel_w), &packed));
        slot[i]->pack(w, s->c, s->kernel_h, s->kernel_w, packed);
        context[i] = (struct u8s8_context){slot[i], s, (const uint8_t *)x, packed, &rq, y};
        subject[i] = (struct knsubject){&slot[i]->facts, run_u8s8, &context[i], 0};
    }
    knbench_time(subject, 2);
    knbench_print(b, subject, 2, text, products(s), "GMAC/s");
    return ST_OK;
}

/* Pooling: the last layers' global means, and the maximum behind a first convolution. */
static const struct pooling {
    int c, h, w, kernel_h, kernel_w, stride, pad;
} poolings[] = {
    {64, 8, 8, 8, 8, 1, 0},   {64, 25, 5, 25, 5, 1, 0},   {256, 7, 7, 7, 7, 1, 0},
    {1280, 7, 7, 7, 7, 1, 0}, {64, 112, 112, 3, 3, 2, 1},
};
enum { POOLINGS = sizeof poolings / sizeof *poolings };

struct pool_context {
    const struct kn_table *table;
    struct kn_pool_shape s;
    const float *x32;
    const uint8_t *x8;
    void *y;
};

static void run_avgpool_f32(void *context)
{
    const struct pool_context *p = context;
    p->table->avgpool_f32_nhwc.run(&p->s, p->x32, -INFINITY, INFINITY, p->y);
}

static void run_avgpool_u8(void *context)
{
    const struct pool_context *p = context;
    p->table->avgpool_u8_nhwc.run(&p->s, p->x8, 1.5f, 3, 7, 0, 255, p->y);
}

static void run_maxpool_f32(void *context)
{
    const struct pool_context *p = context;
    p->table->maxpool_f32_nhwc.run(&p->s, p->x32, p->y);
}

static void run_maxpool_u8(void *context)
{
    const struct pool_context *p = context;
    p->table->maxpool_u8_nhwc.run(&p->s, p->x8, p->y);
}

static const struct pool_kind {
    const char *contract;
    size_t slot;
    void (*run)(void *context);
    int mean;     /* for global windows */
    double bytes; /* of an element */
} kinds[] = {
    {"kn_avgpool_f32_nhwc", offsetof(struct kn_table, avgpool_f32_nhwc), run_avgpool_f32, 1, 4},
    {"kn_avgpool_u8_nhwc", offsetof(struct kn_table, avgpool_u8_nhwc), run_avgpool_u8, 1, 1},
    {"kn_maxpool_f32_nhwc", offsetof(struct kn_table, maxpool_f32_nhwc), run_maxpool_f32, 0, 4},
    {"kn_maxpool_u8_nhwc", offsetof(struct kn_table, maxpool_u8_nhwc), run_maxpool_u8, 0, 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const struct kn_facts *facts_of(const struct kn_table *table, const struct pool_kind *kind)
{
    return (const struct kn_facts *)(const void *)((const char *)table + kind->slot);
}

static enum status bench_pool(struct knbench *b, const struct pool_kind *kind, const struct pooling *p)
{
    const struct kn_table *table[] = {b->ref, b->simd};
    struct pool_context context[2];
    struct knsubject subject[2];
    size_t in = (size_t)p->c * (size_t)(p->h * p->w);
    struct kn_pool_shape s = {.c = p->c,
                              .h = p->h,
                              .w = p->w,
                              .oh = (p->h + 2 * p->pad - p->kernel_h) / p->stride + 1,
                              .ow = (p->w + 2 * p->pad - p->kernel_w) / p->stride + 1,
                              .kernel_h = p->kernel_h,
                              .kernel_w = p->kernel_w,
                              .stride_h = p->stride,
                              .stride_w = p->stride,
                              .pad_h = p->pad,
                              .pad_w = p->pad,
                              .x_step_x = p->c,
                              .x_step_y = (ptrdiff_t)p->w * p->c,
                              .y_step_x = p->c};
    char text[48];
    float *x32, *y;
    int8_t *x8;
    s.y_step_y = (ptrdiff_t)s.ow * p->c;
    s.lines = s.oh;
    TRY(knbench_f32(b, in, 0, &x32));
    TRY(knbench_s8(b, in, 0, &x8));
    TRY(knbench_buffer(b, (size_t)s.oh * (size_t)s.y_step_y * sizeof *y, &y));
    for (int i = 0; i < 2; i++) {
        context[i] = (struct pool_context){table[i], s, x32, (const uint8_t *)x8, y};
        subject[i] = (struct knsubject){facts_of(table[i], kind), kind->run, &context[i], 0};
    }
    knbench_time(subject, 2);
    snprintf(text, sizeof text, "C%d %dx%d window %dx%d s%d", p->c, p->h, p->w, p->kernel_h, p->kernel_w, p->stride);
    knbench_print(b, subject, 2, text, kind->bytes * (double)(in + (size_t)s.oh * (size_t)s.y_step_y), "GB/s");
    return ST_OK;
}

enum status knbench_depthwise(struct knbench *b)
{
    int f32 = knbench_wants(b, "kn_depthwise_f32", &b->simd->depthwise_f32.facts);
    int u8s8 = knbench_wants(b, "kn_depthwise_u8s8", &b->simd->depthwise_u8s8.facts);
    for (int i = 0; i < LAYERS; i++) {
        const struct layer *l = &layers[i];
        struct kn_depthwise_shape s = shape_of(l);
        char text[48];
        snprintf(text, sizeof text, "C%d %dx%d %dx%d s%d", l->c, l->h, l->w, l->kernel, l->kernel, l->stride);
        if (f32)
            TRY(bench_f32(b, &s, text));
        knbench_release(b);
        if (u8s8)
            TRY(bench_u8s8(b, &s, text));
        knbench_release(b);
    }
    for (int i = 0; i < KINDS * POOLINGS; i++) {
        const struct pool_kind *kind = &kinds[i / POOLINGS];
        const struct pooling *p = &poolings[i % POOLINGS];
        if (kind->mean != (p->stride == 1) || !knbench_wants(b, kind->contract, facts_of(b->simd, kind)))
            continue;
        TRY(bench_pool(b, kind, p));
        knbench_release(b);
    }
    return ST_OK;
}
