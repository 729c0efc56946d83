#include "engine/engine_bind.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "engine/engine_move.h"

static enum plan_type output_type(const struct layer *layer)
{
    if (!layer->integer)
        return PLAN_F32;
    return !layer->dynamic && layer->out->quant == QUANT_STATIC ? PLAN_U8 : PLAN_S32;
}

enum status engine_bind_step(struct binding *b, engine_exec_fn run, const char *kernel, uint64_t macs_executed,
                             size_t packed_bytes, struct exec_step **out_step)
{
    struct plan *plan = b->plan;
    uint64_t batch = (uint64_t)plan->batch;
    size_t in = engine_move_count(&b->in), out = engine_move_count(&b->out);
    size_t in_bytes = engine_move_bytes(b->in.type), out_bytes = engine_move_bytes(b->out.type);
    struct engine_step *info;

    TRY(engine_memory_buffer(plan, b->layer->index, batch * out, out_bytes, &b->out.buffer));
    TRY(engine_plan_step(plan, b->layer->index, run, kernel, b->in.buffer, b->out.buffer, out_step, &info));
    (*out_step)->repeat = plan->batch;
    (*out_step)->x_step = in * in_bytes;
    (*out_step)->y_step = out * out_bytes;
    snprintf(info->reason, sizeof info->reason, "%s", b->choice.reason);
    info->macs_nominal = batch * graph_node_macs(plan->graph, b->layer->index);
    info->macs_executed = batch * macs_executed;
    info->weight_bytes = packed_bytes + engine_layer_tail_bytes(b->layer);
    info->input_bytes = batch * in * in_bytes;
    info->output_bytes = batch * out * out_bytes;
    info->weight_bits = b->layer->integer ? 8 : 32;
    plan->engine->weight_bytes += info->weight_bytes;
    return ST_OK;
}

enum status engine_bind_tail(struct binding *b, struct exec_tail *out_tail)
{
    struct engine *engine = b->plan->engine;
    struct exec_tail tail = {.lo = b->layer->relu ? 0 : -INFINITY, .hi = INFINITY};

    if (b->out.type == PLAN_F32)
        TRY(engine_layer_bias(engine, b->layer, &tail.bias));
    else if (b->out.type == PLAN_U8)
        TRY(engine_layer_requant(engine, b->layer, &tail.requant));
    else if (!b->layer->dynamic)
        TRY(engine_layer_bias_s32(engine, b->layer, &tail.bias_s32));
    *out_tail = tail;
    return ST_OK;
}

/* Rows of a convolution over padded H,W,C data, see kn_rows. Runs that touch become one. */
static struct kn_rows conv_rows(const struct binding *b)
{
    const struct node *node = b->layer->node;
    ptrdiff_t c = b->in.c, line = b->in.w * c;
    struct kn_rows rows = {.m = b->layer->oh * b->layer->ow,
                           .row_w = b->layer->ow,
                           .step_x = node->stride_w * c,
                           .step_y = node->stride_h * line,
                           .segs = node->kernel_h,
                           .seg_len = node->kernel_w * (int)c,
                           .seg_w = 1,
                           .seg_step_y = line};

    if (rows.seg_step_y == rows.seg_len) {
        rows.seg_len *= rows.segs;
        rows.segs = 1;
    }
    if (rows.step_x * rows.row_w == rows.step_y)
        rows.row_w = rows.m;
    return rows;
}

/* All samples in one call if the next sample's first row follows the last row of this one. */
static void merge_samples(const struct binding *b, struct kn_rows *rows, struct exec_step *step)
{
    const struct layer *layer = b->layer;
    ptrdiff_t lines = (ptrdiff_t)layer->oh * layer->node->stride_h * b->in.w * b->in.c;

    if ((ptrdiff_t)engine_move_count(&b->in) != lines || rows->m > INT_MAX / b->plan->batch)
        return;
    if (rows->step_x * layer->ow == rows->step_y) /* lines touch too */
        rows->row_w = rows->m * b->plan->batch;
    rows->m *= b->plan->batch;
    step->repeat = 1;
}

static struct kn_rows fc_rows(const struct binding *b)
{
    int batch = b->plan->batch, k = b->layer->k;

    return (struct kn_rows){.m = batch, .row_w = batch, .step_x = k, .segs = 1, .seg_len = k, .seg_w = 1};
}

/* Weights in the kernel's panels. */
static enum status pack_dense(struct binding *b, const struct kn_rows *rows, const void **out_packed, size_t *out_bytes)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const struct kn_gemm_u8s8 *dense = engine_choose_s8(table, layer);
    const void *weights;
    void *owned = NULL, *packed;
    enum status st;
    size_t bytes;

    TRY_OUT(engine_layer_weights(layer, b->order_c, b->order_s, &weights, &owned));
    bytes = layer->integer ? dense->pack_bytes(weights, layer->n, rows->segs, rows->seg_len)
                           : kn_gemm_f32_pack_bytes(&table->gemm_f32, layer->n, rows->segs, rows->seg_len);
    TRY_OUT(engine_memory_constant(b->plan->engine, bytes, 1, &packed));
    if (layer->integer)
        dense->pack(weights, layer->n, rows->segs, rows->seg_len, packed);
    else
        kn_gemm_f32_pack(&table->gemm_f32, weights, layer->n, rows->segs, rows->seg_len, packed);
    *out_packed = packed;
    *out_bytes = bytes;
out:
    mem_free(owned);
    return st;
}

enum status engine_bind_gemm(struct binding *b)
{
    const struct kn_table *table = b->plan->table;
    const struct layer *layer = b->layer;
    const struct kn_gemm_u8s8 *dense = engine_choose_s8(table, layer);
    int conv = layer->node->op == OP_CONV;
    struct exec_gemm gemm = {.rows = conv ? conv_rows(b) : fc_rows(b), .n = layer->n};
    const struct kn_facts *facts = layer->integer ? &dense->facts : &table->gemm_f32.facts;
    uint64_t macs = graph_node_macs(b->plan->graph, layer->index);
    engine_exec_fn run = engine_exec_gemm_f32;
    struct exec_step *step;
    size_t bytes;

    TRY(engine_bind_tail(b, &gemm.tail));
    TRY(pack_dense(b, &gemm.rows, &gemm.packed, &bytes));
    if (b->out.type == PLAN_F32) {
        gemm.run.f32 = table->gemm_f32.run;
    } else if (b->out.type == PLAN_U8) {
        gemm.run.u8 = dense->run_u8;
        run = engine_exec_gemm_u8;
    } else {
        gemm.run.s32 = dense->run_s32;
        run = engine_exec_gemm_s32;
    }
    TRY(engine_bind_step(b, run, facts->name, macs, bytes, &step));
    if (conv)
        merge_samples(b, &gemm.rows, step);
    else
        step->repeat = 1;
    gemm.out.step_x = layer->n;
    gemm.out.step_y = (ptrdiff_t)gemm.rows.row_w * layer->n;
    step->u.gemm = gemm;
    return ST_OK;
}

/* The input as the chosen kernel wants it. */
static enum status lay_out_input(struct binding *b, const struct exec_range *range)
{
    const struct layer *layer = b->layer;
    const struct kn_table *table = b->plan->table;
    const struct kn_gemm_u8s8 *dense = engine_choose_s8(table, layer);
    int conv = layer->node->op == OP_CONV, sparse = b->choice.kernel == CHOICE_SPMM;
    int a_bytes = sparse ? table->spmm_u8s8.facts.a_bytes : dense->facts.a_bytes;

    if (conv) {
        uint8_t fill = layer->integer && !layer->dynamic ? (uint8_t)layer->in->zero_point : 0;
        TRY(engine_move_order(b->plan, layer->index, &b->in, sparse ? PLAN_CHW : PLAN_HWC));
        TRY(engine_move_pad(b->plan, layer->index, &b->in, layer->node->pad_h, layer->node->pad_w, fill, range));
        b->order_c = sparse ? 1 : b->in.c;
        b->order_s = layer->node->kernel_h * layer->node->kernel_w;
    } else {
        TRY(engine_move_batch(b->plan, layer->index, &b->in, sparse));
        b->order_c = b->in.order == PLAN_HWC ? b->in.c : 1;
        b->order_s = layer->k / b->in.c;
    }
    if (layer->integer && b->choice.kernel != CHOICE_SPMV && a_bytes == 2)
        TRY(engine_move_widen(b->plan, layer->index, &b->in));
    return ST_OK;
}

/* Accumulators → float. They are brought into rows of n first, one row per position. */
static enum status dequantize(struct binding *b, const struct exec_range *range)
{
    const struct layer *layer = b->layer;
    struct plan *plan = b->plan;
    size_t rows = (size_t)layer->oh * (size_t)layer->ow, count = (size_t)plan->batch * engine_move_count(&b->out);
    struct exec_dequant dequant;
    struct engine_step *info;
    struct exec_step *step;
    int buffer;

    TRY(engine_move_order(plan, layer->index, &b->out, PLAN_HWC));
    plan->raw_buffer = b->out.buffer;
    TRY(engine_layer_dequant(plan->engine, layer, layer->dynamic ? rows : (size_t)plan->batch * rows, &dequant));
    if (layer->dynamic)
        dequant.range = range;
    TRY(engine_memory_buffer(plan, layer->index, count, sizeof(float), &buffer));
    TRY(engine_plan_step(plan, layer->index, engine_exec_dequant, plan->table->dequant_s32_f32.facts.name,
                         b->out.buffer, buffer, &step, &info));
    snprintf(info->reason, sizeof info->reason, "accumulators to float");
    info->input_bytes = count * sizeof(int32_t);
    info->output_bytes = count * sizeof(float);
    dequant.run = plan->table->dequant_s32_f32.run;
    step->repeat = layer->dynamic ? plan->batch : 1;
    step->x_step = engine_move_count(&b->out) * sizeof(int32_t);
    step->y_step = engine_move_count(&b->out) * sizeof(float);
    step->u.dequant = dequant;
    b->out.buffer = buffer;
    b->out.type = PLAN_F32;
    return ST_OK;
}

enum status engine_bind_layer(struct plan *plan, const struct layer *layer, struct plan_tensor *t)
{
    struct binding b = {.plan = plan, .layer = layer, .in = *t};
    struct exec_range *range = NULL;

    if (layer->dynamic)
        TRY(engine_move_quantize_dynamic(plan, layer->index, &b.in, &range));
    engine_choose(plan, layer, &b.in, &b.choice);
    TRY(lay_out_input(&b, range));
    b.out = (struct plan_tensor){.buffer = PLAN_NO_BUFFER, .type = output_type(layer), .c = layer->n};
    b.out.h = layer->oh;
    b.out.w = layer->ow;
    b.out.order = b.choice.kernel == CHOICE_GEMM ? PLAN_HWC : PLAN_CHW;
    b.out.batch_minor = b.choice.kernel == CHOICE_SPMM && layer->node->op == OP_FC;
    plan->raw_buffer = PLAN_NO_BUFFER;
    if (b.choice.kernel == CHOICE_GEMM)
        TRY(engine_bind_gemm(&b));
    else
        TRY(b.choice.kernel == CHOICE_SPMV ? engine_bind_spmv(&b) : engine_bind_spmm(&b));
    if (b.out.type == PLAN_S32)
        TRY(dequantize(&b, range));
    *t = b.out;
    return ST_OK;
}
