#include "engine/engine_plan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_bind.h"
#include "engine/engine_move.h"
#include "graph/graph_quant.h"

enum {
    POOL_CHANNELS = 8, /* from here pooling along channels is worth a transpose */
    POOL_ROW = 8       /* outputs of a row that a vector kernel makes at once */
};

enum status engine_plan_step(struct plan *plan, int node, engine_exec_fn run, const char *kernel, int in, int out,
                             struct exec_step **out_step, struct engine_step **out_info)
{
    struct engine *engine = plan->engine;
    int i = engine->steps;
    struct engine_step *info;

    if (i >= plan->step_room)
        return status_fail(ST_UNSUPPORTED, "node '%s': more than %d steps", plan->graph->node[node].name, i);
    info = &engine->info[i];
    snprintf(info->layer, sizeof info->layer, "%s", plan->graph->node[node].name);
    snprintf(info->kernel, sizeof info->kernel, "%s", kernel);
    engine->step[i].run = run;
    engine->step[i].repeat = 1;
    plan->step_in[i] = in;
    plan->step_out[i] = out;
    if (in != PLAN_NO_BUFFER)
        plan->buffer[in].last = i;
    if (out != PLAN_NO_BUFFER)
        plan->buffer[out].first = plan->buffer[out].last = i;
    engine->steps++;
    *out_step = &engine->step[i];
    *out_info = info;
    return ST_OK;
}

/* Marks the nodes that lead to the output: with one input per operator, a chain. Others are never computed. */
static void mark_live(struct plan *plan)
{
    int i = plan->graph->nodes - 1;

    while (i >= 0) {
        plan->live[i] = 1;
        i = plan->graph->node[i].op == OP_INPUT ? -1 : graph_producer(plan->graph, plan->graph->node[i].input[0]);
    }
}

/* The one live node that reads value v; -1 if there is none or several. */
static int only_reader(const struct plan *plan, int v)
{
    int reader = -1;

    for (int i = 0; i < plan->graph->nodes; i++) {
        if (!plan->live[i] || !node_reads(&plan->graph->node[i], v))
            continue;
        if (reader >= 0)
            return -1;
        reader = i;
    }
    return reader;
}

/* The ReLU that can be the clamp of conv or fc node i: the next one, with nothing but max-pooling and flatten in
 * between, which a clamp from below may be exchanged with. -1 if there is none. */
static int relu_of(const struct plan *plan, int i)
{
    int reader = only_reader(plan, plan->graph->node[i].output);

    while (reader >= 0 && (plan->graph->node[reader].op == OP_POOL_MAX || plan->graph->node[reader].op == OP_FLATTEN))
        reader = only_reader(plan, plan->graph->node[reader].output);
    return reader >= 0 && plan->graph->node[reader].op == OP_RELU ? reader : -1;
}

/* Pooling, flatten and unfused ReLU hand on what they read, so fixed grids must agree on both sides. Between float and
 * dynamically quantized values there is nothing to agree on: both are stored as float. */
static enum status check_shared(const struct plan *plan, const struct node *node)
{
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];
    int same = (in->quant == QUANT_STATIC) == (out->quant == QUANT_STATIC);

    if (same && in->quant == QUANT_STATIC)
        same = in->scale == out->scale && in->zero_point == out->zero_point; /* exact: copies of each other */
    if (!same)
        return status_fail(ST_UNSUPPORTED, "node '%s': its input '%s' and output '%s' are quantized differently",
                           node->name, in->name, out->name);
    return ST_OK;
}

/* What is stored for a value that shall be 8 bits but comes as float: the graph's input, a float layer's output. */
static enum status store(struct plan *plan, int i, const struct value *value, struct plan_tensor *t)
{
    if (value->quant != QUANT_STATIC || t->type != PLAN_F32)
        return ST_OK;
    if (!(value->scale > 0) || !isfinite(value->scale) || !isfinite(1.0f / value->scale) || value->zero_point < 0 ||
        value->zero_point > 255)
        return status_fail(ST_UNSUPPORTED,
                           "value '%s': scale %g and zero point %d, expected a positive scale and 0..255", value->name,
                           (double)value->scale, (int)value->zero_point);
    return engine_move_quantize(plan, i, t, value);
}

static enum status plan_input(struct plan *plan, int i, struct plan_tensor *t)
{
    const struct value *value = &plan->graph->value[plan->graph->node[i].output];

    *t = (struct plan_tensor){
        .type = PLAN_F32, .order = PLAN_CHW, .c = value->dim[0], .h = value->dim[1], .w = value->dim[2]};
    plan->engine->input_count = value_count(value);
    TRY(engine_memory_buffer(plan, i, (size_t)plan->batch * value_count(value), sizeof(float), &t->buffer));
    plan->buffer[t->buffer].first = plan->buffer[t->buffer].last = 0; /* filled before step 0 */
    return store(plan, i, value, t);
}

static enum status plan_product(struct plan *plan, int i, struct plan_tensor *t)
{
    const struct graph *graph = plan->graph;
    int relu = relu_of(plan, i), fused = graph_fused_act(graph, i);
    const struct value *out = &graph->value[fused >= 0 ? graph->node[fused].output : graph->node[i].output];
    struct layer layer;

    TRY(engine_layer_init(graph, i, relu >= 0, out, &layer));
    if (relu >= 0)
        plan->relu_done[relu] = 1;
    TRY(engine_bind_layer(plan, &layer, t));
    return store(plan, i, out, t);
}

/* Pooling takes the layout it finds, unless the planes are of a kind that vector kernels cannot run along (anything but
 * 2 x 2 windows at stride 2, or short rows) while there are channels enough to run along those. */
static int pool_wants_hwc(const struct plan *plan, const struct node *node, const struct plan_tensor *t, int ow)
{
    const struct kn_facts *facts =
        t->type == PLAN_F32 ? &plan->table->maxpool_f32_chw.facts : &plan->table->maxpool_u8_chw.facts;
    int two_by_two = node->kernel_h == 2 && node->kernel_w == 2 && node->stride_h == 2 && node->stride_w == 2 &&
                     node->pad_h == 0 && node->pad_w == 0;

    return facts->isa != 0 && t->c >= POOL_CHANNELS && (!two_by_two || ow < POOL_ROW);
}

static enum status plan_pool(struct plan *plan, int i, struct plan_tensor *t)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *value = &plan->graph->value[node->output];
    const struct kn_table *table = plan->table;
    int hwc = t->order == PLAN_HWC || pool_wants_hwc(plan, node, t, value->dim[2]), wide = t->type == PLAN_F32;
    const struct kn_facts *facts = wide ? (hwc ? &table->maxpool_f32_nhwc.facts : &table->maxpool_f32_chw.facts)
                                        : (hwc ? &table->maxpool_u8_nhwc.facts : &table->maxpool_u8_chw.facts);
    size_t bytes = engine_move_bytes(t->type), in = engine_move_count(t), out = value_count(value);
    struct engine_step *info;
    struct exec_step *step;
    int buffer;

    TRY(check_shared(plan, node));
    TRY(engine_move_order(plan, i, t, hwc ? PLAN_HWC : PLAN_CHW));
    TRY(engine_memory_buffer(plan, i, (size_t)plan->batch * out, bytes, &buffer));
    TRY(engine_plan_step(plan, i, wide ? engine_exec_pool_f32 : engine_exec_pool_u8, facts->name, t->buffer, buffer,
                         &step, &info));
    snprintf(info->reason, sizeof info->reason, "over %s", hwc ? "H,W,C" : "C,H,W");
    info->input_bytes = (uint64_t)plan->batch * in * bytes;
    info->output_bytes = (uint64_t)plan->batch * out * bytes;
    if (wide)
        step->u.pool.run.f32 = hwc ? table->maxpool_f32_nhwc.run : table->maxpool_f32_chw.run;
    else
        step->u.pool.run.u8 = hwc ? table->maxpool_u8_nhwc.run : table->maxpool_u8_chw.run;
    step->u.pool.shape = (struct kn_pool_shape){.c = t->c,
                                                .h = t->h,
                                                .w = t->w,
                                                .oh = value->dim[1],
                                                .ow = value->dim[2],
                                                .kernel_h = node->kernel_h,
                                                .kernel_w = node->kernel_w,
                                                .stride_h = node->stride_h,
                                                .stride_w = node->stride_w,
                                                .pad_h = node->pad_h,
                                                .pad_w = node->pad_w,
                                                .x_step_x = t->c,
                                                .x_step_y = (ptrdiff_t)t->w * t->c,
                                                .y_step_x = t->c,
                                                .y_step_y = (ptrdiff_t)value->dim[2] * t->c,
                                                .lines = value->dim[1]};
    step->repeat = plan->batch;
    step->x_step = in * bytes;
    step->y_step = out * bytes;
    t->buffer = buffer;
    t->h = value->dim[1];
    t->w = value->dim[2];
    return ST_OK;
}

static enum status plan_relu(struct plan *plan, int i, struct plan_tensor *t)
{
    const struct node *node = &plan->graph->node[i];
    int wide = t->type == PLAN_F32, producer = graph_producer(plan->graph, node->input[0]);
    size_t bytes = engine_move_bytes(t->type), count = (size_t)plan->batch * engine_move_count(t);
    const char *kernel = wide ? plan->table->clamp_f32.facts.name : plan->table->clamp_u8.facts.name;
    struct engine_step *info;
    struct exec_step *step;
    int buffer;

    if (plan->relu_done[i] && graph_fused_act(plan->graph, producer) == i)
        return ST_OK; /* the value before it is never stored */
    TRY(check_shared(plan, node));
    if (plan->relu_done[i])
        return ST_OK;
    TRY(engine_memory_buffer(plan, i, count, bytes, &buffer));
    TRY(engine_plan_step(plan, i, wide ? engine_exec_clamp_f32 : engine_exec_clamp_u8, kernel, t->buffer, buffer, &step,
                         &info));
    snprintf(info->reason, sizeof info->reason, "no layer before it to clamp in");
    info->input_bytes = info->output_bytes = count * bytes;
    if (wide)
        step->u.map.run.clamp_f32 = plan->table->clamp_f32.run;
    else
        step->u.map.run.clamp_u8 = plan->table->clamp_u8.run;
    step->u.map.count = count;
    step->u.map.lo = 0;
    step->u.map.hi = INFINITY;
    step->u.map.lo_u8 = (uint8_t)plan->graph->value[node->input[0]].zero_point;
    step->u.map.hi_u8 = 255;
    t->buffer = buffer;
    return ST_OK;
}

static enum status plan_node(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    struct plan_tensor t = {.buffer = PLAN_NO_BUFFER};

    if (node->op != OP_INPUT)
        t = plan->tensor[node->input[0]];
    switch (node->op) {
    case OP_INPUT:
        TRY(plan_input(plan, i, &t));
        break;
    case OP_CONV:
    case OP_FC:
        TRY(plan_product(plan, i, &t));
        break;
    case OP_POOL_MAX:
        TRY(plan_pool(plan, i, &t));
        break;
    case OP_RELU:
        TRY(plan_relu(plan, i, &t));
        break;
    case OP_FLATTEN:
        TRY(check_shared(plan, node)); /* costs nothing: the next fc's weights are packed in the tensor's order */
        break;
    case OP_COUNT:
    default:
        return status_fail(ST_UNSUPPORTED, "node '%s': operator '%s'", node->name, op_name(node->op));
    }
    plan->tensor[node->output] = t;
    return ST_OK;
}

/* The output in the caller's order. It and the accumulators stay readable after the last step. */
static enum status plan_output(struct plan *plan)
{
    int last = plan->graph->nodes - 1, v = plan->graph->node[last].output;
    const struct value *value = &plan->graph->value[v];
    struct plan_tensor t = plan->tensor[v];

    if (value->quant != QUANT_NONE)
        return status_fail(ST_UNSUPPORTED, "node '%s': the graph's output '%s' is quantized, expected float",
                           plan->graph->node[last].name, value->name);
    TRY(engine_move_order(plan, last, &t, PLAN_CHW));
    plan->engine->output_count = value_count(value);
    plan->output_buffer = t.buffer;
    plan->buffer[t.buffer].last = plan->engine->steps;
    if (plan->raw_buffer != PLAN_NO_BUFFER)
        plan->buffer[plan->raw_buffer].last = plan->engine->steps;
    return ST_OK;
}

static enum status plan_allocate(struct plan *plan)
{
    size_t steps;

    plan->live = calloc((size_t)plan->graph->nodes, 1);
    plan->relu_done = calloc((size_t)plan->graph->nodes, 1);
    plan->tensor = calloc((size_t)plan->graph->values, sizeof *plan->tensor);
    if (!plan->live || !plan->relu_done || !plan->tensor)
        return status_fail(ST_NOMEM, "no memory to plan graph '%s'", plan->graph->name);
    mark_live(plan);
    for (int i = 0; i < plan->graph->nodes; i++)
        plan->step_room += plan->live[i] ? PLAN_STEPS_PER_NODE : 0;
    steps = (size_t)plan->step_room;
    plan->step_in = calloc(steps, sizeof *plan->step_in);
    plan->step_out = calloc(steps, sizeof *plan->step_out);
    plan->engine->step = calloc(steps, sizeof *plan->engine->step);
    plan->engine->info = calloc(steps, sizeof *plan->engine->info);
    if (!plan->step_in || !plan->step_out || !plan->engine->step || !plan->engine->info)
        return status_fail(ST_NOMEM, "no memory for %zu steps", steps);
    return ST_OK;
}

enum status engine_plan_graph(struct engine *engine, const struct graph *graph, const struct kn_table *table, int batch)
{
    struct plan plan = {.engine = engine, .graph = graph, .table = table, .batch = batch, .raw_buffer = PLAN_NO_BUFFER};
    enum status st;

    engine->batch = batch;
    if (!graph_is_plain(graph))
        return status_fail(ST_UNSUPPORTED, "graph '%s': has operators that are not supported here", graph->name);
    TRY_OUT(plan_allocate(&plan));
    for (int i = 0; i < graph->nodes; i++)
        if (plan.live[i])
            TRY_OUT(plan_node(&plan, i));
    TRY_OUT(plan_output(&plan));
    TRY_OUT(engine_memory_assign(&plan));
out:
    free(plan.buffer);
    free(plan.step_in);
    free(plan.step_out);
    free(plan.tensor);
    free(plan.live);
    free(plan.relu_done);
    return st;
}
