#include "compress/invariants.h"

#include <math.h>
#include <string.h>

#include "compress/prune_blocks.h"
#include "compress/prune_channels.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"

static enum status check_scales(const struct weight *weight, const char *step)
{
    for (int o = 0; weight->scale && o < weight->dim[0]; o++)
        if (!(weight->scale[o] > 0) || !isfinite(weight->scale[o]))
            return status_fail(ST_MISMATCH, "%s: %s: scale %d is %g, expected more than 0 and finite", step,
                               weight->name, o, (double)weight->scale[o]);
    if (weight->type == DT_S8 && !weight->scale)
        return status_fail(ST_MISMATCH, "%s: %s: 8-bit weights without scales", step, weight->name);
    return ST_OK;
}

static int element_is_zero(const struct weight *weight, size_t i)
{
    if (weight->type == DT_F32)
        return ((const float *)weight->data)[i] == 0;
    return weight->type == DT_S8 ? ((const int8_t *)weight->data)[i] == 0 : ((const int32_t *)weight->data)[i] == 0;
}

static enum status check_data(const struct weight *weight, const char *step)
{
    for (size_t i = 0; i < weight->count; i++) {
        if (weight->type == DT_F32 && !isfinite(((const float *)weight->data)[i]))
            return status_fail(ST_MISMATCH, "%s: %s[%zu] is not finite", step, weight->name, i);
        if (weight->type == DT_S8 && ((const int8_t *)weight->data)[i] == INT8_MIN)
            return status_fail(ST_MISMATCH, "%s: %s[%zu] is -128, expected -127..127", step, weight->name, i);
        if (!weight->mask)
            continue;
        if (weight->mask[i] > 1)
            return status_fail(ST_MISMATCH, "%s: %s: mask[%zu] is %d, expected 0 or 1", step, weight->name, i,
                               weight->mask[i]);
        if (weight->mask[i] == 0 && !element_is_zero(weight, i))
            return status_fail(ST_MISMATCH, "%s: %s[%zu] is pruned but not zero", step, weight->name, i);
    }
    return ST_OK;
}

static enum status check_value(const struct graph *graph, int v, const char *step)
{
    const struct value *value = &graph->value[v], *origin;
    int source = graph_quant_source(graph, v);

    if (value->quant == QUANT_STATIC && (!(value->scale > 0) || !isfinite(value->scale)))
        return status_fail(ST_MISMATCH, "%s: value %s: scale %g, expected more than 0 and finite", step, value->name,
                           (double)value->scale);
    if (value->quant == QUANT_STATIC && (value->zero_point < 0 || value->zero_point > 255))
        return status_fail(ST_MISMATCH, "%s: value %s: zero point %d, expected 0..255", step, value->name,
                           (int)value->zero_point);
    if (source < 0)
        return value->quant == QUANT_NONE
                   ? ST_OK
                   : status_fail(ST_MISMATCH, "%s: value %s is quantized but never stored or the output", step,
                                 value->name);
    origin = &graph->value[source];
    if (value->quant != origin->quant ||
        (value->quant == QUANT_STATIC &&
         (value->scale != origin->scale || value->zero_point != origin->zero_point))) /* exact: copies */
        return status_fail(ST_MISMATCH, "%s: value %s does not share the quantization of %s", step, value->name,
                           origin->name);
    return ST_OK;
}

enum status invariants_graph(const struct graph *graph, const char *step)
{
    struct graph copy = {0};
    enum status st;

    TRY(graph_clone(graph, &copy)); /* inference writes shapes */
    st = graph_infer(&copy);
    for (int v = 0; st == ST_OK && v < graph->values; v++)
        if (memcmp(copy.value[v].dim, graph->value[v].dim, sizeof copy.value[v].dim) != 0)
            st = status_fail(ST_MISMATCH, "value %s has not the shape that its inputs give", graph->value[v].name);
    graph_free(&copy);
    if (st != ST_OK) {
        status_prefix(st, "%s", step);
        return ST_MISMATCH;
    }
    for (int i = 0; i < graph->weights; i++) {
        TRY(check_scales(&graph->weight[i], step));
        TRY(check_data(&graph->weight[i], step));
    }
    for (int v = 0; v < graph->values; v++)
        TRY(check_value(graph, v, step));
    return ST_OK;
}

enum status invariants_simulated(const struct graph *graph, const char *step)
{
    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        if (!op_is_product(node->op))
            continue;
        if (graph->weight[node->weight].type != DT_F32 || !graph->weight[node->weight].scale)
            return status_fail(ST_MISMATCH, "%s: %s is not a float weight with scales", step,
                               graph->weight[node->weight].name);
        if (graph->value[node->input[0]].quant == QUANT_NONE)
            return status_fail(ST_MISMATCH, "%s: value %s, which %s reads, is not quantized", step,
                               graph->value[node->input[0]].name, node->name);
    }
    return ST_OK;
}

enum status invariants_sparsity(const struct graph *graph, enum prune_scope scope, double sparsity, const char *step)
{
    size_t masked_total = 0;

    for (int i = 0; i < graph->nodes; i++) {
        const struct weight *weight;
        size_t masked, target;
        if (!prune_possible(graph, i))
            continue;
        weight = &graph->weight[graph->node[i].weight];
        masked = prune_masked(weight);
        target = prune_target(graph, sparsity, i);
        if (scope == PRUNE_LAYERWISE && masked != target)
            return status_fail(ST_MISMATCH, "%s: %s: %zu of %zu weights are pruned, the recipe says %zu", step,
                               weight->name, masked, weight->count, target);
        if (masked == weight->count)
            return status_fail(ST_MISMATCH, "%s: %s: all %zu weights are pruned", step, weight->name, weight->count);
        masked_total += masked;
    }
    if (scope == PRUNE_GLOBAL && masked_total != prune_target(graph, sparsity, -1))
        return status_fail(ST_MISMATCH, "%s: %s: %zu weights are pruned, the recipe says %zu", step, graph->name,
                           masked_total, prune_target(graph, sparsity, -1));
    return ST_OK;
}

/* As many whole blocks as fit: less than one block from the share. */
static enum status check_blocks(const char *name, size_t masked, size_t target, const struct prune *how,
                                const char *step)
{
    if (masked > target || masked + (size_t)(how->rows * how->cols) <= target)
        return status_fail(ST_MISMATCH, "%s: %s: %zu weights are pruned in blocks of %dx%d, the recipe says %zu", step,
                           name, masked, how->rows, how->cols, target);
    return ST_OK;
}

enum status invariants_blocks(const struct graph *graph, const struct prune *how, const char *step)
{
    size_t masked_total = 0;

    for (int i = 0; i < graph->nodes; i++) {
        const struct weight *weight = &graph->weight[graph->node[i].weight];
        if (!prune_possible(graph, i))
            continue;
        if (!weight->mask || !prune_blocks_whole(weight, how->rows, how->cols))
            return status_fail(ST_MISMATCH, "%s: %s: is not pruned in whole blocks of %dx%d", step, weight->name,
                               how->rows, how->cols);
        masked_total += prune_masked(weight);
        if (how->scope == PRUNE_LAYERWISE)
            TRY(check_blocks(weight->name, prune_masked(weight), prune_target(graph, how->sparsity, i), how, step));
    }
    return how->scope == PRUNE_LAYERWISE
               ? ST_OK
               : check_blocks(graph->name, masked_total, prune_target(graph, how->sparsity, -1), how, step);
}

enum status invariants_channels(const struct graph *before, const struct graph *after, double share, int round_to,
                                const char *step)
{
    if (before->nodes != after->nodes)
        return status_fail(ST_MISMATCH, "%s: %d nodes became %d", step, before->nodes, after->nodes);
    for (int i = 0; i < before->nodes; i++) {
        int had = before->node[i].channels, want = had;
        const struct weight *weight;
        if (!op_is_product(before->node[i].op))
            continue;
        if (prune_channels_possible(before, i))
            want = prune_channels_kept(had, share, round_to);
        weight = &after->weight[after->node[i].weight];
        if (after->node[i].channels != want || weight->dim[0] != want)
            return status_fail(ST_MISMATCH, "%s: %s: %d of %d channels are left, the recipe says %d", step,
                               weight->name, weight->dim[0], had, want);
    }
    return ST_OK;
}

enum status invariants_masks_kept(const struct graph *before, const struct graph *after, const char *step)
{
    for (int i = 0; i < before->weights; i++) {
        const struct weight *old = &before->weight[i], *new = &after->weight[i];
        if (!old->mask)
            continue;
        if (!new->mask || new->count != old->count || memcmp(old->mask, new->mask, old->count) != 0)
            return status_fail(ST_MISMATCH, "%s: %s: the mask changed", step, old->name);
    }
    return ST_OK;
}

static enum status check_converted(const struct graph *simulated, const struct graph *integer, int i, const char *step)
{
    const struct node *node = &integer->node[i];
    const struct weight *from = &simulated->weight[node->weight], *to = &integer->weight[node->weight];
    const float *w = from->data;
    size_t row = to->count / (size_t)to->dim[0];

    if (to->type != DT_S8)
        return status_fail(ST_MISMATCH, "%s: %s is %s, expected s8", step, to->name, dtype_name(to->type));
    for (size_t j = 0; j < to->count; j++) {
        float scale = from->scale[j / row];
        float rounded = scale * (float)kn_quantize_weight(w[j], scale);
        if (to->scale[j / row] * (float)((const int8_t *)to->data)[j] != rounded)
            return status_fail(ST_MISMATCH, "%s: %s[%zu] is %g as an integer and %g in the simulation", step, to->name,
                               j, (double)(to->scale[j / row] * (float)((const int8_t *)to->data)[j]), (double)rounded);
    }
    if (node->bias >= 0 && integer->weight[node->bias].type == DT_S32) {
        const float *b = simulated->weight[node->bias].data;
        const int32_t *q = integer->weight[node->bias].data;
        for (int o = 0; o < to->dim[0]; o++) {
            double unit = (double)integer->value[node->input[0]].scale * (double)to->scale[o];
            if (!(fabs(q[o] * unit - (double)b[o]) <= 0.5000001 * unit))
                return status_fail(ST_MISMATCH, "%s: %s[%d] is %g as an integer and %g in the simulation", step,
                                   integer->weight[node->bias].name, o, q[o] * unit, (double)b[o]);
        }
    }
    return ST_OK;
}

enum status invariants_conversion(const struct graph *simulated, const struct graph *integer, const char *step)
{
    for (int v = 0; v < integer->values; v++) {
        const struct value *a = &simulated->value[v], *b = &integer->value[v];
        if (a->quant != b->quant || a->scale != b->scale || a->zero_point != b->zero_point)
            return status_fail(ST_MISMATCH, "%s: value %s changed its quantization in the conversion", step, b->name);
    }
    for (int i = 0; i < integer->nodes; i++)
        if (op_is_product(integer->node[i].op))
            TRY(check_converted(simulated, integer, i, step));
    return ST_OK;
}

enum status invariants_weight_bits(const struct graph *integer, int weight_bits, const char *step)
{
    for (int i = 0; i < integer->nodes; i++) {
        const struct weight *weight;
        int steps;
        if (!op_is_product(integer->node[i].op))
            continue;
        weight = &integer->weight[integer->node[i].weight];
        steps = graph_weight_steps(integer, i, weight_bits);
        for (size_t j = 0; j < weight->count; j++) {
            int q = ((const int8_t *)weight->data)[j];
            if (q < -steps || q > steps)
                return status_fail(ST_MISMATCH, "%s: %s[%zu] is %d, expected -%d..%d", step, weight->name, j, q, steps,
                                   steps);
        }
    }
    return ST_OK;
}
