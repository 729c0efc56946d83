#include "engine/engine_view.h"

#include "engine/engine_move.h"

/* The input in 8 bits where the output is too, else in float. */
static enum status take_input(struct plan *plan, int i, struct plan_tensor *t)
{
    const struct node *node = &plan->graph->node[i];

    *t = plan->value[node->input[0]].t;
    if (t->type == PLAN_U8 && plan->graph->value[node->output].quant == QUANT_STATIC)
        return engine_plan_check_grid(plan, node);
    return engine_move_floats(plan, i, node->input[0], t);
}

/* The elements of t, in the graph's order, seen in the shape of `value`. */
static void describe(struct plan_tensor *t, const struct value *value)
{
    struct plan_tensor shape = engine_tensor_of(value, PLAN_F32);

    t->order = shape.order;
    t->c = shape.c;
    t->h = shape.h;
    t->w = shape.w;
}

enum status engine_view_flatten(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *in = &plan->graph->value[node->input[0]];
    struct plan_tensor t;

    TRY(take_input(plan, i, &t));
    TRY(engine_move_dense(plan, i, &t));
    if (t.order == engine_tensor_canonical(in) || !engine_tensor_order_matters(&t))
        describe(&t, &plan->graph->value[node->output]);
    return engine_move_store(plan, i, node->output, &t);
}

enum status engine_view_reshape(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    struct plan_tensor t;

    TRY(take_input(plan, i, &t));
    TRY(engine_move_canonical(plan, i, &plan->graph->value[node->input[0]], &t));
    describe(&t, &plan->graph->value[node->output]);
    return engine_move_store(plan, i, node->output, &t);
}

/* ------------------------------------------------------------------ transpose */

static int is_perm(const struct node *node, int rank, int a, int b, int c)
{
    return rank == 3 && node->perm[0] == a && node->perm[1] == b && node->perm[2] == c;
}

/* Rotations of three dimensions, and two exchanged ones, are the same elements in the other order. */
static enum status rotate(struct plan *plan, int i, struct plan_tensor *t, int *out_done)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];
    int rank = in->rank, to_right = is_perm(node, rank, 2, 0, 1), to_left = is_perm(node, rank, 1, 2, 0);

    *out_done = (rank == 2 && node->perm[0] == 1) || to_right || to_left;
    if (!*out_done)
        return ST_OK;
    TRY(engine_move_order(plan, i, t, to_right ? PLAN_CHW : PLAN_HWC, NULL));
    TRY(engine_move_dense(plan, i, t));
    describe(t, out);
    t->order = to_right ? PLAN_HWC : PLAN_CHW;
    return ST_OK;
}

/* Whole planes exchange their lines with their columns. */
static enum status transpose_planes(struct plan *plan, int i, const struct plan_tensor *x, const struct plan_tensor *y)
{
    const struct kn_table *table = plan->table;
    int wide = x->type == PLAN_F32;
    struct plan_spec spec = {.node = i,
                             .run = engine_exec_transpose,
                             .kernel = wide ? table->transpose_x32.facts.name : table->transpose_x8.facts.name,
                             .reason = "lines and columns exchanged",
                             .x = x,
                             .y = y};
    struct engine_step *info;
    struct exec_step *step;
    size_t plane = engine_tensor_plane(x) * engine_tensor_bytes(x->type);

    TRY(engine_steps_add(plan, &spec, &step, &info));
    step->u.transpose = (struct exec_transpose){.run = wide ? table->transpose_x32.run : table->transpose_x8.run,
                                                .lines = x->c,
                                                .rows = x->h,
                                                .cols = x->w,
                                                .x_pitch = x->w,
                                                .y_pitch = x->h,
                                                .x_line = plane,
                                                .y_line = plane};
    engine_steps_share(plan, step, info);
    return ST_OK;
}

/* Any other permutation: runs of neighbours are copied, single elements where the last dimension moves. */
static enum status permute(struct plan *plan, int i, const struct plan_tensor *x, const struct plan_tensor *y)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];
    struct plan_spec spec = {
        .node = i, .run = engine_exec_copy, .kernel = "engine_copy", .reason = "dimensions exchanged", .x = x, .y = y};
    size_t from[GRAPH_MAX_RANK], to[GRAPH_MAX_RANK], size = engine_tensor_bytes(x->type);
    int rank = in->rank, runs = node->perm[rank - 1] == rank - 1, at = EXEC_RANK;
    struct engine_step *info;
    struct exec_step *step;
    struct exec_copy copy = {.dim = {1, 1, 1, 1}};

    from[rank - 1] = to[rank - 1] = size;
    for (int d = rank - 2; d >= 0; d--) {
        from[d] = from[d + 1] * (size_t)in->dim[d + 1];
        to[d] = to[d + 1] * (size_t)out->dim[d + 1];
    }
    copy.bytes = runs ? size * (size_t)out->dim[rank - 1] : size;
    for (int d = rank - 1 - runs; d >= 0; d--) {
        at--;
        copy.dim[at] = out->dim[d];
        copy.x_at[at] = from[node->perm[d]];
        copy.y_at[at] = to[d];
    }
    TRY(engine_steps_add(plan, &spec, &step, &info));
    step->u.copy = copy;
    engine_steps_share(plan, step, info);
    return ST_OK;
}

enum status engine_view_transpose(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];
    struct plan_tensor x, y;
    int done;

    TRY(take_input(plan, i, &x));
    TRY(rotate(plan, i, &x, &done));
    if (done)
        return engine_move_store(plan, i, node->output, &x);
    TRY(engine_move_canonical(plan, i, in, &x));
    y = x;
    describe(&y, out);
    TRY(engine_tensor_new(plan, i, &y));
    TRY(is_perm(node, in->rank, 0, 2, 1) ? transpose_planes(plan, i, &x, &y) : permute(plan, i, &x, &y));
    return engine_move_store(plan, i, node->output, &y);
}

/* ------------------------------------------------------------------ slice */

/* outer times `length` of `whole` neighbours from `from`, in elements. */
struct cut {
    size_t outer, whole, from, length;
};

static struct cut cut_of(const struct node *node, const struct value *in, int channels_last)
{
    struct cut cut = {1, 1, 1, 1};
    size_t inner = 1;

    if (channels_last) {
        cut.outer = (size_t)in->dim[1] * (size_t)in->dim[2];
    } else {
        for (int d = 0; d < node->axis; d++)
            cut.outer *= (size_t)in->dim[d];
        for (int d = node->axis + 1; d < in->rank; d++)
            inner *= (size_t)in->dim[d];
    }
    cut.whole = (size_t)in->dim[node->axis] * inner;
    cut.from = (size_t)node->begin * inner;
    cut.length = (size_t)(node->end - node->begin) * inner;
    return cut;
}

static enum status copy_cut(struct plan *plan, int i, const struct cut *cut, const struct plan_tensor *x,
                            struct plan_tensor *y)
{
    struct plan_tensor from = *x;
    struct plan_spec spec = {
        .node = i, .run = engine_exec_copy, .kernel = "engine_copy", .reason = "a part", .x = &from, .y = y};
    size_t size = engine_tensor_bytes(x->type);
    struct engine_step *info;
    struct exec_step *step;

    from.offset += cut->from;
    TRY(engine_tensor_new(plan, i, y));
    TRY(engine_steps_add(plan, &spec, &step, &info));
    info->input_bytes = info->output_bytes;
    step->u.copy = (struct exec_copy){.dim = {1, (int)cut->outer, 1, 1}, .bytes = cut->length * size};
    step->u.copy.x_at[1] = cut->whole * size;
    step->u.copy.y_at[1] = cut->length * size;
    engine_steps_share(plan, step, info);
    return ST_OK;
}

enum status engine_view_slice(struct plan *plan, int i)
{
    const struct node *node = &plan->graph->node[i];
    const struct value *in = &plan->graph->value[node->input[0]], *out = &plan->graph->value[node->output];
    struct plan_tensor x, y;
    int channels_last;
    struct cut cut;

    TRY(take_input(plan, i, &x));
    channels_last = in->rank == 3 && node->axis == 0 && x.order == PLAN_HWC;
    if (channels_last)
        TRY(engine_move_dense(plan, i, &x));
    else
        TRY(engine_move_canonical(plan, i, in, &x));
    cut = cut_of(node, in, channels_last);
    y = x;
    describe(&y, out);
    if (channels_last)
        y.order = PLAN_HWC;
    if (cut.outer == 1 && plan->batch == 1 && cut.from * engine_tensor_bytes(x.type) % KN_SLACK == 0)
        y.offset += cut.from; /* neighbours, and aligned: no need to copy */
    else
        TRY(copy_cut(plan, i, &cut, &x, &y));
    return engine_move_store(plan, i, node->output, &y);
}
