/* Benches of the dense products. */
#include <math.h>
#include <string.h>

#include "kncheck/kntiming.h"

static const struct dense_shape {
    const char *text;
    struct kn_rows rows; /* base not set */
    int n;
} shapes[] = {
    {"conv 1->20 5x5 28x28 (lenet5 1)", {NULL, 576, 24, 1, 28, 5, 5, 28}, 20},
    {"conv 20->50 5x5 12x12 (lenet5 2)", {NULL, 64, 8, 20, 240, 5, 100, 240}, 50},
    {"conv 10->25 5x5 12x12", {NULL, 64, 8, 10, 120, 5, 50, 120}, 25},
    {"conv 64->64 3x3 30x30", {NULL, 784, 28, 64, 1920, 3, 192, 1920}, 64},
    {"fc 800x500", {NULL, 1, 1, 800, 0, 1, 800, 800}, 500},
    {"fc 500x10", {NULL, 1, 1, 500, 0, 1, 500, 500}, 10},
    {"fc 784x300", {NULL, 1, 1, 784, 0, 1, 784, 784}, 300},
    {"fc 300x100", {NULL, 1, 1, 300, 0, 1, 300, 300}, 100},
    {"fc 100x10", {NULL, 1, 1, 100, 0, 1, 100, 100}, 10},
    {"fc 784x300 batch 3", {NULL, 3, 3, 784, 0, 1, 784, 784}, 300},
    {"fc 784x300 batch 32", {NULL, 32, 32, 784, 0, 1, 784, 784}, 300},
    {"fc 800x500 batch 32", {NULL, 32, 32, 800, 0, 1, 800, 800}, 500},
    {"fc 300x100 batch 32", {NULL, 32, 32, 300, 0, 1, 300, 300}, 100},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int depth(const struct dense_shape *s)
{
    return s->rows.segs * s->rows.seg_len;
}

/* Elements of the input: up to the last one that any row reads. */
static size_t input_elements(const struct dense_shape *s)
{
    ptrdiff_t lines = (s->rows.m - 1) / s->rows.row_w, columns = s->rows.row_w - 1;
    return (size_t)(lines * s->rows.step_y + columns * s->rows.step_x + (s->rows.segs - 1) * s->rows.seg_step +
                    s->rows.seg_len);
}

struct f32_context {
    const struct kn_gemm_f32 *slot;
    const struct kn_rows *rows;
    const void *packed;
    const float *bias;
    int n;
    float *c;
};

static void run_f32(void *context)
{
    const struct f32_context *f = context;
    f->slot->run(f->rows, f->packed, f->bias, f->n, 0, INFINITY, f->c, f->n);
}

static enum status bench_f32(struct knbench *b, const struct dense_shape *s)
{
    const struct kn_gemm_f32 *slot[] = {&b->ref->gemm_f32, &b->simd->gemm_f32};
    size_t outputs = (size_t)s->rows.m * (size_t)s->n, weights = (size_t)s->n * (size_t)depth(s);
    struct kn_rows rows = s->rows;
    struct f32_context context[2];
    struct knsubject subject[2];
    float *x, *w, *bias, *c;
    TRY(knbench_f32(b, input_elements(s), 0, &x));
    TRY(knbench_f32(b, weights, 0, &w));
    TRY(knbench_f32(b, (size_t)s->n, 0, &bias));
    TRY(knbench_buffer(b, outputs * sizeof *c, &c));
    rows.base = x;
    for (int i = 0; i < 2; i++) {
        void *packed;
        TRY(knbench_buffer(b, kn_gemm_f32_pack_bytes(slot[i], s->n, rows.segs, rows.seg_len), &packed));
        kn_gemm_f32_pack(slot[i], w, s->n, rows.segs, rows.seg_len, packed);
        context[i] = (struct f32_context){slot[i], &rows, packed, bias, s->n, c};
        subject[i] = (struct knsubject){&slot[i]->facts, run_f32, &context[i], 0};
    }
    knbench_time(subject, 2);
    knbench_print(b, subject, 2, s->text, (double)rows.m * (double)weights, "GMAC/s");
    return ST_OK;
}

struct u8s8_context {
    const struct kn_gemm_u8s8 *slot;
    struct kn_rows rows;
    const void *packed;
    const struct kn_requant *rq;
    int n;
    uint8_t *c;
};

static void run_u8s8(void *context)
{
    const struct u8s8_context *f = context;
    f->slot->run_u8(&f->rows, f->packed, f->rq, f->n, f->c, f->n);
}

/* The slots of every kernel of the contract that the level has, the slowest first. */
struct u8s8_slots {
    const struct knbench *b;
    struct kn_gemm_u8s8 slot[KNTIMING_SUBJECTS];
    int count;
};

static void collect_u8s8(void *context, const char *contract, const struct kn_facts *facts)
{
    struct u8s8_slots *slots = context;
    struct kn_table table;
    if (strcmp(contract, "kn_gemm_u8s8") != 0 || (facts->isa & ~slots->b->simd->mask) ||
        slots->count == KNTIMING_SUBJECTS)
        return;
    kn_table_init(&table, 0);
    if (kn_table_select(&table, facts->name) == 0)
        slots->slot[slots->count++] = table.gemm_u8s8;
}

static enum status bench_u8s8(struct knbench *b, const struct dense_shape *s)
{
    size_t outputs = (size_t)s->rows.m * (size_t)s->n, weights = (size_t)s->n * (size_t)depth(s);
    struct u8s8_slots slots = {.b = b};
    struct u8s8_context context[KNTIMING_SUBJECTS];
    struct knsubject subject[KNTIMING_SUBJECTS];
    struct kn_requant rq = {.zero_point = 0, .lo = 0, .hi = 255};
    int32_t *bias;
    float *scale;
    int8_t *x, *w;
    int16_t *wide;
    uint8_t *c;
    kn_roster_visit(collect_u8s8, &slots);
    TRY(knbench_s8(b, input_elements(s), 0, &x));
    TRY(knbench_buffer(b, input_elements(s) * sizeof *wide, &wide));
    b->ref->widen_u8_s16.run((const uint8_t *)x, input_elements(s), wide);
    TRY(knbench_trained_s8(b, weights, 0, &w));
    TRY(knbench_buffer(b, (size_t)s->n * sizeof *bias, &bias));
    TRY(knbench_buffer(b, (size_t)s->n * sizeof *scale, &scale));
    for (int j = 0; j < s->n; j++)
        scale[j] = 1e-3f;
    rq.bias = bias;
    rq.scale = scale;
    TRY(knbench_buffer(b, outputs, &c));
    for (int i = 0; i < slots.count; i++) {
        const struct kn_gemm_u8s8 *slot = &slots.slot[i];
        void *packed;
        TRY(knbench_buffer(b, slot->pack_bytes(w, s->n, s->rows.segs, s->rows.seg_len), &packed));
        slot->pack(w, s->n, s->rows.segs, s->rows.seg_len, packed);
        context[i] = (struct u8s8_context){slot, s->rows, packed, &rq, s->n, c};
        context[i].rows.base = slot->facts.a_bytes == 2 ? (const void *)wide : x;
        subject[i] = (struct knsubject){&slot->facts, run_u8s8, &context[i], 0};
    }
    knbench_time(subject, slots.count);
    knbench_print(b, subject, slots.count, s->text, (double)s->rows.m * (double)weights, "GMAC/s");
    return ST_OK;
}

enum status knbench_dense(struct knbench *b)
{
    for (int i = 0; i < SHAPES && knbench_wants(b, "kn_gemm_f32", &b->simd->gemm_f32.facts); i++) {
        TRY(bench_f32(b, &shapes[i]));
        knbench_release(b);
    }
    for (int i = 0; i < SHAPES && knbench_wants(b, "kn_gemm_u8s8", &b->simd->gemm_u8s8.facts); i++) {
        TRY(bench_u8s8(b, &shapes[i]));
        knbench_release(b);
    }
    return ST_OK;
}
