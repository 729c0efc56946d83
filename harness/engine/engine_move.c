#include "engine/engine_move.h"

#include <math.h>
#include <stdio.h>

static struct plan_border none(void)
{
    return (struct plan_border){0, 0, 0, 0};
}

enum status engine_move_map(struct plan *plan, const struct plan_spec *spec, int by_sample, struct exec_step **out_step)
{
    const struct plan_tensor *x = spec->x, *b = spec->b, *y = spec->y;
    struct plan_spec whole = *spec;
    struct exec_step *step;
    struct engine_step *info;
    struct exec_map *m;
    int factor = b && engine_tensor_count(b) != engine_tensor_count(x); /* one for each channel */

    whole.whole = (!y || engine_tensor_same(x, y)) && (!b || factor || engine_tensor_same(x, b));
    by_sample |= factor;
    TRY(engine_steps_add(plan, &whole, &step, &info));
    m = &step->u.map;
    if (whole.whole) {
        m->rows = 1;
        m->count = engine_tensor_sample(x) * (by_sample ? 1 : (size_t)plan->batch);
        step->repeat = by_sample ? plan->batch : 1;
    } else {
        m->rows = x->h;
        m->count = (size_t)x->w * (size_t)x->c;
        m->x_row = engine_tensor_line(x) * engine_tensor_bytes(x->type);
        m->b_row = b && !factor ? engine_tensor_line(b) * engine_tensor_bytes(b->type) : 0;
        m->y_row = y ? engine_tensor_line(y) * engine_tensor_bytes(y->type) : 0;
    }
    m->b_count = factor ? (size_t)x->c : m->count;
    engine_steps_share(plan, step, info);
    *out_step = step;
    return ST_OK;
}

/* A transpose of the whole batch, a matrix of (rows, cols). */
enum status engine_move_batch(struct plan *plan, int node, struct plan_tensor *t, int batch_minor)
{
    int count = (int)engine_tensor_count(t), wide = engine_tensor_bytes(t->type) == 4;
    struct plan_tensor out;
    struct engine_step *info;
    struct exec_step *step;

    if (t->batch_minor == batch_minor)
        return ST_OK;
    TRY(engine_move_dense(plan, node, t));
    out = *t;
    out.batch_minor = batch_minor;
    if (plan->batch > 1 && count > 1) {
        struct plan_spec spec = {node,
                                 engine_exec_transpose,
                                 wide ? plan->table->transpose_x32.facts.name : plan->table->transpose_x8.facts.name,
                                 batch_minor ? "batch innermost for the sparse kernel" : "batch outermost again",
                                 t,
                                 NULL,
                                 &out,
                                 1};
        TRY(engine_tensor_new(plan, node, &out));
        TRY(engine_steps_add(plan, &spec, &step, &info));
        step->repeat = 1;
        step->u.transpose =
            (struct exec_transpose){.run = wide ? plan->table->transpose_x32.run : plan->table->transpose_x8.run,
                                    .lines = 1,
                                    .rows = batch_minor ? plan->batch : count,
                                    .cols = batch_minor ? count : plan->batch};
        step->u.transpose.x_pitch = step->u.transpose.cols;
        step->u.transpose.y_pitch = step->u.transpose.rows;
    }
    *t = out;
    return ST_OK;
}

/* Elements from t to out, which has the other order. */
static enum status reorder(struct plan *plan, int node, const struct plan_tensor *t, const struct plan_tensor *out)
{
    int wide = engine_tensor_bytes(t->type) == 4, to_hwc = out->order == PLAN_HWC;
    int dense = !engine_tensor_has_border(t) && !engine_tensor_has_border(out);
    int columns = dense ? t->h * t->w : t->w;
    size_t bytes = engine_tensor_bytes(t->type);
    const char *name = wide ? plan->table->transpose_x32.facts.name : plan->table->transpose_x8.facts.name;
    struct plan_spec spec = {
        node, engine_exec_transpose, name, to_hwc ? "C,H,W to H,W,C" : "H,W,C to C,H,W", t, NULL, out, 0};
    struct engine_step *info;
    struct exec_step *step;

    TRY(engine_steps_add(plan, &spec, &step, &info));
    step->u.transpose = (struct exec_transpose){
        .run = wide ? plan->table->transpose_x32.run : plan->table->transpose_x8.run,
        .lines = dense ? 1 : t->h,
        .rows = to_hwc ? t->c : columns,
        .cols = to_hwc ? columns : t->c,
        .x_pitch = to_hwc ? (ptrdiff_t)engine_tensor_plane(t) : t->c,
        .y_pitch = to_hwc ? t->c : (ptrdiff_t)engine_tensor_plane(out),
        .x_line = engine_tensor_line(t) * bytes,
        .y_line = engine_tensor_line(out) * bytes,
    };
    engine_steps_share(plan, step, info);
    return ST_OK;
}

enum status engine_move_order(struct plan *plan, int node, struct plan_tensor *t, enum plan_order order,
                              const struct plan_border *border)
{
    TRY(engine_move_batch(plan, node, t, 0));
    if (t->order != order && (engine_tensor_order_matters(t) || (t->c > 1 && engine_tensor_has_border(t)))) {
        struct plan_tensor out = *t;
        out.order = order;
        out.border = border ? *border : none();
        TRY(engine_tensor_new(plan, node, &out));
        TRY(reorder(plan, node, t, &out));
        *t = out;
        return engine_move_fill(plan, node, t);
    }
    t->order = order;
    return border ? engine_move_border(plan, node, t, border) : ST_OK;
}

/* A copy of t with another border, not yet filled. */
static enum status copy(struct plan *plan, int node, struct plan_tensor *t, struct plan_border border,
                        const char *reason)
{
    size_t bytes = engine_tensor_bytes(t->type);
    struct plan_tensor out = *t;
    struct plan_spec spec = {node, engine_exec_copy, "engine_copy", reason, t, NULL, &out, 0};
    struct engine_step *info;
    struct exec_step *step;
    struct exec_copy *c;

    out.border = border;
    TRY(engine_tensor_new(plan, node, &out));
    TRY(engine_steps_add(plan, &spec, &step, &info));
    c = &step->u.copy;
    *c = (struct exec_copy){.dim = {t->order == PLAN_HWC ? 1 : t->c, t->h, 1, 1}};
    c->x_at[0] = engine_tensor_plane(t) * bytes;
    c->y_at[0] = engine_tensor_plane(&out) * bytes;
    c->x_at[1] = engine_tensor_line(t) * bytes;
    c->y_at[1] = engine_tensor_line(&out) * bytes;
    c->bytes = (size_t)t->w * (t->order == PLAN_HWC ? (size_t)t->c : 1) * bytes;
    engine_steps_share(plan, step, info);
    *t = out;
    return ST_OK;
}

enum status engine_move_dense(struct plan *plan, int node, struct plan_tensor *t)
{
    return engine_tensor_has_border(t) ? copy(plan, node, t, none(), "without its border") : ST_OK;
}

enum status engine_move_border(struct plan *plan, int node, struct plan_tensor *t, const struct plan_border *border)
{
    const struct plan_border *have = &t->border;

    if (have->top >= border->top && have->left >= border->left && have->bottom >= border->bottom &&
        have->right >= border->right)
        return ST_OK;
    TRY(engine_move_batch(plan, node, t, 0));
    TRY(copy(plan, node, t, *border, "room for padding"));
    return engine_move_fill(plan, node, t);
}

enum status engine_move_fill(struct plan *plan, int node, const struct plan_tensor *t)
{
    size_t bytes = engine_tensor_bytes(t->type), pixel = bytes * (t->order == PLAN_HWC ? (size_t)t->c : 1);
    size_t line = engine_tensor_line(t) * bytes, samples = (size_t)plan->batch;
    struct plan_spec spec = {node, engine_exec_border, "engine_border", "padding", t, NULL, t, 1};
    struct engine_step *info;
    struct exec_step *step;

    if (!engine_tensor_has_border(t))
        return ST_OK;
    TRY(engine_steps_add(plan, &spec, &step, &info));
    step->u.border = (struct exec_border){.planes = t->order == PLAN_HWC ? 1 : t->c,
                                          .rows = t->h,
                                          .top = (size_t)t->border.top * line,
                                          .left = (size_t)t->border.left * pixel,
                                          .right = (size_t)t->border.right * pixel,
                                          .bottom = (size_t)t->border.bottom * line,
                                          .row_bytes = (size_t)t->w * pixel,
                                          .range = t->range,
                                          .fill = t->type == PLAN_U8 ? (uint8_t)t->zero_point : 0};
    info->input_bytes = 0;
    info->output_bytes = samples * (engine_tensor_sample(t) - engine_tensor_count(t)) * bytes;
    return ST_OK;
}

enum status engine_move_canonical(struct plan *plan, int node, const struct value *value, struct plan_tensor *t)
{
    struct plan_tensor shape = engine_tensor_of(value, t->type);

    TRY(engine_move_order(plan, node, t, value->rank == 1 ? PLAN_CHW : shape.order, NULL));
    TRY(engine_move_dense(plan, node, t));
    t->order = shape.order;
    t->c = shape.c;
    t->h = shape.h;
    t->w = shape.w;
    return ST_OK;
}

enum status engine_move_widen(struct plan *plan, int node, struct plan_tensor *t)
{
    struct plan_tensor out = *t;
    struct plan_spec spec = {
        node, engine_exec_widen, plan->table->widen_u8_s16.facts.name, "16-bit input of the kernel", t, NULL, &out, 0};
    struct exec_step *step;

    out.type = PLAN_S16;
    TRY(engine_tensor_new(plan, node, &out));
    TRY(engine_move_map(plan, &spec, 0, &step));
    step->u.map.run.widen = plan->table->widen_u8_s16.run;
    *t = out;
    return ST_OK;
}

static enum status fixed_range(struct plan *plan, float scale, int32_t zero_point, struct exec_range **out_range)
{
    struct exec_range *range;

    TRY(engine_memory_constant(plan->engine, 1, sizeof *range, &range));
    range->scale = scale;
    range->inv_scale = 1.0f / scale;
    range->zero_point = zero_point;
    *out_range = range;
    return ST_OK;
}

/* Lines are written one by one into a border only where the elements of a line are neighbours. */
static int lines_are_runs(const struct plan_tensor *t)
{
    return t->order == PLAN_HWC || t->c == 1;
}

enum status engine_move_quantize(struct plan *plan, int node, const struct value *value,
                                 const struct plan_border *border, struct plan_tensor *t)
{
    struct plan_tensor out = *t;
    struct plan_spec spec = {node,
                             engine_exec_quantize,
                             plan->table->quantize_f32_u8.facts.name,
                             "float to 8 bits, fixed range",
                             t,
                             NULL,
                             &out,
                             0};
    struct exec_range *range;
    struct exec_step *step;

    TRY(fixed_range(plan, value->scale, value->zero_point, &range));
    out.type = PLAN_U8;
    engine_tensor_quant(&out, value);
    out.border = border && !t->batch_minor && lines_are_runs(t) ? *border : t->border;
    TRY(engine_tensor_new(plan, node, &out));
    TRY(engine_move_map(plan, &spec, 0, &step));
    step->u.map.run.quantize = plan->table->quantize_f32_u8.run;
    step->u.map.range = range;
    *t = out;
    return engine_move_fill(plan, node, t);
}

enum status engine_move_floats(struct plan *plan, int node, int v, struct plan_tensor *out)
{
    struct plan_value *value = &plan->value[v];
    const struct kn_dequant_u8_f32 *slot = &plan->table->dequant_u8_f32;
    struct plan_spec spec = {
        node, engine_exec_dequant_u8, slot->facts.name, "8 bits to float", &value->t, NULL, &value->floats, 0};
    struct exec_range *range;
    struct exec_step *step;

    if (value->t.type == PLAN_F32) {
        *out = value->t;
        return ST_OK;
    }
    if (value->floats.buffer == PLAN_NO_BUFFER) {
        TRY(fixed_range(plan, value->t.scale, value->t.zero_point, &range));
        value->floats = value->t;
        value->floats.type = PLAN_F32;
        if (lines_are_runs(&value->t))
            value->floats.border = none();
        TRY(engine_tensor_new(plan, node, &value->floats));
        TRY(engine_move_map(plan, &spec, 0, &step));
        step->u.map.run.dequant = slot->run;
        step->u.map.range = range;
    }
    *out = value->floats;
    return ST_OK;
}

static enum status find_range(struct plan *plan, int node, const struct plan_tensor *t, struct exec_range *range)
{
    struct plan_spec spec = {
        node, engine_exec_range, plan->table->range_f32.facts.name, "each sample's range", t, NULL, NULL, 0};
    struct exec_step *step;

    TRY(engine_move_map(plan, &spec, 1, &step));
    step->u.map.run.range = plan->table->range_f32.run;
    step->u.map.range = range;
    return ST_OK;
}

enum status engine_move_dynamic(struct plan *plan, int node, int v, struct plan_tensor *out)
{
    struct plan_value *value = &plan->value[v];
    const struct kn_quantize_f32_u8 *slot = &plan->table->quantize_f32_u8;
    struct plan_spec spec = {node,
                             engine_exec_quantize,
                             slot->facts.name,
                             "float to 8 bits, each sample's range",
                             &value->t,
                             NULL,
                             &value->dynamic,
                             0};
    struct exec_step *step;
    struct exec_range *range;

    if (value->dynamic.buffer == PLAN_NO_BUFFER) {
        TRY(engine_move_batch(plan, node, &value->t, 0));
        TRY(engine_memory_constant(plan->engine, (size_t)plan->batch, sizeof *range, &range));
        TRY(find_range(plan, node, &value->t, range));
        value->dynamic = value->t;
        value->dynamic.type = PLAN_U8;
        value->dynamic.range = range;
        value->dynamic.top = 255;
        if (lines_are_runs(&value->t))
            value->dynamic.border = value->want;
        TRY(engine_tensor_new(plan, node, &value->dynamic));
        TRY(engine_move_map(plan, &spec, 1, &step));
        step->u.map.run.quantize = slot->run;
        step->u.map.range = range;
        step->u.map.range_step = 1;
        TRY(engine_move_fill(plan, node, &value->dynamic));
    }
    *out = value->dynamic;
    return ST_OK;
}

enum status engine_move_store(struct plan *plan, int node, int v, struct plan_tensor *t)
{
    const struct value *value = &plan->graph->value[v];

    if (value->quant == QUANT_STATIC && t->type == PLAN_F32)
        TRY(engine_move_quantize(plan, node, value, &plan->value[v].want, t));
    plan->value[v].t = *t;
    return ST_OK;
}
