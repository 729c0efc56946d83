#include "peers/peer.h"

#if !defined(HAVE_ONEDNN)

enum status peer_onednn_open(const struct peer_settings *settings, struct peer *out)
{
    (void)settings;
    (void)out;
    return status_fail(ST_SKIP, "built without oneDNN (its headers, libdnnl-dev, were not there)");
}

#else

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "peers/onednn.h"

/* One operator: a chain of one step. */
struct single {
    struct onednn_chain *chain;
    const struct peer_task *task;
    dnnl_memory_t y;
};

static void destroy(void *instance)
{
    struct single *single = instance;
    if (!single)
        return;
    onednn_chain_free(single->chain);
    free(single);
}

static void run(void *instance)
{
    onednn_chain_run(((struct single *)instance)->chain);
}

struct descs {
    dnnl_memory_desc_t x, w, bias, y;
};

/* As `any`: what the library likes best; plain: as the task has them. Convolutions see N,C,H,W. */
static struct descs describe(const struct onednn *d, const struct peer_task *task, dnnl_data_type_t y_type, int plain)
{
    const struct peer_shape *s = &task->shape;
    int f32 = task->type == PEER_F32, depthwise = s->op == PEER_DEPTHWISE;
    int x[4] = {s->batch, s->c, s->h, s->w}, y[4] = {s->batch, s->n, task->oh, task->ow};
    int w[5] = {s->n, s->c, s->kernel, s->kernel}, groups[5] = {s->n, 1, 1, s->kernel, s->kernel};
    int rank = s->op == PEER_FC ? 2 : 4;
    dnnl_format_tag_t any = dnnl_format_tag_any, data = rank == 2 ? dnnl_ab : dnnl_nhwc;
    dnnl_format_tag_t weights = rank == 2 ? dnnl_ab : depthwise ? dnnl_goihw : dnnl_ohwi;
    struct descs out;

    out.x = onednn_desc(d, rank, x, f32 ? dnnl_f32 : dnnl_u8, plain ? data : any);
    out.w =
        onednn_desc(d, depthwise ? 5 : rank, depthwise ? groups : w, f32 ? dnnl_f32 : dnnl_s8, plain ? weights : any);
    out.bias = onednn_desc(d, 1, &s->n, f32 ? dnnl_f32 : dnnl_s32, dnnl_a);
    out.y = onednn_desc(d, rank, y, y_type, plain ? data : any);
    return out;
}

static enum status make_desc(const struct onednn *d, const struct peer_task *task, const struct descs *want,
                             const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *out)
{
    const struct peer_shape *s = &task->shape;
    const dnnl_dims_t stride = {s->stride, s->stride}, pad = {s->pad, s->pad};
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t fc;

    if (s->op == PEER_FC) {
        TRY(onednn_try(d->dnnl_inner_product_forward_desc_init(&fc, dnnl_forward_inference, &want->x, &want->w,
                                                               &want->bias, &want->y),
                       "inner product"));
        return onednn_try(d->dnnl_primitive_desc_create(out, &fc, attr, d->engine, NULL), "inner product");
    }
    TRY(onednn_try(d->dnnl_convolution_forward_desc_init(&conv, dnnl_forward_inference, dnnl_convolution_direct,
                                                         &want->x, &want->w, &want->bias, &want->y, stride, pad, pad),
                   "convolution"));
    return onednn_try(d->dnnl_primitive_desc_create(out, &conv, attr, d->engine, NULL), "convolution");
}

/* Rearranges the task's data for the primitive and appends it. */
static enum status bind(struct single *single, dnnl_primitive_desc_t pd, const struct descs *plain)
{
    struct onednn_chain *chain = single->chain;
    const struct onednn *d = chain->d;
    const struct peer_task *task = single->task;
    int f32 = task->type == PEER_F32;
    dnnl_memory_t x, w, bias;
    enum status st;

    TRY_OUT(onednn_tensor(chain, &plain->x, f32 ? (const void *)task->x_f32 : task->x_u8, &x));
    TRY_OUT(onednn_tensor(chain, &plain->w, f32 ? (const void *)task->w_f32 : task->w_s8, &w));
    TRY_OUT(onednn_tensor(chain, &plain->bias, f32 ? (const void *)task->bias_f32 : task->bias_s32, &bias));
    TRY_OUT(onednn_reorder(chain, x, d->dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), 1, &x));
    TRY_OUT(onednn_reorder(chain, w, d->dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), 1, &w));
    TRY_OUT(onednn_tensor(chain, d->dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), NULL, &single->y));
    return onednn_append(
        chain, pd,
        (const dnnl_exec_arg_t[]){
            {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, bias}, {DNNL_ARG_DST, single->y}},
        4);
out:
    d->dnnl_primitive_desc_destroy(pd);
    return st;
}

static enum status create_with(struct onednn *d, const struct peer_task *task, dnnl_data_type_t y_type,
                               void **out_instance)
{
    struct single *single = calloc(1, sizeof *single);
    struct descs any = describe(d, task, y_type, 0), plain = describe(d, task, y_type, 1);
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd;
    enum status st;

    if (!single)
        return status_fail(ST_NOMEM, "no memory for oneDNN's operator");
    single->task = task;
    TRY_OUT(onednn_chain_new(d, &single->chain));
    TRY_OUT(onednn_try(d->dnnl_primitive_attr_create(&attr), "attributes"));
    if (y_type == dnnl_u8)
        TRY_OUT(onednn_try(d->dnnl_primitive_attr_set_output_scales(attr, 1, 0, &task->multiplier), "output scale"));
    TRY_OUT(make_desc(d, task, &any, attr, &pd));
    TRY_OUT(bind(single, pd, &plain));
    *out_instance = single;
    single = NULL;
out:
    if (attr)
        d->dnnl_primitive_attr_destroy(attr);
    destroy(single);
    return st;
}

static enum status create(void *context, const struct peer_task *task, void **out_instance)
{
    if (task->sparsity > 0)
        return status_fail(ST_SKIP, "oneDNN has no sparse kernels");
    return create_with(context, task, task->type == PEER_F32 ? dnnl_f32 : dnnl_u8, out_instance);
}

static enum status output(void *instance, void *y)
{
    struct single *single = instance;
    struct onednn_chain *chain = single->chain;
    const dnnl_memory_desc_t *have;
    struct descs plain;
    dnnl_memory_t out;

    TRY(onednn_try(chain->d->dnnl_memory_get_memory_desc(single->y, &have), "the result's layout"));
    if (chain->status != dnnl_success)
        return status_fail(ST_MISMATCH, "oneDNN failed while running (status %d)", (int)chain->status);
    plain = describe(chain->d, single->task, have->data_type, 1);
    TRY(onednn_tensor(chain, &plain.y, y, &out));
    return onednn_copy(chain, single->y, out, NULL, 1);
}

static enum status sums(void *context, const struct peer_task *task, int32_t *out)
{
    void *single;
    enum status st;

    TRY(create_with(context, task, dnnl_s32, &single));
    run(single);
    st = output(single, out);
    destroy(single);
    return st;
}

static void close_library(void *context)
{
    onednn_unload(context);
}

static const char *level_name(dnnl_cpu_isa_t isa)
{
    switch (isa) {
    case dnnl_cpu_isa_sse41:
        return "sse41";
    case dnnl_cpu_isa_avx:
        return "avx";
    case dnnl_cpu_isa_avx2:
        return "avx2";
    case dnnl_cpu_isa_avx2_vnni:
        return "avx2_vnni";
    case dnnl_cpu_isa_avx512_core:
        return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni:
        return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16:
        return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx:
        return "avx512_core_amx";
    default:
        return "everything it knows";
    }
}

/* Its level for ours. Must be set before its first use. */
static enum status cap(struct onednn *d, const struct peer_settings *settings, struct peer *out)
{
    static const struct {
        uint32_t isa;
        dnnl_cpu_isa_t level;
    } levels[] = {{KN_ISA_AVX512VNNI, dnnl_cpu_isa_avx512_core_vnni},
                  {KN_ISA_AVXVNNI, dnnl_cpu_isa_avx2_vnni},
                  {KN_ISA_AVX2, dnnl_cpu_isa_avx2},
                  {0, dnnl_cpu_isa_sse41}};
    size_t i = 0;

    if (!settings->capped) {
        snprintf(out->level, sizeof out->level, "native (%s)", level_name(d->dnnl_get_effective_cpu_isa()));
        return ST_OK;
    }
    while (levels[i].isa && !(settings->isa & levels[i].isa))
        i++;
    if (d->dnnl_set_max_cpu_isa(levels[i].level) != dnnl_success || d->dnnl_get_effective_cpu_isa() != levels[i].level)
        return status_fail(ST_SKIP, "oneDNN cannot be capped to %s", kn_isa_name(settings->isa));
    snprintf(out->level, sizeof out->level, "%s (capped)", levels[i].isa ? kn_isa_name(settings->isa) : "sse41");
    return ST_OK;
}

enum status peer_onednn_open(const struct peer_settings *settings, struct peer *out)
{
    struct onednn *d;
    const dnnl_version_t *version;
    enum status st;

    TRY(onednn_load(&d));
    memset(out, 0, sizeof *out);
    version = d->dnnl_version();
    snprintf(out->name, sizeof out->name, "onednn");
    snprintf(out->version, sizeof out->version, "%d.%d.%d", version->major, version->minor, version->patch);
    TRY_OUT(cap(d, settings, out));
    TRY_OUT(onednn_try(d->dnnl_engine_create(&d->engine, dnnl_cpu, 0), "engine"));
    TRY_OUT(onednn_try(d->dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags), "stream"));
    out->context = d;
    out->create = create;
    out->run = run;
    out->output = output;
    out->destroy = destroy;
    out->sums = sums;
    out->model = onednn_model_calls;
    out->close = close_library;
    return ST_OK;
out:
    onednn_unload(d);
    return st;
}

#endif
