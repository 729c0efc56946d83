/* Benches of pooling, conversions and moves; rates count bytes read and written. */
#include <math.h>
#include <stdio.h>

#include "kncheck/kntiming.h"

/* What every subject needs; one shape serves all elementwise kernels. */
struct context {
    const struct kn_table *table;
    struct kn_pool_shape pool;
    size_t count;
    int rows, cols;
    const float *x32, *scale;
    const uint8_t *x8;
    const int32_t *acc;
    void *y;
};

static void run_maxpool_f32_nhwc(void *p)
{
    const struct context *c = p;
    c->table->maxpool_f32_nhwc.run(&c->pool, c->x32, c->y);
}

static void run_maxpool_f32_chw(void *p)
{
    const struct context *c = p;
    c->table->maxpool_f32_chw.run(&c->pool, c->x32, c->y);
}

static void run_maxpool_u8_nhwc(void *p)
{
    const struct context *c = p;
    c->table->maxpool_u8_nhwc.run(&c->pool, c->x8, c->y);
}

static void run_maxpool_u8_chw(void *p)
{
    const struct context *c = p;
    c->table->maxpool_u8_chw.run(&c->pool, c->x8, c->y);
}

static void run_quantize_f32_u8(void *p)
{
    const struct context *c = p;
    c->table->quantize_f32_u8.run(c->x32, c->count, 100.0f, 3, c->y);
}

static void run_range_f32(void *p)
{
    const struct context *c = p;
    float *y = c->y;
    c->table->range_f32.run(c->x32, c->count, y, y + 1);
}

static void run_dequant_s32_f32(void *p)
{
    const struct context *c = p;
    c->table->dequant_s32_f32.run(c->acc, (int)c->count, c->acc, 3, 0.1f, c->scale, c->scale, 0, INFINITY, c->y);
}

static void run_widen_u8_s16(void *p)
{
    const struct context *c = p;
    c->table->widen_u8_s16.run(c->x8, c->count, c->y);
}

static void run_clamp_f32(void *p)
{
    const struct context *c = p;
    c->table->clamp_f32.run(c->x32, c->count, 0, INFINITY, c->y);
}

static void run_clamp_u8(void *p)
{
    const struct context *c = p;
    c->table->clamp_u8.run(c->x8, c->count, 10, 200, c->y);
}

static void run_transpose_x32(void *p)
{
    const struct context *c = p;
    c->table->transpose_x32.run(c->x32, c->cols, c->rows, c->cols, c->y, c->rows);
}

static void run_transpose_x8(void *p)
{
    const struct context *c = p;
    c->table->transpose_x8.run(c->x8, c->cols, c->rows, c->cols, c->y, c->rows);
}

#define MOVE(name, bytes)                                                                                              \
    {                                                                                                                  \
        "kn_" #name, offsetof(struct kn_table, name), run_##name, bytes                                                \
    }
static const struct move {
    const char *contract;
    size_t slot;
    void (*run)(void *context);
    double bytes; /* read and written per input element */
} moves[] = {
    MOVE(maxpool_f32_nhwc, 5), MOVE(maxpool_f32_chw, 5), MOVE(maxpool_u8_nhwc, 1.25), MOVE(maxpool_u8_chw, 1.25),
    MOVE(quantize_f32_u8, 5),  MOVE(range_f32, 4),       MOVE(dequant_s32_f32, 20),   MOVE(widen_u8_s16, 3),
    MOVE(clamp_f32, 8),        MOVE(clamp_u8, 2),        MOVE(transpose_x32, 8),      MOVE(transpose_x8, 2),
};
enum { MOVES = sizeof moves / sizeof *moves };

/* Feature maps of the LeNet-5 convolutions: pooled 2 x 2, transposed as (pixels, channels). */
static const struct {
    int channels, side;
} maps[] = {{20, 24}, {50, 8}};

static const struct kn_facts *facts_of(const struct kn_table *table, const struct move *move)
{
    return (const struct kn_facts *)(const void *)((const char *)table + move->slot);
}

static enum status bench_map(struct knbench *b, const struct move *move, int channels, int side)
{
    const struct kn_table *table[] = {b->ref, b->simd};
    struct context base = {.rows = side * side, .cols = channels}, context[2];
    struct knsubject subject[2];
    char shape[48];
    float *x32, *scale;
    int8_t *x8;
    int32_t *acc;
    base.count = (size_t)base.rows * (size_t)channels;
    base.pool = (struct kn_pool_shape){channels,
                                       side,
                                       side,
                                       side / 2,
                                       side / 2,
                                       2,
                                       2,
                                       2,
                                       2,
                                       0,
                                       0,
                                       channels,
                                       side * channels,
                                       channels,
                                       side / 2 * channels,
                                       0,
                                       side / 2};
    TRY(knbench_f32(b, base.count, 0, &x32));
    TRY(knbench_f32(b, base.count, 0, &scale));
    TRY(knbench_s8(b, base.count, 0, &x8));
    TRY(knbench_buffer(b, base.count * sizeof *acc, &acc));
    TRY(knbench_buffer(b, (base.count + 2) * sizeof(float), &base.y));
    base.x32 = x32;
    base.scale = scale;
    base.x8 = (const uint8_t *)x8;
    base.acc = acc;
    for (int i = 0; i < 2; i++) {
        context[i] = base;
        context[i].table = table[i];
        subject[i] = (struct knsubject){facts_of(table[i], move), move->run, &context[i], 0};
    }
    knbench_time(subject, 2);
    snprintf(shape, sizeof shape, "%dx%dx%d", side, side, channels);
    knbench_print(b, subject, 2, shape, move->bytes * (double)base.count, "GB/s");
    return ST_OK;
}

enum status knbench_moves(struct knbench *b)
{
    for (int i = 0; i < MOVES; i++) {
        if (!knbench_wants(b, moves[i].contract, facts_of(b->simd, &moves[i])))
            continue;
        for (size_t j = 0; j < sizeof maps / sizeof *maps; j++) {
            TRY(bench_map(b, &moves[i], maps[j].channels, maps[j].side));
            knbench_release(b);
        }
    }
    return ST_OK;
}
