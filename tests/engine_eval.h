/* A slow evaluator of graphs for the engine's tests: one sample, C,H,W, no tricks; it shares nothing with the engine
 * but the quantization arithmetic. */
#ifndef TESTS_ENGINE_EVAL_H
#define TESTS_ENGINE_EVAL_H

#include "graph_build.h"

#include <math.h>

#include "kernels/kernels.h"
#include "kernels/lut.h"
#include "kernels/requant.h"

/* One activation: the number the engine holds (8-bit values as they are), and for float how far it may be off. */
struct plane {
    double *x, *error;
};

static inline double *plane_new(size_t count)
{
    double *x = calloc(count, sizeof *x);
    assert_non_null(x);
    return x;
}

static inline int is_u8(const struct value *value)
{
    return value->quant == QUANT_STATIC;
}

struct eval {
    const struct graph *g;
    struct plane *planes; /* (values) */
    int32_t *raw;         /* accumulators of the last product as (positions, outputs) */
};

/* Element i of value v as a real number. */
static inline double eval_real(const struct eval *e, int v, size_t i)
{
    const struct value *value = &e->g->value[v];
    double x = e->planes[v].x[i];

    return is_u8(value) ? (float)((float)(x - value->zero_point) * value->scale) : x;
}

static inline double eval_error(const struct eval *e, int v, size_t i)
{
    return e->planes[v].error[i];
}

/* A real result for element i of value v, quantized if the value is. */
static inline void eval_store(const struct eval *e, int v, size_t i, double x, double error)
{
    const struct value *value = &e->g->value[v];

    e->planes[v].x[i] = is_u8(value) ? kn_quantize((float)x, 1.0f / value->scale, value->zero_point) : x;
    e->planes[v].error[i] = is_u8(value) ? 0 : error;
}

static inline int32_t eval_bound(const struct value *value, float x)
{
    return kn_quantize(x, 1.0f / value->scale, value->zero_point);
}

static inline double weight_at(const struct weight *w, int o, int i, int y, int x)
{
    size_t at =
        (((size_t)o * (size_t)w->dim[1] + (size_t)i) * (size_t)w->dim[2] + (size_t)y) * (size_t)w->dim[3] + (size_t)x;
    return w->type == DT_S8 ? ((const int8_t *)w->data)[at] : (double)((const float *)w->data)[at];
}

struct sums {
    double sum;       /* w * x */
    double magnitude; /* |w * x| */
    double error;     /* |w| * error of x */
};

/* All products of output o at (oy, ox); `zero` is what padding holds. An fc reads vector ox of its input. */
static inline struct sums eval_window(const struct graph *g, const struct node *node, const struct plane *in, int o,
                                      int oy, int ox, double zero)
{
    const struct value *v = &g->value[node->input[0]];
    const struct weight *w = &g->weight[node->weight];
    int fc = node->op == OP_FC, per_group = w->dim[0] / node_groups(node), first = o / per_group * w->dim[1];
    struct sums s = {0, 0, 0};

    for (int i = 0; i < w->dim[1]; i++)
        for (int ky = 0; ky < w->dim[2]; ky++)
            for (int kx = 0; kx < w->dim[3]; kx++) {
                int y = oy * node->stride_h + ky * node_dilation_h(node) - node->pad_h;
                int x = ox * node->stride_w + kx * node_dilation_w(node) - node->pad_w;
                int inside = fc || (y >= 0 && y < v->dim[1] && x >= 0 && x < v->dim[2]);
                size_t at = fc ? (size_t)(ox * w->dim[1] + i) : (size_t)(((first + i) * v->dim[1] + y) * v->dim[2] + x);
                double weight = weight_at(w, o, i, ky, kx), value = inside ? in->x[at] : zero;
                s.sum += weight * value;
                s.magnitude += fabs(weight * value);
                s.error += inside ? fabs(weight) * in->error[at] : 0;
            }
    return s;
}

static inline double eval_weight_sum(const struct weight *w, int o)
{
    double sum = 0;
    size_t k = w->count / (size_t)w->dim[0];

    for (size_t i = 0; i < k; i++)
        sum += ((const int8_t *)w->data)[(size_t)o * k + i];
    return sum;
}

/* A conv or fc with what is fused to it. */
struct eval_chain {
    const struct node *node;
    const struct weight *w, *b;
    const struct value *in, *out; /* out: what is stored */
    int out_value, residual;      /* residual: -1 for none */
    float lo, hi;
    struct plane x; /* the input as the layer reads it */
    float scale_in;
    int32_t zero;
};

static inline void eval_clamp(const struct graph *g, int act, float *lo, float *hi)
{
    *lo = act >= 0 ? 0 : -INFINITY;
    *hi = act >= 0 && g->node[act].op == OP_RELU6 ? 6 : INFINITY;
}

/* The layer's input: float, as stored, or quantized with its own range. */
static inline void eval_input(const struct eval *e, struct eval_chain *c)
{
    int v = c->node->input[0];
    size_t count = value_count(c->in);
    float lo = 0, hi = 0;

    c->x = (struct plane){plane_new(count), e->planes[v].error};
    c->scale_in = c->in->scale;
    c->zero = is_u8(c->in) ? c->in->zero_point : 0;
    for (size_t i = 0; i < count; i++)
        c->x.x[i] = c->w->type == DT_F32 ? eval_real(e, v, i) : e->planes[v].x[i];
    if (c->w->type == DT_F32)
        c->zero = 0;
    if (c->w->type == DT_F32 || c->in->quant != QUANT_DYNAMIC)
        return;
    for (size_t i = 0; i < count; i++) {
        lo = fminf(lo, (float)c->x.x[i]);
        hi = fmaxf(hi, (float)c->x.x[i]);
    }
    kn_range_params(lo, hi, &c->scale_in, &c->zero);
    for (size_t i = 0; i < count; i++)
        c->x.x[i] = kn_quantize((float)c->x.x[i], 1.0f / c->scale_in, c->zero);
}

/* Output o from its sums, at element `at` of the stored value; *raw gets its accumulator. */
static inline void eval_output(const struct eval *e, const struct eval_chain *c, int o, size_t at, struct sums s,
                               int32_t *raw)
{
    double error = 0, y;
    float product;

    if (c->w->type == DT_F32) {
        double bias = c->b ? ((const float *)c->b->data)[o] : 0.0;
        y = s.sum + bias;
        error = s.error + (s.magnitude + fabs(bias)) * kn_tolerance_f32((int)(c->w->count / (size_t)c->w->dim[0]));
    } else if (c->in->quant == QUANT_STATIC) {
        double acc = s.sum - c->zero * eval_weight_sum(c->w, o) + (c->b ? ((const int32_t *)c->b->data)[o] : 0);
        float scale = c->scale_in * c->w->scale[o];
        *raw = (int32_t)acc;
        if (is_u8(c->out) && (c->residual < 0 || is_u8(&e->g->value[c->residual]))) {
            int32_t lo = eval_bound(c->out, c->lo), hi = eval_bound(c->out, c->hi), zero = c->out->zero_point;
            scale = scale / c->out->scale;
            if (c->residual < 0) {
                e->planes[c->out_value].x[at] = kn_requantize(*raw, scale, zero, lo, hi);
            } else {
                const struct value *r = &e->g->value[c->residual];
                e->planes[c->out_value].x[at] =
                    kn_requantize_add(*raw, scale, (uint8_t)e->planes[c->residual].x[at], r->scale / c->out->scale,
                                      r->zero_point, zero, lo, hi);
            }
            return;
        }
        y = (float)*raw * scale;
    } else {
        *raw = (int32_t)s.sum;
        product = (float)(int32_t)(s.sum - c->zero * eval_weight_sum(c->w, o)) * (c->scale_in * c->w->scale[o]);
        y = product + (c->b ? ((const float *)c->b->data)[o] : 0.0f);
    }
    if (c->residual >= 0) {
        double other = eval_real(e, c->residual, at);
        error += eval_error(e, c->residual, at);
        error += c->w->type == DT_F32 ? (fabs(y) + fabs(other)) * kn_tolerance_f32(1) : 0;
        y = c->w->type == DT_F32 ? y + other : (double)((float)y + (float)other);
    }
    eval_store(e, c->out_value, at, fmin(fmax(y, c->lo), c->hi), error);
}

static inline void eval_product(const struct eval *e, int i)
{
    const struct graph *g = e->g;
    const struct node *node = &g->node[i];
    const struct value *out = &g->value[node->output];
    int add = graph_fused_add(g, i), act = graph_fused_act(g, i), n = out->dim[0], w = 1, h = 1;
    struct eval_chain c = {.node = node, .w = &g->weight[node->weight], .residual = -1};

    c.b = node->bias >= 0 ? &g->weight[node->bias] : NULL;
    c.in = &g->value[node->input[0]];
    c.out_value = g->node[act >= 0 ? act : add >= 0 ? add : i].output;
    c.out = &g->value[c.out_value];
    if (add >= 0)
        c.residual = g->node[add].input[g->node[add].input[0] == node->output];
    eval_clamp(g, act, &c.lo, &c.hi);
    eval_input(e, &c);
    if (out->rank == 2) {
        n = out->dim[1];
        w = out->dim[0];
    } else if (out->rank == 3) {
        h = out->dim[1];
        w = out->dim[2];
    }
    for (int o = 0; o < n; o++)
        for (int p = 0; p < h * w; p++) {
            size_t at = out->rank == 2 ? (size_t)(p * n + o) : (size_t)(o * h * w + p);
            eval_output(e, &c, o, at, eval_window(g, node, &c.x, o, p / w, p % w, c.zero), &e->raw[p * n + o]);
        }
    free(c.x.x);
}

/* Maximum or mean of the real elements of every window. */
static inline void eval_pool(const struct eval *e, const struct node *node)
{
    const struct graph *g = e->g;
    const struct value *v = &g->value[node->input[0]], *out = &g->value[node->output];
    int max = node->op == OP_POOL_MAX, narrow = is_u8(v) && is_u8(out);
    size_t at = 0;

    for (int c = 0; c < out->dim[0]; c++)
        for (int oy = 0; oy < out->dim[1]; oy++)
            for (int ox = 0; ox < out->dim[2]; ox++, at++) {
                double best = -INFINITY, sum = 0, magnitude = 0, error = 0;
                int count = 0;
                for (int ky = 0; ky < node->kernel_h; ky++)
                    for (int kx = 0; kx < node->kernel_w; kx++) {
                        int y = oy * node->stride_h + ky - node->pad_h, x = ox * node->stride_w + kx - node->pad_w;
                        size_t from = (size_t)((c * v->dim[1] + y) * v->dim[2] + x);
                        double value;
                        if (y < 0 || y >= v->dim[1] || x < 0 || x >= v->dim[2])
                            continue;
                        value = narrow ? e->planes[node->input[0]].x[from] : eval_real(e, node->input[0], from);
                        best = fmax(best, value);
                        sum += value;
                        magnitude += fabs(value);
                        error = fmax(error, eval_error(e, node->input[0], from));
                        count++;
                    }
                if (narrow && max)
                    e->planes[node->output].x[at] = best;
                else if (narrow)
                    e->planes[node->output].x[at] =
                        kn_requantize((int32_t)sum - count * v->zero_point, v->scale / out->scale / (float)count,
                                      out->zero_point, 0, 255);
                else if (max)
                    eval_store(e, node->output, at, best, error);
                else
                    eval_store(e, node->output, at, sum / count,
                               error + magnitude / count * kn_tolerance_f32(node->kernel_h * node->kernel_w));
            }
}

/* add, mul with a fused ReLU. */
static inline void eval_binary(const struct eval *e, int i)
{
    const struct graph *g = e->g;
    const struct node *node = &g->node[i];
    int a = node->input[0], b = node->input[1], act = graph_fused_act(g, i), mul = node->op == OP_MUL;
    int v = act >= 0 ? g->node[act].output : node->output;
    const struct value *va = &g->value[a], *vb = &g->value[b], *out = &g->value[v];
    int per_channel = value_count(va) != value_count(vb);
    float lo, hi;

    eval_clamp(g, act, &lo, &hi);
    for (size_t at = 0; at < value_count(out); at++) {
        size_t bt = per_channel ? at / (size_t)(va->dim[1] * va->dim[2]) : at;
        double xa = eval_real(e, a, at), xb = eval_real(e, b, bt), ea = eval_error(e, a, at), eb = eval_error(e, b, bt);
        double y = mul ? (double)((float)xa * (float)xb) : (double)((float)xa + (float)xb);
        double error = mul ? fabs(xa) * eb + fabs(xb) * ea + ea * eb : ea + eb;
        if (!is_u8(va) || !is_u8(vb) || !is_u8(out)) {
            eval_store(e, v, at, fmin(fmax(y, lo), hi), error > 0 ? error + fabs(y) * kn_tolerance_f32(1) : 0);
            continue;
        }
        if (mul)
            e->planes[v].x[at] = kn_mul_u8((uint8_t)e->planes[a].x[at], va->zero_point, (uint8_t)e->planes[b].x[bt],
                                           vb->zero_point, va->scale * vb->scale / out->scale, out->zero_point,
                                           eval_bound(out, lo), eval_bound(out, hi));
        else
            e->planes[v].x[at] = kn_add_u8((uint8_t)e->planes[a].x[at], va->scale / out->scale, va->zero_point,
                                           (uint8_t)e->planes[b].x[bt], vb->scale / out->scale, vb->zero_point,
                                           out->zero_point, eval_bound(out, lo), eval_bound(out, hi));
    }
}

static inline void eval_activation(const struct eval *e, const struct node *node)
{
    const struct value *v = &e->g->value[node->input[0]], *out = &e->g->value[node->output];
    int clamp = node->op == OP_RELU || node->op == OP_RELU6;
    enum kn_unary function = clamp                      ? KN_UNARY_IDENTITY
                             : node->op == OP_HARDSWISH ? KN_UNARY_HARDSWISH
                             : node->op == OP_SIGMOID   ? KN_UNARY_SIGMOID
                                                        : KN_UNARY_GELU;
    double hi = node->op == OP_RELU6 ? 6 : INFINITY;
    uint8_t lut[256];

    if (is_u8(v) && is_u8(out)) {
        kn_lut_fill(function, v->scale, v->zero_point, out->scale, out->zero_point, 0, 255, lut);
        for (size_t i = 0; i < value_count(out); i++) {
            double x = e->planes[node->input[0]].x[i];
            e->planes[node->output].x[i] =
                clamp ? fmin(fmax(x, eval_bound(v, 0)), eval_bound(v, (float)hi)) : lut[(int)x];
        }
        return;
    }
    for (size_t i = 0; i < value_count(out); i++) {
        double x = eval_real(e, node->input[0], i), error = eval_error(e, node->input[0], i);
        if (clamp)
            eval_store(e, node->output, i, fmin(fmax(x, 0), hi), error);
        else /* no slope is steeper than 1.5 */
            eval_store(e, node->output, i, kn_unary(function, x), 1.5 * error + KN_TOLERANCE_UNARY * fmax(1, fabs(x)));
    }
}

/* A value's element i of an operator that only moves; `from` is where it comes from. */
static inline void eval_move(const struct eval *e, int from_value, size_t from, int v, size_t at)
{
    const struct value *in = &e->g->value[from_value], *out = &e->g->value[v];
    uint8_t lut[256];

    if (is_u8(in) && is_u8(out)) {
        kn_lut_fill(KN_UNARY_IDENTITY, in->scale, in->zero_point, out->scale, out->zero_point, 0, 255, lut);
        e->planes[v].x[at] = lut[(int)e->planes[from_value].x[from]];
        return;
    }
    eval_store(e, v, at, eval_real(e, from_value, from), eval_error(e, from_value, from));
}

/* Coordinates of element i, and back. */
static inline void eval_unravel(const struct value *v, size_t i, int *at)
{
    for (int d = v->rank - 1; d >= 0; d--) {
        at[d] = (int)(i % (size_t)v->dim[d]);
        i /= (size_t)v->dim[d];
    }
}

static inline size_t eval_ravel(const struct value *v, const int *at)
{
    size_t i = 0;

    for (int d = 0; d < v->rank; d++)
        i = i * (size_t)v->dim[d] + (size_t)at[d];
    return i;
}

static inline void eval_view(const struct eval *e, const struct node *node)
{
    const struct value *v = &e->g->value[node->input[0]], *out = &e->g->value[node->output];
    int at[GRAPH_MAX_RANK], from[GRAPH_MAX_RANK];

    for (size_t i = 0; i < value_count(out); i++) {
        int input = node->input[0];
        size_t source = i;
        eval_unravel(out, i, at);
        memcpy(from, at, sizeof from);
        if (node->op == OP_TRANSPOSE) {
            for (int d = 0; d < v->rank; d++)
                from[node->perm[d]] = at[d];
            source = eval_ravel(v, from);
        } else if (node->op == OP_SLICE) {
            from[node->axis] += node->begin;
            source = eval_ravel(v, from);
        } else if (node->op == OP_CONCAT) {
            int k = 0;
            while (from[node->axis] >= e->g->value[node->input[k]].dim[node->axis])
                from[node->axis] -= e->g->value[node->input[k++]].dim[node->axis];
            input = node->input[k];
            source = eval_ravel(&e->g->value[input], from);
        }
        eval_move(e, input, source, node->output, i);
    }
}

static inline void eval_softmax(const struct eval *e, const struct node *node, size_t row, size_t cols)
{
    double max = -INFINITY, sum = 0, error = 0;
    int v = node->input[0];

    for (size_t i = 0; i < cols; i++) {
        max = fmax(max, eval_real(e, v, row + i));
        error = fmax(error, eval_error(e, v, row + i));
    }
    for (size_t i = 0; i < cols; i++)
        sum += exp(eval_real(e, v, row + i) - max);
    for (size_t i = 0; i < cols; i++)
        eval_store(e, node->output, row + i, exp(eval_real(e, v, row + i) - max) / sum,
                   2 * error + (double)KN_TOLERANCE_UNARY);
}

static inline void eval_layernorm(const struct eval *e, const struct node *node, size_t row, size_t cols)
{
    const float *gamma = e->g->weight[node->weight].data, *beta = e->g->weight[node->bias].data;
    double mean = 0, variance = 0, largest = 0, error = 0, deviation;
    int v = node->input[0];

    for (size_t i = 0; i < cols; i++) {
        mean += eval_real(e, v, row + i) / (double)cols;
        largest = fmax(largest, fabs(eval_real(e, v, row + i)));
        error = fmax(error, eval_error(e, v, row + i));
    }
    for (size_t i = 0; i < cols; i++)
        variance += pow(eval_real(e, v, row + i) - mean, 2) / (double)cols;
    deviation = sqrt(variance + (double)node->epsilon);
    for (size_t i = 0; i < cols; i++) {
        double hat = (eval_real(e, v, row + i) - mean) / deviation, g = fabs((double)gamma[i]);
        eval_store(e, node->output, row + i, hat * gamma[i] + beta[i],
                   4 * g * (1 + fabs(hat)) * error / deviation +
                       (double)kn_tolerance_f32((int)cols) * (g * largest / deviation + fabs((double)beta[i])));
    }
}

static inline void eval_rows(const struct eval *e, const struct node *node)
{
    const struct value *v = &e->g->value[node->input[0]];
    size_t cols = (size_t)v->dim[v->rank - 1];

    for (size_t row = 0; row < value_count(v); row += cols) {
        if (node->op == OP_SOFTMAX)
            eval_softmax(e, node, row, cols);
        else
            eval_layernorm(e, node, row, cols);
    }
}

static inline void eval_matmul(const struct eval *e, const struct node *node)
{
    const struct value *va = &e->g->value[node->input[0]], *out = &e->g->value[node->output];
    size_t k = (size_t)va->dim[va->rank - 1], m = (size_t)va->dim[va->rank - 2], n = (size_t)out->dim[out->rank - 1];

    for (size_t i = 0; i < value_count(out); i++) {
        size_t lead = i / (m * n), row = i / n % m, col = i % n;
        double sum = 0, magnitude = 0, error = 0, scale = node_scale(node);
        for (size_t j = 0; j < k; j++) {
            size_t at = (lead * m + row) * k + j;
            size_t bt = node->transpose_b ? (lead * n + col) * k + j : (lead * k + j) * n + col;
            double a = eval_real(e, node->input[0], at), b = eval_real(e, node->input[1], bt);
            double ea = eval_error(e, node->input[0], at), eb = eval_error(e, node->input[1], bt);
            sum += a * b;
            magnitude += fabs(a * b);
            error += fabs(a) * eb + fabs(b) * ea + ea * eb;
        }
        eval_store(e, node->output, i, scale * sum, fabs(scale) * (error + magnitude * kn_tolerance_f32((int)k + 1)));
    }
}

/* One sample; every value that is stored gets its plane (values inside of chains stay zero). */
static inline void eval_graph(const struct eval *e, const float *image)
{
    const struct graph *g = e->g;

    for (int v = 0; v < g->values; v++)
        e->planes[v] = (struct plane){plane_new(value_count(&g->value[v])), plane_new(value_count(&g->value[v]))};
    for (int i = 0; i < g->nodes; i++) {
        const struct node *node = &g->node[i];
        if (graph_chain_start(g, i) != i)
            continue;
        if (node->op == OP_INPUT)
            for (size_t j = 0; j < value_count(&g->value[node->output]); j++)
                eval_store(e, node->output, j, image[j], 0);
        else if (op_is_product(node->op))
            eval_product(e, i);
        else if (node->op == OP_POOL_MAX || node->op == OP_POOL_AVG)
            eval_pool(e, node);
        else if (node->op == OP_ADD || node->op == OP_MUL)
            eval_binary(e, i);
        else if (op_is_activation(node->op))
            eval_activation(e, node);
        else if (node->op == OP_SOFTMAX || node->op == OP_LAYERNORM)
            eval_rows(e, node);
        else if (node->op == OP_MATMUL)
            eval_matmul(e, node);
        else
            eval_view(e, node);
    }
}

static inline void eval_free(const struct eval *e)
{
    for (int v = 0; v < e->g->values; v++) {
        free(e->planes[v].x);
        free(e->planes[v].error);
    }
}

#endif
