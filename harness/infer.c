#include "infer.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine.h"
#include "graph/graph_quant.h"

enum { INFER_MAX_THREADS = 64 };

struct worker {
    struct engine *engine;
    float *input;  /* (batch, c, h, w) */
    float *output; /* (batch, outputs) */
};

struct job {
    const struct dataset *data;
    struct infer *result;
    struct worker worker[INFER_MAX_THREADS];
    int workers, batch;
    size_t pixels; /* per image */
};

void infer_scale(const uint8_t *pixels, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float)pixels[i] / 255.0f;
}

static int32_t largest(const float *scores, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

/* Worker w takes every workers-th batch. The last batch is filled up with its own first image. */
static void run_share(void *context, int w)
{
    struct job *job = context;
    struct worker *self = &job->worker[w];
    struct infer *result = job->result;
    size_t outputs = (size_t)result->outputs;

    for (uint32_t first = (uint32_t)(w * job->batch); first < result->n;
         first += (uint32_t)(job->workers * job->batch)) {
        uint32_t n = result->n - first < (uint32_t)job->batch ? result->n - first : (uint32_t)job->batch;
        for (uint32_t i = 0; i < (uint32_t)job->batch; i++)
            infer_scale(job->data->pixels + (size_t)(first + (i < n ? i : 0)) * job->pixels, job->pixels,
                        self->input + i * job->pixels);
        engine_run(self->engine, self->input, self->output);
        memcpy(result->scores + first * outputs, self->output, n * outputs * sizeof(float));
        if (result->raw)
            memcpy(result->raw + first * outputs, engine_raw(self->engine), n * outputs * sizeof(int32_t));
        for (uint32_t i = 0; i < n; i++)
            result->predictions[first + i] = largest(self->output + i * outputs, result->outputs);
    }
}

enum status infer_check_shape(const struct graph *graph, const struct dataset *data)
{
    const struct value *in = &graph->value[graph_input(graph)];
    const struct value *out = &graph->value[graph_output(graph)];
    size_t pixels = (size_t)data->c * (size_t)data->h * (size_t)data->w;

    if (in->rank == 3 ? in->dim[0] != data->c || in->dim[1] != data->h || in->dim[2] != data->w
                      : value_count(in) != pixels)
        return status_fail(ST_BADARG, "model '%s' takes inputs of (%d, %d, %d), the data has (%d, %d, %d)", graph->name,
                           in->dim[0], in->dim[1], in->dim[2], data->c, data->h, data->w);
    if (value_count(out) < (size_t)data->classes || value_count(out) > INT32_MAX)
        return status_fail(ST_BADARG, "model '%s' has %zu outputs, the data has %d classes", graph->name,
                           value_count(out), data->classes);
    return ST_OK;
}

int infer_raw_is_output(const struct graph *graph)
{
    const struct node *last = &graph->node[graph->nodes - 1];

    return graph_is_exact(graph) && (last->op == OP_FC || last->op == OP_CONV || last->op == OP_RELU);
}

/* 8-bit layers after operators whose float results are not the same bits everywhere. */
static int is_mixed(const struct graph *graph)
{
    int quantized = 0;

    for (int i = 0; i < graph->weights; i++)
        quantized |= graph->weight[i].type == DT_S8;
    return quantized && !graph_is_exact(graph);
}

float infer_tolerance(const struct graph *graph)
{
    return is_mixed(graph) ? 0.05f : 1e-4f;
}

static enum status prepare(const struct graph *graph, const struct kn_table *table, struct pool *pool, struct job *job)
{
    struct infer *result = job->result;
    size_t count = (size_t)result->n * (size_t)result->outputs;

    job->workers = pool_threads(pool) < INFER_MAX_THREADS ? pool_threads(pool) : INFER_MAX_THREADS;
    for (int w = 0; w < job->workers; w++) {
        struct worker *worker = &job->worker[w];
        TRY(engine_new(graph, table, job->batch, 1, &worker->engine));
        TRY(mem_alloc((size_t)job->batch * job->pixels, sizeof(float), &worker->input));
        TRY(mem_alloc((size_t)job->batch * (size_t)result->outputs, sizeof(float), &worker->output));
    }
    TRY(mem_alloc(count, sizeof(float), &result->scores));
    TRY(mem_alloc(result->n, sizeof(int32_t), &result->predictions));
    if (infer_raw_is_output(graph) && engine_raw(job->worker[0].engine))
        TRY(mem_alloc(count, sizeof(int32_t), &result->raw));
    return ST_OK;
}

enum status infer_dataset(const struct graph *graph, const struct kn_table *table, int batch,
                          const struct dataset *data, struct pool *pool, struct infer *out)
{
    struct infer result = {.n = data->n};
    struct job job = {.data = data, .result = &result, .batch = batch};
    enum status st;
    int intact = 1;

    TRY(infer_check_shape(graph, data));
    result.outputs = (int)value_count(&graph->value[graph_output(graph)]);
    result.tolerance = infer_tolerance(graph);
    job.pixels = (size_t)data->c * (size_t)data->h * (size_t)data->w;
    TRY_OUT(prepare(graph, table, pool, &job));
    pool_run(pool, job.workers, run_share, &job);
    for (int w = 0; w < job.workers; w++)
        intact &= engine_guards_intact(job.worker[w].engine);
    if (!intact) {
        st = status_fail(ST_MISMATCH, "model '%s': a kernel wrote outside its buffer", graph->name);
        goto out;
    }
    if (result.raw)
        hash_bytes(result.raw, (size_t)result.n * (size_t)result.outputs * sizeof(int32_t), result.raw_sha256);
    *out = result;
    memset(&result, 0, sizeof result);
out:
    for (int w = 0; w < INFER_MAX_THREADS; w++) {
        engine_free(job.worker[w].engine);
        mem_free(job.worker[w].input);
        mem_free(job.worker[w].output);
    }
    infer_free(&result);
    return st;
}

void infer_free(struct infer *infer)
{
    mem_free(infer->scores);
    mem_free(infer->raw);
    mem_free(infer->predictions);
    memset(infer, 0, sizeof *infer);
}

enum status infer_compare(const struct infer *got, const struct infer *reference, const char *what)
{
    size_t outputs = (size_t)reference->outputs;

    if (got->n != reference->n || got->outputs != reference->outputs || !got->raw != !reference->raw)
        return status_fail(ST_MISMATCH, "%s: its outputs have another shape than the reference's", what);
    for (uint32_t i = 0; i < got->n; i++) {
        const float *a = got->scores + i * outputs, *b = reference->scores + i * outputs;
        float allowed = 1;
        if (got->raw) {
            for (size_t j = 0; j < outputs; j++)
                if (got->raw[i * outputs + j] != reference->raw[i * outputs + j])
                    return status_fail(ST_MISMATCH, "%s: image %u, output %zu is %d, the reference has %d", what, i, j,
                                       got->raw[i * outputs + j], reference->raw[i * outputs + j]);
            continue;
        }
        for (size_t j = 0; j < outputs; j++)
            allowed = fabsf(b[j]) > allowed ? fabsf(b[j]) : allowed;
        for (size_t j = 0; j < outputs; j++)
            if (!(fabsf(a[j] - b[j]) <= reference->tolerance * allowed))
                return status_fail(ST_MISMATCH, "%s: image %u, output %zu is %g, the reference has %g", what, i, j,
                                   (double)a[j], (double)b[j]);
    }
    return ST_OK;
}
