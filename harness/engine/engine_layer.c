#include "engine/engine_layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"

/* Elements that one call of the dequantization kernel is made long, if rows are shorter. */
enum { DEQUANT_CHUNK = 512 };

static int is_scale(float scale)
{
    return isfinite(scale) && scale > 0 && isfinite(1.0f / scale);
}

static enum status check_float(const struct layer *layer)
{
    if (layer->weight->scale)
        return status_fail(ST_UNSUPPORTED,
                           "node '%s': simulated quantization (float weights with scales); convert it first",
                           layer->node->name);
    if (layer->bias && layer->bias->type != DT_F32)
        return status_fail(ST_UNSUPPORTED, "node '%s': float weights with a bias of type %s", layer->node->name,
                           dtype_name(layer->bias->type));
    return ST_OK;
}

/* Sums of one row of weights. */
static void row_sums(const struct layer *layer, int o, int64_t *sum, int64_t *sum_abs)
{
    const int8_t *w = (const int8_t *)layer->weight->data + (size_t)o * (size_t)layer->k;

    *sum = *sum_abs = 0;
    for (int i = 0; i < layer->k; i++) {
        *sum += w[i];
        *sum_abs += abs(w[i]);
    }
}

static int64_t folded_bias(const struct layer *layer, int o, int64_t sum)
{
    int64_t bias = layer->bias && !layer->dynamic ? ((const int32_t *)layer->bias->data)[o] : 0;

    return layer->dynamic ? 0 : bias - layer->in->zero_point * sum;
}

/* No partial sum, in whatever order a kernel adds, can exceed |bias| + 255 * sum |w|. */
static enum status check_row(const struct layer *layer, int o)
{
    const int8_t *w = (const int8_t *)layer->weight->data + (size_t)o * (size_t)layer->k;
    int64_t sum, sum_abs, worst;

    if (!is_scale(layer->weight->scale[o]))
        return status_fail(ST_UNSUPPORTED, "node '%s': scale %g of output %d, expected a positive number",
                           layer->node->name, (double)layer->weight->scale[o], o);
    if (memchr(w, 0x80, (size_t)layer->k))
        return status_fail(ST_UNSUPPORTED, "node '%s': weight -128 in output %d, expected -127..127", layer->node->name,
                           o);
    row_sums(layer, o, &sum, &sum_abs);
    worst = llabs(folded_bias(layer, o, sum)) + 255 * sum_abs;
    if (worst > INT32_MAX)
        return status_fail(ST_UNSUPPORTED, "node '%s': sums of output %d can reach %lld, more than 32 bits hold",
                           layer->node->name, o, (long long)worst);
    return ST_OK;
}

static enum status check_integer(const struct layer *layer)
{
    enum dtype want = layer->dynamic ? DT_F32 : DT_S32;

    if (!layer->weight->scale)
        return status_fail(ST_UNSUPPORTED, "node '%s': 8-bit weights without scales", layer->node->name);
    if (layer->in->quant == QUANT_NONE)
        return status_fail(ST_UNSUPPORTED, "node '%s': 8-bit weights, but its input '%s' is float", layer->node->name,
                           layer->in->name);
    if (layer->bias && layer->bias->type != want)
        return status_fail(ST_UNSUPPORTED, "node '%s': bias of type %s, expected %s for a %s quantized input",
                           layer->node->name, dtype_name(layer->bias->type), dtype_name(want),
                           layer->dynamic ? "dynamically" : "statically");
    for (int o = 0; o < layer->n; o++)
        TRY(check_row(layer, o));
    return ST_OK;
}

void engine_layer_clamp(const struct graph *graph, int node, float *out_lo, float *out_hi)
{
    *out_lo = node >= 0 ? 0 : -INFINITY;
    *out_hi = node >= 0 && graph->node[node].op == OP_RELU6 ? 6 : INFINITY;
}

void engine_layer_bounds(float lo, float hi, float scale, int32_t zero_point, int32_t *out_lo, int32_t *out_hi)
{
    *out_lo = kn_quantize(lo, 1.0f / scale, zero_point);
    *out_hi = kn_quantize(hi, 1.0f / scale, zero_point);
}

/* Attributes of a window; an fc over (L, F) is a window of one position. */
static void fill_window(const struct plan *plan, struct layer *l)
{
    const struct node *node = l->node;
    const struct value *out = &plan->graph->value[node->output];

    l->groups = l->kernel_h = l->kernel_w = l->stride_h = l->stride_w = l->dilation_h = l->dilation_w = 1;
    l->oh = l->ow = 1;
    if (node->op == OP_FC) {
        l->vectors = l->in->rank == 1;
        l->ow = out->rank == 2 ? out->dim[0] : 1;
        return;
    }
    l->depthwise = node_is_depthwise(plan->graph, node);
    l->groups = node_groups(node);
    l->kernel_h = node->kernel_h;
    l->kernel_w = node->kernel_w;
    l->stride_h = node->stride_h;
    l->stride_w = node->stride_w;
    l->dilation_h = node_dilation_h(node);
    l->dilation_w = node_dilation_w(node);
    l->pad = engine_want_padding(node);
    l->oh = out->dim[1];
    l->ow = out->dim[2];
}

enum status engine_layer_init(const struct plan *plan, int node, struct layer *layer)
{
    const struct graph *graph = plan->graph;
    struct layer l = {.index = node, .node = &graph->node[node], .residual = -1};
    int add = graph_fused_add(graph, node);

    l.weight = &graph->weight[l.node->weight];
    l.bias = l.node->bias >= 0 ? &graph->weight[l.node->bias] : NULL;
    l.in_value = l.node->input[0];
    l.in = &graph->value[l.in_value];
    l.out_value = engine_plan_stored(plan, node);
    l.out = &graph->value[l.out_value];
    if (add >= 0)
        l.residual = graph->node[add].input[graph->node[add].input[0] == l.node->output];
    engine_layer_clamp(graph, engine_plan_clamp_of(plan, node), &l.lo, &l.hi);
    l.integer = l.weight->type == DT_S8;
    l.dynamic = l.integer && l.in->quant == QUANT_DYNAMIC;
    l.n = l.weight->dim[0];
    l.k = (int)(l.weight->count / (size_t)l.n);
    fill_window(plan, &l);
    l.zeros = weight_zeros(l.weight);
    if (l.weight->type == DT_S32)
        return status_fail(ST_UNSUPPORTED, "node '%s': weights of type %s", l.node->name, dtype_name(l.weight->type));
    TRY(l.integer ? check_integer(&l) : check_float(&l));
    *layer = l;
    return ST_OK;
}

struct kn_rows engine_layer_rows(const struct layer *layer, int c, ptrdiff_t line, int batch)
{
    struct kn_rows rows = {.m = layer->oh * layer->ow,
                           .row_w = layer->ow,
                           .step_x = (ptrdiff_t)layer->stride_w * c,
                           .step_y = layer->stride_h * line,
                           .segs = layer->kernel_h,
                           .seg_len = layer->kernel_w * c,
                           .seg_w = 1,
                           .seg_step_y = layer->dilation_h * line};

    if (layer->vectors)
        return (struct kn_rows){
            .m = batch, .row_w = batch, .step_x = layer->k, .segs = 1, .seg_len = layer->k, .seg_w = 1};
    if (layer->groups > 1 || (layer->dilation_w > 1 && layer->kernel_w > 1)) { /* one run for each tap */
        rows.segs = layer->kernel_h * layer->kernel_w;
        rows.seg_w = layer->kernel_w;
        rows.seg_len = c / layer->groups;
        rows.seg_step_x = (ptrdiff_t)layer->dilation_w * c;
    } else if (rows.seg_step_y == rows.seg_len) { /* runs that touch */
        rows.seg_len *= rows.segs;
        rows.segs = 1;
    }
    return rows;
}

static void reorder_s8(const int8_t *from, int rows, int c, int s, int8_t *to)
{
    for (int o = 0; o < rows; o++, from += (size_t)c * (size_t)s)
        for (int i = 0; i < s; i++)
            for (int j = 0; j < c; j++)
                *to++ = from[(size_t)j * (size_t)s + (size_t)i];
}

static void reorder_f32(const float *from, int rows, int c, int s, float *to)
{
    for (int o = 0; o < rows; o++, from += (size_t)c * (size_t)s)
        for (int i = 0; i < s; i++)
            for (int j = 0; j < c; j++)
                *to++ = from[(size_t)j * (size_t)s + (size_t)i];
}

enum status engine_layer_weights(const struct layer *layer, int c, int s, const void **out_weights, void **out_owned)
{
    void *copy = NULL;

    if (c > 1 && s > 1) {
        TRY(mem_alloc(layer->weight->count, dtype_bytes(layer->weight->type), &copy));
        if (layer->integer)
            reorder_s8(layer->weight->data, layer->n, c, s, copy);
        else
            reorder_f32(layer->weight->data, layer->n, c, s, copy);
    }
    *out_weights = copy ? copy : layer->weight->data;
    *out_owned = copy;
    return ST_OK;
}

enum status engine_layer_bias(struct engine *engine, const struct layer *layer, const float **out_bias)
{
    float *bias = NULL;

    if (layer->bias) {
        TRY(engine_memory_constant(engine, (size_t)layer->n, sizeof *bias, &bias));
        memcpy(bias, layer->bias->data, (size_t)layer->n * sizeof *bias);
    }
    *out_bias = bias;
    return ST_OK;
}

enum status engine_layer_bias_s32(struct engine *engine, const struct layer *layer, const int32_t **out_bias)
{
    int64_t sum, sum_abs;
    int32_t *bias;

    TRY(engine_memory_constant(engine, (size_t)layer->n, sizeof *bias, &bias));
    for (int o = 0; o < layer->n; o++) {
        row_sums(layer, o, &sum, &sum_abs);
        bias[o] = (int32_t)folded_bias(layer, o, sum);
    }
    *out_bias = bias;
    return ST_OK;
}

enum status engine_layer_requant(struct engine *engine, const struct layer *layer, struct kn_requant *out_requant)
{
    struct kn_requant requant = {.zero_point = layer->out->zero_point};
    float *scale;

    engine_layer_bounds(layer->lo, layer->hi, layer->out->scale, requant.zero_point, &requant.lo, &requant.hi);
    TRY(engine_layer_bias_s32(engine, layer, &requant.bias));
    TRY(engine_memory_constant(engine, (size_t)layer->n, sizeof *scale, &scale));
    for (int o = 0; o < layer->n; o++) {
        float product = layer->in->scale * layer->weight->scale[o];
        scale[o] = product / layer->out->scale;
        if (!isfinite(scale[o]))
            return status_fail(ST_UNSUPPORTED, "node '%s': the scales of output %d give %g", layer->node->name, o,
                               (double)scale[o]);
    }
    requant.scale = scale;
    *out_requant = requant;
    return ST_OK;
}

static enum status static_range(struct engine *engine, const struct layer *layer, const struct exec_range **out_range)
{
    struct exec_range *range;

    TRY(engine_memory_constant(engine, 1, sizeof *range, &range));
    range->scale = layer->in->scale;
    range->inv_scale = 1.0f / layer->in->scale;
    *out_range = range;
    return ST_OK;
}

enum status engine_layer_dequant(struct engine *engine, const struct layer *layer, size_t positions, float lo, float hi,
                                 struct exec_dequant *out)
{
    size_t n = (size_t)layer->n, repeat = n < DEQUANT_CHUNK ? DEQUANT_CHUNK / n : 1;
    struct exec_dequant d = {.rows = 1, .count = positions * n, .range_step = layer->dynamic, .lo = lo, .hi = hi};
    int with_bias = layer->dynamic && layer->bias;
    float *scale, *bias = NULL;
    int32_t *wsum = NULL;

    repeat = repeat < positions ? repeat : positions;
    d.chunk = (int)(n * repeat);
    TRY(engine_memory_constant(engine, n * repeat, sizeof *scale, &scale));
    if (with_bias)
        TRY(engine_memory_constant(engine, n * repeat, sizeof *bias, &bias));
    if (layer->dynamic)
        TRY(engine_memory_constant(engine, n * repeat, sizeof *wsum, &wsum));
    else
        TRY(static_range(engine, layer, &d.range));
    for (size_t i = 0; i < n * repeat; i++)
        scale[i] = layer->weight->scale[i % n];
    for (size_t i = 0; with_bias && i < n * repeat; i++)
        bias[i] = ((const float *)layer->bias->data)[i % n];
    for (int o = 0; wsum && o < layer->n; o++) {
        int64_t sum, sum_abs;
        row_sums(layer, o, &sum, &sum_abs);
        for (size_t r = 0; r < repeat; r++)
            wsum[r * n + (size_t)o] = (int32_t)sum;
    }
    d.scale = scale;
    d.bias = bias;
    d.wsum = wsum;
    *out = d;
    return ST_OK;
}

uint64_t engine_layer_tail_bytes(const struct layer *layer)
{
    uint64_t per_output = layer->bias ? 4 : 0;

    if (layer->integer)
        per_output = layer->dynamic ? 8 + per_output : 8; /* scale; folded bias, or the sum of weights and the bias */
    return per_output * (uint64_t)layer->n;
}
