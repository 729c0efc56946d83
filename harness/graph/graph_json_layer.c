#include "graph/graph_json_layer.h"

#include <stdio.h>
#include <string.h>

/* The keys that each operator takes besides "op", "name" and "from". */
static const char *const op_keys[OP_COUNT][12] = {
    [OP_CONV] = {"channels", "kernel", "stride", "pad", "dilation", "groups", "bias"},
    [OP_FC] = {"features", "bias"},
    [OP_POOL_MAX] = {"kernel", "stride", "pad"},
    [OP_POOL_AVG] = {"kernel", "stride", "pad", "global"},
    [OP_LAYERNORM] = {"epsilon"},
    [OP_BATCHNORM] = {"epsilon"},
    [OP_CONCAT] = {"axis"},
    [OP_MATMUL] = {"transpose_b", "scale"},
    [OP_RESHAPE] = {"shape"},
    [OP_TRANSPOSE] = {"perm"},
    [OP_SLICE] = {"axis", "begin", "end"},
};

static enum status check_keys(const struct json *doc, const cJSON *layer, const char *path, enum op op)
{
    const char *keys[16] = {"op", "name", "from"};
    int count = 3;

    for (int i = 0; op_keys[op][i]; i++)
        keys[count++] = op_keys[op][i];
    return json_keys(doc, layer, path, keys);
}

enum status graph_json_op(const struct json *doc, const cJSON *layer, const char *path, enum op *out)
{
    const char *text;
    char known[256] = "";

    if (!cJSON_IsObject(layer))
        return json_error(doc, path, "", "expected an object");
    TRY(json_text(doc, layer, path, "op", &text));
    for (int op = OP_CONV; op < OP_COUNT; op++) {
        if (strcmp(text, op_name((enum op)op)) == 0) {
            *out = (enum op)op;
            return check_keys(doc, layer, path, (enum op)op);
        }
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", op == OP_CONV ? "" : ", ",
                 op_name((enum op)op));
    }
    return json_error(doc, path, "op", "'%.40s' is not an operator; expected one of: %s", text, known);
}

/* Whole numbers lo .. GRAPH_MAX_DIM: one, which is put into all `count` places, or a list of `count`. */
static enum status read_numbers(const struct json *doc, const cJSON *layer, const char *path, const char *key, int lo,
                                int count, int *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(layer, key);
    long number;

    if (!item)
        return ST_OK;
    if (!cJSON_IsArray(item)) {
        TRY(json_int(doc, layer, path, key, lo, GRAPH_MAX_DIM, &number));
        for (int i = 0; i < count; i++)
            out[i] = (int)number;
        return ST_OK;
    }
    if (cJSON_GetArraySize(item) != count)
        return json_error(doc, path, key, "expected a number or a list of %d", count);
    for (int i = 0; i < count; i++) {
        const cJSON *part = cJSON_GetArrayItem(item, i);
        if (!cJSON_IsNumber(part) || part->valuedouble != (double)part->valueint || part->valueint < lo ||
            part->valueint > GRAPH_MAX_DIM)
            return json_error(doc, path, key, "expected whole numbers from %d to %d", lo, GRAPH_MAX_DIM);
        out[i] = part->valueint;
    }
    return ST_OK;
}

/* A list of 1 .. GRAPH_MAX_RANK whole numbers. */
static enum status read_list(const struct json *doc, const cJSON *layer, const char *path, const char *key, int lo,
                             int *out_count, int *out)
{
    const cJSON *list;

    TRY(json_array(doc, layer, path, key, &list));
    *out_count = cJSON_GetArraySize(list);
    if (*out_count < 1 || *out_count > GRAPH_MAX_RANK)
        return json_error(doc, path, key, "expected 1 to %d numbers", GRAPH_MAX_RANK);
    return read_numbers(doc, layer, path, key, lo, *out_count, out);
}

/* Of the padding that makes ceil(size / stride) windows, the smaller half stands before. */
static void pad_same(int size, int kernel, int stride, int dilation, int *before, int *after)
{
    long windows = ((long)size + stride - 1) / stride;
    long total = (windows - 1) * stride + (long)(kernel - 1) * dilation + 1 - size;

    total = total > 0 ? total : 0;
    *before = (int)(total / 2);
    *after = (int)(total - total / 2);
}

/* "pad": "same", a number, [height, width] or [top, left, bottom, right]. */
static enum status read_pad(const struct json *doc, const cJSON *layer, const char *path, const struct value *in,
                            struct node *node)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(layer, "pad");
    int pad[4] = {0}, sides = cJSON_IsArray(item) && cJSON_GetArraySize(item) == 4;

    if (cJSON_IsString(item)) {
        if (strcmp(item->valuestring, "same") != 0)
            return json_error(doc, path, "pad", "'%.40s', expected \"same\" or numbers", item->valuestring);
        pad_same(in->dim[1], node->kernel_h, node->stride_h, node_dilation_h(node), &node->pad_h, &node->pad_end_h);
        pad_same(in->dim[2], node->kernel_w, node->stride_w, node_dilation_w(node), &node->pad_w, &node->pad_end_w);
        return ST_OK;
    }
    TRY(read_numbers(doc, layer, path, "pad", 0, sides ? 4 : 2, pad));
    node->pad_h = pad[0];
    node->pad_w = pad[1];
    node->pad_end_h = pad[sides ? 2 : 0];
    node->pad_end_w = pad[sides ? 3 : 1];
    return ST_OK;
}

static enum status read_window(const struct json *doc, const cJSON *layer, const char *path, const struct value *in,
                               struct node *node)
{
    int kernel[2] = {0}, stride[2] = {1, 1}, dilation[2] = {1, 1}, groups = 1, global = 0;

    TRY(json_opt_bool(doc, layer, path, "global", &global));
    if (global && (cJSON_GetObjectItemCaseSensitive(layer, "kernel") ||
                   cJSON_GetObjectItemCaseSensitive(layer, "stride") || cJSON_GetObjectItemCaseSensitive(layer, "pad")))
        return json_error(doc, path, "global", "excludes kernel, stride and pad");
    if (global) {
        kernel[0] = in->dim[1];
        kernel[1] = in->dim[2];
    } else if (!cJSON_GetObjectItemCaseSensitive(layer, "kernel")) {
        return json_error(doc, path, "kernel", "missing");
    }
    TRY(read_numbers(doc, layer, path, "kernel", 1, 2, kernel));
    if (node->op != OP_CONV) /* windows side by side unless told otherwise */
        memcpy(stride, kernel, sizeof stride);
    TRY(read_numbers(doc, layer, path, "stride", 1, 2, stride));
    TRY(read_numbers(doc, layer, path, "dilation", 1, 2, dilation));
    TRY(read_numbers(doc, layer, path, "groups", 1, 1, &groups));
    node->kernel_h = kernel[0];
    node->kernel_w = kernel[1];
    node->stride_h = stride[0];
    node->stride_w = stride[1];
    node->dilation_h = dilation[0];
    node->dilation_w = dilation[1];
    node->groups = groups;
    return read_pad(doc, layer, path, in, node);
}

static enum status read_epsilon(const struct json *doc, const cJSON *layer, const char *path, struct node *node)
{
    double epsilon = 1e-5;

    TRY(json_opt_real(doc, layer, path, "epsilon", 1e-12, 1, &epsilon));
    node->epsilon = (float)epsilon;
    return ST_OK;
}

static enum status read_matmul(const struct json *doc, const cJSON *layer, const char *path, struct node *node)
{
    double scale = 1;

    TRY(json_opt_bool(doc, layer, path, "transpose_b", &node->transpose_b));
    TRY(json_opt_real(doc, layer, path, "scale", -1e6, 1e6, &scale));
    if (scale == 0)
        return json_error(doc, path, "scale", "expected a number other than 0");
    node->scale = (float)scale;
    return ST_OK;
}

static enum status read_slice(const struct json *doc, const cJSON *layer, const char *path, struct node *node)
{
    long axis, begin, end;

    TRY(json_int(doc, layer, path, "axis", 0, GRAPH_MAX_RANK - 1, &axis));
    TRY(json_int(doc, layer, path, "begin", 0, GRAPH_MAX_DIM, &begin));
    TRY(json_int(doc, layer, path, "end", 1, GRAPH_MAX_DIM, &end));
    node->axis = (int)axis;
    node->begin = (int)begin;
    node->end = (int)end;
    return ST_OK;
}

enum status graph_json_attributes(const struct json *doc, const cJSON *layer, const char *path, const struct value *in,
                                  struct node *node)
{
    long number = 0;
    int count;

    switch (node->op) {
    case OP_CONV:
    case OP_FC:
        TRY(json_int(doc, layer, path, node->op == OP_FC ? "features" : "channels", 1, GRAPH_MAX_DIM, &number));
        node->channels = (int)number;
        return node->op == OP_FC ? ST_OK : read_window(doc, layer, path, in, node);
    case OP_POOL_MAX:
    case OP_POOL_AVG:
        return read_window(doc, layer, path, in, node);
    case OP_LAYERNORM:
    case OP_BATCHNORM:
        return read_epsilon(doc, layer, path, node);
    case OP_MATMUL:
        return read_matmul(doc, layer, path, node);
    case OP_CONCAT:
        TRY(json_opt_int(doc, layer, path, "axis", 0, GRAPH_MAX_RANK - 1, &number));
        node->axis = (int)number;
        return ST_OK;
    case OP_RESHAPE:
        return read_list(doc, layer, path, "shape", 1, &node->to_rank, node->to_dim);
    case OP_TRANSPOSE:
        TRY(read_list(doc, layer, path, "perm", 0, &count, node->perm));
        if (count != in->rank)
            return json_error(doc, path, "perm", "%d numbers for an input of rank %d", count, in->rank);
        return ST_OK;
    case OP_SLICE:
        return read_slice(doc, layer, path, node);
    default:
        return ST_OK;
    }
}

static enum status add_tensor(struct graph *graph, const struct node *node, const char *suffix, int rank,
                              const int *dim, int *out_index)
{
    char name[2 * GRAPH_NAME];

    if (strlen(node->name) + strlen(suffix) >= GRAPH_NAME)
        return status_fail(ST_FORMAT, "the name '%s' is longer than %d characters", node->name,
                           GRAPH_NAME - 1 - (int)strlen(suffix));
    snprintf(name, sizeof name, "%s%s", node->name, suffix);
    return graph_add_weight(graph, name, DT_F32, rank, dim, out_index);
}

enum status graph_json_tensors(const struct json *doc, const cJSON *layer, const char *path, const struct value *in,
                               struct graph *graph, struct node *node)
{
    int norm = node->op == OP_LAYERNORM || node->op == OP_BATCHNORM, with_bias = 1;
    int dim[4] = {node->channels, in->dim[0] / node_groups(node), node->kernel_h, node->kernel_w};

    if (!norm && !op_is_product(node->op))
        return ST_OK;
    if (node->op == OP_FC && in->rank > 2)
        return json_error(doc, path, "op", "fc needs a flat input; put a flatten layer before it");
    if (node->op == OP_CONV && (in->dim[0] % node->groups != 0 || node->channels % node->groups != 0))
        return json_error(doc, path, "groups", "%d do not divide %d input and %d output channels", node->groups,
                          in->dim[0], node->channels);
    if (node->op == OP_FC)
        dim[1] = in->dim[in->rank - 1];
    if (norm)
        dim[0] = node->op == OP_BATCHNORM ? in->dim[0] : in->dim[in->rank - 1];
    TRY(json_opt_bool(doc, layer, path, "bias", &with_bias));
    if (add_tensor(graph, node, ".weight",
                   norm                  ? 1
                   : node->op == OP_CONV ? 4
                                         : 2,
                   dim, &node->weight) != ST_OK ||
        (with_bias && add_tensor(graph, node, ".bias", 1, dim, &node->bias) != ST_OK))
        return status_prefix(ST_FORMAT, "%s: %s", doc->file, path);
    if (node->op == OP_BATCHNORM && (add_tensor(graph, node, ".mean", 1, dim, &node->mean) != ST_OK ||
                                     add_tensor(graph, node, ".variance", 1, dim, &node->variance) != ST_OK))
        return status_prefix(ST_FORMAT, "%s: %s", doc->file, path);
    return ST_OK;
}
