/* Benches of elementwise operators and row operators; rates count bytes read and written. */
#include <math.h>
#include <stdio.h>

#include "kernels/lut.h"
#include "kncheck/kntiming.h"

/* What every subject needs; one shape serves all. */
struct context {
    const struct kn_table *table;
    int rows, cols;
    size_t count;
    const float *a32, *b32;
    const uint8_t *a8, *b8, *lut;
    struct kn_binary_u8_params params;
    void *y;
};

static void run_add_f32(void *p)
{
    const struct context *c = p;
    c->table->add_f32.run(c->a32, c->b32, c->count, c->count, 0, INFINITY, c->y);
}

static void run_mul_f32(void *p)
{
    const struct context *c = p;
    c->table->mul_f32.run(c->a32, c->b32, c->count, (size_t)c->cols, -INFINITY, INFINITY, c->y);
}

static void run_add_u8(void *p)
{
    const struct context *c = p;
    c->table->add_u8.run(c->a8, c->b8, c->count, c->count, &c->params, c->y);
}

static void run_mul_u8(void *p)
{
    const struct context *c = p;
    c->table->mul_u8.run(c->a8, c->b8, c->count, (size_t)c->cols, &c->params, c->y);
}

static void run_lut_u8(void *p)
{
    const struct context *c = p;
    c->table->lut_u8.run(c->a8, c->count, c->lut, c->y);
}

static void run_dequant_u8_f32(void *p)
{
    const struct context *c = p;
    c->table->dequant_u8_f32.run(c->a8, c->count, 0.1f, 100, c->y);
}

static void run_hardswish_f32(void *p)
{
    const struct context *c = p;
    c->table->hardswish_f32.run(c->a32, c->count, c->y);
}

static void run_sigmoid_f32(void *p)
{
    const struct context *c = p;
    c->table->sigmoid_f32.run(c->a32, c->count, c->y);
}

static void run_gelu_f32(void *p)
{
    const struct context *c = p;
    c->table->gelu_f32.run(c->a32, c->count, c->y);
}

static void run_softmax_f32(void *p)
{
    const struct context *c = p;
    c->table->softmax_f32.run(c->a32, c->rows, c->cols, c->y);
}

static void run_layernorm_f32(void *p)
{
    const struct context *c = p;
    c->table->layernorm_f32.run(c->a32, c->rows, c->cols, c->b32, c->b32, 1e-5f, c->y);
}

#define MAP(name, bytes)                                                                                               \
    {                                                                                                                  \
        "kn_" #name, offsetof(struct kn_table, name), run_##name, bytes                                                \
    }
static const struct map {
    const char *contract;
    size_t slot;
    void (*run)(void *context);
    double bytes; /* read and written per input element */
} maps[] = {
    MAP(add_f32, 12), MAP(mul_f32, 8),        MAP(add_u8, 3),        MAP(mul_u8, 2),
    MAP(lut_u8, 2),   MAP(dequant_u8_f32, 5), MAP(hardswish_f32, 8), MAP(sigmoid_f32, 8),
    MAP(gelu_f32, 8), MAP(softmax_f32, 8),    MAP(layernorm_f32, 8),
};
enum { MAPS = sizeof maps / sizeof *maps };

/* Positions and channels of DS-CNN, ResNet-8 and MobileNet layers, and of attention over 128 positions. */
static const struct {
    int rows, cols;
} shapes[] = {{36, 64}, {1024, 16}, {196, 96}, {128, 128}};

static const struct kn_facts *facts_of(const struct kn_table *table, const struct map *map)
{
    return (const struct kn_facts *)(const void *)((const char *)table + map->slot);
}

static enum status bench_shape(struct knbench *b, const struct map *map, int rows, int cols)
{
    const struct kn_table *table[] = {b->ref, b->simd};
    struct context base = {.rows = rows, .cols = cols, .count = (size_t)rows * (size_t)cols}, context[2];
    struct knsubject subject[2];
    char shape[48];
    float *a32, *b32;
    int8_t *a8, *b8;
    uint8_t *lut;
    TRY(knbench_f32(b, base.count, 0, &a32));
    TRY(knbench_f32(b, base.count, 0, &b32));
    TRY(knbench_s8(b, base.count, 0, &a8));
    TRY(knbench_s8(b, base.count, 0, &b8));
    TRY(knbench_buffer(b, 256, &lut));
    TRY(knbench_buffer(b, base.count * sizeof(float), &base.y));
    for (size_t i = 0; i < base.count; i++)
        a32[i] *= 8; /* so that GELU and sigmoid are used over their range */
    kn_lut_fill(KN_UNARY_HARDSWISH, 0.05f, 128, 0.025f, 10, 0, 255, lut);
    base.a32 = a32;
    base.b32 = b32;
    base.a8 = (const uint8_t *)a8;
    base.b8 = (const uint8_t *)b8;
    base.lut = lut;
    base.params = (struct kn_binary_u8_params){0.01f, 0.7f, 128, 120, 100, 0, 255};
    for (int i = 0; i < 2; i++) {
        context[i] = base;
        context[i].table = table[i];
        subject[i] = (struct knsubject){facts_of(table[i], map), map->run, &context[i], 0};
    }
    knbench_time(subject, 2);
    snprintf(shape, sizeof shape, "%dx%d", rows, cols);
    knbench_print(b, subject, 2, shape, map->bytes * (double)base.count, "GB/s");
    return ST_OK;
}

enum status knbench_map(struct knbench *b)
{
    for (int i = 0; i < MAPS; i++) {
        if (!knbench_wants(b, maps[i].contract, facts_of(b->simd, &maps[i])))
            continue;
        for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++) {
            TRY(bench_shape(b, &maps[i], shapes[j].rows, shapes[j].cols));
            knbench_release(b);
        }
    }
    return ST_OK;
}
