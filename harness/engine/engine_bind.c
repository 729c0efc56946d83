#include "engine/engine_bind.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "engine/engine_map.h"
#include "engine/engine_move.h"

static int is_vector_sparse(const struct binding *b)
{
    return b->layer->vectors && b->choice.kernel == CHOICE_SPMM;
}

/* The kernel may write where the residual lies if nobody reads that later; it must not be what the kernel reads. */
static int over_residual(const struct binding *b)
{
    const struct plan_tensor *r = &b->residual;

    return r->buffer != PLAN_NO_BUFFER && r->buffer != b->in.buffer && r->type == b->out.type &&
           engine_tensor_same(r, &b->out) && engine_steps_dying(b->plan, r);
}

enum status engine_bind_step(struct binding *b, engine_exec_fn run, const char *kernel, uint64_t macs_executed,
                             size_t packed_bytes, struct exec_step **out_step)
{
    struct plan *plan = b->plan;
    const struct layer *layer = b->layer;
    uint64_t batch = (uint64_t)plan->batch;
    struct plan_tensor x = b->in;
    struct plan_spec spec = {layer->index, run, kernel, b->choice.reason, &x, NULL, &b->out, 0};
    struct engine_step *info;

    if (over_residual(b)) {
        b->out.buffer = b->residual.buffer;
        b->out.offset = b->residual.offset;
    } else {
        TRY(engine_tensor_new(plan, layer->index, &b->out));
    }
    if (b->residual.buffer != PLAN_NO_BUFFER)
        spec.b = &b->residual;
    if (!layer->depthwise && !layer->vectors) /* windows begin in the padding */
        x.offset -= (size_t)layer->pad.top * engine_tensor_line(&x) +
                    (size_t)layer->pad.left * (x.order == PLAN_HWC ? (size_t)x.c : 1);
    TRY(engine_steps_add(plan, &spec, out_step, &info));
    info->macs_nominal = batch * graph_node_macs(plan->graph, layer->index);
    info->macs_executed = batch * macs_executed;
    info->weight_bytes = packed_bytes + engine_layer_tail_bytes(layer);
    info->weight_bits = layer->integer ? 8 : 32;
    plan->engine->weight_bytes += info->weight_bytes;
    engine_steps_share(plan, *out_step, info);
    return ST_OK;
}

enum status engine_bind_tail(struct binding *b, struct exec_tail *out_tail)
{
    struct engine *engine = b->plan->engine;
    const struct layer *layer = b->layer;
    struct exec_tail tail = {.lo = -INFINITY, .hi = INFINITY};

    if (layer->residual < 0 || b->residual.buffer != PLAN_NO_BUFFER) {
        tail.lo = layer->lo;
        tail.hi = layer->hi;
    }
    if (b->out.type == PLAN_F32)
        TRY(engine_layer_bias(engine, layer, &tail.bias));
    else if (b->out.type == PLAN_U8)
        TRY(engine_layer_requant(engine, layer, &tail.requant));
    else if (!layer->dynamic)
        TRY(engine_layer_bias_s32(engine, layer, &tail.bias_s32));
    *out_tail = tail;
    return ST_OK;
}

enum status engine_bind_chunks(struct binding *b, int chunks, int unit, engine_bind_pack_fn pack, void *context,
                               struct exec_chunk **out_chunk, int *out_chunks, size_t *out_bytes)
{
    const struct layer *layer = b->layer;
    const unsigned char *weights = NULL;
    const void *ordered;
    size_t row = (size_t)layer->k * dtype_bytes(layer->weight->type), bytes = 0;
    int units = (layer->n + unit - 1) / unit, count = chunks < units ? chunks : units;
    struct exec_chunk *chunk;
    void *owned = NULL, *packed;
    enum status st;

    TRY(engine_memory_constant(b->plan->engine, (size_t)count, sizeof *chunk, &chunk));
    TRY_OUT(engine_layer_weights(layer, b->order_c, b->order_s, &ordered, &owned));
    weights = ordered;
    for (int i = 0; i < count; i++) {
        int from = (int)((int64_t)units * i / count) * unit, to = (int)((int64_t)units * (i + 1) / count) * unit;
        size_t size;
        to = to < layer->n ? to : layer->n;
        size = pack(context, weights + (size_t)from * row, to - from, NULL);
        TRY_OUT(engine_memory_constant(b->plan->engine, size, 1, &packed));
        pack(context, weights + (size_t)from * row, to - from, packed);
        chunk[i] = (struct exec_chunk){packed, from, to - from, 0};
        bytes += size;
    }
    *out_chunk = chunk;
    *out_chunks = count;
    *out_bytes = bytes;
out:
    mem_free(owned);
    return st;
}

/* The value's copy that the layer reads: floats, 8 bits with a fixed range, or with each sample's own. */
static enum status take_input(struct binding *b, struct plan_tensor **out_source)
{
    const struct layer *layer = b->layer;
    struct plan_value *value = &b->plan->value[layer->in_value];

    if (layer->dynamic) {
        TRY(engine_move_dynamic(b->plan, layer->index, layer->in_value, &b->in));
        *out_source = &value->dynamic;
    } else if (layer->integer) {
        b->in = value->t;
        *out_source = &value->t;
    } else {
        TRY(engine_move_floats(b->plan, layer->index, layer->in_value, &b->in));
        *out_source = value->t.type == PLAN_F32 ? &value->t : &value->floats;
    }
    return ST_OK;
}

/* The input as the chosen kernel wants it. Elements once moved to H,W,C, or given a border, serve the value's other
 * readers too. */
static enum status lay_out_input(struct binding *b, struct plan_tensor *source)
{
    const struct layer *layer = b->layer;
    struct plan *plan = b->plan;
    int sparse = b->choice.kernel == CHOICE_SPMM;
    int a_bytes = sparse             ? plan->table->spmm_u8s8.facts.a_bytes
                  : b->choice.sprows ? b->choice.sprows->facts.a_bytes
                  : b->choice.s8     ? b->choice.s8->facts.a_bytes
                                     : 0;

    if (layer->vectors) {
        TRY(engine_move_batch(plan, layer->index, &b->in, sparse));
        TRY(engine_move_dense(plan, layer->index, &b->in));
        b->order_c = b->in.order == PLAN_HWC ? b->in.c : 1;
        b->order_s = layer->k / b->in.c;
    } else {
        enum plan_order order = sparse ? PLAN_CHW : PLAN_HWC;
        TRY(engine_move_order(plan, layer->index, &b->in, order, layer->depthwise ? NULL : &layer->pad));
        b->order_c = sparse || layer->depthwise ? 1 : b->in.c / layer->groups;
        b->order_s = layer->k / b->order_c;
        if (b->in.order == PLAN_HWC)
            *source = b->in;
    }
    if (layer->integer && b->choice.kernel != CHOICE_SPMV && b->choice.kernel != CHOICE_DEPTHWISE && a_bytes == 2)
        TRY(engine_move_widen(plan, layer->index, &b->in));
    return ST_OK;
}

/* The residual where the kernel can add it: placed like the outputs of dense kernels, and of their kind. */
static enum status lay_out_residual(struct binding *b)
{
    const struct layer *layer = b->layer;
    struct plan *plan = b->plan;

    b->residual.buffer = PLAN_NO_BUFFER;
    if (layer->residual < 0 || b->out.type == PLAN_S32 || b->choice.kernel != CHOICE_GEMM)
        return ST_OK;
    if (b->out.type == PLAN_U8)
        b->residual = plan->value[layer->residual].t;
    else
        TRY(engine_move_floats(plan, layer->index, layer->residual, &b->residual));
    if (layer->vectors)
        return engine_move_canonical(plan, layer->index, &plan->graph->value[layer->residual], &b->residual);
    return engine_move_order(plan, layer->index, &b->residual, PLAN_HWC, NULL);
}

static enum plan_type output_type(const struct plan *plan, const struct layer *layer)
{
    int u8_residual = layer->residual < 0 || plan->value[layer->residual].t.type == PLAN_U8;

    if (!layer->integer)
        return PLAN_F32;
    return !layer->dynamic && layer->out->quant == QUANT_STATIC && u8_residual ? PLAN_U8 : PLAN_S32;
}

/* Kernels over H,W,C leave the border that the value's readers want, if nothing comes after them. */
static void describe_output(struct binding *b, enum plan_type type)
{
    const struct layer *layer = b->layer;
    int sparse = b->choice.kernel == CHOICE_SPMM || b->choice.kernel == CHOICE_SPMV;

    b->out = (struct plan_tensor){.buffer = PLAN_NO_BUFFER, .type = type, .c = layer->n};
    b->out.h = layer->oh;
    b->out.w = layer->ow;
    b->out.order = layer->vectors || sparse ? PLAN_CHW : PLAN_HWC;
    b->out.batch_minor = is_vector_sparse(b);
    if (!layer->vectors && !sparse && type != PLAN_S32)
        b->out.border = engine_want_of(b->plan, layer->out_value, type);
    if (type == PLAN_U8) {
        int32_t lo;
        engine_tensor_quant(&b->out, layer->out);
        engine_layer_bounds(layer->lo, layer->hi, b->out.scale, b->out.zero_point, &lo, &b->out.top);
    }
}

/* Accumulators → float. They are brought into rows of n first, one row per position. */
static enum status dequantize(struct binding *b)
{
    const struct layer *layer = b->layer;
    struct plan *plan = b->plan;
    int last = layer->residual < 0, flat;
    float lo = last ? layer->lo : -INFINITY, hi = last ? layer->hi : INFINITY;
    struct plan_tensor y;
    struct plan_spec spec = {layer->index,
                             engine_exec_dequant,
                             plan->table->dequant_s32_f32.facts.name,
                             "accumulators to float",
                             &b->out,
                             NULL,
                             &y,
                             0};
    struct exec_dequant dequant;
    struct engine_step *info;
    struct exec_step *step;
    size_t positions;

    TRY(engine_move_order(plan, layer->index, &b->out, PLAN_HWC, NULL));
    plan->raw_buffer = b->out.buffer;
    y = b->out;
    y.type = PLAN_F32;
    if (last && !layer->vectors)
        y.border = engine_want_of(plan, layer->out_value, PLAN_F32);
    flat = !engine_tensor_has_border(&y);
    positions = flat ? (size_t)layer->oh * (size_t)layer->ow : (size_t)layer->ow;
    if (flat && !layer->dynamic)
        positions *= (size_t)plan->batch;
    TRY(engine_layer_dequant(plan->engine, layer, positions, lo, hi, &dequant));
    if (layer->dynamic)
        dequant.range = b->in.range;
    dequant.run = plan->table->dequant_s32_f32.run;
    dequant.rows = flat ? 1 : layer->oh;
    dequant.y_row = engine_tensor_line(&y) * sizeof(float);
    TRY(engine_tensor_new(plan, layer->index, &y));
    TRY(engine_steps_add(plan, &spec, &step, &info));
    if (flat && !layer->dynamic)
        step->repeat = 1;
    step->u.dequant = dequant;
    engine_steps_share(plan, step, info);
    b->out = y;
    return ST_OK;
}

/* What the kernel could not add. */
static enum status add_residual(struct binding *b)
{
    const struct layer *layer = b->layer;
    struct plan_tensor other;
    struct map_sum sum = {.node = layer->index,
                          .value = layer->out_value,
                          .lo = layer->lo,
                          .hi = layer->hi,
                          .reason = "the residual connection, in float"};

    TRY(engine_move_floats(b->plan, layer->index, layer->residual, &other));
    return engine_map_sum_f32(b->plan, &sum, &b->out, &other, &b->out);
}

enum status engine_bind_chain(struct plan *plan, int node)
{
    struct layer layer;
    struct binding b = {.plan = plan, .layer = &layer};
    struct plan_tensor *source;
    enum plan_type type;

    TRY(engine_layer_init(plan, node, &layer));
    type = output_type(plan, &layer);
    TRY(take_input(&b, &source));
    TRY(engine_choose(plan, &layer, &b.in, layer.residual >= 0 && type == PLAN_U8, &b.choice));
    TRY(lay_out_input(&b, source));
    describe_output(&b, type);
    TRY(lay_out_residual(&b));
    plan->raw_buffer = PLAN_NO_BUFFER;
    if (b.choice.kernel == CHOICE_GEMM)
        TRY(engine_bind_dense(&b));
    else if (b.choice.kernel == CHOICE_DEPTHWISE)
        TRY(engine_bind_depthwise(&b));
    else
        TRY(b.choice.kernel == CHOICE_SPMV ? engine_bind_spmv(&b) : engine_bind_spmm(&b));
    TRY(engine_move_fill(plan, node, &b.out));
    if (b.out.type == PLAN_S32)
        TRY(dequantize(&b));
    if (layer.residual >= 0 && b.residual.buffer == PLAN_NO_BUFFER)
        TRY(add_residual(&b));
    else if (type == PLAN_S32)
        TRY(engine_move_fill(plan, node, &b.out));
    return engine_move_store(plan, node, layer.out_value, &b.out);
}
