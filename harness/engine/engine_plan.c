#include "engine/engine_plan.h"

#include <math.h>
#include <stdlib.h>

#include "engine/engine_bind.h"
#include "engine/engine_join.h"
#include "engine/engine_map.h"
#include "engine/engine_move.h"
#include "engine/engine_pool.h"
#include "engine/engine_view.h"
#include "graph/graph_quant.h"

/* Marks the nodes that lead to the output. Others are never computed. */
static void mark_live(struct plan *plan)
{
    const struct graph *graph = plan->graph;

    plan->live[graph->nodes - 1] = 1;
    for (int i = graph->nodes - 1; i > 0; i--)
        for (int k = 0; plan->live[i] && k < graph->node[i].inputs; k++)
            plan->live[graph_producer(graph, graph->node[i].input[k])] = 1;
}

int engine_plan_reader(const struct plan *plan, int v)
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

int engine_plan_clamp_of(const struct plan *plan, int i)
{
    const struct graph *graph = plan->graph;
    int fused = graph_fused_act(graph, i), reader;

    if (fused >= 0 || graph_fused_add(graph, i) >= 0)
        return fused;
    reader = engine_plan_reader(plan, graph->node[i].output);
    while (reader >= 0 && (graph->node[reader].op == OP_POOL_MAX || graph->node[reader].op == OP_FLATTEN))
        reader = engine_plan_reader(plan, graph->node[reader].output);
    return reader >= 0 && graph->node[reader].op == OP_RELU ? reader : -1;
}

int engine_plan_stored(const struct plan *plan, int i)
{
    return plan->graph->node[graph_chain_end(plan->graph, i)].output;
}

int engine_plan_inputs(const struct plan *plan, int i, int out_values[GRAPH_MAX_INPUTS + 1])
{
    const struct graph *graph = plan->graph;
    const struct node *node = &graph->node[i];
    int add = graph_fused_add(graph, i), count = 0;

    for (int k = 0; k < node->inputs; k++)
        out_values[count++] = node->input[k];
    if (add >= 0)
        out_values[count++] = graph->node[add].input[graph->node[add].input[0] == node->output];
    for (int k = 1; k < count;) { /* each once */
        int seen = 0;
        for (int j = 0; j < k; j++)
            seen |= out_values[j] == out_values[k];
        if (seen)
            out_values[k] = out_values[--count];
        else
            k++;
    }
    return count;
}

enum status engine_plan_check_grid(const struct plan *plan, const struct node *node)
{
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];

    if (in->scale != out->scale || in->zero_point != out->zero_point) /* exact: copies of each other */
        return status_fail(ST_UNSUPPORTED, "node '%s': its input '%s' and output '%s' are quantized differently",
                           node->name, in->name, out->name);
    return ST_OK;
}

static enum status check_values(const struct plan *plan)
{
    const struct graph *graph = plan->graph;

    for (int i = 0; i < graph->nodes; i++) {
        const struct value *value = &graph->value[graph->node[i].output];
        if (!plan->live[i] || value->quant != QUANT_STATIC)
            continue;
        if (!(value->scale > 0) || !isfinite(value->scale) || !isfinite(1.0f / value->scale) || value->zero_point < 0 ||
            value->zero_point > 255)
            return status_fail(
                ST_UNSUPPORTED,
                "node '%s': value '%s' has scale %g and zero point %d, expected a positive scale and 0..255",
                graph->node[i].name, value->name, (double)value->scale, (int)value->zero_point);
    }
    return ST_OK;
}

/* How many chains read each value; which ReLUs are clamps of layers further up. */
static void count_reads(struct plan *plan)
{
    const struct graph *graph = plan->graph;
    int inputs[GRAPH_MAX_INPUTS + 1];

    for (int i = 0; i < graph->nodes; i++) {
        int count, clamp;
        if (!plan->live[i] || graph_chain_start(graph, i) != i)
            continue;
        count = engine_plan_inputs(plan, i, inputs);
        for (int k = 0; k < count; k++)
            plan->value[inputs[k]].reads++;
        clamp = op_is_product(graph->node[i].op) ? engine_plan_clamp_of(plan, i) : -1;
        if (clamp >= 0 && graph_fused_act(graph, i) != clamp)
            plan->act_done[clamp] = 1;
    }
}

static enum status plan_input(struct plan *plan)
{
    int v = plan->graph->node[0].output;
    struct plan_tensor t = engine_tensor_of(&plan->graph->value[v], PLAN_F32);

    plan->engine->input_count = engine_tensor_count(&t);
    TRY(engine_tensor_new(plan, 0, &t));
    plan->buffer[t.buffer].first = plan->buffer[t.buffer].last = 0; /* filled before step 0 */
    return engine_move_store(plan, 0, v, &t);
}

static enum status plan_node(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];

    switch (node->op) {
    case OP_INPUT:
        return plan_input(plan);
    case OP_CONV:
    case OP_FC:
        return engine_bind_chain(plan, i);
    case OP_POOL_MAX:
        return engine_pool_max(plan, i);
    case OP_POOL_AVG:
        return engine_pool_avg(plan, i);
    case OP_RELU:
    case OP_RELU6:
    case OP_HARDSWISH:
    case OP_SIGMOID:
    case OP_GELU:
        return engine_map_activation(plan, i);
    case OP_ADD:
    case OP_MUL:
        return engine_map_binary(plan, i);
    case OP_SOFTMAX:
    case OP_LAYERNORM:
        return engine_map_rows(plan, i);
    case OP_CONCAT:
        return engine_join_concat(plan, i);
    case OP_MATMUL:
        return engine_join_matmul(plan, i);
    case OP_FLATTEN:
        return engine_view_flatten(plan, i);
    case OP_RESHAPE:
        return engine_view_reshape(plan, i);
    case OP_TRANSPOSE:
        return engine_view_transpose(plan, i);
    case OP_SLICE:
        return engine_view_slice(plan, i);
    case OP_BATCHNORM:
        return status_fail(ST_UNSUPPORTED, "node '%s': a batch normalization; fold it into the layer before it first",
                           node->name);
    case OP_COUNT:
    default:
        return status_fail(ST_UNSUPPORTED, "node '%s': operator '%s'", node->name, op_name(node->op));
    }
}

/* The output in the caller's order. It and the accumulators stay readable after the last step. */
static enum status plan_output(struct plan *plan)
{
    int last = plan->graph->nodes - 1, v = plan->graph->node[last].output;
    const struct value *value = &plan->graph->value[v];
    struct plan_tensor t;

    if (value->quant != QUANT_NONE)
        return status_fail(ST_UNSUPPORTED, "node '%s': the graph's output '%s' is quantized, expected float",
                           plan->graph->node[last].name, value->name);
    TRY(engine_move_floats(plan, last, v, &t));
    TRY(engine_move_canonical(plan, last, value, &t));
    plan->engine->output_count = value_count(value);
    plan->output_buffer = t.buffer;
    plan->output_bytes = t.offset * sizeof(float);
    plan->buffer[t.buffer].last = plan->engine->steps;
    if (plan->raw_buffer != PLAN_NO_BUFFER)
        plan->buffer[plan->raw_buffer].last = plan->engine->steps;
    return ST_OK;
}

static enum status plan_allocate(struct plan *plan)
{
    const struct graph *graph = plan->graph;
    size_t steps;

    plan->live = calloc((size_t)graph->nodes, 1);
    plan->act_done = calloc((size_t)graph->nodes, 1);
    plan->value = calloc((size_t)graph->values, sizeof *plan->value);
    if (!plan->live || !plan->act_done || !plan->value)
        return status_fail(ST_NOMEM, "no memory to plan graph '%s'", graph->name);
    for (int v = 0; v < graph->values; v++)
        plan->value[v].t.buffer = plan->value[v].floats.buffer = plan->value[v].dynamic.buffer = PLAN_NO_BUFFER;
    mark_live(plan);
    for (int i = 0; i < graph->nodes; i++)
        plan->step_room += plan->live[i] ? PLAN_STEPS_PER_NODE * (1 + graph->node[i].inputs) : 0;
    steps = (size_t)plan->step_room;
    plan->place = calloc(steps, sizeof *plan->place);
    plan->engine->step = calloc(steps, sizeof *plan->engine->step);
    plan->engine->info = calloc(steps, sizeof *plan->engine->info);
    if (!plan->place || !plan->engine->step || !plan->engine->info)
        return status_fail(ST_NOMEM, "no memory for %zu steps", steps);
    return ST_OK;
}

static enum status plan_nodes(struct plan *plan)
{
    int inputs[GRAPH_MAX_INPUTS + 1];

    for (int i = 0; i < plan->graph->nodes; i++) {
        if (!plan->live[i] || graph_chain_start(plan->graph, i) != i)
            continue;
        engine_steps_take(plan, inputs, engine_plan_inputs(plan, i, inputs));
        TRY(plan_node(plan, i));
    }
    return ST_OK;
}

enum status engine_plan_graph(struct engine *engine, const struct graph *graph, const struct kn_table *table,
                              const struct plan_options *options)
{
    struct plan plan = {.engine = engine,
                        .graph = graph,
                        .table = table,
                        .batch = options->batch,
                        .threads = options->threads,
                        .eager = options->eager,
                        .raw_buffer = PLAN_NO_BUFFER};
    enum status st;

    engine->batch = options->batch;
    TRY_OUT(plan_allocate(&plan));
    TRY_OUT(check_values(&plan));
    count_reads(&plan);
    TRY_OUT(engine_want(&plan));
    TRY_OUT(plan_nodes(&plan));
    TRY_OUT(plan_output(&plan));
    TRY_OUT(engine_memory_assign(&plan));
out:
    free(plan.buffer);
    free(plan.place);
    free(plan.value);
    free(plan.live);
    free(plan.act_done);
    return st;
}
