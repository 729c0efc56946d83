#include "peers/peer.h"

#if !defined(HAVE_XNNPACK)

enum status peer_xnnpack_open(const struct peer_settings *settings, struct peer *out)
{
    (void)settings;
    (void)out;
    return status_fail(ST_SKIP,
                       "built without XNNPACK (its headers, libxnnpack-dev and libpthreadpool-dev, were not there)");
}

#else

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "peers/xnnpack.h"

/* XNNPACK's integers are signed: 8-bit values are shifted by 128, zero points too, which changes no sum. */
enum { SHIFT = 128 };

struct single {
    struct xnnpack *x;
    const struct peer_task *task;
    xnn_operator_t op;
    enum xnn_status status; /* of the last run */
    void *input, *output;   /* owned */
    float *scales;          /* (n), all the same; owned */
    int channels_first;     /* sparse kernels read and write C,H,W */
};

static void destroy(void *instance)
{
    struct single *s = instance;
    if (!s)
        return;
    if (s->op)
        s->x->xnn_delete_operator(s->op);
    mem_free(s->input);
    mem_free(s->output);
    mem_free(s->scales);
    free(s);
}

static void run(void *instance)
{
    struct single *s = instance;
    enum xnn_status status = s->x->xnn_run_operator(s->op, NULL);
    s->status = status == xnn_status_success ? s->status : status;
}

/* Positions of all images of a task that the sparse kernels take: 1x1, so that images are just more positions. */
static size_t positions(const struct peer_task *task)
{
    return peer_task_inputs(task) / (size_t)task->shape.c;
}

static enum status copy_input(struct single *s)
{
    const struct peer_task *task = s->task;
    size_t count = peer_task_inputs(task), outputs = peer_task_outputs(task), c = (size_t)task->shape.c;

    if (task->type == PEER_F32) {
        float *to;
        TRY(mem_alloc(count + KN_SLACK / 4, sizeof(float), &s->input));
        TRY(mem_alloc(outputs + KN_SLACK / 4, sizeof(float), &s->output));
        to = s->input;
        for (size_t i = 0; i < count; i++)
            to[s->channels_first ? i % c * positions(task) + i / c : i] = task->x_f32[i];
    } else {
        int8_t *to;
        TRY(mem_alloc(count + KN_SLACK, 1, &s->input));
        TRY(mem_alloc(outputs + KN_SLACK, 1, &s->output));
        to = s->input;
        for (size_t i = 0; i < count; i++)
            to[i] = (int8_t)(task->x_u8[i] - SHIFT);
    }
    return ST_OK;
}

static enum status create_sparse(struct single *s)
{
    const struct peer_task *task = s->task;
    const struct peer_shape *shape = &task->shape;
    size_t c = (size_t)shape->c, n = (size_t)shape->n;
    uint32_t one = 1;

    TRY(xnnpack_try(s->x->xnn_create_convolution2d_nchw_f32(0, 0, 0, 0, one, one, one, one, one, one, one, c, n, c, n,
                                                            task->w_f32, task->bias_f32, -INFINITY, INFINITY, 0,
                                                            &s->op),
                    "sparse convolution"));
    return xnnpack_try(s->x->xnn_setup_convolution2d_nchw_f32(s->op, 1, 1, positions(task), s->input, s->output, NULL),
                       "sparse convolution");
}

static enum status create_fc(struct single *s)
{
    const struct peer_task *task = s->task;
    const struct peer_shape *shape = &task->shape;
    size_t c = (size_t)shape->c, n = (size_t)shape->n, batch = (size_t)shape->batch;

    if (task->type == PEER_F32) {
        TRY(xnnpack_try(s->x->xnn_create_fully_connected_nc_f32(c, n, c, n, task->w_f32, task->bias_f32, -INFINITY,
                                                                INFINITY, 0, &s->op),
                        "fully connected"));
        return xnnpack_try(s->x->xnn_setup_fully_connected_nc_f32(s->op, batch, s->input, s->output, NULL),
                           "fully connected");
    }
    TRY(xnnpack_try(s->x->xnn_create_fully_connected_nc_qs8(c, n, c, n, -SHIFT, task->scale_x, task->scale_w,
                                                            task->w_s8, task->bias_s32, -SHIFT, task->scale_y, -128,
                                                            127, 0, &s->op),
                    "fully connected"));
    return xnnpack_try(s->x->xnn_setup_fully_connected_nc_qs8(s->op, batch, s->input, s->output, NULL),
                       "fully connected");
}

static enum status create_conv(struct single *s)
{
    const struct peer_task *task = s->task;
    const struct peer_shape *shape = &task->shape;
    int depthwise = shape->op == PEER_DEPTHWISE;
    uint32_t pad = (uint32_t)shape->pad, kernel = (uint32_t)shape->kernel, stride = (uint32_t)shape->stride;
    uint32_t groups = depthwise ? (uint32_t)shape->n : 1;
    size_t c = (size_t)shape->c, n = (size_t)shape->n, group_c = depthwise ? 1 : c, group_n = depthwise ? 1 : n;
    size_t h = (size_t)shape->h, w = (size_t)shape->w;

    if (task->type == PEER_F32) {
        TRY(xnnpack_try(s->x->xnn_create_convolution2d_nhwc_f32(pad, pad, pad, pad, kernel, kernel, stride, stride, 1,
                                                                1, groups, group_c, group_n, c, n, task->w_f32,
                                                                task->bias_f32, -INFINITY, INFINITY, 0, &s->op),
                        "convolution"));
        return xnnpack_try(s->x->xnn_setup_convolution2d_nhwc_f32(s->op, 1, h, w, s->input, s->output, NULL),
                           "convolution");
    }
    TRY(xnnpack_try(s->x->xnn_create_convolution2d_nhwc_qc8(pad, pad, pad, pad, kernel, kernel, stride, stride, 1, 1,
                                                            groups, group_c, group_n, c, n, -SHIFT, task->scale_x,
                                                            s->scales, task->w_s8, task->bias_s32, -SHIFT,
                                                            task->scale_y, -128, 127, 0, &s->op),
                    "convolution"));
    return xnnpack_try(s->x->xnn_setup_convolution2d_nhwc_qc8(s->op, 1, h, w, s->input, s->output, NULL),
                       "convolution");
}

static enum status check(const struct peer_task *task)
{
    const struct peer_shape *s = &task->shape;
    if (task->sparsity > 0 && task->type == PEER_INT8)
        return status_fail(ST_SKIP, "XNNPACK has sparse kernels for float only");
    if (task->sparsity > 0 && (s->op == PEER_DEPTHWISE || s->kernel != 1 || s->stride != 1))
        return status_fail(ST_SKIP, "XNNPACK has sparse kernels for 1x1 convolutions only");
    return ST_OK;
}

static enum status create(void *context, const struct peer_task *task, void **out_instance)
{
    struct single *s;
    enum status st;

    TRY(check(task));
    s = calloc(1, sizeof *s);
    if (!s)
        return status_fail(ST_NOMEM, "no memory for XNNPACK's operator");
    s->x = context;
    s->task = task;
    s->channels_first = task->sparsity > 0;
    TRY_OUT(copy_input(s));
    TRY_OUT(mem_alloc((size_t)task->shape.n, sizeof *s->scales, &s->scales));
    for (int i = 0; i < task->shape.n; i++)
        s->scales[i] = task->scale_w;
    TRY_OUT(task->sparsity > 0 ? create_sparse(s) : task->shape.op == PEER_FC ? create_fc(s) : create_conv(s));
    *out_instance = s;
    return ST_OK;
out:
    destroy(s);
    return st;
}

static enum status output(void *instance, void *y)
{
    struct single *s = instance;
    size_t count = peer_task_outputs(s->task), n = (size_t)s->task->shape.n;

    if (s->status != xnn_status_success)
        return xnnpack_try(s->status, "running") == ST_OK ? ST_OK : ST_MISMATCH;
    for (size_t i = 0; i < count; i++) {
        size_t from = s->channels_first ? i % n * (count / n) + i / n : i;
        if (s->task->type == PEER_F32)
            ((float *)y)[i] = ((const float *)s->output)[from];
        else
            ((uint8_t *)y)[i] = (uint8_t)(((const int8_t *)s->output)[from] + SHIFT);
    }
    return ST_OK;
}

enum status peer_xnnpack_open(const struct peer_settings *settings, struct peer *out)
{
    struct xnnpack *x;

    TRY(xnnpack_load(&x));
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "xnnpack");
    snprintf(out->version, sizeof out->version, "%s", XNNPACK_VERSION);
    snprintf(out->level, sizeof out->level, settings->capped ? "native (cannot be capped)" : "native");
    out->context = x;
    out->create = create;
    out->run = run;
    out->output = output;
    out->destroy = destroy;
    out->model = xnnpack_model_calls;
    out->close = free;
    return ST_OK;
}

#endif
