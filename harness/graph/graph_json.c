#include "graph/graph_json.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "graph/graph_json_layer.h"

/* "from": a layer's name or several; without it the layer before. */
static enum status read_inputs(const struct json *doc, const cJSON *layer, const char *path, const struct graph *graph,
                               struct node *node)
{
    const cJSON *from = cJSON_GetObjectItemCaseSensitive(layer, "from"), *item;
    int count = cJSON_IsArray(from) ? cJSON_GetArraySize(from) : 1;

    if (!from) {
        node->input[0] = graph_output(graph);
        node->inputs = 1;
        return ST_OK;
    }
    if (count < 1 || count > GRAPH_MAX_INPUTS)
        return json_error(doc, path, "from", "expected 1 to %d names", GRAPH_MAX_INPUTS);
    for (int k = 0; k < count; k++) {
        int v = 0;
        item = cJSON_IsArray(from) ? cJSON_GetArrayItem(from, k) : from;
        if (!cJSON_IsString(item))
            return json_error(doc, path, "from", "expected the name of an earlier layer, or a list of names");
        while (v < graph->values && strcmp(graph->value[v].name, item->valuestring) != 0)
            v++;
        if (v == graph->values)
            return json_error(doc, path, "from", "no earlier layer is named '%.40s'", item->valuestring);
        node->input[k] = v;
    }
    node->inputs = count;
    return ST_OK;
}

static enum status read_layer(const struct json *doc, const cJSON *layer, int index, struct graph *graph)
{
    struct node node = {.weight = -1, .bias = -1, .mean = -1, .variance = -1};
    struct value in;
    char path[32];
    const char *name = NULL;
    int added;

    snprintf(path, sizeof path, "layers[%d]", index);
    TRY(graph_json_op(doc, layer, path, &node.op));
    TRY(json_opt_text(doc, layer, path, "name", &name));
    if (name && (!*name || strlen(name) >= GRAPH_NAME || strpbrk(name, " \t\n,/\"'`\\")))
        return json_error(doc, path, "name", "expected 1 to %d characters without spaces, commas, slashes or quotes",
                          GRAPH_NAME - 1);
    if (name)
        snprintf(node.name, sizeof node.name, "%s", name);
    else
        snprintf(node.name, sizeof node.name, "%s%d", op_name(node.op), index + 1);
    TRY(read_inputs(doc, layer, path, graph, &node));
    in = graph->value[node.input[0]]; /* a copy: the array moves when it grows */
    TRY(graph_json_attributes(doc, layer, path, &in, &node));
    TRY(graph_json_tensors(doc, layer, path, &in, graph, &node));
    /* The output's real shape comes from inference; a place is enough here. */
    if (graph_add_value(graph, node.name, in.rank, in.dim, &node.output) != ST_OK ||
        graph_add_node(graph, &node, &added) != ST_OK || graph_infer(graph) != ST_OK)
        return status_prefix(ST_FORMAT, "%s: %s", doc->file, path);
    return ST_OK;
}

static enum status read_input(const struct json *doc, struct graph *graph)
{
    struct node node = {.op = OP_INPUT, .name = "input", .weight = -1, .bias = -1};
    const cJSON *shape;
    int dim[3], rank, added;

    TRY(json_array(doc, doc->root, "", "input", &shape));
    rank = cJSON_GetArraySize(shape);
    if (rank < 1 || rank > 3)
        return json_error(doc, "", "input", "expected [channels, height, width], [length, features] or [features]");
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
