#include "peer_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "compress/ptq.h"
#include "compress/quantize.h"
#include "engine/engine.h"
#include "graph/graph_fold.h"
#include "graph/graph_quant.h"

enum { CALIBRATION_IMAGES = 8 };

/* Pixels whose values are multiples of 1/255, as networks get them. */
static enum status make_pixels(const struct value *input, size_t images, struct rng *rng, uint8_t **out)
{
    size_t count = images * value_count(input);
    TRY(mem_alloc(count, 1, out));
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (uint8_t)rng_below(rng, 256);
    return ST_OK;
}

static enum status quantize(struct graph *graph, struct rng *rng)
{
    const struct value *input = &graph->value[graph_input(graph)];
    const struct calibrate_options options = {CALIBRATE_MINMAX, 100, CALIBRATION_IMAGES};
    struct dataset data = {.n = CALIBRATION_IMAGES, .classes = 1};
    uint8_t *pixels = NULL, labels[CALIBRATION_IMAGES] = {0};
    struct graph integers = {0};
    enum status st;

    TRY_OUT(make_pixels(input, CALIBRATION_IMAGES, rng, &pixels));
    data.pixels = pixels;
    data.labels = labels;
    data.c = input->dim[0];
    data.h = input->dim[1];
    data.w = input->dim[2];
    TRY_OUT(ptq_static(graph, &data, &options, PTQ_WEIGHTS_MAX, 8, NULL, TRAIN_BLAS_OPEN));
    TRY_OUT(quantize_graph(graph, &integers));
    graph_free(graph);
    *graph = integers;
out:
    mem_free(pixels);
    return st;
}

static enum status run_reference(struct peer_model_data *data)
{
    struct kn_table reference;
    struct engine *engine;

    kn_table_init(&reference, 0);
    TRY(engine_new(&data->graph, &reference, data->model.batch, 1, &engine));
    data->outputs = engine_output_count(engine) * (size_t)data->model.batch;
    if (mem_alloc(data->outputs, sizeof *data->want, &data->want) == ST_OK)
        engine_run(engine, data->input, data->want);
    engine_free(engine);
    return data->want ? ST_OK : ST_NOMEM;
}

static enum status make(const struct graph *graph, int batch, enum peer_type type, uint64_t seed,
                        struct peer_model_data *data)
{
    const struct value *input = &graph->value[graph_input(graph)];
    uint8_t *pixels = NULL;
    struct rng rng;
    enum status st;

    rng_seed(&rng, seed, 0x6d6f6465);
    TRY(graph_clone(graph, &data->graph));
    TRY(graph_fold_batchnorm(&data->graph));
    data->type = type;
    for (int i = 0; i < graph->nodes; i++)
        data->macs += graph_node_macs(graph, i);
    TRY_OUT(make_pixels(input, (size_t)batch, &rng, &pixels));
    TRY_OUT(mem_alloc((size_t)batch * value_count(input) + KN_SLACK, sizeof *data->input, &data->input));
    for (size_t i = 0; i < (size_t)batch * value_count(input); i++)
        data->input[i] = (float)pixels[i] / 255.0F;
    if (type == PEER_INT8)
        TRY_OUT(quantize(&data->graph, &rng));
    data->model = (struct peer_model){&data->graph, batch, data->input, 0, 0};
    TRY_OUT(run_reference(data));
    for (size_t i = 0; i < data->outputs; i++) {
        data->model.lo = fminf(data->model.lo, data->want[i]);
        data->model.hi = fmaxf(data->model.hi, data->want[i]);
    }
out:
    mem_free(pixels);
    return st;
}

enum status peer_model_make(const struct graph *graph, int batch, enum peer_type type, uint64_t seed,
                            struct peer_model_data *out)
{
    enum status st;

    memset(out, 0, sizeof *out);
    st = make(graph, batch, type, seed, out);
    if (st != ST_OK)
        peer_model_free(out);
    return st;
}

void peer_model_free(struct peer_model_data *data)
{
    graph_free(&data->graph);
    mem_free(data->input);
    mem_free(data->want);
    memset(data, 0, sizeof *data);
}

static size_t label(const float *scores, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        best = scores[i] > scores[best] ? i : best;
    return best;
}

/* Of the largest score. Where a float operator stands before a quantized one, a value within rounding error of the
 * border between two steps may fall on either side and move what follows by a part of a step (infer.h). */
static double tolerance_of(const struct peer_model_data *data, int own)
{
    if (data->type == PEER_F32)
        return 1e-3;
    if (!own)
        return INFINITY;
    return graph_is_exact(&data->graph) ? 1e-6 : 0.05;
}

enum status peer_model_check(const struct peer_model_data *data, const float *scores, int own, char *note, size_t size)
{
    size_t batch = (size_t)data->model.batch, n = data->outputs / batch, agree = 0;
    double largest = 1e-30, off = 0;

    for (size_t i = 0; i < data->outputs; i++) {
        double difference = fabs((double)scores[i] - (double)data->want[i]);
        largest = fmax(largest, fabs((double)data->want[i]));
        off = isfinite(difference) ? fmax(off, difference) : INFINITY;
    }
    for (size_t b = 0; b < batch; b++)
        agree += label(scores + b * n, n) == label(data->want + b * n, n);
    snprintf(note, size, "largest difference %.2g %% of the largest score, %zu of %zu labels agree",
             100 * off / largest, agree, batch);
    if (off / largest > tolerance_of(data, own))
        return status_fail(ST_MISMATCH, "the scores are wrong: %s", note);
    return ST_OK;
}
