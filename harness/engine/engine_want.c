/* What the readers of each value will want: convolutions by dense kernels read zeros (or the zero point) around their
 * input, and a producer that leaves room for them saves a copy. A first look along the graph guesses which kernels will
 * be chosen; where the guess is wrong, elements are copied. */
#include "engine/engine_choose.h"
#include "engine/engine_layer.h"
#include "engine/engine_pool.h"
#include "graph/graph_quant.h"

struct plan_border engine_want_padding(const struct node *node)
{
    if (node->op != OP_CONV)
        return (struct plan_border){0, 0, 0, 0};
    return (struct plan_border){node->pad_h, node->pad_w, node->pad_end_h, node->pad_end_w};
}

struct plan_border engine_want_of(const struct plan *plan, int v, enum plan_type type)
{
    enum quant_mode quant = plan->graph->value[v].quant;

    /* a dynamically quantized value is padded when it is quantized */
    if (quant == QUANT_DYNAMIC || (quant == QUANT_STATIC && type != PLAN_U8))
        return (struct plan_border){0, 0, 0, 0};
    return plan->value[v].want;
}

static void widen(struct plan_border *to, const struct plan_border *by)
{
    to->top = by->top > to->top ? by->top : to->top;
    to->left = by->left > to->left ? by->left : to->left;
    to->bottom = by->bottom > to->bottom ? by->bottom : to->bottom;
    to->right = by->right > to->right ? by->right : to->right;
}

static enum status look_at_product(struct plan *plan, int i)
{
    struct plan_tensor t;
    struct layer layer;
    struct choice choice;
    int u8_add;

    TRY(engine_layer_init(plan, i, &layer));
    t = engine_tensor_of(layer.in, PLAN_F32);
    t.order = plan->value[layer.in_value].order;
    u8_add = layer.residual >= 0 && layer.integer && !layer.dynamic && layer.out->quant == QUANT_STATIC;
    t.top = 255;
    TRY(engine_choose(plan, &layer, &t, u8_add, &choice));
    plan->value[layer.out_value].order = choice.kernel == CHOICE_SPMM ? PLAN_CHW : PLAN_HWC;
    if (choice.kernel == CHOICE_GEMM)
        widen(&plan->value[layer.in_value].want, &layer.pad);
    return ST_OK;
}

static enum status look_at(struct plan *plan, int i)
{
    const struct graph *graph = plan->graph;
    const struct node *node = &graph->node[i];
    const struct value *out = &graph->value[node->output];
    enum plan_order order = plan->value[node->input[0]].order;

    if (op_is_product(node->op))
        return look_at_product(plan, i);
    if (node->op == OP_POOL_AVG)
        order = PLAN_HWC;
    else if (node->op == OP_POOL_MAX)
        order = engine_pool_order(plan, node, order);
    else if (out->rank != 3)
        order = engine_tensor_canonical(out);
    plan->value[engine_plan_stored(plan, i)].order = order;
    return ST_OK;
}

enum status engine_want(struct plan *plan)
{
    const struct graph *graph = plan->graph;

    for (int i = 1; i < graph->nodes; i++)
        if (plan->live[i] && graph_chain_start(graph, i) == i)
            TRY(look_at(plan, i));
    for (int i = graph->nodes - 1; i > 0; i--) { /* a ReLU may work in place: what it reads needs the room */
        const struct node *node = &graph->node[i];
        if (plan->live[i] && op_is_activation(node->op) && engine_plan_reader(plan, node->input[0]) == i)
            widen(&plan->value[node->input[0]].want, &plan->value[node->output].want);
    }
    return ST_OK;
}
