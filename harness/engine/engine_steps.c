#include <stdio.h>

#include "engine/engine_plan.h"

/* From here a step is worth sharing out. A barrier of spinning threads takes 0.2 microseconds, but what one core has
 * just written the other one must fetch: 590 000 products in 7 microseconds gained nothing (MobileNetV1, two cores). */
enum { SHARE_MACS = 600000, SHARE_BYTES = 1 << 18 };

static void place(struct plan *plan, int step, enum plan_role role, const struct plan_tensor *t, int whole)
{
    struct plan_place *to = &plan->place[step][role];
    struct plan_buffer *buffer;

    to->buffer = PLAN_NO_BUFFER;
    if (!t)
        return;
    buffer = &plan->buffer[t->buffer];
    to->buffer = t->buffer;
    to->bytes = (whole ? t->offset : engine_tensor_origin(t)) * engine_tensor_bytes(t->type);
    if (buffer->first < 0)
        buffer->first = step;
    buffer->last = step;
}

static size_t step_bytes(const struct plan_tensor *t)
{
    return t ? engine_tensor_sample(t) * engine_tensor_bytes(t->type) : 0;
}

static size_t moved_bytes(const struct plan *plan, const struct plan_tensor *t)
{
    return t ? (size_t)plan->batch * engine_tensor_count(t) * engine_tensor_bytes(t->type) : 0;
}

enum status engine_steps_add(struct plan *plan, const struct plan_spec *spec, struct exec_step **out_step,
                             struct engine_step **out_info)
{
    struct engine *engine = plan->engine;
    const struct node *node = &plan->graph->node[spec->node];
    struct engine_step *info;
    struct exec_step *step;
    int i = engine->steps;

    if (i >= plan->step_room)
        return status_fail(ST_UNSUPPORTED, "node '%s': more than %d steps", node->name, i);
    info = &engine->info[i];
    step = &engine->step[i];
    snprintf(info->layer, sizeof info->layer, "%s", node->name);
    snprintf(info->kernel, sizeof info->kernel, "%s", spec->kernel);
    snprintf(info->reason, sizeof info->reason, "%s", spec->reason);
    info->input_bytes = moved_bytes(plan, spec->x) + moved_bytes(plan, spec->b);
    info->output_bytes = moved_bytes(plan, spec->y);
    engine_tensor_text(spec->x, info->input, sizeof info->input);
    engine_tensor_text(spec->y ? spec->y : spec->x, info->output, sizeof info->output);
    step->run = spec->run;
    step->repeat = plan->batch;
    step->parts = 1;
    step->x_step = step_bytes(spec->x);
    step->b_step = step_bytes(spec->b);
    step->y_step = step_bytes(spec->y);
    place(plan, i, PLAN_X, spec->x, spec->whole);
    place(plan, i, PLAN_B, spec->b, spec->whole);
    place(plan, i, PLAN_Y, spec->y, spec->whole);
    engine->steps++;
    *out_step = step;
    *out_info = info;
    return ST_OK;
}

void engine_steps_share(struct plan *plan, struct exec_step *step, const struct engine_step *info)
{
    if (plan->eager || info->macs_executed >= SHARE_MACS || info->input_bytes + info->output_bytes >= SHARE_BYTES)
        step->parts = plan->threads;
}

void engine_steps_take(struct plan *plan, const int *values, int count)
{
    for (int i = 0; i < count; i++)
        plan->value[values[i]].reads--;
}

int engine_steps_dying(const struct plan *plan, const struct plan_tensor *t)
{
    for (int v = 0; v < plan->graph->values; v++) {
        const struct plan_value *value = &plan->value[v];
        if (value->reads > 0 &&
            (value->t.buffer == t->buffer || value->floats.buffer == t->buffer || value->dynamic.buffer == t->buffer))
            return 0;
    }
    return 1;
}
