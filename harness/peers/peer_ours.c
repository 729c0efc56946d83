/* Our kernels, bound as the engine binds them: weights packed beforehand, padding already around the input, the short
 * int8 kernel where the usual one would pad much. */
#include "peers/peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"

enum { MAX_BUFFERS = 8 };

struct ours {
    const struct peer_task *task;
    const struct kn_table *table;
    void (*call)(struct ours *ours);
    void *buffer[MAX_BUFFERS]; /* owned */
    int buffers;
    const void *packed;
    void *x;    /* with its border, or transposed for the sparse kernels */
    void *wide; /* x as 16 bits, for kernels that read those; or NULL */
    size_t x_count;
    void *y;
    const struct kn_gemm_u8s8 *int8;
    const struct kn_facts *facts; /* of the kernel that runs */
    struct kn_rows rows;
    struct kn_out out;
    struct kn_tail_f32 tail;
    struct kn_requant rq;
    struct kn_depthwise_shape dw;
    struct kn_cols cols;
};

static enum status buffer(struct ours *o, size_t count, size_t size, void *out_pointer)
{
    if (o->buffers == MAX_BUFFERS)
        return status_fail(ST_NOMEM, "our kernel: more than %d buffers", MAX_BUFFERS);
    TRY(mem_alloc(count + KN_SLACK / size, size, out_pointer));
    o->buffer[o->buffers++] = *(void **)out_pointer;
    return ST_OK;
}

static void destroy(void *instance)
{
    struct ours *o = instance;
    if (!o)
        return;
    while (o->buffers > 0)
        mem_free(o->buffer[--o->buffers]);
    free(o);
}

static void run(void *instance)
{
    struct ours *o = instance;
    o->call(o);
}

static void call_gemm_f32(struct ours *o)
{
    o->table->gemm_f32.run(&o->rows, o->packed, &o->tail, o->task->shape.n, &o->out);
}

static void call_gemm_u8s8(struct ours *o)
{
    if (o->wide)
        o->table->widen_u8_s16.run(o->x, o->x_count, o->wide);
    o->int8->run_u8(&o->rows, o->packed, &o->rq, NULL, o->task->shape.n, &o->out);
}

static void call_spmv(struct ours *o)
{
    const struct peer_task *t = o->task;
    o->table->spmv_f32.run(o->x, o->packed, t->bias_f32, t->shape.n, t->k, -INFINITY, INFINITY, o->y);
}

static void call_spmm(struct ours *o)
{
    o->table->spmm_f32.run(&o->cols, o->packed, o->task->bias_f32, o->task->shape.n, -INFINITY, INFINITY, o->y);
}

/* x with `pad` zeros around it. */
static enum status copy_padded(struct ours *o, size_t size, size_t pad)
{
    const struct peer_task *t = o->task;
    const struct peer_shape *s = &t->shape;
    const unsigned char *from = t->type == PEER_F32 ? (const void *)t->x_f32 : t->x_u8;
    size_t line = ((size_t)s->w + 2 * pad) * (size_t)s->c * size, bytes = (size_t)s->w * (size_t)s->c * size;
    unsigned char *to;

    o->x_count = (size_t)s->batch * ((size_t)s->h + 2 * pad) * ((size_t)s->w + 2 * pad) * (size_t)s->c;
    TRY(buffer(o, o->x_count, size, &o->x));
    to = o->x;
    if (pad == 0) {
        memcpy(to, from, o->x_count * size);
        return ST_OK;
    }
    for (size_t y = 0; y < (size_t)s->h; y++)
        memcpy(to + (y + pad) * line + pad * (size_t)s->c * size, from + y * bytes, bytes);
    return ST_OK;
}

static enum status make_requant(struct ours *o)
{
    float *scale;
    TRY(buffer(o, (size_t)o->task->shape.n, sizeof *scale, &scale));
    for (int i = 0; i < o->task->shape.n; i++)
        scale[i] = o->task->multiplier;
    o->rq = (struct kn_requant){o->task->bias_s32, scale, 0, 0, 255};
    return ST_OK;
}

/* Fully connected layers are convolutions of one line here: a batch is a line of positions. */
static struct kn_rows make_rows(const struct peer_task *t)
{
    const struct peer_shape *s = &t->shape;
    int row_w = s->op == PEER_FC ? s->batch : t->ow;
    ptrdiff_t line = (ptrdiff_t)(s->w + 2 * s->pad) * s->c;
    return (struct kn_rows){.m = s->op == PEER_FC ? s->batch : t->oh * t->ow,
                            .row_w = row_w,
                            .step_x = (ptrdiff_t)s->stride * s->c,
                            .step_y = s->stride * line,
                            .segs = s->kernel,
                            .seg_len = s->kernel * s->c,
                            .seg_w = 1,
                            .seg_step_y = line};
}

static void call_depthwise_f32(struct ours *o)
{
    o->table->depthwise_f32.run(&o->dw, o->x, o->packed, o->task->bias_f32, -INFINITY, INFINITY, o->y);
}

static void call_depthwise_u8s8(struct ours *o)
{
    o->table->depthwise_u8s8.run_u8(&o->dw, o->x, 0, o->packed, &o->rq, o->y);
}

static enum status bind_depthwise(struct ours *o)
{
    const struct peer_task *t = o->task;
    const struct peer_shape *s = &t->shape;
    const struct kn_depthwise_f32 *f32 = &o->table->depthwise_f32;
    const struct kn_depthwise_u8s8 *u8s8 = &o->table->depthwise_u8s8;
    int is_f32 = t->type == PEER_F32;
    void *packed;

    o->dw = (struct kn_depthwise_shape){.c = s->c,
                                        .h = s->h,
                                        .w = s->w,
                                        .oh = t->oh,
                                        .ow = t->ow,
                                        .kernel_h = s->kernel,
                                        .kernel_w = s->kernel,
                                        .stride_h = s->stride,
                                        .stride_w = s->stride,
                                        .dilation_h = 1,
                                        .dilation_w = 1,
                                        .pad_h = s->pad,
                                        .pad_w = s->pad,
                                        .x_step_x = s->c,
                                        .x_step_y = (ptrdiff_t)s->w * s->c,
                                        .y_step_x = s->c,
                                        .y_step_y = (ptrdiff_t)t->ow * s->c,
                                        .lines = t->oh};
    o->facts = is_f32 ? &f32->facts : &u8s8->facts;
    TRY(copy_padded(o, is_f32 ? sizeof(float) : 1, 0));
    TRY(buffer(o, peer_task_outputs(t), is_f32 ? sizeof(float) : 1, &o->y));
    if (is_f32) {
        TRY(buffer(o, f32->pack_bytes(t->w_f32, s->c, s->kernel, s->kernel), 1, &packed));
        f32->pack(t->w_f32, s->c, s->kernel, s->kernel, packed);
        o->call = call_depthwise_f32;
    } else {
        TRY(make_requant(o));
        TRY(buffer(o, u8s8->pack_bytes(t->w_s8, s->c, s->kernel, s->kernel), 1, &packed));
        u8s8->pack(t->w_s8, s->c, s->kernel, s->kernel, packed);
        o->call = call_depthwise_u8s8;
    }
    o->packed = packed;
    return ST_OK;
}

static int rounded(int count, int multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

static enum status bind_gemm(struct ours *o)
{
    const struct peer_task *t = o->task;
    const struct kn_table *table = o->table;
    int f32 = t->type == PEER_F32, n = t->shape.n;
    void *packed;

    o->rows = make_rows(t);
    TRY(copy_padded(o, f32 ? sizeof(float) : 1, (size_t)t->shape.pad));
    o->rows.base = o->x;
    TRY(buffer(o, peer_task_outputs(t), f32 ? sizeof(float) : 1, &o->y));
    o->out = (struct kn_out){o->y, n, (ptrdiff_t)o->rows.row_w * n};
    if (f32) {
        o->tail = (struct kn_tail_f32){t->bias_f32, -INFINITY, INFINITY, NULL};
        TRY(buffer(o, kn_gemm_f32_pack_bytes(&table->gemm_f32, n, o->rows.segs, o->rows.seg_len), 1, &packed));
        kn_gemm_f32_pack(&table->gemm_f32, t->w_f32, n, o->rows.segs, o->rows.seg_len, packed);
        o->call = call_gemm_f32;
        o->facts = &table->gemm_f32.facts;
    } else {
        int len = o->rows.seg_len, usual = rounded(len, table->gemm_u8s8.facts.kr);
        int other = rounded(len, table->gemm_u8s8_short.facts.kr);
        o->int8 = usual > 1.25 * other ? &table->gemm_u8s8_short : &table->gemm_u8s8;
        TRY(make_requant(o));
        TRY(buffer(o, o->int8->pack_bytes(t->w_s8, n, o->rows.segs, len), 1, &packed));
        o->int8->pack(t->w_s8, n, o->rows.segs, len, packed);
        if (o->int8->facts.a_bytes == 2) {
            TRY(buffer(o, o->x_count, sizeof(int16_t), &o->wide));
            o->rows.base = o->wide;
        }
        o->call = call_gemm_u8s8;
        o->facts = &o->int8->facts;
    }
    o->packed = packed;
    return ST_OK;
}

static enum status bind_spmv(struct ours *o)
{
    const struct peer_task *t = o->task;
    void *packed;

    TRY(copy_padded(o, sizeof(float), 0));
    TRY(buffer(o, peer_task_outputs(t), sizeof(float), &o->y));
    TRY(buffer(o, o->table->spmv_f32.pack_bytes(t->w_f32, t->shape.n, t->k), 1, &packed));
    o->table->spmv_f32.pack(t->w_f32, t->shape.n, t->k, packed);
    o->packed = packed;
    o->call = call_spmv;
    o->facts = &o->table->spmv_f32.facts;
    return ST_OK;
}

/* Positions side by side: (c, positions). */
static enum status bind_spmm(struct ours *o)
{
    const struct peer_task *t = o->task;
    size_t c = (size_t)t->shape.c, count = peer_task_inputs(t), positions = count / c;
    int32_t *offset;
    void *packed;
    float *x;

    TRY(buffer(o, count, sizeof *x, &o->x));
    x = o->x;
    for (size_t i = 0; i < count; i++)
        x[i % c * positions + i / c] = t->x_f32[i];
    TRY(buffer(o, c, sizeof *offset, &offset));
    for (size_t i = 0; i < c; i++)
        offset[i] = (int32_t)(i * positions);
    TRY(buffer(o, peer_task_outputs(t), sizeof(float), &o->y));
    TRY(buffer(o, o->table->spmm_f32.pack_bytes(t->w_f32, t->shape.n, t->k, offset), 1, &packed));
    o->table->spmm_f32.pack(t->w_f32, t->shape.n, t->k, offset, packed);
    o->cols = (struct kn_cols){o->x, 1, (int)positions, (ptrdiff_t)positions};
    o->packed = packed;
    o->call = call_spmm;
    o->facts = &o->table->spmm_f32.facts;
    return ST_OK;
}

static enum status bind_sparse(struct ours *o)
{
    const struct peer_shape *s = &o->task->shape;

    if (o->task->type != PEER_F32 || s->op == PEER_DEPTHWISE || s->kernel != 1 || s->stride != 1)
        return status_fail(ST_SKIP, "sparse rows are float products and 1x1 convolutions");
    return s->op == PEER_FC && s->batch == 1 ? bind_spmv(o) : bind_spmm(o);
}

static enum status create_as(void *context, const struct peer_task *task, int sparse, void **out_instance)
{
    struct ours *o = calloc(1, sizeof *o);
    enum status st;

    if (!o)
        return status_fail(ST_NOMEM, "no memory for our kernel");
    o->task = task;
    o->table = context;
    st = sparse ? bind_sparse(o) : task->shape.op == PEER_DEPTHWISE ? bind_depthwise(o) : bind_gemm(o);
    if (st != ST_OK) {
        destroy(o);
        return st;
    }
    *out_instance = o;
    return ST_OK;
}

static enum status create(void *context, const struct peer_task *task, void **out_instance)
{
    return create_as(context, task, task->sparsity > 0, out_instance);
}

static enum status create_dense(void *context, const struct peer_task *task, void **out_instance)
{
    return create_as(context, task, 0, out_instance);
}

static enum status output(void *instance, void *y)
{
    const struct ours *o = instance;
    const struct peer_task *t = o->task;
    size_t count = peer_task_outputs(t), n = (size_t)t->shape.n;

    if (o->call == call_spmm)
        for (size_t i = 0; i < count; i++)
            ((float *)y)[i] = ((const float *)o->y)[i % n * (count / n) + i / n];
    else
        memcpy(y, o->y, count * (t->type == PEER_F32 ? sizeof(float) : 1));
    return ST_OK;
}

static const char *kernel(const void *instance)
{
    const struct ours *o = instance;
    return o->facts->name;
}

/* ------------------------------------------------------------------ whole networks: the engine */

struct network {
    struct engine *engine;
    const float *input;
    float *output;
};

static void destroy_model(void *instance)
{
    struct network *n = instance;
    if (!n)
        return;
    engine_free(n->engine);
    mem_free(n->output);
    free(n);
}

static void run_model(void *instance)
{
    struct network *n = instance;
    engine_run(n->engine, n->input, n->output);
}

static enum status output_model(void *instance, void *y)
{
    const struct network *n = instance;
    memcpy(y, n->output, engine_output_count(n->engine) * (size_t)engine_batch(n->engine) * sizeof *n->output);
    return ST_OK;
}

static enum status create_model(void *context, const struct peer_model *model, void **out_instance)
{
    struct network *n = calloc(1, sizeof *n);
    enum status st;

    if (!n)
        return status_fail(ST_NOMEM, "no memory for our network");
    n->input = model->input;
    TRY_OUT(engine_new(model->graph, context, model->batch, 1, &n->engine));
    TRY_OUT(mem_alloc(engine_output_count(n->engine) * (size_t)model->batch, sizeof *n->output, &n->output));
    *out_instance = n;
    return ST_OK;
out:
    destroy_model(n);
    return st;
}

static void close_library(void *context)
{
    (void)context; /* the caller's table */
}

enum status peer_ours_open(const struct peer_settings *settings, struct peer *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "simd");
    snprintf(out->level, sizeof out->level, "%s", kn_isa_name(settings->isa));
    out->context = (void *)(uintptr_t)settings->table;
    out->create = create;
    out->run = run;
    out->output = output;
    out->destroy = destroy;
    out->kernel = kernel;
    out->model = (struct peer_model_calls){create_model, run_model, output_model, destroy_model};
    out->close = close_library;
    return ST_OK;
}

enum status peer_dense_open(const struct peer_settings *settings, struct peer *out)
{
    TRY(peer_ours_open(settings, out));
    snprintf(out->name, sizeof out->name, "simd-dense");
    out->create = create_dense;
    return ST_OK;
}
