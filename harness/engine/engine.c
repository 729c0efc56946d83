#include "engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/engine_plan.h"

/* Shapes and connections are checked on a copy that shares the weights' data: callers may hand over graphs that were
 * built or read by hand, and the planner relies on every index and dimension. */
static enum status check_graph(const struct graph *graph, struct graph *view)
{
    *view = *graph;
    view->node = calloc((size_t)graph->nodes + 1, sizeof *view->node);
    view->value = calloc((size_t)graph->values + 1, sizeof *view->value);
    if (!view->node || !view->value)
        return status_fail(ST_NOMEM, "no memory to plan graph '%s'", graph->name);
    if (graph->nodes > 0)
        memcpy(view->node, graph->node, (size_t)graph->nodes * sizeof *view->node);
    if (graph->values > 0)
        memcpy(view->value, graph->value, (size_t)graph->values * sizeof *view->value);
    return graph_infer(view);
}

static enum status make(const struct graph *graph, const struct kn_table *table, const struct plan_options *options,
                        struct engine **out)
{
    struct graph view = {0};
    struct engine *engine = NULL;
    enum status st;

    if (options->batch < 1)
        return status_fail(ST_BADARG, "a batch of %d, expected at least 1", options->batch);
    if (options->threads < 1 || options->threads > ENGINE_THREADS_MAX)
        return status_fail(ST_BADARG, "%d threads, expected 1 to %d", options->threads, ENGINE_THREADS_MAX);
    TRY_OUT(check_graph(graph, &view));
    engine = calloc(1, sizeof *engine);
    if (!engine) {
        st = status_fail(ST_NOMEM, "no memory for an engine");
        goto out;
    }
    TRY_OUT(engine_plan_graph(engine, &view, table, options));
    if (options->threads > 1)
        TRY_OUT(engine_threads_new(options->threads, &engine->threads));
    *out = engine;
    engine = NULL;
out:
    engine_free(engine);
    free(view.node);
    free(view.value);
    return st;
}

enum status engine_new(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                       struct engine **out)
{
    const struct plan_options options = {batch, threads, 0};

    return make(graph, table, &options, out);
}

enum status engine_new_eager(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                             struct engine **out)
{
    const struct plan_options options = {batch, threads, 1};

    return make(graph, table, &options, out);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    engine_threads_free(engine->threads);
    for (int i = 0; i < engine->constants; i++)
        mem_free(engine->constant[i]);
    free(engine->constant);
    mem_free(engine->arena);
    free(engine->guard);
    free(engine->step);
    free(engine->info);
    free(engine);
}

void engine_begin(struct engine *engine, const float *input)
{
    memcpy(engine->input, input, (size_t)engine->batch * engine->input_count * sizeof *input);
}

static void run_step(const struct engine *engine, const struct exec_step *step)
{
    if (step->parts > 1)
        engine_threads_run(engine->threads, step);
    else
        step->run(step, 0, 1);
}

void engine_step_run(struct engine *engine, int step)
{
    run_step(engine, &engine->step[step]);
}

void engine_end(struct engine *engine, float *output)
{
    memcpy(output, engine->output, (size_t)engine->batch * engine->output_count * sizeof *output);
}

void engine_run(struct engine *engine, const float *input, float *output)
{
    engine_begin(engine, input);
    for (int i = 0; i < engine->steps; i++)
        run_step(engine, &engine->step[i]);
    engine_end(engine, output);
}

int engine_steps(const struct engine *engine)
{
    return engine->steps;
}

const struct engine_step *engine_step_info(const struct engine *engine, int step)
{
    return &engine->info[step];
}

int engine_batch(const struct engine *engine)
{
    return engine->batch;
}

size_t engine_input_count(const struct engine *engine)
{
    return engine->input_count;
}

size_t engine_output_count(const struct engine *engine)
{
    return engine->output_count;
}

const int32_t *engine_raw(const struct engine *engine)
{
    return engine->raw;
}

size_t engine_arena_bytes(const struct engine *engine)
{
    return engine->arena_bytes;
}

size_t engine_weight_bytes(const struct engine *engine)
{
    return engine->weight_bytes;
}

int engine_guards_intact(const struct engine *engine)
{
    return engine_memory_intact(engine);
}
