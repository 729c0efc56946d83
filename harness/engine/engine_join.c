#include "engine/engine_join.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "engine/engine_move.h"
#include "kernels/lut.h"

/* ------------------------------------------------------------------ concat */

struct concat {
    struct plan *plan;
    int node;
    struct plan_tensor in[GRAPH_MAX_INPUTS];
    struct plan_tensor out;
    int channels_last; /* images whose channels are joined stay in H,W,C */
};

static enum status take_inputs(struct concat *c)
{
    const struct plan *plan = c->plan;
    const struct node *node = &plan->graph->node[c->node];
    int narrow = plan->graph->value[node->output].quant == QUANT_STATIC;

    for (int k = 0; k < node->inputs; k++)
        narrow = narrow && plan->value[node->input[k]].t.type == PLAN_U8;
    for (int k = 0; k < node->inputs; k++) {
        const struct value *value = &plan->graph->value[node->input[k]];
        if (narrow)
            c->in[k] = plan->value[node->input[k]].t;
        else
            TRY(engine_move_floats(c->plan, c->node, node->input[k], &c->in[k]));
        if (value->rank == 3 && node->axis == 0 && c->in[k].order == PLAN_HWC && engine_tensor_order_matters(&c->in[k]))
            c->channels_last = 1;
    }
    for (int k = 0; k < node->inputs; k++) {
        if (c->channels_last)
            TRY(engine_move_order(c->plan, c->node, &c->in[k], PLAN_HWC, NULL));
        else
            TRY(engine_move_canonical(c->plan, c->node, &plan->graph->value[node->input[k]], &c->in[k]));
    }
    return ST_OK;
}

/* Runs and distances of input k. Canonical: everything from the axis on is one run. */
static struct exec_copy runs_of(const struct concat *c, int k)
{
    const struct graph *graph = c->plan->graph;
    const struct node *node = &graph->node[c->node];
    const struct value *value = &graph->value[node->input[k]], *out = &graph->value[node->output];
    size_t size = engine_tensor_bytes(c->out.type), run = 1, whole = 1;
    struct exec_copy copy = {.dim = {1, 1, 1, 1}};

    if (c->channels_last) {
        copy.dim[1] = c->out.h;
        copy.dim[2] = c->out.w;
        copy.x_at[1] = engine_tensor_line(&c->in[k]) * size;
        copy.y_at[1] = engine_tensor_line(&c->out) * size;
        copy.x_at[2] = copy.bytes = (size_t)c->in[k].c * size;
        copy.y_at[2] = (size_t)c->out.c * size;
        return copy;
    }
    for (int d = 0; d < node->axis; d++)
        copy.dim[1] *= value->dim[d];
    for (int d = node->axis; d < value->rank; d++) {
        run *= (size_t)value->dim[d];
        whole *= (size_t)out->dim[d];
    }
    copy.x_at[1] = copy.bytes = run * size;
    copy.y_at[1] = whole * size;
    return copy;
}

static enum status requantize(const struct concat *c, int k, struct exec_copy *copy)
{
    const struct plan_tensor *in = &c->in[k], *out = &c->out;
    uint8_t *lut;

    if (out->type != PLAN_U8 || (in->scale == out->scale && in->zero_point == out->zero_point)) /* exact: the same */
        return ST_OK;
    TRY(engine_memory_constant(c->plan->engine, 256, 1, &lut));
    kn_lut_fill(KN_UNARY_IDENTITY, in->scale, in->zero_point, out->scale, out->zero_point, 0, 255, lut);
    copy->table = lut;
    copy->lut = c->plan->table->lut_u8.run;
    return ST_OK;
}

/* Input k to its place, `at` elements from the output's first. */
static enum status copy_input(struct concat *c, int k, size_t at)
{
    struct plan_tensor to = c->out;
    struct plan_spec spec = {
        .node = c->node, .run = engine_exec_copy, .kernel = "engine_copy", .x = &c->in[k], .y = &to};
    struct exec_copy copy = runs_of(c, k);
    struct engine_step *info;
    struct exec_step *step;

    TRY(requantize(c, k, &copy));
    if (copy.lut)
        spec.kernel = c->plan->table->lut_u8.facts.name;
    spec.reason = copy.lut ? "into its place, at the output's scale" : "into its place";
    to.offset += at;
    TRY(engine_steps_add(c->plan, &spec, &step, &info));
    info->output_bytes = info->input_bytes;
    step->u.copy = copy;
    engine_steps_share(c->plan, step, info);
    return ST_OK;
}

enum status engine_join_concat(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    struct concat c = {.plan = plan, .node = i};
    size_t at = 0;

    TRY(take_inputs(&c));
    c.out = engine_tensor_of(&plan->graph->value[node->output], c.in[0].type);
    if (c.channels_last) {
        c.out.order = PLAN_HWC;
        c.out.border = engine_want_of(plan, node->output, c.out.type);
    }
    TRY(engine_tensor_new(plan, i, &c.out));
    for (int k = 0; k < node->inputs; k++) {
        struct exec_copy copy = runs_of(&c, k);
        TRY(copy_input(&c, k, at));
        at += copy.bytes / engine_tensor_bytes(c.out.type);
    }
    TRY(engine_move_fill(plan, i, &c.out));
    return engine_move_store(plan, i, node->output, &c.out);
}

/* ------------------------------------------------------------------ matmul */

struct matmul {
    struct plan *plan;
    int node, m, k, n, lead; /* lead: products per sample */
    struct plan_tensor a, b; /* b: (k, n) rows, then packed */
};

static enum status transpose_b(struct matmul *mm)
{
    const struct kn_transpose_x32 *slot = &mm->plan->table->transpose_x32;
    struct plan_tensor out = {.type = PLAN_F32, .c = mm->lead, .h = mm->k, .w = mm->n};
    struct plan_spec spec = {.node = mm->node,
                             .run = engine_exec_transpose,
                             .kernel = slot->facts.name,
                             .reason = "right operand by rows",
                             .x = &mm->b,
                             .y = &out};
    size_t bytes = (size_t)mm->k * (size_t)mm->n * sizeof(float);
    struct engine_step *info;
    struct exec_step *step;

    TRY(engine_tensor_new(mm->plan, mm->node, &out));
    TRY(engine_steps_add(mm->plan, &spec, &step, &info));
    step->u.transpose = (struct exec_transpose){.run = slot->run,
                                                .lines = mm->lead,
                                                .rows = mm->n,
                                                .cols = mm->k,
                                                .x_pitch = mm->k,
                                                .y_pitch = mm->n,
                                                .x_line = bytes,
                                                .y_line = bytes};
    engine_steps_share(mm->plan, step, info);
    mm->b = out;
    return ST_OK;
}

static enum status pack_b(struct matmul *mm)
{
    const struct node *node = &mm->plan->graph->node[mm->node];
    const struct kn_gemm_f32 *slot = &mm->plan->table->gemm_f32;
    size_t floats = mem_round(kn_gemm_f32_pack_bytes(slot, mm->n, 1, mm->k)) / sizeof(float);
    struct plan_tensor out = {.type = PLAN_F32, .c = mm->lead, .h = 1, .w = (int)floats};
    struct plan_spec spec = {.node = mm->node,
                             .run = engine_exec_pack,
                             .kernel = "kn_gemm_f32_pack_rows",
                             .reason = "right operand in the kernel's panels",
                             .x = &mm->b,
                             .y = &out};
    struct engine_step *info;
    struct exec_step *step;

    TRY(engine_tensor_new(mm->plan, mm->node, &out));
    TRY(engine_steps_add(mm->plan, &spec, &step, &info));
    step->repeat *= mm->lead;
    step->x_step = (size_t)mm->k * (size_t)mm->n * sizeof(float);
    step->y_step = floats * sizeof(float);
    step->u.pack = (struct exec_pack){.slot = *slot, .n = mm->n, .k = mm->k, .pitch = mm->n, .scale = node_scale(node)};
    engine_steps_share(mm->plan, step, info);
    mm->b = out;
    return ST_OK;
}

static enum status multiply(struct matmul *mm, struct plan_tensor *y)
{
    struct plan *plan = mm->plan;
    const struct kn_gemm_f32 *slot = &plan->table->gemm_f32;
    struct plan_spec spec = {.node = mm->node,
                             .run = engine_exec_matmul,
                             .kernel = slot->facts.name,
                             .reason = "two values, in float",
                             .x = &mm->a,
                             .b = &mm->b,
                             .y = y};
    struct exec_chunk *chunk;
    struct engine_step *info;
    struct exec_step *step;

    TRY(engine_memory_constant(plan->engine, 1, sizeof *chunk, &chunk));
    chunk->n = mm->n;
    TRY(engine_tensor_new(plan, mm->node, y));
    TRY(engine_steps_add(plan, &spec, &step, &info));
    info->macs_nominal = info->macs_executed = (uint64_t)plan->batch * graph_node_macs(plan->graph, mm->node);
    info->weight_bits = 32;
    step->repeat *= mm->lead;
    step->x_step = (size_t)mm->m * (size_t)mm->k * sizeof(float);
    step->b_step = (size_t)mm->b.w * sizeof(float);
    step->y_step = (size_t)mm->m * (size_t)mm->n * sizeof(float);
    step->u.gemm = (struct exec_gemm){
        .run.f32 = slot->run,
        .rows = {.m = mm->m, .row_w = mm->m, .step_x = mm->k, .segs = 1, .seg_len = mm->k, .seg_w = 1},
        .out = {.step_x = mm->n, .step_y = mm->n},
        .row_unit = slot->facts.mr,
        .chunk = chunk,
        .chunks = 1,
        .tail = {.lo = -INFINITY, .hi = INFINITY}};
    engine_steps_share(plan, step, info);
    return ST_OK;
}

enum status engine_join_matmul(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *a = &plan->graph->value[node->input[0]], *b = &plan->graph->value[node->input[1]];
    const struct value *out = &plan->graph->value[node->output];
    struct matmul mm = {.plan = plan, .node = i, .m = a->dim[a->rank - 2], .k = a->dim[a->rank - 1]};
    struct plan_tensor y = engine_tensor_of(out, PLAN_F32);

    mm.n = out->dim[out->rank - 1];
    mm.lead = (int)(value_count(out) / ((size_t)mm.m * (size_t)mm.n));
    TRY(engine_move_floats(plan, i, node->input[0], &mm.a));
    TRY(engine_move_floats(plan, i, node->input[1], &mm.b));
    TRY(engine_move_canonical(plan, i, a, &mm.a));
    TRY(engine_move_canonical(plan, i, b, &mm.b));
    if (node->transpose_b)
        TRY(transpose_b(&mm));
    TRY(pack_b(&mm));
    TRY(multiply(&mm, &y));
    return engine_move_store(plan, i, node->output, &y);
}
