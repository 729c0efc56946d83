#include "graph/graph_json.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* A number, or [height, width]. */
static enum status read_pair(const struct json *doc, const cJSON *layer, const char *path, const char *key, int lo,
                             int *h, int *w)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(layer, key);
    long number;

    if (!item)
        return ST_OK;
    if (cJSON_IsArray(item)) {
        if (cJSON_GetArraySize(item) != 2)
            return json_error(doc, path, key, "expected a number or [height, width]");
        for (int i = 0; i < 2; i++) {
            const cJSON *part = cJSON_GetArrayItem(item, i);
            if (!cJSON_IsNumber(part) || part->valuedouble != (double)part->valueint || part->valueint < lo ||
                part->valueint > GRAPH_MAX_DIM)
                return json_error(doc, path, key, "expected whole numbers from %d to %d", lo, GRAPH_MAX_DIM);
            *(i == 0 ? h : w) = part->valueint;
        }
        return ST_OK;
    }
    TRY(json_int(doc, layer, path, key, lo, GRAPH_MAX_DIM, &number));
    *h = *w = (int)number;
    return ST_OK;
}

static enum status add_tensors(struct graph *graph, struct node *node, const int *dim, int rank)
{
    char name[2 * GRAPH_NAME];

    if (strlen(node->name) + sizeof ".weight" > GRAPH_NAME)
        return status_fail(ST_FORMAT, "the name '%s' is longer than %d characters", node->name,
                           GRAPH_NAME - (int)sizeof ".weight");
    snprintf(name, sizeof name, "%s.weight", node->name);
    TRY(graph_add_weight(graph, name, DT_F32, rank, dim, &node->weight));
    snprintf(name, sizeof name, "%s.bias", node->name);
    return graph_add_weight(graph, name, DT_F32, 1, dim, &node->bias);
}

static enum status read_op(const struct json *doc, const cJSON *layer, const char *path, enum op *out)
{
    static const char *const conv_keys[] = {"op", "name", "channels", "kernel", "stride", "pad", NULL};
    static const char *const fc_keys[] = {"op", "name", "features", NULL};
    static const char *const pool_keys[] = {"op", "name", "kernel", "stride", "pad", NULL};
    static const char *const plain_keys[] = {"op", "name", NULL};
    const char *text;

    if (!cJSON_IsObject(layer))
        return json_error(doc, path, "", "expected an object");
    TRY(json_text(doc, layer, path, "op", &text));
    for (int op = OP_CONV; op < OP_COUNT; op++) {
        if (strcmp(text, op_name((enum op)op)) != 0)
            continue;
        *out = (enum op)op;
        return json_keys(doc, layer, path,
                         op == OP_CONV       ? conv_keys
                         : op == OP_FC       ? fc_keys
                         : op == OP_POOL_MAX ? pool_keys
                                             : plain_keys);
    }
    return json_error(doc, path, "op", "'%.40s' is not an operator; expected conv, fc, pool_max, relu or flatten",
                      text);
}

static enum status read_attributes(const struct json *doc, const cJSON *layer, const char *path, struct node *node)
{
    long channels = 0;

    if (node->op == OP_FC) {
        TRY(json_int(doc, layer, path, "features", 1, GRAPH_MAX_DIM, &channels));
    } else if (node->op == OP_CONV) {
        TRY(json_int(doc, layer, path, "channels", 1, GRAPH_MAX_DIM, &channels));
    }
    node->channels = (int)channels;
    if (node->op != OP_CONV && node->op != OP_POOL_MAX)
        return ST_OK;
    node->stride_h = node->stride_w = 1;
    if (!cJSON_GetObjectItemCaseSensitive(layer, "kernel"))
        return json_error(doc, path, "kernel", "missing");
    TRY(read_pair(doc, layer, path, "kernel", 1, &node->kernel_h, &node->kernel_w));
    if (node->op == OP_POOL_MAX) { /* windows side by side unless told otherwise */
        node->stride_h = node->kernel_h;
        node->stride_w = node->kernel_w;
    }
    TRY(read_pair(doc, layer, path, "stride", 1, &node->stride_h, &node->stride_w));
    return read_pair(doc, layer, path, "pad", 0, &node->pad_h, &node->pad_w);
}

static enum status read_layer(const struct json *doc, const cJSON *layer, int index, struct graph *graph)
{
    struct node node = {.input = graph_output(graph), .weight = -1, .bias = -1};
    const struct value in = graph->value[node.input]; /* a copy: the array moves when it grows */
    char path[32];
    const char *name = NULL;
    int added;

    snprintf(path, sizeof path, "layers[%d]", index);
    TRY(read_op(doc, layer, path, &node.op));
    TRY(json_opt_text(doc, layer, path, "name", &name));
    if (name && (!*name || strlen(name) >= GRAPH_NAME || strpbrk(name, " \t\n,/\"'`\\")))
        return json_error(doc, path, "name", "expected 1 to %d characters without spaces, commas, slashes or quotes",
                          GRAPH_NAME - 1);
    if (name)
        snprintf(node.name, sizeof node.name, "%s", name);
    else
        snprintf(node.name, sizeof node.name, "%s%d", op_name(node.op), index + 1);
    TRY(read_attributes(doc, layer, path, &node));
    if (node.op == OP_CONV) {
        int dim[4] = {node.channels, in.dim[0], node.kernel_h, node.kernel_w};
        if (add_tensors(graph, &node, dim, 4) != ST_OK)
            return status_prefix(ST_FORMAT, "%s: %s", doc->file, path);
    } else if (node.op == OP_FC) {
        int dim[2] = {node.channels, in.dim[0]};
        if (in.rank != 1)
            return json_error(doc, path, "op", "fc needs a flat input; put a flatten layer before it");
        if (add_tensors(graph, &node, dim, 2) != ST_OK)
            return status_prefix(ST_FORMAT, "%s: %s", doc->file, path);
    }
    /* The output's real shape comes from inference; a place is enough here. */
    if (graph_add_value(graph, node.name, in.rank, in.dim, &node.output) != ST_OK ||
        graph_add_node(graph, &node, &added) != ST_OK || graph_infer(graph) != ST_OK)
        return status_prefix(ST_FORMAT, "%s: %s", doc->file, path);
    return ST_OK;
}

static enum status read_input(const struct json *doc, struct graph *graph)
{
    struct node node = {.op = OP_INPUT, .name = "input", .input = -1, .weight = -1, .bias = -1};
    const cJSON *shape;
    int dim[3], rank, added;

    TRY(json_array(doc, doc->root, "", "input", &shape));
    rank = cJSON_GetArraySize(shape);
    if (rank != 1 && rank != 3)
        return json_error(doc, "", "input", "expected [channels, height, width] or [features]");
    for (int i = 0; i < rank; i++) {
        const cJSON *item = cJSON_GetArrayItem(shape, i);
        if (!cJSON_IsNumber(item) || item->valuedouble != (double)item->valueint || item->valueint < 1 ||
            item->valueint > GRAPH_MAX_DIM)
            return json_error(doc, "", "input", "expected whole numbers from 1 to %d", GRAPH_MAX_DIM);
        dim[i] = item->valueint;
    }
    if (graph_add_value(graph, "input", rank, dim, &node.output) != ST_OK)
        return status_prefix(ST_FORMAT, "%s: input", doc->file);
    return graph_add_node(graph, &node, &added);
}

static enum status read_model(const struct json *doc, struct graph *graph)
{
    static const char *const keys[] = {"name", "input", "layers", "comment", NULL};
    const cJSON *layers, *layer;
    const char *name;
    int index = 0;

    TRY(json_keys(doc, doc->root, "", keys));
    TRY(json_text(doc, doc->root, "", "name", &name));
    if (!*name || strlen(name) >= GRAPH_NAME || strpbrk(name, " \t\n,/\"'`\\"))
        return json_error(doc, "", "name", "expected 1 to %d characters without spaces, commas, slashes or quotes",
                          GRAPH_NAME - 1);
    snprintf(graph->name, sizeof graph->name, "%s", name);
    TRY(read_input(doc, graph));
    TRY(json_array(doc, doc->root, "", "layers", &layers));
    if (cJSON_GetArraySize(layers) < 1)
        return json_error(doc, "", "layers", "expected at least one layer");
    cJSON_ArrayForEach (layer, layers) {
        TRY(read_layer(doc, layer, index++, graph));
    }
    if (graph->value[graph_output(graph)].rank != 1)
        return json_error(doc, "", "layers", "the last layer's output must be flat (one score per class)");
    return ST_OK;
}

enum status graph_from_json(const char *file, struct graph *out)
{
    struct graph graph = {0};
    struct json doc;
    enum status st;

    TRY(json_load(file, &doc));
    st = read_model(&doc, &graph);
    json_free(&doc);
    if (st != ST_OK) {
        graph_free(&graph);
        return st;
    }
    *out = graph;
    return ST_OK;
}
