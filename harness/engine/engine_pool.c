#include "engine/engine_pool.h"

#include <math.h>

#include "engine/engine_move.h"

enum {
    POOL_CHANNELS = 8, /* from here pooling along channels is worth a transpose */
    POOL_ROW = 8       /* outputs of a row that a vector kernel makes at once */
};

/* Pooling takes the layout it finds, unless the planes are of a kind that vector kernels cannot run along (anything but
 * 2 x 2 windows at stride 2, or short rows) while there are channels enough to run along those. */
enum plan_order engine_pool_order(const struct plan *plan, const struct node *node, enum plan_order order)
{
    const struct value *out = &plan->graph->value[node->output];
    const struct kn_facts *facts =
        out->quant == QUANT_STATIC ? &plan->table->maxpool_u8_chw.facts : &plan->table->maxpool_f32_chw.facts;
    int two_by_two = node->kernel_h == 2 && node->kernel_w == 2 && node->stride_h == 2 && node->stride_w == 2 &&
                     node->pad_h == 0 && node->pad_w == 0;

    if (facts->isa != 0 && out->dim[0] >= POOL_CHANNELS && (!two_by_two || out->dim[2] < POOL_ROW))
        return PLAN_HWC;
    return order;
}

/* The input in 8 bits where the output is too, else in float. */
static enum status take_input(struct plan *plan, int i, struct plan_tensor *t)
{
    const struct node *node = &plan->graph->node[i];

    *t = plan->value[node->input[0]].t;
    if (t->type == PLAN_U8 && plan->graph->value[node->output].quant == QUANT_STATIC)
        return ST_OK;
    return engine_move_floats(plan, i, node->input[0], t);
}

/* The step from x to a new tensor y of the output's shape. */
static enum status bind(struct plan *plan, struct plan_spec *spec, const struct plan_tensor *x, struct plan_tensor *y,
                        struct exec_step **out_step)
{
    const struct node *node = &plan->graph->node[spec->node];
    const struct value *value = &plan->graph->value[node->output];
    struct engine_step *info;

    *y = engine_tensor_of(value, x->type);
    y->order = x->order;
    if (x->order == PLAN_HWC)
        y->border = engine_want_of(plan, node->output, x->type);
    TRY(engine_tensor_new(plan, spec->node, y));
    spec->x = x;
    spec->y = y;
    TRY(engine_steps_add(plan, spec, out_step, &info));
    (*out_step)->u.pool.shape = (struct kn_pool_shape){.c = x->c,
                                                       .h = x->h,
                                                       .w = x->w,
                                                       .oh = y->h,
                                                       .ow = y->w,
                                                       .kernel_h = node->kernel_h,
                                                       .kernel_w = node->kernel_w,
                                                       .stride_h = node->stride_h,
                                                       .stride_w = node->stride_w,
                                                       .pad_h = node->pad_h,
                                                       .pad_w = node->pad_w,
                                                       .x_step_x = x->c,
                                                       .x_step_y = (ptrdiff_t)engine_tensor_line(x),
                                                       .y_step_x = y->c,
                                                       .y_step_y = (ptrdiff_t)engine_tensor_line(y),
                                                       .lines = y->h};
    engine_steps_share(plan, *out_step, info);
    return ST_OK;
}

enum status engine_pool_max(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct kn_table *table = plan->table;
    struct plan_spec spec = {.node = i};
    struct plan_tensor x, y;
    struct exec_step *step;
    int hwc, wide;

    TRY(take_input(plan, i, &x));
    wide = x.type == PLAN_F32;
    if (!wide)
        TRY(engine_plan_check_grid(plan, node));
    hwc = engine_pool_order(plan, node, x.order) == PLAN_HWC;
    TRY(engine_move_order(plan, i, &x, hwc ? PLAN_HWC : PLAN_CHW, NULL));
    spec.reason = hwc ? "over H,W,C" : "over C,H,W";
    if (hwc) {
        spec.run = wide ? engine_exec_maxpool_f32 : engine_exec_maxpool_u8;
        spec.kernel = wide ? table->maxpool_f32_nhwc.facts.name : table->maxpool_u8_nhwc.facts.name;
    } else {
        TRY(engine_move_dense(plan, i, &x));
        spec.run = wide ? engine_exec_maxpool_f32_chw : engine_exec_maxpool_u8_chw;
        spec.kernel = wide ? table->maxpool_f32_chw.facts.name : table->maxpool_u8_chw.facts.name;
    }
    TRY(bind(plan, &spec, &x, &y, &step));
    if (wide)
        step->u.pool.run.max_f32 = hwc ? table->maxpool_f32_nhwc.run : table->maxpool_f32_chw.run;
    else
        step->u.pool.run.max_u8 = hwc ? table->maxpool_u8_nhwc.run : table->maxpool_u8_chw.run;
    TRY(engine_move_fill(plan, i, &y));
    return engine_move_store(plan, i, node->output, &y);
}

enum status engine_pool_avg(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];
    const struct kn_table *table = plan->table;
    struct plan_spec spec = {.node = i};
    struct plan_tensor x, y;
    struct exec_step *step;
    int wide;

    TRY(take_input(plan, i, &x));
    TRY(engine_move_order(plan, i, &x, PLAN_HWC, NULL));
    wide = x.type == PLAN_F32;
    spec.reason = node->kernel_h == in->dim[1] && node->kernel_w == in->dim[2] ? "over all positions" : "over H,W,C";
    spec.run = wide ? engine_exec_avgpool_f32 : engine_exec_avgpool_u8;
    spec.kernel = wide ? table->avgpool_f32_nhwc.facts.name : table->avgpool_u8_nhwc.facts.name;
    TRY(bind(plan, &spec, &x, &y, &step));
    if (wide) {
        step->u.pool.run.avg_f32 = table->avgpool_f32_nhwc.run;
    } else {
        step->u.pool.run.avg_u8 = table->avgpool_u8_nhwc.run;
        step->u.pool.ratio = x.scale / out->scale;
        step->u.pool.zero_in = x.zero_point;
        step->u.pool.zero_out = out->zero_point;
        if (!isfinite(step->u.pool.ratio))
            return status_fail(ST_UNSUPPORTED, "node '%s': the scales of its input and output give %g", node->name,
                               (double)step->u.pool.ratio);
    }
    TRY(engine_move_fill(plan, i, &y));
    return engine_move_store(plan, i, node->output, &y);
}
