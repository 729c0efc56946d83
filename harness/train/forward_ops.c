#include "train/forward_ops.h"

#include <math.h>
#include <string.h>

#include "train/op_pool_train.h"

/* ------------------------------------------------------------------ element by element */

static float apply(enum op op, float x)
{
    switch (op) {
    case OP_RELU:
        return x > 0 ? x : 0;
    case OP_RELU6:
        x = x > 0 ? x : 0;
        return x < 6 ? x : 6;
    case OP_HARDSWISH: {
        float gate = x + 3 > 0 ? x + 3 : 0;
        return x * (gate < 6 ? gate : 6) / 6;
    }
    case OP_SIGMOID:
        return 1 / (1 + expf(-x));
    default: /* GELU */
        return x * 0.5f * (1 + erff(x * 0.70710678118654752f));
    }
}

static void batchnorm(const struct graph *graph, const struct node *node, const float *x, float *y)
{
    const struct value *in = &graph->value[node->input[0]];
    const float *gamma = graph->weight[node->weight].data, *beta = graph->weight[node->bias].data;
    const float *mean = graph->weight[node->mean].data, *variance = graph->weight[node->variance].data;
    size_t row = value_count(in) / (size_t)in->dim[0];

    for (int c = 0; c < in->dim[0]; c++) {
        float factor = (float)((double)gamma[c] / sqrt((double)variance[c] + (double)node->epsilon));
        for (size_t i = 0; i < row; i++)
            *y++ = (*x++ - mean[c]) * factor + beta[c];
    }
}

/* The second side has as many elements, or one for each channel. */
static void multiply(const struct graph *graph, const struct node *node, const float *a, const float *b, float *y)
{
    size_t count = value_count(&graph->value[node->output]), other = value_count(&graph->value[node->input[1]]);
    size_t each = count / other;

    for (size_t i = 0; i < count; i++)
        y[i] = a[i] * b[i / each];
}

/* ------------------------------------------------------------------ over the last dimension */

static void softmax_row(const float *x, size_t n, float *y)
{
    float most = x[0];
    double sum = 0;

    for (size_t i = 1; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < n; i++) {
        y[i] = expf(x[i] - most);
        sum += (double)y[i];
    }
    for (size_t i = 0; i < n; i++)
        y[i] = (float)((double)y[i] / sum);
}

static void layernorm_row(const float *x, size_t n, const float *gamma, const float *beta, float epsilon, float *y)
{
    double mean = 0, variance = 0, factor;

    for (size_t i = 0; i < n; i++)
        mean += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    factor = 1 / sqrt(variance + (double)epsilon);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)(((double)x[i] - mean) * factor) * gamma[i] + beta[i];
}

static void by_rows(const struct graph *graph, const struct node *node, const float *x, float *y)
{
    const struct value *value = &graph->value[node->output];
    size_t n = (size_t)value->dim[value->rank - 1], count = value_count(value);

    for (size_t at = 0; at < count; at += n) {
        if (node->op == OP_SOFTMAX)
            softmax_row(x + at, n, y + at);
        else
            layernorm_row(x + at, n, graph->weight[node->weight].data, graph->weight[node->bias].data, node->epsilon,
                          y + at);
    }
}

static void matmul(const struct graph *graph, const struct node *node, const float *a, const float *b, float *y)
{
    const struct value *va = &graph->value[node->input[0]], *out = &graph->value[node->output];
    size_t m = (size_t)out->dim[out->rank - 2], n = (size_t)out->dim[out->rank - 1], k = (size_t)va->dim[va->rank - 1];
    size_t step_n = node->transpose_b ? k : 1, step_k = node->transpose_b ? 1 : n;
    float scale = node_scale(node);

    for (size_t part = value_count(out) / (m * n); part > 0; part--, a += m * k, b += n * k)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                float sum = 0;
                for (size_t p = 0; p < k; p++)
                    sum += a[i * k + p] * b[j * step_n + p * step_k];
                *y++ = scale * sum;
            }
}

/* ------------------------------------------------------------------ moves */

/* Elements that lie behind dimension `axis`. */
static size_t behind(const struct value *value, int axis)
{
    size_t count = 1;

    for (int d = axis + 1; d < value->rank; d++)
        count *= (size_t)value->dim[d];
    return count;
}

static void concat(const struct graph *graph, const struct node *node, const float *const *x, float *y)
{
    const struct value *out = &graph->value[node->output];
    size_t outer = value_count(out) / (behind(out, node->axis) * (size_t)out->dim[node->axis]);

    for (size_t o = 0; o < outer; o++)
        for (int k = 0; k < node->inputs; k++) {
            size_t run = value_count(&graph->value[node->input[k]]) / outer;
            memcpy(y, x[k] + o * run, run * sizeof *y);
            y += run;
        }
}

static void slice(const struct graph *graph, const struct node *node, const float *x, float *y)
{
    const struct value *in = &graph->value[node->input[0]];
    size_t inner = behind(in, node->axis), whole = inner * (size_t)in->dim[node->axis];
    size_t run = inner * (size_t)(node->end - node->begin);

    for (size_t at = inner * (size_t)node->begin; at < value_count(in); at += whole, y += run)
        memcpy(y, x + at, run * sizeof *y);
}

static void transpose(const struct graph *graph, const struct node *node, const float *x, float *y)
{
    const struct value *in = &graph->value[node->input[0]], *out = &graph->value[node->output];
    size_t step[GRAPH_MAX_RANK] = {0};
    int d[GRAPH_MAX_RANK];

    for (int k = 0; k < out->rank; k++)
        step[k] = behind(in, node->perm[k]);
    for (d[0] = 0; d[0] < out->dim[0]; d[0]++)
        for (d[1] = 0; d[1] < out->dim[1]; d[1]++)
            for (d[2] = 0; d[2] < out->dim[2]; d[2]++)
                for (d[3] = 0; d[3] < out->dim[3]; d[3]++) {
                    size_t at = 0;
                    for (int k = 0; k < out->rank; k++)
                        at += (size_t)d[k] * step[k];
                    *y++ = x[at];
                }
}

void forward_op(const struct graph *graph, const struct node *node, const float *const *x, float *y)
{
    size_t count = value_count(&graph->value[node->output]);
    struct pool_shape pool;

    switch (node->op) {
    case OP_POOL_MAX:
        pool = pool_shape_of(graph, node);
        pool_forward(&pool, x[0], y);
        break;
    case OP_POOL_AVG:
        pool = pool_shape_of(graph, node);
        pool_avg_forward(&pool, x[0], y);
        break;
    case OP_BATCHNORM:
        batchnorm(graph, node, x[0], y);
        break;
    case OP_ADD:
        for (size_t i = 0; i < count; i++)
            y[i] = x[0][i] + x[1][i];
        break;
    case OP_MUL:
        multiply(graph, node, x[0], x[1], y);
        break;
    case OP_SOFTMAX:
    case OP_LAYERNORM:
        by_rows(graph, node, x[0], y);
        break;
    case OP_MATMUL:
        matmul(graph, node, x[0], x[1], y);
        break;
    case OP_CONCAT:
        concat(graph, node, x, y);
        break;
    case OP_SLICE:
        slice(graph, node, x[0], y);
        break;
    case OP_TRANSPOSE:
        transpose(graph, node, x[0], y);
        break;
    case OP_FLATTEN:
    case OP_RESHAPE:
        memcpy(y, x[0], count * sizeof *y);
        break;
    default: /* activations */
        for (size_t i = 0; i < count; i++)
            y[i] = apply(node->op, x[0][i]);
        break;
    }
}
