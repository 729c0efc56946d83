#include "compress/quantize.h"

#include <math.h>

#include "base/mem.h"
#include "kernels/requant.h"

int32_t quantize_bias(float bias, float scale_in, float scale_w, int *out_saturated)
{
    double q = (double)bias / ((double)scale_in * (double)scale_w);

    if (!(q >= (double)INT32_MIN)) { /* NaN as well */
        *out_saturated = 1;
        return INT32_MIN;
    }
    if (q > (double)INT32_MAX) {
        *out_saturated = 1;
        return INT32_MAX;
    }
    return (int32_t)llrint(q);
}

static enum status convert_weight(struct weight *weight)
{
    const float *w = weight->data;
    size_t row = weight->count / (size_t)weight->dim[0];
    int8_t *q;

    TRY(mem_alloc(weight->count, sizeof *q, &q));
    for (size_t i = 0; i < weight->count; i++)
        q[i] = kn_quantize_weight(w[i], weight->scale[i / row]);
    mem_free(weight->data);
    weight->data = q;
    weight->type = DT_S8;
    return ST_OK;
}

static enum status convert_bias(struct weight *bias, const struct weight *weight, const struct value *input)
{
    const float *b = bias->data;
    int32_t *q;

    TRY(mem_alloc(bias->count, sizeof *q, &q));
    for (size_t o = 0; o < bias->count; o++) {
        int saturated = 0;
        q[o] = quantize_bias(b[o], input->scale, weight->scale[o], &saturated);
        if (saturated) {
            mem_free(q);
            return status_fail(ST_MISMATCH,
                               "%s[%zu]: bias %g does not fit 32 bits in units of %g (input scale %g, weight scale %g)",
                               bias->name, o, (double)b[o], (double)input->scale * (double)weight->scale[o],
                               (double)input->scale, (double)weight->scale[o]);
        }
    }
    mem_free(bias->data);
    bias->data = q;
    bias->type = DT_S32;
    return ST_OK;
}

static enum status convert_node(struct graph *graph, const struct node *node)
{
    struct weight *weight = &graph->weight[node->weight];
    const struct value *input = &graph->value[node->input[0]];

    if (weight->type != DT_F32 || !weight->scale)
        return status_fail(ST_BADARG, "%s: %s is not a float weight with scales", node->name, weight->name);
    if (input->quant == QUANT_NONE)
        return status_fail(ST_BADARG, "%s: its input %s is not quantized", node->name, input->name);
    if (input->quant == QUANT_STATIC && node->bias >= 0)
        TRY(convert_bias(&graph->weight[node->bias], weight, input));
    return convert_weight(weight);
}

enum status quantize_graph(const struct graph *simulated, struct graph *out)
{
    struct graph graph = {0};
    enum status st = ST_OK;

    TRY(graph_clone(simulated, &graph));
    for (int i = 0; i < graph.nodes; i++)
        if (op_is_product(graph.node[i].op))
            TRY_OUT(convert_node(&graph, &graph.node[i]));
    *out = graph;
    return ST_OK;
out:
    graph_free(&graph);
    return st;
}
