#include <stdio.h>

#include "engine/engine_plan.h"

size_t engine_tensor_bytes(enum plan_type type)
{
    static const size_t bytes[] = {[PLAN_F32] = 4, [PLAN_U8] = 1, [PLAN_S16] = 2, [PLAN_S32] = 4};

    return bytes[type];
}

size_t engine_tensor_count(const struct plan_tensor *t)
{
    return (size_t)t->c * (size_t)t->h * (size_t)t->w;
}

/* Elements of a pixel that are neighbours. */
static size_t inner(const struct plan_tensor *t)
{
    return t->order == PLAN_HWC ? (size_t)t->c : 1;
}

size_t engine_tensor_line(const struct plan_tensor *t)
{
    return ((size_t)t->border.left + (size_t)t->w + (size_t)t->border.right) * inner(t);
}

size_t engine_tensor_plane(const struct plan_tensor *t)
{
    return ((size_t)t->border.top + (size_t)t->h + (size_t)t->border.bottom) * engine_tensor_line(t);
}

size_t engine_tensor_sample(const struct plan_tensor *t)
{
    return (t->order == PLAN_HWC ? 1 : (size_t)t->c) * engine_tensor_plane(t);
}

size_t engine_tensor_origin(const struct plan_tensor *t)
{
    return t->offset + (size_t)t->border.top * engine_tensor_line(t) + (size_t)t->border.left * inner(t);
}

int engine_tensor_has_border(const struct plan_tensor *t)
{
    return t->border.top > 0 || t->border.left > 0 || t->border.bottom > 0 || t->border.right > 0;
}

int engine_tensor_same(const struct plan_tensor *a, const struct plan_tensor *b)
{
    return a->c == b->c && a->h == b->h && a->w == b->w && a->batch_minor == b->batch_minor &&
           (a->order == b->order || !engine_tensor_order_matters(a)) && a->border.top == b->border.top &&
           a->border.left == b->border.left && a->border.bottom == b->border.bottom &&
           a->border.right == b->border.right &&
           (a->order == b->order || (!engine_tensor_has_border(a) && !engine_tensor_has_border(b)));
}

int engine_tensor_order_matters(const struct plan_tensor *t)
{
    return t->c > 1 && (t->h > 1 || t->w > 1);
}

enum plan_order engine_tensor_canonical(const struct value *value)
{
    return value->rank == 2 ? PLAN_HWC : PLAN_CHW;
}

void engine_tensor_quant(struct plan_tensor *t, const struct value *value)
{
    t->scale = value->scale;
    t->zero_point = value->zero_point;
    t->top = 255;
}

struct plan_tensor engine_tensor_of(const struct value *value, enum plan_type type)
{
    struct plan_tensor t = {.buffer = PLAN_NO_BUFFER,
                            .type = type,
                            .order = engine_tensor_canonical(value),
                            .c = value->dim[0],
                            .h = 1,
                            .w = 1};

    if (value->rank == 2) {
        t.c = value->dim[1];
        t.w = value->dim[0];
    } else if (value->rank >= 3) {
        t.h = value->dim[1];
        t.w = value->dim[2];
    }
    if (value->rank == 4) {
        t.h *= value->dim[2];
        t.w = value->dim[3];
    }
    if (type == PLAN_U8)
        engine_tensor_quant(&t, value);
    return t;
}

enum status engine_tensor_new(struct plan *plan, int node, struct plan_tensor *t)
{
    const char *name = plan->graph->node[node].name;
    size_t lines = (size_t)t->border.top + (size_t)t->h + (size_t)t->border.bottom;
    size_t columns = (size_t)t->border.left + (size_t)t->w + (size_t)t->border.right, count;

    TRY(engine_memory_product(name, lines, columns, (size_t)t->c, &count));
    TRY(engine_memory_product(name, count, (size_t)plan->batch, 1, &count));
    t->offset = 0;
    return engine_memory_buffer(plan, node, count, engine_tensor_bytes(t->type), &t->buffer);
}

void engine_tensor_text(const struct plan_tensor *t, char *buffer, size_t size)
{
    static const char *const types[] = {[PLAN_F32] = "f32", [PLAN_U8] = "u8", [PLAN_S16] = "s16", [PLAN_S32] = "s32"};
    const char *order = !engine_tensor_order_matters(t) ? "" : t->order == PLAN_HWC ? " hwc" : " chw";

    snprintf(buffer, size, "%s %dx%dx%d%s%s", types[t->type], t->c, t->h, t->w, order,
             engine_tensor_has_border(t) ? "+border" : "");
}
