/* Matrix products only: fully connected layers and 1x1 convolutions, in floats. */
#include "peers/peer.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct single {
    const struct peer_task *task;
    float *y;
};

static void destroy(void *instance)
{
    struct single *s = instance;
    if (!s)
        return;
    mem_free(s->y);
    free(s);
}

static void run(void *instance)
{
    struct single *s = instance;
    const struct peer_task *task = s->task;
    int n = task->shape.n, k = task->k, rows = (int)(peer_task_outputs(task) / (size_t)n);

    for (int i = 0; i < rows; i++)
        memcpy(s->y + (size_t)i * (size_t)n, task->bias_f32, (size_t)n * sizeof *s->y);
    if (rows == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1, task->w_f32, k, task->x_f32, 1, 1, s->y, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, n, k, 1, task->x_f32, k, task->w_f32, k, 1, s->y, n);
}

static enum status create(void *context, const struct peer_task *task, void **out_instance)
{
    const struct peer_shape *shape = &task->shape;
    struct single *s;
    enum status st;

    (void)context;
    if (task->type != PEER_F32)
        return status_fail(ST_SKIP, "OpenBLAS has no products of 8-bit integers");
    if (task->sparsity > 0)
        return status_fail(ST_SKIP, "OpenBLAS has no sparse products");
    if (shape->op == PEER_DEPTHWISE || shape->kernel != 1 || shape->stride != 1 || shape->pad != 0)
        return status_fail(ST_SKIP, "OpenBLAS has no convolutions");
    s = calloc(1, sizeof *s);
    if (!s)
        return status_fail(ST_NOMEM, "no memory for OpenBLAS's operator");
    s->task = task;
    st = mem_alloc(peer_task_outputs(task), sizeof *s->y, &s->y);
    if (st != ST_OK) {
        destroy(s);
        return st;
    }
    *out_instance = s;
    return ST_OK;
}

static enum status output(void *instance, void *y)
{
    const struct single *s = instance;
    memcpy(y, s->y, peer_task_outputs(s->task) * sizeof *s->y);
    return ST_OK;
}

static void close_library(void *context)
{
    (void)context;
}

enum status peer_openblas_open(const struct peer_settings *settings, struct peer *out)
{
    const char *config = openblas_get_config(), *number = strpbrk(config, "0123456789");

    memset(out, 0, sizeof *out);
    openblas_set_num_threads(1);
    snprintf(out->name, sizeof out->name, "openblas");
    snprintf(out->version, sizeof out->version, "%.*s", number ? (int)strspn(number, "0123456789.") : 0,
             number ? number : "");
    /* The command has put OPENBLAS_CORETYPE into the environment before the library was loaded. */
    snprintf(out->level, sizeof out->level, "%.30s%s", openblas_get_corename(), settings->capped ? " (capped)" : "");
    out->create = create;
    out->run = run;
    out->output = output;
    out->destroy = destroy;
    out->close = close_library;
    return ST_OK;
}
