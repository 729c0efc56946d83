/* Benches of the dense products. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "kncheck/kntiming.h"

/* A convolution over a padded (h, w, channels) image; a fully connected layer is a 1 x 1 convolution over one line of
 * `batch` positions. */
static const struct dense_shape {
    const char *text;
    int h, w, channels, kernel, stride, n;
} shapes[] = {
    {"conv 1->20 5x5 28x28 (lenet5 1)", 28, 28, 1, 5, 1, 20},
    {"conv 20->50 5x5 12x12 (lenet5 2)", 12, 12, 20, 5, 1, 50},
    {"conv 10->25 5x5 12x12", 12, 12, 10, 5, 1, 25},
    {"conv 3->16 3x3 34x34", 34, 34, 3, 3, 1, 16},
    {"conv 16->16 3x3 34x34", 34, 34, 16, 3, 1, 16},
    {"conv 32->64 3x3 17x17 stride 2", 17, 17, 32, 3, 2, 64},
    {"conv 64->64 3x3 30x30", 30, 30, 64, 3, 1, 64},
    {"conv 64->64 3x3 58x58", 58, 58, 64, 3, 1, 64},
    {"conv 512->512 3x3 9x9", 9, 9, 512, 3, 1, 512},
    {"conv 64->64 1x1 25x5", 25, 5, 64, 1, 1, 64},
    {"conv 8->16 1x1 48x48", 48, 48, 8, 1, 1, 16},
    {"conv 16->8 1x1 48x48", 48, 48, 16, 1, 1, 8},
    {"conv 96->24 1x1 56x56", 56, 56, 96, 1, 1, 24},
    {"conv 128->128 1x1 6x6", 6, 6, 128, 1, 1, 128},
    {"fc 800x500", 1, 1, 800, 1, 1, 500},
    {"fc 500x10", 1, 1, 500, 1, 1, 10},
    {"fc 784x300", 1, 1, 784, 1, 1, 300},
    {"fc 300x100", 1, 1, 300, 1, 1, 100},
    {"fc 100x10", 1, 1, 100, 1, 1, 10},
    {"fc 1024x1024", 1, 1, 1024, 1, 1, 1024},
    {"fc 784x300 batch 3", 1, 3, 784, 1, 1, 300},
    {"fc 784x300 batch 32", 1, 32, 784, 1, 1, 300},
    {"fc 800x500 batch 32", 1, 32, 800, 1, 1, 500},
    {"fc 300x100 batch 32", 1, 32, 300, 1, 1, 100},
    {"fc 1024x1024 batch 32", 1, 32, 1024, 1, 1, 1024},
    {"gemm 128x128x512", 1, 128, 128, 1, 1, 512},
    {"gemm 512x512x512", 1, 512, 512, 1, 1, 512},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct kn_rows rows_of(const struct dense_shape *s)
{
    int ow = (s->w - s->kernel) / s->stride + 1, oh = (s->h - s->kernel) / s->stride + 1;
    ptrdiff_t line = (ptrdiff_t)s->w * s->channels;
    struct kn_rows rows = {.m = oh * ow,
                           .row_w = ow,
                           .step_x = (ptrdiff_t)s->stride * s->channels,
                           .step_y = s->stride * line,
                           .segs = s->kernel,
                           .seg_len = s->kernel * s->channels,
                           .seg_w = 1,
                           .seg_step_y = line};
    return rows;
}

static struct kn_out out_of(const struct kn_rows *rows, void *c, int n)
{
    return (struct kn_out){c, n, (ptrdiff_t)rows->row_w * n};
}

static size_t weight_elements(const struct dense_shape *s)
{
    return (size_t)s->n * (size_t)(s->kernel * s->kernel * s->channels);
}

static size_t input_elements(const struct dense_shape *s)
{
    return (size_t)s->h * (size_t)s->w * (size_t)s->channels;
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
    const struct kn_tail_f32 tail = {f->bias, 0, INFINITY, NULL};
    const struct kn_out out = out_of(f->rows, f->c, f->n);
    f->slot->run(f->rows, f->packed, &tail, f->n, &out);
}

static enum status bench_f32(struct knbench *b, const struct dense_shape *s)
{
    const struct kn_gemm_f32 *slot[] = {&b->ref->gemm_f32, &b->simd->gemm_f32};
    struct kn_rows rows = rows_of(s);
    size_t outputs = (size_t)rows.m * (size_t)s->n, weights = weight_elements(s);
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
    const struct kn_out out = out_of(&f->rows, f->c, f->n);
    f->slot->run_u8(&f->rows, f->packed, f->rq, NULL, f->n, &out);
}

/* The integer contracts, and what their kernels may be given. */
static const struct integer {
    const char *contract;
    size_t slot; /* in a table */
    int x_max, w_max;
} integers[] = {
    {"kn_gemm_u8s8", offsetof(struct kn_table, gemm_u8s8), 255, 127},
    {"kn_gemm_u7s8", offsetof(struct kn_table, gemm_u7s8), 127, 127},
    {"kn_gemm_u8s4", offsetof(struct kn_table, gemm_u8s4), 255, 7},
};
enum { INTEGERS = sizeof integers / sizeof *integers };

static const struct kn_gemm_u8s8 *slot_of(const struct integer *integer, const struct kn_table *table)
{
    return (const struct kn_gemm_u8s8 *)(const void *)((const char *)table + integer->slot);
}

/* The slots of every kernel of the contract that the level has, the slowest first. */
struct u8s8_slots {
    const struct knbench *b;
    const struct integer *integer;
    struct kn_gemm_u8s8 slot[KNTIMING_SUBJECTS];
    int count;
};

static void collect_u8s8(void *context, const char *contract, const struct kn_facts *facts)
{
    struct u8s8_slots *slots = context;
    struct kn_table table;
    if (strcmp(contract, slots->integer->contract) != 0 || (facts->isa & ~slots->b->simd->mask) ||
        slots->count == KNTIMING_SUBJECTS)
        return;
    kn_table_init(&table, 0);
    if (kn_table_select(&table, facts->name) == 0)
        slots->slot[slots->count++] = *slot_of(slots->integer, &table);
}

static enum status bench_u8s8(struct knbench *b, const struct integer *integer, const struct dense_shape *s)
{
    struct kn_rows rows = rows_of(s);
    size_t outputs = (size_t)rows.m * (size_t)s->n, weights = weight_elements(s);
    struct u8s8_slots slots = {.b = b, .integer = integer};
    struct u8s8_context context[KNTIMING_SUBJECTS];
    struct knsubject subject[KNTIMING_SUBJECTS];
    struct kn_requant rq = {.zero_point = 0, .lo = 0, .hi = 255};
    int32_t *bias;
    float *scale;
    uint8_t *x;
    int8_t *w;
    int16_t *wide;
    uint8_t *c;
    kn_roster_visit(collect_u8s8, &slots);
    TRY(knbench_s8(b, input_elements(s), 0, &w));
    x = (uint8_t *)w;
    for (size_t i = 0; i < input_elements(s); i++)
        x[i] = (uint8_t)(x[i] * integer->x_max / 255);
    TRY(knbench_buffer(b, input_elements(s) * sizeof *wide, &wide));
    b->ref->widen_u8_s16.run(x, input_elements(s), wide);
    TRY(knbench_trained_s8(b, weights, 0, &w));
    for (size_t i = 0; i < weights; i++)
        w[i] = (int8_t)(w[i] * integer->w_max / 127);
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
        TRY(knbench_buffer(b, slot->pack_bytes(w, s->n, rows.segs, rows.seg_len), &packed));
        slot->pack(w, s->n, rows.segs, rows.seg_len, packed);
        context[i] = (struct u8s8_context){slot, rows, packed, &rq, s->n, c};
        context[i].rows.base = slot->facts.a_bytes == 2 ? (const void *)wide : (const void *)x;
        subject[i] = (struct knsubject){&slot->facts, run_u8s8, &context[i], 0};
    }
    knbench_time(subject, slots.count);
    knbench_print(b, subject, slots.count, s->text, (double)rows.m * (double)weights, "GMAC/s");
    return ST_OK;
}

enum status knbench_dense(struct knbench *b)
{
    for (int i = 0; i < SHAPES && knbench_wants(b, "kn_gemm_f32", &b->simd->gemm_f32.facts); i++) {
        TRY(bench_f32(b, &shapes[i]));
        knbench_release(b);
    }
    for (int j = 0; j < INTEGERS; j++) {
        const struct kn_facts *facts = &slot_of(&integers[j], b->simd)->facts;
        for (int i = 0; i < SHAPES && knbench_wants(b, integers[j].contract, facts); i++) {
            TRY(bench_u8s8(b, &integers[j], &shapes[i]));
            knbench_release(b);
        }
    }
    return ST_OK;
}
