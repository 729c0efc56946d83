#include "engine/engine_move.h"

#include <stdio.h>

int engine_move_order_matters(const struct plan_tensor *t)
{
    return t->c > 1 && (t->h > 1 || t->w > 1);
}

size_t engine_move_count(const struct plan_tensor *t)
{
    return (size_t)t->c * (size_t)t->h * (size_t)t->w;
}

size_t engine_move_bytes(enum plan_type type)
{
    static const size_t bytes[] = {[PLAN_F32] = 4, [PLAN_U8] = 1, [PLAN_S16] = 2, [PLAN_S32] = 4};

    return bytes[type];
}

/* A step from t's buffer to a new one of elements of `type`, for the whole batch. t gets the new buffer and type. */
static enum status convert(struct plan *plan, int node, struct plan_tensor *t, enum plan_type type, size_t count_out,
                           engine_exec_fn run, const char *kernel, const char *reason, struct exec_step **out_step)
{
    size_t batch = (size_t)plan->batch;
    struct engine_step *info;
    int buffer;

    TRY(engine_memory_buffer(plan, node, batch * count_out, engine_move_bytes(type), &buffer));
    TRY(engine_plan_step(plan, node, run, kernel, t->buffer, buffer, out_step, &info));
    snprintf(info->reason, sizeof info->reason, "%s", reason);
    info->input_bytes = batch * engine_move_count(t) * engine_move_bytes(t->type);
    info->output_bytes = batch * count_out * engine_move_bytes(type);
    (*out_step)->repeat = plan->batch;
    (*out_step)->x_step = engine_move_count(t) * engine_move_bytes(t->type);
    (*out_step)->y_step = count_out * engine_move_bytes(type);
    t->buffer = buffer;
    t->type = type;
    return ST_OK;
}

static enum status transpose(struct plan *plan, int node, struct plan_tensor *t, int rows, int cols, const char *reason,
                             struct exec_step **out_step)
{
    int wide = engine_move_bytes(t->type) == 4;
    const char *name = wide ? plan->table->transpose_x32.facts.name : plan->table->transpose_x8.facts.name;

    TRY(convert(plan, node, t, t->type, engine_move_count(t), engine_exec_transpose, name, reason, out_step));
    (*out_step)->u.transpose.run = wide ? plan->table->transpose_x32.run : plan->table->transpose_x8.run;
    (*out_step)->u.transpose.rows = rows;
    (*out_step)->u.transpose.cols = cols;
    return ST_OK;
}

enum status engine_move_batch(struct plan *plan, int node, struct plan_tensor *t, int batch_minor)
{
    int count = (int)engine_move_count(t);
    struct exec_step *step;

    if (t->batch_minor == batch_minor)
        return ST_OK;
    if (plan->batch > 1 && count > 1) {
        if (batch_minor)
            TRY(transpose(plan, node, t, plan->batch, count, "batch innermost for the sparse kernel", &step));
        else
            TRY(transpose(plan, node, t, count, plan->batch, "batch outermost again", &step));
        step->repeat = 1;
    }
    t->batch_minor = batch_minor;
    return ST_OK;
}

enum status engine_move_order(struct plan *plan, int node, struct plan_tensor *t, enum plan_order order)
{
    struct exec_step *step;
    int positions = t->h * t->w;

    TRY(engine_move_batch(plan, node, t, 0));
    if (t->order != order && engine_move_order_matters(t)) {
        if (order == PLAN_HWC)
            TRY(transpose(plan, node, t, t->c, positions, "C,H,W to H,W,C", &step));
        else
            TRY(transpose(plan, node, t, positions, t->c, "H,W,C to C,H,W", &step));
    }
    t->order = order;
    return ST_OK;
}

enum status engine_move_pad(struct plan *plan, int node, struct plan_tensor *t, int pad_h, int pad_w, uint8_t fill,
                            const struct exec_range *range)
{
    size_t h = (size_t)t->h + 2 * (size_t)pad_h, w = (size_t)t->w + 2 * (size_t)pad_w, bytes, count;
    int inner = t->order == PLAN_HWC ? t->c : 1;
    struct exec_step *step;

    if (pad_h == 0 && pad_w == 0)
        return ST_OK;
    TRY(engine_memory_product(plan->graph->node[node].name, h, w, (size_t)t->c, &count));
    bytes = engine_move_bytes(t->type) * (size_t)inner;
    TRY(convert(plan, node, t, t->type, count, engine_exec_pad, "engine_pad", "padding", &step));
    step->u.pad.planes = t->order == PLAN_HWC ? 1 : t->c;
    step->u.pad.rows = t->h;
    step->u.pad.pad_rows = pad_h;
    step->u.pad.row_bytes = (size_t)t->w * bytes;
    step->u.pad.pad_bytes = (size_t)pad_w * bytes;
    step->u.pad.fill = fill;
    step->u.pad.range = range;
    t->h = (int)h;
    t->w = (int)w;
    return ST_OK;
}

enum status engine_move_widen(struct plan *plan, int node, struct plan_tensor *t)
{
    struct exec_step *step;

    TRY(convert(plan, node, t, PLAN_S16, engine_move_count(t), engine_exec_widen, plan->table->widen_u8_s16.facts.name,
                "16-bit input of the kernel", &step));
    step->u.map.run.widen = plan->table->widen_u8_s16.run;
    step->u.map.count = (size_t)plan->batch * engine_move_count(t);
    return ST_OK;
}

enum status engine_move_quantize(struct plan *plan, int node, struct plan_tensor *t, const struct value *value)
{
    struct exec_range *range;
    struct exec_step *step;

    TRY(engine_memory_constant(plan->engine, 1, sizeof *range, &range));
    range->scale = value->scale;
    range->inv_scale = 1.0f / value->scale;
    range->zero_point = value->zero_point;
    TRY(convert(plan, node, t, PLAN_U8, engine_move_count(t), engine_exec_quantize_static,
                plan->table->quantize_f32_u8.facts.name, "float to 8 bits, fixed range", &step));
    step->u.map.run.quantize = plan->table->quantize_f32_u8.run;
    step->u.map.count = (size_t)plan->batch * engine_move_count(t);
    step->u.map.range = range;
    return ST_OK;
}

static enum status find_range(struct plan *plan, int node, const struct plan_tensor *t, struct exec_range *range)
{
    struct engine_step *info;
    struct exec_step *step;

    TRY(engine_plan_step(plan, node, engine_exec_range, plan->table->range_f32.facts.name, t->buffer, PLAN_NO_BUFFER,
                         &step, &info));
    snprintf(info->reason, sizeof info->reason, "each sample's range");
    info->input_bytes = (uint64_t)plan->batch * engine_move_count(t) * sizeof(float);
    info->output_bytes = (uint64_t)plan->batch * sizeof *range;
    step->repeat = plan->batch;
    step->x_step = engine_move_count(t) * sizeof(float);
    step->u.map.run.range = plan->table->range_f32.run;
    step->u.map.count = engine_move_count(t);
    step->u.map.range = range;
    return ST_OK;
}

enum status engine_move_quantize_dynamic(struct plan *plan, int node, struct plan_tensor *t,
                                         struct exec_range **out_range)
{
    struct exec_range *range;
    struct exec_step *step;

    TRY(engine_move_batch(plan, node, t, 0));
    TRY(engine_memory_constant(plan->engine, (size_t)plan->batch, sizeof *range, &range));
    TRY(find_range(plan, node, t, range));
    TRY(convert(plan, node, t, PLAN_U8, engine_move_count(t), engine_exec_quantize_dynamic,
                plan->table->quantize_f32_u8.facts.name, "float to 8 bits, each sample's range", &step));
    step->u.map.run.quantize = plan->table->quantize_f32_u8.run;
    step->u.map.count = engine_move_count(t);
    step->u.map.range = range;
    *out_range = range;
    return ST_OK;
}
