#include "compress/ptq.h"

#include <math.h>

#include "base/mem.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"

enum { CLIP_STEPS = 60, CLIP_OF = 100 }; /* weight clips tried: 100 % down to 41 % of the maximum */

static double rounding_error(const float *w, size_t n, float scale, int steps)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        float clipped = kn_clamp(w[i], (float)-steps * scale, (float)steps * scale);
        double error = (double)w[i] - (double)scale * kn_quantize_weight(clipped, scale);
        sum += error * error;
    }
    return sum;
}

float ptq_channel_scale(const float *w, size_t n, int steps, enum ptq_weights method)
{
    float max_abs = 0, best_scale;
    double best;

    for (size_t i = 0; i < n; i++)
        max_abs = fmaxf(max_abs, fabsf(w[i]));
    best_scale = kn_weight_scale_to(max_abs, steps);
    if (method == PTQ_WEIGHTS_MAX || max_abs == 0)
        return best_scale;
    best = rounding_error(w, n, best_scale, steps);
    for (int i = 1; i < CLIP_STEPS; i++) {
        float scale = kn_weight_scale_to(max_abs * (float)(CLIP_OF - i) / CLIP_OF, steps);
        double error = rounding_error(w, n, scale, steps);
        if (error < best) {
            best = error;
            best_scale = scale;
        }
    }
    return best_scale;
}

static void clip_channel(float *w, size_t n, float reach)
{
    for (size_t i = 0; i < n; i++)
        w[i] = kn_clamp(w[i], -reach, reach);
}

enum status ptq_weights(struct graph *graph, enum ptq_weights method, int weight_bits)
{
    for (int i = 0; i < graph->nodes; i++) {
        struct weight *weight;
        size_t row;
        int steps;
        if (!op_is_product(graph->node[i].op))
            continue;
        weight = &graph->weight[graph->node[i].weight];
        row = weight->count / (size_t)weight->dim[0];
        steps = graph_weight_steps(graph, i, weight_bits);
        if (!weight->scale)
            TRY(mem_alloc((size_t)weight->dim[0], sizeof *weight->scale, &weight->scale));
        for (int o = 0; o < weight->dim[0]; o++) {
            float *w = (float *)weight->data + (size_t)o * row;
            weight->scale[o] = ptq_channel_scale(w, row, steps, method);
            if (steps < 127)
                clip_channel(w, row, (float)steps * weight->scale[o]);
        }
    }
    return ST_OK;
}

int ptq_fit_bias(struct graph *graph)
{
    int changed = 0;

    for (int i = 0; i < graph->nodes; i++) {
        const struct node *node = &graph->node[i];
        const struct value *input;
        struct weight *weight;
        const float *bias;
        if (!op_is_product(node->op) || node->bias < 0)
            continue;
        input = &graph->value[node->input[0]];
        weight = &graph->weight[node->weight];
        bias = graph->weight[node->bias].data;
        if (input->quant != QUANT_STATIC || !weight->scale)
            continue;
        for (int o = 0; o < weight->dim[0]; o++) {
            double least = fabs((double)bias[o]) / ((double)input->scale * PTQ_BIAS_MAX);
            if ((double)weight->scale[o] < least) {
                weight->scale[o] = nextafterf((float)least, INFINITY);
                changed++;
            }
        }
    }
    return changed;
}

enum status ptq_static(struct graph *graph, const struct dataset *data, const struct calibrate_options *options,
                       enum ptq_weights method, int weight_bits, struct pool *pool, enum train_blas blas)
{
    TRY(calibrate_graph(graph, data, options, pool, blas));
    TRY(ptq_weights(graph, method, weight_bits));
    (void)ptq_fit_bias(graph);
    return ST_OK;
}

enum status ptq_dynamic(struct graph *graph, enum ptq_weights method)
{
    TRY(ptq_weights(graph, method, 8));
    for (int v = 0; v < graph->values; v++)
        graph->value[v].quant = graph_is_quant_point(graph, v) ? QUANT_DYNAMIC : QUANT_NONE;
    graph_quant_spread(graph);
    return ST_OK;
}
