#include "peers/peer_task.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "kernels/requant.h"

enum { MAX_DIM = 8192, MAX_ELEMENTS = 1 << 26 };
static const double max_macs = 4e9; /* a larger one would take minutes by the exact loops */

static size_t product(int a, int b, int c, int d)
{
    return (size_t)a * (size_t)b * (size_t)c * (size_t)d;
}

enum status peer_shape_check(const struct peer_shape *s, int *out_oh, int *out_ow)
{
    int oh, ow;

    if (s->batch < 1 || s->c < 1 || s->h < 1 || s->w < 1 || s->n < 1 || s->kernel < 1 || s->stride < 1 || s->pad < 0 ||
        s->batch > MAX_DIM || s->c > MAX_DIM || s->h > MAX_DIM || s->w > MAX_DIM || s->n > MAX_DIM || s->kernel > 64 ||
        s->stride > 64 || s->pad >= s->kernel)
        return status_fail(ST_BADARG, "%s: a size is out of range (1 to %d, kernel and stride to 64, pad < kernel)",
                           s->name, MAX_DIM);
    if (s->h + 2 * s->pad < s->kernel || s->w + 2 * s->pad < s->kernel)
        return status_fail(ST_BADARG, "%s: a %d x %d window does not fit into %d x %d with padding %d", s->name,
                           s->kernel, s->kernel, s->h, s->w, s->pad);
    oh = (s->h + 2 * s->pad - s->kernel) / s->stride + 1;
    ow = (s->w + 2 * s->pad - s->kernel) / s->stride + 1;
    if (s->op == PEER_DEPTHWISE && s->n != s->c)
        return status_fail(ST_BADARG, "%s: a depthwise convolution has as many outputs as channels", s->name);
    if (product(s->batch, s->h, s->w, s->c) > MAX_ELEMENTS || product(s->batch, oh, ow, s->n) > MAX_ELEMENTS ||
        product(s->n, s->kernel, s->kernel, s->c) > MAX_ELEMENTS)
        return status_fail(ST_BADARG, "%s: a tensor of more than %d elements", s->name, MAX_ELEMENTS);
    if ((double)product(s->batch, oh, ow, s->n) * s->kernel * s->kernel * (s->op == PEER_DEPTHWISE ? 1 : s->c) >
        max_macs)
        return status_fail(ST_BADARG, "%s: more than %.0f million multiplications", s->name, max_macs / 1e6);
    *out_oh = oh;
    *out_ow = ow;
    return ST_OK;
}

size_t peer_task_inputs(const struct peer_task *task)
{
    const struct peer_shape *s = &task->shape;
    return product(s->batch, s->h, s->w, s->c);
}

size_t peer_task_weights(const struct peer_task *task)
{
    return (size_t)task->shape.n * (size_t)task->k;
}

size_t peer_task_outputs(const struct peer_task *task)
{
    return product(task->shape.batch, task->oh, task->ow, task->shape.n);
}

uint64_t peer_task_macs(const struct peer_task *task)
{
    return (uint64_t)peer_task_outputs(task) * (uint64_t)task->k;
}

uint64_t peer_task_bytes(const struct peer_task *task)
{
    uint64_t elements = peer_task_inputs(task) + peer_task_weights(task) + peer_task_outputs(task);
    return elements * (task->type == PEER_F32 ? 4 : 1) + 4 * (uint64_t)task->shape.n;
}

/* ------------------------------------------------------------------ data */

/* A sum of twelve uniform numbers has variance 1; 40 is a third of 127. */
static int8_t trained_weight(struct rng *rng)
{
    double sum = -6;
    for (int j = 0; j < 12; j++)
        sum += (double)rng_f32(rng);
    sum *= 40;
    return (int8_t)lrint(sum > 127 ? 127 : sum < -127 ? -127 : sum);
}

static void fill_f32(struct peer_task *task, struct rng *rng)
{
    for (size_t i = 0; i < peer_task_inputs(task); i++)
        task->x_f32[i] = 2 * rng_f32(rng) - 1;
    for (size_t i = 0; i < peer_task_weights(task); i++) {
        float w = 2 * rng_f32(rng) - 1;
        task->w_f32[i] = (double)rng_f32(rng) < task->sparsity ? 0 : w;
    }
    for (int i = 0; i < task->shape.n; i++)
        task->bias_f32[i] = 2 * rng_f32(rng) - 1;
}

static void fill_int8(struct peer_task *task, enum peer_data data, struct rng *rng)
{
    for (size_t i = 0; i < peer_task_inputs(task); i++)
        task->x_u8[i] = data == PEER_EXTREME ? 255 : (uint8_t)rng_below(rng, 256);
    for (size_t i = 0; i < peer_task_weights(task); i++) {
        int8_t w = trained_weight(rng);
        if (data == PEER_EXTREME)
            w = i / (size_t)task->k % 3 == 2 ? -127 : 127;
        task->w_s8[i] = (double)rng_f32(rng) < task->sparsity ? 0 : w;
    }
    for (int i = 0; i < task->shape.n; i++)
        task->bias_s32[i] = (int32_t)rng_below(rng, 2001) - 1000;
}

/* ------------------------------------------------------------------ the exact result: textbook loops */

/* Window of output (b, oy, ox, n): calls add(task, x index, w index) for each product inside the input. */
static void for_products(struct peer_task *task, int b, int oy, int ox, int n, double *f32, double *magnitude,
                         int64_t *s32)
{
    const struct peer_shape *s = &task->shape;
    int depthwise = s->op == PEER_DEPTHWISE, channels = depthwise ? 1 : s->c;

    for (int ky = 0; ky < s->kernel; ky++)
        for (int kx = 0; kx < s->kernel; kx++) {
            int iy = oy * s->stride - s->pad + ky, ix = ox * s->stride - s->pad + kx;
            size_t x, w;
            if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w)
                continue;
            x = (((size_t)b * (size_t)s->h + (size_t)iy) * (size_t)s->w + (size_t)ix) * (size_t)s->c +
                (depthwise ? (size_t)n : 0);
            w = (((size_t)n * (size_t)s->kernel + (size_t)ky) * (size_t)s->kernel + (size_t)kx) * (size_t)channels;
            for (int c = 0; c < channels; c++) {
                if (task->type == PEER_F32) {
                    double value = (double)task->x_f32[x + (size_t)c] * (double)task->w_f32[w + (size_t)c];
                    *f32 += value;
                    *magnitude += fabs(value);
                } else {
                    *s32 += task->x_u8[x + (size_t)c] * task->w_s8[w + (size_t)c];
                }
            }
        }
}

static void compute(struct peer_task *task)
{
    const struct peer_shape *s = &task->shape;
    size_t at = 0;

    for (int b = 0; b < s->batch; b++)
        for (int oy = 0; oy < task->oh; oy++)
            for (int ox = 0; ox < task->ow; ox++)
                for (int n = 0; n < s->n; n++, at++) {
                    double f32 = 0, magnitude = 0;
                    int64_t s32 = 0;
                    for_products(task, b, oy, ox, n, &f32, &magnitude, &s32);
                    if (task->type == PEER_F32) {
                        task->want_f32[at] = (float)(f32 + (double)task->bias_f32[n]);
                        task->magnitude[at] = (float)(magnitude + fabs((double)task->bias_f32[n]));
                    } else {
                        task->want_s32[at] = (int32_t)(s32 + task->bias_s32[n]);
                    }
                }
}

/* A multiplier that brings the largest sum near the end of the 8-bit range. */
static void requantize(struct peer_task *task)
{
    size_t count = peer_task_outputs(task);
    int32_t most = 1;

    for (size_t i = 0; i < count; i++)
        most = task->want_s32[i] > most ? task->want_s32[i] : most;
    task->scale_x = 1.0f / 256;
    task->scale_w = 1.0f / 128;
    task->scale_y = task->scale_x * task->scale_w * (float)most / 240.0f;
    task->multiplier = task->scale_x * task->scale_w / task->scale_y;
    for (size_t i = 0; i < count; i++)
        task->want_u8[i] = kn_requantize(task->want_s32[i], task->multiplier, 0, 0, 255);
}

static enum status allocate(struct peer_task *task)
{
    size_t x = peer_task_inputs(task), w = peer_task_weights(task), n = (size_t)task->shape.n,
           y = peer_task_outputs(task);

    if (task->type == PEER_F32) {
        TRY(mem_alloc(x + KN_SLACK / 4, sizeof(float), &task->x_f32));
        TRY(mem_alloc(w + KN_SLACK / 4, sizeof(float), &task->w_f32));
        TRY(mem_alloc(n + KN_SLACK / 4, sizeof(float), &task->bias_f32));
        TRY(mem_alloc(y, sizeof(float), &task->want_f32));
        return mem_alloc(y, sizeof(float), &task->magnitude);
    }
    TRY(mem_alloc(x + KN_SLACK, 1, &task->x_u8));
    TRY(mem_alloc(w + KN_SLACK, 1, &task->w_s8));
    TRY(mem_alloc(n + KN_SLACK / 4, sizeof(int32_t), &task->bias_s32));
    TRY(mem_alloc(y, sizeof(int32_t), &task->want_s32));
    return mem_alloc(y, 1, &task->want_u8);
}

enum status peer_task_make(const struct peer_shape *shape, enum peer_type type, enum peer_data data, double sparsity,
                           uint64_t seed, struct peer_task *out)
{
    struct peer_task task;
    struct rng rng;
    enum status st;

    memset(&task, 0, sizeof task);
    TRY(peer_shape_check(shape, &task.oh, &task.ow));
    task.shape = *shape;
    task.type = type;
    task.sparsity = sparsity;
    task.k = shape->kernel * shape->kernel * (shape->op == PEER_DEPTHWISE ? 1 : shape->c);
    st = allocate(&task);
    if (st != ST_OK) {
        peer_task_free(&task);
        return st;
    }
    rng_seed(&rng, seed, 0x70656572);
    if (type == PEER_F32)
        fill_f32(&task, &rng);
    else
        fill_int8(&task, data, &rng);
    compute(&task);
    if (type == PEER_INT8)
        requantize(&task);
    *out = task;
    return ST_OK;
}

void peer_task_free(struct peer_task *task)
{
    mem_free(task->x_f32);
    mem_free(task->w_f32);
    mem_free(task->bias_f32);
    mem_free(task->want_f32);
    mem_free(task->magnitude);
    mem_free(task->x_u8);
    mem_free(task->w_s8);
    mem_free(task->bias_s32);
    mem_free(task->want_s32);
    mem_free(task->want_u8);
    memset(task, 0, sizeof *task);
}

/* ------------------------------------------------------------------ the test of a result */

static void describe(const struct peer_task *task, double want, double got, size_t at, char *example, size_t size)
{
    size_t n = (size_t)task->shape.n;
    snprintf(example, size, "expected %.9g, got %.9g at output %zu of position %zu", want, got, at % n, at / n);
}

void peer_task_check(const struct peer_task *task, const void *y, int slack, size_t *out_wrong, char *example,
                     size_t size)
{
    double worst = 0, tolerance = (double)kn_tolerance_f32(task->k);
    const float *f32 = y;
    const uint8_t *u8 = y;

    *out_wrong = 0;
    example[0] = 0;
    for (size_t i = 0; i < peer_task_outputs(task); i++) {
        double want, got, excess;
        if (task->type == PEER_F32) {
            want = (double)task->want_f32[i];
            got = (double)f32[i];
            excess = fabs(got - want) / (tolerance * (double)task->magnitude[i] + 1e-30);
            excess = isfinite(excess) ? excess : 1e30;
        } else {
            want = task->want_u8[i];
            got = u8[i];
            excess = fabs(got - want) / (slack + 0.5);
        }
        *out_wrong += excess > 1;
        if (excess > 1 && excess > worst) {
            worst = excess;
            describe(task, want, got, i, example, size);
        }
    }
}

void peer_task_check_sums(const struct peer_task *task, const int32_t *sums, size_t *out_wrong, char *example,
                          size_t size)
{
    double worst = 0;

    *out_wrong = 0;
    example[0] = 0;
    for (size_t i = 0; i < peer_task_outputs(task); i++) {
        double off = fabs((double)sums[i] - (double)task->want_s32[i]);
        if (off <= fabs((double)task->want_s32[i]) * 0x1p-24)
            continue;
        ++*out_wrong;
        if (off > worst) {
            worst = off;
            describe(task, task->want_s32[i], sums[i], i, example, size);
        }
    }
}
