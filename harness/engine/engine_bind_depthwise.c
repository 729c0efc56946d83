/* Binding of depthwise convolutions: over H,W,C, the padding inside the kernel. */
#include "engine/engine_bind.h"

static struct kn_depthwise_shape shape_of(const struct binding *b)
{
    const struct layer *layer = b->layer;

    return (struct kn_depthwise_shape){.c = layer->n,
                                       .h = b->in.h,
                                       .w = b->in.w,
                                       .oh = layer->oh,
                                       .ow = layer->ow,
                                       .kernel_h = layer->kernel_h,
                                       .kernel_w = layer->kernel_w,
                                       .stride_h = layer->stride_h,
                                       .stride_w = layer->stride_w,
                                       .dilation_h = layer->dilation_h,
                                       .dilation_w = layer->dilation_w,
                                       .pad_h = layer->pad.top,
                                       .pad_w = layer->pad.left,
                                       .x_step_x = b->in.c,
                                       .x_step_y = (ptrdiff_t)engine_tensor_line(&b->in),
                                       .y_step_x = layer->n,
                                       .y_step_y = (ptrdiff_t)engine_tensor_line(&b->out),
                                       .lines = layer->oh};
}

static enum status pack(struct binding *b, const void **out_packed, size_t *out_bytes)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *l = b->layer;
    const void *w = l->weight->data;
    size_t bytes = l->integer ? table->depthwise_u8s8.pack_bytes(w, l->n, l->kernel_h, l->kernel_w)
                              : table->depthwise_f32.pack_bytes(w, l->n, l->kernel_h, l->kernel_w);
    void *packed;

    TRY(engine_memory_constant(b->plan->engine, bytes, 1, &packed));
    if (l->integer)
        table->depthwise_u8s8.pack(w, l->n, l->kernel_h, l->kernel_w, packed);
    else
        table->depthwise_f32.pack(w, l->n, l->kernel_h, l->kernel_w, packed);
    *out_packed = packed;
    *out_bytes = bytes;
    return ST_OK;
}

enum status engine_bind_depthwise(struct binding *b)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const struct kn_facts *facts = layer->integer ? &table->depthwise_u8s8.facts : &table->depthwise_f32.facts;
    struct exec_depthwise d = {.shape = shape_of(b), .range = b->in.range};
    engine_exec_fn run = engine_exec_depthwise_f32;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &d.tail));
    TRY(pack(b, &d.packed, &bytes));
    d.zero_in = b->in.zero_point;
    if (b->out.type == PLAN_F32) {
        d.run.f32 = table->depthwise_f32.run;
    } else if (b->out.type == PLAN_U8) {
        d.run.u8 = table->depthwise_u8s8.run_u8;
        run = engine_exec_depthwise_u8;
    } else {
        d.run.s32 = table->depthwise_u8s8.run_s32;
        run = engine_exec_depthwise_s32;
    }
    TRY(engine_bind_step(b, run, facts->name, graph_node_macs(b->plan->graph, layer->index), bytes, &step));
    step->u.depthwise = d;
    return ST_OK;
}
