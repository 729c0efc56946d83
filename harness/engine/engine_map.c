#include "engine/engine_map.h"

#include <math.h>
#include <stdio.h>

#include "engine/engine_layer.h"
#include "engine/engine_move.h"
#include "graph/graph_quant.h"
#include "kernels/lut.h"

static int has_room(const struct plan_tensor *t, const struct plan_border *want)
{
    return t->border.top >= want->top && t->border.left >= want->left && t->border.bottom >= want->bottom &&
           t->border.right >= want->right;
}

/* Nobody needs t once it has been read here; `other` (or NULL) is read by the same step. */
static int may_overwrite(const struct plan *plan, const struct plan_tensor *t, const struct plan_tensor *other)
{
    return engine_steps_dying(plan, t) && (!other || t->buffer != other->buffer || t->offset == other->offset);
}

/* Where an elementwise result of `type` for value v goes: over x if that may be, else to a new buffer with the border
 * that v's readers want. other: the second operand or NULL. */
static enum status place_result(struct plan *plan, int node, int v, const struct plan_tensor *x,
                                const struct plan_tensor *other, enum plan_type type, struct plan_tensor *y)
{
    const struct value *value = &plan->graph->value[v];
    struct plan_border want = engine_want_of(plan, v, type);

    *y = *x;
    y->type = type;
    if (type == PLAN_U8)
        engine_tensor_quant(y, value);
    if (type == x->type && has_room(x, &want) && may_overwrite(plan, x, other))
        return ST_OK;
    if (!x->batch_minor && (x->order == PLAN_HWC || x->c == 1))
        y->border = want;
    return engine_tensor_new(plan, node, y);
}

static int in_u8(const struct plan *plan, int v)
{
    return plan->value[v].t.type == PLAN_U8;
}

static int out_u8(const struct plan *plan, int v)
{
    return plan->graph->value[v].quant == QUANT_STATIC;
}

/* ------------------------------------------------------------------ activations */

static enum kn_unary function_of(enum op op)
{
    return op == OP_HARDSWISH ? KN_UNARY_HARDSWISH : op == OP_SIGMOID ? KN_UNARY_SIGMOID : KN_UNARY_GELU;
}

static const struct kn_unary_f32 *slot_of(const struct kn_table *table, enum op op)
{
    return op == OP_HARDSWISH ? &table->hardswish_f32 : op == OP_SIGMOID ? &table->sigmoid_f32 : &table->gelu_f32;
}

static enum status fill_lut(struct plan *plan, const struct node *node, const struct plan_tensor *x,
                            const uint8_t **out_lut, int32_t *out_top)
{
    const struct value *out = &plan->graph->value[node->output];
    uint8_t *lut;

    TRY(engine_memory_constant(plan->engine, 256, 1, &lut));
    kn_lut_fill(function_of(node->op), x->scale, x->zero_point, out->scale, out->zero_point, 0, 255, lut);
    *out_lut = lut;
    *out_top = 0;
    for (int q = 0; q < 256; q++)
        *out_top = lut[q] > *out_top ? lut[q] : *out_top;
    return ST_OK;
}

/* ReLU and ReLU6: bounds. */
static enum status bind_clamp(struct plan *plan, int i, const struct plan_tensor *x, struct plan_tensor *y)
{
    const struct kn_table *table = plan->table;
    int wide = x->type == PLAN_F32;
    struct plan_spec spec = {.node = i,
                             .run = wide ? engine_exec_clamp_f32 : engine_exec_clamp_u8,
                             .kernel = wide ? table->clamp_f32.facts.name : table->clamp_u8.facts.name,
                             .reason = "no layer before it to clamp in",
                             .x = x,
                             .y = y};
    struct exec_step *step;
    struct exec_map *m;
    int32_t lo, hi;

    TRY(engine_move_map(plan, &spec, 0, &step));
    m = &step->u.map;
    engine_layer_clamp(plan->graph, i, &m->lo, &m->hi);
    if (wide) {
        m->run.clamp_f32 = table->clamp_f32.run;
        return ST_OK;
    }
    m->run.clamp_u8 = table->clamp_u8.run;
    engine_layer_bounds(m->lo, m->hi, x->scale, x->zero_point, &lo, &hi);
    m->lo_u8 = (uint8_t)lo;
    m->hi_u8 = (uint8_t)hi;
    y->top = hi < x->top ? hi : x->top;
    return ST_OK;
}

static enum status bind_unary(struct plan *plan, int i, const struct plan_tensor *x, struct plan_tensor *y)
{
    const struct kn_table *table = plan->table;
    const struct node *node = &plan->graph->node[i];
    const struct kn_unary_f32 *slot = slot_of(table, node->op);
    int wide = x->type == PLAN_F32;
    struct plan_spec spec = {.node = i,
                             .run = wide ? engine_exec_unary : engine_exec_lut,
                             .kernel = wide ? slot->facts.name : table->lut_u8.facts.name,
                             .reason = wide ? "in float" : "a table of the 256 values",
                             .x = x,
                             .y = y};
    struct exec_step *step;

    TRY(engine_move_map(plan, &spec, 0, &step));
    if (wide) {
        step->u.map.run.unary = slot->run;
        return ST_OK;
    }
    step->u.map.run.lut = table->lut_u8.run;
    return fill_lut(plan, node, x, &step->u.map.lut, &y->top);
}

enum status engine_map_activation(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    int v = node->input[0], clamp = node->op == OP_RELU || node->op == OP_RELU6, in_place;
    int narrow = in_u8(plan, v) && out_u8(plan, node->output);
    struct plan_tensor x, y;

    if (narrow && clamp)
        TRY(engine_plan_check_grid(plan, node));
    if (narrow)
        x = plan->value[v].t;
    else
        TRY(engine_move_floats(plan, i, v, &x));
    if (plan->act_done[i]) /* a clamp of the layer before what it reads */
        return engine_move_store(plan, i, node->output, &x);
    TRY(place_result(plan, i, node->output, &x, NULL, x.type, &y));
    in_place = y.buffer == x.buffer;
    TRY(clamp ? bind_clamp(plan, i, &x, &y) : bind_unary(plan, i, &x, &y));
    if (!in_place || !clamp)
        TRY(engine_move_fill(plan, i, &y));
    return engine_move_store(plan, i, node->output, &y);
}

/* ------------------------------------------------------------------ two inputs */

/* Both in one order. Images keep H,W,C if one of them has it; everything else is canonical. */
static enum status align(struct plan *plan, int node, const struct value *va, const struct value *vb,
                         struct plan_tensor *a, struct plan_tensor *b)
{
    int hwc = (a->order == PLAN_HWC && engine_tensor_order_matters(a)) ||
              (b->order == PLAN_HWC && engine_tensor_order_matters(b));

    if (va->rank != 3 || vb->rank != 3) {
        TRY(engine_move_canonical(plan, node, va, a));
        return engine_move_canonical(plan, node, vb, b);
    }
    TRY(engine_move_order(plan, node, a, hwc ? PLAN_HWC : PLAN_CHW, NULL));
    return engine_move_order(plan, node, b, hwc ? PLAN_HWC : PLAN_CHW, NULL);
}

static enum status finish_sum(struct plan *plan, const struct map_sum *sum, const struct plan_tensor *a,
                              const struct plan_tensor *b, struct plan_tensor *out)
{
    const struct kn_binary_f32 *slot = &plan->table->add_f32;
    struct plan_spec spec = {.node = sum->node,
                             .run = engine_exec_binary_f32,
                             .kernel = slot->facts.name,
                             .reason = sum->reason,
                             .x = a,
                             .b = b,
                             .y = out};
    struct exec_step *step;

    TRY(engine_move_map(plan, &spec, 0, &step));
    step->u.map.run.binary_f32 = slot->run;
    step->u.map.lo = sum->lo;
    step->u.map.hi = sum->hi;
    return engine_move_fill(plan, sum->node, out);
}

enum status engine_map_sum_f32(struct plan *plan, const struct map_sum *sum, const struct plan_tensor *a,
                               const struct plan_tensor *b, struct plan_tensor *out)
{
    const struct value *value = &plan->graph->value[sum->value];
    struct plan_tensor x = *a, other = *b, y;

    TRY(align(plan, sum->node, value, value, &x, &other));
    if (!may_overwrite(plan, &x, &other) && may_overwrite(plan, &other, &x)) {
        struct plan_tensor swap = x;
        x = other;
        other = swap;
    }
    TRY(place_result(plan, sum->node, sum->value, &x, &other, PLAN_F32, &y));
    TRY(finish_sum(plan, sum, &x, &other, &y));
    *out = y;
    return ST_OK;
}

struct binary {
    int node, mul, per_channel, out_value;
    float lo, hi;
    struct plan_tensor a, b;
};

static enum status u8_params(const struct plan *plan, const struct binary *op, struct kn_binary_u8_params *out)
{
    const struct value *y = &plan->graph->value[op->out_value];
    struct kn_binary_u8_params p = {.zero_a = op->a.zero_point, .zero_b = op->b.zero_point, .zero_y = y->zero_point};

    engine_layer_bounds(op->lo, op->hi, y->scale, y->zero_point, &p.lo, &p.hi);
    p.scale_a = op->mul ? op->a.scale * op->b.scale / y->scale : op->a.scale / y->scale;
    p.scale_b = op->mul ? 1 : op->b.scale / y->scale;
    if (!isfinite(p.scale_a) || !isfinite(p.scale_b))
        return status_fail(ST_UNSUPPORTED, "node '%s': the scales of its inputs and output give %g and %g",
                           plan->graph->node[op->node].name, (double)p.scale_a, (double)p.scale_b);
    *out = p;
    return ST_OK;
}

static enum status bind_binary(struct plan *plan, const struct binary *op, const struct plan_tensor *y)
{
    const struct kn_table *table = plan->table;
    const struct kn_binary_f32 *wide = op->mul ? &table->mul_f32 : &table->add_f32;
    const struct kn_binary_u8 *narrow = op->mul ? &table->mul_u8 : &table->add_u8;
    int u8 = y->type == PLAN_U8;
    struct plan_spec spec = {.node = op->node,
                             .run = u8 ? engine_exec_binary_u8 : engine_exec_binary_f32,
                             .kernel = u8 ? narrow->facts.name : wide->facts.name,
                             .reason = op->per_channel ? "a factor for each channel" : "two tensors of one shape",
                             .x = &op->a,
                             .b = &op->b,
                             .y = y};
    struct exec_step *step;
    struct exec_map *m;

    TRY(engine_move_map(plan, &spec, 0, &step));
    m = &step->u.map;
    m->lo = op->lo;
    m->hi = op->hi;
    if (u8) {
        m->run.binary_u8 = narrow->run;
        return u8_params(plan, op, &m->params);
    }
    m->run.binary_f32 = wide->run;
    return ST_OK;
}

enum status engine_map_binary(struct plan *plan, int i)
{
    const struct graph *graph = plan->graph;
    const struct node *node = &graph->node[i];
    const struct value *first = &graph->value[node->input[0]], *second = &graph->value[node->input[1]];
    struct binary op = {.node = i, .mul = node->op == OP_MUL, .out_value = engine_plan_stored(plan, i)};
    int narrow = in_u8(plan, node->input[0]) && in_u8(plan, node->input[1]) && out_u8(plan, op.out_value);
    struct plan_tensor y;

    engine_layer_clamp(graph, graph_fused_act(graph, i), &op.lo, &op.hi);
    op.per_channel = value_count(first) != value_count(second);
    if (narrow) {
        op.a = plan->value[node->input[0]].t;
        op.b = plan->value[node->input[1]].t;
    } else {
        TRY(engine_move_floats(plan, i, node->input[0], &op.a));
        TRY(engine_move_floats(plan, i, node->input[1], &op.b));
    }
    if (op.per_channel) {
        TRY(engine_move_order(plan, i, &op.a, PLAN_HWC, NULL));
        TRY(engine_move_canonical(plan, i, second, &op.b));
    } else {
        TRY(align(plan, i, first, second, &op.a, &op.b));
    }
    if (!op.per_channel && !may_overwrite(plan, &op.a, &op.b) && may_overwrite(plan, &op.b, &op.a)) {
        struct plan_tensor swap = op.a;
        op.a = op.b;
        op.b = swap;
    }
    TRY(place_result(plan, i, op.out_value, &op.a, &op.b, narrow ? PLAN_U8 : PLAN_F32, &y));
    TRY(bind_binary(plan, &op, &y));
    TRY(engine_move_fill(plan, i, &y));
    return engine_move_store(plan, i, op.out_value, &y);
}

/* ------------------------------------------------------------------ rows */

static enum status copy_constant(struct plan *plan, int weight, const float **out)
{
    const struct weight *w = &plan->graph->weight[weight];
    float *copy;

    TRY(engine_memory_constant(plan->engine, w->count, sizeof *copy, &copy));
    for (size_t i = 0; i < w->count; i++)
        copy[i] = ((const float *)w->data)[i];
    *out = copy;
    return ST_OK;
}

static enum status check_norm(const struct graph *graph, const struct node *node)
{
    if (graph->weight[node->weight].type != DT_F32 || graph->weight[node->bias].type != DT_F32)
        return status_fail(ST_UNSUPPORTED, "node '%s': gamma and beta of type %s and %s, expected f32", node->name,
                           dtype_name(graph->weight[node->weight].type), dtype_name(graph->weight[node->bias].type));
    return ST_OK;
}

enum status engine_map_rows(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *value = &plan->graph->value[node->input[0]];
    const struct kn_table *table = plan->table;
    int norm = node->op == OP_LAYERNORM;
    struct plan_tensor x, y;
    struct plan_spec spec = {.node = i,
                             .run = norm ? engine_exec_layernorm : engine_exec_softmax,
                             .kernel = norm ? table->layernorm_f32.facts.name : table->softmax_f32.facts.name,
                             .reason = "each row, in float",
                             .x = &x,
                             .y = &y};
    struct exec_rows rows = {.cols = value->dim[value->rank - 1], .epsilon = node->epsilon};
    struct engine_step *info;
    struct exec_step *step;

    TRY(engine_move_floats(plan, i, node->input[0], &x));
    TRY(engine_move_canonical(plan, i, value, &x));
    TRY(place_result(plan, i, node->output, &x, NULL, PLAN_F32, &y));
    if (engine_tensor_has_border(&y)) { /* rows are dense */
        y.border = x.border;
        TRY(engine_tensor_new(plan, i, &y));
    }
    TRY(engine_steps_add(plan, &spec, &step, &info));
    if (norm) {
        TRY(check_norm(plan->graph, node));
        rows.run.layernorm = table->layernorm_f32.run;
        TRY(copy_constant(plan, node->weight, &rows.gamma));
        TRY(copy_constant(plan, node->bias, &rows.beta));
        info->weight_bytes = 2 * sizeof(float) * (uint64_t)rows.cols;
        info->weight_bits = 32;
        plan->engine->weight_bytes += info->weight_bytes;
    } else {
        rows.run.softmax = table->softmax_f32.run;
    }
    rows.rows = (int)(engine_tensor_count(&x) / (size_t)rows.cols) * plan->batch;
    step->repeat = 1;
    step->u.rows = rows;
    engine_steps_share(plan, step, info);
    return engine_move_store(plan, i, node->output, &y);
}
