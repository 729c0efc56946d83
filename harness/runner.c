#include "runner.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum status runner_plan(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                        struct runner *out)
{
    struct runner runner = {.batch = batch, .images = 1};
    enum status st;

    TRY_OUT(engine_new(graph, table, batch, threads, &runner.engine));
    runner.outputs = (int)engine_output_count(runner.engine);
    runner.stride = engine_input_count(runner.engine) * (size_t)batch;
    TRY_OUT(mem_alloc(RUNNER_INPUTS * runner.stride, sizeof(float), &runner.input));
    TRY_OUT(mem_alloc((size_t)batch * (size_t)runner.outputs, sizeof(float), &runner.output));
    *out = runner;
    return ST_OK;
out:
    runner_free(&runner);
    return st;
}

void runner_load(struct runner *runner, const struct dataset *data)
{
    size_t pixels = engine_input_count(runner->engine);

    runner->images = data->n;
    for (int i = 0; i < RUNNER_INPUTS * runner->batch; i++)
        infer_scale(data->pixels + ((size_t)i % data->n) * pixels, pixels, runner->input + (size_t)i * pixels);
}

enum status runner_new(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                       const struct dataset *data, struct runner *out)
{
    TRY(infer_check_shape(graph, data));
    if (data->n == 0)
        return status_fail(ST_BADARG, "no images to time with");
    TRY(runner_plan(graph, table, batch, threads, out));
    runner_load(out, data);
    return ST_OK;
}

void runner_free(struct runner *runner)
{
    engine_free(runner->engine);
    mem_free(runner->input);
    mem_free(runner->output);
    memset(runner, 0, sizeof *runner);
}

static const float *next_input(struct runner *runner)
{
    const float *input = runner->input + (size_t)runner->next * runner->stride;
    runner->next = (runner->next + 1) % RUNNER_INPUTS;
    return input;
}

void runner_call(void *context)
{
    struct runner *runner = context;
    engine_run(runner->engine, next_input(runner), runner->output);
}

void runner_begin(void *context)
{
    struct runner *runner = context;
    engine_begin(runner->engine, next_input(runner));
}

void runner_step(void *context, int step)
{
    engine_step_run(((struct runner *)context)->engine, step);
}

void runner_end(void *context)
{
    struct runner *runner = context;
    engine_end(runner->engine, runner->output);
}

/* Where an image stands in its batch decides which kernel tile sums it up, and floats follow the order of sums: the
 * same place must give the same bits, another one the same within the tolerance. */
static int same_scores(const struct infer *expected, const float *got, uint32_t image, int place, int batch)
{
    size_t outputs = (size_t)expected->outputs;
    const float *want = expected->scores + image * outputs;
    float allowed = 1;

    if ((int)(image % (uint32_t)batch) == place)
        return memcmp(got, want, outputs * sizeof(float)) == 0;
    for (size_t j = 0; j < outputs; j++)
        allowed = fmaxf(allowed, fabsf(want[j]));
    for (size_t j = 0; j < outputs; j++)
        if (!(fabsf(got[j] - want[j]) <= expected->tolerance * allowed))
            return 0;
    return 1;
}

enum status runner_verify(struct runner *runner, const struct infer *expected, const char *what)
{
    size_t outputs = (size_t)runner->outputs;

    runner->next = 0;
    for (int i = 0; i < RUNNER_INPUTS; i++) {
        runner_call(runner);
        for (int b = 0; b < runner->batch; b++) {
            uint32_t image = (uint32_t)(i * runner->batch + b) % runner->images;
            if (!same_scores(expected, runner->output + (size_t)b * outputs, image, b, runner->batch))
                return status_fail(ST_MISMATCH, "%s: image %u gave other scores while timing than before", what, image);
        }
    }
    if (!engine_guards_intact(runner->engine))
        return status_fail(ST_MISMATCH, "%s: a kernel wrote outside its buffer", what);
    return ST_OK;
}
