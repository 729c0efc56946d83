#include "cli_inspect_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "graph/graph_fold.h"
#include "graph/graph_json.h"
#include "io/plk.h"

static int is_definition(const char *path)
{
    size_t len = strlen(path);

    return len > 5 && strcmp(path + len - 5, ".json") == 0;
}

static enum status load(const char *path, struct graph *graph)
{
    if (!is_definition(path))
        return plk_read(path, graph, NULL);
    TRY(graph_from_json(path, graph));
    graph_init_weights(graph, 1);
    return graph_fold_batchnorm(graph);
}

static void print_step(int i, const struct engine_step *s)
{
    printf("%4d  %-20s %-32s %-24s %-24s %11" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " ", i, s->layer, s->kernel,
           s->input, s->output, s->macs_executed, s->weight_bytes, s->input_bytes, s->output_bytes);
    if (s->arena_offset != SIZE_MAX)
        printf("%9zu", s->arena_offset);
    else
        printf("%9s", "-");
    printf(" %3d  %s\n", s->threads, s->reason);
}

static void print_plan(const struct engine *engine, const struct graph *graph, const struct inspect_plan *options)
{
    uint64_t nominal = 0, executed = 0;

    printf("%s: %d steps, %s kernels, batch %d, %d thread%s\n\n", graph->name, engine_steps(engine),
           kn_isa_name(options->isa), options->batch, options->threads, options->threads == 1 ? "" : "s");
    printf("%4s  %-20s %-32s %-24s %-24s %11s %9s %9s %9s %9s %3s  %s\n", "step", "layer", "kernel", "reads", "writes",
           "MACs", "weights B", "in B", "out B", "at", "thr", "reason");
    for (int i = 0; i < engine_steps(engine); i++) {
        const struct engine_step *step = engine_step_info(engine, i);
        nominal += step->macs_nominal;
        executed += step->macs_executed;
        print_step(i, step);
    }
    printf("\nMACs: %" PRIu64 " executed of %" PRIu64 "\n", executed, nominal);
    printf("peak activation memory: %zu bytes; packed weights, scales and biases: %zu bytes\n",
           engine_arena_bytes(engine), engine_weight_bytes(engine));
}

enum status cli_inspect_plan(const char *path, const struct inspect_plan *options)
{
    struct graph graph = {0};
    struct engine *engine = NULL;
    struct kn_table table;
    enum status st;

    TRY_OUT(load(path, &graph));
    kn_table_init(&table, options->isa);
    TRY_OUT(engine_new(&graph, &table, options->batch, options->threads, &engine));
    print_plan(engine, &graph, options);
out:
    engine_free(engine);
    graph_free(&graph);
    return st;
}
