/* packlight inspect: what a packed model holds and where its bytes go. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cli.h"
#include "cli_common.h"
#include "cli_inspect_plan.h"
#include "engine/engine.h"
#include "io/plk.h"

static const char help[] =
    "usage: packlight inspect MODEL.plk [--json]\n"
    "       packlight inspect MODEL.plk|MODEL.json --plan [options]\n"
    "\n"
    "Operators, quantization of activations, and for each tensor its type, encoding, bytes and\n"
    "zeros; the whole file's ratio to the same model as an FP32 file.\n"
    "\n"
    "  --json        the same as one JSON object\n"
    "  --plan        what the engine will do instead: steps, kernels and why, MACs, bytes, places in\n"
    "                memory and its peak; of a model definition with random weights, too\n"
    "  --isa LEVEL   with --plan: as for packlight run\n"
    "  --batch N     with --plan (default: 1)\n"
    "  --threads N   with --plan (default: 1)\n"
    "\n"
    "example: packlight inspect results/latest/artifacts/lenet5-prune-u90+qat-s8.plk\n";

struct model {
    const char *path;
    struct graph graph;
    struct plk_info info;
    size_t fp32_bytes;
    size_t parameters, nonzeros;
};

static const char *const quant_names[] = {"no", "u8 static", "u8 dynamic"};

/* "1x28x28"; returns buffer. */
static const char *shape_text(const int *dim, int rank, char *buffer, size_t size)
{
    size_t len = 0;

    for (int d = 0; d < rank && len < size; d++)
        len += (size_t)snprintf(buffer + len, size - len, "%s%d", d ? "x" : "", dim[d]);
    return buffer;
}

static const struct weight *find_weight(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->weights; i++)
        if (strcmp(graph->weight[i].name, name) == 0)
            return &graph->weight[i];
    return NULL;
}

static double percent(size_t part, size_t whole)
{
    return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double bits_each(size_t bytes, size_t count)
{
    return count > 0 ? 8.0 * (double)bytes / (double)count : 0;
}

static double ratio(const struct model *model)
{
    return (double)model->fp32_bytes / (double)model->info.file_bytes;
}

static void print_values(const struct graph *graph)
{
    char shape[48];

    printf("\n%-16s %-10s %-14s %-12s %14s %6s\n", "value", "operator", "shape", "quantized", "scale", "zero");
    for (int i = 0; i < graph->nodes; i++) {
        const struct value *value = &graph->value[graph->node[i].output];
        printf("%-16s %-10s %-14s %-12s", value->name, op_name(graph->node[i].op),
               shape_text(value->dim, value->rank, shape, sizeof shape), quant_names[value->quant]);
        if (value->quant == QUANT_STATIC)
            printf(" %14.8g %6d", (double)value->scale, (int)value->zero_point);
        putchar('\n');
    }
}

static void print_tensors(const struct model *model)
{
    char shape[64];

    printf("\n%-20s %-5s %-14s %-10s %10s %10s %9s %7s\n", "tensor", "type", "shape", "encoding", "bytes", "elements",
           "nonzero %", "bits");
    for (int i = 0; i < model->info.tensors; i++) {
        const struct plk_tensor_info *tensor = &model->info.tensor[i];
        const struct weight *weight = find_weight(&model->graph, tensor->name);
        printf("%-20s %-5s %-14s %-10s %10zu %10zu %9.2f %7.3f\n", tensor->name, dtype_name(weight->type),
               shape_text(weight->dim, weight->rank, shape, sizeof shape), tensor->encoding, tensor->bytes,
               tensor->count, percent(tensor->nonzeros, tensor->count), bits_each(tensor->bytes, tensor->count));
    }
    printf("%-51s %10zu %10zu %9.2f %7.3f\n", "all tensors", model->info.file_bytes - model->info.header_bytes,
           model->parameters, percent(model->nonzeros, model->parameters),
           bits_each(model->info.file_bytes - model->info.header_bytes, model->parameters));
}

static void print_model(const struct model *model)
{
    printf("%s: %s, %d operators\n", model->path, model->graph.name, model->graph.nodes);
    printf("  %zu bytes (%zu not in tensors), %.2fx smaller than FP32 (%zu bytes)\n", model->info.file_bytes,
           model->info.header_bytes, ratio(model), model->fp32_bytes);
    printf("  sha256 %s\n", model->info.sha256);
    print_values(&model->graph);
    print_tensors(model);
}

/* cJSON keeps doubles: exact for every size here. */
static int add_number(cJSON *object, const char *key, double number)
{
    return cJSON_AddNumberToObject(object, key, number) != NULL;
}

static int add_text(cJSON *object, const char *key, const char *text)
{
    return cJSON_AddStringToObject(object, key, text) != NULL;
}

static int add_shape(cJSON *object, const int *dim, int rank)
{
    cJSON *shape = cJSON_CreateIntArray(dim, rank);

    if (!shape || !cJSON_AddItemToObject(object, "shape", shape)) {
        cJSON_Delete(shape);
        return 0;
    }
    return 1;
}

/* A new object at the end of an array; NULL without memory. */
static cJSON *add_item(cJSON *array)
{
    cJSON *item = cJSON_CreateObject();

    if (!item || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        return NULL;
    }
    return item;
}

static int add_values(cJSON *root, const struct graph *graph)
{
    cJSON *array = cJSON_AddArrayToObject(root, "values");

    for (int i = 0; array && i < graph->nodes; i++) {
        const struct value *value = &graph->value[graph->node[i].output];
        cJSON *item = add_item(array);
        if (!item || !add_text(item, "name", value->name) || !add_text(item, "op", op_name(graph->node[i].op)) ||
            !add_shape(item, value->dim, value->rank) || !add_text(item, "quantized", quant_names[value->quant]))
            return 0;
        if (value->quant == QUANT_STATIC &&
            (!add_number(item, "scale", (double)value->scale) || !add_number(item, "zero_point", value->zero_point)))
            return 0;
    }
    return array != NULL;
}

static int add_tensors(cJSON *root, const struct model *model)
{
    cJSON *array = cJSON_AddArrayToObject(root, "tensors");

    for (int i = 0; array && i < model->info.tensors; i++) {
        const struct plk_tensor_info *tensor = &model->info.tensor[i];
        const struct weight *weight = find_weight(&model->graph, tensor->name);
        cJSON *item = add_item(array);
        if (!item || !add_text(item, "name", tensor->name) || !add_text(item, "type", dtype_name(weight->type)) ||
            !add_shape(item, weight->dim, weight->rank) || !add_text(item, "encoding", tensor->encoding) ||
            !add_number(item, "bytes", (double)tensor->bytes) || !add_number(item, "count", (double)tensor->count) ||
            !add_number(item, "nonzeros", (double)tensor->nonzeros) ||
            !cJSON_AddBoolToObject(item, "scaled", weight->scale != NULL))
            return 0;
    }
    return array != NULL;
}

static enum status print_json(const struct model *model)
{
    cJSON *root = cJSON_CreateObject();
    char *text = NULL;

    if (root && add_text(root, "schema", "packlight.inspect/1") && add_text(root, "file", model->path) &&
        add_text(root, "model", model->graph.name) && add_text(root, "sha256", model->info.sha256) &&
        add_number(root, "size_file_bytes", (double)model->info.file_bytes) &&
        add_number(root, "size_header_bytes", (double)model->info.header_bytes) &&
        add_number(root, "size_fp32_bytes", (double)model->fp32_bytes) &&
        add_number(root, "size_ratio", ratio(model)) && add_number(root, "parameters", (double)model->parameters) &&
        add_number(root, "nonzeros", (double)model->nonzeros) && add_values(root, &model->graph) &&
        add_tensors(root, model))
        text = cJSON_Print(root);
    cJSON_Delete(root);
    if (!text)
        return status_fail(ST_NOMEM, "%s: no memory to describe it", model->path);
    puts(text);
    cJSON_free(text);
    return ST_OK;
}

static enum status inspect(const char *path, int json)
{
    struct model model = {.path = path};
    enum status st;

    TRY(plk_read(path, &model.graph, &model.info));
    TRY_OUT(plk_fp32_bytes(&model.graph, &model.fp32_bytes));
    for (int i = 0; i < model.info.tensors; i++) {
        model.parameters += model.info.tensor[i].count;
        model.nonzeros += model.info.tensor[i].nonzeros;
    }
    if (json)
        TRY_OUT(print_json(&model));
    else
        print_model(&model);
out:
    plk_info_free(&model.info);
    graph_free(&model.graph);
    return st;
}

enum status cli_inspect(int argc, char **argv, int *exit_code)
{
    static const struct option long_options[] = {{"json", no_argument, NULL, 'j'},
                                                 {"plan", no_argument, NULL, 'p'},
                                                 {"isa", required_argument, NULL, 'I'},
                                                 {"batch", required_argument, NULL, 'b'},
                                                 {"threads", required_argument, NULL, 't'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    struct inspect_plan options = {0};
    long batch = 1, threads = 1;
    const char *isa = NULL;
    int option, json = 0, plan = 0, tuned = 0;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'j':
            json = 1;
            break;
        case 'p':
            plan = 1;
            break;
        case 'I':
            isa = optarg;
            tuned = 1;
            break;
        case 'b':
            TRY(cli_int("--batch", optarg, 1, 4096, &batch));
            tuned = 1;
            break;
        case 't':
            TRY(cli_int("--threads", optarg, 1, ENGINE_THREADS_MAX, &threads));
            tuned = 1;
            break;
        case 'h':
            fputs(help, stdout);
            return ST_OK;
        default:
            return cli_bad_option(argc, argv);
        }
    }
    if (optind != argc - 1)
        return status_fail(ST_BADARG, "expected one model file; see --help");
    if (plan && json)
        return status_fail(ST_BADARG, "--plan has no JSON form");
    if (tuned && !plan)
        return status_fail(ST_BADARG, "--isa, --batch and --threads belong to --plan");
    if (!plan)
        return inspect(argv[optind], json);
    TRY(cli_isa(isa, &options.isa));
    options.batch = (int)batch;
    options.threads = (int)threads;
    return cli_inspect_plan(argv[optind], &options);
}
