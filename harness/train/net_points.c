/* The grids of quantization points during training. */
#include <math.h>

#include "base/mem.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"
#include "train/net.h"

/* Share of the old range kept at each step: the memory is about a hundred batches. */
#define RANGE_KEEP 0.99f

static void seen(const struct net_point *point, float *lo, float *hi)
{
    *lo = *hi = 0; /* every range holds zero */
    for (int s = 0; s < NET_SLOTS; s++) {
        *lo = point->seen_lo[s] < *lo ? point->seen_lo[s] : *lo;
        *hi = point->seen_hi[s] > *hi ? point->seen_hi[s] : *hi;
    }
}

void net_points_begin(struct net *net)
{
    for (int p = 0; p < net->points; p++) {
        struct net_point *point = &net->point[p];
        seen(point, &point->lo, &point->hi);
        kn_range_params(point->lo, point->hi, &point->grid.scale, &point->grid.zero_point);
    }
    net->rounding = 1;
}

/* One Adam step on ln(scale); the zero point keeps the proportion of the observed range. */
static void learn_scale(struct net_point *point, const struct optim_step *step)
{
    double gradient = 0, rate;
    float unused;

    for (int s = 0; s < NET_SLOTS; s++)
        gradient += point->step_gradient[s];
    gradient *= (double)point->grid.scale;
    point->moment = 0.9 * point->moment + 0.1 * gradient;
    point->second = 0.999 * point->second + 0.001 * gradient * gradient;
    rate = (double)step->lr * (double)step->correct_first * point->moment /
           (sqrt(point->second * (double)step->correct_second) + 1e-12);
    rate = rate < 0.1 ? rate : 0.1;
    rate = rate > -0.1 ? rate : -0.1;
    point->grid.scale *= (float)(1 - rate);
    kn_range_params(point->lo, point->hi, &unused, &point->grid.zero_point);
}

void net_points_update(struct net *net, const struct optim_step *step)
{
    for (int p = 0; p < net->points; p++) {
        struct net_point *point = &net->point[p];
        float lo, hi;
        seen(point, &lo, &hi);
        point->lo = RANGE_KEEP * point->lo + (1 - RANGE_KEEP) * lo;
        point->hi = RANGE_KEEP * point->hi + (1 - RANGE_KEEP) * hi;
        if (net->ranges == TRAIN_RANGES_LSQ)
            learn_scale(point, step);
        else
            kn_range_params(point->lo, point->hi, &point->grid.scale, &point->grid.zero_point);
    }
}

void net_points_measure(struct net *net, const uint8_t *pixels, uint32_t n)
{
    uint32_t batches = n / (uint32_t)net->batch;
    int points = net->ranges == TRAIN_RANGES_LSQ ? 0 : net->points;

    for (int p = 0; p < points; p++)
        net->point[p].lo = net->point[p].hi = 0;
    for (uint32_t b = 0; b < batches && points > 0; b++) {
        net_forward(net, pixels + (size_t)b * (size_t)net->batch * net->input_count);
        for (int p = 0; p < points; p++) {
            float lo, hi;
            seen(&net->point[p], &lo, &hi);
            net->point[p].lo += lo / (float)batches;
            net->point[p].hi += hi / (float)batches;
        }
    }
    for (int p = 0; p < points; p++)
        kn_range_params(net->point[p].lo, net->point[p].hi, &net->point[p].grid.scale, &net->point[p].grid.zero_point);
}

enum status net_points_store(const struct net *net, struct graph *graph)
{
    struct value *input = &graph->value[graph_input(graph)];

    for (int l = 0; l < net->layers; l++) {
        struct weight *weight;
        if (net->layer[l].weight < 0)
            continue;
        weight = &graph->weight[net->layer[l].weight];
        if (!weight->scale)
            TRY(mem_alloc((size_t)weight->dim[0], sizeof *weight->scale, &weight->scale));
        fakequant_weights(weight->data, 0, weight->dim[0], weight->count / (size_t)weight->dim[0],
                          net->layer[l].weight_steps, weight->scale, NULL);
    }
    for (int p = 0; p < net->points; p++) {
        struct value *value = &graph->value[net->point[p].value];
        value->quant = QUANT_STATIC;
        value->scale = net->point[p].grid.scale;
        value->zero_point = net->point[p].grid.zero_point;
    }
    input->quant = QUANT_STATIC; /* pixels / 255: exact */
    input->scale = 1.0f / 255.0f;
    input->zero_point = 0;
    graph_quant_spread(graph);
    return ST_OK;
}
