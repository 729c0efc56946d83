/* Memory of a plan: buffers that are never alive together share a slot of the arena; slots are separated by guard
 * zones that no step may touch.
 *
 *   guard | slot 0 | guard | slot 1 | guard
 *
 * Slots are filled largest buffer first, each into the first slot where it meets no buffer alive at the same time
 * (the greedy-by-size rule of Pisarchyk and Lee 2020, with whole slots so that guards stay in place). For a chain
 * of layers this gives the largest sum of two neighbours in nearly all cases. */
#include "engine/engine_plan.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Arena size above which planning is refused, so that a hostile shape cannot ask for the machine's whole memory. */
#define MEMORY_LIMIT ((size_t)1 << 31)

enum { GUARD_BYTE = 0xA5 };

enum status engine_memory_product(const char *node, size_t a, size_t b, size_t c, size_t *out)
{
    size_t ab, abc;

    if (__builtin_mul_overflow(a, b, &ab) || __builtin_mul_overflow(ab, c, &abc))
        return status_fail(ST_UNSUPPORTED, "node '%s': %zu * %zu * %zu elements are too many", node, a, b, c);
    *out = abc;
    return ST_OK;
}

enum status engine_memory_buffer(struct plan *plan, int node, size_t count, size_t size, int *out_buffer)
{
    const char *name = plan->graph->node[node].name;
    struct plan_buffer *buffer;
    size_t bytes = 0;

    TRY(engine_memory_product(name, count, size, 1, &bytes));
    if (bytes > INT_MAX)
        return status_fail(ST_UNSUPPORTED, "node '%s': an activation of %zu bytes; at most %d are supported", name,
                           bytes, INT_MAX);
    if (plan->buffers == plan->buffer_room) {
        int room = plan->buffer_room > 0 ? 2 * plan->buffer_room : 16;
        buffer = realloc(plan->buffer, (size_t)room * sizeof *buffer);
        if (!buffer)
            return status_fail(ST_NOMEM, "no memory for %d buffers", room);
        plan->buffer = buffer;
        plan->buffer_room = room;
    }
    buffer = &plan->buffer[plan->buffers];
    buffer->bytes = mem_round(bytes > 0 ? bytes : 1) + KN_SLACK;
    buffer->first = buffer->last = -1;
    buffer->slot = buffer->next = -1;
    *out_buffer = plan->buffers++;
    return ST_OK;
}

enum status engine_memory_constant(struct engine *engine, size_t count, size_t size, void *out_pointer)
{
    void **constant = realloc(engine->constant, ((size_t)engine->constants + 1) * sizeof *constant);
    size_t bytes = 0;

    if (!constant)
        return status_fail(ST_NOMEM, "no memory for constant %d", engine->constants);
    engine->constant = constant;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - KN_SLACK)
        return status_fail(ST_NOMEM, "cannot allocate %zu elements of %zu bytes", count, size);
    TRY(mem_alloc(bytes + KN_SLACK, 1, &constant[engine->constants]));
    memcpy(out_pointer, &constant[engine->constants], sizeof(void *));
    engine->constants++;
    return ST_OK;
}

/* Buffers in the order of placing; slots as chains through `next`. */
struct placing {
    size_t bytes;
    int buffer;
};

static int compare_placing(const void *left, const void *right)
{
    const struct placing *a = left, *b = right;

    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a->buffer - b->buffer; /* equals in order of creation, so that plans are the same everywhere */
}

static int together(const struct plan_buffer *a, const struct plan_buffer *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static int slot_is_free(const struct plan *plan, int head, const struct plan_buffer *buffer)
{
    for (int i = head; i >= 0; i = plan->buffer[i].next)
        if (together(&plan->buffer[i], buffer))
            return 0;
    return 1;
}

/* Fills slot_bytes (buffers) and each buffer's slot. The first buffer of a slot is its largest. */
static enum status place(struct plan *plan, size_t *slot_bytes, int *out_slots)
{
    struct placing *order = calloc((size_t)plan->buffers, sizeof *order);
    int *head = calloc((size_t)plan->buffers, sizeof *head);
    enum status st = ST_OK;
    int slots = 0;

    if (!order || !head) {
        st = status_fail(ST_NOMEM, "no memory to place %d buffers", plan->buffers);
        goto out;
    }
    for (int i = 0; i < plan->buffers; i++)
        order[i] = (struct placing){plan->buffer[i].bytes, i};
    qsort(order, (size_t)plan->buffers, sizeof *order, compare_placing);
    for (int i = 0; i < plan->buffers; i++) {
        struct plan_buffer *buffer = &plan->buffer[order[i].buffer];
        int slot = 0;
        while (slot < slots && !slot_is_free(plan, head[slot], buffer))
            slot++;
        if (slot == slots) {
            slot_bytes[slots] = buffer->bytes;
            head[slots++] = -1;
        }
        buffer->slot = slot;
        buffer->next = head[slot];
        head[slot] = order[i].buffer;
    }
    *out_slots = slots;
out:
    free(order);
    free(head);
    return st;
}

/* Turns slot sizes into offsets and fills the guards. */
static enum status build_arena(struct engine *engine, size_t *slot, int slots)
{
    size_t at = PLAN_GUARD;

    engine->guard = calloc((size_t)slots + 1, sizeof *engine->guard);
    if (!engine->guard)
        return status_fail(ST_NOMEM, "no memory for %d guards", slots);
    for (int i = 0; i < slots; i++) {
        size_t bytes = slot[i];
        engine->guard[engine->guards++] = at - PLAN_GUARD;
        engine->arena_bytes += bytes;
        if (engine->arena_bytes > MEMORY_LIMIT)
            return status_fail(ST_UNSUPPORTED, "activations need more than %zu bytes", (size_t)MEMORY_LIMIT);
        slot[i] = at;
        at += bytes + PLAN_GUARD;
    }
    engine->guard[engine->guards++] = at - PLAN_GUARD;
    TRY(mem_alloc(at, 1, &engine->arena));
    for (int i = 0; i < engine->guards; i++)
        memset(engine->arena + engine->guard[i], GUARD_BYTE, PLAN_GUARD);
    return ST_OK;
}

/* NULL for no buffer. */
static unsigned char *address(const struct plan *plan, const size_t *slot, const struct plan_place *place)
{
    if (place->buffer == PLAN_NO_BUFFER)
        return NULL;
    return plan->engine->arena + slot[plan->buffer[place->buffer].slot] + place->bytes;
}

enum status engine_memory_assign(struct plan *plan)
{
    struct engine *engine = plan->engine;
    size_t *slot = calloc((size_t)plan->buffers + 1, sizeof *slot);
    enum status st = ST_OK;
    int slots = 0;

    if (!slot)
        return status_fail(ST_NOMEM, "no memory to place %d buffers", plan->buffers);
    TRY_OUT(place(plan, slot, &slots));
    TRY_OUT(build_arena(engine, slot, slots));
    for (int i = 0; i < engine->steps; i++) {
        struct exec_step *step = &engine->step[i];
        const struct plan_place *place = plan->place[i];
        step->x = address(plan, slot, &place[PLAN_X]);
        step->b = address(plan, slot, &place[PLAN_B]);
        step->y = address(plan, slot, &place[PLAN_Y]);
        engine->info[i].arena_offset = step->y ? (size_t)(step->y - engine->arena) : SIZE_MAX;
        engine->info[i].threads = step->parts;
    }
    engine->input = (void *)(engine->arena + slot[plan->buffer[0].slot]);
    engine->output = (void *)(engine->arena + slot[plan->buffer[plan->output_buffer].slot] + plan->output_bytes);
    if (plan->raw_buffer != PLAN_NO_BUFFER)
        engine->raw = (const void *)(engine->arena + slot[plan->buffer[plan->raw_buffer].slot]);
out:
    free(slot);
    return st;
}

int engine_memory_intact(const struct engine *engine)
{
    for (int i = 0; i < engine->guards; i++)
        for (int j = 0; j < PLAN_GUARD; j++)
            if (engine->arena[engine->guard[i] + (size_t)j] != GUARD_BYTE)
                return 0;
    return 1;
}
